//! Encrypted legs (MEDIA-2).

use terms::media::{DtlsRole, DtlsTerms, Encryption, Fingerprint, FingerprintHash, Secrecy, SrtpKeys};

use super::*;

/// Octets of a key of the 128-bit suites, in base64.
const ONE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const TWO: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

const SERIAL: u64 = 7;

fn offering(protocol: &str, key: Option<&str>) -> Request {
    let crypto = key.map(|key| format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"));
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 {protocol} 8\r\n{}",
        crypto.unwrap_or_default()
    );
    let text = format!(
        "INVITE sip:9001@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
         From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:9001@192.0.2.100>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:a@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    match wire::parse(Bytes::from(text)) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{other:?}"),
    }
}

fn certificate() -> Fingerprint {
    Fingerprint::new(FingerprintHash::Sha256, vec![0xcc; 32]).expect("it fits")
}

/// Legs that can shake hands.
fn certified(trunk: crate::Trunk) -> SipLegs {
    let mut legs = legs(trunk);
    legs.keys = KeySource::from_seed([1; 32]).with_certificate(certificate());
    legs
}

fn arrive(encryption: Encryption, request: Request) -> (SipLegs, Vec<Output>) {
    arrive_at(certified(crate::Trunk { encryption, ..trunk() }), request)
}

fn arrive_at(mut legs: SipLegs, request: Request) -> (SipLegs, Vec<Output>) {
    let source = "192.0.2.1:5060".parse().expect("an address");
    let dialog = DialogId::outgoing(SERIAL);
    let invited = Event::Invited(Box::new(Invited { dialog, listener: ListenerId(0), source, request }));
    legs.handle_input(terms::Instant::ZERO, Input::Sip(invited));
    let said = std::iter::from_fn(|| legs.poll_output()).collect();
    (legs, said)
}

/// What was agreed on, if anything was.
fn agreed(legs: &mut SipLegs, input: Input) -> Option<(Option<SrtpKeys>, Secrecy)> {
    legs.handle_input(terms::Instant::ZERO, input);
    std::iter::from_fn(|| legs.poll_output()).find_map(|output| match output {
        Output::Call(_, LegEvent::Negotiated { stream, secrecy, .. }) => {
            Some((stream.srtp.map(|keys| *keys), secrecy))
        }
        _ => None,
    })
}

fn answer() -> Input {
    let address = |port| std::net::SocketAddr::from(([192, 0, 2, 100], port));
    let audio = LocalMedia { rtp: address(10_000), rtcp: address(10_001) };
    Input::Call(LegId(DialogId::outgoing(SERIAL).as_u64()), LegCommand::Answer { audio })
}

fn again(protocol: &str, key: Option<&str>) -> Input {
    let (dialog, request) = (DialogId::outgoing(SERIAL), Box::new(offering(protocol, key)));
    Input::Sip(Event::Reoffered { dialog, request })
}

#[test]
fn media_2_a_call_that_must_be_encrypted_and_is_not_is_refused_with_a_warning() {
    let rows = [
        (Encryption::Required, "RTP/AVP", None, Some(302)),
        (Encryption::Required, "RTP/AVP", Some(ONE), None),
        (Encryption::Preferred, "RTP/AVP", None, None),
        (Encryption::Off, "RTP/SAVP", Some(ONE), Some(305)),
    ];
    for (encryption, protocol, key, warning) in rows {
        let (_, said) = arrive(encryption, offering(protocol, key));
        let refused = said.iter().find_map(|output| match output {
            Output::Sip(Command::Refuse { refusal, .. }) => {
                Some((refusal.status.code(), refusal.warning.as_ref().map(|warning| warning.code)))
            }
            _ => None,
        });
        assert_eq!(refused, warning.map(|code| (488, Some(code))), "{encryption:?} {protocol}");
    }
}

#[test]
fn rfc4568_7_1_4_a_key_stays_until_the_peer_changes_its_own_and_never_comes_back() {
    let (mut legs, _) = arrive(Encryption::Preferred, offering("RTP/SAVP", Some(ONE)));
    let mut ours = Vec::new();
    let steps = [
        ("at first", answer()),
        ("a refresh", again("RTP/SAVP", Some(ONE))),
        ("another key", again("RTP/SAVP", Some(TWO))),
        ("in clear", again("RTP/AVP", None)),
        ("the key of before", again("RTP/SAVP", Some(TWO))),
        ("the first key", again("RTP/SAVP", Some(ONE))),
    ];
    for (name, input) in steps {
        let (keys, secrecy) = agreed(&mut legs, input).expect(name);
        let expected = if keys.is_some() { Secrecy::KeysInClear } else { Secrecy::NotOffered };
        assert_eq!(secrecy, expected, "{name}");
        ours.push(keys.map(|keys| keys.send.master));
    }
    assert_eq!(ours[0], ours[1], "a refresh changes nothing");
    assert_eq!(ours[3], None);
    let used: Vec<_> = [0, 2, 4, 5].iter().map(|at| ours[*at].as_ref().expect("a key").reveal()).collect();
    for (at, key) in used.iter().enumerate() {
        assert!(!used[..at].contains(key), "{at}");
    }
}

