//! TCP listeners, TLS or not: a reading and a writing task a connection, joined to the shard by bounded queues.
//!
//! A peer that sends faster than the shard reads waits in its own TCP window; one that does not
//! read what we write is closed.

use std::{
    collections::BTreeMap,
    io, mem,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use probe::Frame;
use sip::endpoint::{ConnectionId, Input, ListenerId};
use socket2::Type;
use terms::Dscp;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Handle,
    sync::{mpsc, watch},
    task::AbortHandle,
    time::timeout,
};

use super::{
    Guards,
    defence::Banned,
    handshakes::{self, Bounds, Doors},
    probing::Face,
    security::{Failure, Secured, Security},
};
use crate::tls::Presented;

/// Things that happened on connections and wait for the shard.
const EVENTS: usize = 1_024;
/// Messages that wait for a peer to read them; one more closes its connection.
const UNSENT: usize = 256;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;
/// A connection that is not up by then is given up; what asked for it has mostly gone on by then.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A peer that does not read is closed after so long.
const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// A peer that connects and says nothing is closed after so long.
const FIRST_WORD_WITHIN: Duration = Duration::from_secs(60);
/// A peer that does not take our last word is closed without it.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// Out of file descriptors and the like: the peers wait in the backlog.
pub(super) const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// A connection as the shard's side sees it.
#[derive(Debug)]
struct Connection {
    unsent: mpsc::Sender<Bytes>,
    reader: AbortHandle,
    listener: ListenerId,
    peer: SocketAddr,
    came: Came,
    speaks: Speaks,
    presented: Option<Presented>,
}

impl Connection {
    fn leave(self, guards: &mut Guards) {
        self.reader.abort();
        if self.came == Came::In {
            guards.defence.on_disconnected(self.peer);
        }
    }
}

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// Its peer.
    In,
    /// We did.
    Out,
}

/// What is spoken on a connection: its first octet tells.
#[derive(Debug)]
enum Speaks {
    /// Nothing was said yet.
    Unknown,
    Sip,
    /// Probes; with what came of the next.
    Probe(BytesMut),
}

/// What a task tells.
pub(super) enum Told {
    Up {
        listener: ListenerId,
        peer: SocketAddr,
        came: Came,
        secured: Secured,
    },
    /// One that came is gone before it was up.
    Refused(Failure),
    /// One of who is banned was closed.
    ShutOut,
    Failed {
        listener: ListenerId,
        destination: SocketAddr,
        failure: Option<Failure>,
    },
    Read {
        connection: ConnectionId,
        bytes: Bytes,
    },
    Down {
        connection: ConnectionId,
    },
}

/// A listener: where it is bound, and what protects its connections, if anything.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Connections that it opens come from its address.
    pub(super) address: SocketAddr,
    pub(super) security: Option<Arc<dyn Security>>,
}

/// How handshakes ended, since it was asked last: well, or why not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handshakes {
    /// Connections that are protected.
    pub done: u64,
    /// Those that came to nothing.
    pub failed: BTreeMap<Failure, u64>,
}

impl Handshakes {
    fn fail(&mut self, failure: Failure) {
        *self.failed.entry(failure).or_default() += 1;
    }
}

/// The TCP listeners and all their connections.
#[derive(Debug)]
pub(super) struct Streams {
    listeners: BTreeMap<ListenerId, Place>,
    dscp: Dscp,
    connections: BTreeMap<ConnectionId, Connection>,
    next: Arc<AtomicU64>,
    handshakes: Handshakes,
    /// For those who accept.
    banned: watch::Sender<Banned>,
    tell: mpsc::Sender<Told>,
    told: mpsc::Receiver<Told>,
}

impl Streams {
    /// Binds them; handshakes have the threads of `runtime`.
    pub(super) fn bind(
        listeners: BTreeMap<ListenerId, Place>,
        dscp: Dscp,
        runtime: &Handle,
    ) -> io::Result<Self> {
        let (tell, told) = mpsc::channel(EVENTS);
        let banned = watch::Sender::new(Banned::default());
        for (id, Place { address, security }) in &listeners {
            let (id, listener) = (*id, bind(*address, dscp).map_err(super::naming(*address))?);
            match security.clone() {
                None => tokio::spawn(accept(id, listener, banned.subscribe(), tell.clone())),
                Some(security) => {
                    let banned = banned.subscribe();
                    let doors = Doors { security, bounds: Bounds::USUAL, banned, runtime: runtime.clone() };
                    tokio::spawn(handshakes::accept(id, listener, doors, tell.clone()))
                }
            };
        }
        let (connections, next) = (BTreeMap::new(), Arc::new(AtomicU64::new(0)));
        let handshakes = Handshakes::default();
        Ok(Self { listeners, dscp, connections, next, handshakes, banned, tell, told })
    }

