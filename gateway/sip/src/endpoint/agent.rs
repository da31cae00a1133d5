//! The endpoint itself and its three verbs.

use super::{
    Command, ConnectionId, Counted, DialogId, EndpointConfig, Event, Hop, Listener, ListenerId, Serving,
    connections::{Connections, Sender},
    deadlines::{Deadlines, TimerId},
    minter::Minter,
    transactions::{Stimulus, TransactionId, Transactions},
    usage::Usages,
};
use crate::transaction::{Effect, Pace, Reliability};
use crate::wire::Transport;
use alloc::{collections::VecDeque, vec::Vec};
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
    /// A stream listener has a connection: a peer opened it, or [`Output::Connect`] did.
    Connected {
        /// Of which listener.
        listener: ListenerId,
        /// Its name from here on.
        connection: ConnectionId,
        /// Whom it leads to; where we opened it, the destination as it was told.
        peer: SocketAddr,
    },
    /// Bytes came by a connection, cut anywhere.
    Stream {
        /// Which.
        connection: ConnectionId,
        /// What.
        bytes: Bytes,
    },
    /// A connection is closed or broken. One that [`Output::Disconnect`] closed is forgotten already.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// [`Output::Connect`] failed.
    ConnectFailed {
        /// By which listener.
        listener: ListenerId,
        /// To whom.
        destination: SocketAddr,
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
    /// Bytes to send by a connection, in order.
    Write {
        /// Which.
        connection: ConnectionId,
        /// What.
        bytes: Bytes,
    },
    /// A connection to open. [`Input::Connected`] or [`Input::ConnectFailed`] is due.
    Connect {
        /// By which listener.
        listener: ListenerId,
        /// To whom.
        destination: SocketAddr,
    },
    /// A connection to close, once what was written is sent.
    Disconnect {
        /// Which.
        connection: ConnectionId,
    },
    /// Something to tell.
    Event(Event),
}

/// The user agent. Feed one input, drain all output, wait until the time-out, in that order.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) config: EndpointConfig,
    pub(super) minter: Minter,
    pub(super) transactions: Transactions,
    pub(super) usages: Usages,
    pub(super) connections: Connections,
    pub(super) deadlines: Deadlines,
    pub(super) serving: Serving,
    /// When the last input came.
    pub(super) latest: Instant,
    outputs: VecDeque<Output>,
}

impl Endpoint {
    /// An endpoint without a call. `entropy` makes its tags, branches and Call-IDs.
    pub fn new(config: EndpointConfig, entropy: Entropy) -> Self {
        Self {
            minter: Minter::new(config.origin, entropy),
            config,
            transactions: Transactions::default(),
            usages: Usages::default(),
            connections: Connections::default(),
            deadlines: Deadlines::default(),
            serving: Serving::All,
            latest: Instant::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        let now = now.mono;
        self.latest = now;
        match input {
            Input::Datagram { listener, source, bytes } => {
                self.on_datagram(now, Hop::new(listener, source), bytes);
            }
            Input::Connected { listener, connection, peer } => {
                self.on_connected(now, connection, Hop::new(listener, peer));
            }
            Input::Stream { connection, bytes } => self.on_stream(now, connection, &bytes),
            Input::Disconnected { connection } => self.on_disconnected(now, connection),
            Input::ConnectFailed { listener, destination } => {
                self.on_connect_failed(now, (listener, destination));
            }
            Input::Command(command) => self.on_command(now, command),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.earliest()
    }

    /// How many INVITE usages there are, those that only wind down included.
    pub fn dialogs(&self) -> usize {
        self.usages.len()
    }

    /// How many transactions there are.
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn count(&mut self, counted: Counted) {
        self.emit(Event::Counted(counted));
    }

    /// Sends a message whose loss nobody is told of.
    pub(super) fn transmit(&mut self, hop: Hop, bytes: Bytes) {
        self.transmit_for(Sender::Nobody, hop, bytes);
    }

    pub(super) fn transmit_for(&mut self, sender: Sender, hop: Hop, bytes: Bytes) {
        if self.is_stream(hop) {
            return self.write(sender, hop, bytes);
        }
        self.emit_output(Output::Transmit { listener: hop.listener, destination: hop.destination, bytes });
    }

    pub(super) fn emit_output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.config.listeners.iter().find(|listener| listener.id == id)
    }

    /// What paces transactions at a listener. One that is not configured counts as a datagram socket.
    pub(super) fn pace(&self, id: ListenerId) -> Pace {
        let reliability = match self.listener(id).map(|listener| &listener.transport) {
            Some(Transport::Tcp | Transport::Tls) => Reliability::Reliable,
            Some(Transport::Udp | Transport::Other(_)) | None => Reliability::Unreliable,
        };
        Pace { timers: self.config.timers, reliability }
    }

    /// Steps a transaction, sends what it sends, and arms or removes it.
    pub(super) fn step(&mut self, now: Instant, id: TransactionId, stimulus: Stimulus) -> &'static [Effect] {
        let Some(transaction) = self.transactions.get_mut(id) else { return &[] };
        let effects = transaction.step(now, stimulus);
        let (deadline, is_over) = (transaction.deadline(), transaction.is_over());
        let (hop, otherwise) = (transaction.hop, transaction.otherwise);
        let sent = effects.iter().filter_map(|effect| transaction.message(*effect)).next();
        self.deadlines.set(TimerId::Transaction(id), deadline);
        if let Some(bytes) = sent {
            self.transmit_for(Sender::Transaction(id), self.answer_hop(hop, otherwise), bytes);
        }
        if is_over {
            self.transactions.remove(id);
            self.sweep(id.owner);
        }
        effects
    }

    /// Forgets a usage that is over and has nothing under way, and of one that goes on what is needed only while it has.
    pub(super) fn sweep(&mut self, owner: Option<DialogId>) {
        let Some(id) = owner else { return };
        if self.transactions.of(id).next().is_some() {
            return;
        }
        match self.usages.get_mut(id) {
            Some(usage) if usage.is_over() => {
                self.usages.remove(id);
                self.deadlines.set(TimerId::Dialog(id), None);
            }
            // A 2xx that came again now would be of no request of ours.
            Some(usage) => usage.acks = Vec::new(),
            None => {}
        }
    }

    /// Arms a usage's own timers.
    pub(super) fn rearm(&mut self, id: DialogId) {
        let deadline = self.usages.get(id).and_then(|usage| usage.deadline());
        self.deadlines.set(TimerId::Dialog(id), deadline);
    }
}
