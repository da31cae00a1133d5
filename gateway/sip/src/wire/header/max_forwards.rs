//! Max-Forwards (RFC 3261 §20.22).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, host::write_display, scan};
use bytes::BytesMut;
use serde::{Deserialize, Serialize};

/// How many hops a request may still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MaxForwards(pub u8);

impl MaxForwards {
    /// RFC 3261 §8.1.1.6: what a request begins with.
    pub const INITIAL: Self = Self(70);

    /// What whoever hands the request on writes; nothing where it must not go on (§16.3).
    pub const fn handed_on(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(left) => Some(Self(left)),
            None => None,
        }
    }
}

impl Header for MaxForwards {
    const NAME: HeaderName = HeaderName::MaxForwards;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        scan::decimal(value.as_bytes()).and_then(|number| u8::try_from(number).ok()).map(Self)
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.0);
    }
}
