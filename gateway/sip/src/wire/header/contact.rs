//! Contact (RFC 3261 §20.10).

use super::{Header, HeaderName, Shape};
use crate::wire::{NameAddr, Piece, scan};
use bytes::{BufMut as _, BytesMut};

/// Where to reach somebody directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// At this address.
    Address(NameAddr),
    /// `*`: all bindings of a REGISTER (RFC 3261 §10.2.2).
    All,
}

impl Contact {
    /// The address, unless it is `*`.
    pub fn address(self) -> Option<NameAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::All => None,
        }
    }
}

impl Header for Contact {
    const NAME: HeaderName = HeaderName::Contact;
    const SHAPE: Shape = Shape::List;

    fn parse(value: Piece<'_>) -> Option<Self> {
        match scan::trim(value.as_bytes()) {
            b"*" => Some(Self::All),
            _ => NameAddr::parse(value).map(Self::Address),
        }
    }

    fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Address(address) => address.write(out),
            Self::All => out.put_u8(b'*'),
        }
    }
}
