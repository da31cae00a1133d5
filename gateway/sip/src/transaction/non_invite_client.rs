//! The non-INVITE client transaction (RFC 3261 §17.1.2).

use super::{
    Effect::{self, PassUp, Send, TimedOut, Unreachable},
    Pace, Rebase, Resend,
};
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// Where the transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The request is out. Timers E and F.
    Trying {
        /// Timer E.
        resend: Resend,
        /// Timer F.
        give_up_at: Instant,
    },
    /// A 1xx came. Timers E, at T2 each, and F.
    Proceeding {
        /// Timer E.
        resend: Resend,
        /// Timer F.
        give_up_at: Instant,
    },
    /// A 200 to 699 came. Timer K.
    Completed {
        /// Timer K.
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
    /// A 200 to 699.
    Final,
    /// The deadline is reached.
    Timer,
    /// The transport refused the message.
    TransportError,
}

use State::{Completed, Proceeding, Terminated, Trying};

impl State {
    /// The request is sent.
    pub fn start(pace: Pace, now: Instant) -> Self {
        Trying { resend: Resend::start(pace, now), give_up_at: now + pace.timers.give_up() }
    }

    // RFC 3261 figure 6:
    //
    //                  |Request from TU
    //                  |send request
    //   Timer E    +-+ V
    //   send       | +-----------+  Timer F, transport error: inform TU
    //   request    +>|  Trying   |------------------------------+
    //                +-----------+                              |
    //      200-699 to TU  |  | 1xx to TU                        |
    //    +----------------+  V                                  |
    //    |   Timer E +-+ +------------+  Timer F, error         |
    //    |   send    +>| | Proceeding |------------------------>|
    //    |             +-+------------+  1xx to TU              |
    //    |<--------------+ 200-699 to TU                        |
    //    V                                                      |
    //   +-----------+  Timer K                                  |
    //   | Completed |------------------> Terminated <-----------+
    //   +-----------+
    /// What follows from an input.
    pub fn step(self, pace: Pace, now: Instant, input: Input) -> (Self, &'static [Effect]) {
        let Pace { timers, .. } = pace;
        match (self, input) {
            (Trying { give_up_at, .. } | Proceeding { give_up_at, .. }, Input::Timer)
                if now >= give_up_at =>
            {
                (Terminated, &[TimedOut])
            }
            (Trying { resend, give_up_at }, Input::Timer) if resend.is_due(now) => {
                (Trying { resend: resend.doubled_to(now, timers.t2), give_up_at }, &[Send])
            }
            (Proceeding { resend, give_up_at }, Input::Timer) if resend.is_due(now) => {
                (Proceeding { resend: Resend::after(now, timers.t2), give_up_at }, &[Send])
            }
            (Trying { resend, give_up_at } | Proceeding { resend, give_up_at }, Input::Provisional) => {
                (Proceeding { resend, give_up_at }, &[PassUp])
            }
            (Trying { .. } | Proceeding { .. }, Input::Final) => {
                (Completed { until: now + pace.linger(timers.t4) }, &[PassUp])
            }
            (Trying { .. } | Proceeding { .. }, Input::TransportError) => (Terminated, &[Unreachable]),
            (Completed { until }, Input::Timer) if now >= until => (Terminated, &[]),
            // §17.1.2.2: what else comes is absorbed.
            (state, _) => (state, &[]),
        }
    }

    /// When [`Input::Timer`] is due.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Trying { resend, give_up_at } | Proceeding { resend, give_up_at } => Some(resend.or(give_up_at)),
            Completed { until } => Some(until),
            Terminated => None,
        }
    }

    /// The same by another clock.
    #[must_use]
    pub fn rebased(self, rebase: Rebase) -> Self {
        match self {
            Trying { resend, give_up_at } => {
                Trying { resend: resend.rebased(rebase), give_up_at: rebase.at(give_up_at) }
            }
            Proceeding { resend, give_up_at } => {
                Proceeding { resend: resend.rebased(rebase), give_up_at: rebase.at(give_up_at) }
            }
            Completed { until } => Completed { until: rebase.at(until) },
            Terminated => self,
        }
    }
}
