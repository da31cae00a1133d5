//! The non-INVITE server transaction (RFC 3261 §17.2.2).

use super::{
    Effect::{self, Send, Unreachable},
    Pace, Rebase,
};
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// Where the transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The request came.
    Trying,
    /// A 1xx is sent.
    Proceeding,
    /// A 200 to 699 is sent. Timer J.
    Completed {
        /// Timer J.
        until: Instant,
    },
    /// Nothing more will happen.
    Terminated,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The request came again.
    Retransmission,
    /// The user sends a 1xx.
    Provisional,
    /// The user sends a 200 to 699.
    Final,
    /// The deadline is reached.
    Timer,
    /// The transport refused the message.
    TransportError,
}

use State::{Completed, Proceeding, Terminated, Trying};

impl State {
    /// The request is received.
    pub const fn start() -> Self {
        Trying
    }

    // RFC 3261 figure 8:
    //
    //                    |Request received, pass to TU
    //                    V
    //              +-----------+  request: absorb
    //              |  Trying   |-------------+
    //              +-----------+             |
    //    1xx from TU     |                   | 200-699 from TU
    //    send            V                   | send
    //              +------------+            |
    //   request, +>| Proceeding |--+         |
    //   1xx: send+-+------------+  | 200-699 |
    //                 | error      | send    |
    //                 |            V         V
    //                 |        +-----------+ request: send
    //                 |        | Completed |
    //                 V        +-----------+
    //             Terminated <--- Timer J, error
    /// What follows from an input.
    pub fn step(self, pace: Pace, now: Instant, input: Input) -> (Self, &'static [Effect]) {
        match (self, input) {
            (Trying | Proceeding, Input::Provisional) => (Proceeding, &[Send]),
            (Trying | Proceeding, Input::Final) => {
                (Completed { until: now + pace.linger(pace.timers.give_up()) }, &[Send])
            }
            (Proceeding | Completed { .. }, Input::Retransmission) => (self, &[Send]),
            (Completed { until }, Input::Timer) if now >= until => (Terminated, &[]),
            (Proceeding | Completed { .. }, Input::TransportError) => (Terminated, &[Unreachable]),
            // §17.2.2: a request that comes again in Trying, and a second final, are absorbed.
            (state, _) => (state, &[]),
        }
    }

    /// When [`Input::Timer`] is due.
    pub const fn deadline(self) -> Option<Instant> {
        match self {
            Completed { until } => Some(until),
            Trying | Proceeding | Terminated => None,
        }
    }

    /// The same by another clock.
    #[must_use]
    pub fn rebased(self, rebase: Rebase) -> Self {
        match self {
            Completed { until } => Completed { until: rebase.at(until) },
            Trying | Proceeding | Terminated => self,
        }
    }
}
