//! Supported, Require and Unsupported (RFC 3261 §20.37, §20.32, §20.40).

use super::{Header, HeaderName, Shape};
use crate::wire::{Piece, Text, scan};
use bytes::{BufMut as _, BytesMut};

/// The name of an extension. Compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionTag(pub Text);

macro_rules! option_header {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub OptionTag);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;
            const SHAPE: Shape = Shape::List;

            fn parse(value: Piece<'_>) -> Option<Self> {
                scan::is_token(value.as_bytes()).then(|| Self(OptionTag(value.to_text())))
            }

            fn write(&self, out: &mut BytesMut) {
                out.put_slice(self.0.0.as_bytes());
            }
        }
    };
}

option_header! {
    /// An extension that the sender knows.
    Supported
}
option_header! {
    /// An extension that the receiver must know.
    Require
}
option_header! {
    /// A required extension that the sender does not know.
    Unsupported
}
