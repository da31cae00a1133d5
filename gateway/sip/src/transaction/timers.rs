//! RFC 3261 table 4.

use core::time::Duration;
use serde::{Deserialize, Serialize};

/// The timer values that the others are multiples of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// A round trip.
    pub t1: Duration,
    /// The longest pause between two sendings of a non-INVITE request or an INVITE's response.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
}

impl Timers {
    /// RFC 3261 table 4: 500 ms, 4 s, 5 s.
    pub const RFC: Self =
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };

    /// 64*T1: timers B, D, F, H, J, L and M.
    pub const fn give_up(self) -> Duration {
        self.t1.saturating_mul(64)
    }
}
