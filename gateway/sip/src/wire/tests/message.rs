//! Whole messages.

use crate::wire::*;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;

const HEAD: &str =
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n";

fn text(first: &str, more: &str, body: &str) -> String {
    format!("{first}\r\n{HEAD}{more}\r\n{body}")
}

fn read(text: &str) -> Result<Message, ParseError> {
    parse(Bytes::copy_from_slice(text.as_bytes()))
}

fn request(text: &str) -> Request {
    match read(text) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{other:?}"),
    }
}

fn fault(text: &str) -> Malformed {
    read(text).expect_err(text).malformed()
}

#[test]
fn header_texts_are_slices_of_the_datagram() {
    let datagram = Bytes::from(text("OPTIONS sip:c@d SIP/2.0", "CSeq: 1 OPTIONS\r\nX-Thing: v\r\n", "body"));
    let Ok(Message::Request(request)) = parse(datagram.clone()) else { panic!("a request") };
    let inside = datagram.as_ptr_range();
    for (name, value) in request.headers.iter() {
        assert!(inside.contains(&name.as_bytes().as_ptr()) && inside.contains(&value.as_bytes().as_ptr()));
    }
    assert!(inside.contains(&request.body.as_ptr()));
    assert!(inside.contains(&request.head.call_id.0.as_bytes().as_ptr()));
}

#[test]
fn rfc3261_7_3_1_lines_fold_and_lists_split() {
    let folded = "CSeq: 1\r\n OPTIONS\r\nRoute: <sip:a;lr>,\r\n\t<sip:b;lr> ,, \"x, y\" <sip:c,d@e>\r\nroute: <sip:f>\r\n";
    let request = request(&text("OPTIONS sip:c@d SIP/2.0", folded, ""));
    assert_eq!(request.head.cseq.method, Method::Options);
    let routes: Vec<String> =
        request.headers.all::<Route>().map(|route| route.expect("a route").0.uri.to_string()).collect();
    assert_eq!(routes, ["sip:a;lr", "sip:b;lr", "sip:c,d@e", "sip:f"]);
}

#[test]
fn rfc3261_7_3_3_compact_forms_read_as_their_long_ones() {
    let compact = "INVITE sip:c@d SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=a\r\nt: <sip:c@d>\r\n\
        i: x\r\nCSeq: 1 INVITE\r\nm: <sip:a@h>\r\nc: application/sdp\r\nk: timer, 100rel\r\nl: 3\r\n\r\nv=0junk";
    let request = request(compact);
    assert_eq!(request.body().map(|body| body.bytes), Some(Bytes::from_static(b"v=0")), "RFC 3261 §18.3");
    assert_eq!(request.headers.all::<Supported>().count(), 2);
}

#[test]
fn what_is_unknown_stays_verbatim_and_in_order() {
    let odd = "CSeq: 1 OPTIONS\r\nX-A: \x01;;,,\"\r\nx-b :  spaced \r\nX-A: second\r\n";
    let request = request(&text("OPTIONS sip:c@d SIP/2.0", odd, ""));
    let all: Vec<(String, String)> =
        request.headers.iter().skip(5).map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let pairs: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("X-A", "\x01;;,,\""), ("x-b", "spaced"), ("X-A", "second")]);
    assert_eq!(request.headers.other("x-a").count(), 2);
}

#[test]
fn bodies_of_any_bytes_stay_untouched() {
    let mut datagram =
        text("MESSAGE sip:c@d SIP/2.0", "CSeq: 1 MESSAGE\r\nContent-Length: 8\r\n", "").into_bytes();
    let body = [0, 255, b'\r', b'\n', b' ', b'\r', b'\n', b'\t'];
    datagram.extend(body);
    let Ok(Message::Request(request)) = parse(datagram.into()) else { panic!("a request") };
    assert_eq!(&request.body[..], body);
}

