//! Typed headers: what is read, and that what is written reads as the same.

use crate::wire::*;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::BytesMut;
use core::fmt::Debug;
use terms::cause::Cause;

fn read<H: Header>(text: &str) -> Option<H> {
    H::parse(Text::from(text).piece())
}

fn written<H: Header>(header: &H) -> String {
    let mut out = BytesMut::new();
    header.write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn round<H: Header + PartialEq + Debug>(text: &str) -> H {
    let header: H = read(text).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(read::<H>(&written(&header)).as_ref(), Some(&header), "{text}");
    header
}

#[test]
fn rfc3261_20_10_name_addr_forms() {
    for (text, display, uri, params) in [
        ("<sip:a@b>", None, "sip:a@b", ""),
        ("sip:a@b", None, "sip:a@b", ""),
        ("sip:a@b;tag=1", None, "sip:a@b", ";tag=1"),
        ("A B <sip:a@b;x>;tag=1", Some("A B"), "sip:a@b;x", ";tag=1"),
        ("\"A, B\" <sip:a@b>", Some("A, B"), "sip:a@b", ""),
        ("\"A \\\"B\\\" \\\\\"<sip:a@b> ; tag = 1", Some("A \"B\" \\"), "sip:a@b", "; tag = 1"),
        ("\"<sip:x@y>\" <sip:a@b>", Some("<sip:x@y>"), "sip:a@b", ""),
        ("\"\" <sip:a@b>", Some(""), "sip:a@b", ""),
        ("\"会议\" <sip:a@b>", Some("会议"), "sip:a@b", ""),
        ("<tel:+8621;phone-context=x>", None, "tel:+8621;phone-context=x", ""),
        ("<sip:a@b>;p=\"x;y\"", None, "sip:a@b", ";p=\"x;y\""),
        ("< sip:a@b >", None, "sip:a@b", ""),
    ] {
        let From(address) = round(text);
        assert_eq!(address.display.map(|name| name.to_string()).as_deref(), display, "{text}");
        assert_eq!(
            (address.uri.to_string().as_str(), address.params.as_text().to_string().as_str()),
            (uri, params),
            "{text}"
        );
    }
    for text in [
        "",
        "\"A <sip:a@b>",
        "<sip:a@b",
        "sip:a@b>",
        "A B sip:a@b",
        "<>",
        "\"A\"",
        "sip:a@b?x=y",
        "<sip:a@b> x",
        "<sip:a@b>;=x",
    ] {
        assert!(read::<From>(text).is_none(), "{text}");
    }
}

#[test]
fn tags_are_set_and_taken_off() {
    let From(address) = round("\"A\" <sip:a@b>;x=1;tag=old;y");
    assert_eq!(address.tag(), Some(Tag("old".into())));
    assert_eq!(written(&From(address.with_tag(&Tag("new".into())))), "\"A\" <sip:a@b>;x=1;y;tag=new");
    assert_eq!(written(&From(address.without_tag())), "\"A\" <sip:a@b>;x=1;y");
}

#[test]
fn rfc3261_20_42_via_forms() {
    let via: Via =
        round("SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8");
    assert_eq!((via.host.to_string().as_str(), via.port), ("first.example.com", Some(4000)));
    assert_eq!(via.branch(), Some(Branch("z9hG4bKa7c6a8".into())));
    let via: Via = round("SIP/2.0/TLS [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-111");
    assert_eq!(via.received().map(|ip| ip.to_string()), Some("2001:db8::9:255".into()));
    assert_eq!(via.port_or_default(), 5061);
    let bracketed: Via = round("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bK");
    assert_eq!(bracketed.received(), via.received());
    assert!(!bracketed.branch().is_some_and(|branch| branch.is_unique()), "RFC 4475 §3.3.3: only the cookie");
    for text in [
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "HTTP/1.1/UDP h",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP h;;,;",
    ] {
        assert!(read::<Via>(text).is_none(), "{text}");
    }
}

#[test]
fn numbers_in_headers_have_their_bounds() {
    assert_eq!(round::<CSeq>("0009 INVITE").number, SequenceNumber(9));
    assert!(read::<CSeq>("2147483648 INVITE").is_none(), "RFC 3261 §8.1.1.5");
    assert!(read::<CSeq>("1").is_none() && read::<CSeq>("x INVITE").is_none());
    assert_eq!(round::<MaxForwards>("255"), MaxForwards(255));
    assert!(read::<MaxForwards>("256").is_none() && read::<MaxForwards>("-1").is_none());
    assert_eq!(round::<Expires>("99999999999999999999999"), Expires(u32::MAX));
    assert_eq!(round::<RetryAfter>("120 (in a meeting);duration=60"), RetryAfter(120));
    assert!(read::<ContentLength>("-999").is_none() && read::<ContentLength>("").is_none());
    assert_eq!(MaxForwards(0).handed_on(), None);
    assert_eq!(MaxForwards(70).handed_on(), Some(MaxForwards(69)));
}

#[test]
fn rfc3326_2_reasons() {
    assert_eq!(round::<Reason>("Q.850 ;cause=16 ;text=\"Terminated\"").cause(), Some(Cause::NORMAL_CLEARING));
    assert_eq!(
        round::<Reason>("SIP;cause=200;text=\"Call completed elsewhere\"").cause,
        ReasonCause::Sip(StatusCode::OK)
    );
    for text in ["Q.850;cause=0", "Q.850;cause=128", "Q.850", "preemption;cause=1;text=\"UA\"", "SIP;cause=7"]
    {
        assert!(matches!(round::<Reason>(text).cause, ReasonCause::Other { .. }), "{text}");
    }
    let said = Reason { text: Some("say \"no\"".into()), ..Reason::q850(Cause::CALL_REJECTED) };
    assert_eq!(written(&said), "Q.850;cause=21;text=\"say \\\"no\\\"\"");
    assert_eq!(round::<Reason>(&written(&said)), said);
}

#[test]
fn other_headers_read_what_they_write() {
    let warning = round::<Warning>("399 gateway \"the host says \\\"no\\\"\"");
    assert_eq!((warning.code, warning.text), (399, "the host says \"no\"".into()));
    assert!(round::<ContentType>("Application / SDP;charset=utf-8").is("application/sdp"));
    assert_eq!(
        round::<ContentType>("multipart/mixed;boundary=\"a;b\"").params.get("boundary"),
        Some("a;b".into())
    );
    assert_eq!(
        round::<Diversion>("<sip:+8621@gw>;reason=no-answer;counter=1").reason(),
        Some("no-answer".into())
    );
    assert_eq!(round::<Contact>("*"), Contact::All);
    assert_eq!(round::<Require>("100rel"), Require(OptionTag("100rel".into())));
    assert_eq!(round::<Allow>("INVITE"), Allow(Method::Invite));
    assert!(read::<CallId>("a b").is_none() && read::<CallId>("").is_none());
    round::<PAssertedIdentity>("\"A\" <tel:+862153290005>");
    round::<Timestamp>("54 0.5");
}

#[test]
fn names_are_found_in_full_and_compact_in_any_case() {
    for (text, name) in [
        ("v", HeaderName::Via),
        ("VIA", HeaderName::Via),
        ("i", HeaderName::CallId),
        ("call-id", HeaderName::CallId),
        ("L", HeaderName::ContentLength),
        ("m", HeaderName::Contact),
        ("p-asserted-identity", HeaderName::PAssertedIdentity),
    ] {
        assert_eq!(HeaderName::from_bytes(text.as_bytes()), Some(name), "{text}");
    }
    assert_eq!(HeaderName::from_bytes(b"X-Unknown"), None);
    let all: Vec<String> = ["Via", "Max-SE"]
        .iter()
        .map(|name| format!("{:?}", HeaderName::from_bytes(name.as_bytes())))
        .collect();
    assert_eq!(all, ["Some(Via)", "None"]);
}

#[test]
fn rfc4028_4_session_intervals() {
    for (text, seconds, refresher) in [
        ("1800", 1800, None),
        ("90;refresher=uac", 90, Some(Refresher::Uac)),
        ("4000 ; Refresher=UAS", 4000, Some(Refresher::Uas)),
        ("500;refresher=both;x", 500, None),
    ] {
        let expires: SessionExpires = round(text);
        assert_eq!((expires.seconds, expires.refresher), (seconds, refresher), "{text}");
    }
    assert_eq!(round::<MinSe>("90;x=y"), MinSe(90));
    for text in ["", "x", "-1", "4294967296", "90 90", "90;=x"] {
        assert!(read::<SessionExpires>(text).is_none() && read::<MinSe>(text).is_none(), "{text}");
    }
}

#[test]
fn rfc3262_7_rseq_and_rack() {
    let rack: RAck = round("776656 1  INVITE");
    assert_eq!(
        (rack.rseq, rack.cseq.number, rack.cseq.method),
        (RSeq(776_656), SequenceNumber(1), Method::Invite)
    );
    assert_eq!(RSeq(7).next(), round("8"));
    for text in ["", "1", "1 INVITE", "x 1 INVITE", "1 x INVITE", "1 1"] {
        assert!(read::<RAck>(text).is_none(), "{text}");
    }
}

#[test]
fn headers_of_carriers_and_room_systems_read_what_they_write() {
    let history: HistoryInfo = round("<sip:a@b?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1");
    assert_eq!(history.index(), Some("1.1".into()));
    let replaces: Replaces = round("425928@bobster.example;to-tag=7743;from-tag=6472;early-only");
    assert_eq!(
        (replaces.to_tag(), replaces.from_tag()),
        (Some(Tag("7743".into())), Some(Tag("6472".into())))
    );
    assert!(read::<Replaces>("425928;to-tag=7743").is_none() && read::<Replaces>("425928").is_none());
    let session: SessionId =
        round("ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000");
    assert_eq!(session.remote(), Some("0".repeat(32).into()));
    assert!(read::<SessionId>("ab30317f").is_none() && read::<SessionId>(&"g".repeat(32)).is_none());
    let privacy: Privacy = round("id; critical");
    assert!(privacy.asks("ID") && privacy.asks("critical") && !privacy.asks("user"));
    assert!(read::<Privacy>("id;;").is_none());
    round::<ReferTo>("<sip:a@b;method=INVITE?Replaces=x%3Bto-tag%3Dy>");
    round::<Path>("<sip:p1.example;lr;ob>");
    round::<ServiceRoute>("<sip:s.example;lr>");
    round::<PPreferredIdentity>("\"Room\" <sip:room@example.com>");
    for name in ["P-Preferred-Identity", "P_Preferred_Identity", "p_preferred_identity"] {
        assert_eq!(HeaderName::from_bytes(name.as_bytes()), Some(HeaderName::PPreferredIdentity), "{name}");
    }
    assert_eq!(HeaderName::from_bytes(b"x"), Some(HeaderName::SessionExpires));
}
