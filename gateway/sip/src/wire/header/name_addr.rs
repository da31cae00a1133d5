//! `"Name" <uri>;parameters` (RFC 3261 §20.10), which many headers are made of.

use crate::wire::{Params, Piece, Text, Uri, scan};
use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// What names one side of a dialog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(pub Text);

/// A URI, who that is, and parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameAddr {
    /// The display name without its quotes.
    pub display: Option<Text>,
    /// The URI.
    pub uri: Uri,
    /// The parameters outside the angle brackets.
    pub params: Params,
}

impl NameAddr {
    /// Only a URI.
    pub const fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::EMPTY }
    }

    /// The same with a display name.
    #[must_use]
    pub fn named(mut self, display: Text) -> Self {
        self.display = Some(display);
        self
    }

    /// All that it consists of, for [`Text::detach`].
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        let Self { display, uri, params } = self;
        display.iter_mut().chain([uri.text_mut(), params.text_mut()])
    }

    /// The tag.
    pub fn tag(&self) -> Option<Tag> {
        self.params.get("tag").filter(|tag| !tag.is_empty()).map(Tag)
    }

    /// The same with that tag in place of any before.
    #[must_use]
    pub fn with_tag(&self, tag: &Tag) -> Self {
        Self { params: self.params.with("tag", &tag.0), ..self.clone() }
    }

    /// The same without a tag.
    #[must_use]
    pub fn without_tag(&self) -> Self {
        Self { params: self.params.without("tag"), ..self.clone() }
    }

    /// Reads one value.
    pub(crate) fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = scan::trim(value.as_bytes());
        if bytes.first() == Some(&b'"') {
            let (quoted, rest) = bytes.split_at_checked(scan::quoted_len(bytes)?)?;
            let inside = quoted.get(1..quoted.len().checked_sub(1)?)?;
            return Self::parse_bracketed(value, Some(unescape(value, inside)), scan::trim(rest));
        }
        match bytes.iter().position(|byte| *byte == b'<').and_then(|at| bytes.split_at_checked(at)) {
            Some((display, rest)) => {
                let display = scan::trim(display);
                let is_sound = display.iter().all(|byte| !matches!(byte, b'"' | b'>' | b';' | b','));
                let display = (!display.is_empty()).then(|| value.part(display));
                is_sound.then(|| Self::parse_bracketed(value, display, rest))?
            }
            None => Self::parse_bare(value, bytes),
        }
    }

    fn parse_bracketed(whole: Piece<'_>, display: Option<Text>, text: &[u8]) -> Option<Self> {
        let inside = text.strip_prefix(b"<")?;
        let (uri, params) = scan::split_at_byte(inside, b'>');
        let params = Params::parse(whole.part(scan::trim(params?)))?;
        Some(Self { display, uri: Uri::parse(whole.part(scan::trim(uri))).ok()?, params })
    }

    /// RFC 3261 §20: without brackets, what follows a semicolon belongs to the header, and the URI
    /// can hold no comma, question mark or semicolon.
    fn parse_bare(whole: Piece<'_>, text: &[u8]) -> Option<Self> {
        let params_at = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        let (uri, params) = text.split_at_checked(params_at)?;
        if uri.iter().any(|byte| matches!(byte, b'?' | b',')) {
            return None;
        }
        let params = Params::parse(whole.part(params))?;
        Some(Self { display: None, uri: Uri::parse(whole.part(scan::trim(uri))).ok()?, params })
    }

    /// Appends the value.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        if let Some(display) = &self.display {
            write_quoted(out, display.as_bytes());
            out.put_u8(b' ');
        }
        out.put_u8(b'<');
        out.put_slice(self.uri.as_text().as_bytes());
        out.put_u8(b'>');
        out.put_slice(self.params.as_text().as_bytes());
    }
}

/// Appends a quoted string (RFC 3261 §25.1). Line ends become spaces.
pub(crate) fn write_quoted(out: &mut BytesMut, text: &[u8]) {
    out.put_u8(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.put_slice(&[b'\\', *byte]),
            b'\r' | b'\n' => out.put_u8(b' '),
            byte => out.put_u8(*byte),
        }
    }
    out.put_u8(b'"');
}

/// The inside of a quoted string without its backslashes; a copy only where there is one.
pub(crate) fn unescape(whole: Piece<'_>, inside: &[u8]) -> Text {
    if !inside.contains(&b'\\') {
        return whole.part(inside);
    }
    let mut is_escaped = false;
    let plain = inside.iter().copied().filter(|byte| {
        is_escaped = *byte == b'\\' && !is_escaped;
        !is_escaped
    });
    Bytes::from_iter(plain).into()
}

/// A header that is a [`NameAddr`] and nothing else.
macro_rules! address_header {
    ($(#[$doc:meta])* $name:ident, $shape:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $crate::wire::NameAddr);

        impl $crate::wire::Header for $name {
            const NAME: $crate::wire::HeaderName = $crate::wire::HeaderName::$name;
            const SHAPE: $crate::wire::header::Shape = $crate::wire::header::Shape::$shape;

            fn parse(value: $crate::wire::Piece<'_>) -> Option<Self> {
                $crate::wire::NameAddr::parse(value).map(Self)
            }

            fn write(&self, out: &mut bytes::BytesMut) {
                self.0.write(out);
            }
        }
    };
}
pub(crate) use address_header;
