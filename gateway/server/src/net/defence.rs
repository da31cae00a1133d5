//! Who is heard (SEC-2): a budget a source before anything is parsed, known scanners, and bans.
//!
//! ```text
//!   datagram, octets ─▶ allowed? ─▶ banned? ─▶ budget ─▶ scanner? ─▶ the shard
//!                       (trunks)       │          │          │
//!                                      └──────────┴──────────┴────▶ dropped, counted, nothing is answered
//! ```
//!
//! Anybody can forge the source of a datagram: by one nobody is banned, and only its own budget is spent. A source has proved
//! its address by a connection, or by a nonce that came back. Who has registered well has a budget of its own, by address and
//! port, so that a neighbor behind the same translator neither spends it nor brings a ban upon it.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher as _,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use interwork::registrations::Outcome;
use ipnet::IpNet;

/// Sources whose budgets are kept apart; of two that fall together the one that was heard longer ago is forgotten.
const PLACES: usize = 16_384;
/// Sources that have registered well, and offenders, that are remembered.
const REMEMBERED: usize = 65_536;
/// For how long both are.
const MEMORY: Duration = Duration::from_secs(86_400);
/// Octets of a stream that count as one message.
const MESSAGE: usize = 2_048;
/// How far a scanner's name is looked for.
const HEAD: usize = 2_048;
/// Of all addresses in their order.
const LOWEST: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
/// A thousandth of a token: budgets fill up by the millisecond.
const MILLI: u64 = 1_000;

/// How much is heard, and who is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Messages of one address, or of one /64 of IPv6, a second.
    pub per_second: u32,
    /// And at once.
    pub burst: u32,
    /// Connections of one address at once.
    pub connections: u32,
    /// Wrong passwords of one address within `window` that bring a ban.
    pub failures: u32,
    /// Within which they count.
    pub window: Duration,
    /// The first ban; each further one is twice as long.
    pub ban: Duration,
    /// None is longer.
    pub longest_ban: Duration,
    /// What scanners call themselves, in lower case; a part of it is enough.
    pub scanners: Vec<String>,
    /// Who is heard whatever it does, trunks included.
    pub allowed: Vec<IpNet>,
}

impl Default for Settings {
    fn default() -> Self {
        let scanners = [
            "friendly-scanner",
            "sipvicious",
            "sipcli",
            "sip-scan",
            "sipscan",
            "sundayddr",
            "iwar",
            "vaxsipuseragent",
            "pplsip",
            "sipsak",
            "smap",
            "gulp",
        ];
        Self {
            per_second: 200,
            burst: 1_000,
            connections: 256,
            failures: 50,
            window: Duration::from_secs(300),
            ban: Duration::from_secs(60),
            longest_ban: Duration::from_secs(3_600),
            scanners: scanners.map(str::to_owned).to_vec(),
            allowed: Vec::new(),
        }
    }
}

/// Why somebody is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
}

