//! What happened, for log, metrics and records.

use serde::{Deserialize, Serialize};
use terms::{
    AccountName, CallId, Cause, LegId, LineState, MediaKind, MediaLine, MeetingId, MeetingTag, Pii, PortId,
    TenantId, TrunkName, WallTime,
    media::{DtlsFault, Quality, Secrecy},
};

use crate::{
    doctor::Stopped,
    gauge::{Fault, StreamsSummary, Way},
    leg::{EndedBy, Model},
    outcome::Outcome,
    question::Role,
};

/// One thing that happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A call came in.
    Arrived {
        /// From which trunk.
        trunk: Option<TrunkName>,
        /// From whom.
        caller: Option<Pii<String>>,
        /// For whom.
        called: Pii<String>,
    },
    /// A call of our own goes out.
    Dialed {
        /// By which trunk; none where an account is called.
        trunk: Option<TrunkName>,
        /// For whom.
        called: Pii<String>,
    },
    /// Who was dialed is heard before it answers.
    EarlyMedia,
    /// It was refused before it was answered.
    Refused(Cause),
    /// It was answered.
    Answered,
    /// The caller keyed a pair; whether it was right.
    Keyed(Keyed),
    /// The caller is locked out for failing too often (DIAL-5).
    CallerLocked,
    /// So many pairs were wrong for this meeting ID that its answers are slow from here on (DIAL-5).
    MeetingAttacked(MeetingId),
    /// An attempt to join ended.
    Outcome(Outcome),
    /// The caller is in a meeting.
    Joined {
        /// Which meeting, under which lease.
        tag: MeetingTag,
        /// As what.
        role: Role,
    },
    /// The caller left a meeting.
    Left {
        /// Which meeting, under which lease.
        tag: MeetingTag,
    },
    /// The media plane could not take a command.
    MediaRefused(PortId),
    /// A question was not answered in time.
    QuestionTimedOut,
    /// Nothing comes or goes for long (MEDIA-4).
    StreamStopped(Stopped),
    /// The peer was asked whether it is there.
    ProbeSent,
    /// It is.
    ProbeAnswered,
    /// The stream that had stopped is back.
    StreamResumed,
    /// The call ends because its stream stopped.
    StreamGivenUp(Stopped),
    /// The call ends because no handshake gave its media keys (MEDIA-2).
    Unkeyed(DtlsFault),
    /// A direction is not good enough (MEDIA-7).
    RedBegan(Way, Fault),
    /// It is again.
    RedEnded(Way),
    /// Much of a direction is lost, and has been for seconds (MEDIA-7).
    SevereLoss(Way),
    /// A fax machine calls.
    FaxHeard,
    /// The call is over.
    Ended {
        /// Q.850.
        cause: Cause,
        /// By whom.
        by: EndedBy,
    },
}

/// Whether a keyed pair was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keyed {
    /// The pair was right.
    Right,
    /// It was not.
    Wrong,
}

/// The record of one leg (REL-5), written once it is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LegRecord {
    /// The call.
    pub call: CallId,
    /// The leg.
    pub leg: LegId,
    /// The other half of a call between two legs, whose record is its own.
    #[serde(default)]
    pub partner: Option<CallId>,
    /// The trunk that it came or went by.
    pub trunk: Option<TrunkName>,
    /// The calling number.
    pub caller: Option<String>,
    /// The called number as the peer wrote it.
    pub called: String,
    /// The meeting that it was in.
    pub meeting: Option<MeetingId>,
    /// When it came.
    pub arrived: WallTime,
    /// When its caller heard the other end, before that answered.
    #[serde(default)]
    pub early_media: Option<WallTime>,
    /// When it was answered.
    pub answered: Option<WallTime>,
    /// When it joined the meeting.
    pub joined: Option<WallTime>,
    /// When it ended.
    pub ended: WallTime,
    /// Q.850.
    pub cause: Cause,
    /// By whom.
    pub by: EndedBy,
    /// What went through its audio port.
    pub quality: Option<Quality>,
    /// The stream that had stopped as the call ended, and why.
    pub no_stream: Option<Stopped>,
    /// How its streams were; a call that was refused had none.
    pub streams: Option<StreamsSummary>,
    /// Whether they were encrypted, as of the last agreement; there was none: `None`.
    #[serde(default)]
    pub secrecy: Option<Secrecy>,
    /// The account that called or was called.
    #[serde(default)]
    pub account: Option<AccountName>,
    /// The model of its device, and which quirks of it had an effect (ROOM-11).
    #[serde(default)]
    pub model: Option<Box<Model>>,
    /// The lines of its last offer that were refused, and why.
    #[serde(default)]
    pub refused_lines: Vec<RefusedLine>,
}

