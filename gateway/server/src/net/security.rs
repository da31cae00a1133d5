//! What is put around a TCP connection before SIP is spoken on it.

use std::{
    fmt::Debug,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use rustls::{CommonState, Error};
use tokio::{
    io::{AsyncRead, AsyncWrite, split},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::tls::{Presented, Sides};

/// A handshake that goes on.
pub(super) type Handshake = Pin<Box<dyn Future<Output = Result<Secured, Failure>> + Send>>;

/// A kind of protection. Another beside TLS is another of these.
pub(super) trait Security: Debug + Send + Sync {
    /// Whether who connects from there gets a handshake at all.
    fn admits(&self, source: IpAddr) -> bool;
    /// The peer connected.
    fn accept(&self, stream: TcpStream) -> Handshake;
    /// We did.
    fn connect(&self, stream: TcpStream, destination: SocketAddr) -> Handshake;
}

/// What is read from and written to, and who is there.
pub(super) struct Secured {
    pub(super) read: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) write: Box<dyn AsyncWrite + Send + Unpin>,
    /// The certificate of a device that connected.
    pub(super) presented: Option<Presented>,
}

impl Secured {
    /// A connection as it is.
    pub(super) fn clear(stream: TcpStream) -> Self {
        let (read, write) = stream.into_split();
        Self { read: Box::new(read), write: Box::new(write), presented: None }
    }

    /// One whose handshake is done.
    pub(super) fn by<S>(stream: S, presented: Option<Presented>) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (read, write) = split(stream);
        Self { read: Box::new(read), write: Box::new(write), presented }
    }
}

/// Why a handshake came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// It took too long.
    TimedOut,
    /// Too many went on, of all or of its source.
    TooMany,
    /// The listener is not for it: one of old devices for others, or for who would be called by it.
    NotAllowed,
    /// What came is not TLS, such as SIP in clear, or not as TLS is spoken.
    NotTls,
    /// No version, suite or signature that both have.
    NothingInCommon,
    /// The peer refuses us, such as for our certificate.
    Refused,
    /// The peer's certificate won't do: of no authority of ours, of another domain, out of date, not proved.
    Certificate,
    /// The connection is gone.
    Closed,
}

impl Failure {
    /// By what metrics tell of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TimedOut => "timed-out",
            Self::TooMany => "too-many",
            Self::NotAllowed => "not-allowed",
            Self::NotTls => "not-tls",
            Self::NothingInCommon => "nothing-in-common",
            Self::Refused => "refused",
            Self::Certificate => "certificate",
            Self::Closed => "closed",
        }
    }

    fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::PeerIncompatible(_)) => Self::NothingInCommon,
            Some(Error::AlertReceived(_)) => Self::Refused,
            Some(
                Error::InvalidCertificate(_) | Error::NoCertificatesPresented | Error::UnsupportedNameType,
            ) => Self::Certificate,
            Some(_) => Self::NotTls,
            None => Self::Closed,
        }
    }
}

/// TLS as a listener's sides have it when a handshake begins.
#[derive(Debug)]
pub(super) struct Tls(pub(super) watch::Receiver<Sides>);

impl Security for Tls {
    fn admits(&self, _source: IpAddr) -> bool {
        true
    }

    fn accept(&self, stream: TcpStream) -> Handshake {
        let server = Arc::clone(&self.0.borrow().server);
        Box::pin(async move {
            let stream =
                TlsAcceptor::from(server).accept(stream).await.map_err(|error| Failure::of(&error))?;
            let presented = presented(stream.get_ref().1);
            Ok(Secured::by(stream, presented))
        })
    }

    fn connect(&self, stream: TcpStream, destination: SocketAddr) -> Handshake {
        let sides = self.0.borrow().clone();
        Box::pin(async move {
            let name = sides.trust.name_of(destination);
            let connected = TlsConnector::from(sides.client).connect(name, stream).await;
            let stream = connected.inspect_err(|error| {
                tracing::warn!(%error, %destination, "no TLS with who was to be called");
            });
            Ok(Secured::by(stream.map_err(|error| Failure::of(&error))?, None))
        })
    }
}

fn presented(state: &CommonState) -> Option<Presented> {
    state.peer_certificates()?.first().map(Presented::of)
}
