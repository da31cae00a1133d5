//! How an attempt to join ends (DIAL-6); how it is told is in [`crate::words`].

use serde::{Deserialize, Serialize};
use terms::Cause;

use crate::question::{Admission, Role, WaitingFor, Welcome};

/// How an attempt to join ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Meeting ID or password is wrong, of who dialed both (ROOM-4).
    Wrong,
    /// The tries are used up.
    WrongTooOften,
    /// The caller failed too often before: no further try for a while (DIAL-5).
    LockedOut,
    /// The whole IVR stage took too long.
    TimedOut,
    /// The meeting's passwords are none that a phone can key (DIAL-3).
    NoPhonePassword,
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
    /// Its device has gone to another meeting (ISO-1).
    MovedAway,
}

impl Outcome {
    /// Every way that an attempt can end.
    pub const ALL: [Self; 18] = [
        Self::JoinedAsHost,
        Self::JoinedAsGuest,
        Self::WaitingForHost,
        Self::InWaitingRoom,
        Self::WaitedTooLong,
        Self::Wrong,
        Self::WrongTooOften,
        Self::LockedOut,
        Self::TimedOut,
        Self::NoPhonePassword,
        Self::Locked,
        Self::Full,
        Self::NotEntitled,
        Self::MeetingEnded,
        Self::InAnotherMeeting,
        Self::CoreUnreachable,
        Self::Removed,
        Self::MovedAway,
    ];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JoinedAsHost => "joined-as-host",
            Self::JoinedAsGuest => "joined-as-guest",
            Self::WaitingForHost => "waiting-for-host",
            Self::InWaitingRoom => "waiting-room",
            Self::WaitedTooLong => "waited-too-long",
            Self::Wrong => "wrong",
            Self::WrongTooOften => "wrong-too-often",
            Self::LockedOut => "locked-out",
            Self::TimedOut => "timed-out",
            Self::NoPhonePassword => "no-phone-password",
            Self::Locked => "locked",
            Self::Full => "full",
            Self::NotEntitled => "not-entitled",
            Self::MeetingEnded => "ended",
            Self::InAnotherMeeting => "in-another-meeting",
            Self::CoreUnreachable => "core-unreachable",
            Self::Removed => "removed",
            Self::MovedAway => "moved-away",
        }
    }

    /// The service's own words, for who is refused before anything can be spoken.
    pub const fn words(self) -> &'static str {
        match self {
            Self::JoinedAsHost | Self::JoinedAsGuest | Self::WaitingForHost | Self::InWaitingRoom => "",
            Self::WaitedTooLong | Self::TimedOut => "等待超时",
            Self::Wrong | Self::WrongTooOften => "会议号或密码错误",
            Self::LockedOut => "错误次数过多，请稍后再试",
            Self::NoPhonePassword => "该会议不支持硬终端入会",
            Self::Locked | Self::Removed => "呼叫被拒绝",
            Self::Full => "会议人数已满",
            Self::NotEntitled => "企业未开通该功能",
            Self::MeetingEnded => "会议已结束",
            Self::InAnotherMeeting => "终端已在其他会议中",
            Self::CoreUnreachable => "对不起，暂时无法提供服务",
            Self::MovedAway => "终端已加入其他会议",
        }
    }

    /// The same in plain English.
    pub const fn plain(self) -> &'static str {
        match self {
            Self::JoinedAsHost | Self::JoinedAsGuest | Self::WaitingForHost | Self::InWaitingRoom => "",
            Self::WaitedTooLong | Self::TimedOut => "nobody answered in time",
            Self::Wrong | Self::WrongTooOften => "meeting ID or password is wrong",
            Self::LockedOut => "locked after too many wrong passwords; wait, then dial again",
            Self::NoPhonePassword => "this meeting has no password that can be keyed",
            Self::Locked => "the meeting is locked",
            Self::Removed => "the host has put this participant out",
            Self::Full => "the meeting or the tenant has no place left",
            Self::NotEntitled => "the tenant may not do this",
            Self::MeetingEnded => "the meeting is over",
            Self::InAnotherMeeting => "this device is in another meeting; leave that first",
            Self::CoreUnreachable => "the meeting core does not answer; dial again later",
            Self::MovedAway => "this device has joined another meeting",
        }
    }

    /// The recordings that tell it as shipped, and the Q.850 cause that the call ends with, or `None` when it goes on.
    pub(crate) const fn shipped(self) -> (&'static [&'static str], Option<Cause>) {
        match self {
            Self::JoinedAsHost => (&["joined-as-host"], None),
            Self::JoinedAsGuest => (&["joined-as-guest"], None),
            Self::WaitingForHost => (&["waiting-for-host"], None),
            Self::InWaitingRoom => (&["waiting-room"], None),
            Self::Wrong => (&["wrong", "goodbye"], Some(Cause::NOT_AUTHORIZED)),
            Self::WrongTooOften => (&["wrong", "goodbye"], Some(Cause::CALL_REJECTED)),
            Self::LockedOut => (&["phone-locked-out", "goodbye"], Some(Cause::CALL_REJECTED)),
            Self::WaitedTooLong | Self::TimedOut => (&["timeout", "goodbye"], Some(Cause::TIMER_EXPIRY)),
            Self::NoPhonePassword => (&["no-phone-password", "goodbye"], Some(Cause::CALL_REJECTED)),
            Self::Locked => (&["meeting-locked"], Some(Cause::CALL_REJECTED)),
            Self::Full => (&["meeting-full"], Some(Cause::USER_BUSY)),
            Self::NotEntitled => (&["not-entitled"], Some(Cause::NOT_AUTHORIZED)),
            Self::MeetingEnded => (&["meeting-ended"], Some(Cause::NORMAL_CLEARING)),
            Self::InAnotherMeeting => (&["in-another-meeting"], Some(Cause::USER_BUSY)),
            Self::MovedAway => (&["in-another-meeting"], Some(Cause::NORMAL_CLEARING)),
            Self::CoreUnreachable => (&["core-unreachable"], Some(Cause::TEMPORARY_FAILURE)),
            Self::Removed => (&["removed"], Some(Cause::CALL_REJECTED)),
        }
    }

    /// What the core's word means for the caller.
    pub const fn of_admission(admission: Admission) -> Self {
        match admission {
            Admission::Admitted(Welcome { role: Role::Host, .. }) => Self::JoinedAsHost,
            Admission::Admitted(Welcome { role: Role::Guest, .. }) => Self::JoinedAsGuest,
            Admission::Locked => Self::Locked,
            Admission::Full => Self::Full,
            Admission::NotEntitled => Self::NotEntitled,
            Admission::Ended => Self::MeetingEnded,
            Admission::Waiting(WaitingFor::Host) => Self::WaitingForHost,
            Admission::Waiting(WaitingFor::Admission | WaitingFor::Confirmation) => Self::InWaitingRoom,
        }
    }
}
