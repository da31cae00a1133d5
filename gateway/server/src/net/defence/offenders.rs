//! Who has failed too often, and is banned for it.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use ipnet::IpNet;

use super::{
    Settings,
    known::{MEMORY, REMEMBERED},
    network::Network,
};

/// When there is no room, those whose time is over are looked for not more often than this.
const LOOKED_FOR: Duration = Duration::from_secs(60);
/// A ban that was doubled so often is longer than any that is meant.
const DOUBLINGS: u32 = 16;

#[derive(Debug, Clone, Copy)]
struct Offender {
    failures: u32,
    since: Instant,
    bans: u32,
    until: Option<Instant>,
}

impl Offender {
    fn is_banned(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Whether its last ban is so recent that the next one is longer.
    fn is_remembered(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now.saturating_duration_since(until) < MEMORY)
    }
}

/// Those whose address is proved.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    of: BTreeMap<Network, Offender>,
    swept: Option<Instant>,
}

impl Offenders {
    /// Whether it has failed once too often.
    pub(super) fn fail(&mut self, now: Instant, network: Network, settings: &Settings) -> bool {
        let Some(offender) = self.get_mut(now, network, settings) else { return false };
        if now.duration_since(offender.since) >= settings.window {
            (offender.failures, offender.since) = (0, now);
        }
        offender.failures += 1;
        offender.failures >= settings.failures
    }

    /// For how long it is banned from here on; unless it is already.
    pub(super) fn ban(&mut self, now: Instant, network: Network, settings: &Settings) -> Option<Duration> {
        let offender = self.get_mut(now, network, settings)?;
        if offender.is_banned(now) {
            return None;
        }
        let bans = if offender.is_remembered(now) { offender.bans } else { 0 };
        let length = settings.ban.saturating_mul(1 << bans.min(DOUBLINGS)).min(settings.longest_ban);
        *offender = Offender { failures: 0, since: now, bans: bans + 1, until: Some(now + length) };
        Some(length)
    }

    pub(super) fn has(&self, now: Instant, network: Network) -> bool {
        self.of.get(&network).is_some_and(|offender| offender.is_banned(now))
    }

    /// All who are banned, and until when.
    pub(super) fn banned(&self, now: Instant) -> impl Iterator<Item = (Network, Instant)> {
        let banned = self.of.iter().filter(move |(_, offender)| offender.is_banned(now));
        banned.filter_map(|(network, offender)| Some((*network, offender.until?)))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    fn get_mut(&mut self, now: Instant, network: Network, settings: &Settings) -> Option<&mut Offender> {
        let is_due = self.swept.is_none_or(|swept| now.duration_since(swept) >= LOOKED_FOR);
        if self.of.len() >= REMEMBERED && is_due {
            self.swept = Some(now);
            let counts = |offender: &Offender| now.duration_since(offender.since) < settings.window;
            self.of.retain(|_, offender| counts(offender) || offender.is_remembered(now));
        }
        if self.of.len() >= REMEMBERED && !self.of.contains_key(&network) {
            return None;
        }
        let new = Offender { failures: 0, since: now, bans: 0, until: None };
        Some(self.of.entry(network).or_insert(new))
    }
}

/// Who is banned, for those who accept connections: as it was at the last ban.
#[derive(Debug, Clone, Default)]
pub(in crate::net) struct Banned {
    until: BTreeMap<Network, Instant>,
    allowed: Vec<IpNet>,
}

impl Banned {
    pub(super) fn new(banned: impl Iterator<Item = (Network, Instant)>, allowed: &[IpNet]) -> Self {
        Self { until: banned.collect(), allowed: allowed.to_vec() }
    }

    /// One address alone.
    #[cfg(test)]
    pub(in crate::net) fn of(until: Instant, address: IpAddr) -> Self {
        Self::new([(Network::of(address), until)].into_iter(), &[])
    }

    pub(in crate::net) fn has(&self, now: Instant, address: IpAddr) -> bool {
        let is_banned = self.until.get(&Network::of(address)).is_some_and(|until| now < *until);
        is_banned && !is_among(&self.allowed, address)
    }
}

/// Whether an address is of one of these networks.
pub(super) fn is_among(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}
