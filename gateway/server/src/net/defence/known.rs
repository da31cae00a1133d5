//! Who has logged in of late.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use super::network::Network;

/// How many sources, and how many networks, are remembered.
pub(super) const REMEMBERED: usize = 65_536;
/// For how long both are.
pub(super) const MEMORY: Duration = Duration::from_secs(86_400);
/// When there is no room, the old are looked for not more often than this.
const LOOKED_FOR: Duration = Duration::from_secs(60);
/// Of all addresses in their order.
const LOWEST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Sources that have logged in, and the networks that they are of, which outlive them.
#[derive(Debug, Default)]
pub(super) struct Known {
    sources: BTreeMap<(Network, SocketAddr), Instant>,
    networks: BTreeMap<Network, Instant>,
    swept: Option<Instant>,
}

impl Known {
    pub(super) fn note(&mut self, now: Instant, source: SocketAddr) {
        self.sweep(now);
        let network = Network::of(source.ip());
        note(&mut self.sources, (network, source), now);
        note(&mut self.networks, network, now);
    }

    /// Its connection is closed: the port will be somebody else's.
    pub(super) fn forget(&mut self, source: SocketAddr) {
        self.sources.remove(&(Network::of(source.ip()), source));
    }

    pub(super) fn has(&self, now: Instant, network: Network, source: SocketAddr) -> bool {
        self.sources.get(&(network, source)).is_some_and(|at| is_recent(now, *at))
    }

    /// Whether anybody there has.
    pub(super) fn has_any(&self, now: Instant, network: Network) -> bool {
        self.networks.get(&network).is_some_and(|at| is_recent(now, *at))
    }

    /// How many of a network.
    pub(super) fn of(&self, network: Network) -> usize {
        self.sources.range((network, LOWEST)..).take_while(|((of, _), _)| *of == network).count()
    }

    /// How many of all.
    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }

    fn sweep(&mut self, now: Instant) {
        let is_full = self.sources.len().max(self.networks.len()) >= REMEMBERED;
        if is_full && self.swept.is_none_or(|swept| now.duration_since(swept) >= LOOKED_FOR) {
            self.swept = Some(now);
            self.sources.retain(|_, at| is_recent(now, *at));
            self.networks.retain(|_, at| is_recent(now, *at));
        }
    }
}

fn note<K: Ord>(all: &mut BTreeMap<K, Instant>, key: K, now: Instant) {
    if all.len() < REMEMBERED || all.contains_key(&key) {
        all.insert(key, now);
    }
}

fn is_recent(now: Instant, at: Instant) -> bool {
    now.saturating_duration_since(at) < MEMORY
}
