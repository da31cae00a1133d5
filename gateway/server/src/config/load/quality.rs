//! What is done about streams that stop.

use call::settings::NoStreamSettings;

use crate::config::section::Section;

pub(super) fn no_stream(section: Section<'_, '_>) -> NoStreamSettings {
    let defaults = NoStreamSettings::default();
    let read = NoStreamSettings {
        warn: section.pause("warn", defaults.warn),
        probe: section.pause("probe", defaults.probe),
        end: section.pause("end", defaults.end),
        end_answered: section.pause("end_answered", defaults.end_answered),
    };
    let NoStreamSettings { warn, probe, end, end_answered } = read;
    if warn >= probe || probe >= end || end > end_answered {
        section.report(format!(
            "{warn:?}, {probe:?}, {end:?} and {end_answered:?} are out of order; write `warn` before `probe`, \
             `probe` before `end`, and `end_answered` no earlier than `end`"
        ));
    }
    section.finish();
    read
}
