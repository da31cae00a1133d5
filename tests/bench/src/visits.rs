//! Dial-ins that come and go: each joins, stays, is asked what it heard, and hangs up.

use std::{collections::BTreeMap, time::Duration};

use terms::{Digit, Instant};

use crate::{
    crowd::LineId,
    line::{Heard, Oddity},
    phones::{DialError, Guest, Phones},
};

/// From joining to measuring: the others of a meeting join meanwhile.
const GATHERING: Duration = Duration::from_millis(800);
/// Before the end of a stay nothing is measured any more: the others may be leaving.
const LEAVING: Duration = Duration::from_millis(500);
/// From the BYE to the end of the caller's sockets.
const LINGERING: Duration = Duration::from_millis(500);

const MUTE_AND_UNMUTE: &str = "*6*6";

/// Where a visitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Coming,
    Gathering { joined: Instant },
    Measured { joined: Instant },
    Staying { joined: Instant },
    Gone { since: Instant },
}

/// What a visitor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Talks, and is asked what it heard.
    Talks,
    /// Mutes itself and unmutes itself again; what it is told of that is no part of the meeting.
    Mutes,
    /// Hangs up before it is in, so long after the answer.
    GivesUp(Duration),
}

/// What a visit shall be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// How long it stays once it is in.
    pub(crate) stay: Duration,
    pub(crate) does: Does,
}

#[derive(Debug)]
struct Visit {
    at: At,
    wish: Wish,
    answered: Option<Instant>,
}

/// What became of the visits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) called: u64,
    pub(crate) joined: u64,
    /// Who heard all that it must, and nothing else.
    pub(crate) heard: u64,
    /// Who heard something that it must not: itself, or another meeting.
    pub(crate) strange: u64,
    /// The oddest of it.
    pub(crate) oddity: Option<Oddity>,
    /// Of whom it can't be told, since the callers were late.
    pub(crate) untold: u64,
    pub(crate) muted: u64,
    pub(crate) given_up: u64,
    /// Whom the prompts did not let in.
    pub(crate) not_let_in: u64,
    pub(crate) left: u64,
}

impl Outcome {
    fn note(&mut self, heard: Option<Heard>) {
        match heard {
            Some(Heard::Part) => self.heard += 1,
            Some(Heard::Less) => {}
            Some(Heard::Untold) => self.untold += 1,
            Some(Heard::Strange(oddity)) => {
                self.strange += 1;
                self.oddity = self.oddity.filter(|known| known.loudest >= oddity.loudest).or(Some(oddity));
            }
            None => self.strange += 1,
        }
    }
}

/// Everyone who is on the way, in or just gone.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    visits: BTreeMap<LineId, Visit>,
    outcome: Outcome,
}

impl Visits {
    /// Somebody calls.
    pub(crate) fn begin(
        &mut self,
        phones: &mut Phones,
        guest: &Guest,
        wish: Wish,
    ) -> Result<LineId, DialError> {
        let id = phones.invite(guest)?;
        self.visits.insert(id, Visit { at: At::Coming, wish, answered: None });
        self.outcome.called += 1;
        Ok(id)
    }

    /// What became of them so far.
    pub(crate) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// How many are on the way, in, or just gone.
    pub(crate) fn count(&self) -> usize {
        self.visits.len()
    }

    /// Lets each go on; who is gone altogether.
    pub(crate) fn go_on(&mut self, phones: &mut Phones) -> Vec<LineId> {
        let now = phones.now();
        let mut gone = Vec::new();
        for (id, visit) in &mut self.visits {
            if let At::Gone { since } = visit.at
                && now >= since + LINGERING
            {
                gone.push(*id);
            }
            visit.at = visit.next(*id, now, phones, &mut self.outcome);
        }
        for id in &gone {
            self.visits.remove(id);
            phones.crowd_mut().remove(*id);
        }
        gone
    }
}

impl Visit {
    fn next(&mut self, id: LineId, now: Instant, phones: &mut Phones, outcome: &mut Outcome) -> At {
        let Wish { stay, does } = self.wish;
        match self.at {
            At::Coming => self.come(id, now, phones, outcome),
            At::Gathering { joined } if now >= joined + GATHERING => {
                phones.crowd_mut().begin_measuring_of(id);
                At::Measured { joined }
            }
            At::Measured { joined } if now >= joined + stay.saturating_sub(LEAVING) => {
                let heard = phones.crowd_mut().end_measuring_of(id);
                if does == Does::Talks {
                    outcome.note(heard);
                }
                At::Staying { joined }
            }
            At::Staying { joined } if now >= joined + stay => {
                phones.hang_up(id);
                outcome.left += 1;
                At::Gone { since: now }
            }
            at => at,
        }
    }

    fn come(&mut self, id: LineId, now: Instant, phones: &mut Phones, outcome: &mut Outcome) -> At {
        let Some(line) = phones.crowd_mut().line_mut(id) else { return At::Coming };
        let answered = *self.answered.get_or_insert(now);
        if let Does::GivesUp(after) = self.wish.does
            && now >= answered + after
        {
            phones.hang_up(id);
            outcome.given_up += 1;
            return At::Gone { since: now };
        }
        if line.failure().is_some() {
            phones.hang_up(id);
            outcome.not_let_in += 1;
            return At::Gone { since: now };
        }
        let Some(joined) = line.times().joined else { return At::Coming };
        if self.wish.does == Does::Mutes {
            line.press(&keys(MUTE_AND_UNMUTE));
            outcome.muted += 1;
        }
        outcome.joined += 1;
        At::Gathering { joined }
    }
}

fn keys(text: &str) -> Vec<Digit> {
    text.chars().filter_map(|key| Digit::try_from(key).ok()).collect()
}
