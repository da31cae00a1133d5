//! The endpoint itself and its three verbs.

use super::{
    Command, Counted, DialogId, EndpointConfig, Event, Hop, Listener, ListenerId,
    deadlines::{Deadlines, TimerId},
    minter::Minter,
    transactions::{Stimulus, TransactionId, Transactions},
    usage::Usages,
};
use crate::transaction::{Effect, Pace, Reliability};
use crate::wire::Transport;
use alloc::collections::VecDeque;
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
#[derive(Debug)]
pub struct Endpoint {
    pub(super) config: EndpointConfig,
    pub(super) minter: Minter,
    pub(super) transactions: Transactions,
    pub(super) usages: Usages,
    pub(super) deadlines: Deadlines,
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
            deadlines: Deadlines::default(),
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
                self.on_datagram(now, Hop { listener, destination: source }, bytes);
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

    pub(super) fn transmit(&mut self, hop: Hop, bytes: Bytes) {
        self.outputs.push_back(Output::Transmit {
            listener: hop.listener,
            destination: hop.destination,
            bytes,
        });
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
        let (hop, deadline, is_over) = (transaction.hop, transaction.deadline(), transaction.is_over());
        let sent = effects.iter().filter_map(|effect| transaction.message(*effect)).next();
        self.deadlines.set(TimerId::Transaction(id), deadline);
        if let Some(bytes) = sent {
            self.transmit(hop, bytes);
        }
        if is_over {
            self.transactions.remove(id);
            self.sweep(id.owner);
        }
        effects
    }

    /// Forgets a usage that is over and has nothing under way.
    pub(super) fn sweep(&mut self, owner: Option<DialogId>) {
        let Some(id) = owner else { return };
        if self.transactions.of(id).next().is_some() {
            return;
        }
        if self.usages.get(id).is_some_and(|usage| usage.is_over()) {
            self.usages.remove(id);
            self.deadlines.set(TimerId::Dialog(id), None);
        }
    }

    /// Arms a usage's own timers.
    pub(super) fn rearm(&mut self, id: DialogId) {
        let deadline = self.usages.get(id).and_then(|usage| usage.deadline());
        self.deadlines.set(TimerId::Dialog(id), deadline);
    }
}
