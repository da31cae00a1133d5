//! What opens a meeting, and what of it a phone can key (DIAL-3).

use std::fmt;

use serde::{Deserialize, Serialize};
use terms::Secret;

use crate::question::{Entrance, Role};

/// Digits that a phone can key: fewer are guessed, more are mistyped.
const KEYABLE: std::ops::RangeInclusive<usize> = 4..=32;
/// The longest password, in bytes.
const LONGEST: usize = 64;

/// The passwords of a meeting, and the PINs that stand in for those that no phone can key. An empty one is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Passwords {
    /// Joins as host; where there is none, nobody is host by joining.
    #[serde(default)]
    pub host_password: Secret,
    /// Joins as guest; where there is none, guests are asked for nothing.
    #[serde(default)]
    pub guest_password: Secret,
    /// Joins a phone as host.
    #[serde(default)]
    pub host_pin: Secret,
    /// Joins a phone as guest.
    #[serde(default)]
    pub guest_pin: Secret,
}

/// Why passwords won't do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordFault {
    /// Nobody could be host.
    NoHostPassword,
    /// One is longer than anybody keys.
    TooLong,
    /// A PIN that no phone can key.
    PinNotKeyable,
    /// What makes a host and what makes a guest are the same.
    Same,
}

impl fmt::Display for PasswordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHostPassword => "`host_password` is empty; nobody could be host",
            Self::TooLong => "a password has 64 bytes at most",
            Self::PinNotKeyable => "phones can key digits only; a PIN has 4 to 32 of them",
            Self::Same => {
                "`host_password` and `guest_password`, or their PINs, are the same; nobody could join as guest"
            }
        })
    }
}

impl std::error::Error for PasswordFault {}

/// Whether a phone can key it: digits, 4 at least.
pub fn is_keyable(password: &Secret) -> bool {
    let text = password.reveal();
    KEYABLE.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Passwords {
    /// Passwords without PINs.
    pub fn new(host_password: Secret, guest_password: Secret) -> Self {
        Self { host_password, guest_password, ..Self::default() }
    }

    /// Whether they tell hosts and guests apart.
    pub fn check(&self) -> Result<(), PasswordFault> {
        let all = [&self.host_password, &self.guest_password, &self.host_pin, &self.guest_pin];
        if self.host_password.reveal().is_empty() && !self.guest_password.reveal().is_empty() {
            return Err(PasswordFault::NoHostPassword);
        }
        if all.iter().any(|password| password.reveal().len() > LONGEST) {
            return Err(PasswordFault::TooLong);
        }
        let is_bad_pin = |pin: &Secret| !pin.reveal().is_empty() && !is_keyable(pin);
        if is_bad_pin(&self.host_pin) || is_bad_pin(&self.guest_pin) {
            return Err(PasswordFault::PinNotKeyable);
        }
        let keyed = (self.keyed(Role::Host), self.keyed(Role::Guest));
        let is_secret = !self.host_password.reveal().is_empty();
        if (is_secret && self.host_password == self.guest_password)
            || matches!(keyed, (Some(host), Some(guest)) if host == guest)
        {
            return Err(PasswordFault::Same);
        }
        Ok(())
    }

    /// What a phone keys to join as `role`, where it can.
    pub fn keyed(&self, role: Role) -> Option<&Secret> {
        let (pin, password) = match role {
            Role::Host => (&self.host_pin, &self.host_password),
            Role::Guest => (&self.guest_pin, &self.guest_password),
        };
        [pin, password].into_iter().find(|secret| is_keyable(secret))
    }

    /// What a phone is asked for.
    pub(super) fn entrance(&self) -> Entrance {
        if self.guest_password.reveal().is_empty() {
            if self.keyed(Role::Host).is_some() { Entrance::HostPassword } else { Entrance::Open }
        } else if self.keyed(Role::Host).or_else(|| self.keyed(Role::Guest)).is_none() {
            Entrance::NoPhonePassword
        } else {
            Entrance::Password
        }
    }

    /// What was keyed makes a host, or a guest, or nothing. Both are compared whatever the first says.
    pub(super) fn role(&self, keyed: &Secret) -> Option<Role> {
        let fits = |role| self.keyed(role).is_some_and(|secret| secret.matches(keyed.reveal()));
        match (fits(Role::Host), fits(Role::Guest)) {
            (true, _) => Some(Role::Host),
            (false, true) => Some(Role::Guest),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords([host_password, guest_password, host_pin, guest_pin]: [&str; 4]) -> Passwords {
        let secret = |text: &str| Secret::new(text.into());
        Passwords {
            host_password: secret(host_password),
            guest_password: secret(guest_password),
            host_pin: secret(host_pin),
            guest_pin: secret(guest_pin),
        }
    }

    #[test]
    fn dial_3_what_a_phone_is_asked_for_and_what_it_can_key() {
        let rows = [
            ("digits", ["4321", "1234", "", ""], Entrance::Password, Some("4321"), Some("1234")),
            ("guests need none", ["4321", "", "", ""], Entrance::HostPassword, Some("4321"), None),
            ("nor can the host key its own", ["host!", "", "", ""], Entrance::Open, None, None),
            ("nobody has one", ["", "", "", ""], Entrance::Open, None, None),
            ("letters", ["host!", "guest!", "", ""], Entrance::NoPhonePassword, None, None),
            ("a PIN for guests", ["host!", "guest!", "", "8888"], Entrance::Password, None, Some("8888")),
            ("letters for guests only", ["4321", "guest!", "", ""], Entrance::Password, Some("4321"), None),
            ("three digits", ["host!", "123", "", ""], Entrance::NoPhonePassword, None, None),
            (
                "a PIN beside digits",
                ["4321", "1234", "", "8888"],
                Entrance::Password,
                Some("4321"),
                Some("8888"),
            ),
        ];
        for (name, texts, entrance, host, guest) in rows {
            let passwords = passwords(texts);
            assert_eq!(passwords.check(), Ok(()), "{name}");
            assert_eq!(passwords.entrance(), entrance, "{name}");
            assert_eq!(passwords.keyed(Role::Host).map(Secret::reveal), host, "{name}");
            assert_eq!(passwords.keyed(Role::Guest).map(Secret::reveal), guest, "{name}");
        }
    }

    #[test]
    fn dial_3_no_character_is_dropped_from_a_secret() {
        let passwords = passwords(["host!", "12a34", "", ""]);
        for keyed in ["1234", "12", "12a34", ""] {
            assert_eq!(passwords.role(&Secret::new(keyed.into())), None, "{keyed}");
        }
    }

    #[test]
    fn passwords_that_tell_nobody_apart_are_refused() {
        let long = "1".repeat(65);
        let rows = [
            ("no host", ["", "1234", "", ""], PasswordFault::NoHostPassword),
            ("the same", ["1234", "1234", "", ""], PasswordFault::Same),
            ("the same by a PIN", ["4321", "guest!", "", "4321"], PasswordFault::Same),
            ("a short PIN", ["4321", "guest!", "", "123"], PasswordFault::PinNotKeyable),
            ("too long", ["4321", &long, "", ""], PasswordFault::TooLong),
        ];
        for (name, texts, expected) in rows {
            assert_eq!(passwords(texts).check(), Err(expected), "{name}");
        }
    }
}
