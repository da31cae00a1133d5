//! Devices of TLS 1.0, and who is not to come by it.

use std::pin::Pin;

use ipnet::IpNet;
use openssl::{
    pkey::PKey,
    ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion},
    x509::X509,
};
use tokio_openssl::SslStream;

use super::*;
use crate::{net::legacy::Legacy, tls::LegacySide};

#[tokio::test]
async fn sec_4_old_devices_get_in_by_what_they_speak() {
    let mut desk = desk(ClientCertificates::Off).await;
    let rows = [
        ("TLS 1.0, RSA", SslVersion::TLS1, "AES128-SHA"),
        ("TLS 1.0, ECDHE", SslVersion::TLS1, "ECDHE-RSA-AES256-SHA"),
        ("TLS 1.1", SslVersion::TLS1_1, "AES256-SHA"),
        ("TLS 1.2, in CBC", SslVersion::TLS1_2, "AES128-SHA256"),
        ("TLS 1.2", SslVersion::TLS1_2, "ECDHE-RSA-AES128-GCM-SHA256"),
    ];
    for (name, version, suite) in rows {
        let mut stream = connect(desk.address, &speaking(version, suite).build()).await.expect(name);
        assert_eq!(stream.ssl().version2(), Some(version), "{name}");
        assert_eq!(shown(&stream), testing::chain("rsa")[0], "{name}");
        let mut secured = desk.up().await;
        stream.write_all(b"OPTIONS").await.expect("goes");
        let mut read = [0; 7];
        secured.read.read_exact(&mut read).await.expect("comes");
        secured.write.write_all(&read).await.expect("goes back");
        secured.write.flush().await.expect("goes back");
        stream.read_exact(&mut read).await.expect("comes back");
        assert_eq!(&read, b"OPTIONS", "{name}");
    }
    let mut stream = desk.connect(plain(ring::default_provider(), &TLS12)).await.expect("rustls' TLS 1.2");
    let mut secured = desk.up().await;
    stream.write_all(b"BYE").await.expect("goes");
    let mut read = [0; 3];
    secured.read.read_exact(&mut read).await.expect("comes");
    assert_eq!(&read, b"BYE");
}

#[tokio::test]
async fn rfc5246_e_2_a_hello_in_the_form_of_ssl_2_is_answered_by_tls_1_0() {
    let desk = desk(ClientCertificates::Off).await;
    // Of 28 octets, client_hello, TLS 1.0; 3 octets of suites, no session, 16 of challenge; TLS_RSA_WITH_AES_128_CBC_SHA.
    let mut hello = vec![0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 0x2f];
    hello.extend([7; 16]);
    let mut stream = TcpStream::connect(desk.address).await.expect("connects");
    stream.write_all(&hello).await.expect("goes");
    let mut record = [0; 3];
    stream.read_exact(&mut record).await.expect("comes");
    assert_eq!(record, [0x16, 3, 1], "a record of a handshake of TLS 1.0");
}

#[tokio::test]
async fn sec_4_what_is_newer_or_weaker_than_old_devices_has_nothing_in_common_with_them() {
    let mut desk = desk(ClientCertificates::Off).await;
    let rows = [
        ("TLS 1.3 alone", SslVersion::TLS1_3, "DEFAULT"),
        ("no encryption", SslVersion::TLS1, "NULL-SHA"),
        ("no certificate", SslVersion::TLS1, "AECDH-AES128-SHA"),
        ("another kind of key", SslVersion::TLS1_2, "ECDHE-ECDSA-AES128-SHA"),
    ];
    for (name, version, suite) in rows {
        connect(desk.address, &speaking(version, suite).build()).await.expect_err(name);
        assert_eq!(desk.refused().await, Failure::NothingInCommon, "{name}");
    }
}

