//! What a meeting is.

use serde::{Deserialize, Serialize};
use terms::{MeetingId, TenantId};

use super::Passwords;

/// What a meeting is (MEET-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Its number.
    pub id: MeetingId,
    /// Who owns it.
    pub tenant: TenantId,
    /// What opens it.
    #[serde(flatten)]
    pub passwords: Passwords,
    /// Participants at once.
    pub capacity: u32,
    /// Nobody joins by themselves.
    #[serde(default)]
    pub lock: Lock,
    /// How guests get in.
    #[serde(default)]
    pub entry: Entry,
    /// Whether who comes and goes is heard.
    #[serde(default)]
    pub tones: Tones,
    /// Whether who joins is told of a recording.
    #[serde(default)]
    pub recording_notice: RecordingNotice,
}

impl Meeting {
    /// A meeting that whoever has a password joins at once.
    pub fn new(id: MeetingId, tenant: TenantId, passwords: Passwords) -> Self {
        Self {
            id,
            tenant,
            passwords,
            capacity: 1_000,
            lock: Lock::default(),
            entry: Entry::default(),
            tones: Tones::default(),
            recording_notice: RecordingNotice::default(),
        }
    }
}

/// How guests get in (MEET-1, DIAL-6). Who has the host password is let in at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// At once.
    #[default]
    Open,
    /// Once there is a host.
    WithHost,
    /// One by one, as they are let in.
    WaitingRoom,
}

/// Whether a meeting is locked (MEET-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lock {
    /// The passwords open it.
    #[default]
    Open,
    /// Only who is invited gets in.
    Locked,
}

/// Whether the others hear a tone when somebody comes or goes (DIAL-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tones {
    /// They don't.
    #[default]
    Off,
    /// They do.
    On,
}

/// Whether who joins is told that the meeting is recorded (MEET-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingNotice {
    /// It is not.
    #[default]
    Off,
    /// It is.
    On,
}
