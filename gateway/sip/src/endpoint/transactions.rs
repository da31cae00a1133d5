//! All transactions, found by id, by key, and by whose they are.

use super::{DialogId, Hop, ListenerId, RequestId, connections::Way};
use crate::{
    transaction::{
        ClientKey, Effect, MergeKey, Pace, Rebase, Reliability, ServerKey, invite_client, invite_server,
        non_invite_client, non_invite_server,
    },
    wire::{Method, Request, Response, StatusCode, text},
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
};
use bytes::Bytes;
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// Names a transaction. Those of one usage stand together in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct TransactionId {
    /// The usage that it belongs to; requests outside of one belong to none.
    pub(super) owner: Option<DialogId>,
    serial: u64,
}

impl TransactionId {
    /// The one of that request, which belongs to no usage.
    pub(super) const fn of_request(request: RequestId) -> Self {
        Self { owner: None, serial: request.0 }
    }

    /// By what the owner names the request.
    pub(super) const fn request(self) -> RequestId {
        RequestId(self.serial)
    }
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// The INVITE that makes a dialog.
    Invite,
    /// A re-INVITE, or an UPDATE with an offer.
    Reoffer,
    /// A re-INVITE or UPDATE of ours that keeps the session alive.
    Refresh,
    /// Any other of ours within a dialog, whose answer matters only when the dialog is gone.
    InDialog,
    /// An OPTIONS of ours within a dialog.
    Probe,
    /// A CANCEL or BYE of ours, or a request that we answered ourselves.
    Passing,
}

/// One of the four machines of RFC 3261 §17.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Machine {
    InviteClient(invite_client::State),
    NonInviteClient(non_invite_client::State),
    InviteServer(invite_server::State),
    NonInviteServer(non_invite_server::State),
}

impl Machine {
    fn client(method: &Method, pace: Pace, now: Instant) -> Self {
        match method {
            Method::Invite => Self::InviteClient(invite_client::State::start(pace, now)),
            _ => Self::NonInviteClient(non_invite_client::State::start(pace, now)),
        }
    }
}

/// What happens to a transaction of any kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stimulus {
    /// A response came, or the user sends one.
    Status(StatusCode),
    /// The request came again.
    Retransmission,
    /// An ACK came.
    Ack,
    /// The deadline is reached.
    Timer,
    /// The transport could not send.
    TransportError,
}

/// A transaction: its machine, and what is large.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    pub(super) purpose: Purpose,
    machine: Machine,
    pace: Pace,
    /// Where its messages go.
    pub(super) hop: Hop,
    /// Where they go when the connection is lost that the hop means (RFC 3261 §18.2.2).
    pub(super) otherwise: SocketAddr,
    /// Where a request goes instead that was too long for a datagram.
    pub(super) way_back: Option<Hop>,
    /// Where the request of a server transaction came from.
    pub(super) source: SocketAddr,
    /// The request, ours or theirs.
    pub(super) request: Request,
    /// Our latest response, or our ACK for a 300 to 699.
    #[serde(serialize_with = "text::serialize_bytes", deserialize_with = "text::deserialize_bytes")]
    pub(super) reply: Bytes,
}

