#[path = "../../../../tests/src/library_time.rs"]
pub(crate) mod library_time;

use std::{collections::VecDeque, sync::LazyLock, time};

use dimpl::{Config, DtlsCertificate, SrtpProfile};
use terms::{
    Direction,
    media::{Codec, Fingerprint, FingerprintHash, Format, OpusWish, PayloadType, Ptime},
};

use super::*;
use crate::identity::{certified, fingerprint};

const PEER: &str = "192.0.2.1:4000";
const STRANGER: &str = "192.0.2.66:4000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(crate) fn identity(octet: u8) -> Arc<Identity> {
    Arc::new(Identity::of(&[octet; 32]).expect("a key"))
}

/// The other end: dimpl, which is not what we are made of.
pub(crate) struct Peer {
    certificate: Vec<u8>,
    machine: dimpl::Dtls,
    role: DtlsRole,
    /// What it has to say.
    pub(crate) says: VecDeque<Vec<u8>>,
    pub(crate) keys: Option<SrtpKeys>,
    /// What the certificate that it was shown is known by.
    pub(crate) shown: Option<Fingerprint>,
}

impl Peer {
    /// One that plays the other role, with a certificate of its own.
    pub(crate) fn of(now: Instant, octet: u8, ours: DtlsRole) -> Self {
        let role = other(ours);
        let (certificate, private_key) = certified(&[octet; 32]).expect("a key");
        let shown = DtlsCertificate { certificate: certificate.clone(), private_key };
        let config = Config::builder()
            .require_client_certificate(true)
            .flight_start_rto(Duration::from_millis(400))
            .flight_retries(6)
            .with_crypto_provider(dimpl::crypto::rust_crypto::default_provider())
            .build()
            .expect("a configuration");
        let mut machine = dimpl::Dtls::new_auto(Arc::new(config), shown, dimpl_time(now));
        machine.set_active(role == DtlsRole::Active);
        let (says, keys, shown) = (VecDeque::new(), None, None);
        let mut peer = Self { certificate, machine, role, says, keys, shown };
        peer.wait(now);
        peer
    }

    pub(crate) fn terms(&self, ours: DtlsRole) -> DtlsTerms {
        DtlsTerms { role: ours, theirs: vec![fingerprint(&self.certificate)] }
    }

    pub(crate) fn wait(&mut self, now: Instant) {
        self.machine.handle_timeout(dimpl_time(now)).expect("nothing breaks");
        self.listen();
    }

    pub(crate) fn hear(&mut self, record: &[u8]) {
        // What comes of another handshake it may refuse.
        self.machine.handle_packet(record).ok();
        self.listen();
    }

    fn listen(&mut self) {
        let mut room = vec![0; MAX_RECORD];
        loop {
            match self.machine.poll_output(&mut room) {
                dimpl::Output::Packet(record) => self.says.push_back(record.to_vec()),
                dimpl::Output::PeerCert(certificate) => {
                    self.shown = Some(fingerprint_of(certificate, FingerprintHash::Sha256));
                }
                dimpl::Output::KeyingMaterial(material, profile) => {
                    self.keys = keys_of(&material, suite(profile), self.role);
                }
                dimpl::Output::Timeout(_) => return,
                _ => {}
            }
        }
    }
}

const fn other(role: DtlsRole) -> DtlsRole {
    match role {
        DtlsRole::Active => DtlsRole::Passive,
        DtlsRole::Passive => DtlsRole::Active,
    }
}

fn suite(profile: SrtpProfile) -> SrtpSuite {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => SrtpSuite::Aes128CmSha1Tag80,
        SrtpProfile::AEAD_AES_128_GCM => SrtpSuite::Aes128Gcm,
        _ => SrtpSuite::Aes256Gcm,
    }
}

/// dimpl has the standard library's time, and is told it.
fn dimpl_time(now: Instant) -> time::Instant {
    static ZERO: LazyLock<time::Instant> = LazyLock::new(time::Instant::now);
    *ZERO + Duration::from_nanos(now.as_nanos())
}

fn stream(path: RtcpPath) -> Stream {
    let format = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
    Stream {
        remote: address(PEER),
        remote_rtcp: address(PEER),
        direction: Direction::SendReceive,
        send: format,
        ptime: Ptime::MS_20,
        receive: vec![format],
        receive_events: None,
        send_events: None,
        comfort_noise: None,
        opus: OpusWish::default(),
        rtcp: path,
        srtp: None,
        dtls: None,
        ice: None,
    }
}

/// What of records gets to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    All,
    ThreeOfFour,
}

struct Pair {
    now: Instant,
    ours: Dtls,
    peer: Peer,
    expected: SocketAddr,
}

