use rustls::{
    CipherSuite, ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    super::security::{Secured, Tls as Protected},
    *,
};
use crate::tls::{
    ClientCertificates, Presented, Sides, Tls, Trust,
    testing::{self, AUTHORITY, DEVICE, DEVICE_KEY},
};

mod legacy;

const LISTENER: ListenerId = ListenerId(7);

#[tokio::test]
async fn sec_4_each_client_is_shown_the_chain_that_it_can_verify_without_naming_a_server() {
    let mut desk = Desk::open(ClientCertificates::Off, Bounds::USUAL).await;
    let ecdsa_suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let rsa_suite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384;
    let rows: [(&str, &SupportedProtocolVersion, Option<CipherSuite>, &str); 4] = [
        ("TLS 1.3", &TLS13, None, "ecdsa"),
        ("TLS 1.2", &TLS12, None, "ecdsa"),
        ("TLS 1.2, ECDSA alone", &TLS12, Some(ecdsa_suite), "ecdsa"),
        ("TLS 1.2, RSA alone", &TLS12, Some(rsa_suite), "rsa"),
    ];
    for (name, version, suite, expected) in rows {
        let mut provider = ring::default_provider();
        provider.cipher_suites.retain(|one| suite.is_none_or(|suite| one.suite() == suite));
        let mut stream = desk.connect(plain(provider, version)).await.expect(name);
        let shown = stream.get_ref().1.peer_certificates().expect("shown")[0].clone();
        assert_eq!(shown, testing::chain(expected)[0], "{name}");
        let mut secured = desk.up().await;
        stream.write_all(b"OPTIONS").await.expect("goes");
        let mut read = [0; 7];
        secured.read.read_exact(&mut read).await.expect("comes");
        assert_eq!(&read, b"OPTIONS", "{name}");
    }
}

/// What we write comes to the peer.
async fn is_still_there(secured: &mut Secured, peer: &mut (impl AsyncRead + Unpin)) {
    secured.write.write_all(b"still").await.expect("goes");
    secured.write.flush().await.expect("goes");
    let mut read = [0; 5];
    peer.read_exact(&mut read).await.expect("comes");
    assert_eq!(&read, b"still");
}

#[tokio::test]
async fn sec_4_a_reload_shows_another_certificate_and_touches_no_connection() {
    let mut desk = Desk::open(ClientCertificates::Off, Bounds::USUAL).await;
    let mut before = desk.connect(plain(ring::default_provider(), &TLS13)).await.expect("connects");
    let mut secured = desk.up().await;
    desk.sides.send_replace(sides(&["rsa"], ClientCertificates::Off));
    let after = desk.connect(plain(ring::default_provider(), &TLS13)).await.expect("connects");
    assert_eq!(after.get_ref().1.peer_certificates().expect("shown")[0], testing::chain("rsa")[0]);
    is_still_there(&mut secured, &mut before).await;
}

