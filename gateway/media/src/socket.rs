//! The sockets of a worker: m sockets serve n pairs, as yet one a port.

use std::{io, net::SocketAddr};

use mio::{Interest, Registry, Token, net::UdpSocket};
use socket2::{Domain, Protocol, Socket, Type};

use crate::engine::{Channel, SlotId};

/// RFC 4594 §4.1: EF, as the upper six bits of the traffic class.
const EXPEDITED_FORWARDING: u32 = 46 << 2;
/// Room for what comes while the worker is at other things: 100 ms of G.711 in every packet time.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// The two sockets of a pair.
#[derive(Debug)]
struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

/// All sockets, by slot.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pairs: Vec<Option<Pair>>,
}

impl Sockets {
    /// Binds both halves, or neither.
    pub(crate) fn bind(
        &mut self,
        registry: &Registry,
        slot: SlotId,
        (rtp, rtcp): (SocketAddr, SocketAddr),
    ) -> io::Result<()> {
        let (mut rtp, mut rtcp) = (bind(rtp)?, bind(rtcp)?);
        registry.register(&mut rtp, token(slot, Channel::Rtp), Interest::READABLE)?;
        registry.register(&mut rtcp, token(slot, Channel::Rtcp), Interest::READABLE)?;
        let index = index(slot);
        if self.pairs.len() <= index {
            self.pairs.resize_with(index + 1, || None);
        }
        self.pairs[index] = Some(Pair { rtp, rtcp });
        Ok(())
    }

    pub(crate) fn get(&self, slot: SlotId, channel: Channel) -> Option<&UdpSocket> {
        let pair = self.pairs.get(index(slot))?.as_ref()?;
        Some(match channel {
            Channel::Rtp => &pair.rtp,
            Channel::Rtcp => &pair.rtcp,
        })
    }
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

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    match address {
        SocketAddr::V4(_) => socket.set_tos_v4(EXPEDITED_FORWARDING)?,
        SocketAddr::V6(_) => socket.set_tclass_v6(EXPEDITED_FORWARDING)?,
    }
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

const fn index(slot: SlotId) -> usize {
    slot.0 as usize
}
