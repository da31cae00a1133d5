//! TCP listeners: a reading and a writing task a connection, joined to the shard by bounded queues.
//!
//! A peer that sends faster than the shard reads waits in its own TCP window; one that does not
//! read what we write is closed.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use probe::Frame;
use sip::endpoint::{ConnectionId, Input, ListenerId};
use socket2::Type;
use terms::Dscp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::mpsc,
    task::AbortHandle,
    time::timeout,
};

use super::probing::{Face, Probing};

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
/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// A connection as the shard's side sees it.
#[derive(Debug)]
struct Connection {
    unsent: mpsc::Sender<Bytes>,
    reader: AbortHandle,
    listener: ListenerId,
    peer: SocketAddr,
    speaks: Speaks,
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
enum Told {
    Up { listener: ListenerId, peer: SocketAddr, stream: TcpStream },
    Failed { listener: ListenerId, destination: SocketAddr },
    Read { connection: ConnectionId, bytes: Bytes },
    Down { connection: ConnectionId },
}

/// The TCP listeners and all their connections.
#[derive(Debug)]
pub(super) struct Streams {
    /// Where each listener is bound: connections that it opens come from its address.
    listeners: BTreeMap<ListenerId, SocketAddr>,
    dscp: Dscp,
    connections: BTreeMap<ConnectionId, Connection>,
    next: Arc<AtomicU64>,
    tell: mpsc::Sender<Told>,
    told: mpsc::Receiver<Told>,
}

impl Streams {
    pub(super) fn bind(listeners: &[(ListenerId, SocketAddr)], dscp: Dscp) -> io::Result<Self> {
        let (tell, told) = mpsc::channel(EVENTS);
        for (id, address) in listeners {
            let listener = bind(*address, dscp).map_err(super::naming(*address))?;
            tokio::spawn(accept(*id, listener, tell.clone()));
        }
        let (connections, next) = (BTreeMap::new(), Arc::new(AtomicU64::new(0)));
        Ok(Self { listeners: listeners.iter().copied().collect(), dscp, connections, next, tell, told })
    }

    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>, probing: &mut Probing) -> Poll<Input> {
        loop {
            match self.told.poll_recv(context) {
                Poll::Ready(Some(told)) => {
                    if let Some(input) = self.on_told(told, probing) {
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
            // The reader says so to the shard.
            open.reader.abort();
            self.tell_down(connection);
        }
    }

    pub(super) fn connect(&mut self, listener: ListenerId, destination: SocketAddr) {
        let tell = self.tell.clone();
        let dscp = self.dscp;
        let from = self.listeners.get(&listener).map(SocketAddr::ip);
        tokio::spawn(async move {
            let opening = open(from.map(|ip| SocketAddr::new(ip, 0)), destination, dscp);
            let told = match timeout(CONNECT_WITHIN, opening).await {
                Ok(Ok(stream)) => Told::Up { listener, peer: destination, stream },
                Ok(Err(_)) | Err(_) => Told::Failed { listener, destination },
            };
            // A shard that is gone wants no connection.
            tell.send(told).await.ok();
        });
    }

    pub(super) fn disconnect(&mut self, connection: ConnectionId) {
        if let Some(open) = self.connections.remove(&connection) {
            // The writer ends when its queue is empty, and takes the connection down.
            open.reader.abort();
        }
    }

    fn on_told(&mut self, told: Told, probing: &mut Probing) -> Option<Input> {
        match told {
            Told::Up { listener, peer, stream } => {
                let connection = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
                let (unsent, reader) = start(connection, stream, &self.tell);
                let open = Connection { unsent, reader, listener, peer, speaks: Speaks::Unknown };
                self.connections.insert(connection, open);
                Some(Input::Connected { listener, connection, peer })
            }
            Told::Failed { listener, destination } => Some(Input::ConnectFailed { listener, destination }),
            Told::Read { connection, bytes } => self.on_read(connection, bytes, probing),
            Told::Down { connection } => {
                self.connections.remove(&connection)?;
                Some(Input::Disconnected { connection })
            }
        }
    }

    fn on_read(&mut self, connection: ConnectionId, bytes: Bytes, probing: &mut Probing) -> Option<Input> {
        let open = self.connections.get_mut(&connection)?;
        if matches!(open.speaks, Speaks::Unknown) {
            let is_probe = probing.takes(&bytes);
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
                    if probing.answer(face, peer, &mut packet) {
                        answers.extend_from_slice(&packet);
                    }
                }
                Frame::Part => break,
                Frame::Broken => {
                    self.disconnect(connection);
                    return Some(Input::Disconnected { connection });
                }
            }
        }
        if !answers.is_empty() {
            self.write(connection, answers.freeze());
        }
        None
    }

    fn tell_down(&self, connection: ConnectionId) {
        let tell = self.tell.clone();
        tokio::spawn(async move {
            tell.send(Told::Down { connection }).await.ok();
        });
    }
}

async fn accept(id: ListenerId, listener: TcpListener, tell: mpsc::Sender<Told>) {
    /// Out of file descriptors and the like: the peers wait in the backlog.
    const PAUSE: Duration = Duration::from_millis(100);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if tell.send(Told::Up { listener: id, peer, stream }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(PAUSE).await;
            }
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

fn start(
    connection: ConnectionId,
    stream: TcpStream,
    tell: &mpsc::Sender<Told>,
) -> (mpsc::Sender<Bytes>, AbortHandle) {
    // A SIP message is whole when it is written: nothing is gained by waiting for more.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let (read, write) = stream.into_split();
    let (unsent, queue) = mpsc::channel(UNSENT);
    let reader = tokio::spawn(read_all(connection, read, tell.clone())).abort_handle();
    tokio::spawn(write_all(connection, write, queue, tell.clone()));
    (unsent, reader)
}

async fn read_all(connection: ConnectionId, mut stream: OwnedReadHalf, tell: mpsc::Sender<Told>) {
    let mut buffer = BytesMut::with_capacity(CHUNK);
    loop {
        let told = match stream.read_buf(&mut buffer).await {
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
    mut stream: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Bytes>,
    tell: mpsc::Sender<Told>,
) {
    while let Some(bytes) = queue.recv().await {
        if !matches!(timeout(WRITE_WITHIN, stream.write_all(&bytes)).await, Ok(Ok(()))) {
            tell.send(Told::Down { connection }).await.ok();
            return;
        }
    }
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
