//! Where an INVITE usage is: the fifth machine, over the four of the transactions.

use crate::transaction::Rebase;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use terms::time::Instant;

#[cfg(test)]
mod tests;

/// Where an INVITE usage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// An INVITE came and has no final answer.
    Invited,
    /// It has our 2xx, whose ACK has not come.
    Answered,
    /// The same, and BYE is due once the ACK comes (RFC 3261 §15).
    Leaving,
    /// Our INVITE is out and nothing came.
    Calling,
    /// The same, and CANCEL is due once a 1xx comes (RFC 3261 §9.1).
    Withdrawing,
    /// A 1xx came to our INVITE.
    Proceeding,
    /// CANCEL is out.
    Cancelling {
        /// RFC 3261 §9.1: 64*T1 after it the INVITE counts as cancelled.
        give_up_at: Instant,
    },
    /// A 2xx is acknowledged.
    Confirmed,
    /// Told to be over; only transactions are left.
    Over,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// A 1xx to our INVITE.
    Progress,
    /// The first 2xx to it.
    Success,
    /// A 300 to 699 to it.
    Failure,
    /// Nothing came to it.
    NoAnswer,
    /// The owner answers.
    Answer,
    /// The owner refuses.
    Refuse,
    /// The owner hangs up.
    Hangup,
    /// CANCEL came.
    Cancel,
    /// BYE came.
    Bye,
    /// The ACK for our 2xx came.
    Ack,
    /// It did not come.
    NoAck,
    /// The PRACK for our 1xx did not come.
    NoPrack,
    /// The peer knows the dialog no more.
    Gone,
    /// A request within the dialog got no answer.
    Silence,
    /// The deadline is reached.
    Timer,
}

/// What follows, in the order given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Tell the owner what happened.
    Tell,
    /// Send the 2xx.
    Accept,
    /// Send the final answer that refuses the INVITE.
    Reject,
    /// Send the ACK for a 2xx.
    Acknowledge,
    /// Send CANCEL.
    Cancel,
    /// Send BYE.
    Bye,
    /// Forget the INVITE's transaction.
    Abandon,
}

use Act::{Abandon, Accept, Acknowledge, Reject, Tell};
use Stage::{Answered, Calling, Cancelling, Confirmed, Invited, Leaving, Over, Proceeding, Withdrawing};

impl Stage {
    //   callee                                    caller
    //
    //   INVITE ─▶ Invited ──CANCEL, BYE,──┐       Calling ──hang up──▶ Withdrawing
    //                │      refuse,       │          │ 1xx                 │ 1xx: CANCEL
    //            2xx │      hang up       │          ▼         hang up:    ▼
    //                ▼                    │       Proceeding ──CANCEL──▶ Cancelling
    //   Leaving ◀─ Answered ──no ACK:─────┤          │ 2xx: ACK           │ 2xx: ACK, BYE
    //      │   hang  │ ACK    BYE         │          ▼                    │ 300-699
    //      │   up    ▼                    ▼          │                    │ 64*T1
    //      │      Confirmed ──BYE──────▶ Over ◀──────┼────────────────────┘
    //      │         ▲                    ▲          │
    //      └─ACK: BYE┼────────────────────┘          │
    //                └───────────────────────────────┘
    /// What follows from an input.
    pub(super) fn step(self, now: Instant, give_up: Duration, input: Input) -> (Self, &'static [Act]) {
        match (self, input) {
            (Invited, Input::Answer) => (Answered, &[Accept]),
            (Invited, Input::Refuse | Input::Hangup | Input::Cancel | Input::Bye | Input::NoPrack) => {
                (Over, &[Reject, Tell])
            }
            (Answered, Input::Ack) => (Confirmed, &[Tell]),
            (Answered, Input::Hangup | Input::Silence) => (Leaving, &[Tell]),
            (Answered | Confirmed, Input::NoAck) => (Over, &[Act::Bye, Tell]),
            (Confirmed, Input::Hangup | Input::Silence) => (Over, &[Act::Bye, Tell]),
            (Leaving, Input::Ack | Input::NoAck) => (Over, &[Act::Bye]),
            (Leaving, Input::Bye) => (Over, &[]),
            (Calling | Proceeding, Input::Progress) => (Proceeding, &[Tell]),
            (Calling | Proceeding, Input::Success) => (Confirmed, &[Acknowledge, Tell]),
            (Calling | Proceeding, Input::Failure | Input::NoAnswer) => (Over, &[Tell]),
            (Calling, Input::Hangup) => (Withdrawing, &[Tell]),
            (Proceeding, Input::Hangup) => (Cancelling { give_up_at: now + give_up }, &[Act::Cancel, Tell]),
            (Withdrawing, Input::Progress) => (Cancelling { give_up_at: now + give_up }, &[Act::Cancel]),
            (Withdrawing | Cancelling { .. }, Input::Success) => (Over, &[Acknowledge, Act::Bye]),
            (Withdrawing | Cancelling { .. }, Input::Failure | Input::NoAnswer) => (Over, &[]),
            (Cancelling { give_up_at }, Input::Timer) if now >= give_up_at => (Over, &[Abandon]),
            (Confirmed, Input::Ack) => (Confirmed, &[Tell]),
            (Answered | Confirmed, Input::Bye | Input::Gone) => (Over, &[Tell]),
            // A 1xx, a BYE or a deadline that crossed what made it pointless.
            (stage, _) => (stage, &[]),
        }
    }

    /// Whether our INVITE has no final answer yet.
    pub(super) const fn awaits_answer(self) -> bool {
        matches!(self, Calling | Withdrawing | Proceeding | Cancelling { .. })
    }

    /// Whether the owner has had its last event.
    pub(super) const fn is_told_over(self) -> bool {
        matches!(self, Leaving | Withdrawing | Cancelling { .. } | Over)
    }

    /// The same by another clock.
    pub(super) fn rebased(self, rebase: Rebase) -> Self {
        match self {
            Cancelling { give_up_at } => Cancelling { give_up_at: rebase.at(give_up_at) },
            Invited | Answered | Leaving | Calling | Withdrawing | Proceeding | Confirmed | Over => self,
        }
    }

    /// When [`Input::Timer`] is due.
    pub(super) const fn deadline(self) -> Option<Instant> {
        match self {
            Cancelling { give_up_at } => Some(give_up_at),
            Invited | Answered | Leaving | Calling | Withdrawing | Proceeding | Confirmed | Over => None,
        }
    }
}
