//! The one place that asks the time.

use std::time::{Instant, SystemTime};

use terms::{Now, WallTime};

/// Both clocks of the process. Copies agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Monotonic time counts from here.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// The time on both clocks.
    pub fn now(&self) -> Now {
        let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        // A wall clock before 1970 is a broken one: records then say 1970.
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: terms::Instant::from_nanos(nanos(self.began.elapsed())),
            wall: WallTime::from_unix_nanos(nanos(wall)),
        }
    }

    /// The moment on the operating system's clock, for its timers.
    pub fn to_system(&self, at: terms::Instant) -> Instant {
        self.began + at.since(terms::Instant::ZERO)
    }
}