    pub(super) fn take_handshakes(&mut self) -> Handshakes {
        mem::take(&mut self.handshakes)
    }

    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>, guards: &mut Guards) -> Poll<Input> {
        loop {
            match self.told.poll_recv(context) {
                Poll::Ready(Some(told)) => {
                    if let Some(input) = self.on_told(told, guards) {
                        return Poll::Ready(input);
                    }
                }
                // We hold a sender ourselves: the channel never ends.
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    pub(super) fn write(&mut self, connection: ConnectionId, bytes: Bytes) {
        let Some(open) = self.connections.get(&connection) else { return };
        if open.unsent.try_send(bytes).is_err() {
            tracing::warn!(
                connection = connection.0,
                "a peer does not read what it asked for; its connection is closed"
            );
            self.break_off(connection, open);
        }
    }

    /// Closes the connections of who is banned; further ones are closed as they come.
    pub(super) fn shut_out(&self, now: Instant, banned: Banned) {
        for (connection, open) in &self.connections {
            if open.came == Came::In && banned.has(now, open.peer.ip()) {
                self.break_off(*connection, open);
            }
        }
        self.banned.send_replace(banned);
    }

    pub(super) fn connect(&mut self, listener: ListenerId, destination: SocketAddr) {
        let (tell, dscp) = (self.tell.clone(), self.dscp);
        let place = self.listeners.get(&listener).cloned();
        tokio::spawn(async move {
            let told = match timeout(CONNECT_WITHIN, reach(place.as_ref(), destination, dscp)).await {
                Ok(Ok(secured)) => Told::Up { listener, peer: destination, came: Came::Out, secured },
                Ok(Err(failure)) => Told::Failed { listener, destination, failure },
                Err(_) => Told::Failed { listener, destination, failure: None },
            };
            // A shard that is gone wants no connection.
            tell.send(told).await.ok();
        });
    }

    /// Closes a connection once what was written is sent.
    pub(super) fn disconnect(&mut self, connection: ConnectionId, guards: &mut Guards) {
        if let Some(open) = self.connections.remove(&connection) {
            // The writer ends when its queue is empty, and takes the connection down.
            open.leave(guards);
        }
    }

    /// What a device that connected has shown.
    pub(super) fn presented(&self, connection: ConnectionId) -> Option<&Presented> {
        self.connections.get(&connection)?.presented.as_ref()
    }

    fn on_told(&mut self, told: Told, guards: &mut Guards) -> Option<Input> {
        match told {
            Told::Up { peer, came: Came::In, .. }
                if !guards.defence.takes_connection(Instant::now(), peer) =>
            {
                None
            }
            Told::Up { listener, peer, came, secured } => {
                let connection = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
                let is_protected =
                    self.listeners.get(&listener).is_some_and(|place| place.security.is_some());
                self.handshakes.done += u64::from(is_protected);
                let presented = secured.presented.clone();
                if let Some(Presented { fingerprint, .. }) = &presented {
                    tracing::info!(connection = connection.0, %fingerprint, "a device showed its certificate");
                }
                let (unsent, reader) = start(connection, (came, secured), &self.tell);
                let speaks = Speaks::Unknown;
                let open = Connection { unsent, reader, listener, peer, came, speaks, presented };
                self.connections.insert(connection, open);
                Some(Input::Connected { listener, connection, peer })
            }
            Told::Refused(failure) => {
                self.handshakes.fail(failure);
                None
            }
            Told::ShutOut => {
                guards.defence.on_shut_out();
                None
            }
            Told::Failed { listener, destination, failure } => {
                failure.into_iter().for_each(|failure| self.handshakes.fail(failure));
                Some(Input::ConnectFailed { listener, destination })
            }
            Told::Read { connection, bytes } => self.on_read(connection, bytes, guards),
            Told::Down { connection } => {
                // Where it was the writer that failed the reader has not seen it.
                self.connections.remove(&connection)?.leave(guards);
                Some(Input::Disconnected { connection })
            }
        }
    }

    fn on_read(&mut self, connection: ConnectionId, bytes: Bytes, guards: &mut Guards) -> Option<Input> {
        let open = self.connections.get_mut(&connection)?;
        if open.came == Came::In && !guards.defence.hears_stream(Instant::now(), open.peer, &bytes) {
            self.disconnect(connection, guards);
            return Some(Input::Disconnected { connection });
        }
        if matches!(open.speaks, Speaks::Unknown) {
            let is_probe = guards.probing.takes(&bytes);
            open.speaks = if is_probe { Speaks::Probe(BytesMut::new()) } else { Speaks::Sip };
        }
        let Speaks::Probe(pending) = &mut open.speaks else {
            return Some(Input::Stream { connection, bytes });
        };
        pending.extend_from_slice(&bytes);
        let (face, peer, mut answers) = (Face::Sip(open.listener), open.peer, BytesMut::new());
        loop {
            match probe::frame(pending) {
                Frame::Whole(length) => {
                    let mut packet = pending.split_to(length);
                    if guards.probing.answer(face, peer, &mut packet) {
                        answers.extend_from_slice(&packet);
                    }
                }
                Frame::Part => break,
                Frame::Broken => {
                    self.disconnect(connection, guards);
                    return Some(Input::Disconnected { connection });
                }
            }
        }
        if !answers.is_empty() {
            self.write(connection, answers.freeze());
        }
        None
    }

    fn break_off(&self, connection: ConnectionId, open: &Connection) {
        open.reader.abort();
        let tell = self.tell.clone();
        tokio::spawn(async move {
            tell.send(Told::Down { connection }).await.ok();
        });
    }
}

async fn accept(
    id: ListenerId,
    listener: TcpListener,
    banned: watch::Receiver<Banned>,
    tell: mpsc::Sender<Told>,
) {
    loop {
        let told = match listener.accept().await {
            Ok((_, peer)) if banned.borrow().has(Instant::now(), peer.ip()) => Told::ShutOut,
            Ok((stream, peer)) => {
                no_delay(&stream);
                Told::Up { listener: id, peer, came: Came::In, secured: Secured::clear(stream) }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        if tell.send(told).await.is_err() {
            return;
        }
    }
}

async fn open(from: Option<SocketAddr>, destination: SocketAddr, dscp: Dscp) -> io::Result<TcpStream> {
    let socket = TcpSocket::from_std_stream(super::socket(destination, Type::STREAM, dscp)?.into());
    if let Some(from) = from.filter(|from| from.is_ipv4() == destination.is_ipv4()) {
        socket.bind(from)?;
    }
    socket.connect(destination).await
}

/// A connection that is up, or why its handshake came to nothing, if it began.
async fn reach(
    place: Option<&Place>,
    destination: SocketAddr,
    dscp: Dscp,
) -> Result<Secured, Option<Failure>> {
    let from = place.map(|place| SocketAddr::new(place.address.ip(), 0));
    let stream = open(from, destination, dscp).await.map_err(|_| None)?;
    no_delay(&stream);
    match place.and_then(|place| place.security.as_ref()) {
        None => Ok(Secured::clear(stream)),
        Some(security) => security.connect(stream, destination).await.map_err(Some),
    }
}

/// A SIP message is whole when it is written: nothing is gained by waiting for more.
pub(super) fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
}

fn start(
    connection: ConnectionId,
    (came, secured): (Came, Secured),
    tell: &mpsc::Sender<Told>,
) -> (mpsc::Sender<Bytes>, AbortHandle) {
    let (unsent, queue) = mpsc::channel(UNSENT);
    let reader = tokio::spawn(read_all((connection, came), secured.read, tell.clone())).abort_handle();
    tokio::spawn(write_all(connection, secured.write, queue, tell.clone()));
    (unsent, reader)
}

async fn read_all(
    (connection, came): (ConnectionId, Came),
    mut stream: impl AsyncRead + Unpin,
    tell: mpsc::Sender<Told>,
) {
    let mut buffer = BytesMut::with_capacity(CHUNK);
    // Who connects has something to say.
    let mut patience = (came == Came::In).then_some(FIRST_WORD_WITHIN);
    loop {
        let read = stream.read_buf(&mut buffer);
        let read = match patience.take() {
            Some(patience) => timeout(patience, read).await.unwrap_or(Ok(0)),
            None => read.await,
        };
        let told = match read {
            Ok(0) | Err(_) => Told::Down { connection },
            Ok(_) => Told::Read { connection, bytes: Bytes::copy_from_slice(&buffer) },
        };
        buffer.clear();
        let is_down = matches!(told, Told::Down { .. });
        if tell.send(told).await.is_err() || is_down {
            return;
        }
    }
}

async fn write_all(
    connection: ConnectionId,
    mut stream: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Bytes>,
    tell: mpsc::Sender<Told>,
) {
    while let Some(bytes) = queue.recv().await {
        if !matches!(timeout(WRITE_WITHIN, write(&mut stream, &bytes)).await, Ok(Ok(()))) {
            tell.send(Told::Down { connection }).await.ok();
            return;
        }
    }
    // TLS says that it is over (RFC 8446 §6.1); a peer that is gone misses nothing.
    timeout(CLOSE_WITHIN, stream.shutdown()).await.ok();
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

fn bind(address: SocketAddr, dscp: Dscp) -> io::Result<TcpListener> {
    let socket = super::socket(address, Type::STREAM, dscp)?;
    // A port whose connections of the last start still wind down is ours all the same.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(BACKLOG).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;

    use super::*;

    #[tokio::test]
    async fn rfc2474_3_connections_that_come_and_those_that_we_open_are_marked() {
        let dscp = Dscp::new(40).expect("6 bits");
        let listener = bind("127.0.0.1:0".parse().expect("an address"), dscp).expect("binds");
        let opened = open(None, listener.local_addr().expect("bound"), dscp).await.expect("connects");
        let (accepted, _) = listener.accept().await.expect("it came");
        for stream in [&opened, &accepted] {
            assert_eq!(SockRef::from(stream).tos_v4().expect("an option"), dscp.traffic_class());
        }
    }
}
