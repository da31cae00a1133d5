//! Whether, where and how much probes are answered (MEDIA-8).

use std::ops::RangeInclusive;

use super::super::section::Section;
use crate::config::{Probe, ProbeState};

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
