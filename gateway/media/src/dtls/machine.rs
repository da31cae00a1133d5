//! One handshake as a value (RFC 6347, with the extension of RFC 5764). OpenSSL is behind it, and nowhere else in media.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Read, Write},
};

use openssl::{
    error::ErrorStack,
    pkey::PKey,
    srtp::SrtpProfileId,
    ssl::{
        ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode, SslStream,
        SslVerifyMode, SslVersion,
    },
    x509::X509,
};
use terms::media::{DtlsRole, SrtpSuite};

use super::pace;

/// RFC 9147 §4.4: what fits every path, with the headers of UDP and IP.
const MTU: u32 = 1_200;
/// 112 bits and SHA-2 for what we choose, on every distribution alike; how long a key the peer has is its own affair.
const SECURITY_LEVEL: u32 = 2;
/// RFC 8827 §6.5 has the first of AES-128. Our certificate is on P-256; of the peer's, RSA is known too.
const SUITES: &str = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
const GROUPS: &str = "X25519:P-256:P-384";
/// RFC 5764 §4.1.2 and RFC 7714 §14.2: the best that both have is taken.
const PROFILES: &str = "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
/// RFC 5764 §4.2.
const LABEL: &str = "EXTRACTOR-dtls_srtp";
/// Datagrams that may wait to be sent: two flights.
const MAX_SAID: usize = 64;
/// Nothing but keys comes over it: what else a peer says there is read away in pieces of this length.
const READ_AWAY: usize = 256;

/// What the handshakes of a process have in common: what they show, and what they know.
pub(crate) struct Context(SslContext);

impl Context {
    /// Takes a certificate and its key (RFC 5958), both in DER.
    ///
    /// Deviation: RFC 6347 §4.2.1 would have servers ask for a cookie. Whoever makes a call waits for no further round trip:
    /// one source at a time is answered, by flights of a kilobyte, for the seconds that a handshake may take.
    pub(crate) fn of(certificate: &[u8], key: &[u8]) -> Result<Self, ErrorStack> {
        let mut builder = SslContextBuilder::new(SslMethod::dtls())?;
        builder.set_security_level(SECURITY_LEVEL);
        builder.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
        builder.set_max_proto_version(Some(SslVersion::DTLS1_2))?;
        builder.set_cipher_list(SUITES)?;
        builder.set_groups_list(GROUPS)?;
        builder.set_options(
            SslOptions::CIPHER_SERVER_PREFERENCE
                | SslOptions::NO_QUERY_MTU
                | SslOptions::NO_COMPRESSION
                | SslOptions::NO_RENEGOTIATION
                | SslOptions::NO_TICKET,
        );
        // A session taken up again proves the key of no certificate.
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        builder.set_tlsext_use_srtp(PROFILES)?;
        builder.set_certificate(&*X509::from_der(certificate)?)?;
        builder.set_private_key(&*PKey::private_key_from_der(key)?)?;
        builder.check_private_key()?;
        // RFC 5763 §5: the fingerprint judges it, whoever issued it. That the peer has its key is proved in any case.
        builder.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
        Ok(Self(builder.build()))
    }
}

/// What a handshake says.
pub(crate) enum Output {
    /// A datagram for the peer.
    Datagram(Vec<u8>),
    /// The certificate that the peer shows, in DER. That it has the key of it is only proved when there are keys.
    Certificate(Vec<u8>),
    /// Both have finished: RFC 5764 §4.2's keying material.
    Keys(SrtpSuite, Vec<u8>),
    /// It has failed, or there is no profile that both have.
    GivenUp,
}

/// One handshake. What is not answered it sends again, as long as it is told that time passes.
pub(crate) struct Machine {
    context: SslContext,
    role: DtlsRole,
    stream: SslStream<Wire>,
    stage: Stage,
    /// Of the hello that was answered last.
    random: Option<Random>,
    /// Whether another may be answered before time passes: each costs a signature.
    may_begin_again: bool,
    news: VecDeque<Output>,
}

/// RFC 5246 §7.4.1.2.
type Random = [u8; 32];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The peer has shown no certificate.
    Greeting,
    Proving,
    /// There is no more to tell, but the last flight may be asked for again.
    Finished,
    GivenUp,
}

impl Machine {
    /// One that has said nothing: who begins does so as soon as it is told of the time.
    pub(crate) fn begin(context: &Context, role: DtlsRole) -> Self {
        let context = context.0.clone();
        let stream = stream(&context, role);
        let (stage, news) = (Stage::Greeting, VecDeque::new());
        Self { context, role, stream, stage, random: None, may_begin_again: true, news }
    }

