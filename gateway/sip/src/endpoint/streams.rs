//! What comes and goes by connections (RFC 3261 §18).

use super::{
    ConnectionId, Counted, Endpoint, Hop, Limit, Output,
    ask::as_request,
    connections::{Opening, Sender, Way},
    deadlines::TimerId,
    happening::Happening,
    reply::Asked,
    routing::Peer,
    transactions::{Purpose, Stimulus, TransactionId},
};
use crate::{
    transaction::Effect,
    wire::{
        self, Message, Method, ParseError, Request, Transport,
        stream::{Broken, Frame, PONG},
    },
};
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::{net::SocketAddr, time::Duration};
use terms::time::Instant;

/// RFC 3261 §18.1.1: a longer request goes by a stream where the path's MTU is not known.
const DATAGRAM_BYTES: usize = 1300;
/// How long a request that could go by a datagram waits for a connection.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many messages wait for one connection.
const WAITING: usize = 256;

impl Endpoint {
    /// Whether a listener speaks by connections.
    pub(super) fn is_stream(&self, hop: Hop) -> bool {
        let transport = self.listener(hop.listener).map(|listener| &listener.transport);
        matches!(transport, Some(Transport::Tcp | Transport::Tls))
    }

    pub(super) fn on_connected(&mut self, now: Instant, id: ConnectionId, peer: Hop) {
        if self.connections.len() >= self.config.limits.connections {
            self.count(Counted::LimitMet(Limit::Connections));
            self.emit_output(Output::Disconnect { connection: id });
            return self.on_connect_failed(now, peer.way());
        }
        let opening = self.connections.insert(id, peer);
        self.arm_opening(peer.way(), None);
        let waiting = opening.map(|opening| opening.waiting).unwrap_or_default();
        for (sender, bytes) in waiting {
            if self.still_wants(sender, peer) {
                self.emit_output(Output::Write { connection: id, bytes });
            }
        }
    }

    pub(super) fn on_stream(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) {
        let Some(from) = self.connections.feed(id, bytes) else { return };
        loop {
            match self.connections.poll(id) {
                Ok(Some(Frame::Message(bytes))) => self.on_message(now, from, bytes),
                Ok(Some(Frame::Ping)) => {
                    self.count(Counted::KeepAlive);
                    self.emit_output(Output::Write { connection: id, bytes: PONG });
                }
                Ok(None) => break,
                Err(broken) => {
                    self.answer_broken(from, &broken);
                    return self.close(now, id);
                }
            }
        }
        let deadline = self.connections.begun_at(id, now).map(|begun| begun + self.config.timers.give_up());
        self.deadlines.set(TimerId::Connection(id), deadline);
    }

    /// Answers what broke a stream, where it is a request's head.
    fn answer_broken(&mut self, from: Hop, broken: &Broken) {
        let malformed = broken.malformed;
        match wire::parse(broken.head.clone()) {
            Ok(Message::Request(request)) if request.method != Method::Ack => {
                self.answer_statelessly(from, Asked::of(&request, from.destination), malformed);
            }
            Err(ParseError::Answer(bad)) => {
                self.answer_statelessly(from, Asked::of_bad(&bad, from.destination), malformed);
            }
            Ok(_) | Err(ParseError::Drop(_)) => self.count(Counted::Dropped(malformed)),
        }
    }

    /// A sender that began a message and does not end it holds memory: 64*T1 are enough.
    pub(super) fn on_stalled(&mut self, now: Instant, id: ConnectionId) {
        self.count(Counted::Dropped(wire::Malformed::BodyTruncated));
        self.close(now, id);
    }

    fn close(&mut self, now: Instant, id: ConnectionId) {
        self.emit_output(Output::Disconnect { connection: id });
        self.on_disconnected(now, id);
    }

    /// RFC 3261 §18.4: what was asked by a connection that is lost has failed, unless an answer is
    /// on its way by another, as §17.1.4 leaves to each machine.
    pub(super) fn on_disconnected(&mut self, now: Instant, id: ConnectionId) {
        self.deadlines.set(TimerId::Connection(id), None);
        let Some(way) = self.connections.remove(id) else { return };
        let asked: Vec<TransactionId> = self.transactions.asked_by(way).collect();
        for transaction in asked {
            self.fail(now, transaction);
        }
    }

    /// A connection could not be opened.
    pub(super) fn on_connect_failed(&mut self, now: Instant, way: Way) {
        self.arm_opening(way, None);
        let Some(opening) = self.connections.give_up(way) else { return };
        for (sender, _) in opening.waiting {
            if let Sender::Transaction(id) = sender {
                self.fail(now, id);
            }
        }
    }

    /// A connection takes its time: what can go by a datagram does, 64*T1 later all has failed.
    pub(super) fn on_opening_timer(&mut self, now: Instant, way: Way) {
        let give_up = self.config.timers.give_up();
        let Some(opening) = self.connections.opening(way) else { return };
        if now >= opening.since + give_up {
            return self.on_connect_failed(now, way);
        }
        let (since, senders) =
            (opening.since, opening.waiting.iter().map(|(sender, _)| *sender).collect::<Vec<_>>());
        for sender in senders {
            if let Sender::Transaction(id) = sender {
                self.go_back(now, id);
            }
        }
        self.arm_opening(way, Some(since + give_up));
    }

    fn arm_opening(&mut self, (listener, destination): Way, at: Option<Instant>) {
        self.deadlines.set(TimerId::Opening(listener, destination), at);
    }

