//! The sockets of a worker: m sockets serve n pairs.
//!
//! One a port by default. Where the machine allows it, one a [range](crate::Range) ([`shared`]): many datagrams are read and
//! sent by one call, and few descriptors are open.

mod batch;
mod lookup;
mod option;
mod outgoing;
mod separate;
mod shared;

use std::{io, net::SocketAddr};

use mio::{Registry, Token, net::UdpSocket};
use socket2::SockRef;
use terms::Dscp;

pub use batch::{BATCH, Batch, Datagram, tell_times};
use separate::Separate;
use shared::Shared;

use crate::{
    engine::{Channel, Reading, SlotId},
    range::Range,
};

/// How many sockets a worker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SocketPlan {
    /// One a port.
    #[default]
    Separate,
    /// One a range, if the kernel (Linux 5.9) and the process's capabilities allow it; else as above.
    Shared,
}

/// What has something to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A socket of its own.
    Pair(SlotId, Channel),
    /// The socket of a range, by its number.
    Range(usize),
}

/// What became of datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    pub(crate) taken: u64,
    pub(crate) failed: u64,
}

/// What ICMP says of a datagram of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreachable {
    /// The pair whose RTP it was, if it was RTP.
    pub(crate) slot: Option<SlotId>,
    pub(crate) destination: SocketAddr,
}

/// All sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    back_end: BackEnd,
    sent: Sent,
    /// What ICMP has answered.
    refused: Vec<Source>,
}

#[derive(Debug)]
enum BackEnd {
    Separate(Separate),
    Shared(Shared),
}

impl Sockets {
    /// As planned, or as well as it can be; what they send is marked so.
    pub(crate) fn open(plan: SocketPlan, ranges: &[Range], dscp: Dscp, registry: &Registry) -> Self {
        let back_end = match plan {
            SocketPlan::Separate => BackEnd::Separate(Separate::marked(dscp)),
            SocketPlan::Shared => match Shared::open(ranges, dscp, registry) {
                Ok(shared) => BackEnd::Shared(shared),
                Err(error) => {
                    tracing::warn!(%error, "ports can't share a socket here; each has one of its own. CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW are needed, and Linux 5.9");
                    BackEnd::Separate(Separate::marked(dscp))
                }
            },
        };
        Self { back_end, sent: Sent::default(), refused: Vec::new() }
    }

    /// Room for what is read by one call.
    pub(crate) fn batch(&self) -> Batch {
        match self.back_end {
            BackEnd::Separate(_) => Batch::default(),
            BackEnd::Shared(_) => Batch::of(shared::BATCH),
        }
    }

    /// Calls by which one socket is read before others, and the tick, have their turn.
    pub(crate) const fn turn(&self) -> usize {
        match self.back_end {
            BackEnd::Separate(_) => 16,
            BackEnd::Shared(_) => 64,
        }
    }

    /// Both halves of a pair, or neither.
    pub(crate) fn bind(
        &mut self,
        registry: &Registry,
        slot: SlotId,
        pair: (SocketAddr, SocketAddr),
    ) -> io::Result<()> {
        match &mut self.back_end {
            BackEnd::Separate(separate) => separate.bind(registry, slot, pair),
            BackEnd::Shared(shared) => shared.bind(slot, pair.0),
        }
    }

    /// Waits on a pair's RTP, or leaves it to be read at its ticks; a socket of many is always waited on.
    pub(crate) fn read(&mut self, registry: &Registry, slot: SlotId, reading: Reading) -> io::Result<()> {
        match &mut self.back_end {
            BackEnd::Separate(separate) => separate.read(registry, slot, reading),
            BackEnd::Shared(_) => Ok(()),
        }
    }

    /// Fills `sources` with what is to be read before the tick of `due`.
    pub(crate) fn before_tick(&self, due: &[SlotId], sources: &mut Vec<Source>) {
        sources.clear();
        match &self.back_end {
            BackEnd::Separate(_) => {
                sources.extend(due.iter().map(|slot| Source::Pair(*slot, Channel::Rtp)));
            }
            BackEnd::Shared(shared) => sources.extend((0..shared.ranges()).map(Source::Range)),
        }
    }

