//! How many calls the media ports carry, and which settings ask for more.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use interwork::{Gate, GateLimits};
use media::{Capacity, Range};
use serde::Serialize;
use terms::ZoneName;
use time::OffsetDateTime;

use super::Config;
use crate::tls::Validity;

/// What the ports of a configuration carry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ports {
    /// Each section of `media.range`.
    pub ranges: Vec<RangePorts>,
    /// What asks for more, and what to do.
    pub warnings: Vec<String>,
}

/// What one range carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RangePorts {
    /// Whose media.
    pub zone: ZoneName,
    /// On which address.
    pub address: IpAddr,
    /// From the first port to the last.
    pub ports: String,
    /// Its pairs, and so the calls that it carries at once.
    pub calls: u32,
    /// How long a pair rests after its call.
    pub quarantine_seconds: f64,
    /// Short calls a second after which each pair can rest so long; no bound where none rests.
    pub calls_per_second: Option<f64>,
    /// Calls at once while they come and go that fast.
    pub calls_at_that_rate: u32,
}

impl Ports {
    /// Of what is configured.
    pub fn of(config: &Config) -> Self {
        let (rest, workers) = (config.media.quarantine.rest, config.media.workers);
        let capacity = |range: &Range| range.capacity(config.media.quarantine, workers);
        let mut zones: BTreeMap<&ZoneName, Capacity> = BTreeMap::new();
        for range in &config.media.ranges {
            let zone = zones.entry(&range.zone).or_default();
            *zone = *zone + capacity(range);
        }
        let of_range = |range: &Range| RangePorts::new(range, capacity(range), rest);
        let mut warnings = Vec::from_iter(too_many_calls(config.call.max_calls, zones.values()));
        for (gate, zone, limits) in gates(config) {
            let capacity = zones.get(zone).copied().unwrap_or_default();
            warnings.extend(too_much(&gate, limits, (zone, capacity), rest));
        }
        warnings.extend(certificate_warnings(config).chain(weak_warnings(config)));
        Self { ranges: config.media.ranges.iter().map(of_range).collect(), warnings }
    }
}

impl RangePorts {
    fn new(range: &Range, capacity: Capacity, rest: Duration) -> Self {
        Self {
            zone: range.zone.clone(),
            address: range.address,
            ports: format!("{}-{}", range.first, u32::from(range.first) + 2 * capacity.pairs - 1),
            calls: capacity.pairs,
            quarantine_seconds: rest.as_secs_f64(),
            calls_per_second: capacity.calls_per_second(rest),
            calls_at_that_rate: capacity.beside_resting(),
        }
    }
}

/// SEC-4: certificates of ours that don't hold, or not for long.
pub(crate) fn certificate_warnings(config: &Config) -> impl Iterator<Item = String> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let shown = config.listeners.iter().flat_map(move |listener| {
        listener.identities().iter().map(move |identity| (listener.name(), identity))
    });
    shown.filter_map(move |(listener, identity)| {
        let state = match identity.validity(now) {
            Validity::Holds => return None,
            Validity::NotYet => "does not hold yet: is the clock right?".to_owned(),
            Validity::EndsSoon { days } => format!("ends in {days} days: renew it, and reload"),
            Validity::Expired => {
                "HAS EXPIRED: nobody who verifies it connects; renew it, and reload".to_owned()
            }
        };
        Some(format!("listener {listener}: certificate {} {state}", identity.fingerprint()))
    })
}

/// SEC-4: listeners that speak versions of TLS that are weak (RFC 8996).
pub(crate) fn weak_warnings(config: &Config) -> impl Iterator<Item = String> {
    let weak = config.listeners.iter().filter(|listener| listener.is_legacy());
    weak.map(|listener| {
        let name = listener.name();
        format!("listener {name} is WEAK: it speaks TLS 1.0; take it away with the last device that needs it")
    })
}

fn gates(config: &Config) -> impl Iterator<Item = (Gate, &ZoneName, GateLimits)> {
    let trunks =
        config.trunks.iter().map(|trunk| (Gate::Trunk(trunk.name.clone()), &trunk.zone, trunk.limits));
    let listeners = config.listeners.iter();
    trunks.chain(listeners.map(|listener| (Gate::Listener(listener.name()), &listener.zone, listener.limits)))
}

fn too_many_calls<'a>(max: usize, zones: impl Iterator<Item = &'a Capacity>) -> Option<String> {
    let pairs: u32 = zones.map(|capacity| capacity.pairs).sum();
    (max > pairs as usize).then(|| {
        format!(
            "calls.max is {max}, and the ranges have {pairs} pairs: calls beyond find no port; lower it, or widen `ports`"
        )
    })
}