impl Transaction {
    pub(super) fn step(&mut self, now: Instant, stimulus: Stimulus) -> &'static [Effect] {
        let (machine, effects) = step(self.machine, self.pace, now, stimulus);
        self.machine = machine;
        effects
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.machine {
            Machine::InviteClient(state) => state.deadline(),
            Machine::NonInviteClient(state) => state.deadline(),
            Machine::InviteServer(state) => state.deadline(),
            Machine::NonInviteServer(state) => state.deadline(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self.machine {
            Machine::InviteClient(state) => state == invite_client::State::Terminated,
            Machine::NonInviteClient(state) => state == non_invite_client::State::Terminated,
            Machine::InviteServer(state) => state == invite_server::State::Terminated,
            Machine::NonInviteServer(state) => state == non_invite_server::State::Terminated,
        }
    }

    /// Begins anew by another hop, where nothing has been answered.
    pub(super) fn restart(&mut self, now: Instant, pace: Pace, hop: Hop, request: Request) {
        self.machine = Machine::client(&request.method, pace, now);
        (self.pace, self.hop, self.request) = (pace, hop, request);
    }

    /// Whether nothing came back to a request of ours.
    pub(super) fn is_unheard(&self) -> bool {
        match self.machine {
            Machine::InviteClient(state) => matches!(state, invite_client::State::Calling { .. }),
            Machine::NonInviteClient(state) => matches!(state, non_invite_client::State::Trying { .. }),
            Machine::InviteServer(_) | Machine::NonInviteServer(_) => false,
        }
    }

    /// Whether a server transaction has no final answer yet.
    pub(super) fn is_unanswered(&self) -> bool {
        match self.machine {
            Machine::InviteServer(state) => state == invite_server::State::Proceeding,
            Machine::NonInviteServer(state) => {
                matches!(state, non_invite_server::State::Trying | non_invite_server::State::Proceeding)
            }
            Machine::InviteClient(_) | Machine::NonInviteClient(_) => false,
        }
    }

    /// What an effect sends.
    pub(super) fn message(&self, effect: Effect) -> Option<Bytes> {
        match effect {
            Effect::Send if self.is_client() => Some(self.request.wire().clone()),
            Effect::Send | Effect::SendAck => Some(self.reply.clone()).filter(|reply| !reply.is_empty()),
            Effect::PassUp | Effect::TimedOut | Effect::Unreachable => None,
        }
    }

    /// The same by another clock.
    pub(super) fn rebased(mut self, rebase: Rebase) -> Self {
        self.machine = match self.machine {
            Machine::InviteClient(state) => Machine::InviteClient(state.rebased(rebase)),
            Machine::NonInviteClient(state) => Machine::NonInviteClient(state.rebased(rebase)),
            Machine::InviteServer(state) => Machine::InviteServer(state.rebased(rebase)),
            Machine::NonInviteServer(state) => Machine::NonInviteServer(state.rebased(rebase)),
        };
        self
    }

    /// By which connection it asks, if by one.
    fn asked_by(&self) -> Option<(ListenerId, SocketAddr, TransactionId)> {
        let (listener, destination) = self.hop.way();
        (self.pace.reliability == Reliability::Reliable).then_some((listener, destination, self.id))
    }

    pub(super) fn is_client(&self) -> bool {
        self.side() == Side::Client
    }

    const fn side(&self) -> Side {
        match self.machine {
            Machine::InviteClient(_) | Machine::NonInviteClient(_) => Side::Client,
            Machine::InviteServer(_) | Machine::NonInviteServer(_) => Side::Server,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

fn step(machine: Machine, pace: Pace, now: Instant, stimulus: Stimulus) -> (Machine, &'static [Effect]) {
    match machine {
        Machine::InviteClient(state) => {
            use invite_client::Input as I;
            let input = match stimulus {
                Stimulus::Status(status) if status.is_provisional() => I::Provisional,
                Stimulus::Status(status) if status.is_success() => I::Success,
                Stimulus::Status(_) => I::Failure,
                Stimulus::Timer => I::Timer,
                Stimulus::TransportError => I::TransportError,
                Stimulus::Retransmission | Stimulus::Ack => return (machine, &[]),
            };
            let (state, effects) = state.step(pace, now, input);
            (Machine::InviteClient(state), effects)
        }
        Machine::NonInviteClient(state) => {
            use non_invite_client::Input as I;
            let input = match stimulus {
                Stimulus::Status(status) if status.is_provisional() => I::Provisional,
                Stimulus::Status(_) => I::Final,
                Stimulus::Timer => I::Timer,
                Stimulus::TransportError => I::TransportError,
                Stimulus::Retransmission | Stimulus::Ack => return (machine, &[]),
            };
            let (state, effects) = state.step(pace, now, input);
            (Machine::NonInviteClient(state), effects)
        }
        Machine::InviteServer(state) => {
            use invite_server::Input as I;
            let input = match stimulus {
                Stimulus::Status(status) if status.is_provisional() => I::Provisional,
                Stimulus::Status(status) if status.is_success() => I::Success,
                Stimulus::Status(_) => I::Failure,
                Stimulus::Retransmission => I::Retransmission,
                Stimulus::Ack => I::Ack,
                Stimulus::Timer => I::Timer,
                Stimulus::TransportError => I::TransportError,
            };
            let (state, effects) = state.step(pace, now, input);
            (Machine::InviteServer(state), effects)
        }
        Machine::NonInviteServer(state) => {
            use non_invite_server::Input as I;
            let input = match stimulus {
                Stimulus::Status(status) if status.is_provisional() => I::Provisional,
                Stimulus::Status(_) => I::Final,
                Stimulus::Retransmission => I::Retransmission,
                Stimulus::Timer => I::Timer,
                Stimulus::TransportError => I::TransportError,
                Stimulus::Ack => return (machine, &[]),
            };
            let (state, effects) = state.step(pace, now, input);
            (Machine::NonInviteServer(state), effects)
        }
    }
}

/// What a transaction begins with.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) owner: Option<DialogId>,
    pub(super) purpose: Purpose,
    pub(super) hop: Hop,
    pub(super) otherwise: SocketAddr,
    pub(super) way_back: Option<Hop>,
    pub(super) source: SocketAddr,
    pub(super) request: Request,
}

/// All transactions.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// Boxed: a map that grows at its end is half empty nodes.
    by_id: BTreeMap<TransactionId, Box<Transaction>>,
    clients: BTreeMap<ClientKey, TransactionId>,
    servers: BTreeMap<ServerKey, TransactionId>,
    merges: BTreeMap<MergeKey, TransactionId>,
    /// What was asked by connections.
    asked: BTreeSet<(ListenerId, SocketAddr, TransactionId)>,
    serial: u64,
}

impl Transactions {
    /// A client transaction whose request the caller sends.
    pub(super) fn begin_client(&mut self, now: Instant, pace: Pace, beginning: Beginning) -> TransactionId {
        let machine = Machine::client(&beginning.request.method, pace, now);
        self.begin(machine, pace, beginning)
    }

    /// A server transaction for a request that came.
    pub(super) fn begin_server(&mut self, pace: Pace, beginning: Beginning) -> TransactionId {
        let machine = match beginning.request.method {
            Method::Invite => Machine::InviteServer(invite_server::State::start()),
            _ => Machine::NonInviteServer(non_invite_server::State::start()),
        };
        self.begin(machine, pace, beginning)
    }

    fn begin(&mut self, machine: Machine, pace: Pace, beginning: Beginning) -> TransactionId {
        let Beginning { owner, purpose, hop, otherwise, way_back, source, request } = beginning;
        self.serial += 1;
        let id = TransactionId { owner, serial: self.serial };
        let reply = Bytes::new();
        self.adopt(Transaction {
            id,
            purpose,
            machine,
            pace,
            hop,
            otherwise,
            way_back,
            source,
            request,
            reply,
        });
        id
    }

    /// Takes a transaction in that has its id already.
    pub(super) fn adopt(&mut self, transaction: Transaction) {
        let (id, request) = (transaction.id, &transaction.request);
        self.serial = self.serial.max(id.serial);
        match transaction.side() {
            Side::Client => {
                self.asked.extend(transaction.asked_by());
                if let Some(key) = ClientKey::of(&request.head) {
                    self.clients.insert(key, id);
                }
            }
            Side::Server => {
                self.servers.insert(ServerKey::of(request), id);
                if let Some(key) = MergeKey::of(request) {
                    self.merges.entry(key).or_insert(id);
                }
            }
        }
        self.by_id.insert(id, Box::new(transaction));
    }

    pub(super) fn remove(&mut self, id: TransactionId) -> Option<Transaction> {
        let transaction = self.by_id.remove(&id)?;
        let request = &transaction.request;
        match transaction.side() {
            Side::Client => {
                transaction.asked_by().and_then(|asked| self.asked.take(&asked));
                ClientKey::of(&request.head).and_then(|key| self.clients.remove(&key));
            }
            Side::Server => {
                self.servers.remove(&ServerKey::of(request));
                let merge = MergeKey::of(request).filter(|key| self.merges.get(key) == Some(&id));
                merge.and_then(|key| self.merges.remove(&key));
            }
        }
        Some(*transaction)
    }

    /// What was asked by the connection that leads there.
    pub(super) fn asked_by(&self, (listener, destination): Way) -> impl Iterator<Item = TransactionId> {
        let at = |serial, owner| (listener, destination, TransactionId { owner, serial });
        let last = Some(DialogId::incoming(u64::MAX >> 1).max(DialogId::outgoing(u64::MAX >> 1)));
        self.asked.range(at(0, None)..=at(u64::MAX, last)).map(|(.., id)| *id)
    }

    pub(super) fn get(&self, id: TransactionId) -> Option<&Transaction> {
        self.by_id.get(&id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        self.by_id.get_mut(&id).map(Box::as_mut)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// RFC 3261 §17.1.3.
    pub(super) fn of_response(&self, response: &Response) -> Option<TransactionId> {
        self.clients.get(&ClientKey::of(&response.head)?).copied()
    }

    /// RFC 3261 §17.2.3.
    pub(super) fn of_request(&self, key: &ServerKey) -> Option<TransactionId> {
        self.servers.get(key).copied()
    }

    /// RFC 3261 §8.2.2.2: whether the same request is in by another way.
    pub(super) fn is_merged(&self, request: &Request) -> bool {
        MergeKey::of(request).is_some_and(|key| self.merges.contains_key(&key))
    }

    /// Those of one usage.
    pub(super) fn of(&self, owner: DialogId) -> impl Iterator<Item = &Transaction> {
        let at = |serial| TransactionId { owner: Some(owner), serial };
        self.by_id.range(at(0)..=at(u64::MAX)).map(|(_, transaction)| transaction.as_ref())
    }
}
