//! The four transaction machines of RFC 3261 §17, with the Accepted state of RFC 6026.
//!
//! Each is a `State` that is `Copy`, and one function from (state, input) to (state, effects). What
//! is large, such as the message to send again, stays with the owner.

pub mod invite_client;
pub mod invite_server;
pub mod key;
pub mod non_invite_client;
pub mod non_invite_server;
mod pace;
mod timers;

pub use key::{ClientKey, MergeKey, ServerKey};
pub use pace::{Pace, Rebase, Reliability, Resend};
pub use timers::Timers;

#[cfg(test)]
mod tests;

/// What the owner of a machine does after a step, in the order given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Send the request, or the latest response, once more or for the first time.
    Send,
    /// Send the ACK for a 300 to 699.
    SendAck,
    /// Give the message to the user of the transaction.
    PassUp,
    /// Tell the user that nothing came in time.
    TimedOut,
    /// Tell the user that the message could not be sent.
    Unreachable,
}
