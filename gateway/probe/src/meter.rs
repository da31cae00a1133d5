//! How often something may happen: so many a second, and what one second allows in one burst.

use std::time::Duration;

use terms::Instant;

/// What may come in one burst.
const BURST: Duration = Duration::from_secs(1);

/// One bound's memory: when the next would be due if they came evenly.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meter {
    due: Instant,
}

impl Meter {
    /// Whether one more may be, which is counted then.
    pub(crate) fn take(&mut self, now: Instant, per_second: u32) -> bool {
        let Some(step) = Duration::from_secs(1).checked_div(per_second) else { return false };
        let next = self.due.max(now) + step;
        let may = next.since(now) <= BURST;
        if may {
            self.due = next;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_8_a_burst_of_a_second_then_so_many_a_second() {
        let (mut meter, mut now) = (Meter::default(), Instant::from_nanos(5_000_000_000));
        let mut taken = |now| (0..500).filter(|_| meter.take(now, 100)).count();
        assert_eq!(taken(now), 100);
        now += Duration::from_millis(500);
        assert_eq!(taken(now), 50);
        now += Duration::from_secs(60);
        assert_eq!(taken(now), 100, "what was not used is not kept");
        assert!(!Meter::default().take(now, 0), "none may");
    }
}
