//! Retry-After (RFC 3261 §20.33).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, host::write_display, scan};
use bytes::BytesMut;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// When to try again, in whole seconds. A comment and parameters behind it are read over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RetryAfter(pub u32);

impl From<Duration> for RetryAfter {
    fn from(pause: Duration) -> Self {
        Self(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX))
    }
}

impl Header for RetryAfter {
    const NAME: HeaderName = HeaderName::RetryAfter;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let len = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
        let seconds = scan::decimal(bytes.get(..len)?)?;
        Some(Self(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.0);
    }
}
