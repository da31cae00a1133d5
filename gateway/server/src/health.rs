//! How the process itself is: measured ten times a second, and told to those who act on it: whether new calls are
//! taken (REL-1), and systemd's watchdog.

mod meter;
mod watchdog;

use std::time::Duration;

use terms::Instant;

pub use meter::{Meter, SHARD};
pub use watchdog::Watchdog;

use crate::{
    admission::{Admission, AdmissionSettings, AdmissionView, Loads, Standing},
    record::WorkerCounters,
};

/// Between two measures.
pub const PERIOD: Duration = Duration::from_millis(100);

/// What is measured, and what comes of it.
#[derive(Debug)]
pub struct Health {
    meter: Meter,
    admission: Admission,
    watchdog: Watchdog,
    loads: Loads,
    due: Instant,
}

/// What a measure came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The loads.
    pub loads: Loads,
    /// Whether calls were taken until then.
    pub before: Standing,
    /// Whether they are from here on.
    pub standing: Standing,
}

impl Health {
    /// The first measure is due a period from now.
    pub fn new(now: Instant, settings: AdmissionSettings, workers: WorkerCounters) -> Self {
        Self {
            watchdog: Watchdog::new(now, sd_notify::watchdog_enabled(), workers.len()),
            meter: Meter::new(now, workers),
            admission: Admission::new(settings),
            loads: Loads::default(),
            due: now + PERIOD,
        }
    }

    /// When to measure.
    pub const fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// Other marks.
    pub const fn configure(&mut self, settings: AdmissionSettings) {
        self.admission.configure(settings);
    }

    /// As of the last measure.
    pub fn view(&self) -> AdmissionView {
        AdmissionView::new(self.loads, self.admission.standing())
    }

    /// Whether new calls are taken, as of the last measure.
    pub const fn standing(&self) -> Standing {
        self.admission.standing()
    }

    /// Measures, if it is time.
    pub fn measure(&mut self, now: Instant) -> Option<Measured> {
        if now < self.due {
            return None;
        }
        // Who was held up measures once, not once for each period that it missed.
        self.due = now + PERIOD;
        if self.watchdog.is_fed_by(now, &self.meter.wakeups()) {
            sd_notify::notify(&[sd_notify::NotifyState::Watchdog]).ok();
        }
        self.loads = self.meter.measure(now);
        let before = self.admission.standing();
        Some(Measured { loads: self.loads, before, standing: self.admission.measure(&self.loads) })
    }
}
