//! Privacy (RFC 3323 §4.2, RFC 3325 §9.3).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, Text, scan};
use bytes::{BufMut as _, BytesMut};

/// What a caller wants hidden: `id`, `user`, `header`, `session`, `critical`, or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privacy(Text);

impl Privacy {
    /// The caller's number is not to be shown.
    pub const ID: Self = Self(Text::from_static("id"));

    /// Whether that is asked for.
    pub fn asks(&self, what: &str) -> bool {
        scan::parts_outside(self.0.as_bytes(), b';').any(|part| part.eq_ignore_ascii_case(what.as_bytes()))
    }
}

impl Header for Privacy {
    const NAME: HeaderName = HeaderName::Privacy;
    // Deviation: RFC 3323 separates by semicolons; some write commas, which make values of one header.
    const SHAPE: Shape = Shape::List;

    fn parse(value: Piece<'_>) -> Option<Self> {
        scan::parts_outside(value.as_bytes(), b';').all(scan::is_token).then(|| Self(value.to_text()))
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_slice(self.0.as_bytes());
    }
}