#[tokio::test]
async fn sec_4_what_is_no_tls_or_does_not_trust_us_is_counted_as_that() {
    let mut desk = desk(ClientCertificates::Off).await;
    let rows: [(&str, &[u8]); 4] = [
        ("SIP in clear", b"OPTIONS sip:gateway SIP/2.0\r\n\r\n"),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n"),
        ("zeros", &[0; 64]),
        ("a record of no handshake", &[0x16, 3, 1, 0, 4, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (name, bytes) in rows {
        let mut stream = TcpStream::connect(desk.address).await.expect("connects");
        stream.write_all(bytes).await.expect("goes");
        assert_eq!(desk.refused().await, Failure::NotTls, "{name}");
    }
    drop(TcpStream::connect(desk.address).await.expect("connects"));
    assert_eq!(desk.refused().await, Failure::Closed);
    let mut distrustful = speaking(SslVersion::TLS1, "AES128-SHA");
    distrustful.set_verify(SslVerifyMode::PEER);
    connect(desk.address, &distrustful.build()).await.expect_err("it knows no authority");
    assert_eq!(desk.refused().await, Failure::Refused);
}

#[tokio::test]
async fn sec_4_who_is_not_allowed_is_closed_before_a_handshake() {
    let mut desk = desk(ClientCertificates::Off).await;
    desk.sides.send_replace(side("rsa", ClientCertificates::Off, "192.0.2.0/24"));
    let mut stream = TcpStream::connect(desk.address).await.expect("connects");
    assert_eq!(desk.refused().await, Failure::NotAllowed);
    assert_eq!(stream.read(&mut [0; 1]).await.expect("closed, and told nothing"), 0);
    desk.sides.send_replace(side("rsa", ClientCertificates::Off, "127.0.0.1/32"));
    let client = speaking(SslVersion::TLS1, "AES128-SHA").build();
    let _stream = connect(desk.address, &client).await.expect("a reload lets it in");
    desk.up().await;
}

#[tokio::test]
async fn sec_4_a_reload_shows_another_certificate_to_old_devices_and_touches_no_connection() {
    let mut desk = desk(ClientCertificates::Off).await;
    let client = speaking(SslVersion::TLS1, "AES128-SHA").build();
    let mut before = connect(desk.address, &client).await.expect("connects");
    let mut secured = desk.up().await;
    desk.sides.send_replace(side("renewed", ClientCertificates::Off, "127.0.0.0/8"));
    let after = connect(desk.address, &client).await.expect("connects");
    assert_eq!(shown(&after), testing::certificates(testing::RENEWED)[0]);
    is_still_there(&mut secured, &mut before).await;
}

#[tokio::test]
async fn sec_4_an_old_device_is_known_by_any_certificate_whose_key_it_has() {
    let mut desk = desk(ClientCertificates::Ask).await;
    let mut client = speaking(SslVersion::TLS1, "AES128-SHA");
    client.set_certificate(&X509::from_pem(DEVICE).expect("a certificate")).expect("taken");
    client.set_private_key(&PKey::private_key_from_pem(DEVICE_KEY).expect("a key")).expect("they fit");
    let _device = connect(desk.address, &client.build()).await.expect("connects");
    let presented = desk.up().await.presented.expect("shown");
    assert_eq!(presented, Presented::of(&testing::certificates(DEVICE)[0]));

    let nobody = speaking(SslVersion::TLS1, "AES128-SHA").build();
    let _nobody = connect(desk.address, &nobody).await.expect("connects");
    assert_eq!(desk.up().await.presented, None);

    desk.connect(showing(&TLS12, testing::RSA_KEY)).await.expect_err("the key is another's");
    assert_eq!(desk.refused().await, Failure::Certificate);
}

#[tokio::test]
async fn sec_4_no_octet_of_a_hello_makes_a_legacy_handshake_panic_or_hang() {
    let mut desk = desk(ClientCertificates::Ask).await;
    let hello = hello().await;
    for at in 0..hello.len() {
        for octet in [0x00, 0x7f, 0xff] {
            let mut changed = hello.clone();
            changed[at] = octet;
            let mut stream = TcpStream::connect(desk.address).await.expect("connects");
            // Who is refused at once may be gone before all of it went.
            stream.write_all(&changed).await.ok();
            drop(stream);
            assert!(matches!(desk.told.recv().await, Some(Told::Refused(_))), "{at}: {octet}");
        }
    }
}

#[tokio::test]
async fn sec_4_an_old_device_that_says_hello_and_no_more_is_given_up() {
    let (sides, watched) = watch::channel(side("rsa", ClientCertificates::Off, "127.0.0.0/8"));
    let bounds = Bounds { within: Duration::from_millis(50), ..Bounds::USUAL };
    let mut desk = Desk::behind(Arc::new(Legacy(watched)), sides, bounds).await;
    let mut stream = TcpStream::connect(desk.address).await.expect("connects");
    stream.write_all(&hello().await).await.expect("goes");
    assert_eq!(desk.refused().await, Failure::TimedOut);
    let mut answered = Vec::new();
    stream.read_to_end(&mut answered).await.expect("closed behind the answer");
    assert!(answered.starts_with(&[0x16, 3, 1]), "{answered:?}");
}

#[tokio::test]
async fn sec_4_nobody_is_connected_to_by_a_legacy_listener() {
    let desk = desk(ClientCertificates::Off).await;
    let stream = TcpStream::connect(desk.address).await.expect("connects");
    let connected = Legacy(desk.sides.subscribe()).connect(stream, desk.address).await;
    assert_eq!(connected.map(|_| ()), Err(Failure::NotAllowed));
}

/// A legacy listener of everybody on this machine.
async fn desk(asked: ClientCertificates) -> Desk<LegacySide> {
    let (sides, watched) = watch::channel(side("rsa", asked, "127.0.0.0/8"));
    Desk::behind(Arc::new(Legacy(watched)), sides, Bounds::USUAL).await
}

fn side(chain: &str, asked: ClientCertificates, allowed: &str) -> LegacySide {
    let allowed: IpNet = allowed.parse().expect("a network");
    LegacySide::new(&testing::identity(chain), asked, &[allowed]).expect("a side")
}

/// A device that speaks one version, and at first sight trusts everybody.
fn speaking(version: SslVersion, suites: &str) -> SslContextBuilder {
    let mut client = SslContextBuilder::new(SslMethod::tls_client()).expect("a client");
    client.set_security_level(0);
    client.set_min_proto_version(Some(version)).expect("a version");
    client.set_max_proto_version(Some(version)).expect("a version");
    client.set_cipher_list(suites).expect("suites");
    client.set_verify(SslVerifyMode::NONE);
    client
}

async fn connect(
    address: SocketAddr,
    client: &SslContext,
) -> Result<SslStream<TcpStream>, openssl::ssl::Error> {
    let stream = TcpStream::connect(address).await.expect("connects");
    let mut stream = SslStream::new(Ssl::new(client)?, stream)?;
    Pin::new(&mut stream).connect().await?;
    Ok(stream)
}

fn shown(stream: &SslStream<TcpStream>) -> CertificateDer<'static> {
    let certificate = stream.ssl().peer_certificate().expect("shown");
    CertificateDer::from(certificate.to_der().expect("X.509"))
}

/// What a device of TLS 1.0 says first.
async fn hello() -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let client = speaking(SslVersion::TLS1, "DEFAULT").build();
    let device = tokio::spawn(async move { connect(address, &client).await.map(drop) });
    let (mut stream, _) = listener.accept().await.expect("it came");
    let mut said = vec![0; 4_096];
    let length = stream.read(&mut said).await.expect("said");
    device.abort();
    said.truncate(length);
    said
}
