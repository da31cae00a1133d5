//! A socket for each port: the back end that needs nothing of the machine.

use std::{io, net::SocketAddr};

use mio::{Interest, Registry, net::UdpSocket};
use socket2::{Domain, Protocol, Socket, Type};
use terms::Dscp;

use super::{Source, index, option, tell_times, token};
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
pub(super) struct Separate {
    dscp: Dscp,
    pairs: Vec<Option<Pair>>,
}

impl Separate {
    /// None yet; what they send is marked so.
    pub(super) const fn marked(dscp: Dscp) -> Self {
        Self { dscp, pairs: Vec::new() }
    }

    /// Binds both halves, or neither.
    pub(super) fn bind(
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
    pub(super) fn read(&mut self, registry: &Registry, slot: SlotId, reading: Reading) -> io::Result<()> {
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

    pub(super) fn get(&self, slot: SlotId, channel: Channel) -> Option<&UdpSocket> {
        let pair = self.pairs.get(index(slot))?.as_ref()?;
        Some(match channel {
            Channel::Rtp => &pair.rtp,
            Channel::Rtcp => &pair.rtcp,
        })
    }

    /// Whether the kernel took it.
    pub(super) fn send(
        &self,
        from: (SlotId, Channel),
        to: SocketAddr,
        bytes: &[u8],
        refused: &mut Vec<Source>,
    ) -> bool {
        let send = || self.get(from.0, from.1).map(|socket| socket.send_to(bytes, to));
        match send() {
            // The answer to an earlier datagram: this one was not tried.
            Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                refused.push(Source::Pair(from.0, from.1));
                matches!(send(), Some(Ok(_)))
            }
            sent => matches!(sent, Some(Ok(_))),
        }
    }
}

pub(super) fn bind(address: SocketAddr, dscp: Dscp) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    match address {
        SocketAddr::V4(_) => socket.set_tos_v4(dscp.traffic_class())?,
        SocketAddr::V6(_) => socket.set_tclass_v6(dscp.traffic_class())?,
    }
    option::tell_unreachable(&socket, address)?;
    tell_times(&socket)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}
