//! Who speaks in a meeting: the loudest of its ticks, without flicker (MEET-7).

use meeting::Talker;
use terms::{PortId, media::Speaking};

/// Mean square of samples below which a talker is background: -50 dBov.
const QUIET: u32 = 10_737;
/// Ticks among the loudest before somebody counts as speaking: 200 ms, more than a cough.
const BEGINS: u8 = 10;
/// Ticks that somebody goes on speaking after the last loud one: 1 s, longer than a pause for breath.
const LINGERS: u8 = 50;
/// Followed at once; who falls out of it begins anew.
const MAX_FOLLOWED: usize = 8;

/// The talkers of a meeting that are followed.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    followed: Vec<Followed>,
}

#[derive(Debug)]
struct Followed {
    port: PortId,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Loud for so many ticks of late.
    Beginning(u8),
    /// It was told; it ends after so many quiet ticks.
    Speaking(u8),
}

impl Speakers {
    /// Takes the loudest of one tick; tells who begins to speak, and who has ended.
    pub(crate) fn tick(
        &mut self,
        loudest: impl Iterator<Item = Talker>,
        mut tell: impl FnMut(PortId, Speaking),
    ) {
        let mut loud = [None; MAX_FOLLOWED];
        for (place, talker) in loud.iter_mut().zip(loudest.filter(|talker| talker.power > QUIET)) {
            *place = Some(talker.port);
        }
        self.followed.retain_mut(|followed| {
            followed.state = match (followed.state, loud.contains(&Some(followed.port))) {
                (State::Beginning(ticks), true) if ticks + 1 >= BEGINS => {
                    tell(followed.port, Speaking::Yes);
                    State::Speaking(LINGERS)
                }
                (State::Beginning(ticks), true) => State::Beginning(ticks + 1),
                (State::Beginning(ticks), false) if ticks > 1 => State::Beginning(ticks - 1),
                (State::Beginning(_), false) => return false,
                (State::Speaking(_), true) => State::Speaking(LINGERS),
                (State::Speaking(ticks), false) if ticks > 1 => State::Speaking(ticks - 1),
                (State::Speaking(_), false) => {
                    tell(followed.port, Speaking::No);
                    return false;
                }
            };
            true
        });
        for port in loud.into_iter().flatten() {
            let is_known = self.followed.iter().any(|followed| followed.port == port);
            if !is_known && self.followed.len() < MAX_FOLLOWED {
                self.followed.push(Followed { port, state: State::Beginning(1) });
            }
        }
    }

    /// A port left: nobody asks any longer whether it speaks.
    pub(crate) fn forget(&mut self, port: PortId) {
        self.followed.retain(|followed| followed.port != port);
    }
}

#[cfg(test)]
mod tests {
    use terms::WorkerId;

    use super::*;

    const PORT: PortId = PortId { worker: WorkerId(0), serial: 1 };
    const LOUD: u32 = 1_000_000;

    /// What is told in so many ticks of that power.
    fn ticks(speakers: &mut Speakers, count: usize, power: u32) -> Vec<Speaking> {
        let mut told = Vec::new();
        for _ in 0..count {
            speakers.tick([Talker { power, port: PORT }].into_iter(), |_, speaking| told.push(speaking));
        }
        told
    }

    #[test]
    fn meet_7_who_is_loud_for_200_ms_speaks_until_it_was_quiet_for_a_second() {
        let mut speakers = Speakers::default();
        assert_eq!(ticks(&mut speakers, 9, LOUD), []);
        assert_eq!(ticks(&mut speakers, 1, LOUD), [Speaking::Yes]);
        assert_eq!(ticks(&mut speakers, 49, 0), []);
        assert_eq!(ticks(&mut speakers, 1, LOUD), [], "a pause for breath");
        assert_eq!(ticks(&mut speakers, 49, 0), []);
        assert_eq!(ticks(&mut speakers, 1, 0), [Speaking::No]);
    }

    #[test]
    fn meet_7_a_cough_and_a_humming_line_are_no_speech() {
        let mut speakers = Speakers::default();
        for _ in 0..20 {
            assert_eq!(ticks(&mut speakers, 5, LOUD), []);
            assert_eq!(ticks(&mut speakers, 10, 0), []);
        }
        assert_eq!(ticks(&mut speakers, 500, QUIET), []);
    }
}
