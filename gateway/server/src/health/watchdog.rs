//! systemd's watchdog (sd_notify(3)): fed by the shard as long as every media worker wakes too.

use std::time::Duration;

use terms::Instant;

/// A worker wakes twice a second at the least; one that does not for so long is stuck.
const STUCK: Duration = Duration::from_secs(3);

/// Says when the service manager is to be told that all is well.
#[derive(Debug)]
pub struct Watchdog {
    /// Half of what the service manager waits; without one nobody waits.
    interval: Option<Duration>,
    fed: Option<Instant>,
    workers: Vec<Beat>,
}

#[derive(Debug, Clone, Copy)]
struct Beat {
    wakeups: u64,
    since: Instant,
    is_told: bool,
}

impl Watchdog {
    /// `timeout` is what the service manager waits before it ends the process.
    pub fn new(now: Instant, timeout: Option<Duration>, workers: usize) -> Self {
        let beat = Beat { wakeups: 0, since: now, is_told: false };
        Self { interval: timeout.map(|timeout| timeout / 2), fed: None, workers: vec![beat; workers] }
    }

    /// Whether to tell the service manager now, by how often each worker has waked.
    pub fn is_fed_by(&mut self, now: Instant, wakeups: &[u64]) -> bool {
        for ((index, beat), wakeups) in self.workers.iter_mut().enumerate().zip(wakeups) {
            if beat.wakeups != *wakeups {
                *beat = Beat { wakeups: *wakeups, since: now, is_told: false };
            } else if now.since(beat.since) >= STUCK && !beat.is_told {
                beat.is_told = true;
                tracing::error!(worker = index, "a media worker is stuck: its calls have no sound");
            }
        }
        let all_well = self.workers.iter().all(|beat| now.since(beat.since) < STUCK);
        let is_due =
            self.interval.is_some_and(|interval| self.fed.is_none_or(|fed| now.since(fed) >= interval));
        if all_well && is_due {
            self.fed = Some(now);
        }
        all_well && is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn it_is_fed_each_half_of_what_systemd_waits_until_a_worker_is_stuck_and_again_when_it_goes_on() {
        let mut watchdog = Watchdog::new(at(0), Some(Duration::from_secs(2)), 2);
        let mut fed = Vec::new();
        for millis in (200..=12_000).step_by(200) {
            // The second worker sleeps from 4 s to 9 s.
            let second = if (4_000..9_000).contains(&millis) { 4_000 } else { millis };
            if watchdog.is_fed_by(at(millis), &[millis, second]) {
                fed.push(millis);
            }
        }
        assert_eq!(fed, [200, 1_200, 2_200, 3_200, 4_200, 5_200, 6_200, 9_000, 10_000, 11_000, 12_000]);
    }

    #[test]
    fn without_a_service_manager_nobody_is_told() {
        let mut watchdog = Watchdog::new(at(0), None, 0);
        assert!(!watchdog.is_fed_by(at(1_000), &[]));
    }
}
