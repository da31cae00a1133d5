//! RSeq (RFC 3262 §7.1).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, host::write_display, scan};
use bytes::BytesMut;
use serde::{Deserialize, Serialize};

/// Orders the reliable provisional responses of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RSeq(pub u32);

impl RSeq {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl Header for RSeq {
    const NAME: HeaderName = HeaderName::RSeq;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        scan::decimal(value.as_bytes()).and_then(|number| u32::try_from(number).ok()).map(Self)
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.0);
    }
}
