//! From which load on new calls are held back.

use std::time::Duration;

use super::super::section::Section;
use crate::admission::{AdmissionSettings, Marks, Percent};

pub(super) fn admission(section: Section<'_, '_>) -> AdmissionSettings {
    let defaults = AdmissionSettings::default();
    let settings = AdmissionSettings {
        cpu: percent(&section, ["cpu_high_percent", "cpu_low_percent"], defaults.cpu),
        tick_lag: lag(&section, ["tick_lag_high", "tick_lag_low"], defaults.tick_lag),
        ports: percent(&section, ["ports_high_percent", "ports_low_percent"], defaults.ports),
        memory: percent(&section, ["memory_high_percent", "memory_low_percent"], defaults.memory),
    };
    section.finish();
    settings
}

fn percent(
    section: &Section<'_, '_>,
    [high, low]: [&'static str; 2],
    marks: Marks<Percent>,
) -> Marks<Percent> {
    // 101 is never reached: the load is not looked at.
    let marks =
        Marks { high: section.number(high, 1..102, marks.high), low: section.number(low, 0..101, marks.low) };
    in_order(section, [high, low], marks)
}

fn lag(section: &Section<'_, '_>, [high, low]: [&'static str; 2], marks: Marks<Duration>) -> Marks<Duration> {
    let marks = Marks { high: section.pause(high, marks.high), low: section.duration(low, marks.low) };
    in_order(section, [high, low], marks)
}

fn in_order<T: PartialOrd>(
    section: &Section<'_, '_>,
    [high, low]: [&'static str; 2],
    marks: Marks<T>,
) -> Marks<T> {
    if marks.low >= marks.high {
        section.report(format!(
            "`{low}` must be below `{high}`: calls are held back from the one on and come back at the other"
        ));
    }
    marks
}
