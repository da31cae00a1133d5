//! Accounts of room systems: whose they are, how many may register, how long they live (ROOM-2).
//!
//! ```text
//!  interwork ── Question ──▶ ┌──────────┐ ◀── Put, Delete ── administration
//!            ◀── Answer ──── │ Accounts │ ─── Removed ─────▶ bindings, store
//!                            └──────────┘
//! ```
//!
//! A remote core will answer the same questions; who asks can't tell the difference.

mod account;
mod password;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use terms::{AccountName, HashedPassword, Instant, Now, SerialNumber, TenantId};

pub use account::{Account, AccountType, Kept, Life, Standing};
pub use password::{WeakPassword, check_password};

/// How often it is looked whose trial is over.
const HOUSEKEEPING: Duration = Duration::from_secs(3_600);

/// What holds for all accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRules {
    /// Where passwords hold: those that were hashed for another open nothing.
    pub realm: String,
    /// Devices that a tenant may have registered at once, by the type of their account; where there is no line, any number.
    pub licences: BTreeMap<(TenantId, AccountType), u32>,
    /// How long a trial lasts.
    pub trial: Duration,
    /// How long an account stays frozen before it is removed.
    pub frozen: Duration,
}

impl Default for AccountRules {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            realm: "gateway".to_owned(),
            licences: BTreeMap::new(),
            trial: Duration::from_secs(180 * DAY),
            frozen: Duration::from_secs(30 * DAY),
        }
    }
}

/// What a registrar asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// By what does this account log in?
    Password(AccountName),
    /// May this account have so many devices registered?
    Enroll {
        /// Which, logged in.
        account: AccountName,
        /// With those that it has already.
        devices: u32,
        /// What the device that asks calls itself by, where it does.
        serial: Option<SerialNumber>,
    },
    /// May this account, logged in, call?
    Calling(AccountName),
}

/// What it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// By that; nobody has an account of that name: `None`.
    Password(Option<HashedPassword>),
    /// It may, or why not.
    Enrolled(Result<(), Denial>),
    /// It may, as an account of that tenant, or why not.
    Caller(Result<TenantId, Denial>),
}

/// Why a device of an account that logged in may not register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denial {
    /// The account was removed meanwhile.
    NoAccount,
    /// Its trial is over.
    Frozen,
    /// The tenant has as many devices of that type as it has licences.
    NoLicence {
        /// How many.
        licences: u32,
    },
    /// The device is of another tenant.
    SerialElsewhere(TenantId),
}

/// Why there can be no such account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountFault {
    /// ROOM-2: another tenant has the serial number.
    SerialElsewhere(TenantId),
    /// Another account of the same tenant has it.
    SerialTaken(AccountName),
}

/// Licences and their use, for the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceView {
    /// Whose.
    pub tenant: TenantId,
    /// For which accounts.
    #[serde(rename = "type")]
    pub kind: AccountType,
    /// How many; `None` is any number.
    pub licences: Option<u32>,
    /// Devices that are registered.
    pub in_use: u32,
}

/// All accounts of this node.
#[derive(Debug, Default)]
pub struct Accounts {
    by_name: BTreeMap<AccountName, Account>,
    serials: BTreeMap<SerialNumber, AccountName>,
    rules: AccountRules,
    /// Devices that each account has registered.
    devices: BTreeMap<AccountName, u32>,
    taken: BTreeMap<(TenantId, AccountType), u32>,
    due: Option<Instant>,
    removed: VecDeque<AccountName>,
}

impl Accounts {
    /// Other rules from here on; who is registered stays.
    pub fn configure(&mut self, rules: AccountRules) {
        self.rules = rules;
    }

