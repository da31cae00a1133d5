//! Call-ID (RFC 3261 §20.8).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, Text};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};

/// What groups the messages of a call. Compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub Text);

impl Header for CallId {
    const NAME: HeaderName = HeaderName::CallId;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let is_word = !bytes.is_empty() && bytes.iter().all(|byte| !matches!(byte, 0..=b' ' | b',' | 0x7f));
        is_word.then(|| Self(value.to_text()))
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_slice(self.0.as_bytes());
    }
}
