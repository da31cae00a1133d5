use terms::media::{Encryption, KeyStock, SrtpSuite};

use super::*;
use crate::{
    AnswerError, Answered, Capabilities, LocalDescription, OfferError, SessionDescription, accept, answer,
    offer,
};

/// RFC 4568 §9.1's own example of a key, 30 octets.
const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const LONG: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=";

fn description(protocol: &str, lines: &[&str]) -> SessionDescription {
    let lines: String = lines.iter().map(|line| format!("a=crypto:{line}\r\n")).collect();
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 {protocol} 8\r\n{lines}"
    );
    SessionDescription::parse(text.as_bytes()).expect("it parses")
}

fn key_of(line: &str) -> Result<SrtpKey, CryptoError> {
    let description = description("RTP/SAVP", &[line]);
    let media = description.media().next().expect("a line");
    media.crypto().next().expect("a=crypto").key()
}

fn local() -> LocalDescription {
    let rtp = "198.51.100.7:20000".parse().expect("an address");
    LocalDescription { keys: Some(KeyStock::new([7; KeyStock::LEN])), ..LocalDescription::new(rtp) }
}

fn answered_with(protocol: &str, lines: &[&str], encryption: Encryption) -> Result<Answered, OfferError> {
    let ours = Capabilities { encryption, ..Capabilities::default() };
    answer(&description(protocol, lines), &ours, &local())
}

#[test]
fn rfc4568_6_1_and_6_3_keys_and_parameters() {
    let plain = |suite: &str, behind: &str| format!("1 {suite} inline:{KEY}{behind}");
    let cm = "AES_CM_128_HMAC_SHA1_80";
    let rows = [
        ("plain", plain(cm, ""), Ok(None)),
        ("a lifetime", plain(cm, "|2^48"), Ok(None)),
        ("a lifetime in digits", plain(cm, "|1048576"), Ok(None)),
        ("lifetime and index", plain(cm, "|2^20|1:4"), Ok(Some(vec![0, 0, 0, 1]))),
        ("index alone", plain(cm, "|1066:2"), Ok(Some(vec![4, 42]))),
        ("an index that does not fit", plain(cm, "|256:1"), Err(CryptoError::Parameter)),
        ("an index of nothing", plain(cm, "|0:0"), Err(CryptoError::Parameter)),
        ("an index too long for us", plain(cm, "|1:17"), Err(CryptoError::Parameter)),
        ("no lifetime", plain(cm, "|forever"), Err(CryptoError::Parameter)),
        ("harmless", plain(cm, " KDR=0 WSH=128 FEC_ORDER=FEC_SRTP -x=y"), Ok(None)),
        ("a derivation rate", plain(cm, " KDR=24"), Err(CryptoError::Session)),
        ("RTCP in clear", plain(cm, "|2^48 UNENCRYPTED_SRTCP"), Err(CryptoError::Session)),
        ("RTP in clear", plain(cm, " UNENCRYPTED_SRTP"), Err(CryptoError::Session)),
        ("no tags", plain(cm, " UNAUTHENTICATED_SRTP"), Err(CryptoError::Session)),
        ("unknown and to be understood", plain(cm, " X=1"), Err(CryptoError::Session)),
        ("another suite", plain("F8_128_HMAC_SHA1_80", ""), Err(CryptoError::Suite)),
        ("too short for its suite", plain("AEAD_AES_256_GCM", ""), Err(CryptoError::Key)),
        ("no base64", format!("1 {cm} inline:!{KEY}"), Err(CryptoError::Key)),
        ("two keys", format!("1 {cm} inline:{KEY}|1:4;inline:{KEY}|2:4"), Err(CryptoError::SeveralKeys)),
        ("GCM", format!("1 AEAD_AES_256_GCM inline:{LONG}|2^48"), Ok(None)),
    ];
    for (name, line, expected) in rows {
        let key = key_of(&line).map(|key| key.mki.map(|mki| mki.octets().to_vec()));
        assert_eq!(key, expected, "{name}");
    }
}

