//! How much is heard of whom (SEC-2).

use std::net::IpAddr;

use interwork::Trunk;
use ipnet::IpNet;

use super::super::section::Section;
use crate::net::defence::{Budget, Settings};

/// Trunks are heard whatever they do: each has bounds of its own.
pub(super) fn defence(section: Section<'_, '_>, trunks: &[Trunk]) -> Settings {
    let usual = Settings::default();
    let peers = trunks.iter().flat_map(|trunk| trunk.peers.iter().copied());
    // Where our calls to it go, from there it answers.
    let next_hops = trunks.iter().filter_map(|trunk| Some(trunk.out?.hop.destination.ip().into()));
    let mut allowed: Vec<IpNet> = peers.chain(next_hops).collect();
    for text in section.texts("allowed") {
        let network = text.value.parse().ok().or_else(|| text.value.parse::<IpAddr>().ok().map(IpNet::from));
        match network {
            Some(network) => allowed.push(network),
            None => text.report("write an address or a network, such as \"192.0.2.0/24\""),
        }
    }
    let mut scanners = usual.scanners;
    for text in section.texts("scanners") {
        if text.value.trim().len() < 3 {
            text.report("too short: it would be found in many names; write 3 characters at least");
        }
        scanners.push(text.value.trim().to_ascii_lowercase());
    }
    let settings = Settings {
        strangers: budget(&section, ("per_second", "burst"), usual.strangers),
        known: budget(&section, ("known_per_second", "known_burst"), usual.known),
        connections: section.number("connections", 1..65_536, usual.connections),
        failures: section.number("failures", 1..100_001, usual.failures),
        window: section.pause("window", usual.window),
        ban: section.pause("ban", usual.ban),
        longest_ban: section.pause("longest_ban", usual.longest_ban),
        scanners,
        allowed,
    };
    if settings.known.per_second < settings.strangers.per_second
        || settings.known.burst < settings.strangers.burst
    {
        section.report(
            "who has logged in may not have less than others: raise `known_per_second` and `known_burst`",
        );
    }
    if settings.ban > settings.longest_ban {
        section.report("`ban` may not be above `longest_ban`");
    }
    section.finish();
    settings
}

fn budget(
    section: &Section<'_, '_>,
    (per_second, burst): (&'static str, &'static str),
    usual: Budget,
) -> Budget {
    Budget {
        per_second: section.number(per_second, 1..1_000_001, usual.per_second),
        burst: section.number(burst, 1..1_000_001, usual.burst),
    }
}
