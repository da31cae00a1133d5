//! The INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §8.4).

use super::{
    Effect::{self, PassUp, Send, SendAck, TimedOut, Unreachable},
    Pace, Rebase, Resend,
};
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// Where the transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The INVITE is out. Timers A and B.
    Calling {
        /// Timer A.
        resend: Resend,
        /// Timer B.
        give_up_at: Instant,
    },
    /// A 1xx came.
    Proceeding,
    /// A 300 to 699 came. Timer D.
    Completed {
        /// Timer D.
        until: Instant,
    },
    /// A 2xx came. Timer M.
    Accepted {
        /// Timer M.
        until: Instant,
    },
    /// Nothing more will happen.
    Terminated,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A 1xx.
    Provisional,
    /// A 2xx.
    Success,
    /// A 300 to 699.
    Failure,
    /// The deadline is reached.
    Timer,
    /// The transport refused the message.
    TransportError,
}

use State::{Accepted, Calling, Completed, Proceeding, Terminated};

impl State {
    /// The INVITE is sent.
    pub fn start(pace: Pace, now: Instant) -> Self {
        Calling { resend: Resend::start(pace, now), give_up_at: now + pace.timers.give_up() }
    }

    // RFC 6026 figure 3 over RFC 3261 figure 5:
    //
    //                  |INVITE from TU
    //  Timer A fires   |INVITE sent      Timer B fires,
    //  INVITE sent +-+ V                 or transport error
    //              | +-----------+       inform TU
    //              +>|  Calling  |-----------------------+
    //                +-----------+                       |
    //      300-699    |     |  2xx                       |
    //      ACK sent   |     |  2xx to TU                 |
    //   +-------------+ 1xx +--------------+             |
    //   |               V                  |             |
    //   |      +--------------+ 2xx to TU  |             |
    //   |<-----|  Proceeding  |----------->|             |
    //   |      +--------------+            |             |
    //   V        1xx: to TU                V             |
    //  +-----------+ 300-699         +----------+ 2xx    |
    //  | Completed |>ACK sent        | Accepted |>to TU  |
    //  +-----------+                 +----------+        |
    //   | Timer D, transport error     | Timer M         |
    //   +--------------> Terminated <--+<----------------+
    /// What follows from an input.
    pub fn step(self, pace: Pace, now: Instant, input: Input) -> (Self, &'static [Effect]) {
        let timers = pace.timers;
        match (self, input) {
            (Calling { give_up_at, .. }, Input::Timer) if now >= give_up_at => (Terminated, &[TimedOut]),
            (Calling { resend, give_up_at }, Input::Timer) if resend.is_due(now) => {
                (Calling { resend: resend.doubled(now), give_up_at }, &[Send])
            }
            (Calling { .. } | Proceeding, Input::Provisional) => (Proceeding, &[PassUp]),
            (Calling { .. } | Proceeding, Input::Success) => {
                (Accepted { until: now + timers.give_up() }, &[PassUp])
            }
            (Calling { .. } | Proceeding, Input::Failure) => {
                (Completed { until: now + pace.linger(timers.give_up()) }, &[SendAck, PassUp])
            }
            (Completed { .. }, Input::Failure) => (self, &[SendAck]),
            (Accepted { .. }, Input::Success) => (self, &[PassUp]),
            (Completed { until } | Accepted { until }, Input::Timer) if now >= until => (Terminated, &[]),
            (Calling { .. } | Completed { .. }, Input::TransportError) => (Terminated, &[Unreachable]),
            // §17.1.1.2: what else comes is absorbed.
            (state, _) => (state, &[]),
        }
    }

    /// When [`Input::Timer`] is due.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Calling { resend, give_up_at } => Some(resend.or(give_up_at)),
            Completed { until } | Accepted { until } => Some(until),
            Proceeding | Terminated => None,
        }
    }

    /// The same by another clock.
    #[must_use]
    pub fn rebased(self, rebase: Rebase) -> Self {
        match self {
            Calling { resend, give_up_at } => {
                Calling { resend: resend.rebased(rebase), give_up_at: rebase.at(give_up_at) }
            }
            Completed { until } => Completed { until: rebase.at(until) },
            Accepted { until } => Accepted { until: rebase.at(until) },
            Proceeding | Terminated => self,
        }
    }
}
