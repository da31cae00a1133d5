//! What is good enough of a stream, and what is done about one that stops.

use call::settings::{NoStreamSettings, QualitySettings};

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

pub(super) fn quality(section: Section<'_, '_>) -> QualitySettings {
    let defaults = QualitySettings::default();
    let percent = |key, default| section.number(key, 1..101, default);
    let read = QualitySettings {
        red_delay: section.pause("red_delay", defaults.red_delay),
        red_jitter: section.pause("red_jitter", defaults.red_jitter),
        red_loss_percent: percent("red_loss_percent", defaults.red_loss_percent),
        icon_yellow_percent: section.number("icon_yellow_percent", 0..100, defaults.icon_yellow_percent),
        icon_red_percent: percent("icon_red_percent", defaults.icon_red_percent),
        severe_after: section.pause("severe_after", defaults.severe_after),
    };
    let QualitySettings { icon_yellow_percent, icon_red_percent, .. } = read;
    if icon_yellow_percent >= icon_red_percent {
        section.report(format!(
            "`icon_yellow_percent` is {icon_yellow_percent} and `icon_red_percent` {icon_red_percent}; \
             write a lower one for yellow"
        ));
    }
    section.finish();
    read
}
