//! Min-Expires (RFC 3261 §20.23).

use super::{Header, HeaderName, Shape};
use crate::wire::{Expires, Piece, host::write_display};
use bytes::BytesMut;

/// The shortest registration that a registrar takes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinExpires(pub u32);

impl Header for MinExpires {
    const NAME: HeaderName = HeaderName::MinExpires;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        Expires::parse(value).map(|Expires(seconds)| Self(seconds))
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.0);
    }
}