/// An address, or a /64 of IPv6: who has one address of that has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Network(u128);

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) => Self(address.to_bits() >> 64 << 64),
        }
    }
}

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Payer {
    Network(Network),
    /// Who has registered well.
    Known(SocketAddr),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    payer: Payer,
    milli_tokens: u64,
    at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Offender {
    failures: u32,
    since: Instant,
    bans: u32,
    until: Option<Instant>,
}

/// See the module's description.
#[derive(Debug)]
pub struct Defence {
    settings: Settings,
    buckets: Vec<Option<Bucket>>,
    random: RandomState,
    known: BTreeMap<(Network, SocketAddr), Instant>,
    /// When the old were forgotten last.
    swept: Option<Instant>,
    offenders: BTreeMap<Network, Offender>,
    connections: BTreeMap<Network, u32>,
    defended: Defended,
}

impl Defence {
    /// Nobody was heard yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            buckets: vec![None; PLACES],
            random: RandomState::new(),
            known: BTreeMap::new(),
            swept: None,
            offenders: BTreeMap::new(),
            connections: BTreeMap::new(),
            defended: Defended::default(),
        }
    }

    /// Other rules from here on; bans that are there stay.
    pub fn configure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// What was not heard since it was asked last.
    pub fn take_defended(&mut self) -> Defended {
        std::mem::take(&mut self.defended)
    }

    /// Whether a datagram goes on.
    pub(super) fn hears_datagram(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) -> bool {
        let heard = self.judge(now, source, bytes);
        self.count(heard).is_ok()
    }

    /// Whether what came by a connection goes on; if not, the connection ends, and its peer is banned for a while.
    pub(super) fn hears_stream(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) -> bool {
        let heard = self.judge(now, source, bytes);
        if matches!(heard, Err(Unheard::Budget | Unheard::Scanner)) {
            self.ban(now, source.ip());
        }
        self.count(heard).is_ok()
    }

    /// Whether a connection is taken; it is counted until [`Defence::on_disconnected`].
    pub(super) fn takes_connection(&mut self, now: Instant, source: SocketAddr) -> bool {
        let network = Network::of(source.ip());
        let open = self.connections.get(&network).copied().unwrap_or(0);
        let heard = match () {
            () if self.is_allowed(source.ip()) => Ok(()),
            () if self.is_banned(now, network) && !self.has_known(network) => Err(Unheard::Banned),
            () if open >= self.settings.connections => Err(Unheard::Connections),
            () => Ok(()),
        };
        if heard.is_ok() {
            self.connections.insert(network, open + 1);
        }
        self.count(heard).is_ok()
    }

    pub(super) fn on_disconnected(&mut self, source: SocketAddr) {
        let network = Network::of(source.ip());
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
            Outcome::Registered | Outcome::Refreshed | Outcome::Moved => {
                let key = (Network::of(source.ip()), source);
                self.sweep(now);
                if self.known.len() < REMEMBERED || self.known.contains_key(&key) {
                    self.known.insert(key, now);
                }
            }
            Outcome::WrongPassword | Outcome::NoAccount => self.on_wrong(now, source.ip()),
            _ => {}
        }
    }

    fn on_wrong(&mut self, now: Instant, source: IpAddr) {
        let network = Network::of(source);
        if self.is_allowed(source) || self.has_known(network) {
            return;
        }
        let (window, most) = (self.settings.window, self.settings.failures);
        let Some(offender) = self.offender(now, network) else { return };
        if now.duration_since(offender.since) >= window {
            (offender.failures, offender.since) = (0, now);
        }
        offender.failures += 1;
        if offender.failures >= most {
            offender.failures = 0;
            self.ban(now, source);
        }
    }

    /// Never who registered well of late, nor its neighbors: they may be one site.
    fn ban(&mut self, now: Instant, source: IpAddr) {
        let network = Network::of(source);
        if self.has_known(network) {
            return;
        }
        let (first, longest) = (self.settings.ban, self.settings.longest_ban);
        let Some(offender) = self.offender(now, network) else { return };
        if offender.until.is_some_and(|until| now < until) {
            return;
        }
        let length = first.saturating_mul(1 << offender.bans.min(16)).min(longest);
        offender.bans += 1;
        offender.until = Some(now + length);
        self.defended.banned.push((source, length));
    }

    fn offender(&mut self, now: Instant, network: Network) -> Option<&mut Offender> {
        self.sweep(now);
        if self.offenders.len() >= REMEMBERED && !self.offenders.contains_key(&network) {
            return None;
        }
        let new = Offender { failures: 0, since: now, bans: 0, until: None };
        let offender = self.offenders.entry(network).or_insert(new);
        Some(offender)
    }

    /// Forgets what is over, where there is no more room; not more often than once a minute.
    fn sweep(&mut self, now: Instant) {
        let is_full = self.known.len() >= REMEMBERED || self.offenders.len() >= REMEMBERED;
        let is_due = self.swept.is_none_or(|swept| now.duration_since(swept) >= Duration::from_secs(60));
        if is_full && is_due {
            self.swept = Some(now);
            self.known.retain(|_, at| now.duration_since(*at) < MEMORY);
            let window = self.settings.window;
            self.offenders.retain(|_, offender| {
                let banned_lately = |until| now.saturating_duration_since(until) < MEMORY;
                now.duration_since(offender.since) < window || offender.until.is_some_and(banned_lately)
            });
        }
    }

    fn judge(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) -> Result<(), Unheard> {
        if self.is_allowed(source.ip()) {
            return Ok(());
        }
        let network = Network::of(source.ip());
        let is_known = self.known.get(&(network, source)).is_some_and(|at| now.duration_since(*at) < MEMORY);
        if !is_known && self.is_banned(now, network) {
            return Err(Unheard::Banned);
        }
        let payer = if is_known { Payer::Known(source) } else { Payer::Network(network) };
        if !self.pay(now, payer, 1 + bytes.len() / MESSAGE) {
            return Err(Unheard::Budget);
        }
        if !is_known && is_scanner(bytes, &self.settings.scanners) {
            return Err(Unheard::Scanner);
        }
        Ok(())
    }

    fn pay(&mut self, now: Instant, payer: Payer, messages: usize) -> bool {
        let Settings { per_second, burst, .. } = self.settings;
        let full = u64::from(burst) * MILLI;
        let place = self.random.hash_one(payer) as usize % PLACES;
        let bucket = self.buckets[place].filter(|bucket| bucket.payer == payer);
        let filled = bucket.map_or(full, |bucket| {
            let passed = u64::try_from(now.duration_since(bucket.at).as_millis()).unwrap_or(u64::MAX);
            bucket.milli_tokens.saturating_add(passed.saturating_mul(per_second.into())).min(full)
        });
        let left = filled.checked_sub(messages as u64 * MILLI);
        // Less than a millisecond fills nothing: the clock of an empty bucket waits for it.
        let at = bucket.filter(|bucket| filled == bucket.milli_tokens).map_or(now, |bucket| bucket.at);
        self.buckets[place] = Some(Bucket { payer, milli_tokens: left.unwrap_or(filled), at });
        left.is_some()
    }

    fn is_allowed(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.settings.allowed.iter().any(|network| network.contains(&source))
    }

    fn is_banned(&self, now: Instant, network: Network) -> bool {
        self.offenders.get(&network).and_then(|offender| offender.until).is_some_and(|until| now < until)
    }

    fn has_known(&self, network: Network) -> bool {
        let mut from_there = self.known.range((network, LOWEST)..);
        from_there.next().is_some_and(|((known, _), _)| *known == network)
    }

    fn count(&mut self, heard: Result<(), Unheard>) -> Result<(), Unheard> {
        if let Err(unheard) = heard {
            *self.defended.unheard.entry(unheard).or_default() += 1;
        }
        heard
    }
}

/// Whether the sender of a message calls itself by one of these names (RFC 3261 §20.41).
fn is_scanner(bytes: &[u8], names: &[String]) -> bool {
    const AGENT: &[u8] = b"user-agent:";
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let lines = head.split(|octet| *octet == b'\n').take_while(|line| !matches!(line, [] | [b'\r']));
    let agents = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(AGENT.len())?;
        name.eq_ignore_ascii_case(AGENT).then(|| value.to_ascii_lowercase())
    });
    let is_named = |agent: Vec<u8>| {
        names.iter().any(|name| agent.windows(name.len().max(1)).any(|part| part == name.as_bytes()))
    };
    agents.into_iter().any(is_named)
}

#[cfg(test)]
mod tests;
