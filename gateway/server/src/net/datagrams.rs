//! UDP listeners, read by the shard itself: the queue before it is the kernel's.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use bytes::Bytes;
use sip::endpoint::{Input, ListenerId};
use socket2::Type;
use terms::Dscp;
use tokio::{io::ReadBuf, net::UdpSocket};

/// Room for a burst of calls while the shard is at other things.
const BUFFER: usize = 4 * 1024 * 1024;
/// The longest datagram there is.
const MAX_DATAGRAM: usize = 65_535;

/// The UDP sockets.
#[derive(Debug)]
pub(super) struct Datagrams {
    sockets: Vec<(ListenerId, UdpSocket)>,
    /// Whose turn it is, so that a flooded listener does not silence the others.
    turn: usize,
    buffer: Box<[u8]>,
}

impl Datagrams {
    pub(super) fn bind(listeners: &[(ListenerId, SocketAddr)], dscp: Dscp) -> io::Result<Self> {
        let bind = |(id, address): &(ListenerId, SocketAddr)| {
            Ok((*id, bind(*address, dscp).map_err(super::naming(*address))?))
        };
        let sockets = listeners.iter().map(bind).collect::<io::Result<_>>()?;
        Ok(Self { sockets, turn: 0, buffer: vec![0; MAX_DATAGRAM].into() })
    }

    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Input>> {
        for _ in 0..self.sockets.len() {
            self.turn = (self.turn + 1) % self.sockets.len();
            let (listener, socket) = &self.sockets[self.turn];
            let mut buffer = ReadBuf::new(&mut self.buffer);
            if let Poll::Ready(received) = socket.poll_recv_from(context, &mut buffer) {
                // A copy of its own: a dialog keeps slices of it for as long as it lives.
                let bytes = Bytes::copy_from_slice(buffer.filled());
                let listener = *listener;
                return Poll::Ready(received.map(|source| Input::Datagram { listener, source, bytes }));
            }
        }
        Poll::Pending
    }

    pub(super) fn send(
        &self,
        listener: ListenerId,
        destination: SocketAddr,
        bytes: &[u8],
    ) -> io::Result<usize> {
        match self.sockets.iter().find(|(id, _)| *id == listener) {
            Some((_, socket)) => socket.try_send_to(bytes, destination),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn bind(address: SocketAddr, dscp: Dscp) -> io::Result<UdpSocket> {
    let socket = super::socket(address, Type::DGRAM, dscp)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}
