//! UDP listeners, read by the shard itself: the queue before it is the kernel's.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use sip::endpoint::{Input, ListenerId};
use socket2::Type;
use terms::Dscp;
use tokio::{io::ReadBuf, net::UdpSocket};

use super::{Guards, probing::Face};

/// Room for a burst of calls while the shard is at other things.
const BUFFER: usize = 4 * 1024 * 1024;
/// The longest datagram there is.
const MAX_DATAGRAM: usize = 65_535;

/// Probes that are answered before anything else has its turn.
const PROBES: usize = 32;
/// Datagrams that are dropped before anything else has its turn.
const DROPS: usize = 256;

/// The UDP sockets.
#[derive(Debug)]
pub(super) struct Datagrams {
    sockets: Vec<(Face, UdpSocket)>,
    /// Whose turn it is, so that a flooded listener does not silence the others.
    turn: usize,
    buffer: Box<[u8]>,
}

impl Datagrams {
    pub(super) fn bind(places: impl Iterator<Item = (Face, SocketAddr, Dscp)>) -> io::Result<Self> {
        let bind = |(face, address, dscp)| Ok((face, bind(address, dscp).map_err(super::naming(address))?));
        let sockets = places.map(bind).collect::<io::Result<_>>()?;
        Ok(Self { sockets, turn: 0, buffer: vec![0; MAX_DATAGRAM].into() })
    }

    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        Guards { probing, defence }: &mut Guards,
    ) -> Poll<io::Result<Input>> {
        let (mut silent, mut probes, mut drops) = (0, 0, 0);
        while silent < self.sockets.len() {
            self.turn = (self.turn + 1) % self.sockets.len();
            let (face, socket) = &self.sockets[self.turn];
            let mut buffer = ReadBuf::new(&mut self.buffer);
            let source = match socket.poll_recv_from(context, &mut buffer) {
                Poll::Pending => {
                    silent += 1;
                    continue;
                }
                Poll::Ready(Ok(source)) => source,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            };
            match face {
                Face::Sip(_)
                    if !probing.takes(buffer.filled())
                        && !defence.hears_datagram(Instant::now(), source, buffer.filled()) =>
                {
                    (silent, drops) = (0, drops + 1);
                }
                Face::Sip(listener) if !probing.takes(buffer.filled()) => {
                    // A copy of its own: a dialog keeps slices of it for as long as it lives.
                    let bytes = Bytes::copy_from_slice(buffer.filled());
                    return Poll::Ready(Ok(Input::Datagram { listener: *listener, source, bytes }));
                }
                Face::Sip(_) | Face::Media => {
                    if probing.answer(*face, source, buffer.filled_mut()) {
                        // What the kernel does not take is lost, as on the network.
                        socket.try_send_to(buffer.filled(), source).ok();
                    }
                    (silent, probes) = (0, probes + 1);
                }
            }
            if probes == PROBES || drops == DROPS {
                context.waker().wake_by_ref();
                break;
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
        match self.sockets.iter().find(|(face, _)| *face == Face::Sip(listener)) {
            Some((_, socket)) => socket.try_send_to(bytes, destination),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn bind(address: SocketAddr, dscp: Dscp) -> io::Result<UdpSocket> {
    let socket = super::socket(address, Type::DGRAM, dscp)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    // The kernel counts its own bookkeeping, and grants what `net.core.rmem_max` allows; that is twice what is asked for.
    let granted = socket.recv_buffer_size()?;
    if granted < 2 * BUFFER {
        tracing::info!(%address, granted, wanted = BUFFER, "a burst may be lost; net.core.rmem_max allows no larger buffer");
    }
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}
