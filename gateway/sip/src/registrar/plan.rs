//! What a REGISTER would make of an account's bindings.

use super::{
    Binding, Limits, Locations, Registration, Wanted,
    locations::Entry,
    registration::{Contacts, Distance, Known},
};
use crate::wire::{Malformed, StatusCode};
use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};
use terms::{AccountName, time::Now};

/// Why a REGISTER is refused by what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A header does not parse.
    Malformed(Malformed),
    /// RFC 3261 §10.3 step 6: `*` beside another contact, or without Expires: 0.
    Star,
    /// RFC 3261 §10.3 step 7: a later request of the same sender is in already.
    OutOfOrder,
    /// RFC 3261 §10.3 step 7: for less time than we take, in seconds. We answer 423.
    TooBrief(u32),
    /// RFC 5626 §6: a proxy between us and the device can't keep flows apart. We answer 439.
    FirstHopLacksOutbound,
    /// [`Limits::contacts`].
    TooManyContacts,
    /// [`Limits::bindings`].
    Full,
}

impl Refused {
    /// What it is answered.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed(malformed) => malformed.status(),
            Self::Star => StatusCode::BAD_REQUEST,
            Self::OutOfOrder => StatusCode::SERVER_INTERNAL_ERROR,
            Self::TooBrief(_) => StatusCode::INTERVAL_TOO_BRIEF,
            Self::FirstHopLacksOutbound => StatusCode::FIRST_HOP_LACKS_OUTBOUND,
            Self::TooManyContacts => StatusCode::FORBIDDEN,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// What becomes of one binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It begins.
    Added,
    /// It goes on from where it was.
    Refreshed,
    /// It goes on from elsewhere: the device has another address now.
    Moved {
        /// Where it was seen before.
        from: SocketAddr,
    },
    /// The device ended it.
    Removed,
}

/// What a REGISTER would make of an account's bindings. [`Locations::commit`] makes it so.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) entries: Vec<Entry>,
    /// What is another than before.
    pub changes: Vec<Change>,
}

impl Plan {
    /// How many devices the account would have: the flows of one, and what it left behind, count once.
    pub fn devices(&self) -> usize {
        super::locations::devices(&self.entries)
    }
}

impl Locations {
    /// RFC 3261 §10.3, steps 6 and 7: all contacts or none.
    pub fn plan(
        &self,
        now: Now,
        account: &AccountName,
        registration: &Registration,
    ) -> Result<Plan, Refused> {
        let before = self.entries(account);
        let mut plan = Plan { entries: before.to_vec(), changes: Vec::new() };
        match &registration.contacts {
            Contacts::Query => {}
            Contacts::RemoveAll => plan.remove_all(registration)?,
            Contacts::Each(wanted) => {
                for wanted in wanted {
                    check_outbound(registration, wanted)?;
                    // Those of this very request have its number.
                    for entry in before.iter().filter(|entry| entry.binding.is_meant_by(registration, wanted))
                    {
                        check_order(&entry.binding, registration)?;
                    }
                    let seconds = self.limits().seconds(wanted)?;
                    plan.apply(now, registration, (wanted, seconds));
                }
            }
        }
        if plan.entries.len() > self.limits().contacts && plan.entries.len() > before.len() {
            return Err(Refused::TooManyContacts);
        }
        let others = self.len() - before.len();
        if others + plan.entries.len() > self.limits().bindings && plan.entries.len() > before.len() {
            return Err(Refused::Full);
        }
        Ok(plan)
    }
}

impl Plan {
    fn remove_all(&mut self, registration: &Registration) -> Result<(), Refused> {
        for entry in core::mem::take(&mut self.entries) {
            check_order(&entry.binding, registration)?;
            self.changes.push(Change::Removed);
        }
        Ok(())
    }

    fn apply(&mut self, now: Now, registration: &Registration, (wanted, seconds): (&Wanted, u32)) {
        let (meant, kept): (Vec<Entry>, Vec<Entry>) =
            self.entries.drain(..).partition(|entry| entry.binding.is_meant_by(registration, wanted));
        self.entries = kept;
        if seconds == 0 {
            self.changes.extend(meant.iter().map(|_| Change::Removed));
            return;
        }
        let (mut left, kept) = (Vec::new(), core::mem::take(&mut self.entries));
        for entry in kept {
            let is_left = meant.is_empty() && entry.binding.is_left_by(registration, wanted);
            if is_left { left.push(entry) } else { self.entries.push(entry) }
        }
        let before = meant.first().or(left.first()).map(|entry| &entry.binding);
        let mut binding = Binding::of(registration, wanted, (now.wall, seconds));
        self.changes.push(match before {
            None => Change::Added,
            Some(before) if before.source.destination == binding.source.destination => Change::Refreshed,
            Some(before) => Change::Moved { from: before.source.destination },
        });
        if let Some(before) = before {
            binding.since = before.since;
            binding.epoch = if before.call_id == binding.call_id { before.epoch } else { 0 };
        }
        self.entries.push(Entry { binding, until: now.mono + Duration::from_secs(seconds.into()) });
    }
}

/// RFC 3261 §10.3 step 7: the number of a request must be higher than that of the one before, where the Call-ID is the same.
fn check_order(binding: &Binding, registration: &Registration) -> Result<(), Refused> {
    let is_late = binding.call_id == registration.call_id && binding.number >= registration.number;
    if is_late { Err(Refused::OutOfOrder) } else { Ok(()) }
}

/// RFC 5626 §6.
fn check_outbound(registration: &Registration, wanted: &Wanted) -> Result<(), Refused> {
    let is_asked =
        registration.knows.outbound == Known::Yes && wanted.instance.is_some() && wanted.reg_id.is_some();
    match registration.distance {
        Distance::Behind(Known::No) if is_asked => Err(Refused::FirstHopLacksOutbound),
        Distance::Behind(_) | Distance::Direct => Ok(()),
    }
}

impl Limits {
    /// For how long a binding is granted: 0 ends it, what is too long is cut.
    fn seconds(&self, wanted: &Wanted) -> Result<u32, Refused> {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let shortest = seconds(self.shortest);
        match wanted.expires.unwrap_or_else(|| seconds(self.usual)) {
            0 => Ok(0),
            asked if asked < shortest => Err(Refused::TooBrief(shortest)),
            asked => Ok(asked.min(seconds(self.longest))),
        }
    }
}
