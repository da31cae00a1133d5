//! Running a meeting: by a participant's keys, and from outside (DIAL-8, MEET-6).

use serde::{Deserialize, Serialize};
use terms::{LegId, MeetingId, media::Voice};

use super::{Core, Hand, Lock, Output, Participant, Presence, Room};
use crate::{
    outcome::Outcome,
    question::{Admission, Controlled, Directive, Notice, Role, WaitingFor, Wish},
};

/// What is wanted of a meeting from outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Put everybody out. The meeting can be joined anew.
    End,
}

impl Control {
    /// The leg that it is about, if it is about one.
    pub const fn leg(self) -> Option<LegId> {
        match self {
            Self::Mute { leg }
            | Self::Unmute { leg }
            | Self::LowerHand { leg }
            | Self::Admit { leg }
            | Self::Remove { leg } => Some(leg),
            Self::MuteAll | Self::UnmuteAll | Self::Lock | Self::Unlock | Self::End => None,
        }
    }
}

impl Core {
    /// What is wanted of a meeting or a leg that is not there is left alone.
    pub(super) fn control(&mut self, meeting: MeetingId, control: Control) {
        match control {
            Control::Mute { leg } => self.set_voice(meeting, leg, Voice::Muted),
            Control::Unmute { leg } => self.set_voice(meeting, leg, Voice::Heard),
            Control::MuteAll => self.set_voices(meeting, Voice::Muted),
            Control::UnmuteAll => self.set_voices(meeting, Voice::Heard),
            Control::LowerHand { leg } => self.set_hand(meeting, leg, Hand::Down),
            Control::Admit { leg } => self.let_in(meeting, leg),
            Control::Remove { leg } => self.put_out(meeting, leg, Outcome::Removed),
            Control::Lock => self.set_lock(meeting, Lock::Locked),
            Control::Unlock => self.set_lock(meeting, Lock::Open),
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
    }

    pub(super) fn let_in_who_waits(&mut self, meeting: MeetingId, reason: WaitingFor) {
        let waits = |room: &Room, leg| room.presence(leg) == Some(Presence::Waiting(reason));
        let waiting = self.rooms.get(&meeting).map_or_else(Vec::new, |room| {
            room.participants.keys().copied().filter(|leg| waits(room, *leg)).collect()
        });
        for leg in waiting {
            self.let_in(meeting, leg);
        }
    }

    /// MEET-4: who waited takes its place only here, if there is one.
    fn let_in(&mut self, meeting: MeetingId, leg: LegId) {
        let Some(room) = self.rooms.get(&meeting) else { return };
        let is_full = room.is_full() || self.tenants.is_full(&room.meeting.tenant);
        let waiting = room.participants.get(&leg).filter(|participant| participant.presence != Presence::In);
        let Some(participant) = waiting.copied() else { return };
        let admission = if is_full {
            self.remove(meeting, leg);
            Admission::Full
        } else {
            self.insert(meeting, leg, Participant { presence: Presence::In, ..participant });
            Admission::Admitted(participant.role)
        };
        self.outputs.push_back(Output::Directive(Directive::Enter(leg, admission)));
    }

    fn put_out(&mut self, meeting: MeetingId, leg: LegId, outcome: Outcome) {
        if self.remove(meeting, leg).is_some() {
            self.outputs.push_back(Output::Directive(Directive::PutOut(leg, outcome)));
        }
    }

    fn set_lock(&mut self, meeting: MeetingId, lock: Lock) {
        if let Some(room) = self.rooms.get_mut(&meeting) {
            room.meeting.lock = lock;
        }
    }

    fn set_hand(&mut self, meeting: MeetingId, leg: LegId, hand: Hand) {
        let room = self.rooms.get_mut(&meeting);
        if let Some(participant) = room.and_then(|room| room.participants.get_mut(&leg)) {
            participant.hand = hand;
        }
    }

    fn set_voices(&mut self, meeting: MeetingId, voice: Voice) {
        for leg in self.legs(meeting, |role| role != Role::Host) {
            self.set_voice(meeting, leg, voice);
        }
    }

    fn set_voice(&mut self, meeting: MeetingId, leg: LegId, voice: Voice) {
        let room = self.rooms.get_mut(&meeting);
        let Some(participant) = room.and_then(|room| room.participants.get_mut(&leg)) else { return };
        if participant.voice != voice {
            participant.voice = voice;
            self.outputs.push_back(Output::Directive(Directive::SetVoice(leg, voice)));
        }
    }

    fn legs(&self, meeting: MeetingId, wanted: impl Fn(Role) -> bool) -> Vec<LegId> {
        let Some(room) = self.rooms.get(&meeting) else { return Vec::new() };
        let wanted = room.participants.iter().filter(|(_, participant)| wanted(participant.role));
        wanted.map(|(leg, _)| *leg).collect()
    }
}

impl Room {
    fn presence(&self, leg: LegId) -> Option<Presence> {
        self.participants.get(&leg).map(|participant| participant.presence)
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
