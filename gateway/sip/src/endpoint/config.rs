//! What an endpoint is told once.

use crate::{
    transaction::Timers,
    wire::{Host, Text, Transport},
};
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use terms::id::Origin;

/// One of the driver's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListenerId(pub u16);

/// A socket and the address that peers reach it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// How the driver and we name it.
    pub id: ListenerId,
    /// What it speaks: UDP, or TCP and TLS by connections that the driver opens and names.
    pub transport: Transport,
    /// Stands in Contact and as sent-by in Via.
    pub host: Host,
    /// Its port there.
    pub port: u16,
    /// Whether a registrar is behind it.
    pub registers: Registers,
}

/// Whether REGISTER is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registers {
    /// It gets 405.
    #[default]
    No,
    /// The owner is told and answers.
    Yes,
}

/// What an [`Endpoint`](super::Endpoint) is told once. Complete: nothing here means "default".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Stands in every tag, branch, Contact user and Call-ID that we make.
    pub origin: Origin,
    /// RFC 3261 table 4.
    pub timers: Timers,
    /// How much of everything.
    pub limits: Limits,
    /// RFC 4028.
    pub session: SessionTimer,
    /// What Server and User-Agent say.
    pub product: Text,
    /// What Accept says in an answer to OPTIONS.
    pub accept: Text,
    /// The sockets.
    pub listeners: Vec<Listener>,
}

/// How long a session lives without a refresh (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimer {
    /// What we ask for, and the longest that we agree to unless the peer wants it longer.
    pub interval: Duration,
    /// The shortest that we take; below it a request gets 422.
    pub minimum: Duration,
}

impl SessionTimer {
    /// RFC 4028 §4, §5.
    pub const RFC: Self = Self { interval: Duration::from_secs(1800), minimum: Duration::from_secs(90) };
}

/// How much of everything. Each limit that is met yields `Counted::LimitMet` with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// INVITE usages, those apart that are over and only wind down. Beyond it an INVITE gets 503.
    pub dialogs: usize,
    /// Transactions of all kinds. Beyond it a request gets a stateless 503; one that says it is within
    /// a dialog, or that cancels, has room up to twice as many, so that calls can end under load. Each call leaves two or
    /// more behind for 64*T1.
    pub transactions: usize,
    /// Early dialogs that one INVITE of ours may fork into; further ones are ignored while early.
    pub forks: usize,
    /// Connections of all stream listeners. Beyond it the driver is told to close.
    pub connections: usize,
    /// What Retry-After says in a 503 for a limit.
    pub retry_after: Duration,
}

impl Limits {
    /// Room for the largest appliance.
    pub const DEFAULT: Self = Self {
        dialogs: 20_000,
        transactions: 160_000,
        forks: 8,
        connections: 8_000,
        retry_after: Duration::from_secs(5),
    };
}

/// The name of a limit of [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// [`Limits::dialogs`].
    Dialogs,
    /// [`Limits::transactions`].
    Transactions,
    /// [`Limits::forks`].
    Forks,
    /// What the gateway can carry (see [`Serving::Part`](super::Serving::Part)).
    Load,
    /// [`Limits::connections`].
    Connections,
    /// Messages that may wait for one connection to be opened, or for one PRACK; the message is lost.
    Waiting,
}
