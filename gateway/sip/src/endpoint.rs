//! The user agent: owns transactions and dialogs and speaks in commands and events.

pub mod command;
pub mod config;
pub mod event;

pub use crate::wire::Body;
pub use command::{Command, DialogId, ExtraHeader, Hop, Invite, Refusal};
pub use config::{EndpointConfig, Limit, Limits, Listener, ListenerId};
pub use event::{Counted, Ending, Event, Failure, Invited, NotSent};

use bytes::Bytes;
use core::net::SocketAddr;
use terms::{
    entropy::Entropy,
    time::{Instant, Now},
};

/// What happens to an [`Endpoint`].
#[derive(Debug, Clone)]
pub enum Input {
    /// A datagram came.
    Datagram {
        /// At which socket.
        listener: ListenerId,
        /// From whom.
        source: SocketAddr,
        /// What.
        bytes: Bytes,
    },
    /// Somebody wants something.
    Command(Command),
    /// The instant of [`Endpoint::poll_timeout`] is reached.
    Timeout,
}

/// What an [`Endpoint`] wants done.
#[derive(Debug, Clone)]
pub enum Output {
    /// A datagram to send.
    Transmit {
        /// From which socket.
        listener: ListenerId,
        /// To whom.
        destination: SocketAddr,
        /// What.
        bytes: Bytes,
    },
    /// Something to tell.
    Event(Event),
}

/// The user agent. Feed one input, drain all output, wait until the time-out, in that order.
pub struct Endpoint {}

impl Endpoint {
    /// An endpoint without a call. `entropy` makes its tags, branches and Call-IDs.
    pub fn new(_config: EndpointConfig, _entropy: Entropy) -> Self {
        Self {}
    }

    /// Takes one input.
    pub fn handle_input(&mut self, _now: Now, _input: Input) {}

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When [`Input::Timeout`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
