//! Against guessing (DIAL-5): who fails too often waits longer, then is locked out for a while.
//!
//! ```text
//!  failures of a caller in `window`   0…2 at once   3, 4 … 1 s, 2 s … 5 s      `failures`: locked for `lock`
//!  of a trunk's withheld callers      fewer than `failures` at once, then 1 s … 5 s     never locked
//!  against one meeting ID             up to `meeting_failures` at once, then 3 s        never locked
//! ```
//!
//! A caller is a number on a trunk, and a number that the network asserts is another caller than
//! the same number merely claimed: who forges a number locks out the forgery, not its owner. An
//! answer is as late for a right pair as for a wrong one, so that the wait tells nothing.

mod failures;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use terms::{Instant, MeetingId, TrunkName};

pub(crate) use failures::{Failures, MAX_REMEMBERED};

use crate::{
    leg::{Arrival, Identity},
    settings::GuardSettings,
};

/// A caller's failures that cost no time: people mistype.
const FREE_FAILURES: usize = 2;
/// The longest wait before a lock.
const LONGEST_DELAY: u32 = 5;
/// How long an answer about a meeting under attack takes.
const MEETING_DELAY: Duration = Duration::from_secs(3);

/// Whose failures are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suspect {
    /// One number on one trunk.
    Caller(Identity),
    /// All of a trunk's callers without a number.
    Withheld(Option<TrunkName>),
}

impl Suspect {
    /// Who an arrival is to the guard.
    pub fn of(arrival: &Arrival) -> Self {
        arrival.identity().map_or_else(|| Self::Withheld(arrival.trunk.clone()), Self::Caller)
    }
}

/// What a failure led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdicts {
    /// The caller is locked out from here on.
    pub caller_locked: bool,
    /// The meeting's answers are slow from here on.
    pub meeting_attacked: bool,
}

/// Remembers failures. See the module's description.
#[derive(Debug, Default)]
pub struct Guard {
    suspects: Failures<Suspect>,
    meetings: Failures<MeetingId>,
    /// Wrong host passwords of who would run a meeting from outside.
    outside: Failures<MeetingId>,
    locks: BTreeMap<Suspect, Instant>,
    /// The same, by when they end.
    by_end: BTreeSet<(Instant, Suspect)>,
}

impl Guard {
    /// Whether a suspect is locked out now.
    pub fn is_locked(&mut self, now: Instant, suspect: &Suspect) -> bool {
        let is_locked = self.locks.get(suspect).is_some_and(|until| now < *until);
        if !is_locked {
            self.unlock(suspect);
        }
        is_locked
    }

    /// How long the answer to a pair is held back.
    pub fn delay(
        &self,
        now: Instant,
        settings: &GuardSettings,
        (suspect, meeting): (&Suspect, Option<MeetingId>),
    ) -> Duration {
        let failures = self.suspects.within(now, settings.window, suspect);
        let free = match suspect {
            Suspect::Caller(_) => FREE_FAILURES,
            // Strangers share this count: one of them may not make all others wait so soon.
            Suspect::Withheld(_) => settings.failures.saturating_sub(1),
        };
        let seconds = u32::try_from(failures.saturating_sub(free)).unwrap_or(LONGEST_DELAY);
        let of_suspect = Duration::from_secs(u64::from(seconds.min(LONGEST_DELAY)));
        let attacks =
            meeting.map_or(0, |meeting| self.meetings.within(now, settings.meeting_window, &meeting));
        let of_meeting = if attacks > settings.meeting_failures { MEETING_DELAY } else { Duration::ZERO };
        of_suspect.max(of_meeting)
    }

    /// A pair was wrong.
    pub fn on_failure(
        &mut self,
        now: Instant,
        settings: &GuardSettings,
        (suspect, meeting): (&Suspect, Option<MeetingId>),
    ) -> Verdicts {
        let mut verdicts = Verdicts::default();
        let kept = settings.failures + LONGEST_DELAY as usize;
        let failures = self.suspects.add(now, (settings.window, kept), suspect);
        if matches!(suspect, Suspect::Caller(_)) && failures >= settings.failures {
            self.lock(now, settings.lock, suspect);
            verdicts.caller_locked = true;
        }
        if let Some(meeting) = meeting {
            let kept = settings.meeting_failures + 1;
            let before = self.meetings.within(now, settings.meeting_window, &meeting);
            let failures = self.meetings.add(now, (settings.meeting_window, kept), &meeting);
            verdicts.meeting_attacked = before < kept && failures >= kept;
        }
        verdicts
    }

    /// Whether a meeting's host password may be tried once more from outside the meeting. Who tries has no number, so
    /// all who do count as one.
    pub fn may_try_host_password(&self, now: Instant, settings: &GuardSettings, meeting: MeetingId) -> bool {
        self.outside.within(now, settings.window, &meeting) < settings.failures
    }

    /// It was tried, and was wrong.
    pub fn on_wrong_host_password(&mut self, now: Instant, settings: &GuardSettings, meeting: MeetingId) {
        self.outside.add(now, (settings.window, settings.failures), &meeting);
    }

    /// The lock outlives the failures that led to it, and begins a clean count.
    fn lock(&mut self, now: Instant, lock: Duration, suspect: &Suspect) {
        while self.locks.len() >= MAX_REMEMBERED
            && let Some((_, ends_first)) = self.by_end.pop_first()
        {
            self.locks.remove(&ends_first);
        }
        self.unlock(suspect);
        self.locks.insert(suspect.clone(), now + lock);
        self.by_end.insert((now + lock, suspect.clone()));
        self.suspects.forget(suspect);
    }

    fn unlock(&mut self, suspect: &Suspect) {
        if let Some(until) = self.locks.remove(suspect) {
            self.by_end.remove(&(until, suspect.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
