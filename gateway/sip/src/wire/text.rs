//! A piece of a message.

use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A slice of a datagram, shared by reference count. SIP text is UTF-8 by rule (RFC 3261 §7) and
/// arbitrary bytes in practice, so it stays bytes and says when it is no `str`.
///
/// Serialized as text with one character for each byte: whatever came in survives any format.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Bytes);

impl Text {
    /// Text of the program itself.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// The bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, when it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// How many bytes.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares without regard to ASCII case, as RFC 3261 §7.3.1 does with tokens.
    pub fn is(&self, token: &str) -> bool {
        self.0.eq_ignore_ascii_case(token.as_bytes())
    }

    /// The shared bytes.
    pub const fn as_shared(&self) -> &Bytes {
        &self.0
    }

    /// The whole, lent.
    pub fn piece(&self) -> Piece<'_> {
        Piece { whole: &self.0, bytes: &self.0 }
    }

    /// The part that `part`, a slice borrowed from this very text, covers; no bytes are copied.
    pub(crate) fn part(&self, part: &[u8]) -> Self {
        Self(self.0.slice_ref(part))
    }

    /// Copies texts that are kept together into one piece of memory: none of them keeps the datagram alive that it came in.
    pub(crate) fn detach<'a>(texts: impl IntoIterator<Item = &'a mut Self>) {
        let texts: Vec<&mut Self> = texts.into_iter().collect();
        let whole: Vec<u8> = texts.iter().flat_map(|text| text.as_bytes()).copied().collect();
        let mut whole = Bytes::from(whole.into_boxed_slice());
        for text in texts {
            text.0 = whole.split_to(text.len());
        }
    }
}

/// A piece of a message that is looked at and not yet kept: it costs nothing until it becomes a
/// [`Text`].
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    whole: &'a Bytes,
    bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    /// What `part` covers of `whole`.
    pub(crate) const fn new(whole: &'a Bytes, part: &'a [u8]) -> Self {
        Self { whole, bytes: part }
    }

    /// The bytes as they came.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// A smaller piece, `part` of this one.
    #[must_use]
    pub const fn sub(self, part: &'a [u8]) -> Self {
        Self { bytes: part, ..self }
    }

    /// The part that `part`, a slice borrowed from this very piece, covers; no bytes are copied.
    pub fn part(self, part: &[u8]) -> Text {
        Text(self.whole.slice_ref(part))
    }

    /// All of it, to be kept.
    pub fn to_text(self) -> Text {
        self.part(self.bytes)
    }
}

impl From<Bytes> for Text {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_bytes(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_bytes(deserializer).map(Self)
    }
}

/// Bytes as text, one character a byte.
pub(crate) fn serialize_bytes<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    serializer.serialize_str(&text)
}

/// The reverse of [`serialize_bytes`].
pub(crate) fn deserialize_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes: Result<alloc::vec::Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    bytes.map(Bytes::from).map_err(|_| serde::de::Error::custom("a character above U+00FF is no byte"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn what_is_no_utf8_shows_a_replacement_and_keeps_its_bytes() {
        let text = Text::from(Bytes::from_static(b"caf\xe9 \xc3\xa9"));
        assert_eq!((text.as_str(), text.to_string().as_str()), (None, "caf\u{fffd} é"));
        assert_eq!(text.as_bytes(), b"caf\xe9 \xc3\xa9");
    }
}
