//! What a standby needs of a call.

use serde::{Deserialize, Serialize};
use terms::{CallId, LeaseEpoch, LegId, MeetingId, PortId};

use crate::{call::Call, core::Participant, question::Place, switch::Ids, terminal::Terminal};

/// A call as a value: serialised, sent to a standby, restored there with [`crate::Switch::restore`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallSnapshot {
    pub(crate) id: CallId,
    pub(crate) ids: Ids,
    pub(crate) call: Call,
}

/// What core and lease service must know of a call that is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its leg.
    pub leg: LegId,
    /// The lease that its device holds.
    pub lease: Option<(Terminal, Place, LeaseEpoch)>,
    /// The meeting that it is in, and as what.
    pub inside: Option<(MeetingId, Participant)>,
}

impl CallSnapshot {
    /// What core and lease service must know of the call.
    pub fn membership(&self) -> Membership {
        self.call.membership()
    }

    /// The call's audio port, whose numbers belong into the same image.
    pub const fn port(&self) -> PortId {
        self.call.port()
    }
}
