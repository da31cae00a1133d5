//! Interrupt moderation: where much is passed on, sockets are read a little later and together.
//!
//! A wake-up costs as much as a packet. Below some thousand packets a second each has one of its own and leaves at once;
//! above, what comes within a millisecond shares one.

use std::time::Duration;

use terms::Instant;

/// How long packets are counted for.
const WINDOW: Duration = Duration::from_millis(10);
/// So many in a window, and wake-ups are shared: eight packets each then, at least.
const MANY: usize = 80;
/// From one reading to the next.
const GAP: Duration = Duration::from_millis(1);

/// When sockets are read next.
#[derive(Debug)]
pub(crate) struct Moderation {
    window: Instant,
    packets: usize,
    gap: Duration,
    last: Instant,
}

impl Moderation {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { window: now, packets: 0, gap: Duration::ZERO, last: now }
    }

    /// For how long sockets are best left alone.
    pub(crate) fn pause(&self, now: Instant) -> Duration {
        self.gap.saturating_sub(now.since(self.last))
    }

    /// So many sockets had something.
    pub(crate) fn on_reading(&mut self, now: Instant, sockets: usize) {
        self.last = now;
        self.packets += sockets;
        if now.since(self.window) >= WINDOW {
            self.gap = if self.packets >= MANY { GAP } else { Duration::ZERO };
            (self.window, self.packets) = (now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet each so many microseconds, for so many windows; the pauses at their ends.
    fn pauses(every: u64, windows: u64) -> Vec<Duration> {
        let mut moderation = Moderation::new(Instant::ZERO);
        let mut pauses = Vec::new();
        for at in (0..windows * 10_000).step_by(usize::try_from(every).expect("small")) {
            let now = Instant::from_nanos(at * 1_000);
            moderation.on_reading(now, 1);
            if at % 10_000 == 0 {
                pauses.push(moderation.pause(now));
            }
        }
        pauses
    }

    #[test]
    fn a_few_packets_are_read_at_once_and_many_together() {
        assert_eq!(pauses(500, 4), [Duration::ZERO; 4]);
        assert_eq!(pauses(20, 4), [Duration::ZERO, GAP, GAP, GAP]);
    }

    #[test]
    fn the_pause_ends_a_millisecond_after_the_last_reading() {
        let mut moderation = Moderation::new(Instant::ZERO);
        let at = |micros: u64| Instant::from_nanos(micros * 1_000);
        moderation.on_reading(at(10_000), 500);
        assert_eq!(moderation.pause(at(10_100)), Duration::from_micros(900));
        assert_eq!(moderation.pause(at(11_000)), Duration::ZERO);
        moderation.on_reading(at(20_000), 3);
        assert_eq!(moderation.pause(at(20_000)), Duration::ZERO);
    }
}