impl Pair {
    fn new(role: DtlsRole, told: Option<Fingerprint>) -> Self {
        let now = Instant::ZERO + Duration::from_secs(5);
        let peer = Peer::of(now, 2, role);
        let mut terms = peer.terms(role);
        if let Some(told) = told {
            terms.theirs = vec![told];
        }
        let ours = Dtls::new(now, &stream(RtcpPath::Muxed), &terms, &identity(1));
        Self { now, ours, peer, expected: address(PEER) }
    }

    /// Passes what each says to the other until something becomes of it.
    fn shake(&mut self, source: &str, carried: Carried) -> Result<Became, Rejected> {
        let mut counted = 0_usize;
        for _ in 0..800 {
            library_time::set(self.now);
            let mut said = Vec::new();
            let became = self.ours.on_time(self.now, Channel::Rtp, |record| said.push(record.to_vec()));
            if became != Became::Nothing {
                return Ok(became);
            }
            while let Some(record) = self.peer.says.pop_front() {
                counted += 1;
                if carried == Carried::ThreeOfFour && counted.is_multiple_of(4) {
                    continue;
                }
                let source = (address(source), self.expected);
                let came = (self.now, Channel::Rtp);
                let became =
                    self.ours.on_record(came, source, &record, |record| said.push(record.to_vec()))?;
                if became != Became::Nothing {
                    for record in said {
                        self.peer.hear(&record);
                    }
                    return Ok(became);
                }
            }
            for record in said {
                counted += 1;
                if carried == Carried::All || !counted.is_multiple_of(4) {
                    self.peer.hear(&record);
                }
            }
            self.now += Duration::from_millis(20);
            self.peer.wait(self.now);
        }
        Ok(Became::Nothing)
    }
}

#[test]
fn rfc5764_4_2_both_sides_have_the_same_keys_whoever_begins_and_whatever_is_lost() {
    for role in [DtlsRole::Active, DtlsRole::Passive] {
        for carried in [Carried::All, Carried::ThreeOfFour] {
            let mut pair = Pair::new(role, None);
            let became = pair.shake(PEER, carried);
            let Ok(Became::Keyed(keys)) = became else { panic!("{role:?} {carried:?}: {became:?}") };
            let theirs = pair.peer.keys.as_ref();
            let Some(theirs) = theirs else { continue };
            assert_eq!((&keys.send, &keys.receive), (&theirs.receive, &theirs.send), "{role:?}");
            assert_ne!(keys.send.master, keys.receive.master);
            assert_eq!(keys.send.suite, SrtpSuite::Aes256Gcm, "the best that both have");
            assert_eq!(pair.peer.shown.as_ref(), Some(identity(1).fingerprint()));
        }
    }
}

#[test]
fn rfc5763_5_another_certificate_gives_no_keys() {
    for role in [DtlsRole::Active, DtlsRole::Passive] {
        let mut pair = Pair::new(role, Some(identity(9).fingerprint().clone()));
        let became = pair.shake(PEER, Carried::All);
        assert_eq!(became, Ok(Became::Failed(DtlsFault::WrongCertificate)), "{role:?}");
        assert_eq!(pair.ours.on_time(pair.now, Channel::Rtp, |_| panic!("it is over")), Became::Nothing);
    }
}

#[test]
fn media_2_who_does_not_come_is_waited_for_no_longer_than_is_said() {
    for role in [DtlsRole::Active, DtlsRole::Passive] {
        let mut pair = Pair::new(role, None);
        let begin = pair.now;
        let mut sent = 0;
        let became = loop {
            pair.now += Duration::from_millis(20);
            library_time::set(pair.now);
            match pair.ours.on_time(pair.now, Channel::Rtp, |_| sent += 1) {
                Became::Nothing if pair.now.since(begin) < Duration::from_secs(60) => {}
                became => break became,
            }
        };
        assert_eq!(became, Became::Failed(DtlsFault::NoHandshake), "{role:?}");
        assert_eq!(pair.now.since(begin), LONGEST);
        assert!(
            if role == DtlsRole::Active { (4..20).contains(&sent) } else { sent == 0 },
            "{role:?} {sent}"
        );
    }
}