    /// As [`Batch::receive`] has it. What ICMP answered is remembered for [`take_refused`](Self::take_refused).
    pub(crate) fn receive(&mut self, source: Source, batch: &mut Batch) -> io::Result<usize> {
        let socket = socket_of(&self.back_end, source).ok_or(io::ErrorKind::WouldBlock)?;
        let received = batch.receive(socket);
        if received.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
            self.refused.push(source);
        }
        received
    }

    /// Whom a datagram is for, if anybody.
    pub(crate) fn owner(&self, source: Source, datagram: &Datagram<'_>) -> Option<(SlotId, Channel)> {
        match (source, &self.back_end) {
            (Source::Pair(slot, channel), _) => Some((slot, channel)),
            (Source::Range(range), BackEnd::Shared(shared)) => shared.owner(range, datagram.to?),
            (Source::Range(_), BackEnd::Separate(_)) => None,
        }
    }

    /// Sends, at once or with the next [`flush`](Self::flush).
    pub(crate) fn send(&mut self, from: (SlotId, Channel), to: SocketAddr, bytes: &[u8]) {
        match &mut self.back_end {
            BackEnd::Separate(separate) => {
                let is_taken = separate.send(from, to, bytes, &mut self.refused);
                self.sent.taken += u64::from(is_taken);
                self.sent.failed += u64::from(!is_taken);
            }
            BackEnd::Shared(shared) => shared.send(from, to, bytes, &mut self.sent),
        }
    }

    /// How many serve a whole range.
    pub(crate) fn shared(&self) -> u64 {
        match &self.back_end {
            BackEnd::Separate(_) => 0,
            BackEnd::Shared(shared) => shared.ranges() as u64,
        }
    }

    /// Nothing that was to be sent waits longer.
    pub(crate) fn flush(&mut self) {
        if let BackEnd::Shared(shared) = &mut self.back_end {
            shared.flush(&mut self.sent);
        }
    }

    /// Since the start.
    pub(crate) const fn sent(&self) -> Sent {
        self.sent
    }

    /// What ICMP has answered since this was asked last.
    pub(crate) fn take_refused(&mut self) -> Vec<Source> {
        std::mem::take(&mut self.refused)
    }

    /// Where a datagram went that ICMP says nobody takes; each is told once.
    pub(crate) fn take_unreachable(&self, source: Source) -> Option<Unreachable> {
        let destination = socket_of(&self.back_end, source).and_then(take_unreachable)?;
        let slot = match (source, &self.back_end) {
            (Source::Pair(slot, Channel::Rtp), _) => Some(slot),
            (Source::Range(range), BackEnd::Shared(shared)) => shared.who_sent_to(range, destination),
            (Source::Pair(_, Channel::Rtcp), _) | (Source::Range(_), BackEnd::Separate(_)) => None,
        };
        Some(Unreachable { slot, destination })
    }
}

fn socket_of(back_end: &BackEnd, source: Source) -> Option<&UdpSocket> {
    match (source, back_end) {
        (Source::Pair(slot, channel), BackEnd::Separate(separate)) => separate.get(slot, channel),
        (Source::Range(range), BackEnd::Shared(shared)) => shared.get(range),
        (Source::Pair(..), BackEnd::Shared(_)) | (Source::Range(_), BackEnd::Separate(_)) => None,
    }
}

/// The queue of errors holds the datagram, with the address that it was sent to (ip(7), `IP_RECVERR`).
fn take_unreachable(socket: &UdpSocket) -> Option<SocketAddr> {
    let (_, destination) = SockRef::from(socket).recv_from_with_flags(&mut [], libc::MSG_ERRQUEUE).ok()?;
    destination.as_socket()
}

/// Tokens of ranges count down from this one; those of pairs up from 0, and they are below 2^33.
const FIRST_RANGE: usize = usize::MAX - 1;

const fn token(slot: SlotId, channel: Channel) -> Token {
    Token(index(slot) * 2 + channel as usize)
}

const fn token_of_range(range: usize) -> Token {
    Token(FIRST_RANGE - range)
}

/// What a token stands for.
pub(crate) fn of_token(token: Token) -> Source {
    match u32::try_from(token.0 / 2) {
        Ok(slot) if token.0.is_multiple_of(2) => Source::Pair(SlotId(slot), Channel::Rtp),
        Ok(slot) => Source::Pair(SlotId(slot), Channel::Rtcp),
        Err(_) => Source::Range(FIRST_RANGE - token.0),
    }
}

const fn index(slot: SlotId) -> usize {
    slot.0 as usize
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Interest, Poll};

    use super::{separate::bind, *};

    #[test]
    fn rfc2474_3_what_a_socket_sends_is_marked_as_it_was_told() {
        for dscp in [Dscp::EXPEDITED_FORWARDING, Dscp::new(10).expect("6 bits")] {
            let socket = bind("127.0.0.1:0".parse().expect("an address"), dscp).expect("binds");
            assert_eq!(SockRef::from(&socket).tos_v4().expect("an option"), dscp.traffic_class());
            let Ok(socket) = bind("[::1]:0".parse().expect("an address"), dscp) else { continue };
            assert_eq!(SockRef::from(&socket).tclass_v6().expect("an option"), dscp.traffic_class());
        }
    }

    #[test]
    fn media_4_a_socket_learns_that_nobody_listens_where_it_sends() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let address: SocketAddr = address.parse().expect("an address");
            let Ok(gone) = bind(address, Dscp::EXPEDITED_FORWARDING).and_then(|socket| socket.local_addr())
            else {
                assert!(address.is_ipv6(), "the loopback interface has an address");
                continue;
            };
            let mut poll = Poll::new().expect("polls");
            let mut socket = bind(address, Dscp::EXPEDITED_FORWARDING).expect("binds");
            poll.registry().register(&mut socket, Token(0), Interest::READABLE).expect("registers");
            assert_eq!(take_unreachable(&socket), None);
            socket.send_to(b"anybody?", gone).expect("sends");
            poll.poll(&mut Events::with_capacity(1), Some(Duration::from_secs(5))).expect("polls");
            assert_eq!(take_unreachable(&socket), Some(gone));
            assert_eq!(take_unreachable(&socket), None);
        }
    }

    #[test]
    fn a_token_stands_for_what_it_was_made_of() {
        for source in [
            Source::Pair(SlotId(0), Channel::Rtp),
            Source::Pair(SlotId(u32::MAX), Channel::Rtcp),
            Source::Range(0),
            Source::Range(7),
        ] {
            let token = match source {
                Source::Pair(slot, channel) => token(slot, channel),
                Source::Range(range) => token_of_range(range),
            };
            assert_eq!(of_token(token), source);
        }
    }
}
