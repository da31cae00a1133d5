//! Who failed when, within bounds.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use terms::Instant;

/// What is remembered of each kind; beyond it the one whose last failure is longest ago is forgotten.
pub(crate) const MAX_REMEMBERED: usize = 65_536;

/// When each key failed last, bounded in keys and in failures a key.
#[derive(Debug)]
pub(crate) struct Failures<K> {
    pub(super) times: BTreeMap<K, VecDeque<Instant>>,
    pub(super) by_last: BTreeSet<(Instant, K)>,
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self { times: BTreeMap::new(), by_last: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Failures<K> {
    pub(crate) fn within(&self, now: Instant, window: Duration, key: &K) -> usize {
        let recent = |times: &VecDeque<Instant>| times.iter().filter(|at| now.since(**at) < window).count();
        self.times.get(key).map_or(0, recent)
    }

    /// Adds one; yields how many there are within the window, `kept` at most.
    pub(crate) fn add(&mut self, now: Instant, (window, kept): (Duration, usize), key: &K) -> usize {
        let mut times = self.forget(key);
        times.retain(|at| now.since(*at) < window);
        times.push_back(now);
        while times.len() > kept.max(1) {
            times.pop_front();
        }
        while self.times.len() >= MAX_REMEMBERED
            && let Some((_, oldest)) = self.by_last.pop_first()
        {
            self.times.remove(&oldest);
        }
        let failures = times.len();
        self.by_last.insert((now, key.clone()));
        self.times.insert(key.clone(), times);
        failures
    }

    /// When the last was.
    pub(crate) fn last(&self, key: &K) -> Option<Instant> {
        self.times.get(key)?.back().copied()
    }

    pub(crate) fn forget(&mut self, key: &K) -> VecDeque<Instant> {
        let times = self.times.remove(key).unwrap_or_default();
        if let Some(last) = times.back() {
            self.by_last.remove(&(*last, key.clone()));
        }
        times
    }
}