#[test]
fn iso_2_a_stranger_who_shakes_hands_first_is_given_up_for_the_peer() {
    let mut pair = Pair::new(DtlsRole::Passive, None);
    let mut stranger = Peer::of(pair.now, 3, DtlsRole::Passive);
    std::mem::swap(&mut pair.peer, &mut stranger);
    let refused = pair.shake(STRANGER, Carried::All);
    assert_eq!(refused, Err(Rejected::Foreign), "its certificate is nobody's");
    let hello = Peer::of(pair.now, 3, DtlsRole::Passive).says.pop_front().expect("a hello");
    let source = (address(STRANGER), address(PEER));
    let soon = pair.ours.on_record((pair.now, Channel::Rtp), source, &hello, |_| panic!("a stranger"));
    assert_eq!(soon, Err(Rejected::Foreign), "it costs no more of our time than this");
    pair.now += PAUSE;
    assert_eq!(pair.ours.on_record((pair.now, Channel::Rtp), source, &hello, |_| {}), Ok(Became::Nothing));
    std::mem::swap(&mut pair.peer, &mut stranger);
    let became = pair.shake(PEER, Carried::All);
    assert!(matches!(became, Ok(Became::Keyed(_))), "{became:?}");
    let again = pair.ours.on_record((pair.now, Channel::Rtp), source, &hello, |_| panic!("a stranger"));
    assert_eq!(again, Err(Rejected::Foreign));
}

#[test]
fn rfc6347_4_1_2_7_noise_in_the_peers_name_ends_nothing() {
    for role in [DtlsRole::Active, DtlsRole::Passive] {
        let mut pair = Pair::new(role, None);
        let source = (address(PEER), address(PEER));
        let hello = Peer::of(pair.now, 2, DtlsRole::Passive).says.pop_front().expect("a hello");
        for at in 0..hello.len() {
            let mut bent = hello.clone();
            bent[at] ^= 0xff;
            for record in [&bent, &hello[..at].to_vec(), &vec![0x16; at], &vec![0x15; at]] {
                let became = pair.ours.on_record((pair.now, Channel::Rtp), source, record, |_| {});
                let is_nothing = matches!(became, Ok(Became::Nothing) | Err(Rejected::Malformed));
                assert!(is_nothing, "{role:?} {at}: {became:?}");
            }
        }
        let long = vec![0x16; MAX_RECORD + 1];
        let became = pair.ours.on_record((pair.now, Channel::Rtp), source, &long, |_| {});
        assert_eq!(became, Err(Rejected::Malformed));
        pair.now += Duration::from_secs(1);
        pair.peer = Peer::of(pair.now, 2, role);
        let became = pair.shake(PEER, Carried::All);
        assert!(matches!(became, Ok(Became::Keyed(_))), "{role:?} {became:?}");
    }
}

#[test]
fn rfc6347_4_2_4_the_last_flight_is_repeated_for_a_while_and_then_the_library_is_let_go() {
    let mut pair = Pair::new(DtlsRole::Passive, None);
    assert!(matches!(pair.shake(PEER, Carried::All), Ok(Became::Keyed(_))));
    assert!(matches!(pair.ours.rtp.stage, Stage::Keyed { .. }));
    pair.now += KEPT;
    assert_eq!(pair.ours.on_time(pair.now, Channel::Rtp, |_| {}), Became::Nothing);
    assert!(matches!(pair.ours.rtp.stage, Stage::Kept));
    let source = (address(PEER), address(PEER));
    let mut record = [0x16; 64];
    record[1..13].copy_from_slice(&[0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 51]);
    let became = pair.ours.on_record((pair.now, Channel::Rtp), source, &record, |_| panic!("too late"));
    assert_eq!(became, Ok(Became::Nothing));
}

#[test]
fn rfc5764_4_1_rtcp_by_itself_has_a_handshake_of_its_own() {
    let now = Instant::ZERO;
    let peer = Peer::of(now, 2, DtlsRole::Passive);
    let terms = peer.terms(DtlsRole::Passive);
    let mut muxed = Dtls::new(now, &stream(RtcpPath::Muxed), &terms, &identity(1));
    let source = (address(PEER), address(PEER));
    assert_eq!(muxed.on_record((now, Channel::Rtcp), source, &[0x16; 20], |_| {}), Err(Rejected::Malformed));
    assert!(muxed.rtcp_srtp().is_none());
    let mut apart = Dtls::new(now, &stream(RtcpPath::Apart), &terms, &identity(1));
    assert!(apart.rtcp_srtp().is_some_and(|srtp| srtp.is_awaiting()));
    assert!(muxed.stands(&terms) && apart.stands(&terms));
    assert!(muxed.rtcp_srtp().is_none());
    muxed.follow(Instant::ZERO, RtcpPath::Apart);
    assert!(muxed.rtcp_srtp().is_some_and(|srtp| srtp.is_awaiting()), "RTCP shakes hands by itself now");
    let other = DtlsTerms { theirs: vec![identity(3).fingerprint().clone()], ..terms };
    assert!(!apart.stands(&other));
}
