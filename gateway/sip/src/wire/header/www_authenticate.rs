//! WWW-Authenticate (RFC 3261 §20.44, RFC 7616 §3.3).

use super::{
    Header, HeaderName, Shape,
    authorization::{DigestWriter, digest_params},
};
use crate::wire::{Piece, Text};
use bytes::BytesMut;

/// What a server asks of whoever wants in. Texts stand without quotes and escapes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WwwAuthenticate {
    /// Where the password holds.
    pub realm: Text,
    /// What the answer is made over.
    pub nonce: Text,
    /// The algorithm's name; without one it is MD5.
    pub algorithm: Option<Text>,
    /// What qop may be, with commas; RFC 2069 knew none.
    pub qop: Option<Text>,
    /// Whether the password may well be right, and only the nonce was not: `true`.
    pub stale: Option<Text>,
    /// What is to be sent back as it is.
    pub opaque: Option<Text>,
}

impl Header for WwwAuthenticate {
    const NAME: HeaderName = HeaderName::WwwAuthenticate;
    /// A comma separates parameters; each challenge has a line of its own (RFC 3261 §7.3.1).
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let mut read = Self::default();
        for (name, text) in digest_params(value)? {
            let place = match name {
                _ if name.eq_ignore_ascii_case(b"realm") => &mut read.realm,
                _ if name.eq_ignore_ascii_case(b"nonce") => &mut read.nonce,
                _ if name.eq_ignore_ascii_case(b"algorithm") => read.algorithm.get_or_insert_default(),
                _ if name.eq_ignore_ascii_case(b"qop") => read.qop.get_or_insert_default(),
                _ if name.eq_ignore_ascii_case(b"stale") => read.stale.get_or_insert_default(),
                _ if name.eq_ignore_ascii_case(b"opaque") => read.opaque.get_or_insert_default(),
                _ => continue,
            };
            *place = text;
        }
        (!read.nonce.is_empty()).then_some(read)
    }

    fn write(&self, out: &mut BytesMut) {
        let mut params = DigestWriter::begin(out);
        params.quoted(b"realm", self.realm.as_bytes());
        params.quoted(b"nonce", self.nonce.as_bytes());
        let plain: [(&[u8], _); 2] = [(b"algorithm", &self.algorithm), (b"stale", &self.stale)];
        for (name, value) in plain.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            params.plain(name, value.as_bytes());
        }
        let quoted: [(&[u8], _); 2] = [(b"qop", &self.qop), (b"opaque", &self.opaque)];
        for (name, value) in quoted.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            params.quoted(name, value.as_bytes());
        }
    }
}
