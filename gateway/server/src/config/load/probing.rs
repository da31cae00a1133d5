//! Whether, where and how much probes are answered (MEDIA-8).

use std::ops::RangeInclusive;

use media::Range;

use super::super::section::Section;
use crate::config::{Listener, Media, Probe, ProbeState, Transport};

pub(super) fn probe(section: Section<'_, '_>) -> Probe {
    let usual = probe::Settings::default();
    let states = [("on", ProbeState::On), ("off", ProbeState::Off)];
    let probe = Probe {
        state: section.text("answer").and_then(|text| text.one_of(&states)).unwrap_or(ProbeState::On),
        settings: probe::Settings {
            per_second: section.number("per_second", 1..100_001, usual.per_second),
            per_source: section.number("per_source", 1..100_001, usual.per_source),
        },
    };
    section.finish();
    probe
}

/// The port of a range's address that is for probes, if any. None of the calls': no caller's pair may be taken away unseen.
pub(super) fn beside(section: &Section<'_, '_>, span: Option<&RangeInclusive<u16>>) -> Option<u16> {
    let port = section.number("probe", 0..65_536, 0_u16);
    if port == 0 {
        return None;
    }
    if port < 1_024 || span.is_some_and(|span| span.contains(&port)) {
        section.report(format!(
            "`probe` is {port}, which is below 1024 or among `ports`; write one beside them that firewalls let through too, \
             or let `ports` begin behind it"
        ));
    }
    Some(port)
}

/// Two can't be bound to one port.
pub(super) fn check(root: &Section<'_, '_>, listeners: &[Listener], media: &Media) {
    for (number, probe) in media.probes.iter().enumerate() {
        let address = probe.address;
        let is_within = |range: &Range| {
            let ports = u32::from(range.first)..u32::from(range.first) + 2 * u32::from(range.pairs);
            range.address == address.ip() && ports.contains(&u32::from(address.port()))
        };
        let is_taken = listeners.iter().any(|one| one.transport == Transport::Udp && one.address == address)
            || media.probes.iter().skip(number + 1).any(|other| other.address == address)
            || media.ranges.iter().any(is_within);
        if is_taken {
            root.report(format!(
                "media is probed at {address}, which a [[listener]], a [[media.range]] or another `probe` has already; \
                 write another port"
            ));
        }
    }
}
