//! Who may guess an account's password how often (ROOM-3).
//!
//! ```text
//!  wrong passwords of (source, account)   ten in 5 min ─▶ that pair is locked for 10 min
//!                  of an account at all   `account_failures` in 5 min ─▶ the account is locked for 5 min
//!  who registered well in the last 24 h   is never locked, by whatever anybody does; beyond ten it may try every 3 s
//! ```
//!
//! Whoever guesses locks itself out and nobody else: the owner comes from an address, or by an instance, that registered
//! well. An instance is only claimed, and who has spied it out may guess on with it: at a few passwords a minute. A name that
//! nobody has is locked like any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use terms::{AccountName, Instant};

use crate::guard::{Failures, MAX_REMEMBERED};

/// How long a device that registered well is known by.
const TRUST: Duration = Duration::from_secs(86_400);
/// Addresses and instances that are known; twice an appliance's devices.
const MAX_TRUSTED: usize = 262_144;
/// How long somebody trusted waits between two tries who fails as often as others are locked for.
const SLOWED: Duration = Duration::from_secs(3);

/// How often, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutSettings {
    /// Wrong passwords from one source for one account, within the window.
    pub failures: usize,
    /// The window.
    pub window: Duration,
    /// How long source and account are locked.
    pub lock: Duration,
    /// Wrong passwords for one account from anywhere, within the window.
    pub account_failures: usize,
    /// How long the account is locked.
    pub account_lock: Duration,
}

impl Default for LockoutSettings {
    fn default() -> Self {
        Self {
            failures: 10,
            window: Duration::from_secs(300),
            lock: Duration::from_secs(600),
            account_failures: 100,
            account_lock: Duration::from_secs(300),
        }
    }
}

/// Who tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The account that it names.
    pub account: AccountName,
    /// Where it sends from.
    pub source: IpAddr,
    /// The device that it says it is.
    pub instance: Option<Arc<str>>,
}

/// Whether somebody may try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// At once.
    Free,
    /// It is trusted, and has failed often: not before then.
    Slowed {
        /// When it may again.
        until: Instant,
    },
    /// Not before then.
    Locked {
        /// When it may again.
        until: Instant,
    },
}

/// What a wrong password led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// Nothing more.
    Nobody,
    /// Source and account are locked from here on.
    Source,
    /// The account is, for all who are not trusted.
    Account,
}

/// Whom a lock is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    Source(AccountName, IpAddr),
    Account(AccountName),
}

/// What of a device registered well. Of whom it is trusted by, its failures count for that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    /// Both at once: who shares one of them with it does not spend its tries.
    Device(AccountName, IpAddr, Arc<str>),
    Address(AccountName, IpAddr),
    Instance(AccountName, Arc<str>),
}

impl Proof {
    const fn account(&self) -> &AccountName {
        match self {
            Self::Device(account, ..) | Self::Address(account, _) | Self::Instance(account, _) => account,
        }
    }
}

/// Remembers wrong passwords and right ones. See the module's description.
#[derive(Debug, Default)]
pub struct Lockouts {
    settings: LockoutSettings,
    failures: Failures<Proof>,
    of_accounts: Failures<AccountName>,
    locks: Lapses<Held>,
    trusted: Lapses<Proof>,
}

impl Lockouts {
    /// Other settings from here on; locks that hold go on.
    pub const fn configure(&mut self, settings: LockoutSettings) {
        self.settings = settings;
    }

    /// Whether somebody may try a password.
    pub fn leave(&self, now: Instant, claimant: &Claimant) -> Leave {
        if let Some(proof) = self.proof(now, claimant) {
            let LockoutSettings { failures, window, .. } = self.settings;
            let is_often = self.failures.within(now, window, &proof) >= failures;
            let until =
                self.failures.last(&proof).map(|last| last + SLOWED).filter(|until| now < *until && is_often);
            return until.map_or(Leave::Free, |until| Leave::Slowed { until });
        }
        let Claimant { account, source, .. } = claimant;
        let locks = [Held::Source(account.clone(), *source), Held::Account(account.clone())];
        let until = locks.iter().filter_map(|held| self.locks.until(now, held)).max();
        until.map_or(Leave::Free, |until| Leave::Locked { until })
    }

