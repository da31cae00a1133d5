//! Contact (RFC 3261 §20.10).

use super::{Header, HeaderName, Shape};
use crate::wire::{Expires, NameAddr, Piece, Text, scan};
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

/// What a Contact of a REGISTER says beside where.
impl NameAddr {
    /// `expires`: for how long; what is no number counts as nothing said (RFC 3261 §20.10 has 3600 then).
    pub fn expires(&self) -> Option<Expires> {
        self.params.get("expires").and_then(|value| Expires::parse(value.piece()))
    }

    /// `+sip.instance` (RFC 5626 §4.1): which device, whatever its address.
    pub fn instance(&self) -> Option<Text> {
        self.params.get("+sip.instance").filter(|value| !value.is_empty())
    }

    /// `reg-id` (RFC 5626 §4.2): which flow of the device; from 1 to 2^31 - 1.
    pub fn reg_id(&self) -> Option<u32> {
        let number = self.params.get("reg-id").and_then(|value| scan::decimal(value.as_bytes()));
        number.and_then(|number| u32::try_from(number).ok()).filter(|number| (1..1 << 31).contains(number))
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
