//! The keys of a meeting: what a participant presses, and what it wants by that (DIAL-8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use terms::{Digit, Digits, Instant};

use crate::question::Wish;

/// A pause that long between two keys of one command begins a new one.
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Use {
    /// Something that the core decides.
    Wish(Wish),
    /// Say what keys there are.
    Help,
}

/// The operator's map, from what is pressed to what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    by_keys: BTreeMap<String, Use>,
}

/// Why keys can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysError {
    /// It is none of `*` or `#` and one to three digits.
    Form,
    /// Another command has these keys, or begins with them, or they begin with its keys.
    Taken(String),
}

impl std::fmt::Display for KeysError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form => f.write_str("write * or # and one to three digits, such as \"*6\""),
            Self::Taken(keys) => write!(f, "another command is at {keys}: they could not be told apart"),
        }
    }
}

impl std::error::Error for KeysError {}

impl Default for Keys {
    fn default() -> Self {
        let map = Self::SHIPPED.map(|(_, keys, purpose)| (keys.to_owned(), purpose));
        Self { by_keys: map.into() }
    }
}

impl Keys {
    /// Each command's name in the configuration, its keys unless the operator chooses others, and what it is.
    pub const SHIPPED: [(&'static str, &'static str, Use); 6] = [
        ("mute", "*6", Use::Wish(Wish::ToggleVoice)),
        ("raise_hand", "*9", Use::Wish(Wish::RaiseHand)),
        ("help", "*0", Use::Help),
        ("lock", "*5", Use::Wish(Wish::ToggleLock)),
        ("mute_all", "*7", Use::Wish(Wish::MuteAll)),
        ("end", "*8", Use::Wish(Wish::End)),
    ];

    /// No command has keys yet.
    pub const fn none() -> Self {
        Self { by_keys: BTreeMap::new() }
    }

    /// Gives a command its keys.
    pub fn add(&mut self, keys: &str, purpose: Use) -> Result<(), KeysError> {
        let digits = keys.strip_prefix(['*', '#']).ok_or(KeysError::Form)?;
        if !(1..=3).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(KeysError::Form);
        }
        let clash = |other: &&String| other.starts_with(keys) || keys.starts_with(other.as_str());
        if let Some(other) = self.by_keys.keys().find(clash) {
            return Err(KeysError::Taken(other.clone()));
        }
        self.by_keys.insert(keys.to_owned(), purpose);
        Ok(())
    }

    fn find(&self, keyed: &str) -> Option<Use> {
        self.by_keys.get(keyed).copied()
    }

    fn begins_one(&self, keyed: &str) -> bool {
        self.by_keys.keys().any(|keys| keys.starts_with(keyed))
    }
}

/// What a participant has pressed of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Pressed {
    keyed: Digits,
    last: Instant,
}

impl Pressed {
    /// Takes a key; the command that it completes, if it does. What begins none is forgotten.
    pub(crate) fn press(&mut self, now: Instant, digit: Digit, keys: &Keys) -> Option<Use> {
        if now.since(std::mem::replace(&mut self.last, now)) > LONGEST_PAUSE {
            self.keyed.clear();
        }
        self.keyed.push(digit);
        if !keys.begins_one(&self.keyed.to_text()) {
            self.keyed.clear();
            self.keyed.push(digit);
        }
        let text = self.keyed.to_text();
        if !keys.begins_one(&text) {
            self.keyed.clear();
            return None;
        }
        let found = keys.find(&text);
        if found.is_some() {
            self.keyed.clear();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn press(pressed: &mut Pressed, at: u64, keys: &str) -> Vec<Use> {
        let now = Instant::ZERO + Duration::from_secs(at);
        let map = Keys::default();
        let digit = |key| Digit::try_from(key).expect("a key");
        keys.chars().filter_map(|key| pressed.press(now, digit(key), &map)).collect()
    }

    #[test]
    fn dial_8_keys_are_told_apart_from_what_is_pressed_around_them() {
        let mute = Use::Wish(Wish::ToggleVoice);
        let rows: [(&str, &str, &[Use]); 7] = [
            ("mute", "*6", &[mute]),
            ("twice", "*6*6", &[mute, mute]),
            ("star twice", "**6", &[mute]),
            ("a mistake first", "*16*6", &[mute]),
            ("digits alone", "6660", &[]),
            ("pound", "#6", &[]),
            ("two commands", "*6*0", &[mute, Use::Help]),
        ];
        for (name, keys, expected) in rows {
            assert_eq!(press(&mut Pressed::default(), 1, keys), expected, "{name}");
        }
    }

    #[test]
    fn dial_8_a_star_of_long_ago_begins_nothing() {
        let mut pressed = Pressed::default();
        assert_eq!(press(&mut pressed, 1, "*"), []);
        assert_eq!(press(&mut pressed, 7, "6"), []);
    }

    #[test]
    fn commands_that_could_not_be_told_apart_are_refused() {
        let rows = [
            ("taken", "*6", Err(KeysError::Taken("*6".into()))),
            ("longer", "*61", Err(KeysError::Taken("*6".into()))),
            ("no star", "61", Err(KeysError::Form)),
            ("nothing after it", "*", Err(KeysError::Form)),
            ("letters", "*A", Err(KeysError::Form)),
            ("its own", "#61", Ok(())),
        ];
        for (name, keys, expected) in rows {
            assert_eq!(Keys::default().add(keys, Use::Help), expected, "{name}");
        }
    }
}
