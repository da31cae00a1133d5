//! Timestamp (RFC 3261 §20.38).

use super::{Header, HeaderName, Shape};
use crate::wire::Text;
use bytes::{BufMut as _, BytesMut};

/// When the request was sent, in the sender's own count; echoed in 100 (RFC 3261 §8.2.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp(pub Text);

impl Header for Timestamp {
    const NAME: HeaderName = HeaderName::Timestamp;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: &Text) -> Option<Self> {
        Some(Self(value.clone()))
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_slice(self.0.as_bytes());
    }
}