#[test]
fn faults_are_named() {
    let with = |more: &str| text("OPTIONS sip:c@d SIP/2.0", &format!("CSeq: 1 OPTIONS\r\n{more}"), "");
    let many = "X: y\r\n".repeat(limits::HEADERS);
    let long = format!("X: {}\r\n", "y".repeat(limits::LINE_BYTES));
    for (name, text, expected) in [
        (
            "no end",
            String::from("OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"),
            Malformed::NoEndOfHeaders,
        ),
        (
            "missing from",
            with("").replace("From: <sip:a@b>;tag=a\r\n", ""),
            Malformed::Missing(HeaderName::From),
        ),
        ("missing cseq", with("").replace("CSeq: 1 OPTIONS\r\n", ""), Malformed::Missing(HeaderName::CSeq)),
        ("two to", with("t: <sip:x@y>\r\n"), Malformed::Repeated(HeaderName::To)),
        ("bad to", with("").replace("To: <sip:c@d>", "To: <sip:c@d"), Malformed::Header(HeaderName::To)),
        ("max-forwards", with("Max-Forwards: 300\r\n"), Malformed::Header(HeaderName::MaxForwards)),
        ("no colon", with("what is this\r\n"), Malformed::HeaderLine),
        ("lone cr", with("X: a\rInjected: b\r\n"), Malformed::HeaderLine),
        ("many", with(&many), Malformed::TooManyHeaders),
        ("long", with(&long), Malformed::LineTooLong),
        ("short body", with("Content-Length: 9\r\n"), Malformed::BodyTruncated),
        ("uri", with("").replace("sip:c@d SIP", "sip:@ SIP"), Malformed::RequestUri),
        ("version", with("").replace("d SIP/2.0", "d SIP/3.0"), Malformed::Version),
        ("large", "x".repeat(limits::MESSAGE_BYTES + 1), Malformed::TooLarge),
        ("http", String::from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Malformed::StartLine),
    ] {
        assert_eq!(fault(&text), expected, "{name}");
    }
}

#[test]
fn a_fault_says_whether_an_answer_is_possible() {
    let bad = text("OPTIONS sip:c@d SIP/2.0", "CSeq: x\r\n", "");
    let Err(ParseError::Answer(answerable)) = read(&bad) else { panic!("answerable") };
    assert_eq!(
        (answerable.malformed.status(), answerable.method),
        (StatusCode::BAD_REQUEST, Method::Options)
    );
    for (name, text) in [
        ("no via", bad.replace("Via", "Vla")),
        ("ack", bad.replace("OPTIONS", "ACK")),
        ("response", text("SIP/2.0 200 OK", "CSeq: x\r\n", "")),
        ("status", text("SIP/2.0 99 OK", "CSeq: 1 INVITE\r\n", "")),
    ] {
        assert!(matches!(read(&text), Err(ParseError::Drop(_))), "{name}");
    }
}

#[test]
fn responses_read_with_any_phrase_or_none() {
    for (line, code, phrase) in [
        ("SIP/2.0 200 OK", 200, "OK"),
        ("SIP/2.0 100 ", 100, ""),
        ("SIP/2.0 486", 486, ""),
        ("sip/2.0 699 \u{4e0d}", 699, "\u{4e0d}"),
    ] {
        let Ok(Message::Response(response)) = read(&text(line, "CSeq: 1 INVITE\r\n", "")) else {
            panic!("{line}")
        };
        assert_eq!(
            (response.status.code(), response.reason_phrase.to_string().as_str()),
            (code, phrase),
            "{line}"
        );
    }
}

#[test]
fn empty_lines_before_and_bare_line_feeds_are_taken() {
    let lines = text("OPTIONS sip:c@d SIP/2.0", "CSeq: 1 OPTIONS\r\n", "b");
    assert_eq!(request(&format!("\r\n\r\n{lines}")).body, "b");
    assert_eq!(request(&lines.replace("\r\n", "\n")).body, "b");
}

#[test]
fn messages_are_written_with_our_own_length_and_no_smuggled_line() {
    let uri = Uri::try_from("sip:c@d").expect("a URI");
    let mut writer = MessageWriter::request(&Method::Options, &uri);
    writer.raw(&"X-A".into(), &"1\r\nX-B: 2".into());
    let bytes = writer.finish(Some(&Body::sdp(Bytes::from_static(b"v=0"))));
    let expected = "OPTIONS sip:c@d SIP/2.0\r\nX-A: 1  X-B: 2\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0";
    assert_eq!(bytes, expected.as_bytes());
}

#[test]
fn a_request_survives_serialization_byte_by_byte() {
    let mut datagram = text("OPTIONS sip:c@d SIP/2.0", "CSeq: 1 OPTIONS\r\nX: caf", "").into_bytes();
    datagram.splice(datagram.len() - 2.., *b"\xe9\r\n\r\n\x00\xff");
    let Ok(Message::Request(request)) = parse(datagram.clone().into()) else { panic!("a request") };
    let json = serde_json::to_string(&request).expect("text");
    let back: Request = serde_json::from_str(&json).expect("a request");
    assert_eq!(*back.wire(), datagram);
}
