//! What a call asks of services that may be remote.

use crate::{
    core::{RecordingNotice, Tones},
    lease::Claim,
    leg::{Identity, KeyMethod, Kind, Model},
    outcome::Outcome,
    terminal::Terminal,
};
use serde::{Deserialize, Serialize};
use terms::{
    AccountName, CallId, LeaseEpoch, LegId, MeetingId, MeetingTag, Secret, TenantId, ZoneName,
    media::{Sources, Voice},
};

/// Names a question; an answer whose id is unknown is void. Unique within an Origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuestionId(pub u64);

/// A question to the meeting core or the lease service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// What does this meeting want of who joins? An ID of no meeting gets the answer of most meetings, in the same
    /// time (DIAL-4).
    LookUp {
        /// What was keyed, where that can be an ID at all.
        meeting: Option<MeetingId>,
        /// The tenants whose meetings can be reached this way; `None` is all.
        scope: Option<TenantId>,
    },
    /// Do this meeting ID and password fit? An unknown ID and a wrong password get one answer, in
    /// the same time (DIAL-4).
    CheckPassword {
        /// What was keyed, where that can be an ID at all.
        meeting: Option<MeetingId>,
        /// What was keyed as password.
        password: Secret,
        /// The tenants whose meetings can be reached this way; `None` is all.
        scope: Option<TenantId>,
    },
    /// May this leg's device be there, and under which epoch?
    TakeLease(Box<Claim>),
    /// May this leg in, whose device is elsewhere? The host says so, in its own time, by a [`Directive`].
    Confirm {
        /// The leg that wants in.
        leg: LegId,
        /// Into what.
        meeting: MeetingId,
        /// Who that is.
        who: Who,
    },
    /// Where is this account reached?
    Locate {
        /// Which.
        account: AccountName,
        /// Only if it is of this tenant; `None` is any.
        of: Option<TenantId>,
    },
    /// Let this leg in.
    Admit {
        /// The leg that wants in.
        leg: LegId,
        /// Into what, under which lease.
        tag: MeetingTag,
        /// With which right.
        role: Role,
        /// Who that is.
        who: Who,
    },
    /// A participant pressed a key of the meeting (DIAL-8).
    Control {
        /// Who.
        leg: LegId,
        /// In which meeting.
        meeting: MeetingId,
        /// What is wanted.
        wish: Wish,
    },
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Question::LookUp`].
    Entrance(Entrance),
    /// To [`Question::CheckPassword`].
    Password(Verdict),
    /// To [`Question::TakeLease`].
    Lease(LeaseAnswer),
    /// To [`Question::Admit`].
    Admission(Admission),
    /// To [`Question::Control`].
    Control(Controlled),
    /// To [`Question::Confirm`]: the host is asked, or why not.
    Confirming(Result<(), Outcome>),
    /// To [`Question::Locate`].
    Located(Whereabouts),
    /// Nobody answered in time, or the service can't be reached.
    Unreachable,
}

/// What a meeting wants of who joins by phone (DIAL-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entrance {
    /// A password; there may be no such meeting.
    Password,
    /// That of the host, if it has that; guests need none.
    HostPassword,
    /// Nothing: it has no password.
    Open,
    /// Passwords that no phone can key, and no PIN stands in for them.
    NoPhonePassword,
}

/// What a pair of meeting ID and password is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The pair is right, and gives this role.
    Right(Role),
    /// "meeting ID or password is wrong".
    Wrong,
}

/// What a participant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Joined with the guest password, or when there was a host already.
    Guest,
    /// The first with the host password (MEET-2).
    Host,
}

/// Who wants in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Who {
    /// What the leg leads to.
    pub kind: Kind,
    /// By what it is known again.
    pub identity: Option<Identity>,
}

/// What a lease is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A meeting.
    Meeting(MeetingId),
    /// A call between two, by its first half.
    Call(CallId),
}

/// The lease service's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LeaseAnswer {
    /// The device may be there, under this epoch; a grant that comes too late is given back by it.
    Granted {
        /// Where.
        place: Place,
        /// Under which epoch.
        epoch: LeaseEpoch,
    },
    /// The device is elsewhere.
    Held,
    /// The device is elsewhere, and may come if the host confirms.
    Contended,
}

/// Where an account is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whereabouts {
    /// There is no such account, or it is not for who asks.
    Nobody,
    /// None of its devices is registered.
    Offline,
    /// By this device of it.
    At(Box<Reached>),
}

/// A device of an account, as media and lease service need to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Whose addresses the media takes.
    pub zone: ZoneName,
    /// From where the media is taken.
    pub sources: Sources,
    /// How keys are told to it.
    pub keys: KeyMethod,
    /// Which device it is.
    pub terminal: Terminal,
    /// Of which model, where that is known.
    pub model: Option<Box<Model>>,
}

/// The core's word on a leg that had the right password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admission {
    /// It is in.
    Admitted(Welcome),
    /// Nobody joins by themselves (MEET-3).
    Locked,
    /// No concurrency left (MEET-4).
    Full,
    /// The tenant may not use phones.
    NotEntitled,
    /// The meeting is over.
    Ended,
    /// Not yet; a [`Directive::Enter`] follows, or nothing ever.
    Waiting(WaitingFor),
}

/// As what, and how, a leg is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// What it may do.
    pub role: Role,
    /// Whether the others hear it at first (MEET-5).
    pub voice: Voice,
    /// Whether the others hear it come and go (DIAL-8).
    pub tones: Tones,
    /// Whether it is told of a recording (MEET-7).
    pub recording_notice: RecordingNotice,
}

impl Welcome {
    /// As `role`, heard, without more.
    pub const fn new(role: Role) -> Self {
        Self { role, voice: Voice::Heard, tones: Tones::Off, recording_notice: RecordingNotice::Off }
    }
}

/// What a participant can ask for by a key (DIAL-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Be heard no more, or again.
    ToggleVoice,
    /// Show that it wants to speak.
    RaiseHand,
    /// Lock the meeting, or unlock it. A host's.
    ToggleLock,
    /// Nobody but the host is heard. A host's.
    MuteAll,
    /// End the meeting for everybody. A host's.
    End,
}

/// What came of a [`Wish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Controlled {
    /// It is done; who asked hears so.
    Done(Notice),
    /// It is done, and is heard by itself.
    Quietly,
    /// Only the host can do that.
    HostOnly,
    /// The meeting does not know the leg.
    NotIn,
}

