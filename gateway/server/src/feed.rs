//! Meetings as the API shows them, and the feed of their changes.

use call::core::{Change, Core, Entry, Lock, Participant, RecordingNotice, Tones, View};
use serde::{Deserialize, Serialize};
use terms::{LegId, MeetingId, TenantId};
use tokio::sync::broadcast;

/// Changes that a watcher may be behind; one that is further behind is told how many it lost.
const BACKLOG: usize = 1_024;

/// A meeting as the API shows it: without its passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingView {
    /// The meeting.
    #[serde(flatten)]
    pub summary: MeetingSummary,
    /// Who is in, and who waits.
    pub participants: Vec<ParticipantView>,
}

/// The settings of a meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingSummary {
    /// Its number.
    pub id: MeetingId,
    /// Who owns it.
    pub tenant: TenantId,
    /// Participants at once.
    pub capacity: u32,
    /// Whether it is locked.
    pub lock: Lock,
    /// How guests get in.
    pub entry: Entry,
    /// Whether who comes and goes is heard.
    pub tones: Tones,
    /// Whether who joins is told of a recording.
    pub recording_notice: RecordingNotice,
}

/// A participant as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantView {
    /// Its leg.
    pub leg: LegId,
    /// What it may do, whether it is in, heard, speaks and wants to.
    #[serde(flatten)]
    pub participant: Participant,
}

impl MeetingView {
    pub(crate) fn of(view: &View<'_>) -> Self {
        let participant = |(leg, participant): (&LegId, &Participant)| ParticipantView {
            leg: *leg,
            participant: *participant,
        };
        Self {
            summary: MeetingSummary::of(view),
            participants: view.participants.iter().map(participant).collect(),
        }
    }
}

impl MeetingSummary {
    fn of(view: &View<'_>) -> Self {
        let meeting = view.meeting;
        Self {
            id: meeting.id,
            tenant: meeting.tenant.clone(),
            capacity: meeting.capacity,
            lock: meeting.lock,
            entry: meeting.entry,
            tones: meeting.tones,
            recording_notice: meeting.recording_notice,
        }
    }
}

/// A change of a meeting, as `GET /v1/events` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Told {
    /// `meeting`: it is new, or its settings or its lock are others.
    Meeting(MeetingSummary),
    /// `participant`: somebody came, or is another than before.
    Participant {
        /// Where.
        meeting: MeetingId,
        /// Who.
        #[serde(flatten)]
        participant: ParticipantView,
    },
    /// `left`: somebody is gone.
    Left {
        /// From where.
        meeting: MeetingId,
        /// Who.
        leg: LegId,
    },
    /// `deleted`: the meeting is no more.
    Deleted {
        /// Which.
        meeting: MeetingId,
    },
}

impl Told {
    /// The name of the event.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Meeting(_) => "meeting",
            Self::Participant { .. } => "participant",
            Self::Left { .. } => "left",
            Self::Deleted { .. } => "deleted",
        }
    }

    /// The meeting that it is about.
    pub const fn meeting(&self) -> MeetingId {
        match self {
            Self::Meeting(summary) => summary.id,
            Self::Participant { meeting, .. } | Self::Left { meeting, .. } | Self::Deleted { meeting } => {
                *meeting
            }
        }
    }
}

/// Tells every watcher what changes.
#[derive(Debug, Clone)]
pub struct Feed {
    told: broadcast::Sender<Told>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { told: broadcast::channel(BACKLOG).0 }
    }
}

impl Feed {
    /// What is told from here on.
    pub fn watch(&self) -> broadcast::Receiver<Told> {
        self.told.subscribe()
    }

    pub(crate) fn tell(&self, change: Change, core: &Core) {
        if self.told.receiver_count() == 0 {
            return;
        }
        let told = match change {
            Change::Meeting(meeting) => {
                core.view(meeting).map(|view| Told::Meeting(MeetingSummary::of(&view)))
            }
            Change::Deleted(meeting) => Some(Told::Deleted { meeting }),
            Change::Participant(meeting, leg, participant) => {
                Some(Told::Participant { meeting, participant: ParticipantView { leg, participant } })
            }
            Change::Left(meeting, leg) => Some(Told::Left { meeting, leg }),
        };
        if let Some(told) = told {
            // The last watcher may have gone this moment.
            self.told.send(told).ok();
        }
    }
}
