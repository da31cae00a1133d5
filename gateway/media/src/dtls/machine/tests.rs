//! Against OpenSSL as others set it up.

use std::time::Duration;

use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::Private,
    rsa::Rsa,
    x509::{X509Builder, X509NameBuilder},
};
use terms::Instant;

use super::*;
use crate::{dtls::tests::library_time, identity::certified};

const TICK: Duration = Duration::from_millis(20);
const ROLES: [DtlsRole; 2] = [DtlsRole::Active, DtlsRole::Passive];
const BEST: (SrtpSuite, usize) = (SrtpSuite::Aes256Gcm, 88);

#[test]
fn media_2_peers_with_certificates_of_each_kind_get_keys_whoever_begins() {
    let kinds = [
        ("RSA", rsa(2_048)),
        ("RSA of long ago", rsa(1_024)),
        ("P-256", ec(Nid::X9_62_PRIME256V1)),
        ("P-384", ec(Nid::SECP384R1)),
    ];
    for (kind, key) in kinds {
        for role in ROLES {
            let certificate = certificate(&key);
            let mut pair = Pair::new(role, &context(Some((&certificate, &key)), PROFILES));
            pair.run(Duration::from_secs(1), 0);
            let [ours, theirs] = &pair.told;
            let shown = certificate.to_der().expect("a certificate");
            assert_eq!(ours.certificate.as_ref(), Some(&shown), "{kind} {role:?}");
            assert_eq!(theirs.certificate.as_ref(), Some(&our_certificate().0), "{kind} {role:?}");
            let (suite, material) = ours.keys.as_ref().expect(kind);
            assert_eq!((*suite, material.len()), BEST, "{kind} {role:?}");
            assert!(ours.keys == theirs.keys && !ours.has_given_up, "{kind} {role:?}");
        }
    }
}

#[test]
fn rfc5764_4_1_2_the_profile_is_one_that_both_have_or_there_are_no_keys() {
    let (key, rows) = (
        rsa(2_048),
        [
            ("SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM", Some(SrtpSuite::Aes256Gcm)),
            ("SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", Some(SrtpSuite::Aes128Gcm)),
            ("SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80", Some(SrtpSuite::Aes128CmSha1Tag80)),
            ("SRTP_AES128_CM_SHA1_32", None),
        ],
    );
    let certificate = certificate(&key);
    for (profiles, expected) in rows {
        let mut pair = Pair::new(DtlsRole::Passive, &context(Some((&certificate, &key)), profiles));
        pair.run(Duration::from_secs(1), 0);
        let [ours, _] = &pair.told;
        assert_eq!(ours.keys.as_ref().map(|(suite, _)| *suite), expected, "{profiles}");
        assert_eq!(ours.has_given_up, expected.is_none(), "{profiles}");
    }
}

#[test]
fn rfc5763_5_who_shows_no_certificate_gets_no_keys() {
    let mut pair = Pair::new(DtlsRole::Passive, &context(None, PROFILES));
    pair.run(Duration::from_secs(1), 0);
    let [ours, _] = &pair.told;
    assert!(ours.has_given_up && ours.keys.is_none() && ours.certificate.is_none());
}

#[test]
fn rfc6347_4_2_4_a_flight_that_is_lost_is_sent_again_in_time() {
    let key = rsa(2_048);
    let certificate = certificate(&key);
    for role in ROLES {
        let mut pair = Pair::new(role, &context(Some((&certificate, &key)), PROFILES));
        pair.run(Duration::from_millis(380), usize::MAX);
        assert!(pair.told.iter().all(|told| told.keys.is_none()), "{role:?}");
        pair.run(Duration::from_millis(300), 0);
        assert!(pair.told.iter().all(|told| told.keys.is_some()), "{role:?}");
    }
}

#[test]
fn rfc6347_4_2_4_a_last_flight_that_was_lost_is_sent_again_when_the_peer_repeats_its_own() {
    let key = rsa(2_048);
    let certificate = certificate(&key);
    let mut pair = Pair::new(DtlsRole::Passive, &context(Some((&certificate, &key)), PROFILES));
    while pair.told[1].certificate.is_none() {
        pair.tick(0);
    }
    pair.run(Duration::from_millis(900), usize::MAX);
    assert!(pair.told[0].keys.is_some() && pair.told[1].keys.is_none());
    pair.run(Duration::from_secs(2), 0);
    assert_eq!(pair.told[1].keys, pair.told[0].keys);
}

