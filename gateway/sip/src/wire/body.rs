//! What a message carries.

use super::{ContentType, text};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A body and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// What Content-Type says.
    pub content_type: ContentType,
    /// The bytes, untouched.
    #[serde(serialize_with = "text::serialize_bytes", deserialize_with = "text::deserialize_bytes")]
    pub bytes: Bytes,
}

impl Body {
    /// A session description.
    pub const fn sdp(bytes: Bytes) -> Self {
        Self { content_type: ContentType::SDP, bytes }
    }
}
