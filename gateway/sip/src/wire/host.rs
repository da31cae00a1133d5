//! A host of a URI or a Via.

use super::{Piece, Text, scan};
use bytes::{BufMut as _, BytesMut};
use core::{
    cmp::Ordering,
    fmt::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};
use serde::{Deserialize, Serialize};

/// A host of a URI or a Via. Names compare without regard to case (RFC 3261 §19.1.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Host {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, in brackets on the wire.
    V6(Ipv6Addr),
    /// A name.
    Name(Text),
}

impl Host {
    /// The host that `text`, a part of `whole`, names.
    pub(crate) fn parse(whole: Piece<'_>, text: &[u8]) -> Option<Self> {
        match literal(text) {
            Some(address) => Some(address.into()),
            None => is_name(text).then(|| Self::Name(whole.part(text))),
        }
    }

    /// Whether `text` is a host.
    pub(crate) fn check(text: &[u8]) -> bool {
        is_name(text) || literal(text).is_some()
    }

    /// The address, when the host is one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6(address) => Some(IpAddr::V6(*address)),
            Self::Name(_) => None,
        }
    }

    /// Appends the host as it stands in a message.
    pub fn write(&self, out: &mut BytesMut) {
        match self {
            Self::V4(address) => write_display(out, address),
            Self::V6(address) => {
                out.put_u8(b'[');
                write_display(out, address);
                out.put_u8(b']');
            }
            Self::Name(name) => out.put_slice(name.as_bytes()),
        }
    }
}

fn is_name(text: &[u8]) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_');
    !text.is_empty() && text.iter().fold(true, |so_far, byte| so_far & is_name_byte(*byte))
}

/// Appends a number or address.
pub(crate) fn write_display(out: &mut BytesMut, value: impl fmt::Display) {
    write!(out, "{value}").expect("BytesMut grows");
}

fn folded(name: &Text) -> impl Iterator<Item = u8> {
    name.as_bytes().iter().map(u8::to_ascii_lowercase)
}

/// An address as it stands in a URI: IPv4, or IPv6 in brackets.
fn literal(text: &[u8]) -> Option<IpAddr> {
    match text {
        [b'[', inside @ .., b']'] => {
            Ipv6Addr::from_str(core::str::from_utf8(inside).ok()?).ok().map(IpAddr::V6)
        }
        [b'0'..=b'9', ..] => Ipv4Addr::from_str(core::str::from_utf8(text).ok()?).ok().map(IpAddr::V4),
        _ => None,
    }
}

/// `host[:port]` in two. White space may stand around the colon in a Via (RFC 3261 §25.1 COLON).
pub(crate) fn split_port(text: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let host_len = match text.first() {
        Some(b'[') => scan::find(text, b']')? + 1,
        _ => scan::find(text, b':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at_checked(host_len)?;
    match scan::trim(rest) {
        [] => Some((scan::trim(host), None)),
        [b':', port @ ..] => {
            let port = scan::decimal(scan::trim(port)).and_then(|port| u16::try_from(port).ok())?;
            Some((scan::trim(host), Some(port)))
        }
        _ => None,
    }
}

impl Ord for Host {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::V4(a), Self::V4(b)) => a.cmp(b),
            (Self::V6(a), Self::V6(b)) => a.cmp(b),
            (Self::Name(a), Self::Name(b)) => folded(a).cmp(folded(b)),
            (Self::V4(_), _) | (Self::V6(_), Self::Name(_)) => Ordering::Less,
            (Self::V6(_) | Self::Name(_), _) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Host {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Host {}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => fmt::Display::fmt(address, f),
            Self::V6(address) => write!(f, "[{address}]"),
            Self::Name(name) => fmt::Display::fmt(name, f),
        }
    }
}
