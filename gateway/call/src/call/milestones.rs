//! When what happened to a call, for its record (REL-5).

use serde::{Deserialize, Serialize};
use terms::{
    CallId, Cause, LegId, MediaLine, MeetingTag, WallTime,
    media::{Quality, Secrecy},
};

use crate::{
    doctor::Stopped,
    event::{LegRecord, RefusedLine},
    gauge::StreamsSummary,
    leg::{Arrival, EndedBy},
};

/// What the record will tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Milestones {
    pub(super) arrived: WallTime,
    /// When the caller heard the other end, before that answered.
    #[serde(default)]
    pub(super) early_media: Option<WallTime>,
    pub(super) answered: Option<WallTime>,
    pub(super) joined: Option<WallTime>,
    pub(super) ended: Option<(Cause, EndedBy)>,
    pub(super) meeting: Option<MeetingTag>,
    pub(super) no_stream: Option<Stopped>,
    pub(super) streams: Option<Box<StreamsSummary>>,
    /// The other half of a call between two legs.
    pub(super) partner: Option<CallId>,
    #[serde(default)]
    pub(super) secrecy: Option<Secrecy>,
}

impl Milestones {
    pub(super) const fn at(arrived: WallTime) -> Self {
        Self {
            arrived,
            early_media: None,
            answered: None,
            joined: None,
            ended: None,
            meeting: None,
            no_stream: None,
            streams: None,
            partner: None,
            secrecy: None,
        }
    }

    /// Those of a call that was refused as it came.
    pub(crate) fn refused(arrived: WallTime, cause: Cause) -> Self {
        Self { ended: Some((cause, EndedBy::Gateway)), ..Self::at(arrived) }
    }

    pub(crate) fn record(
        &self,
        call: CallId,
        leg: LegId,
        arrival: &Arrival,
        (ended, quality): (WallTime, Option<Quality>),
    ) -> LegRecord {
        let (cause, by) = self.ended.unwrap_or((Cause::NORMAL_UNSPECIFIED, EndedBy::Failure));
        LegRecord {
            call,
            leg,
            partner: self.partner,
            trunk: arrival.trunk.clone(),
            caller: arrival.caller.number().map(str::to_owned),
            called: arrival.called.clone(),
            meeting: self.meeting.map(|tag| tag.meeting),
            arrived: self.arrived,
            early_media: self.early_media,
            answered: self.answered,
            joined: self.joined,
            ended,
            cause,
            by,
            quality,
            no_stream: self.no_stream,
            streams: self.streams.as_deref().copied(),
            secrecy: self.secrecy,
            account: arrival.account.clone(),
            model: arrival.model.clone(),
            refused_lines: self.refused_lines(&arrival.lines),
        }
    }

    /// Of a call that was not answered no line was.
    pub(super) fn refused_lines(&self, lines: &[MediaLine]) -> Vec<RefusedLine> {
        self.answered.map(|_| RefusedLine::among(lines)).unwrap_or_default()
    }
}
