//! DTLS-SRTP of a phone (RFC 5763): the handshake by dimpl, which the gateway is not made of, packets by `rtp::srtp`.

use std::{
    sync::{Arc, LazyLock},
    time::{self, Duration},
};

use dimpl::{Config, DtlsCertificate, Output, SrtpProfile};
use rtp::srtp::{Inbound, MAX_OVERHEAD, Outbound};
use sdp::{LocalDtls, SessionDescription};
use terms::{
    Instant,
    media::{DtlsRole, DtlsTerms, Fingerprint, MasterKey, SrtpKey, SrtpSuite, Ssrc},
};

const MAX_RECORD: usize = 2_048;

/// What a phone's offers say of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// It begins.
    Active,
    /// It waits.
    Passive,
    /// The other end may choose.
    ActPass,
}

/// Whose fingerprint a phone's offers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// That of the certificate that it shows.
    ItsOwn,
    /// That of another.
    Another,
}

/// A phone's handshake and what came of it.
pub(super) struct Armor {
    certificate: DtlsCertificate,
    told: Fingerprint,
    setup: Setup,
    shaking: Option<Shaking>,
    handshakes: usize,
}

struct Shaking {
    terms: DtlsTerms,
    machine: dimpl::Dtls,
    /// Whether the certificate that it was shown is the one that it was told of.
    shown: bool,
    ssrc: Ssrc,
    keys: Option<(Inbound, Outbound)>,
}

impl Armor {
    pub(super) fn new(setup: Setup, told: Told) -> Self {
        let (certificate, another) = (certificate(), certificate());
        let told = match told {
            Told::ItsOwn => media::fingerprint(&certificate.certificate),
            Told::Another => media::fingerprint(&another.certificate),
        };
        Self { certificate, told, setup, shaking: None, handshakes: 0 }
    }

    pub(super) const fn handshakes(&self) -> usize {
        self.handshakes
    }

    /// The offer of one line, encrypted.
    pub(super) fn offer(&self, clear: &SessionDescription) -> SessionDescription {
        let setup = match self.setup {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
        };
        let mut text = clear.print().replace("RTP/AVP", "UDP/TLS/RTP/SAVP");
        text.push_str(&format!("a=fingerprint:{}\r\na=setup:{setup}\r\na=rtcp-mux\r\n", self.told));
        SessionDescription::parse(text.as_bytes()).expect("it parses")
    }

    /// Its side of an answer.
    pub(super) fn local(&self) -> LocalDtls {
        let role = match self.setup {
            Setup::Active | Setup::ActPass => DtlsRole::Active,
            Setup::Passive => DtlsRole::Passive,
        };
        LocalDtls { fingerprint: self.told.clone(), role: Some(role) }
    }

    /// What both agreed on, at first and again.
    pub(super) fn agree(&mut self, now: Instant, terms: &DtlsTerms, ssrc: Ssrc) -> Vec<Vec<u8>> {
        if self.shaking.as_ref().is_none_or(|shaking| shaking.terms != *terms) {
            let (terms, machine) = (terms.clone(), machine(now, terms.role, self.certificate.clone()));
            self.handshakes += 1;
            self.shaking = Some(Shaking { terms, machine, shown: false, ssrc, keys: None });
        }
        self.wait(now)
    }

    pub(super) fn wait(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let Some(shaking) = &mut self.shaking else { return Vec::new() };
        // One that was given up has nothing more to say.
        shaking.machine.handle_timeout(dimpl_time(now)).ok();
        shaking.listen()
    }

    pub(super) fn hear(&mut self, record: &[u8]) -> Vec<Vec<u8>> {
        let Some(shaking) = &mut self.shaking else { return Vec::new() };
        shaking.machine.handle_packet(record).ok();
        shaking.listen()
    }

    /// A packet as it goes out; nothing as long as there are no keys.
    pub(super) fn seal(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (_, outbound) = self.shaking.as_mut()?.keys.as_mut()?;
        let mut bytes = packet.to_vec();
        bytes.resize(packet.len() + MAX_OVERHEAD, 0);
        let length = outbound.protect_rtp(&mut bytes, packet.len()).expect("an index of its own");
        bytes.truncate(length);
        Some(bytes)
    }

    /// A packet as it can be read; none before the last of the handshake came, which may be on its way again. Under keys
    /// nothing comes that can't be read.
    pub(super) fn open(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (inbound, _) = self.shaking.as_mut()?.keys.as_mut()?;
        let mut bytes = packet.to_vec();
        let opened = match rtp::classify(packet) {
            rtp::Datagram::Rtcp => inbound.unprotect_rtcp(&mut bytes),
            _ => inbound.unprotect_rtp(&mut bytes),
        };
        bytes.truncate(opened.expect("the gateway encrypts under the keys of the handshake"));
        Some(bytes)
    }
}

impl Shaking {
    fn listen(&mut self) -> Vec<Vec<u8>> {
        let mut said = Vec::new();
        let mut room = vec![0; MAX_RECORD];
        loop {
            match self.machine.poll_output(&mut room) {
                Output::Packet(record) => said.push(record.to_vec()),
                Output::PeerCert(certificate) => {
                    self.shown = self.terms.theirs.contains(&media::fingerprint(certificate));
                }
                Output::KeyingMaterial(material, profile) => {
                    assert!(self.shown, "the gateway shows the certificate that it told of");
                    let keys = keys(&material, profile, self.terms.role);
                    self.keys = Some((Inbound::new(&keys.1), Outbound::new(&keys.0, self.ssrc)));
                }
                Output::Timeout(_) => return said,
                _ => {}
            }
        }
    }
}

fn certificate() -> DtlsCertificate {
    let made = rcgen::generate_simple_self_signed(["phone".to_owned()]).expect("a certificate");
    DtlsCertificate { certificate: made.cert.der().to_vec(), private_key: made.signing_key.serialize_der() }
}

fn machine(now: Instant, role: DtlsRole, certificate: DtlsCertificate) -> dimpl::Dtls {
    let config = Config::builder()
        .require_client_certificate(true)
        .flight_start_rto(Duration::from_millis(400))
        .flight_retries(6)
        .with_crypto_provider(dimpl::crypto::rust_crypto::default_provider())
        .build()
        .expect("a configuration");
    let mut machine = dimpl::Dtls::new_auto(Arc::new(config), certificate, dimpl_time(now));
    machine.set_active(role == DtlsRole::Active);
    machine
}

/// dimpl has the standard library's time, and is told it.
fn dimpl_time(now: Instant) -> time::Instant {
    static ZERO: LazyLock<time::Instant> = LazyLock::new(time::Instant::now);
    *ZERO + Duration::from_nanos(now.as_nanos())
}

/// RFC 5764 §4.2: what is sent under, and received.
fn keys(material: &[u8], profile: SrtpProfile, role: DtlsRole) -> (SrtpKey, SrtpKey) {
    let suite = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => SrtpSuite::Aes128CmSha1Tag80,
        SrtpProfile::AEAD_AES_128_GCM => SrtpSuite::Aes128Gcm,
        _ => SrtpSuite::Aes256Gcm,
    };
    let (key, salt) = (suite.key_len(), suite.salt_len());
    let cut = |at: usize| {
        let octets = [&material[at * key..][..key], &material[2 * key + at * salt..][..salt]].concat();
        SrtpKey { suite, master: MasterKey::new(suite, octets).expect("it fits"), mki: None }
    };
    match role {
        DtlsRole::Active => (cut(0), cut(1)),
        DtlsRole::Passive => (cut(1), cut(0)),
    }
}
