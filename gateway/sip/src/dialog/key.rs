//! Which dialog a request belongs to.

use crate::wire::{CallId, Head, Tag};
use serde::{Deserialize, Serialize};

/// RFC 3261 §12: Call-ID, our tag, the peer's tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DialogKey {
    /// Call-ID.
    pub call_id: CallId,
    /// Our tag.
    pub local: Tag,
    /// The peer's tag; a peer from before RFC 3261 may have none (§12.1.1).
    pub remote: Option<Tag>,
}

impl DialogKey {
    /// The dialog that a request says it is within; none without a To tag.
    pub fn of_request(head: &Head) -> Option<Self> {
        Some(Self { call_id: head.call_id.clone(), local: head.to.tag()?, remote: head.from.tag() })
    }
}