/// What a participant is told while it is in the meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Notice {
    /// Nobody hears it.
    Muted,
    /// It is heard.
    Unmuted,
    /// Its hand is up.
    HandRaised,
    /// Nobody joins by themselves from here on.
    Locked,
    /// The passwords open the meeting again.
    Unlocked,
    /// Nobody but the host is heard.
    AllMuted,
    /// The key is the host's.
    HostOnly,
    /// It is host from here on.
    RoleGranted,
    /// It is host no longer.
    RoleReleased,
    /// The meeting is recorded.
    Recording,
    /// Which keys there are.
    Help,
    /// Which keys of the host there are, after [`Self::Help`].
    HelpHost,
}

impl Notice {
    /// Every notice.
    pub const ALL: [Self; 12] = [
        Self::Muted,
        Self::Unmuted,
        Self::HandRaised,
        Self::Locked,
        Self::Unlocked,
        Self::AllMuted,
        Self::HostOnly,
        Self::RoleGranted,
        Self::RoleReleased,
        Self::Recording,
        Self::Help,
        Self::HelpHost,
    ];

    /// Its name in the configuration, and that of the recording that tells it as shipped.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Muted => "muted",
            Self::Unmuted => "unmuted",
            Self::HandRaised => "hand-raised",
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::AllMuted => "all-muted",
            Self::HostOnly => "host-only",
            Self::RoleGranted => "role-granted",
            Self::RoleReleased => "role-released",
            Self::Recording => "recording-notice",
            Self::Help => "help",
            Self::HelpHost => "help-host",
        }
    }
}

/// What a caller waits for who may not enter yet (DIAL-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitingFor {
    /// The host has not joined.
    Host,
    /// The host lets in one by one.
    Admission,
    /// Its device is in another meeting, and the host says whether it may leave that (ISO-1).
    Confirmation,
}

/// What the core is told without being asked: a leg is done with a meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// The leg that left.
    pub leg: LegId,
    /// What it left.
    pub meeting: MeetingId,
    /// By what it is known again.
    pub identity: Option<Identity>,
}

/// What core and lease service tell the calls without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Directive {
    /// This leg is put out, and hears why.
    PutOut(LegId, Outcome),
    /// Who waited need not wait any longer.
    Enter(LegId, Admission),
    /// Whether this leg is heard.
    SetVoice(LegId, Voice),
    /// What this leg may do from here on.
    SetRole(LegId, Role),
    /// The host lets in a leg whose device is elsewhere ([`Question::Confirm`]).
    Confirmed(LegId),
    /// The lease of this leg is wanted elsewhere: it ends.
    Revoke(LegId, LeaseEpoch),
}

impl Directive {
    /// Whom it is for.
    pub const fn leg(&self) -> LegId {
        match self {
            Self::PutOut(leg, _)
            | Self::Enter(leg, _)
            | Self::SetVoice(leg, _)
            | Self::SetRole(leg, _)
            | Self::Confirmed(leg)
            | Self::Revoke(leg, _) => *leg,
        }
    }
}