#[test]
fn rfc3264_8_an_encrypted_call_does_not_become_a_clear_one_where_that_is_required() {
    let (mut legs, _) = arrive(Encryption::Required, offering("RTP/SAVP", Some(ONE)));
    assert!(agreed(&mut legs, answer()).is_some());
    assert!(agreed(&mut legs, again("RTP/AVP", None)).is_none());
    assert!(agreed(&mut legs, again("RTP/SAVP", Some(ONE))).is_some());
}

/// An offer by DTLS under the fingerprint of a certificate.
fn shaking(setup: &str, octet: &str) -> Request {
    let mut request = offering("UDP/TLS/RTP/SAVP", None);
    let print = vec![octet; 32].join(":");
    let lines = format!("a=fingerprint:sha-256 {print}\r\na=setup:{setup}\r\n");
    request.body = [&request.body[..], lines.as_bytes()].concat().into();
    request
}

fn reshaking(setup: &str, octet: &str) -> Input {
    let (dialog, request) = (DialogId::outgoing(SERIAL), Box::new(shaking(setup, octet)));
    Input::Sip(Event::Reoffered { dialog, request })
}

/// What was agreed on for the handshake, and whether our description has our certificate's fingerprint.
fn shaken(legs: &mut SipLegs, input: Input) -> Option<(DtlsTerms, Secrecy)> {
    legs.handle_input(terms::Instant::ZERO, input);
    let mut said = String::new();
    let mut agreed = None;
    while let Some(output) = legs.poll_output() {
        match output {
            Output::Call(_, LegEvent::Negotiated { stream, secrecy, .. }) => {
                agreed = Some((*stream.dtls?, secrecy));
            }
            Output::Sip(Command::Answer { body, .. } | Command::AnswerReoffer { body, .. }) => {
                said = String::from_utf8_lossy(&body.expect("a body").bytes).into_owned();
            }
            _ => {}
        }
    }
    assert!(said.contains(&format!("a=fingerprint:{}\r\n", certificate())), "{said}");
    agreed
}

#[test]
fn rfc4568_8_3_what_keys_are_worth_is_told_by_what_they_were_signaled_on() {
    let rows = [
        (Signaling::InClear, offering("RTP/SAVP", Some(ONE)), Secrecy::KeysInClear),
        (Signaling::Encrypted, offering("RTP/SAVP", Some(ONE)), Secrecy::Encrypted),
        (Signaling::InClear, shaking("actpass", "AA"), Secrecy::FingerprintInClear),
        (Signaling::Encrypted, shaking("actpass", "AA"), Secrecy::Encrypted),
        (Signaling::Encrypted, offering("RTP/AVP", None), Secrecy::NotOffered),
    ];
    for (signaling, request, expected) in rows {
        let mut legs = certified(trunk());
        let settings = Arc::make_mut(&mut legs.settings);
        settings.peers.listeners.values_mut().for_each(|listener| listener.signaling = signaling);
        let (mut legs, _) = arrive_at(legs, request);
        let (_, secrecy) = agreed(&mut legs, answer()).expect("agreed");
        assert_eq!(secrecy, expected, "{signaling:?}");
    }
}

#[test]
fn rfc8842_4_the_roles_of_a_handshake_stay_until_the_peer_changes_them_or_its_certificate() {
    let (mut legs, _) = arrive(Encryption::Required, shaking("actpass", "AA"));
    let steps = [
        ("at first", answer(), DtlsRole::Active, 0xaa),
        ("a hold", reshaking("actpass", "AA"), DtlsRole::Active, 0xaa),
        ("the other way", reshaking("active", "AA"), DtlsRole::Passive, 0xaa),
        ("as before", reshaking("actpass", "AA"), DtlsRole::Passive, 0xaa),
        ("another certificate", reshaking("passive", "BB"), DtlsRole::Active, 0xbb),
    ];
    for (name, input, role, octet) in steps {
        let (agreed, secrecy) = shaken(&mut legs, input).expect(name);
        assert_eq!((agreed.role, agreed.theirs[0].octets()[0]), (role, octet), "{name}");
        assert_eq!(secrecy, Secrecy::FingerprintInClear, "{name}");
    }
    let snapshot = legs.snapshot(LegId(DialogId::outgoing(SERIAL).as_u64())).expect("a leg");
    legs.restore(snapshot);
    let (agreed, _) = shaken(&mut legs, reshaking("actpass", "BB")).expect("as before");
    assert_eq!(agreed.role, DtlsRole::Active, "after a restart");
}

#[test]
fn media_2_without_a_certificate_or_where_it_is_off_no_hand_is_shaken() {
    for encryption in [Encryption::Off, Encryption::Preferred] {
        let legs = match encryption {
            Encryption::Off => certified(crate::Trunk { encryption, ..trunk() }),
            _ => legs(crate::Trunk { encryption, ..trunk() }),
        };
        let (_, said) = arrive_at(legs, shaking("actpass", "AA"));
        let refused = said.iter().any(|output| {
            matches!(output, Output::Sip(Command::Refuse { refusal, .. }) if refusal.status.code() == 488)
        });
        assert!(refused, "{encryption:?}");
    }
}
