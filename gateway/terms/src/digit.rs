//! Keys that a caller presses. They spell meeting IDs and passwords, so they never print.

use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// One DTMF key: `0`-`9`, `*`, `#`, `A`-`D`. Its `Debug` hides which.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Digit(u8);

/// The character names no DTMF key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADigit;

impl fmt::Display for NotADigit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a DTMF key is one of 0-9 * # A-D")
    }
}

impl Digit {
    /// RFC 4733 §3.2 table 3: the keys in the order of their event codes 0 to 15.
    const KEYS: &'static [u8; 16] = b"0123456789*#ABCD";
    /// Ends an entry.
    pub const POUND: Self = Self(b'#');
    /// Clears an entry, or opens an in-meeting command.
    pub const STAR: Self = Self(b'*');

    /// The key of an RFC 4733 event code; codes above 15 are no keys.
    pub fn from_event(code: u8) -> Option<Self> {
        Self::KEYS.get(usize::from(code)).copied().map(Self)
    }

    /// The RFC 4733 event code.
    pub fn event(self) -> u8 {
        let at = Self::KEYS.iter().position(|key| *key == self.0);
        u8::try_from(at.expect("a Digit is made of KEYS only")).expect("KEYS has 16 entries")
    }

    /// The key's character. Only for comparing and for the wire, never for a log.
    pub const fn as_char(self) -> char {
        self.0 as char
    }
}

impl TryFrom<char> for Digit {
    type Error = NotADigit;

    fn try_from(key: char) -> Result<Self, NotADigit> {
        let key = u8::try_from(key.to_ascii_uppercase()).map_err(|_| NotADigit)?;
        if Self::KEYS.contains(&key) { Ok(Self(key)) } else { Err(NotADigit) }
    }
}

impl From<Digit> for char {
    fn from(digit: Digit) -> Self {
        digit.as_char()
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•")
    }
}

/// What a caller has keyed so far, up to a bound that the owner keeps. Its `Debug` tells the length only.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Digits(Vec<Digit>);

impl Digits {
    /// Nothing keyed yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a key.
    pub fn push(&mut self, digit: Digit) {
        self.0.push(digit);
    }

    /// Forgets all keys.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many keys.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was keyed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys as text. Only for comparing and for the wire, never for a log.
    pub fn to_text(&self) -> String {
        self.0.iter().map(|digit| digit.as_char()).collect()
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digits({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn rfc4733_3_2_event_codes_and_keys_agree() {
        for (code, key) in (0..=15).zip("0123456789*#ABCD".chars()) {
            let digit = Digit::try_from(key).expect("a key");
            assert_eq!((digit.event(), Digit::from_event(code)), (code, Some(digit)));
        }
        assert_eq!(Digit::from_event(16), None);
        assert_eq!(Digit::try_from('x'), Err(NotADigit));
    }

    #[test]
    fn debug_never_shows_a_key() {
        let mut digits = Digits::new();
        digits.push(Digit::from_event(7).expect("a key"));
        assert_eq!(format!("{digits:?} {:?}", Digit::POUND), "Digits(1) •");
    }
}
