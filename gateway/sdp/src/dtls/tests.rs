use terms::media::{Encryption, FingerprintHash, KeyStock};

use super::*;
use crate::{
    AnswerError, Answered, Capabilities, LocalDescription, OfferError, SessionDescription, accept, answer,
    offer, reoffer,
};

const CRYPTO: &str = "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

fn fingerprint(hash: FingerprintHash, octet: u8) -> Fingerprint {
    Fingerprint::new(hash, vec![octet; hash.size()]).expect("it fits")
}

fn line(octet: u8) -> String {
    format!("fingerprint:{}", fingerprint(FingerprintHash::Sha256, octet))
}

/// With attributes of the session, and of the line.
fn described(protocol: &str, session: &[&str], own: &[&str]) -> SessionDescription {
    let lines = |lines: &[&str]| lines.iter().map(|line| format!("a={line}\r\n")).collect::<String>();
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{}m=audio 4000 {protocol} 8\r\n{}",
        lines(session),
        lines(own)
    );
    SessionDescription::parse(text.as_bytes()).expect("it parses")
}

fn local(role: Option<DtlsRole>) -> LocalDescription {
    let rtp = "198.51.100.7:20000".parse().expect("an address");
    let dtls = Some(LocalDtls { fingerprint: fingerprint(FingerprintHash::Sha256, 0xee), role });
    let keys = Some(KeyStock::new([7; KeyStock::LEN]));
    LocalDescription { keys, dtls, ..LocalDescription::new(rtp) }
}

fn answered(offer: &SessionDescription, role: Option<DtlsRole>) -> Result<Answered, OfferError> {
    answer(offer, &Capabilities::default(), &local(role))
}

#[test]
fn rfc5763_5_who_begins_is_answered_as_was_offered() {
    use DtlsRole::{Active, Passive};
    let rows = [
        (Some("setup:actpass"), None, Some(Active)),
        (Some("setup:ACTPASS"), Some(Passive), Some(Passive)),
        (Some("setup:actpass"), Some(Active), Some(Active)),
        (Some("setup:active"), None, Some(Passive)),
        (Some("setup:active"), Some(Active), Some(Passive)),
        (Some("setup:passive"), Some(Passive), Some(Active)),
        (None, None, Some(Passive)),
        (Some("setup:holdconn"), None, None),
    ];
    for (setup, before, expected) in rows {
        let print = line(0xaa);
        let own: Vec<&str> = setup.into_iter().chain([print.as_str()]).collect();
        let answered = answered(&described("UDP/TLS/RTP/SAVP", &[], &own), before);
        let Some(role) = expected else {
            assert!(matches!(answered, Err(OfferError::NoCommonProtocol { .. })), "{setup:?}");
            continue;
        };
        let answered = answered.expect("an answer");
        let agreed = answered.stream.dtls.expect("a handshake");
        assert_eq!((agreed.role, agreed.theirs.len()), (role, 1), "{setup:?} {before:?}");
        assert_eq!(answered.stream.srtp, None);
        let body = answered.description.print();
        let said = if role == Active { "a=setup:active\r\n" } else { "a=setup:passive\r\n" };
        assert!(body.contains(said) && body.contains(&format!("a={}\r\n", line(0xee))), "{body}");
        assert!(body.contains("m=audio 20000 UDP/TLS/RTP/SAVP 8\r\n"), "{body}");
    }
}

#[test]
fn rfc8122_5_the_lines_own_fingerprints_count_before_the_sessions_and_the_strongest_alone() {
    let print = |hash, octet| format!("fingerprint:{}", fingerprint(hash, octet));
    let weak = print(FingerprintHash::Sha1, 1);
    let (strong, other) = (print(FingerprintHash::Sha256, 2), print(FingerprintHash::Sha256, 3));
    type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [u8]);
    let rows: [Row<'_>; 5] = [
        ("the session's", &[&strong], &[], &[2]),
        ("the line's own", &[&strong], &[&other], &[3]),
        ("several", &[], &[&strong, &weak, &other], &[2, 3]),
        ("a weak one", &[], &[&weak], &[1]),
        ("an unknown function", &[], &["fingerprint:md5 00:11"], &[]),
    ];
    for (name, session, own, expected) in rows {
        let description = described("UDP/TLS/RTP/SAVPF", session, own);
        let media = description.media().next().expect("a line");
        let found: Vec<u8> = media.fingerprints().iter().map(|print| print.octets()[0]).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn media_2_a_handshake_is_taken_before_keys_in_the_description_and_the_policy_decides() {
    let print = line(0xaa);
    let both: &[&str] = &[CRYPTO, &print, "setup:actpass"];
    let (handshake, key) = (&both[1..], &both[..1]);
    let (required, preferred, off) = (Encryption::Required, Encryption::Preferred, Encryption::Off);
    type Row<'a> = (&'a str, &'a [&'a str], Encryption, Result<(bool, bool), &'a str>);
    let rows: [Row<'_>; 10] = [
        ("RTP/SAVP", both, preferred, Ok((true, false))),
        ("RTP/AVP", both, required, Ok((true, false))),
        ("RTP/AVP", handshake, preferred, Ok((true, false))),
        ("RTP/SAVPF", key, preferred, Ok((false, true))),
        ("UDP/TLS/RTP/SAVP", handshake, required, Ok((true, false))),
        ("UDP/TLS/RTP/SAVP", key, preferred, Err("protocol")),
        ("UDP/TLS/RTP/SAVPF", &[], preferred, Err("protocol")),
        ("UDP/TLS/RTP/SAVP", handshake, off, Err("protocol")),
        ("RTP/AVP", handshake, off, Ok((false, false))),
        ("RTP/AVP", &[], required, Err("encryption")),
    ];
    for (protocol, lines, encryption, expected) in rows {
        let ours = Capabilities { encryption, ..Capabilities::default() };
        let answered = answer(&described(protocol, &[], lines), &ours, &local(None));
        let found = answered.map(|answered| (answered.stream.dtls.is_some(), answered.stream.srtp.is_some()));
        let found = found.map_err(|error| match error {
            OfferError::NotEncrypted { .. } => "encryption",
            OfferError::NoCommonProtocol { .. } => "protocol",
            _ => "else",
        });
        assert_eq!(found, expected, "{protocol} {lines:?} {encryption:?}");
    }
}

