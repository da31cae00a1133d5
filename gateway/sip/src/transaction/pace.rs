//! How fast a machine sends again.

use super::Timers;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// Whether the transport loses messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reliability {
    /// Datagrams.
    Unreliable,
    /// Streams.
    Reliable,
}

/// What paces a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The timer values.
    pub timers: Timers,
    /// Whether sending again is of use.
    pub reliability: Reliability,
}

impl Pace {
    /// `pause` where messages may still be under way, zero on a stream (timers D, I, J and K).
    pub const fn linger(self, pause: Duration) -> Duration {
        match self.reliability {
            Reliability::Unreliable => pause,
            Reliability::Reliable => Duration::ZERO,
        }
    }
}

/// From one monotonic clock to another, for a machine that moves to another process.
#[derive(Debug, Clone, Copy)]
pub struct Rebase {
    /// When the machine was put away, by its old clock.
    pub from: Instant,
    /// When it goes on, by the new one.
    pub to: Instant,
}

impl Rebase {
    /// A deadline by the new clock; one that had passed is due at once.
    pub fn at(self, deadline: Instant) -> Instant {
        self.to + deadline.since(self.from)
    }
}

/// When to send again, each time later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resend {
    /// Streams lose nothing.
    Never,
    /// After this pause.
    At {
        /// The moment.
        at: Instant,
        /// The pause before it.
        interval: Duration,
    },
}

impl Resend {
    /// First after T1; never on a stream.
    pub fn start(pace: Pace, now: Instant) -> Self {
        match pace.reliability {
            Reliability::Unreliable => Self::after(now, pace.timers.t1),
            Reliability::Reliable => Self::Never,
        }
    }

    /// After `interval`.
    pub fn after(now: Instant, interval: Duration) -> Self {
        Self::At { at: now + interval, interval }
    }

    /// Whether the moment is reached.
    pub fn is_due(self, now: Instant) -> bool {
        matches!(self, Self::At { at, .. } if now >= at)
    }

    /// After twice the pause.
    #[must_use]
    pub fn doubled(self, now: Instant) -> Self {
        self.doubled_to(now, Duration::MAX)
    }

    /// After twice the pause, `cap` at most.
    #[must_use]
    pub fn doubled_to(self, now: Instant, cap: Duration) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::At { interval, .. } => Self::after(now, interval.saturating_mul(2).min(cap)),
        }
    }

    /// The same by another clock.
    #[must_use]
    pub fn rebased(self, rebase: Rebase) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::At { at, interval } => Self::At { at: rebase.at(at), interval },
        }
    }

    /// The earlier of the next sending and `end`.
    pub fn or(self, end: Instant) -> Instant {
        match self {
            Self::Never => end,
            Self::At { at, .. } => at.min(end),
        }
    }
}
