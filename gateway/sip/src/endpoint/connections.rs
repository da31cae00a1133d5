//! The connections of stream listeners, as the driver tells of them.

use super::{Hop, ListenerId, transactions::TransactionId};
use crate::wire::stream::{Broken, Frame, Framer};
use alloc::{collections::BTreeMap, vec::Vec};
use bytes::Bytes;
use core::{net::SocketAddr, time::Duration};
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// Names a connection of a stream listener. The driver gives the name and never gives one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

/// Where a message goes: by a listener, to an address.
pub(super) type Way = (ListenerId, SocketAddr);

/// How many peers are remembered that take no connection.
const DEAF_PEERS: usize = 1024;
/// How long.
const DEAF_FOR: Duration = Duration::from_secs(3600);

/// Who is told when a message cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// The transaction that it belongs to.
    Transaction(TransactionId),
    /// Nobody: it is sent again, or its loss is no harm.
    Nobody,
}

/// A connection that is open.
#[derive(Debug)]
struct Connection {
    peer: Hop,
    framer: Framer,
    /// When the message began that has come in part.
    begun_at: Option<Instant>,
}

/// A connection that is being opened, and what waits for it.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) since: Instant,
    pub(super) waiting: Vec<(Sender, Bytes)>,
}

/// All connections, found by name and by where they lead.
#[derive(Debug, Default)]
pub(super) struct Connections {
    by_id: BTreeMap<ConnectionId, Connection>,
    by_way: BTreeMap<Way, ConnectionId>,
    opening: BTreeMap<Way, Opening>,
    /// Who did not take a connection, and until when that is believed.
    deaf: BTreeMap<SocketAddr, Instant>,
}

impl Connections {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Takes a connection in. What waited for it.
    pub(super) fn insert(&mut self, id: ConnectionId, peer: Hop) -> Option<Opening> {
        self.by_id.insert(id, Connection { peer, framer: Framer::default(), begun_at: None });
        self.by_way.insert(peer.way(), id);
        self.deaf.remove(&peer.destination);
        self.opening.remove(&peer.way())
    }

    /// Forgets a connection. Where it led, unless another leads there now.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Way> {
        let way = self.by_id.remove(&id)?.peer.way();
        if self.by_way.get(&way) != Some(&id) {
            return None;
        }
        self.by_way.remove(&way);
        Some(way)
    }

    /// The connection that leads there.
    pub(super) fn to(&self, way: Way) -> Option<ConnectionId> {
        self.by_way.get(&way).copied()
    }

    pub(super) fn opening(&mut self, way: Way) -> Option<&mut Opening> {
        self.opening.get_mut(&way)
    }

    pub(super) fn open(&mut self, way: Way, opening: Opening) {
        self.opening.insert(way, opening);
    }

    /// Gives a connection up that was being opened.
    pub(super) fn give_up(&mut self, way: Way) -> Option<Opening> {
        self.opening.remove(&way)
    }

    /// The peer of a connection, which has sent something.
    pub(super) fn feed(&mut self, id: ConnectionId, bytes: &[u8]) -> Option<Hop> {
        let connection = self.by_id.get_mut(&id)?;
        connection.framer.feed(bytes);
        Some(connection.peer)
    }

    /// The next frame of a connection.
    pub(super) fn poll(&mut self, id: ConnectionId) -> Result<Option<Frame>, Broken> {
        let Some(connection) = self.by_id.get_mut(&id) else { return Ok(None) };
        let frame = connection.framer.poll()?;
        if frame.is_some() {
            connection.begun_at = None;
        }
        Ok(frame)
    }

    /// Since when a message has been coming in.
    pub(super) fn begun_at(&mut self, id: ConnectionId, now: Instant) -> Option<Instant> {
        let connection = self.by_id.get_mut(&id)?;
        let begun_at = connection.begun_at.unwrap_or(now);
        connection.begun_at = (!connection.framer.is_between()).then_some(begun_at);
        connection.begun_at
    }

    /// Remembers that a peer takes no connection.
    pub(super) fn note_deaf(&mut self, peer: SocketAddr, now: Instant) {
        self.deaf.retain(|_, until| *until > now);
        if self.deaf.len() < DEAF_PEERS {
            self.deaf.insert(peer, now + DEAF_FOR);
        }
    }

    /// Whether a peer took no connection lately.
    pub(super) fn is_deaf(&self, peer: SocketAddr, now: Instant) -> bool {
        self.deaf.get(&peer).is_some_and(|until| *until > now)
    }
}
