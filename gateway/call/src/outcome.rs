//! How an attempt to join ends: the words that the caller hears and the cause in the BYE (DIAL-6).

use serde::{Deserialize, Serialize};
use terms::Cause;

use crate::question::{Admission, Role, WaitingFor};

/// How an attempt to join ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// In, as host.
    JoinedAsHost,
    /// In, as guest.
    JoinedAsGuest,
    /// Music, until the host is there.
    WaitingForHost,
    /// Music, until the host lets it in.
    InWaitingRoom,
    /// It waited too long for either.
    WaitedTooLong,
    /// The tries are used up.
    WrongTooOften,
    /// The caller failed too often before: no further try for a while (DIAL-5).
    LockedOut,
    /// The whole IVR stage took too long.
    TimedOut,
    /// The meeting is locked.
    Locked,
    /// No concurrency left.
    Full,
    /// The tenant may not use phones.
    NotEntitled,
    /// The meeting is over.
    MeetingEnded,
    /// The terminal is in another meeting.
    InAnotherMeeting,
    /// The core or the lease service does not answer.
    CoreUnreachable,
    /// A host or the API put the participant out.
    Removed,
}

impl Outcome {
    /// Every way that an attempt can end.
    pub const ALL: [Self; 15] = [
        Self::JoinedAsHost,
        Self::JoinedAsGuest,
        Self::WaitingForHost,
        Self::InWaitingRoom,
        Self::WaitedTooLong,
        Self::WrongTooOften,
        Self::LockedOut,
        Self::TimedOut,
        Self::Locked,
        Self::Full,
        Self::NotEntitled,
        Self::MeetingEnded,
        Self::InAnotherMeeting,
        Self::CoreUnreachable,
        Self::Removed,
    ];

    /// The recordings that tell it.
    pub const fn prompts(self) -> &'static [&'static str] {
        match self {
            Self::JoinedAsHost => &["joined-as-host"],
            Self::JoinedAsGuest => &["joined-as-guest"],
            Self::WaitingForHost => &["waiting-for-host"],
            Self::InWaitingRoom => &["waiting-room"],
            Self::WrongTooOften => &["wrong", "goodbye"],
            Self::LockedOut => &["phone-locked-out", "goodbye"],
            Self::WaitedTooLong | Self::TimedOut => &["timeout", "goodbye"],
            Self::Locked => &["meeting-locked"],
            Self::Full => &["meeting-full"],
            Self::NotEntitled => &["not-entitled"],
            Self::MeetingEnded => &["meeting-ended"],
            Self::InAnotherMeeting => &["in-another-meeting"],
            Self::CoreUnreachable => &["core-unreachable"],
            Self::Removed => &["removed"],
        }
    }

    /// The Q.850 cause that the call ends with, or `None` when it goes on.
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::JoinedAsHost | Self::JoinedAsGuest | Self::WaitingForHost | Self::InWaitingRoom => None,
            Self::WrongTooOften | Self::LockedOut | Self::Locked | Self::Removed => {
                Some(Cause::CALL_REJECTED)
            }
            Self::WaitedTooLong | Self::TimedOut => Some(Cause::TIMER_EXPIRY),
            Self::Full | Self::InAnotherMeeting => Some(Cause::USER_BUSY),
            Self::NotEntitled => Some(Cause::NOT_AUTHORIZED),
            Self::MeetingEnded => Some(Cause::NORMAL_CLEARING),
            Self::CoreUnreachable => Some(Cause::TEMPORARY_FAILURE),
        }
    }

    /// What the core's word means for the caller.
    pub const fn of_admission(admission: Admission) -> Self {
        match admission {
            Admission::Admitted(Role::Host) => Self::JoinedAsHost,
            Admission::Admitted(Role::Guest) => Self::JoinedAsGuest,
            Admission::Locked => Self::Locked,
            Admission::Full => Self::Full,
            Admission::NotEntitled => Self::NotEntitled,
            Admission::Ended => Self::MeetingEnded,
            Admission::Waiting(WaitingFor::Host) => Self::WaitingForHost,
            Admission::Waiting(WaitingFor::Admission) => Self::InWaitingRoom,
        }
    }
}
