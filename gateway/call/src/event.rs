//! What happened, for log, metrics and records.

use serde::{Deserialize, Serialize};
use terms::{CallId, Cause, LegId, MeetingId, MeetingTag, Pii, PortId, TrunkName, WallTime, media::Quality};

use crate::{
    doctor::Stopped,
    gauge::{Fault, StreamsSummary, Way},
    leg::EndedBy,
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
    /// A direction is not good enough (MEDIA-7).
    RedBegan(Way, Fault),
    /// It is again.
    RedEnded(Way),
    /// Much of a direction is lost, and has been for seconds (MEDIA-7).
    SevereLoss(Way),
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
    /// The trunk that it came by.
    pub trunk: Option<TrunkName>,
    /// The calling number.
    pub caller: Option<String>,
    /// The called number as the peer wrote it.
    pub called: String,
    /// The meeting that it was in.
    pub meeting: Option<MeetingId>,
    /// When it came.
    pub arrived: WallTime,
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
}
