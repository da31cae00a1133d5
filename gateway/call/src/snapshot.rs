//! What a standby needs of a call.

use serde::{Deserialize, Serialize};
use terms::{CallId, PortId};

use crate::{call::Call, core::Participant, question::Departure, switch::Ids};

/// A call as a value: serialised, sent to a standby, restored there with [`crate::Switch::restore`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallSnapshot {
    pub(crate) id: CallId,
    pub(crate) ids: Ids,
    pub(crate) call: Call,
}

impl CallSnapshot {
    /// What core and lease service must know of the call, if it is in a meeting.
    pub fn membership(&self) -> Option<(Departure, Option<Participant>)> {
        self.call.membership()
    }

    /// The call's audio port, whose numbers belong into the same image.
    pub const fn port(&self) -> PortId {
        self.call.port()
    }
}