#[test]
fn rfc5763_5_a_first_offer_by_a_handshake_leaves_the_choice_to_the_answer() {
    let without_keys = LocalDescription { keys: None, ..local(None) };
    let ours = Capabilities { encryption: Encryption::Required, ..Capabilities::default() };
    let offered = offer(&ours, &without_keys);
    let line = offered.media().next().expect("a line");
    assert_eq!((line.protocol(), line.setup()), ("UDP/TLS/RTP/SAVP", Some(Setup::ActPass)));
    assert_eq!(line.rtcp_path(), RtcpPath::Muxed);
    assert_eq!(line.fingerprints(), [fingerprint(FingerprintHash::Sha256, 0xee)]);
    let rows = [
        ("setup:active", Ok(DtlsRole::Passive)),
        ("setup:passive", Ok(DtlsRole::Active)),
        ("setup:actpass", Err(AnswerError::NotEncrypted)),
    ];
    for (setup, role) in rows {
        let answer = described("UDP/TLS/RTP/SAVP", &[], &[&self::line(1), setup, "rtcp-mux"]);
        let agreed =
            accept(&answer, &offered).map(|stream| (stream.rtcp, stream.dtls.map(|terms| terms.role)));
        assert_eq!(agreed, role.map(|role| (RtcpPath::Muxed, Some(role))), "{setup}");
    }
    let clear = described("UDP/TLS/RTP/SAVP", &[], &[]);
    assert_eq!(accept(&clear, &offered), Err(AnswerError::NotEncrypted), "an answer without a fingerprint");
    let with_keys = offer(&ours, &local(None));
    assert_eq!(with_keys.media().next().map(|line| line.protocol()), Some("RTP/SAVP"));
    let wanted = offer(&Capabilities::default(), &without_keys);
    assert_eq!(
        wanted.media().next().map(|line| line.protocol()),
        Some("RTP/AVP"),
        "it need not be encrypted"
    );
}

#[test]
fn rfc8842_5_5_an_offer_in_a_session_leaves_the_choice_and_its_answer_makes_it() {
    let print = line(0xaa);
    let offered = described("UDP/TLS/RTP/SAVP", &[], &[&print, "setup:active", "rtcp-mux"]);
    let said = answered(&offered, None).expect("an answer").description;
    let next = reoffer(&said, &local(Some(DtlsRole::Passive)));
    let body = next.print();
    assert!(body.contains("a=setup:actpass\r\n") && !body.contains("a=setup:passive"), "{body}");
    let rows = [
        (&["setup:active", &print, "rtcp-mux"][..], Ok(DtlsRole::Passive)),
        (&["setup:passive", &print], Ok(DtlsRole::Active)),
        (&["setup:actpass", &print], Err(AnswerError::NotEncrypted)),
        (&["setup:active"], Err(AnswerError::NotEncrypted)),
    ];
    for (lines, expected) in rows {
        let taken = accept(&described("UDP/TLS/RTP/SAVP", &[], lines), &next);
        let muxed = taken.as_ref().map(|stream| stream.rtcp);
        assert_eq!(muxed == Ok(RtcpPath::Muxed), lines.contains(&"rtcp-mux"), "{lines:?}");
        assert_eq!(taken.map(|stream| stream.dtls.expect("a handshake").role), expected, "{lines:?}");
    }
}

#[test]
fn rfc5761_5_1_1_rtcp_goes_where_rtp_goes_if_both_say_so() {
    let rows = [
        ("8", &["rtcp-mux"][..], RtcpPath::Muxed, "192.0.2.1:4000"),
        ("8", &["rtcp-mux", "rtcp:4009"], RtcpPath::Muxed, "192.0.2.1:4000"),
        ("8", &["rtcp:4009"], RtcpPath::Apart, "192.0.2.1:4009"),
        ("8", &["rtcp:4009 IN IP4 192.0.2.9"], RtcpPath::Apart, "192.0.2.9:4009"),
        ("8", &[], RtcpPath::Apart, "192.0.2.1:4001"),
        // Its marked packets would be taken for RTCP.
        ("72", &["rtcp-mux", "rtpmap:72 PCMA/8000"], RtcpPath::Apart, "192.0.2.1:4001"),
    ];
    for (format, lines, path, rtcp) in rows {
        let text =
            described("RTP/AVP", &[], lines).print().replace("RTP/AVP 8", &format!("RTP/AVP {format}"));
        let offer = SessionDescription::parse(text.as_bytes()).expect("it parses");
        let answered = answered(&offer, None).expect("an answer");
        let stream = &answered.stream;
        assert_eq!((stream.rtcp, stream.remote_rtcp), (path, rtcp.parse().expect("an address")), "{lines:?}");
        let says_so = answered.description.print().contains("a=rtcp-mux\r\n");
        assert_eq!(says_so, path == RtcpPath::Muxed, "{lines:?}");
    }
}