    /// Whether there can be such an account.
    pub fn check(&self, account: &Account) -> Result<(), AccountFault> {
        let holder = account.serial.as_ref().and_then(|serial| self.by_name.get(self.serials.get(serial)?));
        match holder {
            Some(holder) if holder.tenant != account.tenant => {
                Err(AccountFault::SerialElsewhere(holder.tenant.clone()))
            }
            Some(holder) if holder.name != account.name => {
                Err(AccountFault::SerialTaken(holder.name.clone()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// An account begins to exist, or is changed. It was checked.
    pub fn put(&mut self, now: Instant, account: Account) {
        let devices = self.devices.get(&account.name).copied().unwrap_or(0);
        self.forget(&account.name);
        if let Some(serial) = &account.serial {
            self.serials.insert(serial.clone(), account.name.clone());
        }
        if let Life::Trial { .. } = account.life {
            self.due.get_or_insert(now);
        }
        let name = account.name.clone();
        self.by_name.insert(name.clone(), account);
        self.set_devices(&name, devices);
    }

    /// An account ends, and its serial number is free.
    pub fn delete(&mut self, name: &AccountName) -> Option<Account> {
        self.forget(name)
    }

    /// One account.
    pub fn get(&self, name: &AccountName) -> Option<&Account> {
        self.by_name.get(name)
    }

    /// The accounts behind `after`, by name.
    pub fn list(&self, after: Option<&AccountName>) -> impl Iterator<Item = &Account> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.by_name.range((after.map_or(Unbounded, Excluded), Unbounded)).map(|(_, account)| account)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// How long an account still serves.
    pub fn standing(&self, now: Now, account: &Account) -> Standing {
        account.life.standing(now.wall, &self.rules)
    }

    /// Licences that there are or that are in use.
    pub fn licences(&self) -> Vec<LicenceView> {
        let keys: std::collections::BTreeSet<_> =
            self.rules.licences.keys().chain(self.taken.keys()).collect();
        let view = |key: &(TenantId, AccountType)| LicenceView {
            tenant: key.0.clone(),
            kind: key.1,
            licences: self.rules.licences.get(key).copied(),
            in_use: self.taken.get(key).copied().unwrap_or(0),
        };
        keys.into_iter().map(view).collect()
    }

    /// What a registrar is answered.
    pub fn answer(&mut self, now: Now, question: Question) -> Answer {
        match question {
            Question::Password(name) => {
                let account = self.by_name.get(&name).filter(|account| account.realm == self.rules.realm);
                Answer::Password(account.map(|account| account.password.clone()))
            }
            Question::Enroll { account, devices, serial } => {
                let enrolled = self.enroll(now, (&account, devices), serial.as_ref());
                if enrolled.is_ok() {
                    self.set_devices(&account, devices);
                }
                Answer::Enrolled(enrolled)
            }
            Question::Calling(name) => Answer::Caller(self.caller(now, &name)),
        }
    }

    /// An account has so many devices registered; some have gone.
    pub fn set_devices(&mut self, name: &AccountName, devices: u32) {
        let Some(account) = self.by_name.get(name) else { return };
        let before = self.devices.remove(name).unwrap_or(0);
        if devices > 0 {
            self.devices.insert(name.clone(), devices);
        }
        let taken = self.taken.entry((account.tenant.clone(), account.kind)).or_default();
        *taken = *taken - before + devices;
        if *taken == 0 {
            self.taken.remove(&(account.tenant.clone(), account.kind));
        }
    }

    /// When to come with [`Accounts::on_time`].
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// OPS-4: accounts that were frozen long enough end.
    pub fn on_time(&mut self, now: Now) {
        if self.due.is_none_or(|due| now.mono < due) {
            return;
        }
        let is_over = |account: &&Account| account.life.standing(now.wall, &self.rules) == Standing::Over;
        let over: Vec<AccountName> =
            self.by_name.values().filter(is_over).map(|account| account.name.clone()).collect();
        for name in over {
            self.forget(&name);
            self.removed.push_back(name);
        }
        let has_trials = self.by_name.values().any(|account| account.life != Life::Lasting);
        self.due = has_trials.then(|| now.mono + HOUSEKEEPING);
    }

    /// An account that ended by itself.
    pub fn poll_removed(&mut self) -> Option<AccountName> {
        self.removed.pop_front()
    }

    fn caller(&self, now: Now, name: &AccountName) -> Result<TenantId, Denial> {
        let account = self.by_name.get(name).ok_or(Denial::NoAccount)?;
        if self.standing(now, account) == Standing::Active {
            Ok(account.tenant.clone())
        } else {
            Err(Denial::Frozen)
        }
    }

    fn enroll(
        &self,
        now: Now,
        (name, devices): (&AccountName, u32),
        serial: Option<&SerialNumber>,
    ) -> Result<(), Denial> {
        let account = self.by_name.get(name).ok_or(Denial::NoAccount)?;
        let before = self.devices.get(name).copied().unwrap_or(0);
        if devices == 0 {
            // Who leaves may.
            return Ok(());
        }
        if self.standing(now, account) != Standing::Active {
            return Err(Denial::Frozen);
        }
        let holder = serial.and_then(|serial| self.by_name.get(self.serials.get(serial)?));
        if let Some(holder) = holder.filter(|holder| holder.tenant != account.tenant) {
            return Err(Denial::SerialElsewhere(holder.tenant.clone()));
        }
        let key = (account.tenant.clone(), account.kind);
        let Some(licences) = self.rules.licences.get(&key).copied() else { return Ok(()) };
        let others = self.taken.get(&key).copied().unwrap_or(0) - before;
        // A refresh takes none: who is registered stays when licences are taken away.
        if devices > before && others + devices > licences {
            return Err(Denial::NoLicence { licences });
        }
        Ok(())
    }

    fn forget(&mut self, name: &AccountName) -> Option<Account> {
        self.set_devices(name, 0);
        let account = self.by_name.remove(name)?;
        if let Some(serial) = &account.serial {
            self.serials.remove(serial);
        }
        Some(account)
    }
}
