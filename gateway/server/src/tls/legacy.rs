//! OpenSSL's settings of a legacy listener: for devices whose firmware knows nothing newer than TLS 1.0.
//!
//! Deviation: RFC 8996 forbids TLS 1.0 and 1.1. Polycom HDX 3.1 and Cisco TC 7 need them, which nobody updates any more.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use openssl::{
    error::ErrorStack,
    pkey::PKey,
    ssl::{
        SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslSessionCacheMode, SslVerifyMode,
        SslVersion,
    },
    x509::X509,
};

use super::{ClientCertificates, Identity};

/// What a device of TLS 1.0 has, and better ones that its successors have. NULL, EXPORT, anonymous suites, RC4, DES and MD5 are
/// not of it; neither is 3DES: Debian's OpenSSL has none, and whoever speaks it speaks AES too.
const SUITES: &str = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA256:\
                      ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:\
                      AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA";
/// OpenSSL's levels above allow neither TLS 1.0, whose signatures have MD5 and SHA-1, nor certificates by SHA-1.
const SECURITY_LEVEL: u32 = 0;

/// The side of a legacy listener where devices connect; it has no other. Connections keep that which they began with.
#[derive(Clone)]
pub struct LegacySide {
    /// What a handshake is made by.
    pub context: SslContext,
    allowed: Arc<[IpNet]>,
}

impl LegacySide {
    /// Shows `identity` to those of `allowed`.
    pub(crate) fn new(
        identity: &Identity,
        asked: ClientCertificates,
        allowed: &[IpNet],
    ) -> Result<Self, ErrorStack> {
        let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
        builder.set_security_level(SECURITY_LEVEL);
        builder.set_min_proto_version(Some(SslVersion::TLS1))?;
        builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_cipher_list(SUITES)?;
        builder.set_options(
            SslOptions::CIPHER_SERVER_PREFERENCE
                | SslOptions::NO_COMPRESSION
                | SslOptions::NO_RENEGOTIATION
                | SslOptions::NO_TICKET,
        );
        // A session taken up again proves the key of no certificate.
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        // What a write could not send may have moved when it is tried again; who is silent holds no buffers.
        builder.set_mode(
            SslMode::ACCEPT_MOVING_WRITE_BUFFER | SslMode::ENABLE_PARTIAL_WRITE | SslMode::RELEASE_BUFFERS,
        );
        show(&mut builder, identity)?;
        if asked == ClientCertificates::Ask {
            // As by rustls: whoever issued it, the key is proved, and no more is known.
            builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        }
        Ok(Self { context: builder.build(), allowed: allowed.into() })
    }

    /// Whether a device of this address may connect.
    pub fn admits(&self, source: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(&source))
    }
}

impl std::fmt::Debug for LegacySide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LegacySide({} networks)", self.allowed.len())
    }
}

/// The chain, the own certificate first, and its key.
fn show(builder: &mut SslContextBuilder, identity: &Identity) -> Result<(), ErrorStack> {
    let mut chain = identity.certified().cert.iter().map(|certificate| X509::from_der(certificate));
    if let Some(own) = chain.next() {
        builder.set_certificate(&*own?)?;
    }
    for authority in chain {
        builder.add_extra_chain_cert(authority?)?;
    }
    builder.set_private_key(&*PKey::private_key_from_der(identity.key().secret_der())?)?;
    builder.check_private_key()
}
