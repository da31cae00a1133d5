//! The sockets of a worker: m sockets serve n pairs, as yet one a port.

mod batch;

use std::{io, net::SocketAddr, os::fd::AsRawFd as _};

use mio::{Interest, Registry, Token, net::UdpSocket};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use terms::Dscp;

pub use batch::{BATCH, Batch, Datagram, tell_times};

use crate::engine::{Channel, Reading, SlotId};

/// Room for what comes while the worker is at other things: 100 ms of G.711 in every packet time.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// The two sockets of a pair. That of RTCP is always waited on: little comes there.
#[derive(Debug)]
struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    reading: Reading,
}

/// All sockets, by slot.
#[derive(Debug)]
pub(crate) struct Sockets {
    dscp: Dscp,
    pairs: Vec<Option<Pair>>,
}

impl Sockets {
    /// None yet; what they send is marked so.
    pub(crate) const fn marked(dscp: Dscp) -> Self {
        Self { dscp, pairs: Vec::new() }
    }

    /// Binds both halves, or neither.
    pub(crate) fn bind(
        &mut self,
        registry: &Registry,
        slot: SlotId,
        (rtp, rtcp): (SocketAddr, SocketAddr),
    ) -> io::Result<()> {
        let (mut rtp, mut rtcp) = (bind(rtp, self.dscp)?, bind(rtcp, self.dscp)?);
        registry.register(&mut rtp, token(slot, Channel::Rtp), Interest::READABLE)?;
        registry.register(&mut rtcp, token(slot, Channel::Rtcp), Interest::READABLE)?;
        let index = index(slot);
        if self.pairs.len() <= index {
            self.pairs.resize_with(index + 1, || None);
        }
        self.pairs[index] = Some(Pair { rtp, rtcp, reading: Reading::AsItComes });
        Ok(())
    }

    /// Waits on a pair's RTP, or leaves it to be read at its ticks.
    pub(crate) fn read(&mut self, registry: &Registry, slot: SlotId, reading: Reading) -> io::Result<()> {
        let Some(Some(pair)) = self.pairs.get_mut(index(slot)) else { return Ok(()) };
        if pair.reading == reading {
            return Ok(());
        }
        pair.reading = reading;
        match reading {
            Reading::AtTicks => registry.deregister(&mut pair.rtp),
            Reading::AsItComes => {
                registry.register(&mut pair.rtp, token(slot, Channel::Rtp), Interest::READABLE)
            }
        }
    }

    pub(crate) fn get(&self, slot: SlotId, channel: Channel) -> Option<&UdpSocket> {
        let pair = self.pairs.get(index(slot))?.as_ref()?;
        Some(match channel {
            Channel::Rtp => &pair.rtp,
            Channel::Rtcp => &pair.rtcp,
        })
    }

    /// Where a datagram went that ICMP says nobody takes; each is told once.
    pub(crate) fn take_unreachable(&self, slot: SlotId, channel: Channel) -> Option<SocketAddr> {
        self.get(slot, channel).and_then(take_unreachable)
    }
}

/// The queue of errors holds the datagram, with the address that it was sent to (ip(7), `IP_RECVERR`).
fn take_unreachable(socket: &UdpSocket) -> Option<SocketAddr> {
    let (_, destination) = SockRef::from(socket).recv_from_with_flags(&mut [], libc::MSG_ERRQUEUE).ok()?;
    destination.as_socket()
}

/// The token of a socket; even for RTP.
pub(crate) const fn token(slot: SlotId, channel: Channel) -> Token {
    Token(index(slot) * 2 + channel as usize)
}

/// The socket of a token.
pub(crate) fn of_token(token: Token) -> (SlotId, Channel) {
    let slot = SlotId(u32::try_from(token.0 / 2).unwrap_or(u32::MAX));
    (slot, if token.0.is_multiple_of(2) { Channel::Rtp } else { Channel::Rtcp })
}

fn bind(address: SocketAddr, dscp: Dscp) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    match address {
        SocketAddr::V4(_) => socket.set_tos_v4(dscp.traffic_class())?,
        SocketAddr::V6(_) => socket.set_tclass_v6(dscp.traffic_class())?,
    }
    report_unreachable(&socket, address)?;
    tell_times(&socket)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

/// MEDIA-4: without it Linux keeps ICMP from a socket that isn't connected.
#[expect(unsafe_code, reason = "socket2 has no safe way to set IP_RECVERR")]
fn report_unreachable(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    let (level, option) = match address {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVERR),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    };
    let on: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and `on` is an integer of the
    // length that is given.
    let set = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, std::ptr::from_ref(&on).cast(), length)
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const fn index(slot: SlotId) -> usize {
    slot.0 as usize
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll};

    use super::*;

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
}
