//! Flow-Timer (RFC 5626 §4.4, §11.1).

use super::{Header, HeaderName, Shape};
use crate::wire::{Expires, Piece, host::write_display};
use bytes::BytesMut;

/// After so many seconds without a keep-alive the server takes a flow for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowTimer(pub u32);

impl Header for FlowTimer {
    const NAME: HeaderName = HeaderName::FlowTimer;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        Expires::parse(value).map(|Expires(seconds)| Self(seconds))
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.0);
    }
}
