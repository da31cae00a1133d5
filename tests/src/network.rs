//! A network that loses, delays, reorders and repeats datagrams.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use terms::{Entropy, Instant};

/// How bad a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditions {
    /// Every datagram takes at least so long.
    pub delay: Duration,
    /// And up to so much longer: datagrams overtake each other.
    pub jitter: Duration,
    /// Of a hundred, so many are lost.
    pub loss_percent: u64,
    /// Of a hundred, so many come twice.
    pub duplicate_percent: u64,
}

impl Conditions {
    /// A wire between two neighbours.
    pub const GOOD: Self = Self {
        delay: Duration::from_micros(200),
        jitter: Duration::ZERO,
        loss_percent: 0,
        duplicate_percent: 0,
    };
    /// What nobody should have to phone over.
    pub const BAD: Self = Self {
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(30),
        loss_percent: 10,
        duplicate_percent: 5,
    };
}

/// A datagram on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// Whom it is for.
    pub to: SocketAddr,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// All datagrams that are on their way.
#[derive(Debug)]
pub struct Network {
    conditions: Conditions,
    /// What one sender has to put up with.
    impaired: Option<(SocketAddr, Conditions)>,
    entropy: Entropy,
    sent: u64,
    /// What the impaired sender lost.
    pub lost: Vec<Datagram>,
    flying: BTreeMap<(Instant, u64), Datagram>,
}

impl Network {
    /// An empty network; the same seed loses the same datagrams.
    pub const fn new(conditions: Conditions, seed: u64) -> Self {
        let entropy = Entropy::from_seed([seed, 1, 2, 3]);
        Self { conditions, impaired: None, entropy, sent: 0, lost: Vec::new(), flying: BTreeMap::new() }
    }

    /// From here on this sender has conditions of its own.
    pub const fn impair(&mut self, sender: SocketAddr, conditions: Conditions) {
        self.impaired = Some((sender, conditions));
    }

    /// Sends a datagram on its way, if it is not lost.
    pub fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let impaired = self.impaired.filter(|(sender, _)| *sender == from).map(|(_, conditions)| conditions);
        let conditions = impaired.unwrap_or(self.conditions);
        let Conditions { loss_percent, duplicate_percent, .. } = conditions;
        if self.entropy.below(100) < loss_percent {
            if impaired.is_some() {
                self.lost.push(Datagram { from, to, bytes: bytes.to_vec() });
            }
            return;
        }
        let copies = if self.entropy.below(100) < duplicate_percent { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = u64::try_from(conditions.jitter.as_nanos()).unwrap_or(0);
            let late = Duration::from_nanos(self.entropy.below(jitter + 1));
            let at = now + conditions.delay + late;
            self.sent += 1;
            self.flying.insert((at, self.sent), Datagram { from, to, bytes: bytes.to_vec() });
        }
    }

    /// When the next datagram arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.flying.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next datagram that has arrived.
    pub fn receive(&mut self, now: Instant) -> Option<Datagram> {
        let first = self.flying.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
