//! The sockets of the SIP listeners: what comes in is the endpoint's input, what goes out its output. Probes are answered here.

mod datagrams;
pub mod defence;
mod handshakes;
mod legacy;
mod probing;
mod security;
mod streams;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use sip::endpoint::{ConnectionId, Input, ListenerId};
use terms::Dscp;
use tokio::runtime::Handle;

use crate::{
    config::{Probe, Transport},
    tls::{Presented, Watched},
};
use datagrams::Datagrams;
pub use defence::Defence;
use defence::{DefenceView, Defended};
use interwork::registrations::Outcome;
use legacy::Legacy;
use probing::Face;
pub use probing::Probing;
pub use security::Failure;
use security::{Security, Tls};
pub use streams::Handshakes;
use streams::{Place, Streams};

/// What is bound, and how what is sent from there is marked.
#[derive(Debug, Clone)]
pub struct Sockets {
    /// Of SIP. A [`ListenerId`] is the place in this list.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// What protects those of TLS.
    pub tls: BTreeMap<ListenerId, Watched>,
    /// Whose threads handshakes are made on.
    pub handshakes_on: Handle,
    /// SIP's mark.
    pub dscp: Dscp,
    /// Where media is probed.
    pub probes: Vec<SocketAddr>,
    /// The mark of media.
    pub media_dscp: Dscp,
}

/// All listeners.
#[derive(Debug)]
pub struct Net {
    datagrams: Datagrams,
    streams: Streams,
    guards: Guards,
}

/// What looks at what comes before anybody else does.
#[derive(Debug)]
pub struct Guards {
    /// Answers probes.
    pub probing: Probing,
    /// Leaves out who says too much.
    pub defence: Defence,
}

impl Net {
    /// Binds every listener, or says which one can't be.
    pub fn bind(sockets: &Sockets, guards: Guards) -> io::Result<Self> {
        let Sockets { listeners, tls, handshakes_on, dscp, probes, media_dscp } = sockets;
        let numbered = || (0..).map(ListenerId).zip(listeners);
        let of = |wanted: Transport| {
            let fits = move |(id, (transport, address)): (ListenerId, &(Transport, SocketAddr))| {
                (*transport == wanted).then_some((id, *address))
            };
            numbered().filter_map(fits)
        };
        let of_sip = of(Transport::Udp).map(|(id, address)| (Face::Sip(id), address, *dscp));
        let of_media = probes.iter().map(|address| (Face::Media, *address, *media_dscp));
        let in_clear = of(Transport::Tcp).map(|(id, address)| (id, Place { address, security: None }));
        let protected = of(Transport::Tls).map(|(id, address)| {
            let sides = tls.get(&id).expect("a TLS listener has its sides");
            let security: Arc<dyn Security> = match sides.clone() {
                Watched::Modern(sides) => Arc::new(Tls(sides)),
                Watched::Legacy(side) => Arc::new(Legacy(side)),
            };
            (id, Place { address, security: Some(security) })
        });
        Ok(Self {
            datagrams: Datagrams::bind(of_sip.chain(of_media))?,
            streams: Streams::bind(in_clear.chain(protected).collect(), *dscp, handshakes_on)?,
            guards,
        })
    }

    /// The next thing that happens on any listener.
    pub fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Input>> {
        if let Poll::Ready(input) = self.streams.poll_receive(context, &mut self.guards) {
            return Poll::Ready(Ok(input));
        }
        self.datagrams.poll_receive(context, &mut self.guards)
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

    /// How probes are answered, and who is heard, from here on.
    pub fn configure(&mut self, probe: Probe, defence: defence::Settings) {
        self.guards.probing.configure(probe);
        self.guards.defence.configure(defence);
        self.shut_out();
    }

    /// Somebody tried to register, and this came of it.
    pub fn on_attempt(&mut self, source: SocketAddr, outcome: &Outcome) {
        self.guards.defence.on_attempt(Instant::now(), source, outcome);
    }

    /// Somebody has logged in.
    pub fn on_known(&mut self, source: SocketAddr) {
        self.guards.defence.on_known(Instant::now(), source);
    }

    /// Who was not heard since it was asked last. Who was banned since has its connections closed.
    pub fn take_defended(&mut self) -> Defended {
        let defended = self.guards.defence.take_defended(Instant::now());
        if !defended.banned.is_empty() {
            self.shut_out();
        }
        defended
    }

    /// Who is heard, as it stands.
    pub fn defence(&self) -> DefenceView {
        self.guards.defence.view(Instant::now())
    }

    fn shut_out(&mut self) {
        let now = Instant::now();
        self.streams.shut_out(now, self.guards.defence.banned(now));
    }

    /// What became of probes since it was asked last.
    pub fn take_probed(&mut self) -> probe::Counted {
        self.guards.probing.take_counted()
    }

    /// The certificate that a device showed as it connected, if it was asked and has one.
    pub fn presented(&self, connection: ConnectionId) -> Option<&Presented> {
        self.streams.presented(connection)
    }

    /// How handshakes ended since it was asked last.
    pub fn take_handshakes(&mut self) -> Handshakes {
        self.streams.take_handshakes()
    }

    /// Closes a connection once what was written is sent.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.streams.disconnect(connection, &mut self.guards);
    }
}

/// A socket of this traffic class.
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
    move |error| io::Error::new(error.kind(), format!("{address}: {error}"))
}
