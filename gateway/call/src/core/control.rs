//! Running a meeting: by a participant's keys, and from outside (DIAL-8, MEET-6).

use serde::{Deserialize, Serialize};
use terms::{LegId, MeetingId, Now, Secret, media::Voice};

use super::{Change, Core, Hand, Lock, Output, Participant, Presence, Room};
use crate::{
    leg::Kind,
    outcome::Outcome,
    question::{Admission, Controlled, Directive, Notice, Role, WaitingFor, Wish},
};

/// What is wanted of a meeting from outside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Control {
    /// The others hear this leg no more.
    Mute {
        /// Which.
        leg: LegId,
    },
    /// They hear it again.
    Unmute {
        /// Which.
        leg: LegId,
    },
    /// Nobody but the host is heard.
    MuteAll,
    /// Everybody is heard.
    UnmuteAll,
    /// Take a leg's hand down.
    LowerHand {
        /// Which.
        leg: LegId,
    },
    /// Let a leg in that waits.
    Admit {
        /// Which.
        leg: LegId,
    },
    /// Put a leg out.
    Remove {
        /// Which.
        leg: LegId,
    },
    /// Nobody joins by themselves from here on.
    Lock,
    /// The passwords open the meeting again.
    Unlock,
    /// Nobody is host from here on (MEET-2).
    Release,
    /// Make a leg host. Who joined without an account can't be made so (MEET-2).
    Claim {
        /// Which.
        leg: LegId,
        /// The meeting's.
        host_password: Secret,
    },
    /// Put everybody out. The meeting can be joined anew.
    End,
}

/// Why a [`Control`] can't be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such meeting.
    NoMeeting,
    /// The leg is not in it.
    NoLeg,
    /// Who joined by phone has no account: it is host only by joining with the host password.
    NoAccount,
    /// The host password is another.
    WrongPassword,
    /// There is a host.
    HostThere,
}

impl Control {
    /// The leg that it is about, if it is about one.
    pub const fn leg(&self) -> Option<LegId> {
        match self {
            Self::Mute { leg }
            | Self::Unmute { leg }
            | Self::LowerHand { leg }
            | Self::Admit { leg }
            | Self::Remove { leg }
            | Self::Claim { leg, .. } => Some(*leg),
            Self::MuteAll | Self::UnmuteAll | Self::Lock | Self::Unlock | Self::Release | Self::End => None,
        }
    }
}

impl Core {
    /// Whether a meeting can be run so from outside.
    pub fn may(&self, meeting: MeetingId, control: &Control) -> Result<(), Refusal> {
        let room = self.rooms.get(&meeting).ok_or(Refusal::NoMeeting)?;
        let Some(leg) = control.leg() else { return Ok(()) };
        let participant = room.participants.get(&leg).ok_or(Refusal::NoLeg)?;
        let Control::Claim { host_password, .. } = control else { return Ok(()) };
        if participant.kind == Kind::Phone {
            return Err(Refusal::NoAccount);
        }
        if !room.meeting.passwords.host_password.matches(host_password.reveal()) {
            return Err(Refusal::WrongPassword);
        }
        if room.has_host() { Err(Refusal::HostThere) } else { Ok(()) }
    }

    /// What [`Core::may`] refuses is left alone.
    pub(super) fn control(&mut self, now: Now, meeting: MeetingId, control: &Control) {
        if self.may(meeting, control).is_err() {
            return;
        }
        match *control {
            Control::Mute { leg } => self.set_voice(meeting, leg, Voice::Muted),
            Control::Unmute { leg } => self.set_voice(meeting, leg, Voice::Heard),
            Control::MuteAll => self.set_voices(meeting, Voice::Muted),
            Control::UnmuteAll => self.set_voices(meeting, Voice::Heard),
            Control::LowerHand { leg } => self.set_hand(meeting, leg, Hand::Down),
            Control::Admit { leg } => self.let_in(now, meeting, leg),
            Control::Remove { leg } => self.put_out(meeting, leg, Outcome::Removed),
            Control::Lock => self.set_lock(meeting, Lock::Locked),
            Control::Unlock => self.set_lock(meeting, Lock::Open),
            Control::Release => self.release(meeting),
            Control::Claim { leg, .. } => {
                self.set_role(meeting, leg, Role::Host);
                self.let_in_who_waits(now, meeting, WaitingFor::Host);
            }
            Control::End => self.end(meeting),
        }
    }

    /// A participant's key.
    pub(super) fn grant(&mut self, leg: LegId, meeting: MeetingId, wish: Wish) -> Controlled {
        let room = self.rooms.get(&meeting);
        let Some((room, own)) = room.and_then(|room| Some((room, room.participants.get(&leg)?))) else {
            return Controlled::NotIn;
        };
        let (is_host, voice, lock) = (own.role == Role::Host, own.voice, room.meeting.lock);
        match wish {
            Wish::ToggleVoice => {
                self.set_voice(meeting, leg, toggled(voice));
                Controlled::Quietly
            }
            Wish::RaiseHand => {
                self.set_hand(meeting, leg, Hand::Raised);
                Controlled::Done(Notice::HandRaised)
            }
            Wish::ToggleLock | Wish::MuteAll | Wish::End if !is_host => Controlled::HostOnly,
            Wish::ToggleLock => {
                let (lock, notice) = match lock {
                    Lock::Open => (Lock::Locked, Notice::Locked),
                    Lock::Locked => (Lock::Open, Notice::Unlocked),
                };
                self.set_lock(meeting, lock);
                Controlled::Done(notice)
            }
            Wish::MuteAll => {
                self.set_voices(meeting, Voice::Muted);
                Controlled::Done(Notice::AllMuted)
            }
            Wish::End => {
                self.end(meeting);
                Controlled::Quietly
            }
        }
    }

