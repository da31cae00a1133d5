//! Meetings that are booked elsewhere (CORE-1): looked up each time that somebody keys their ID.

use std::collections::BTreeMap;

use call::{
    core::Meeting,
    question::{Question, QuestionId},
};
use terms::MeetingId;

/// Meetings that are remembered at most; beyond it those in which nobody is are forgotten.
const MOST_KNOWN: usize = 20_000;

/// What the directory said of an ID.
#[derive(Debug)]
pub enum Booked {
    /// This meeting has it.
    Meeting(Box<Meeting>),
    /// No meeting has it.
    Nobody,
    /// The directory can't be reached, or said nothing that we understand.
    Unreachable,
}

/// What a shard remembers of the directory.
#[derive(Debug, Default)]
pub(super) struct Bookings {
    /// Questions of calls that wait for the directory. It answers each, so none stays.
    waiting: BTreeMap<QuestionId, (MeetingId, Question)>,
    /// The meetings that it told of, as it told them last.
    known: BTreeMap<MeetingId, Meeting>,
}

impl Bookings {
    /// Keeps a question until the directory has answered.
    pub(super) fn wait(&mut self, id: QuestionId, meeting: MeetingId, question: Question) {
        self.waiting.insert(id, (meeting, question));
    }

    /// The question that the answer is to.
    pub(super) fn answered(&mut self, id: QuestionId) -> Option<(MeetingId, Question)> {
        self.waiting.remove(&id)
    }

    /// Whether the meeting is the directory's, and not ours.
    pub(super) fn knows(&self, meeting: MeetingId) -> bool {
        self.known.contains_key(&meeting)
    }

    /// Takes what was told; whether it is another than before. To put the same again would undo a host's lock.
    pub(super) fn learn(&mut self, meeting: &Meeting) -> Told {
        match self.known.insert(meeting.id, meeting.clone()) {
            Some(before) if before == *meeting => Told::AsBefore,
            _ => Told::Anew,
        }
    }

    /// Forgets a meeting; who is in stays.
    pub(super) fn forget(&mut self, meeting: MeetingId) {
        self.known.remove(&meeting);
    }

    /// Those that can be forgotten, if there are too many.
    pub(super) fn surplus(&self, is_empty: impl Fn(MeetingId) -> bool) -> Vec<MeetingId> {
        if self.known.len() <= MOST_KNOWN {
            return Vec::new();
        }
        self.known.keys().copied().filter(|meeting| is_empty(*meeting)).collect()
    }
}

/// Whether there is anything to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    AsBefore,
    Anew,
}

#[cfg(test)]
mod tests {
    use call::core::{Lock, Passwords};
    use terms::{Secret, TenantId};

    use super::*;

    fn meeting(number: usize) -> Meeting {
        let passwords = Passwords::new(Secret::new("4321".into()), Secret::new("1234".into()));
        let id = (900_100_000 + number).to_string().parse().expect("digits");
        Meeting::new(id, TenantId::from("demo"), passwords)
    }

    #[test]
    fn the_same_told_again_changes_nothing() {
        let mut bookings = Bookings::default();
        let first = meeting(1);
        assert_eq!(bookings.learn(&first), Told::Anew);
        assert_eq!(bookings.learn(&first), Told::AsBefore);
        assert_eq!(bookings.learn(&Meeting { lock: Lock::Locked, ..first.clone() }), Told::Anew);
        assert!(bookings.knows(first.id));
        bookings.forget(first.id);
        assert!(!bookings.knows(first.id));
        assert_eq!(bookings.learn(&first), Told::Anew);
    }

    #[test]
    fn beyond_the_bound_those_in_which_nobody_is_can_go() {
        let mut bookings = Bookings::default();
        for number in 0..MOST_KNOWN {
            bookings.learn(&meeting(number));
        }
        assert_eq!(bookings.surplus(|_| true), []);
        bookings.learn(&meeting(MOST_KNOWN));
        let busy = meeting(7).id;
        let surplus = bookings.surplus(|meeting| meeting != busy);
        assert_eq!((surplus.len(), surplus.contains(&busy)), (MOST_KNOWN, false));
    }
}