/// A line of an offer that was answered with port 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Which: its place in the offer, from 0 on.
    pub line: usize,
    /// What it would carry.
    pub kind: MediaKind,
    /// By which protocol, as it was offered.
    #[serde(default)]
    pub protocol: String,
    /// Why it does not.
    pub reason: String,
}

impl RefusedLine {
    /// Those that the peer wanted and did not get.
    pub fn among(lines: &[MediaLine]) -> Vec<Self> {
        let refused = lines.iter().enumerate().filter(|(_, line)| line.state == LineState::Refused);
        let told = refused.map(|(line, MediaLine { kind, protocol, .. })| Self {
            line,
            kind: kind.clone(),
            protocol: protocol.clone(),
            reason: why(kind).to_owned(),
        });
        told.collect()
    }
}

const fn why(kind: &MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "a call has one audio line",
        MediaKind::Video => "video is not carried",
        MediaKind::Slides => "content is not carried",
        MediaKind::Bfcp => "the floor of content (BFCP) is not controlled",
        MediaKind::CameraControl => "far-end camera control (H.224) is not carried",
        MediaKind::Unknown(_) => "the line is of a kind that is not known",
    }
}

/// The record of one sitting of a meeting (REL-5), written once the last of its legs is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeetingRecord {
    /// The meeting.
    pub meeting: MeetingId,
    /// Whose it is.
    pub tenant: TenantId,
    /// When the first came in.
    pub began: WallTime,
    /// When the last leg was over.
    pub ended: WallTime,
    /// How many legs were in, in all.
    pub legs: u32,
    /// How many at once, at most.
    pub most_at_once: usize,
    /// What came from them.
    pub media: MediaSummary,
}

/// What came from the legs of a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct MediaSummary {
    /// RTP packets taken.
    pub packets_received: u64,
    /// RFC 3550 §A.3, of all legs.
    pub packets_lost: u64,
    /// Of the leg that lost the greatest share, in percent.
    pub worst_loss_percent: f64,
    /// RFC 3550 §A.8 of the leg that had most, in milliseconds.
    pub worst_jitter_ms: f32,
}

impl MediaSummary {
    /// Adds what came from one leg.
    pub fn add(&mut self, quality: &Quality) {
        let expected = quality.packets_received + quality.packets_lost;
        #[expect(clippy::cast_precision_loss, reason = "packets of one call are far fewer than 2^52")]
        let loss = quality.packets_lost as f64 * 100.0 / expected.max(1) as f64;
        self.packets_received += quality.packets_received;
        self.packets_lost += quality.packets_lost;
        self.worst_loss_percent = self.worst_loss_percent.max(loss);
        self.worst_jitter_ms = self.worst_jitter_ms.max(quality.jitter_ms);
    }
}

/// A record, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Record {
    /// Of a leg.
    Leg(Box<LegRecord>),
    /// Of a sitting of a meeting.
    Meeting(MeetingRecord),
}

impl Record {
    /// When what it tells of was over.
    pub const fn ended(&self) -> WallTime {
        match self {
            Self::Leg(record) => record.ended,
            Self::Meeting(record) => record.ended,
        }
    }
}
