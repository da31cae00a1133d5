//! Limits that are met, told together once a second.

use std::collections::BTreeMap;

use interwork::{Gate, GateLimit};
use sip::endpoint::Limit;

/// Measures from one telling to the next: a second.
const EVERY: u8 = 10;

/// A limit that was met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Met {
    /// Of SIP.
    Sip(Limit),
    /// Of a trunk or a listener.
    Gate(Gate, GateLimit),
}

/// How often each limit was met since it was told of last.
#[derive(Debug, Default)]
pub(super) struct Limits {
    met: BTreeMap<Met, u64>,
    measures: u8,
}

impl Limits {
    pub(super) fn add(&mut self, met: Met) {
        *self.met.entry(met).or_default() += 1;
    }

    /// What is to be told, at a measure.
    pub(super) fn take_due(&mut self) -> BTreeMap<Met, u64> {
        self.measures = (self.measures + 1) % EVERY;
        if self.measures > 0 {
            return BTreeMap::new();
        }
        std::mem::take(&mut self.met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_second() {
        let (mut limits, mut told) = (Limits::default(), Vec::new());
        for _ in 0..40 {
            for _ in 0..50 {
                limits.add(Met::Sip(Limit::Dialogs));
            }
            told.extend(limits.take_due());
        }
        assert_eq!(told, vec![(Met::Sip(Limit::Dialogs), 500); 4]);
        (0..EVERY).for_each(|_| assert_eq!(limits.take_due(), BTreeMap::new()));
    }
}