/// What a trunk or a listener may bring and its zone can't carry.
fn too_much(
    gate: &Gate,
    limits: GateLimits,
    (zone, capacity): (&ZoneName, Capacity),
    rest: Duration,
) -> impl Iterator<Item = String> {
    let (kind, name, pairs) = (gate.kind(), gate.name(), capacity.pairs);
    let channels = limits.channels.filter(|channels| *channels > pairs).map(|channels| {
        format!(
            "{kind} \"{name}\" may bring {channels} calls at once, and zone \"{zone}\" has {pairs} pairs: calls beyond \
             find no port; lower `channels`, or widen `ports`"
        )
    });
    let sustained = capacity.calls_per_second(rest);
    let rate = limits.rate.zip(sustained).filter(|(rate, sustained)| f64::from(*rate) > *sustained);
    let rate = rate.map(|(rate, sustained)| {
        let (sustained, rest) = (OneDigit(sustained), rest.as_secs_f64());
        format!(
            "{kind} \"{name}\" may bring {rate} calls a second, and the pairs of zone \"{zone}\" can rest {rest} s after \
             {sustained} a second: beyond that the next caller gets them earlier, or finds none; lower \
             `calls_per_second`, or widen `ports`"
        )
    });
    channels.into_iter().chain(rate)
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            range.fmt(f)?;
        }
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

impl fmt::Display for RangePorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zone, address, ports, calls, quarantine_seconds, calls_per_second, calls_at_that_rate } =
            self;
        write!(f, "media of zone \"{zone}\" on {address}:{ports}: {calls} calls at once")?;
        let Some(rate) = calls_per_second else {
            return write!(f, ", short ones as fast as may be: no pair rests");
        };
        write!(
            f,
            "; or short ones at {} a second, each pair resting {quarantine_seconds} s after its call, beside \
             {calls_at_that_rate} that last",
            OneDigit(*rate)
        )
    }
}

/// A number with one digit behind the point, where that is not 0; rounded down, as a bound is.
struct OneDigit(f64);

impl fmt::Display for OneDigit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ((self.0 * 10.0).floor() / 10.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn out_6_what_asks_for_more_than_the_ports_carry_is_warned_of() {
        let fits = "on 127.0.0.1:10000-10599: 300 calls at once; or short ones at 5 a second, each pair resting 30 s after \
                    its call, beside 150 that last";
        type Row = (&'static str, &'static [(&'static str, &'static str)], &'static str, usize);
        let rows: [Row; 9] = [
            ("all fits", &[], fits, 0),
            ("just fits", &[("trunk.0.calls_per_second", "5"), ("trunk.0.channels", "300")], fits, 0),
            ("too many calls", &[("calls.max", "301")], "is 301, and the ranges have 300 pairs", 1),
            (
                "too fast a trunk",
                &[("trunk.0.calls_per_second", "5.1")],
                "trunk \"carrier\" may bring 5.1 calls a",
                1,
            ),
            (
                "too fast a listener",
                &[("listener.0.calls_per_second", "50")],
                "can rest 30 s after 5 a second",
                1,
            ),
            (
                "too wide",
                &[("trunk.0.channels", "301"), ("calls.max", "400")],
                "may bring 301 calls at once",
                2,
            ),
            (
                "a longer quarantine",
                &[("media.quarantine", "40s"), ("trunk.0.calls_per_second", "4")],
                "rest 40 s after 3.7 a second",
                1,
            ),
            ("a greater share", &[("media.quarantine_share_percent", "100")], "at 10 a second", 0),
            (
                "no quarantine",
                &[("media.quarantine", "0s"), ("trunk.0.calls_per_second", "99")],
                "no pair rests",
                0,
            ),
        ];
        for (name, settings, expected, warnings) in rows {
            let settings: Vec<_> =
                settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let config = config::parse("ports.toml", FILE, &settings).expect("a sound configuration");
            let ports = Ports::of(&config);
            let told = ports.to_string();
            assert!(told.contains(expected), "{name}: {told}");
            assert_eq!(ports.warnings.len(), warnings, "{name}: {told}");
        }
    }

    const FILE: &str = r#"
        [[listener]]
        zone = "trunk"
        transport = "udp"
        address = "127.0.0.1:5060"
        [[media.range]]
        zone = "trunk"
        address = "127.0.0.1"
        ports = "10000-10599"
        [http]
        address = "127.0.0.1:8080"
        token = "a long random text"
        [[trunk]]
        name = "carrier"
        zone = "trunk"
        peers = ["127.0.0.1"]
        [calls]
        max = 300
        "#;
}
