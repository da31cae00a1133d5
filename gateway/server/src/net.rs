//! The sockets of the SIP listeners: what comes in is the endpoint's input, what goes out its output.

mod datagrams;
mod streams;

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use bytes::Bytes;
use sip::endpoint::{ConnectionId, Input, ListenerId};
use terms::Dscp;

use crate::config::Transport;
use datagrams::Datagrams;
use streams::Streams;

/// All listeners. A [`ListenerId`] is the place in the list that they were bound from.
#[derive(Debug)]
pub struct Net {
    datagrams: Datagrams,
    streams: Streams,
}

impl Net {
    /// Binds every listener, or says which one can't be; what they send is marked so.
    pub fn bind(listeners: &[(Transport, SocketAddr)], dscp: Dscp) -> io::Result<Self> {
        let numbered = || (0..).map(ListenerId).zip(listeners);
        let of = |wanted: Transport| {
            let fits = move |(id, (transport, address)): (ListenerId, &(Transport, SocketAddr))| {
                (*transport == wanted).then_some((id, *address))
            };
            numbered().filter_map(fits).collect::<Vec<_>>()
        };
        Ok(Self {
            datagrams: Datagrams::bind(&of(Transport::Udp), dscp)?,
            streams: Streams::bind(&of(Transport::Tcp), dscp)?,
        })
    }

    /// The next thing that happens on any listener.
    pub fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Input>> {
        if let Poll::Ready(input) = self.streams.poll_receive(context) {
            return Poll::Ready(Ok(input));
        }
        self.datagrams.poll_receive(context)
    }

    /// Sends a datagram without waiting: a full socket buffer loses it, as the network may.
    pub fn transmit(&self, listener: ListenerId, destination: SocketAddr, bytes: &[u8]) -> io::Result<usize> {
        self.datagrams.send(listener, destination, bytes)
    }

    /// Sends bytes by a connection without waiting; one whose peer does not read is closed.
    pub fn write(&mut self, connection: ConnectionId, bytes: Bytes) {
        self.streams.write(connection, bytes);
    }

    /// Opens a connection.
    pub fn connect(&mut self, listener: ListenerId, destination: SocketAddr) {
        self.streams.connect(listener, destination);
    }

    /// Closes a connection once what was written is sent.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.streams.disconnect(connection);
    }
}

/// A socket of SIP's traffic class.
fn socket(address: SocketAddr, kind: socket2::Type, dscp: Dscp) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), kind, None)?;
    socket.set_nonblocking(true)?;
    match address {
        SocketAddr::V4(_) => socket.set_tos_v4(dscp.traffic_class())?,
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_tclass_v6(dscp.traffic_class())?;
        }
    }
    Ok(socket)
}

fn naming(address: SocketAddr) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("SIP on {address}: {error}"))
}
