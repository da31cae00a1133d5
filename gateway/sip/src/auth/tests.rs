//! The vectors of the RFCs, and what becomes of each kind of credentials.

use super::{nonce::*, *};
use crate::wire::{
    self, Authorization, Header as _, Message, MessageWriter, Method, Request, Text, Uri, WwwAuthenticate,
};
use alloc::{format, string::String, vec::Vec};
use bytes::Bytes;
use core::{net::IpAddr, time::Duration};
use terms::{HashedPassword, time::Instant};

const START: Instant = Instant::from_nanos(5_000_000_000);
const FROM: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 20));
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn rfc7616_3_9_1_and_rfc2617_3_5_vectors() {
    let nonce: &[u8] = b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let counted: Option<(&[u8], &[u8])> =
        Some((b"00000001", b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"));
    let mufasa = hash_password("Mufasa", "http-auth@example.org", "Circle of Life");
    let old = hash_password("Mufasa", "testrealm@host.com", "Circle Of Life");
    let old_nonce: &[u8] = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
    let rows = [
        (
            "RFC 7616 §3.9.1, SHA-256",
            &mufasa,
            Answered {
                algorithm: Algorithm::Sha256,
                method: b"GET",
                uri: b"/dir/index.html",
                nonce,
                counted,
            },
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        (
            "RFC 7616 §3.9.1, MD5",
            &mufasa,
            Answered { algorithm: Algorithm::Md5, method: b"GET", uri: b"/dir/index.html", nonce, counted },
            "8ca523f5e9506fed4657c9700eebdbec",
        ),
        (
            "RFC 2617 §3.5",
            &old,
            Answered {
                algorithm: Algorithm::Md5,
                method: b"GET",
                uri: b"/dir/index.html",
                nonce: old_nonce,
                counted: Some((b"00000001", b"0a4f113b")),
            },
            "6629fae49393a05397450978507c4ef1",
        ),
        (
            "RFC 2069 §2.4 as its erratum has it, without qop",
            &hash_password("Mufasa", "testrealm@host.com", "CircleOfLife"),
            Answered {
                algorithm: Algorithm::Md5,
                method: b"GET",
                uri: b"/dir/index.html",
                nonce: old_nonce,
                counted: None,
            },
            "1949323746fe6a43ef61f9606e7febea",
        ),
    ];
    for (name, password, answered, expected) in rows {
        assert_eq!(answered.digest(password), expected, "{name}");
        assert!(answered.is(password, expected.to_uppercase().as_bytes()), "{name}: case of digits");
        let mut other = String::from(expected);
        other.replace_range(..1, if expected.starts_with('0') { "1" } else { "0" });
        assert!(!answered.is(password, other.as_bytes()), "{name}");
        assert!(!answered.is(password, &expected.as_bytes()[..8]), "{name}: a part of it");
    }
}

#[test]
fn rfc7616_3_4_headers_are_read_as_devices_write_them() {
    let read = |text: &str| Authorization::parse(Text::from(text).piece());
    let full = "Digest username=\"10\\\"01\", realm=\"a, b\", nonce=\"n\", uri=\"sip:gw\", response=\"abc\", \
                algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\", opaque=\"\", colour=blue";
    let shown = read(full).expect("sound");
    assert_eq!((shown.username.clone(), shown.realm.clone()), ("10\"01".into(), "a, b".into()));
    assert_eq!(
        (shown.qop.clone(), shown.nonce_count.clone()),
        (Some("auth".into()), Some("00000001".into()))
    );
    let mut out = bytes::BytesMut::new();
    shown.write(&mut out);
    assert_eq!(read(core::str::from_utf8(&out).expect("text")), Some(shown));
    for (name, text, is_read) in [
        (
            "quotes where none belong",
            "digest username=\"a\",realm=\"r\",nonce=\"n\",uri=\"u\",response=\"r\",qop=\"auth\"",
            true,
        ),
        ("spaces", "Digest  username = \"a\" , realm=\"r\",nonce=\"n\",uri=\"u\",response=\"r\" ,", true),
        ("another scheme", "Basic YWxhZGRpbjpvcGVuc2VzYW1l", false),
        ("no response", "Digest username=\"a\",realm=\"r\",nonce=\"n\",uri=\"u\"", false),
        ("an open quote", "Digest username=\"a,realm=\"r\",nonce=\"n\",uri=\"u\",response=\"r\"", false),
        ("no value", "Digest username,nonce=\"n\",uri=\"u\",response=\"r\"", false),
        ("nothing", "Digest ", false),
        ("a word", "Digest", false),
    ] {
        assert_eq!(read(text).is_some(), is_read, "{name}");
    }
}

/// A device that answers a challenge.
struct Device {
    username: &'static str,
    password: HashedPassword,
    count: u32,
}

impl Device {
    fn new() -> Self {
        Self { username: "1001", password: password(), count: 0 }
    }

    fn shown(&self, challenge: &WwwAuthenticate) -> Authorization {
        let count = format!("{:08x}", self.count);
        let answered = Answered {
            algorithm: Algorithm::named(challenge.algorithm.as_ref()).expect("ours"),
            method: b"REGISTER",
            uri: b"sip:gw.example.com",
            nonce: challenge.nonce.as_bytes(),
            counted: challenge.qop.as_ref().map(|_| (count.as_bytes(), b"device".as_slice())),
        };
        Authorization {
            username: self.username.into(),
            realm: challenge.realm.clone(),
            nonce: challenge.nonce.clone(),
            uri: "sip:gw.example.com".into(),
            response: answered.digest(&self.password),
            algorithm: challenge.algorithm.clone(),
            qop: challenge.qop.clone(),
            cnonce: challenge.qop.as_ref().map(|_| "device".into()),
            nonce_count: challenge.qop.as_ref().map(|_| count.into()),
            opaque: None,
        }
    }

    fn next(&mut self, challenge: &WwwAuthenticate) -> Authorization {
        self.count += 1;
        self.shown(challenge)
    }
}

fn password() -> HashedPassword {
    hash_password("1001", "gateway", "secret-1")
}

fn authenticator() -> Authenticator {
    Authenticator::new("gateway".into(), &[7; 32])
}

fn request(shown: &[Authorization]) -> Request {
    let uri = Uri::try_from("sip:gw.example.com").expect("a URI");
    let mut writer = MessageWriter::request(&Method::Register, &uri);
    for (name, value) in [
        ("Via", "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK1"),
        ("From", "<sip:1001@gw.example.com>;tag=1"),
        ("To", "<sip:1001@gw.example.com>"),
        ("Call-ID", "1"),
        ("CSeq", "1 REGISTER"),
    ] {
        writer.raw(&name.into(), &value.into());
    }
    for shown in shown {
        writer.header(shown);
    }
    read(writer.finish(None))
}

fn read(bytes: Bytes) -> Request {
    match wire::parse(bytes) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{other:?}"),
    }
}

/// What becomes of a request as a whole, in a word.
fn outcome(authenticator: &mut Authenticator, now: Instant, shown: &[Authorization]) -> String {
    match authenticator.look((now, FROM), &request(shown)) {
        Shown::Credentials(credentials) => {
            let password = (credentials.username() == "1001").then(password);
            format!("{:?}", authenticator.check(now, &credentials, password.as_ref()))
        }
        Shown::Nothing => "Nothing".into(),
        Shown::Malformed => "Malformed".into(),
        Shown::Stale(staleness) => format!("Stale({staleness:?})"),
    }
}

#[test]
fn rfc8760_2_3_both_algorithms_are_asked_for_the_better_first() {
    let mut authenticator = authenticator();
    let challenges = authenticator.challenges((START, FROM), None);
    let names: Vec<_> =
        challenges.iter().map(|challenge| challenge.algorithm.clone().expect("one")).collect();
    assert_eq!(names, ["SHA-256", "MD5"]);
    for challenge in &challenges {
        assert_eq!((challenge.qop.clone(), challenge.stale.clone()), (Some("auth".into()), None));
        // Counts are of the nonce, whatever the algorithm.
        let mut device =
            Device { count: u32::from(challenge.algorithm == Some("MD5".into())), ..Device::new() };
        assert_eq!(outcome(&mut authenticator, START, &[device.next(challenge)]), "Right");
    }
    let stale = authenticator.challenges((START, FROM), Some(Staleness::Old));
    assert!(stale.iter().all(|challenge| challenge.stale == Some("true".into())));
    // Old devices take fright at what they don't know.
    let of_sha256 = challenge(&mut authenticator, Algorithm::Sha256);
    authenticator.configure(&[Algorithm::Md5]);
    assert_eq!(authenticator.challenges((START, FROM), None).len(), 1);
    assert_eq!(outcome(&mut authenticator, START, &[Device::new().next(&of_sha256)]), "Malformed");
    let of_md5 = challenge(&mut authenticator, Algorithm::Md5);
    assert_eq!(outcome(&mut authenticator, START, &[Device::new().next(&of_md5)]), "Right");
}

fn challenge(authenticator: &mut Authenticator, algorithm: Algorithm) -> WwwAuthenticate {
    let mut challenges = authenticator.challenges((START, FROM), None).into_iter();
    challenges
        .find(|challenge| challenge.algorithm == Some(algorithm.as_str().into()))
        .expect("it is asked for")
}

/// Each row: what is shown, and what becomes of it.
#[test]
fn each_kind_of_credentials_and_what_becomes_of_it() {
    type Change = fn(&mut Authorization);
    let rows: [(&str, Change, &str); 20] = [
        ("as it should be", |_| {}, "Right"),
        ("a wrong digest", |shown| shown.response = "0".repeat(64).as_str().into(), "Wrong"),
        ("a digest of another length", |shown| shown.response = "00".into(), "Wrong"),
        ("nobody's name", |shown| shown.username = "1002".into(), "Wrong"),
        ("another case of the name", |shown| shown.username = "100I".into(), "Wrong"),
        ("another realm", |shown| shown.realm = "elsewhere".into(), "Nothing"),
        ("another case of the realm", |shown| shown.realm = "Gateway".into(), "Nothing"),
        ("a nonce of nobody", |shown| shown.nonce = "abc".into(), "Stale(Foreign)"),
        ("a nonce that was changed", |shown| shown.nonce = flipped(&shown.nonce), "Stale(Foreign)"),
        (
            "an algorithm that nobody asked for",
            |shown| shown.algorithm = Some("SHA-256-sess".into()),
            "Malformed",
        ),
        ("auth-int", |shown| shown.qop = Some("auth-int".into()), "Malformed"),
        ("no count", |shown| shown.nonce_count = None, "Malformed"),
        ("a count that is none", |shown| shown.nonce_count = Some("first".into()), "Malformed"),
        ("a count of zero", |shown| shown.nonce_count = Some("00000000".into()), "Malformed"),
        ("a count that is too long", |shown| shown.nonce_count = Some("000000001".into()), "Malformed"),
        ("no cnonce", |shown| shown.cnonce = None, "Malformed"),
        ("another cnonce", |shown| shown.cnonce = Some("other".into()), "Wrong"),
        ("about another URI", |shown| shown.uri = "sip:elsewhere.example.com".into(), "Malformed"),
        ("about another user", |shown| shown.uri = "sip:1001@gw.example.com".into(), "Malformed"),
        (
            "the port said, and so not the same digest",
            |shown| shown.uri = "sip:gw.example.com:5060".into(),
            "Wrong",
        ),
    ];
    for (name, change, expected) in rows {
        let mut authenticator = authenticator();
        let challenge = challenge(&mut authenticator, Algorithm::Sha256);
        let mut shown = Device::new().next(&challenge);
        change(&mut shown);
        assert_eq!(outcome(&mut authenticator, START, &[shown]), expected, "{name}");
    }
    assert_eq!(outcome(&mut authenticator(), START, &[]), "Nothing", "nothing is shown");
}

fn flipped(nonce: &Text) -> Text {
    let mut text = String::from(nonce.as_str().expect("text"));
    let first = if text.starts_with('0') { "1" } else { "0" };
    text.replace_range(..1, first);
    text.into()
}

#[test]
fn rfc3261_22_3_the_credentials_of_our_realm_are_found_among_others() {
    let mut authenticator = authenticator();
    let challenge = challenge(&mut authenticator, Algorithm::Md5);
    let ours = Device::new().next(&challenge);
    let other = Authorization { realm: "proxy".into(), ..ours.clone() };
    let unknown = Authorization { algorithm: Some("SHA-512-256".into()), ..ours.clone() };
    assert_eq!(outcome(&mut authenticator, START, &[other, unknown, ours]), "Right");
}

#[test]
fn room_1_a_count_serves_once_and_those_behind_it_may_come_late() {
    let mut authenticator = authenticator();
    let challenge = challenge(&mut authenticator, Algorithm::Sha256);
    let mut device = Device::new();
    let mut all = Vec::new();
    for _ in 0..70 {
        all.push(device.next(&challenge));
    }
    let mut of = |index: usize| outcome(&mut authenticator, START + SECOND, &[all[index].clone()]);
    for (index, expected) in [
        (0, "Right"),
        (0, "Stale(Replayed)"),
        (2, "Right"),
        (1, "Right"),
        (1, "Stale(Replayed)"),
        (69, "Right"),
        (2, "Stale(Replayed)"),
        // As far behind as the window reaches, and further.
        (6, "Right"),
        (6, "Stale(Replayed)"),
        (5, "Stale(Replayed)"),
    ] {
        assert_eq!(of(index), expected, "count {}", index + 1);
    }
}

#[test]
fn a_wrong_password_uses_up_no_count_of_the_right_one() {
    let mut authenticator = authenticator();
    let challenge = challenge(&mut authenticator, Algorithm::Sha256);
    let right = Device::new().next(&challenge);
    let forged = Authorization { response: "0".repeat(64).as_str().into(), ..right.clone() };
    assert_eq!(outcome(&mut authenticator, START, &[forged]), "Wrong");
    assert_eq!(outcome(&mut authenticator, START, &[right]), "Right");
}

#[test]
fn rfc2069_without_qop_a_nonce_serves_once() {
    let mut authenticator = authenticator();
    let mut challenge = challenge(&mut authenticator, Algorithm::Md5);
    challenge.qop = None;
    let shown = Device::new().next(&challenge);
    assert_eq!(outcome(&mut authenticator, START, core::slice::from_ref(&shown)), "Right");
    assert_eq!(outcome(&mut authenticator, START, &[shown]), "Stale(Replayed)");
}

#[test]
fn room_3_an_old_nonce_is_stale_whatever_came_with_it_and_so_is_one_of_another_start() {
    let mut authenticator = authenticator();
    let challenge = challenge(&mut authenticator, Algorithm::Sha256);
    let shown = Device::new().next(&challenge);
    let wrong = Authorization { response: "0".repeat(64).as_str().into(), ..shown.clone() };
    let last = (START + NONCE_LIFE).earlier_by(SECOND);
    assert_eq!(outcome(&mut authenticator, last, core::slice::from_ref(&wrong)), "Wrong");
    for shown in [&shown, &wrong] {
        assert_eq!(outcome(&mut authenticator, last + SECOND, core::slice::from_ref(shown)), "Stale(Old)");
    }
    let mut restarted = Authenticator::new("gateway".into(), &[8; 32]);
    assert_eq!(outcome(&mut restarted, START, core::slice::from_ref(&shown)), "Stale(Foreign)");
    let mut of_other_realm = Authenticator::new("other".into(), &[7; 32]);
    let moved = Authorization { realm: "other".into(), ..shown };
    assert_eq!(outcome(&mut of_other_realm, START, &[moved]), "Stale(Foreign)");
}

#[test]
fn room_3_a_lost_window_is_stale_and_no_replay_finds_its_nonce_good() {
    let mut nonces = Nonces::new(&[7; 32], &"gateway".into(), 3);
    let issued: Vec<Text> = (0..5).map(|_| nonces.issue((START, FROM))).collect();
    let spend = |nonces: &mut Nonces, index: usize| {
        let nonce = nonces.look((START, FROM), &issued[index], Use::Counted(1)).expect("it serves");
        nonces.spend(START, nonce, Use::Counted(1));
    };
    for index in [1, 2, 3, 4] {
        spend(&mut nonces, index);
    }
    // The second had to go; the first, which nobody had used, went with it: both look alike.
    for index in [0, 1] {
        assert_eq!(
            nonces.look((START, FROM), &issued[index], Use::Counted(1)),
            Err(Staleness::Lost),
            "{index}"
        );
        assert_eq!(
            nonces.look((START, FROM), &issued[index], Use::Counted(2)),
            Err(Staleness::Lost),
            "{index}"
        );
    }
    for index in [2, 3, 4] {
        assert_eq!(
            nonces.look((START, FROM), &issued[index], Use::Counted(1)),
            Err(Staleness::Replayed),
            "{index}"
        );
        assert!(nonces.look((START, FROM), &issued[index], Use::Counted(2)).is_ok(), "{index}");
    }
    // Those whose life is over make room without anybody's loss.
    let later = START + NONCE_LIFE + SECOND;
    let fresh = nonces.issue((later, FROM));
    let nonce = nonces.look((later, FROM), &fresh, Use::Once).expect("it serves");
    nonces.spend(later, nonce, Use::Once);
    assert_eq!(nonces.look((later, FROM), &fresh, Use::Once), Err(Staleness::Replayed));
    assert_eq!(nonces.look((later, FROM), &fresh, Use::Counted(1)), Err(Staleness::Replayed));
    assert_eq!(nonces.windows(), 1);
}

#[test]
fn room_1_a_nonce_is_spent_once_even_while_two_passwords_are_looked_up() {
    let mut authenticator = authenticator();
    let challenge = challenge(&mut authenticator, Algorithm::Sha256);
    let request = request(&[Device::new().next(&challenge)]);
    let both = [(); 2].map(|()| authenticator.look((START, FROM), &request));
    let [Shown::Credentials(first), Shown::Credentials(second)] = both else { panic!("{both:?}") };
    assert_eq!(authenticator.check(START, &first, Some(&password())), Verdict::Right);
    assert_eq!(authenticator.check(START, &second, Some(&password())), Verdict::Stale(Staleness::Replayed));
}

#[test]
fn sec_2_a_nonce_is_good_from_the_address_that_got_it_alone() {
    let mut authenticator = authenticator();
    let challenge = challenge(&mut authenticator, Algorithm::Sha256);
    let request = request(&[Device::new().next(&challenge)]);
    for other in ["192.0.2.21", "::ffff:192.0.2.21", "2001:db8::1"] {
        let shown = authenticator.look((START, other.parse().expect("an address")), &request);
        assert_eq!(shown, Shown::Stale(Staleness::Foreign), "{other}");
    }
    let mapped: IpAddr = "::ffff:192.0.2.20".parse().expect("an address");
    assert!(matches!(authenticator.look((START, mapped), &request), Shown::Credentials(_)));
}
