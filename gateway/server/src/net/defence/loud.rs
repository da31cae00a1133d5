//! Who spends more than its budget, told once a minute.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::network::Network;

const EVERY: Duration = Duration::from_secs(60);
/// Sources that are told of: who forges them could fill the log else.
const TOLD: usize = 16;

/// Those of this minute.
#[derive(Debug, Default)]
pub(super) struct Loud {
    since: Option<Instant>,
    of: BTreeMap<Network, (IpAddr, u64)>,
}

impl Loud {
    pub(super) fn note(&mut self, now: Instant, source: IpAddr) {
        let network = Network::of(source);
        if self.of.len() < TOLD || self.of.contains_key(&network) {
            self.since.get_or_insert(now);
            self.of.entry(network).or_insert((source, 0)).1 += 1;
        }
    }

    /// Whom to tell of, and how much of it was dropped.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(IpAddr, u64)> {
        if self.since.is_none_or(|since| now.duration_since(since) < EVERY) {
            return Vec::new();
        }
        self.since = None;
        std::mem::take(&mut self.of).into_values().collect()
    }
}
