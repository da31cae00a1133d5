//! Every account's bindings.

use super::{Binding, Gruus, Plan, gruu::bare};
use crate::wire::Uri;
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{ops::Bound, time::Duration};
use terms::{
    AccountName,
    entropy::Entropy,
    time::{Instant, Now},
};

/// How many, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bindings of one account, flows counted each.
    pub contacts: usize,
    /// Bindings in all.
    pub bindings: usize,
    /// A REGISTER for less gets 423.
    pub shortest: Duration,
    /// What a device gets that leaves it open.
    pub usual: Duration,
    /// What asks for more gets so much.
    pub longest: Duration,
}

impl Limits {
    /// Room for the largest appliance.
    pub const DEFAULT: Self = Self {
        contacts: 10,
        bindings: 60_000,
        shortest: Duration::from_secs(60),
        usual: Duration::from_secs(3_600),
        longest: Duration::from_secs(7_200),
    };
}

/// A binding on our clock.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) binding: Binding,
    pub(super) until: Instant,
}

/// An account some of whose bindings ended by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// Whose.
    pub account: AccountName,
    /// What ended.
    pub bindings: Vec<Binding>,
}

/// Every account's bindings.
#[derive(Debug)]
pub struct Locations {
    limits: Limits,
    /// Boxed, for a vector of one would have room for four.
    by_account: BTreeMap<AccountName, Box<[Entry]>>,
    /// When the first binding of each account ends.
    by_end: BTreeSet<(Instant, AccountName)>,
    by_epoch: BTreeMap<u64, AccountName>,
    count: usize,
    entropy: Entropy,
}

impl Locations {
    /// None yet. `entropy` names them in temporary GRUUs.
    pub fn new(limits: Limits, entropy: Entropy) -> Self {
        Self {
            limits,
            by_account: BTreeMap::new(),
            by_end: BTreeSet::new(),
            by_epoch: BTreeMap::new(),
            count: 0,
            entropy,
        }
    }

    /// Other limits from here on; bindings that are there stay.
    pub const fn configure(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bindings in all.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many accounts have a binding.
    pub fn accounts(&self) -> usize {
        self.by_account.len()
    }

    /// Those of them behind `after`, by name.
    pub fn accounts_behind(&self, after: Option<&AccountName>) -> impl Iterator<Item = &AccountName> {
        self.by_account
            .range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
            .map(|(name, _)| name)
    }

    /// An account's bindings, the one that was refreshed last at the end.
    pub fn bindings(&self, account: &AccountName) -> impl DoubleEndedIterator<Item = &Binding> {
        self.entries(account).iter().map(|entry| &entry.binding)
    }

    /// How many devices an account has: the flows of one count once.
    pub fn devices(&self, account: &AccountName) -> usize {
        devices(self.entries(account))
    }

    pub(super) fn entries(&self, account: &AccountName) -> &[Entry] {
        self.by_account.get(account).map(AsRef::as_ref).unwrap_or_default()
    }

    /// Makes a plan so. It must have been made since anything was changed last.
    pub fn commit(&mut self, account: &AccountName, plan: Plan) {
        let Plan { mut entries, .. } = plan;
        for entry in &mut entries {
            while entry.binding.epoch == 0 {
                entry.binding.epoch = self.entropy.next_u64();
            }
        }
        self.put(account, entries);
    }

    /// Takes in what the store kept of an account. What ended meanwhile is not taken.
    pub fn restore(&mut self, now: Now, account: &AccountName, bindings: Vec<Binding>) {
        let entry = |binding: Binding| {
            let left = binding.expires.as_unix_nanos().checked_sub(now.wall.as_unix_nanos())?;
            // A clock that was set back makes nobody's registration longer than it may be.
            let left = Duration::from_nanos(left).min(self.limits.longest);
            (!left.is_zero()).then_some(Entry { binding, until: now.mono + left })
        };
        let entries = bindings.into_iter().filter_map(entry).collect();
        self.put(account, entries);
    }

    /// Ends all bindings of an account; how many there were.
    pub fn remove(&mut self, account: &AccountName) -> usize {
        let before = self.entries(account).len();
        self.put(account, Vec::new());
        before
    }

    /// When the next binding ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.by_end.first().map(|(at, _)| *at)
    }

    /// Ends the bindings of one account that are over, if any are.
    pub fn expire(&mut self, now: Instant) -> Option<Expired> {
        let (_, account) = self.by_end.first().filter(|(at, _)| *at <= now)?.clone();
        let entries = self.entries(&account).to_vec();
        let (kept, over): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.until > now);
        self.put(&account, kept);
        Some(Expired { account, bindings: over.into_iter().map(|entry| entry.binding).collect() })
    }

    /// Whom a GRUU means (RFC 5627 §5.5), as long as it holds.
    pub fn find_gruu(&self, gruus: &Gruus, uri: &Uri) -> Option<(&AccountName, &Binding)> {
        if let Some(epoch) = gruus.epoch_of(uri) {
            let account = self.by_epoch.get(&epoch)?;
            return self
                .bindings(account)
                .find(|binding| binding.epoch == epoch)
                .map(|binding| (account, binding));
        }
        let named = uri.user()?;
        let (account, _) = self.by_account.get_key_value(&AccountName::from(named.as_str()?))?;
        let instance = Gruus::instance_of(uri)?;
        let is_it = |binding: &&Binding| {
            binding.instance.as_ref().map(|own| bare(own.as_bytes())) == Some(instance.as_slice())
        };
        self.bindings(account).rev().find(is_it).map(|binding| (account, binding))
    }

    fn put(&mut self, account: &AccountName, entries: Vec<Entry>) {
        let before = self.by_account.remove(account).unwrap_or_default();
        if let Some(end) = first_end(&before) {
            self.by_end.remove(&(end, account.clone()));
        }
        for entry in &before {
            self.by_epoch.remove(&entry.binding.epoch);
        }
        self.count = self.count - before.len() + entries.len();
        let Some(end) = first_end(&entries) else { return };
        self.by_end.insert((end, account.clone()));
        self.by_epoch.extend(entries.iter().map(|entry| (entry.binding.epoch, account.clone())));
        self.by_account.insert(account.clone(), entries.into());
    }
}

fn first_end(entries: &[Entry]) -> Option<Instant> {
    entries.iter().map(|entry| entry.until).min()
}

pub(super) fn devices(entries: &[Entry]) -> usize {
    let is_first = |(at, entry): &(usize, &Entry)| {
        !entries.iter().take(*at).any(|earlier| earlier.binding.is_device_of(&entry.binding))
    };
    entries.iter().enumerate().filter(is_first).count()
}
