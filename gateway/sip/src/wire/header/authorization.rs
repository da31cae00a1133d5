//! Authorization (RFC 3261 §20.7, RFC 7616 §3.4), and how such headers are read.

use super::{Header, HeaderName, Shape, name_addr};
use crate::wire::{Piece, Text, scan};
use bytes::{BufMut as _, BytesMut};

/// What somebody who authenticates by digest shows. Texts stand without quotes and escapes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authorization {
    /// Who it is.
    pub username: Text,
    /// Where the password holds.
    pub realm: Text,
    /// The server's nonce.
    pub nonce: Text,
    /// The Request-URI as the sender wrote it.
    pub uri: Text,
    /// The digest, hexadecimal.
    pub response: Text,
    /// The algorithm's name; without one it is MD5 (RFC 7616 §3.4).
    pub algorithm: Option<Text>,
    /// `auth` or `auth-int`; RFC 2069 knew none.
    pub qop: Option<Text>,
    /// The sender's own nonce.
    pub cnonce: Option<Text>,
    /// How often the sender has used the nonce, eight hexadecimal digits.
    pub nonce_count: Option<Text>,
    /// What the server had sent along.
    pub opaque: Option<Text>,
}

impl Header for Authorization {
    const NAME: HeaderName = HeaderName::Authorization;
    const SHAPE: Shape = Shape::Single;

    /// Other schemes than Digest are nothing that we read.
    fn parse(value: Piece<'_>) -> Option<Self> {
        let mut read = Self::default();
        for (name, text) in digest_params(value)? {
            let place = match name {
                _ if name.eq_ignore_ascii_case(b"username") => &mut read.username,
                _ if name.eq_ignore_ascii_case(b"realm") => &mut read.realm,
                _ if name.eq_ignore_ascii_case(b"nonce") => &mut read.nonce,
                _ if name.eq_ignore_ascii_case(b"uri") => &mut read.uri,
                _ if name.eq_ignore_ascii_case(b"response") => &mut read.response,
                _ if name.eq_ignore_ascii_case(b"algorithm") => read.algorithm.get_or_insert_default(),
                _ if name.eq_ignore_ascii_case(b"qop") => read.qop.get_or_insert_default(),
                _ if name.eq_ignore_ascii_case(b"cnonce") => read.cnonce.get_or_insert_default(),
                _ if name.eq_ignore_ascii_case(b"nc") => read.nonce_count.get_or_insert_default(),
                _ if name.eq_ignore_ascii_case(b"opaque") => read.opaque.get_or_insert_default(),
                // RFC 7616 §3.4: what nobody knows is read over.
                _ => continue,
            };
            *place = text;
        }
        let is_whole =
            [&read.username, &read.nonce, &read.uri, &read.response].iter().all(|text| !text.is_empty());
        is_whole.then_some(read)
    }

    fn write(&self, out: &mut BytesMut) {
        let mut params = DigestWriter::begin(out);
        params.quoted(b"username", self.username.as_bytes());
        params.quoted(b"realm", self.realm.as_bytes());
        params.quoted(b"nonce", self.nonce.as_bytes());
        params.quoted(b"uri", self.uri.as_bytes());
        params.quoted(b"response", self.response.as_bytes());
        let plain: [(&[u8], _); 3] =
            [(b"algorithm", &self.algorithm), (b"qop", &self.qop), (b"nc", &self.nonce_count)];
        for (name, value) in plain.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            params.plain(name, value.as_bytes());
        }
        let quoted: [(&[u8], _); 2] = [(b"cnonce", &self.cnonce), (b"opaque", &self.opaque)];
        for (name, value) in quoted.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            params.quoted(name, value.as_bytes());
        }
    }
}

/// The parameters behind `Digest`, without quotes and escapes; `None` for another scheme or what is no list of them.
pub(super) fn digest_params<'a>(value: Piece<'a>) -> Option<impl Iterator<Item = (&'a [u8], Text)>> {
    const SCHEME: &[u8] = b"Digest";
    let (scheme, rest) = value.as_bytes().split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) || !rest.first().is_some_and(|byte| scan::is_blank(*byte)) {
        return None;
    }
    let parts = || scan::parts_outside(rest, b',').filter(|part| !part.is_empty());
    let split = move |part: &'a [u8]| {
        let (name, text) = scan::split_at_byte(part, b'=');
        let (name, text) = (scan::trim(name), scan::trim(text?));
        let text = match text.strip_prefix(b"\"") {
            Some(inside) => name_addr::unescape(value, inside.strip_suffix(b"\"")?),
            None => value.part(text),
        };
        scan::is_token(name).then_some((name, text))
    };
    let is_sound = parts().all(|part| split(part).is_some());
    is_sound.then(|| parts().filter_map(split))
}

/// Writes `Digest name=value, name="value"`.
pub(super) struct DigestWriter<'a> {
    out: &'a mut BytesMut,
    separator: &'static [u8],
}

impl<'a> DigestWriter<'a> {
    pub(super) fn begin(out: &'a mut BytesMut) -> Self {
        out.put_slice(b"Digest ");
        Self { out, separator: b"" }
    }

    pub(super) fn quoted(&mut self, name: &[u8], value: &[u8]) {
        self.name(name);
        name_addr::write_quoted(self.out, value);
    }

    pub(super) fn plain(&mut self, name: &[u8], value: &[u8]) {
        self.name(name);
        self.out.put_slice(value);
    }

    fn name(&mut self, name: &[u8]) {
        self.out.put_slice(self.separator);
        self.out.put_slice(name);
        self.out.put_u8(b'=');
        self.separator = b", ";
    }
}