    /// Its password was wrong.
    pub fn on_wrong(&mut self, now: Instant, claimant: &Claimant) -> Locked {
        let LockoutSettings { failures, window, lock, account_failures, account_lock } = self.settings;
        if let Some(proof) = self.proof(now, claimant) {
            self.failures.add(now, (window, failures), &proof);
            return Locked::Nobody;
        }
        let Claimant { account, source, .. } = claimant;
        let stranger = Proof::Address(account.clone(), *source);
        let of_stranger = self.failures.add(now, (window, failures), &stranger);
        if self.of_accounts.add(now, (window, account_failures), account) >= account_failures {
            self.of_accounts.forget(account);
            self.locks.set(now + account_lock, MAX_REMEMBERED, Held::Account(account.clone()));
            return Locked::Account;
        }
        if of_stranger < failures {
            return Locked::Nobody;
        }
        // The lock outlives the failures that led to it, and begins a clean count.
        self.failures.forget(&stranger);
        self.locks.set(now + lock, MAX_REMEMBERED, Held::Source(account.clone(), *source));
        Locked::Source
    }

    /// It registered well.
    pub fn on_right(&mut self, now: Instant, claimant: &Claimant) {
        for proof in proofs(claimant) {
            self.failures.forget(&proof);
            self.trusted.set(now + TRUST, MAX_TRUSTED, proof);
        }
    }

    /// Whom an account trusted it trusts no longer: it has another password, or is another.
    pub fn forget(&mut self, account: &AccountName) {
        self.trusted.forget_if(|proof| proof.account() == account);
    }

    /// Until when an account is locked for all who are not trusted, if it is.
    pub fn locked_until(&self, now: Instant, account: &AccountName) -> Option<Instant> {
        self.locks.until(now, &Held::Account(account.clone()))
    }

    /// By what somebody is trusted, if by anything.
    fn proof(&self, now: Instant, claimant: &Claimant) -> Option<Proof> {
        proofs(claimant).find(|proof| self.trusted.until(now, proof).is_some())
    }
}

/// What proves most goes first: an address is no mere claim.
fn proofs(claimant: &Claimant) -> impl Iterator<Item = Proof> {
    let Claimant { account, source, instance } = claimant;
    let device = instance.as_ref().map(|instance| Proof::Device(account.clone(), *source, instance.clone()));
    let address = Proof::Address(account.clone(), *source);
    let instance = instance.as_ref().map(|instance| Proof::Instance(account.clone(), instance.clone()));
    [device, Some(address), instance].into_iter().flatten()
}

/// What holds until some time, within a bound: beyond it what lapses first is forgotten. Keys are large and stand in both
/// orders, three of them for each device: they are shared.
#[derive(Debug)]
struct Lapses<K> {
    until: BTreeMap<Arc<K>, Instant>,
    by_end: BTreeSet<(Instant, Arc<K>)>,
}

impl<K> Default for Lapses<K> {
    fn default() -> Self {
        Self { until: BTreeMap::new(), by_end: BTreeSet::new() }
    }
}

impl<K: Ord> Lapses<K> {
    fn until(&self, now: Instant, key: &K) -> Option<Instant> {
        self.until.get(key).copied().filter(|until| now < *until)
    }

    fn forget_if(&mut self, is_over: impl Fn(&K) -> bool) {
        self.until.retain(|key, _| !is_over(key));
        self.by_end.retain(|(_, key)| !is_over(key));
    }

