//! Telephone numbers: from what a trunk sends to one form.

use alloc::{borrow::ToOwned, format, string::String};

/// E.164 §6.2.1: digits of an international number, country code included.
const MAX_E164: usize = 15;
/// Digits of a subscriber's number within its area, at most.
const MAX_SUBSCRIBER: usize = 8;
/// Shorter ones are service codes (OUT-2): lists, not subscribers.
const MIN_SUBSCRIBER: usize = 7;
/// A number without `+` that begins with the own country code is an international one only if so
/// many digits follow the code: else a subscriber's number may begin so.
const MIN_AFTER_COUNTRY: usize = 10;

/// What the user part of a `tel:` or `sip:` URI says, without separators and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// The number as it is dialled: digits, `*`, `#`, a leading `+`.
    pub dialled: String,
    /// RFC 3966 §5.1.5: the global prefix (`+8621`) that a local number is valid within.
    pub context: Option<String>,
}

impl Number {
    /// Reads a user part, percent-decoded. A scheme before it (`tel:`, `sip:`) is taken off, as is
    /// what follows an `@`.
    pub fn parse(user: &str) -> Self {
        let user = ["tel:", "sip:", "sips:"]
            .into_iter()
            .find_map(|scheme| {
                let (head, rest) = user.split_at_checked(scheme.len())?;
                head.eq_ignore_ascii_case(scheme).then_some(rest)
            })
            .unwrap_or(user);
        let user = user.split('@').next().unwrap_or_default();
        let mut parts = user.split(';');
        let dialled = without_separators(parts.next().unwrap_or_default());
        let context = parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
            let value = without_separators(value);
            let is_context = name.trim().eq_ignore_ascii_case("phone-context") && value.starts_with('+');
            is_context.then_some(value)
        });
        // RFC 3966 §5.1.5: a context belongs to a local number.
        let context = context.filter(|_| !dialled.starts_with('+'));
        Self { dialled, context }
    }
}

/// RFC 3966 §5.1.1: visual separators mean nothing; white space is what people add. In a name that
/// is no number they stay (`john.smith`).
fn without_separators(text: &str) -> String {
    let is_separator = |symbol: char| symbol.is_whitespace() || matches!(symbol, '-' | '.' | '(' | ')');
    let is_dialled = |symbol: char| symbol.is_ascii_digit() || matches!(symbol, '+' | '*' | '#');
    if text.chars().all(|symbol| is_separator(symbol) || is_dialled(symbol)) {
        text.chars().filter(|symbol| is_dialled(*symbol)).collect()
    } else {
        text.trim().to_owned()
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
    ///
    /// Without a `+` or a prefix, 7 or 8 digits are a subscriber of the area, and more are a
    /// national number without its trunk prefix, such as a mobile one.
    pub fn to_e164(&self, number: &Number) -> Option<String> {
        let digits = self.international(number)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        let fits = (MIN_SUBSCRIBER..=MAX_E164).contains(&digits.len());
        (is_number && fits).then(|| format!("+{digits}"))
    }

    /// Country code and national number, unchecked.
    fn international(&self, number: &Number) -> Option<String> {
        let dialled = number.dialled.as_str();
        if let Some(digits) = dialled.strip_prefix('+').or_else(|| strip(dialled, &self.international_prefix))
        {
            return Some(self.without_trunk_prefix(digits));
        }
        if number.context.as_ref().is_some_and(|context| !self.is_ours(context)) {
            return None;
        }
        if let Some(national) = strip(dialled, &self.trunk_prefix) {
            return Some(format!("{}{national}", self.country));
        }
        let after_country = strip(dialled, &self.country).map_or(0, str::len);
        if after_country >= MIN_AFTER_COUNTRY {
            return Some(dialled.to_owned());
        }
        match dialled.len() {
            0..MIN_SUBSCRIBER => None,
            MIN_SUBSCRIBER..=MAX_SUBSCRIBER => Some(format!("{}{dialled}", self.area_of(number))),
            _ => Some(format!("{}{dialled}", self.country)),
        }
    }

    /// Some write `+86 (0)21 …`: behind the own country code no trunk prefix belongs.
    fn without_trunk_prefix(&self, digits: &str) -> String {
        let national = strip(digits, &self.country).and_then(|rest| strip(rest, &self.trunk_prefix));
        national.map_or_else(|| digits.to_owned(), |national| format!("{}{national}", self.country))
    }

    fn is_ours(&self, context: &str) -> bool {
        context.strip_prefix('+').is_some_and(|context| context.starts_with(&self.country))
    }

    /// RFC 3966 §5.1.5: a context is where a local number is valid, not what to put before it; only
    /// one of the own country tells more than the plan does, namely the area.
    fn area_of(&self, number: &Number) -> String {
        let context = number.context.as_deref().and_then(|context| context.strip_prefix('+'));
        let area = context.and_then(|context| strip(context, &self.country)).filter(|area| !area.is_empty());
        let area = area.unwrap_or(&self.area);
        format!("{}{area}", self.country)
    }

    /// The number as it is dialled within the country: trunk prefix and area code, or the
    /// international prefix and country code.
    pub fn to_national(&self, number: &Number) -> Option<String> {
        let e164 = self.to_e164(number)?;
        let digits = e164.strip_prefix('+').unwrap_or(&e164);
        Some(strip(digits, &self.country).map_or_else(
            || format!("{}{digits}", self.international_prefix),
            |national| format!("{}{national}", self.trunk_prefix),
        ))
    }
}

/// What follows a prefix; an empty prefix is none.
fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix.is_empty() { None } else { text.strip_prefix(prefix) }
}

#[cfg(test)]
mod tests;
