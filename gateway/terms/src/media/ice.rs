//! What both sides are known by in connectivity checks (ICE, RFC 8445).

use alloc::string::String;
use core::{fmt, hint};
use serde::{Deserialize, Serialize};

/// Whether checks are answered where a peer offers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ice {
    /// RFC 8445 §2.5: we answer them, and make none.
    Lite,
    /// The peer is told nothing of them, and finds us by the address alone.
    #[default]
    Off,
}

/// What checks of one side are known and signed by (RFC 8839 §5.4). The password never prints, and is wiped when it goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceCredentials {
    /// `ice-ufrag`: 4 to 256 characters.
    pub ufrag: String,
    password: Password,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Password(String);

impl IceCredentials {
    /// RFC 8839 §5.4: `None` where they are too short, too long, or of other characters.
    pub fn new(ufrag: String, password: String) -> Option<Self> {
        let is_of_ice =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
        let fits = (4..=256).contains(&ufrag.len()) && (22..=256).contains(&password.len());
        (fits && is_of_ice(&ufrag) && is_of_ice(&password))
            .then_some(Self { ufrag, password: Password(password) })
    }

    /// `ice-pwd`, for the wire and for signing.
    pub fn reveal(&self) -> &str {
        &self.password.0
    }
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCredentials({})", self.ufrag)
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        let mut octets = core::mem::take(&mut self.0).into_bytes();
        octets.fill(0);
        hint::black_box(&octets);
    }
}

/// What was agreed on for checks. Other credentials on either side are a restart (RFC 8445 §9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceTerms {
    /// By which the peer's checks are known.
    pub ours: IceCredentials,
    /// By which ours would be, if we made any.
    pub theirs: IceCredentials,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};

    #[test]
    fn rfc8839_5_4_credentials_have_a_least_length_and_no_other_characters_and_the_password_never_prints() {
        let made = |ufrag: &str, password: &str| IceCredentials::new(ufrag.to_string(), password.to_string());
        let credentials = made("evtj", "VOkJxbRl1RmTxUk/WvJxBt").expect("they fit");
        assert_eq!(format!("{credentials:?}"), "IceCredentials(evtj)");
        for (ufrag, password) in [
            ("evt", "VOkJxbRl1RmTxUk/WvJxBt"),
            ("evtj", "VOkJxbRl1RmTxUk/WvJxB"),
            ("ev:j", "VOkJxbRl1RmTxUk/WvJxBt"),
            ("evtj", "VOkJxbRl1RmTxUk WvJxBt"),
            ("e".repeat(257).as_str(), "VOkJxbRl1RmTxUk/WvJxBt"),
        ] {
            assert_eq!(made(ufrag, password), None, "{ufrag} {password}");
        }
    }
}