    /// Everybody is put out, who waits included.
    pub(super) fn end(&mut self, meeting: MeetingId) {
        for leg in self.legs(meeting, |_| true) {
            self.put_out(meeting, leg, Outcome::MeetingEnded);
        }
        if let Some(room) = self.rooms.get_mut(&meeting) {
            room.kept = None;
        }
    }

    pub(super) fn let_in_who_waits(&mut self, now: Now, meeting: MeetingId, reason: WaitingFor) {
        let waits = |room: &Room, leg| room.presence(leg) == Some(Presence::Waiting(reason));
        // MEET-3: nobody comes in by itself.
        let open = self.rooms.get(&meeting).filter(|room| room.meeting.lock == Lock::Open);
        let waiting = open.map_or_else(Vec::new, |room| {
            room.participants.keys().copied().filter(|leg| waits(room, *leg)).collect()
        });
        for leg in waiting {
            self.let_in(now, meeting, leg);
        }
    }

    /// MEET-4: who waited takes its place only here, if there is one.
    fn let_in(&mut self, now: Now, meeting: MeetingId, leg: LegId) {
        let Some(room) = self.rooms.get(&meeting) else { return };
        let is_full = room.is_full() || self.tenants.is_full(&room.meeting.tenant);
        let waiting = room.participants.get(&leg).filter(|participant| participant.presence != Presence::In);
        let Some(participant) = waiting.copied() else { return };
        if participant.presence == Presence::Waiting(WaitingFor::Confirmation) {
            // It comes again when its device has left where it is.
            self.remove(meeting, leg);
            return self.outputs.push_back(Output::Directive(Directive::Confirmed(leg)));
        }
        let inside = Participant { presence: Presence::In, ..participant };
        let admitted = room.admission(&inside);
        let admission = if is_full {
            self.remove(meeting, leg);
            Admission::Full
        } else {
            self.insert(now, (leg, meeting), inside);
            admitted
        };
        self.outputs.push_back(Output::Directive(Directive::Enter(leg, admission)));
    }

    fn put_out(&mut self, meeting: MeetingId, leg: LegId, outcome: Outcome) {
        if self.remove(meeting, leg).is_some() {
            self.outputs.push_back(Output::Directive(Directive::PutOut(leg, outcome)));
        }
    }

    fn set_lock(&mut self, meeting: MeetingId, lock: Lock) {
        if let Some(room) = self.rooms.get_mut(&meeting).filter(|room| room.meeting.lock != lock) {
            room.meeting.lock = lock;
            self.outputs.push_back(Output::Change(Change::Meeting(meeting)));
        }
    }

    fn set_hand(&mut self, meeting: MeetingId, leg: LegId, hand: Hand) {
        self.update(meeting, leg, |participant| participant.hand = hand);
    }

    fn set_voices(&mut self, meeting: MeetingId, voice: Voice) {
        for leg in self.legs(meeting, |role| role != Role::Host) {
            self.set_voice(meeting, leg, voice);
        }
    }

    fn set_voice(&mut self, meeting: MeetingId, leg: LegId, voice: Voice) {
        if self.update(meeting, leg, |participant| participant.voice = voice).is_some() {
            self.outputs.push_back(Output::Directive(Directive::SetVoice(leg, voice)));
        }
    }

    /// MEET-2: nobody is host until somebody joins as host, or claims it; the role is passed on to nobody.
    fn release(&mut self, meeting: MeetingId) {
        for leg in self.legs(meeting, |role| role == Role::Host) {
            self.set_role(meeting, leg, Role::Guest);
        }
        if let Some(room) = self.rooms.get_mut(&meeting) {
            room.kept = None;
        }
    }

    fn set_role(&mut self, meeting: MeetingId, leg: LegId, role: Role) {
        if self.update(meeting, leg, |participant| participant.role = role).is_some() {
            self.outputs.push_back(Output::Directive(Directive::SetRole(leg, role)));
        }
    }

    fn legs(&self, meeting: MeetingId, wanted: impl Fn(Role) -> bool) -> Vec<LegId> {
        let Some(room) = self.rooms.get(&meeting) else { return Vec::new() };
        let wanted = room.participants.iter().filter(|(_, participant)| wanted(participant.role));
        wanted.map(|(leg, _)| *leg).collect()
    }
}

const fn toggled(voice: Voice) -> Voice {
    match voice {
        Voice::Heard => Voice::Muted,
        Voice::Muted => Voice::Heard,
    }
}

#[cfg(test)]
mod tests;
