//! TLS by OpenSSL, where a device knows nothing newer than TLS 1.0 (SEC-4). Nobody is connected to by it.

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

use openssl::ssl::{Error, ErrorCode, Ssl, SslRef};
use rustls::pki_types::CertificateDer;
use tokio::{net::TcpStream, sync::watch};
use tokio_openssl::SslStream;

use super::security::{Failure, Handshake, Secured, Security};
use crate::tls::{LegacySide, Presented};

/// A legacy listener's side as it stands when a handshake begins.
#[derive(Debug)]
pub(super) struct Legacy(pub(super) watch::Receiver<LegacySide>);

impl Security for Legacy {
    fn admits(&self, source: IpAddr) -> bool {
        self.0.borrow().admits(source)
    }

    fn accept(&self, stream: TcpStream) -> Handshake {
        let context = self.0.borrow().context.clone();
        Box::pin(async move {
            // Only without memory is there none.
            let stream = Ssl::new(&context).and_then(|ssl| SslStream::new(ssl, stream));
            let mut stream = stream.map_err(|_| Failure::Closed)?;
            Pin::new(&mut stream).accept().await.map_err(|error| failure(&error))?;
            let presented = presented(stream.ssl());
            Ok(Secured::by(stream, presented))
        })
    }

    fn connect(&self, _stream: TcpStream, destination: SocketAddr) -> Handshake {
        Box::pin(async move {
            tracing::warn!(%destination, "a legacy listener connects to nobody; the device has to come");
            Err(Failure::NotAllowed)
        })
    }
}

fn presented(ssl: &SslRef) -> Option<Presented> {
    let der = ssl.peer_certificate()?.to_der().ok()?;
    Some(Presented::of(&CertificateDer::from(der)))
}

/// `ERR_LIB_SSL` of OpenSSL's err.h: what other libraries of it tell has numbers of its own.
const OF_TLS: i32 = 20;

fn failure(error: &Error) -> Failure {
    let Some(stack) = error.ssl_error() else { return Failure::Closed };
    if error.code() != ErrorCode::SSL {
        return Failure::Closed;
    }
    let of_tls = stack.errors().iter().filter(|one| one.library_code() == OF_TLS);
    let told = of_tls.map(|one| of_reason(one.reason_code()));
    // What is not told more precisely is not as TLS is spoken.
    told.reduce(|first, next| if first == Failure::NotTls { next } else { first }).unwrap_or(Failure::NotTls)
}

/// The reasons of OpenSSL's sslerr.h, which stay as they are.
const fn of_reason(reason: i32) -> Failure {
    match reason {
        // UNEXPECTED_EOF_WHILE_READING.
        294 => Failure::Closed,
        // No suitable signature, no shared cipher, unsupported protocol, suitable groups, inappropriate fallback, shared signature
        // algorithms, version too low, shared groups.
        118 | 193 | 258 | 295 | 373 | 376 | 396 | 410 => Failure::NothingInCommon,
        // BAD_SIGNATURE, CERTIFICATE_VERIFY_FAILED, UNKNOWN_CERTIFICATE_TYPE.
        123 | 134 | 247 => Failure::Certificate,
        // SSL_AD_REASON_OFFSET and the peer's alert.
        1_000.. => Failure::Refused,
        _ => Failure::NotTls,
    }
}
