//! Dial-ins that come and go: each joins, stays, is asked what it heard, and hangs up.

use std::{collections::BTreeMap, time::Duration};

use terms::Instant;

use crate::{
    crowd::LineId,
    phones::{DialError, Guest, Phones},
};

/// From joining to measuring: the others of a meeting join meanwhile.
const GATHERING: Duration = Duration::from_millis(800);
/// Before the end of a stay nothing is measured any more: the others may be leaving.
const LEAVING: Duration = Duration::from_millis(500);
/// From the BYE to the end of the caller's sockets.
const LINGERING: Duration = Duration::from_millis(500);

/// Where a visitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Coming,
    Gathering { joined: Instant },
    Measured { joined: Instant },
    Staying { joined: Instant },
    Gone { since: Instant },
}

#[derive(Debug)]
struct Visit {
    at: At,
    stay: Duration,
}

/// What became of the visits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) called: u64,
    pub(crate) joined: u64,
    /// Who heard what it must, and nothing else.
    pub(crate) heard: u64,
    pub(crate) left: u64,
}

/// Everyone who is on the way, in or just gone.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    visits: BTreeMap<LineId, Visit>,
    outcome: Outcome,
}

impl Visits {
    /// Somebody calls, and will stay for so long once it is in.
    pub(crate) fn begin(
        &mut self,
        phones: &mut Phones,
        guest: &Guest,
        stay: Duration,
    ) -> Result<LineId, DialError> {
        let id = phones.invite(guest)?;
        self.visits.insert(id, Visit { at: At::Coming, stay });
        self.outcome.called += 1;
        Ok(id)
    }

    /// What became of them so far.
    pub(crate) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether all have come and gone.
    pub(crate) fn is_over(&self) -> bool {
        self.visits.is_empty()
    }

    /// Who is in, and stays.
    pub(crate) fn staying(&self) -> impl Iterator<Item = LineId> {
        let is_in = |visit: &Visit| !matches!(visit.at, At::Coming | At::Gone { .. });
        self.visits.iter().filter(move |(_, visit)| is_in(visit)).map(|(id, _)| *id)
    }

    /// Ends all that have joined as soon as may be.
    pub(crate) fn end_all(&mut self) {
        for visit in self.visits.values_mut() {
            visit.stay = Duration::ZERO;
        }
    }

    /// Lets each go on.
    pub(crate) fn go_on(&mut self, phones: &mut Phones) {
        let now = phones.now();
        let mut gone = Vec::new();
        for (id, Visit { at, stay }) in &mut self.visits {
            let ending = |joined: Instant| joined + stay.saturating_sub(LEAVING);
            *at = match *at {
                At::Coming => match phones.crowd().line(*id).and_then(|line| line.times().joined) {
                    Some(joined) => {
                        self.outcome.joined += 1;
                        At::Gathering { joined }
                    }
                    None => At::Coming,
                },
                At::Gathering { joined } if now >= joined + GATHERING => {
                    phones.crowd_mut().begin_measuring_of(*id);
                    At::Measured { joined }
                }
                At::Measured { joined } if now >= ending(joined) => {
                    self.outcome.heard += u64::from(phones.crowd_mut().heard_its_part(*id));
                    At::Staying { joined }
                }
                At::Staying { joined } if now >= joined + *stay => {
                    phones.hang_up(*id);
                    self.outcome.left += 1;
                    At::Gone { since: now }
                }
                At::Gone { since } if now >= since + LINGERING => {
                    gone.push(*id);
                    At::Gone { since }
                }
                at => at,
            };
        }
        for id in gone {
            self.visits.remove(&id);
            phones.crowd_mut().remove(id);
        }
    }
}