    /// Whether a message that waited for a connection is still to be sent: its transaction may have
    /// gone by a datagram, or ended.
    fn still_wants(&self, sender: Sender, peer: Hop) -> bool {
        match sender {
            Sender::Transaction(id) => {
                self.transactions.get(id).is_some_and(|found| found.hop.listener == peer.listener)
            }
            Sender::Nobody => true,
        }
    }

    /// Sends by the connection that leads there, or by one to be opened (RFC 3261 §18.1.1).
    pub(super) fn write(&mut self, sender: Sender, hop: Hop, bytes: Bytes) {
        let (way, now) = (hop.way(), self.latest);
        if let Some(connection) = self.connections.to(way) {
            return self.emit_output(Output::Write { connection, bytes });
        }
        if let Some(opening) = self.connections.opening(way) {
            if opening.waiting.len() < WAITING {
                return opening.waiting.push((sender, bytes));
            }
            return self.count(Counted::LimitMet(Limit::Waiting));
        }
        self.connections.open(way, Opening { since: now, waiting: [(sender, bytes)].into() });
        self.arm_opening(way, Some(now + PATIENCE));
        self.emit_output(Output::Connect { listener: hop.listener, destination: hop.destination });
    }

    /// Whether a device can be reached by where it was seen: over a stream only by the connection that it opened itself.
    pub fn reaches(&self, hop: Hop) -> bool {
        !self.is_stream(hop) || self.connections.to(hop.way()).is_some()
    }

    /// RFC 3261 §18.2.2: an answer goes back by the connection of its request; where that is gone,
    /// by one to the address of the Via.
    pub(super) fn answer_hop(&self, hop: Hop, otherwise: SocketAddr) -> Hop {
        let is_lost = self.is_stream(hop) && self.connections.to(hop.way()).is_none();
        Hop { destination: if is_lost { otherwise } else { hop.destination }, ..hop }
    }

    /// Where a request within a dialog goes that is for `hop`.
    ///
    /// Deviation: RFC 5923 §5 has a connection used the other way where the peer asks for it by `alias`. Devices don't ask, and
    /// under TLS they take no connection, or show no certificate there: the one that they opened is theirs while it is up.
    pub(super) fn by_theirs(&self, hop: Hop, peer: Peer) -> Hop {
        let is_there = hop.destination.ip() == peer.hop.destination.ip();
        let listener = self.listener(peer.hop.listener).map(|listener| &listener.transport);
        let is_up = listener == Some(&Transport::Tls) && self.connections.to(peer.hop.way()).is_some();
        if is_there && is_up { peer.hop } else { hop }
    }

    /// RFC 3261 §17.1.4: the transport could not send.
    fn fail(&mut self, now: Instant, id: TransactionId) {
        if self.go_back(now, id) {
            return;
        }
        let Some(transaction) = self.transactions.get(id) else { return };
        let (purpose, is_client) = (transaction.purpose, transaction.is_client());
        let is_told = self.step(now, id, Stimulus::TransportError).contains(&Effect::Unreachable);
        let Some(owner) = id.owner.filter(|_| is_told && is_client) else { return };
        match purpose {
            Purpose::Invite => self.advance(now, owner, Happening::Unreachable),
            Purpose::Reoffer | Purpose::Refresh | Purpose::InDialog => {
                self.advance(now, owner, Happening::Silence);
            }
            Purpose::Probe | Purpose::Passing => {}
        }
    }

    /// RFC 3261 §18.1.1: a request that was too long for a datagram, and whose connection is not to
    /// be had, goes by a datagram after all. Says whether there was that way.
    fn go_back(&mut self, now: Instant, id: TransactionId) -> bool {
        let unheard = self.transactions.get_mut(id).filter(|found| found.is_unheard());
        let Some(hop) = unheard.and_then(|found| found.way_back.take()) else { return false };
        self.connections.note_deaf(hop.destination, now);
        let request = self.transactions.get(id).and_then(|found| self.readdressed(&found.request, hop));
        let (Some(request), Some(mut transaction)) = (request, self.transactions.remove(id)) else {
            return false;
        };
        let bytes = request.wire().clone();
        transaction.restart(now, self.pace(hop.listener), hop, request);
        self.deadlines.set(TimerId::Transaction(id), transaction.deadline());
        self.transactions.adopt(transaction);
        self.transmit(hop, bytes);
        true
    }

    /// Where a request goes that one datagram should not carry, if anywhere but there.
    pub(super) fn wide_hop(&self, now: Instant, hop: Hop, len: usize) -> Option<Hop> {
        let listener = hop.oversize.listener().filter(|_| len > DATAGRAM_BYTES)?;
        let wide = Hop { listener, ..hop };
        (self.is_stream(wide) && !self.connections.is_deaf(hop.destination, now)).then_some(wide)
    }

    /// The same request with the Via of another listener. What we write has its Via in the second line.
    pub(super) fn readdressed(&self, request: &Request, hop: Hop) -> Option<Request> {
        let listener = self.listener(hop.listener)?;
        let mut via = request.head.via.clone();
        via.transport = listener.transport.clone();
        via.host = listener.host.clone();
        via.port = Some(listener.port);
        let mut lines = request.wire().splitn(3, |byte| *byte == b'\n');
        let (first, _, rest) = (lines.next()?, lines.next()?, lines.next()?);
        let mut out = BytesMut::with_capacity(request.wire().len() + 16);
        out.extend_from_slice(first);
        out.extend_from_slice(b"\nVia: ");
        wire::Header::write(&via, &mut out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(rest);
        as_request(&out.freeze())
    }
}
