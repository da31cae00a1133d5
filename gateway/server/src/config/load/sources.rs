//! From where media is taken (ISO-3).

use ipnet::IpNet;
use terms::media::{FirstSource, Prefix, Sources};

use super::{Section, network};

/// Of calls that come by no trunk.
pub(super) fn of_listener(section: &Section<'_, '_>) -> Sources {
    Sources { first: first(section), within: Vec::new() }
}

/// A carrier's media may move within `media`; where nothing is written, where its signaling comes from.
pub(super) fn of_trunk(section: &Section<'_, '_>, peers: &[IpNet]) -> Sources {
    let written: Vec<IpNet> = section.texts("media").iter().filter_map(network).collect();
    let networks = if written.is_empty() { peers } else { &written };
    let prefix = |network: &IpNet| Prefix::new(network.addr(), network.prefix_len());
    Sources { first: first(section), within: networks.iter().filter_map(prefix).collect() }
}

fn first(section: &Section<'_, '_>) -> FirstSource {
    let words = [("latch", FirstSource::Anybody), ("strict", FirstSource::Known)];
    section.text("sources").and_then(|text| text.one_of(&words)).unwrap_or_default()
}
