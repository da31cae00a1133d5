//! When something is due.

use super::{ConnectionId, DialogId, ListenerId, transactions::TransactionId};
use alloc::collections::{BTreeMap, BTreeSet};
use core::net::SocketAddr;
use terms::time::Instant;

/// Whose deadline it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerId {
    /// A transaction's.
    Transaction(TransactionId),
    /// An INVITE usage's own.
    Dialog(DialogId),
    /// A connection's, by which a message has come in part.
    Connection(ConnectionId),
    /// That of a connection that is being opened.
    Opening(ListenerId, SocketAddr),
}

/// One deadline for each that has one.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    by_time: BTreeSet<(Instant, TimerId)>,
    by_id: BTreeMap<TimerId, Instant>,
}

impl Deadlines {
    /// Sets or clears a deadline.
    pub(super) fn set(&mut self, id: TimerId, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.by_id.insert(id, at),
            None => self.by_id.remove(&id),
        };
        if let Some(before) = before {
            self.by_time.remove(&(before, id));
        }
        if let Some(at) = at {
            self.by_time.insert((at, id));
        }
    }

    /// The next deadline.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out one deadline that is reached.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<TimerId> {
        let (at, id) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.by_time.remove(&(at, id));
        self.by_id.remove(&id);
        Some(id)
    }
}
