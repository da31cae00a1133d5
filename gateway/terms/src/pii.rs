//! What must not show: personal data above DEBUG, secrets anywhere.

use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A number or address of a person: `Display` keeps its first characters and masks the rest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pii<T>(pub T);

/// How much of a number still says which carrier and area it is of, but not whose.
const SHOWN: usize = 4;

impl<T: AsRef<str>> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.as_ref();
        let shown: String = text.chars().take(SHOWN).collect();
        f.write_str(&shown)?;
        if text.chars().count() > SHOWN { f.write_str("…") } else { Ok(()) }
    }
}

impl<T: AsRef<str>> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A password, PIN or token: compares in constant time and never prints.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for where it is checked or sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is this secret, in a time that tells nothing of where they differ.
    pub fn matches(&self, candidate: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), candidate.as_bytes());
        let differing = own.iter().zip(other).fold(0, |differing, (a, b)| differing | (a ^ b));
        own.len() == other.len() && core::hint::black_box(differing) == 0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};

    #[test]
    fn a_number_shows_its_start_only() {
        assert_eq!(Pii("+8613800138000").to_string(), "+861…");
        assert_eq!(format!("{:?}", Pii("9001")), "9001");
    }

    #[test]
    fn a_secret_matches_itself_alone_and_never_prints() {
        let secret = Secret::new("4321".to_string());
        assert!(secret.matches("4321"));
        for other in ["", "432", "4322", "43210"] {
            assert!(!secret.matches(other), "{other}");
        }
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
