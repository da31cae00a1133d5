//! Who is heard (SEC-2): a budget a source before anything is parsed, known scanners, and bans.
//!
//! ```text
//!   datagram, octets ─▶ allowed? ─▶ banned? ─▶ budget ─▶ scanner? ─▶ the shard
//!                       (trunks)       │          │          │
//!                                      └──────────┴──────────┴────▶ dropped, counted, nothing is answered
//! ```
//!
//! Anybody can forge the source of a datagram: by one nobody is banned, and only the budget of its datagrams is spent. A source
//! has proved its address by a connection, or by a nonce that came back. Who has logged in has a larger budget of its own, by
//! address and port, so that a neighbor behind the same translator neither spends it nor brings a ban upon it.

mod budgets;
mod known;
mod loud;
mod network;
mod offenders;
mod scanners;
mod settings;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use interwork::registrations::Outcome;
use serde::{Deserialize, Serialize};

use budgets::{Budgets, Payer, Way};
use known::Known;
use loud::Loud;
use network::Network;
pub(super) use offenders::Banned;
use offenders::{Offenders, is_among};
use scanners::is_scanner;
pub use settings::{Budget, Settings};

/// Octets of a stream that count as one message.
const MESSAGE: usize = 2_048;

/// Why somebody is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unheard {
    /// It says too much.
    Budget,
    /// It calls itself by a scanner's name.
    Scanner,
    /// It is banned.
    Banned,
    /// It has as many connections as one may.
    Connections,
}

impl Unheard {
    /// A word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Scanner => "scanner",
            Self::Banned => "banned",
            Self::Connections => "connections",
        }
    }
}

/// What was not heard since it was asked last, and who was banned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defended {
    /// How often, and why.
    pub unheard: BTreeMap<Unheard, u64>,
    /// New bans: whom, and for how long.
    pub banned: Vec<(IpAddr, Duration)>,
    /// Whose budget was spent in the last minute, and how much of it was dropped.
    pub loud: Vec<(IpAddr, u64)>,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DefenceView {
    /// Addresses that are banned.
    pub banned: usize,
    /// Sources that have logged in, each with a budget of its own.
    pub known: usize,
    /// What was not heard since the start, and why.
    pub unheard: BTreeMap<Unheard, u64>,
}

/// See the module's description.
#[derive(Debug)]
pub struct Defence {
    settings: Settings,
    budgets: Budgets,
    known: Known,
    offenders: Offenders,
    connections: BTreeMap<Network, u32>,
    loud: Loud,
    defended: Defended,
    /// Since the start.
    unheard: BTreeMap<Unheard, u64>,
}

