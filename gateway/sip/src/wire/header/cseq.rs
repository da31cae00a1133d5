//! CSeq (RFC 3261 §20.16).

use super::{Header, HeaderName, Shape};
use crate::wire::{Method, Piece, host::write_display, scan};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};

/// Orders the requests of a dialog; below 2^31 (RFC 3261 §8.1.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SequenceNumber(pub u32);

impl SequenceNumber {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1) & (i32::MAX as u32))
    }
}

/// The number of a request and its method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CSeq {
    /// The number.
    pub number: SequenceNumber,
    /// The method.
    pub method: Method,
}

impl Header for CSeq {
    const NAME: HeaderName = HeaderName::CSeq;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let (number, rest) = bytes.split_at_checked(bytes.iter().position(|byte| scan::is_blank(*byte))?)?;
        let number =
            u32::try_from(scan::decimal(number)?).ok().filter(|number| *number <= i32::MAX as u32)?;
        let method = scan::trim(rest);
        let method = scan::is_token(method).then(|| Method::from_token(value.sub(method)))?;
        Some(Self { number: SequenceNumber(number), method })
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.number.0);
        out.put_u8(b' ');
        out.put_slice(self.method.as_bytes());
    }
}