#[tokio::test]
async fn sec_4_what_is_no_tls_is_refused_and_counted_as_that() {
    let mut desk = Desk::open(ClientCertificates::Off, Bounds::USUAL).await;
    let rows: [(&str, &[u8]); 3] = [
        ("SIP in clear", b"OPTIONS sip:gateway SIP/2.0\r\n\r\n"),
        ("zeros", &[0; 64]),
        ("a record of no handshake", &[0x16, 3, 1, 0, 4, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (name, bytes) in rows {
        let mut stream = TcpStream::connect(desk.address).await.expect("connects");
        stream.write_all(bytes).await.expect("goes");
        assert_eq!(desk.refused().await, Failure::NotTls, "{name}");
    }
}

#[tokio::test]
async fn sec_4_a_handshake_that_does_not_go_on_is_given_up() {
    let bounds = Bounds { within: Duration::from_millis(50), ..Bounds::USUAL };
    let mut desk = Desk::open(ClientCertificates::Off, bounds).await;
    let mut silent = TcpStream::connect(desk.address).await.expect("connects");
    assert_eq!(desk.refused().await, Failure::TimedOut);
    assert_eq!(silent.read(&mut [0; 1]).await.expect("closed"), 0);
}

#[tokio::test]
async fn sec_4_one_source_has_so_many_handshakes_at_once_and_gets_them_back() {
    let bounds = Bounds { of_one_source: 1, ..Bounds::USUAL };
    let mut desk = Desk::open(ClientCertificates::Off, bounds).await;
    let silent = TcpStream::connect(desk.address).await.expect("connects");
    let _further = TcpStream::connect(desk.address).await.expect("connects");
    assert_eq!(desk.refused().await, Failure::TooMany);
    drop(silent);
    assert_eq!(desk.refused().await, Failure::Closed);
    desk.connect(plain(ring::default_provider(), &TLS13)).await.expect("there is room again");
}

#[tokio::test]
async fn sec_2_who_is_banned_gets_no_handshake() {
    let mut desk = Desk::open(ClientCertificates::Off, Bounds::USUAL).await;
    desk.banned.send_replace(Banned::of(Instant::now() + Duration::from_secs(60), desk.address.ip()));
    desk.connect(plain(ring::default_provider(), &TLS13)).await.expect_err("it is closed at once");
    assert!(matches!(desk.told.recv().await, Some(Told::ShutOut)));
    desk.banned.send_replace(Banned::default());
    desk.connect(plain(ring::default_provider(), &TLS13)).await.expect("the ban is over");
}

#[tokio::test]
async fn sec_4_a_device_is_known_by_any_certificate_whose_key_it_has() {
    let mut desk = Desk::open(ClientCertificates::Ask, Bounds::USUAL).await;
    for version in [&TLS12, &TLS13] {
        // Version 1, a common name alone, signed by itself with SHA-1.
        let _device = desk.connect(showing(version, DEVICE_KEY)).await.expect("connects");
        let presented = desk.up().await.presented.expect("shown");
        let certificate = CertificateDer::from_pem_slice(DEVICE).expect("a certificate");
        assert_eq!(presented, Presented::of(&certificate), "{version:?}");
        assert_eq!(presented.common_name.as_deref(), Some("room-17"));

        let _nobody = desk.connect(plain(ring::default_provider(), version)).await.expect("connects");
        assert_eq!(desk.up().await.presented, None, "{version:?}");

        // In TLS 1.3 the client is done before it hears of it.
        let _impostor = desk.connect(showing(version, testing::RSA_KEY)).await;
        assert_eq!(desk.refused().await, Failure::Certificate, "{version:?}");
    }
}

#[tokio::test]
async fn rfc5922_7_1_who_we_connect_to_has_to_be_of_the_domain_and_of_an_authority_of_ours() {
    let desk = Desk::open(ClientCertificates::Off, Bounds::USUAL).await;
    let authority = testing::certificates(AUTHORITY);
    let rows = [
        ("its address", authority.clone(), None, Ok(())),
        ("its domain", authority.clone(), Some("sip.example.com"), Ok(())),
        (
            "a URI goes before a DNS name",
            authority.clone(),
            Some("host.example.com"),
            Err(Failure::Certificate),
        ),
        ("another domain", authority.clone(), Some("example.com"), Err(Failure::Certificate)),
        ("no authority", Vec::new(), None, Err(Failure::Certificate)),
    ];
    for (name, roots, domain, expected) in rows {
        let named = domain.map(|domain| (desk.address, ServerName::try_from(domain).expect("a name")));
        let trust = Arc::new(Trust { roots, names: named.into_iter().collect() });
        let sides = Sides::new(&testing::tls(&["rsa"], ClientCertificates::Off), &trust, ".".as_ref())
            .expect("sides");
        let (_keeper, watched) = watch::channel(sides);
        let stream = TcpStream::connect(desk.address).await.expect("connects");
        let connected = Protected(watched).connect(stream, desk.address).await;
        assert_eq!(connected.map(|_| ()), expected, "{name}");
    }
}

/// A listener under test.
struct Desk<S = Sides> {
    address: SocketAddr,
    sides: watch::Sender<S>,
    banned: watch::Sender<Banned>,
    told: mpsc::Receiver<Told>,
}

impl Desk {
    /// With both chains.
    async fn open(asked: ClientCertificates, bounds: Bounds) -> Self {
        let (sides, watched) = watch::channel(sides(&["ecdsa", "rsa"], asked));
        Self::behind(Arc::new(Protected(watched)), sides, bounds).await
    }
}

impl<S> Desk<S> {
    async fn behind(security: Arc<dyn Security>, sides: watch::Sender<S>, bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let (tell, told) = mpsc::channel(16);
        let banned = watch::Sender::new(Banned::default());
        let doors = Doors { security, bounds, banned: banned.subscribe(), runtime: Handle::current() };
        tokio::spawn(accept(LISTENER, listener, doors, tell));
        Self { address, sides, banned, told }
    }

    async fn connect(&self, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::from(self.address.ip());
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn up(&mut self) -> super::super::security::Secured {
        match self.told.recv().await {
            Some(Told::Up { listener: LISTENER, secured, .. }) => secured,
            Some(Told::Refused(failure)) => panic!("refused: {failure:?}"),
            _ => panic!("neither up nor refused"),
        }
    }

    async fn refused(&mut self) -> Failure {
        match self.told.recv().await {
            Some(Told::Refused(failure)) => failure,
            _ => panic!("not refused"),
        }
    }
}

fn sides(chains: &[&str], asked: ClientCertificates) -> Sides {
    let tls: Tls = testing::tls(chains, asked);
    Sides::new(&tls, &Arc::new(Trust::default()), ".".as_ref()).expect("sides")
}

fn plain(provider: CryptoProvider, version: &'static SupportedProtocolVersion) -> ClientConfig {
    builder(provider, version).with_no_client_auth()
}

/// The device's certificate, with a key that may be another's.
fn showing(version: &'static SupportedProtocolVersion, key: &[u8]) -> ClientConfig {
    let key = PrivateKeyDer::from_pem_slice(key).expect("a key");
    let key = ring::sign::any_supported_type(&key).expect("RSA");
    let shown = rustls::sign::CertifiedKey::new(testing::certificates(DEVICE), key);
    let shown = Arc::new(rustls::sign::SingleCertAndKey::from(shown));
    builder(ring::default_provider(), version).with_client_cert_resolver(shown)
}

fn builder(
    provider: CryptoProvider,
    version: &'static SupportedProtocolVersion,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(testing::certificates(AUTHORITY));
    let builder = ClientConfig::builder_with_provider(Arc::new(provider));
    builder.with_protocol_versions(&[version]).expect("versions").with_root_certificates(roots)
}
