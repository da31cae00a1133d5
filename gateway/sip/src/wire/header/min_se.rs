//! Min-SE (RFC 4028 §5).

use super::{Header, HeaderName, Shape, session_expires::split_seconds};
use crate::wire::{Piece, host::write_display};
use bytes::BytesMut;

/// The shortest session interval that the sender, or a proxy on the way, takes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinSe(pub u32);

impl Header for MinSe {
    const NAME: HeaderName = HeaderName::MinSe;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        split_seconds(value).map(|(seconds, _)| Self(seconds))
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.0);
    }
}
