//! A meeting that is going on, or may.

use std::collections::BTreeMap;

use terms::{Instant, LegId};

use super::{Entry, Lock, Meeting, Participant, Presence, View};
use crate::{
    leg::Identity,
    question::{Admission, Role, WaitingFor, Welcome, Who},
};

#[derive(Debug)]
pub(super) struct Room {
    pub(super) meeting: Meeting,
    pub(super) participants: BTreeMap<LegId, Participant>,
    /// The role of a host who dropped.
    pub(super) kept: Option<Kept>,
    /// The lock as the operator set it; a host's own stands in `meeting`.
    set_lock: Lock,
}

/// The role of a host who dropped, and whom it waits for (MEET-2).
#[derive(Debug)]
pub(super) struct Kept {
    /// Nobody is known again by none.
    pub(super) identity: Option<Identity>,
    pub(super) until: Instant,
}

impl Room {
    pub(super) const fn new(meeting: Meeting) -> Self {
        let set_lock = meeting.lock;
        Self { meeting, participants: BTreeMap::new(), kept: None, set_lock }
    }

    /// Takes other settings. What a host locked stays so, unless the lock is what was set.
    pub(super) fn become_of(&mut self, meeting: Meeting) {
        let lock = if meeting.lock == self.set_lock { self.meeting.lock } else { meeting.lock };
        self.set_lock = meeting.lock;
        self.meeting = Meeting { lock, ..meeting };
    }

    pub(super) fn has_host(&self) -> bool {
        self.participants.values().any(|participant| participant.role == Role::Host)
    }

    /// Whether who has the host password becomes host.
    pub(super) fn may_be_hosted_by(&self, now: Instant, who: &Who) -> bool {
        let is_for_it =
            |kept: &Kept| now >= kept.until || (kept.identity.is_some() && kept.identity == who.identity);
        !self.has_host() && self.kept.as_ref().is_none_or(is_for_it)
    }

    /// Whether who joins is in at once, or what it waits for. Who has the host password never waits.
    pub(super) fn presence_of(&self, asked: Role) -> Presence {
        match (self.meeting.entry, asked) {
            (Entry::Open, _) | (_, Role::Host) => Presence::In,
            (Entry::WithHost, Role::Guest) if self.has_host() => Presence::In,
            (Entry::WithHost, Role::Guest) => Presence::Waiting(WaitingFor::Host),
            (Entry::WaitingRoom, Role::Guest) => Presence::Waiting(WaitingFor::Admission),
        }
    }

    pub(super) fn presence(&self, leg: LegId) -> Option<Presence> {
        self.participants.get(&leg).map(|participant| participant.presence)
    }

    pub(super) const fn admission(&self, participant: &Participant) -> Admission {
        match participant.presence {
            Presence::In => Admission::Admitted(Welcome {
                role: participant.role,
                voice: participant.voice,
                tones: self.meeting.tones,
                recording_notice: self.meeting.recording_notice,
            }),
            Presence::Waiting(what) => Admission::Waiting(what),
        }
    }

    /// MEET-4: who waits takes no place.
    pub(super) fn is_full(&self) -> bool {
        self.inside() >= usize::try_from(self.meeting.capacity).unwrap_or(usize::MAX)
    }

    pub(super) fn inside(&self) -> usize {
        self.participants.values().filter(|participant| participant.presence == Presence::In).count()
    }

    pub(super) const fn view(&self) -> View<'_> {
        View { meeting: &self.meeting, participants: &self.participants }
    }
}
