//! Allow (RFC 3261 §20.5).

use super::{Header, HeaderName, Shape};
use crate::wire::{Method, Piece, scan};
use bytes::{BufMut as _, BytesMut};

/// A method that the sender takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow(pub Method);

impl Header for Allow {
    const NAME: HeaderName = HeaderName::Allow;
    const SHAPE: Shape = Shape::List;

    fn parse(value: Piece<'_>) -> Option<Self> {
        scan::is_token(value.as_bytes()).then(|| Self(Method::from_token(value)))
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_slice(self.0.as_bytes());
    }
}