    fn set(&mut self, until: Instant, room: usize, key: K) {
        let key = match self.until.remove_entry(&key) {
            Some((key, before)) => {
                self.by_end.remove(&(before, Arc::clone(&key)));
                key
            }
            None => Arc::new(key),
        };
        self.until.insert(Arc::clone(&key), until);
        self.by_end.insert((until, key));
        while self.until.len() > room
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.until.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const START: Instant = Instant::from_nanos(1);
    const OWNER: [u8; 4] = [192, 0, 2, 1];

    fn claimant(account: &str, source: [u8; 4], instance: Option<&str>) -> Claimant {
        Claimant { account: account.into(), source: source.into(), instance: instance.map(Arc::from) }
    }

    /// So many wrong passwords, one a second; what the last led to, and when it was.
    fn guess(lockouts: &mut Lockouts, (from, times): (Instant, u32), who: &Claimant) -> (Locked, Instant) {
        let mut last = (Locked::Nobody, from);
        for number in 0..times {
            last.1 = from + SECOND * number;
            last.0 = lockouts.on_wrong(last.1, who);
        }
        last
    }

    #[test]
    fn room_3_ten_in_five_minutes_lock_source_and_account_for_ten_minutes() {
        let mut lockouts = Lockouts::default();
        let guesser = claimant("1001", [203, 0, 113, 9], None);
        assert_eq!(guess(&mut lockouts, (START, 9), &guesser).0, Locked::Nobody);
        assert_eq!(lockouts.leave(START + 9 * SECOND, &guesser), Leave::Free);
        let (led_to, at) = guess(&mut lockouts, (START + 9 * SECOND, 1), &guesser);
        assert_eq!(led_to, Locked::Source);
        let until = at + 600 * SECOND;
        assert_eq!(lockouts.leave(at + 599 * SECOND, &guesser), Leave::Locked { until });
        assert_eq!(lockouts.leave(until, &guesser), Leave::Free);
        for (name, other) in [
            ("another account", claimant("1002", [203, 0, 113, 9], None)),
            ("another source", claimant("1001", [203, 0, 113, 8], None)),
        ] {
            assert_eq!(lockouts.leave(at, &other), Leave::Free, "{name}");
        }
        // Nine in five minutes, again and again, never lock.
        for minute in 0..20 {
            let from = until + minute * 300 * SECOND;
            assert_eq!(guess(&mut lockouts, (from, 9), &guesser).0, Locked::Nobody);
        }
    }

    #[test]
    fn room_3_who_registered_well_is_never_locked_by_address_nor_by_instance() {
        let mut lockouts = Lockouts::default();
        let at_home = claimant("1001", OWNER, Some("<urn:uuid:1>"));
        lockouts.on_right(START, &at_home);
        // The same router, another device; and the device at another address.
        let beside = claimant("1001", OWNER, None);
        let away = claimant("1001", [198, 51, 100, 7], Some("<urn:uuid:1>"));
        for who in [&beside, &away] {
            let (led_to, at) = guess(&mut lockouts, (START, 50), who);
            assert_eq!(led_to, Locked::Nobody);
            assert_eq!(lockouts.leave(at + SECOND, who), Leave::Slowed { until: at + SLOWED });
            assert_eq!(lockouts.leave(at + SLOWED, who), Leave::Free);
        }
        // Who has spied the instance out has no more tries by coming from everywhere.
        let spy = claimant("1001", [203, 0, 113, 1], Some("<urn:uuid:1>"));
        assert!(matches!(lockouts.leave(START + 50 * SECOND, &spy), Leave::Slowed { .. }));
        // A right password clears it; and a day later nothing is remembered.
        lockouts.on_right(START + 60 * SECOND, &away);
        assert_eq!(lockouts.leave(START + 60 * SECOND, &away), Leave::Free);
        let later = START + 60 * SECOND + TRUST;
        assert_eq!(guess(&mut lockouts, (later, 10), &away).0, Locked::Source);
    }

    #[test]
    fn room_3_an_account_attacked_from_everywhere_is_locked_for_five_minutes_and_never_to_its_owner() {
        let mut lockouts = Lockouts::default();
        let owner = claimant("1001", OWNER, None);
        lockouts.on_right(START, &owner);
        let botnet = |number: u8| claimant("1001", [203, 0, 113, number], None);
        let led_to: Vec<Locked> =
            (0..100).map(|bot| lockouts.on_wrong(START + SECOND, &botnet(bot))).collect();
        assert_eq!((led_to[98], led_to[99]), (Locked::Nobody, Locked::Account));
        let (at, until) = (START + 2 * SECOND, START + 301 * SECOND);
        assert_eq!(lockouts.leave(at, &botnet(200)), Leave::Locked { until });
        assert_eq!(lockouts.locked_until(at, &"1001".into()), Some(until));
        assert_eq!(lockouts.leave(at, &owner), Leave::Free);
        assert_eq!(lockouts.leave(until, &botnet(200)), Leave::Free);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut lapses = Lapses::default();
        for number in 0..100_u64 {
            lapses.set(START + SECOND * u32::try_from(number).expect("few"), 10, number);
        }
        assert_eq!((lapses.until.len(), lapses.by_end.len()), (10, 10));
        assert!(lapses.until(START, &99).is_some() && lapses.until(START, &89).is_none());
    }

    #[test]
    fn room_3_an_owner_is_not_slowed_by_who_shares_its_address_or_claims_its_instance() {
        let mut lockouts = Lockouts::default();
        let owner = claimant("1001", OWNER, Some("urn:uuid:1"));
        lockouts.on_right(START, &owner);
        for neighbor in
            [claimant("1001", OWNER, None), claimant("1001", [203, 0, 113, 9], Some("urn:uuid:1"))]
        {
            let (_, at) = guess(&mut lockouts, (START + SECOND, 20), &neighbor);
            assert!(matches!(lockouts.leave(at, &neighbor), Leave::Slowed { .. }), "{neighbor:?}");
            assert_eq!(lockouts.leave(at, &owner), Leave::Free, "{neighbor:?}");
        }
        lockouts.forget(&"1001".into());
        let (_, at) = guess(&mut lockouts, (START + 60 * SECOND, 10), &owner);
        assert!(matches!(lockouts.leave(at, &owner), Leave::Locked { .. }), "it is trusted no longer");
    }
}