#[test]
fn rfc4568_5_1_2_one_line_is_answered_under_its_tag_and_profile() {
    let cm = |tag: u32, tag_bits: u32| format!("{tag} AES_CM_128_HMAC_SHA1_{tag_bits} inline:{KEY}|2^48");
    let cisco = [
        format!("{} UNENCRYPTED_SRTCP", cm(0, 80)),
        cm(1, 32),
        cm(2, 80),
        format!("3 AEAD_AES_256_GCM inline:{LONG}"),
    ];
    let cisco: Vec<&str> = cisco.iter().map(String::as_str).collect();
    let polycom = [cm(1, 80)];
    let polycom: Vec<&str> = polycom.iter().map(String::as_str).collect();
    let short = [cm(0, 32)];
    let short: Vec<&str> = short.iter().map(String::as_str).collect();
    let rows = [
        ("RTP/AVP", &cisco, "2 AES_CM_128_HMAC_SHA1_80", SrtpSuite::Aes128CmSha1Tag80),
        ("RTP/SAVP", &polycom, "1 AES_CM_128_HMAC_SHA1_80", SrtpSuite::Aes128CmSha1Tag80),
        ("RTP/SAVPF", &short, "0 AES_CM_128_HMAC_SHA1_32", SrtpSuite::Aes128CmSha1Tag32),
    ];
    for (protocol, lines, expected, suite) in rows {
        let answered = answered_with(protocol, lines, Encryption::Preferred).expect("an answer");
        let body = answered.description.print();
        assert!(body.contains(&format!("m=audio 20000 {protocol} 8\r\n")), "{body}");
        assert!(body.contains(&format!("a=crypto:{expected} inline:BwcH")), "{body}");
        let keys = answered.stream.srtp.expect("keys");
        assert_eq!((keys.send.suite, keys.receive.suite), (suite, suite));
        assert_eq!(keys.receive.master.reveal(), STANDARD.decode(KEY).expect("base64"), "{protocol}");
    }
}

#[test]
fn media_2_the_policy_decides() {
    let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
    let with: &[&str] = &[&line];
    let (required, preferred, off) = (Encryption::Required, Encryption::Preferred, Encryption::Off);
    type Row<'a> = (&'a str, &'a [&'a str], Encryption, Result<bool, &'a str>);
    let rows: [Row<'_>; 9] = [
        ("RTP/AVP", &[], required, Err("encryption")),
        ("RTP/AVP", with, required, Ok(true)),
        ("RTP/SAVP", &["1 F8_128_HMAC_SHA1_80 inline:x"], required, Err("protocol")),
        ("RTP/AVP", &[], preferred, Ok(false)),
        ("RTP/AVP", &["1 AES_CM_128_HMAC_SHA1_80 inline:x"], preferred, Ok(false)),
        ("RTP/SAVP", with, preferred, Ok(true)),
        ("UDP/TLS/RTP/SAVP", with, preferred, Err("protocol")),
        ("RTP/AVP", with, off, Ok(false)),
        ("RTP/SAVP", with, off, Err("protocol")),
    ];
    for (protocol, lines, encryption, expected) in rows {
        let answered = answered_with(protocol, lines, encryption);
        let found = answered.map(|answered| answered.stream.srtp.is_some()).map_err(|error| match error {
            OfferError::NotEncrypted { .. } => "encryption",
            OfferError::NoCommonProtocol { .. } => "protocol",
            _ => "else",
        });
        assert_eq!(found, expected, "{protocol} {lines:?} {encryption:?}");
    }
}

#[test]
fn rfc4568_5_1_3_an_answer_has_the_key_or_is_none() {
    let ours = Capabilities { encryption: Encryption::Required, ..Capabilities::default() };
    let offered = offer(&ours, &local());
    assert!(offered.print().contains("m=audio 20000 RTP/SAVP "), "{}", offered.print());
    let answer = |lines: &[&str]| accept(&description("RTP/SAVP", lines), &offered);
    let line = |tag, suite| format!("{tag} {suite} inline:{KEY}");
    let keys = answer(&[&line(1, "AES_CM_128_HMAC_SHA1_80")]).expect("it fits").srtp.expect("keys");
    assert_eq!(keys.send.master.reveal(), [7; 30]);
    for wrong in [line(2, "AES_CM_128_HMAC_SHA1_80"), line(1, "AES_CM_128_HMAC_SHA1_32")] {
        assert_eq!(answer(&[&wrong]), Err(AnswerError::NotEncrypted), "{wrong}");
    }
    assert_eq!(answer(&[]), Err(AnswerError::NotEncrypted));
}

#[test]
fn sec_1_no_key_prints() {
    let answered = answered_with(
        "RTP/AVP",
        &[&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")],
        Encryption::Preferred,
    );
    let stream = answered.expect("an answer").stream;
    assert!(stream.srtp.is_some());
    let printed = format!("{stream:?} {:?}", local());
    assert!(!printed.contains("7, 7") && !printed.contains("89, 83"), "{printed}");
}