impl Defence {
    /// Nobody was heard yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            budgets: Budgets::default(),
            known: Known::default(),
            offenders: Offenders::default(),
            connections: BTreeMap::new(),
            loud: Loud::default(),
            defended: Defended::default(),
            unheard: BTreeMap::new(),
        }
    }

    /// Other rules from here on; bans that are there stay.
    pub fn configure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// What was not heard since it was asked last.
    pub fn take_defended(&mut self, now: Instant) -> Defended {
        Defended { loud: self.loud.take_due(now), ..std::mem::take(&mut self.defended) }
    }

    /// How it stands.
    pub fn view(&self, now: Instant) -> DefenceView {
        let banned = self.offenders.banned(now).count();
        DefenceView { banned, known: self.known.len(), unheard: self.unheard.clone() }
    }

    /// Who is banned.
    pub(super) fn banned(&self, now: Instant) -> Banned {
        let banned = self.offenders.banned(now).filter(|(network, _)| !self.known.has_any(now, *network));
        Banned::new(banned, &self.settings.allowed)
    }

    /// Whether a datagram goes on.
    pub(super) fn hears_datagram(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) -> bool {
        let heard = self.judge(now, (Way::Datagram, source), bytes);
        self.count(heard)
    }

    /// Whether what came by a connection goes on; if not, the connection ends. Who says too much again and again, or is a
    /// scanner, is banned for a while.
    pub(super) fn hears_stream(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) -> bool {
        let heard = self.judge(now, (Way::Stream, source), bytes);
        match heard {
            Err(Unheard::Budget) => self.on_failure(now, source.ip()),
            Err(Unheard::Scanner) => self.ban(now, source.ip()),
            Ok(()) | Err(Unheard::Banned | Unheard::Connections) => {}
        }
        self.count(heard)
    }

    /// Whether a connection is taken; it is counted until [`Defence::on_disconnected`].
    pub(super) fn takes_connection(&mut self, now: Instant, source: SocketAddr) -> bool {
        let network = Network::of(source.ip());
        let open = self.connections.get(&network).copied().unwrap_or(0);
        let most = self.settings.connections as usize;
        let heard = match () {
            () if self.is_allowed(source.ip()) => Ok(()),
            () if self.is_banned(now, network) => Err(Unheard::Banned),
            // A site with many devices has a connection for each.
            () if open as usize >= most && open as usize >= most + self.known.of(network) => {
                Err(Unheard::Connections)
            }
            () => Ok(()),
        };
        if heard.is_ok() {
            self.connections.insert(network, open + 1);
        }
        self.count(heard)
    }

    /// A connection of who is banned was closed before anything was read.
    pub(super) fn on_shut_out(&mut self) {
        self.count(Err(Unheard::Banned));
    }

    pub(super) fn on_disconnected(&mut self, source: SocketAddr) {
        let network = Network::of(source.ip());
        self.known.forget(source);
        if let Some(open) = self.connections.get_mut(&network) {
            *open -= 1;
            if *open == 0 {
                self.connections.remove(&network);
            }
        }
    }

    /// Somebody tried to register. Its nonce came back to it, or it came by a connection: its address is its own.
    pub fn on_attempt(&mut self, now: Instant, source: SocketAddr, outcome: &Outcome) {
        match outcome {
            Outcome::Registered | Outcome::Refreshed | Outcome::Moved => self.on_known(now, source),
            Outcome::WrongPassword | Outcome::NoAccount | Outcome::Locked { .. } => {
                self.on_failure(now, source.ip());
            }
            _ => {}
        }
    }

    /// Somebody has logged in.
    pub fn on_known(&mut self, now: Instant, source: SocketAddr) {
        self.known.note(now, source);
    }

    fn on_failure(&mut self, now: Instant, source: IpAddr) {
        if !self.is_spared(now, source) && self.offenders.fail(now, Network::of(source), &self.settings) {
            self.ban(now, source);
        }
    }

    fn ban(&mut self, now: Instant, source: IpAddr) {
        if !self.is_spared(now, source)
            && let Some(length) = self.offenders.ban(now, Network::of(source), &self.settings)
        {
            self.defended.banned.push((source, length));
        }
    }

    fn judge(&mut self, now: Instant, (way, source): (Way, SocketAddr), bytes: &[u8]) -> Result<(), Unheard> {
        if self.is_allowed(source.ip()) {
            return Ok(());
        }
        let network = Network::of(source.ip());
        let is_known = self.known.has(now, network, source);
        if !is_known && self.is_banned(now, network) {
            return Err(Unheard::Banned);
        }
        let (payer, budget) = if is_known {
            (Payer::Known(way, source), self.settings.known)
        } else {
            (Payer::Network(way, network), self.settings.strangers)
        };
        if !self.budgets.pay(now, payer, (budget, 1 + bytes.len() / MESSAGE)) {
            self.loud.note(now, source.ip());
            return Err(Unheard::Budget);
        }
        if !is_known && is_scanner(bytes, &self.settings.scanners) {
            return Err(Unheard::Scanner);
        }
        Ok(())
    }

    fn is_allowed(&self, source: IpAddr) -> bool {
        is_among(&self.settings.allowed, source)
    }

    /// Never banned is who logged in of late, nor are its neighbors: they may be one site.
    fn is_spared(&self, now: Instant, source: IpAddr) -> bool {
        self.is_allowed(source) || self.known.has_any(now, Network::of(source))
    }

    fn is_banned(&self, now: Instant, network: Network) -> bool {
        self.offenders.has(now, network) && !self.known.has_any(now, network)
    }

    fn count(&mut self, heard: Result<(), Unheard>) -> bool {
        if let Err(unheard) = heard {
            for counts in [&mut self.defended.unheard, &mut self.unheard] {
                *counts.entry(unheard).or_default() += 1;
            }
        }
        heard.is_ok()
    }
}

#[cfg(test)]
mod tests;
