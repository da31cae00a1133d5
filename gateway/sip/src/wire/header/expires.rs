//! Expires (RFC 3261 §20.19).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, host::write_display, scan};
use bytes::BytesMut;

/// Seconds until something is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expires(pub u32);

impl Header for Expires {
    const NAME: HeaderName = HeaderName::Expires;
    const SHAPE: Shape = Shape::Single;

    /// A number past 2^32-1 counts as 2^32-1 (RFC 4475 §3.1.2.4 leaves the choice).
    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let is_number = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
        let seconds = scan::decimal(bytes).and_then(|seconds| u32::try_from(seconds).ok());
        is_number.then(|| Self(seconds.unwrap_or(u32::MAX)))
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.0);
    }
}
