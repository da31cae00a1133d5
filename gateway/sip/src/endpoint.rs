//! The user agent: owns transactions and dialogs and speaks in commands and events.
//!
//! ```text
//!              ┌──────────────────────── agent ───────────────────────┐
//!  Datagram ──▶│ incoming ─▶ inspect ─▶ uas ───────┐                  │──▶ Transmit
//!              │    │                   in_dialog ─┼─▶ usage (stage)  │
//!              │    └─▶ answers ──────▶ uac ───────┘      │           │──▶ Event
//!  Command ───▶│ commands ────────────────────────────────┘           │
//!  Timeout ───▶│ deadlines ─▶ transactions, usages                    │
//!              └──────────────────────────────────────────────────────┘
//! ```

mod agent;
mod answers;
mod ask;
mod capabilities;
pub mod command;
mod commands;
pub mod config;
mod connections;
mod deadlines;
pub mod event;
mod happening;
mod in_dialog;
mod incoming;
mod inspect;
mod minter;
mod ping;
mod probe;
mod register;
mod reliable;
mod reoffer;
mod reply;
mod routing;
mod session;
mod snapshot;
mod stage;
mod streams;
mod timeouts;
mod transactions;
mod uac;
mod uas;
mod usage;

pub use crate::wire::Body;
pub use agent::{Endpoint, Input, Output};
pub use command::{
    Command, DialogId, ExtraHeader, Hop, Invite, Oversize, Refusal, Reliability, RequestId, Serving, Share,
};
pub use config::{EndpointConfig, Limit, Limits, Listener, ListenerId, Registers, SessionTimer};
pub use connections::ConnectionId;
pub use event::{Counted, Ending, Event, Failure, Invited, NotSent, Registering};
pub use snapshot::{DialogSnapshot, RestoreError};

#[cfg(test)]
mod tests;
