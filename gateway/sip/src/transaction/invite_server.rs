//! The INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §8.5).

use super::{
    Effect::{self, PassUp, Send, TimedOut, Unreachable},
    Pace, Rebase, Resend,
};
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// Where the transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The INVITE came.
    Proceeding,
    /// A 300 to 699 is sent. Timers G and H.
    Completed {
        /// Timer G.
        resend: Resend,
        /// Timer H.
        give_up_at: Instant,
    },
    /// Its ACK came. Timer I.
    Confirmed {
        /// Timer I.
        until: Instant,
    },
    /// A 2xx is sent. Timer L.
    Accepted {
        /// Timer L.
        until: Instant,
    },
    /// Nothing more will happen.
    Terminated,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The INVITE came again.
    Retransmission,
    /// An ACK came.
    Ack,
    /// The user sends a 1xx.
    Provisional,
    /// The user sends a 2xx, for the first time or again.
    Success,
    /// The user sends a 300 to 699.
    Failure,
    /// The deadline is reached.
    Timer,
    /// The transport refused the message.
    TransportError,
}

use State::{Accepted, Completed, Confirmed, Proceeding, Terminated};

impl State {
    /// The INVITE is received. The owner sends 100 at once, so no 200 ms are waited.
    pub const fn start() -> Self {
        Proceeding
    }

    // RFC 6026 figure 5 over RFC 3261 figure 7:
    //
    //                     |INVITE, pass to TU
    //    INVITE: send 1xx V
    //             +------------+  1xx from TU: send
    //             | Proceeding |<-+
    //             +------------+--+   2xx from TU: send
    //    300-699 from TU |  |------------------------+
    //    send response   |                           |
    //                    V                           V
    //   INVITE,    +-----------+             +----------+ INVITE: absorb
    //   Timer G: +>| Completed | Timer H     | Accepted | ACK: to TU
    //   send     +-|           |--+          +----------+ 2xx from TU: send
    //              +-----------+  |              | Timer L
    //               ACK |         |              |
    //                   V         |              |
    //              +-----------+  |              |
    //   ACK:absorb | Confirmed |  | inform TU    |
    //              +-----------+  |              |
    //           Timer I |         V              |
    //                   +----> Terminated <------+
    /// What follows from an input.
    pub fn step(self, pace: Pace, now: Instant, input: Input) -> (Self, &'static [Effect]) {
        let timers = pace.timers;
        match (self, input) {
            (Proceeding, Input::Retransmission | Input::Provisional) => (Proceeding, &[Send]),
            (Proceeding, Input::Success) => (Accepted { until: now + timers.give_up() }, &[Send]),
            (Proceeding, Input::Failure) => {
                let resend = Resend::start(pace, now);
                (Completed { resend, give_up_at: now + timers.give_up() }, &[Send])
            }
            (Completed { .. }, Input::Ack) => (Confirmed { until: now + pace.linger(timers.t4) }, &[]),
            (Completed { .. }, Input::Retransmission) => (self, &[Send]),
            (Completed { give_up_at, .. }, Input::Timer) if now >= give_up_at => (Terminated, &[TimedOut]),
            (Completed { resend, give_up_at }, Input::Timer) if resend.is_due(now) => {
                (Completed { resend: resend.doubled_to(now, timers.t2), give_up_at }, &[Send])
            }
            (Accepted { .. }, Input::Ack) => (self, &[PassUp]),
            (Accepted { .. }, Input::Success) => (self, &[Send]),
            (Confirmed { until } | Accepted { until }, Input::Timer) if now >= until => (Terminated, &[]),
            (Proceeding | Completed { .. } | Accepted { .. }, Input::TransportError) => {
                (Terminated, &[Unreachable])
            }
            // §17.2.1: anything else in these states is absorbed.
            (state, _) => (state, &[]),
        }
    }

    /// When [`Input::Timer`] is due.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Completed { resend, give_up_at } => Some(resend.or(give_up_at)),
            Confirmed { until } | Accepted { until } => Some(until),
            Proceeding | Terminated => None,
        }
    }

    /// The same by another clock.
    #[must_use]
    pub fn rebased(self, rebase: Rebase) -> Self {
        match self {
            Completed { resend, give_up_at } => {
                Completed { resend: resend.rebased(rebase), give_up_at: rebase.at(give_up_at) }
            }
            Confirmed { until } => Confirmed { until: rebase.at(until) },
            Accepted { until } => Accepted { until: rebase.at(until) },
            Proceeding | Terminated => self,
        }
    }
}
