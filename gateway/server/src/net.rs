//! The sockets of the SIP listeners.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use bytes::Bytes;
use sip::endpoint::ListenerId;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{io::ReadBuf, net::UdpSocket};

/// RFC 4594 §4.2: CS3, as the upper six bits of the traffic class.
const CLASS_SELECTOR_3: u32 = 24 << 2;
/// Room for a burst of calls while the shard is at other things.
const BUFFER: usize = 4 * 1024 * 1024;
/// The longest datagram there is.
const MAX_DATAGRAM: usize = 65_535;

/// A datagram that came.
#[derive(Debug)]
pub struct Datagram {
    /// By which listener.
    pub listener: ListenerId,
    /// From whom.
    pub source: SocketAddr,
    /// What.
    pub bytes: Bytes,
}

/// The UDP sockets of all listeners, read by the shard itself: the queue before it is the kernel's.
#[derive(Debug)]
pub struct Sockets {
    sockets: Vec<UdpSocket>,
    /// Whose turn it is, so that a flooded listener does not silence the others.
    turn: usize,
    buffer: Box<[u8]>,
}

impl Sockets {
    /// Binds one socket for each address; a [`ListenerId`] is the place in the list.
    pub fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let bind = |address: &SocketAddr| {
            bind(*address).map_err(|error| io::Error::new(error.kind(), format!("SIP on {address}: {error}")))
        };
        let sockets = addresses.iter().map(bind).collect::<io::Result<_>>()?;
        Ok(Self { sockets, turn: 0, buffer: vec![0; MAX_DATAGRAM].into() })
    }

    /// The next datagram of any listener.
    pub fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Datagram>> {
        for _ in 0..self.sockets.len() {
            self.turn = (self.turn + 1) % self.sockets.len();
            let mut buffer = ReadBuf::new(&mut self.buffer);
            if let Poll::Ready(received) = self.sockets[self.turn].poll_recv_from(context, &mut buffer) {
                // A copy of its own: a dialog keeps slices of it for as long as it lives.
                let bytes = Bytes::copy_from_slice(buffer.filled());
                let listener = ListenerId(u16::try_from(self.turn).unwrap_or(u16::MAX));
                return Poll::Ready(received.map(|source| Datagram { listener, source, bytes }));
            }
        }
        Poll::Pending
    }

    /// Sends without waiting: a full socket buffer loses the datagram, as the network may.
    pub fn send(&self, listener: ListenerId, destination: SocketAddr, bytes: &[u8]) -> io::Result<usize> {
        match self.sockets.get(usize::from(listener.0)) {
            Some(socket) => socket.try_send_to(bytes, destination),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    match address {
        SocketAddr::V4(_) => socket.set_tos_v4(CLASS_SELECTOR_3)?,
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_tclass_v6(CLASS_SELECTOR_3)?;
        }
    }
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}
