//! Telephone numbers: from what a trunk sends to one form.

use alloc::string::String;

/// What the user part of a `tel:` or `sip:` URI says, without separators and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// The number as it is dialled: digits, `*`, `#`, a leading `+`.
    pub dialled: String,
    /// RFC 3966 §5.1.5: the global prefix (`+8621`) that a local number is valid within.
    pub context: Option<String>,
}

impl Number {
    /// Reads a user part, percent-decoded.
    pub fn parse(user: &str) -> Self {
        Self { dialled: user.into(), context: None }
    }
}

/// How numbers are written where the gateway stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberPlan {
    /// Country code, such as `86`.
    pub country: String,
    /// Area code without its trunk prefix, such as `21`.
    pub area: String,
    /// Dialled before an area code, such as `0`.
    pub trunk_prefix: String,
    /// Dialled before a country code, such as `00`.
    pub international_prefix: String,
}

impl NumberPlan {
    /// The number in E.164 form with `+`; none for service codes and what is no number.
    pub fn to_e164(&self, number: &Number) -> Option<String> {
        let _ = number;
        None
    }

    /// The number as it is dialled within the country: trunk prefix and area code, or the
    /// international prefix and country code.
    pub fn to_national(&self, number: &Number) -> Option<String> {
        let _ = number;
        None
    }
}
