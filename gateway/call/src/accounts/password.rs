//! What a password of an account must be (ROOM-1).

use std::fmt;

/// How long it may be, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=32;
/// Of lower case, upper case, digits and all else, so many at least.
const CLASSES: usize = 2;

/// Why a password won't do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeakPassword {
    /// It has fewer than 8 characters, or more than 32.
    Length,
    /// It is of one class of characters.
    OneClass,
    /// Nobody could key it.
    Unprintable,
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a password has 8 to 32 characters",
            Self::OneClass => {
                "a password is of two classes of characters at least: lower case, upper case, digits, others"
            }
            Self::Unprintable => "a password is of printable characters",
        })
    }
}

impl std::error::Error for WeakPassword {}

/// ROOM-1: 8 to 32 characters of two classes.
pub fn check_password(password: &str) -> Result<(), WeakPassword> {
    if password.chars().any(char::is_control) {
        return Err(WeakPassword::Unprintable);
    }
    if !LENGTH.contains(&password.chars().count()) {
        return Err(WeakPassword::Length);
    }
    let classes: [fn(char) -> bool; 4] = [
        |letter| letter.is_lowercase(),
        |letter| letter.is_uppercase(),
        |letter| letter.is_ascii_digit(),
        |letter| !letter.is_lowercase() && !letter.is_uppercase() && !letter.is_ascii_digit(),
    ];
    let found = classes.iter().filter(|is_of| password.chars().any(**is_of)).count();
    if found < CLASSES { Err(WeakPassword::OneClass) } else { Ok(()) }
}
