//! Content-Length (RFC 3261 §20.14).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, host::write_display, scan};
use bytes::BytesMut;

/// How many bytes the body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLength(pub usize);

impl Header for ContentLength {
    const NAME: HeaderName = HeaderName::ContentLength;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        scan::decimal(value.as_bytes()).and_then(|number| usize::try_from(number).ok()).map(Self)
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.0);
    }
}
