//! One account.

use serde::{Deserialize, Serialize};
use terms::{AccountName, HashedPassword, SerialNumber, TenantId, WallTime};

use super::AccountRules;

/// An account of a room system. Serialized it is what the store keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The user part of its address.
    pub name: AccountName,
    /// What people call it.
    pub display_name: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is licensed.
    #[serde(rename = "type")]
    pub kind: AccountType,
    /// By what it logs in.
    pub password: HashedPassword,
    /// The realm that the password was hashed for; for another it opens nothing.
    pub realm: String,
    /// The device that it is for, where it is for one.
    pub serial: Option<SerialNumber>,
    /// How long it lives.
    pub life: Life,
    /// Where it is kept.
    #[serde(skip)]
    pub kept: Kept,
}

/// What an account is for, and what is licensed (ROOM-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountType {
    /// A room system of another maker.
    ThirdParty,
    /// A room system of the service's own.
    Professional,
    /// A board.
    Board,
    /// Software of a meeting room.
    Rooms,
}

/// Where an account is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kept {
    /// In the store, by the API.
    #[default]
    Store,
    /// In the configuration.
    File,
}

/// How long an account lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// Until somebody ends it.
    #[default]
    Lasting,
    /// OPS-4: on trial, then frozen, then removed.
    Trial {
        /// When the trial began.
        since: WallTime,
    },
}

/// Where an account is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It may register.
    Active,
    /// It may not; it is still there.
    Frozen,
    /// It is to be removed.
    Over,
}

impl Life {
    pub(super) fn standing(self, now: WallTime, rules: &AccountRules) -> Standing {
        let Self::Trial { since } = self else { return Standing::Active };
        let age = u128::from(now.as_unix_nanos().saturating_sub(since.as_unix_nanos()));
        match age {
            age if age < rules.trial.as_nanos() => Standing::Active,
            age if age < (rules.trial + rules.frozen).as_nanos() => Standing::Frozen,
            _ => Standing::Over,
        }
    }
}
