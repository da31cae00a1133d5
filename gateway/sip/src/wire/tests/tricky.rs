//! Messages that other parsers trip over: each is sound, and one fact of it is checked.

use crate::wire::*;
use alloc::{
    format,
    string::{String, ToString},
};
use bytes::Bytes;

fn read(extra: &str) -> Request {
    let line = if extra.is_empty() { String::new() } else { format!("{extra}\r\n") };
    let text = format!(
        "INVITE sip:+862153290005;npdi@[2001:db8::5];user=phone SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n{line}From: <sip:a@b>;tag=a\r\n\
         To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
    );
    match parse(Bytes::from(text)) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{extra}: {other:?}"),
    }
}

/// What is odd, the headers, the fact, and what it shall be.
type Fact = (&'static str, &'static str, fn(&Request) -> String, &'static str);

const FACTS: &[Fact] = &[
    ("IPv6 in the request line", "", |r| text_of(r.uri.host()), "[2001:db8::5]"),
    ("called number with parameters", "", |r| text_of(r.uri.dialed()), "+862153290005"),
    (
        "two Vias in a line",
        "v: SIP/2.0/UDP i, SIP/2.0/TCP j",
        |r| r.headers.all::<Via>().count().to_string(),
        "3",
    ),
    ("comma in a quoted name", "m: \"Doe, J\" <sip:j@h>", |r| text_of(contact(r).display), "Doe, J"),
    ("bracket in a quoted name", "m: \"a > b < c\" <sip:j@h>", |r| contact(r).uri.to_string(), "sip:j@h"),
    ("escaped backslash at the end", "m: \"a\\\\\" <sip:j@h>", |r| text_of(contact(r).display), "a\\"),
    (
        "headers of a URI",
        "m: <sip:j@h?Route=%3Csip:x%3E>",
        |r| contact(r).uri.headers().to_string(),
        "Route=%3Csip:x%3E",
    ),
    (
        "comma in a user",
        "Route: <sip:a,b@h;lr>,<sip:i>",
        |r| r.headers.all::<Route>().count().to_string(),
        "2",
    ),
    (
        "identity by number",
        "P-Asserted-Identity: <sip:+861@h>, <tel:+862>",
        |r| text_of(last_identity(r).dialed()),
        "+862",
    ),
    ("empty header", "Subject:", |r| subject(r), ""),
    ("fold before the value", "Subject:\r\n late", |r| subject(r), "late"),
    ("fold of only blanks", "Subject: a\r\n \t\r\n b", |r| subject(r).split_whitespace().collect(), "ab"),
    ("colon in a value", "X-Y: a:b:c", |r| text_of(r.headers.other("x-y").next()), "a:b:c"),
    ("tab before the colon", "X-Y\t:\tz", |r| text_of(r.headers.other("x-y").next()), "z"),
    ("several reasons", "Reason: SIP;cause=480,Q.850;cause=20", |r| text_of(q850(r)), "20"),
    (
        "quoted text like a tag",
        "m: <sip:j@h>;x=\";tag=no\";tag=yes",
        |r| text_of(contact(r).tag().map(|tag| tag.0)),
        "yes",
    ),
    (
        "Diversion without brackets",
        "Diversion: sip:1@h;reason=unknown",
        |r| text_of(diverted(r).reason()),
        "unknown",
    ),
];

#[test]
fn sound_messages_that_look_odd() {
    for (name, extra, fact, expected) in FACTS {
        assert_eq!(fact(&read(extra)), *expected, "{name}");
    }
}

fn text_of(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn subject(request: &Request) -> String {
    text_of(request.headers.raw(HeaderName::Subject).next())
}

fn q850(request: &Request) -> Option<u8> {
    let reasons = request.headers.all::<Reason>().filter_map(Result::ok);
    reasons.filter_map(|reason| reason.cause()).map(|cause| cause.0).next()
}

fn diverted(request: &Request) -> Diversion {
    request.headers.first().expect("it reads").expect("it is there")
}

fn last_identity(request: &Request) -> Uri {
    let identities = request.headers.all::<PAssertedIdentity>().filter_map(Result::ok);
    identities.last().expect("it is there").0.uri
}

fn contact(request: &Request) -> NameAddr {
    let found = request.headers.first::<Contact>().expect("it reads").expect("it is there");
    found.address().expect("an address")
}
