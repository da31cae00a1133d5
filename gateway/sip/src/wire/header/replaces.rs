//! Replaces (RFC 3891). It is read, for the record; nobody is told that we support it.

use super::{CallId, Header, HeaderName, Shape, Tag};
use crate::wire::{Params, Piece, scan};
use bytes::{BufMut as _, BytesMut};

/// The dialog that a new call takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: CallId,
    /// to-tag, from-tag, early-only.
    pub params: Params,
}

impl Replaces {
    /// The tag of whoever gets the header.
    pub fn to_tag(&self) -> Option<Tag> {
        self.params.get("to-tag").map(Tag)
    }

    /// The tag of the other side.
    pub fn from_tag(&self) -> Option<Tag> {
        self.params.get("from-tag").map(Tag)
    }
}

impl Header for Replaces {
    const NAME: HeaderName = HeaderName::Replaces;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let (call_id, params) = bytes.split_at_checked(scan::find(bytes, b';')?)?;
        let replaces = Self {
            call_id: CallId::parse(value.sub(scan::trim(call_id)))?,
            params: Params::parse(value.part(params))?,
        };
        let is_whole = replaces.params.has("to-tag") && replaces.params.has("from-tag");
        is_whole.then_some(replaces)
    }

    fn write(&self, out: &mut BytesMut) {
        self.call_id.write(out);
        out.put_slice(self.params.as_text().as_bytes());
    }
}