    /// Takes a datagram of the peer.
    pub(crate) fn handle_datagram(&mut self, datagram: &[u8]) {
        self.begin_again(datagram);
        self.stream.get_mut().heard = Some(datagram.to_vec());
        match self.stage {
            Stage::Greeting | Stage::Proving => self.shake(),
            Stage::Finished => self.read_away(),
            Stage::GivenUp => {}
        }
        self.stream.get_mut().heard = None;
    }

    /// Time has passed. OpenSSL looks at its own clock whether it was enough to send again.
    pub(crate) fn handle_timeout(&mut self) {
        self.may_begin_again = true;
        match self.stage {
            Stage::Greeting | Stage::Proving => self.shake(),
            Stage::Finished | Stage::GivenUp => {}
        }
    }

    /// What it says, until that is nothing.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        let datagram = self.stream.get_mut().said.pop_front();
        datagram.map(Output::Datagram).or_else(|| self.news.pop_front())
    }

    /// Whoever said hello may have done so in the peer's name, or the peer has begun anew: as long as nobody has shown a
    /// certificate, another hello is as good.
    fn begin_again(&mut self, datagram: &[u8]) {
        let awaits = self.stage == Stage::Greeting && self.role == DtlsRole::Passive;
        let Some(random) = random(datagram).filter(|_| awaits) else { return };
        let is_another = self.random.is_some_and(|answered| answered != random);
        if is_another {
            if !std::mem::take(&mut self.may_begin_again) {
                return;
            }
            self.stream = stream(&self.context, self.role);
        }
        self.random = Some(random);
    }

    fn shake(&mut self) {
        let shaken = self.stream.do_handshake();
        if self.stage == Stage::Greeting
            && let Some(certificate) = self.stream.ssl().peer_certificate()
            && let Ok(certificate) = certificate.to_der()
        {
            self.stage = Stage::Proving;
            self.news.push_back(Output::Certificate(certificate));
        }
        let (stage, news) = match shaken {
            Ok(()) => match self.keys() {
                Some((suite, material)) => (Stage::Finished, Output::Keys(suite, material)),
                None => (Stage::GivenUp, Output::GivenUp),
            },
            Err(error) if error.code() == ErrorCode::WANT_READ => return,
            Err(_) => (Stage::GivenUp, Output::GivenUp),
        };
        self.stage = stage;
        self.news.push_back(news);
    }

    fn keys(&self) -> Option<(SrtpSuite, Vec<u8>)> {
        let ssl = self.stream.ssl();
        let suite = match ssl.selected_srtp_profile()?.id() {
            SrtpProfileId::SRTP_AEAD_AES_256_GCM => SrtpSuite::Aes256Gcm,
            SrtpProfileId::SRTP_AEAD_AES_128_GCM => SrtpSuite::Aes128Gcm,
            SrtpProfileId::SRTP_AES128_CM_SHA1_80 => SrtpSuite::Aes128CmSha1Tag80,
            _ => return None,
        };
        let mut material = vec![0; 2 * (suite.key_len() + suite.salt_len())];
        ssl.export_keying_material(&mut material, LABEL, None).ok()?;
        Some((suite, material))
    }

    /// A last flight that is repeated is answered by OpenSSL as it reads. What breaks it takes nothing from the keys.
    fn read_away(&mut self) {
        let mut room = [0; READ_AWAY];
        while self.stream.ssl_read(&mut room).is_ok_and(|length| length > 0) {}
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({:?}, {:?})", self.role, self.stage)
    }
}

fn stream(context: &SslContext, role: DtlsRole) -> SslStream<Wire> {
    let stream = || {
        let mut ssl = Ssl::new(context)?;
        ssl.set_mtu(MTU)?;
        match role {
            DtlsRole::Active => ssl.set_connect_state(),
            DtlsRole::Passive => ssl.set_accept_state(),
        }
        pace::set(&ssl);
        SslStream::new(ssl, Wire::default())
    };
    stream().expect("nothing can be short here but memory")
}

/// RFC 6347 §4.2.2: what the first message of a handshake, or the begin of it, has of its own.
fn random(datagram: &[u8]) -> Option<Random> {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    let (record, message) = datagram.split_at_checked(13)?;
    let [HANDSHAKE, _, _, 0, 0, ..] = record else { return None };
    let [CLIENT_HELLO, _, _, _, 0, 0, 0, 0, 0, _, _, _, _, _, hello @ ..] = message else { return None };
    hello.first_chunk().copied()
}

/// What OpenSSL takes for a socket: a read or a write is a datagram.
#[derive(Default)]
struct Wire {
    heard: Option<Vec<u8>>,
    said: VecDeque<Vec<u8>>,
}

impl Read for Wire {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let datagram = self.heard.take().ok_or(io::ErrorKind::WouldBlock)?;
        // As a socket does, of a datagram that is too long.
        datagram.as_slice().read(room)
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        // What is lost here is lost as on the way, and sent again.
        if self.said.len() < MAX_SAID {
            self.said.push_back(datagram.to_vec());
        }
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