#[test]
fn rfc6347_4_2_1_a_hello_in_the_peers_name_does_not_take_its_place() {
    let key = rsa(2_048);
    let certificate = certificate(&key);
    let context = context(Some((&certificate, &key)), PROFILES);
    let mut pair = Pair::new(DtlsRole::Passive, &context);
    let mut other = Machine::begin(&context, DtlsRole::Active);
    other.handle_timeout();
    let Some(Output::Datagram(hello)) = other.poll_output() else { panic!("it begins") };
    pair.ours.handle_datagram(&hello);
    assert!(matches!(pair.ours.poll_output(), Some(Output::Datagram(_))), "it is answered");
    while pair.ours.poll_output().is_some() {}
    pair.run(Duration::from_secs(1), 0);
    assert!(pair.told.iter().all(|told| told.keys.is_some()));
}

#[derive(Default)]
struct Told {
    certificate: Option<Vec<u8>>,
    keys: Option<(SrtpSuite, Vec<u8>)>,
    has_given_up: bool,
}

/// Ours, and a peer's.
struct Pair {
    now: Instant,
    ours: Machine,
    theirs: Machine,
    told: [Told; 2],
}

impl Pair {
    fn new(role: DtlsRole, context: &Context) -> Self {
        let other = match role {
            DtlsRole::Active => DtlsRole::Passive,
            DtlsRole::Passive => DtlsRole::Active,
        };
        let now = Instant::ZERO + Duration::from_secs(1);
        library_time::set(now);
        let (certificate, key) = our_certificate();
        let ours = Context::of(&certificate, &key).expect("a context");
        let (ours, theirs) = (Machine::begin(&ours, role), Machine::begin(context, other));
        Self { now, ours, theirs, told: Default::default() }
    }

    /// Carries what each says to the other for so long, but for the first datagrams of ours.
    fn run(&mut self, duration: Duration, mut lost: usize) {
        let until = self.now + duration;
        while self.now < until {
            lost -= self.tick(lost);
        }
    }

    /// Yields how many datagrams of ours were lost, which are at most so many.
    fn tick(&mut self, lost: usize) -> usize {
        self.now += TICK;
        library_time::set(self.now);
        self.ours.handle_timeout();
        self.theirs.handle_timeout();
        let [of_ours, of_theirs] = &mut self.told;
        let said = drain(&mut self.ours, of_ours);
        let heard = drain(&mut self.theirs, of_theirs);
        let lost = lost.min(said.len());
        for datagram in said.iter().skip(lost) {
            assert!(datagram.len() <= 1_200, "RFC 6347 §4.1.1.1");
            self.theirs.handle_datagram(datagram);
        }
        for datagram in &heard {
            self.ours.handle_datagram(datagram);
        }
        lost
    }
}

fn drain(machine: &mut Machine, told: &mut Told) -> Vec<Vec<u8>> {
    let mut said = Vec::new();
    while let Some(output) = machine.poll_output() {
        match output {
            Output::Datagram(datagram) => said.push(datagram),
            Output::Certificate(certificate) => told.certificate = Some(certificate),
            Output::Keys(suite, material) => told.keys = Some((suite, material)),
            Output::GivenUp => told.has_given_up = true,
        }
    }
    said
}

fn our_certificate() -> (Vec<u8>, Vec<u8>) {
    certified(&[1; 32]).expect("a key")
}

/// Of a peer that leaves all but this as OpenSSL has it.
fn context(shown: Option<(&X509, &PKey<Private>)>, profiles: &str) -> Context {
    let mut builder = SslContextBuilder::new(SslMethod::dtls()).expect("a context");
    builder.set_security_level(0);
    builder.set_tlsext_use_srtp(profiles).expect("profiles");
    builder.set_options(SslOptions::NO_QUERY_MTU);
    builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    if let Some((certificate, key)) = shown {
        builder.set_certificate(certificate).expect("a certificate");
        builder.set_private_key(key).expect("its key");
    }
    Context(builder.build())
}

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).expect("a key")).expect("a key")
}

fn ec(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).expect("a curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

/// Self-signed, as an endpoint makes one.
fn certificate(key: &PKey<Private>) -> X509 {
    let made = || {
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_text("CN", "peer")?;
        let name = name.build();
        let mut builder = X509Builder::new()?;
        builder.set_version(2)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
        builder.set_not_after(&*Asn1Time::days_from_now(1)?)?;
        builder.set_pubkey(key)?;
        builder.sign(key, MessageDigest::sha256())?;
        Ok::<_, ErrorStack>(builder.build())
    };
    made().expect("a certificate")
}
