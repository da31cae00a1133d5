//! Timestamp (RFC 3261 §20.38).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, Text};
use bytes::{BufMut as _, BytesMut};

/// When the request was sent, in the sender's own count; echoed in 100 (RFC 3261 §8.2.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp(pub Text);

impl Header for Timestamp {
    const NAME: HeaderName = HeaderName::Timestamp;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        Some(Self(value.to_text()))
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_slice(self.0.as_bytes());
    }
}
