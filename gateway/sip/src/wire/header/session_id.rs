//! Session-ID (RFC 7989, and RFC 7329 before it).

use super::{Header, HeaderName, Shape};
use crate::wire::{Params, Piece, Text, scan};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};

/// What names a call from end to end: 32 hexadecimal digits from each side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionId {
    /// The sender's.
    pub local: Text,
    /// remote, and whatever else.
    pub params: Params,
}

impl SessionId {
    /// The receiver's, as the sender knows it.
    pub fn remote(&self) -> Option<Text> {
        self.params.get("remote")
    }
}

impl Header for SessionId {
    const NAME: HeaderName = HeaderName::SessionId;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let (local, params) = bytes.split_at_checked(scan::find(bytes, b';').unwrap_or(bytes.len()))?;
        let local = value.part(scan::trim(local));
        let is_uuid = local.len() == 32 && local.as_bytes().iter().all(u8::is_ascii_hexdigit);
        is_uuid.then_some(())?;
        Some(Self { local, params: Params::parse(value.part(params))? })
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_slice(self.local.as_bytes());
        out.put_slice(self.params.as_text().as_bytes());
    }
}
