//! Streams cut into messages.

use crate::wire::{
    HeaderName, Malformed, limits,
    stream::{Broken, Frame, Framer},
};
use alloc::{borrow::ToOwned as _, format, string::String, vec, vec::Vec};

const INFO: &str = "INFO sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
const OK: &str = "SIP/2.0 200 OK\r\nl : 0\r\n\r\n";

/// What comes out of a stream that comes in pieces of `piece` bytes.
fn cut(stream: &str, piece: usize) -> (Vec<String>, Option<Malformed>) {
    let (mut framer, mut frames) = (Framer::default(), Vec::new());
    for piece in stream.as_bytes().chunks(piece) {
        framer.feed(piece);
        loop {
            match framer.poll() {
                Ok(Some(Frame::Message(bytes))) => frames.push(String::from_utf8_lossy(&bytes).into_owned()),
                Ok(Some(Frame::Ping)) => frames.push("ping".into()),
                Ok(None) => break,
                Err(broken) => return (frames, Some(broken.malformed)),
            }
        }
    }
    (frames, None)
}

#[test]
fn rfc3261_18_3_however_a_stream_is_split_the_same_messages_come_out() {
    let stream = format!("{INFO}{OK}\r\n\r\n{INFO}\r\n{OK}\r\n\r\n\r\n\r\n{INFO}");
    let expected = [INFO, OK, "ping", INFO, OK, "ping", "ping", INFO];
    for piece in 1..=stream.len() {
        assert_eq!(cut(&stream, piece), (expected.map(String::from).to_vec(), None), "pieces of {piece}");
    }
}

#[test]
fn rfc3261_18_3_a_stream_without_message_bounds_is_broken() {
    use Malformed::*;
    let length = HeaderName::ContentLength;
    let long = "X: ".to_owned() + &"a".repeat(limits::HEAD_BYTES);
    for (name, stream, malformed) in [
        ("no content-length", "INFO sip:a@b SIP/2.0\r\nX: y\r\n\r\n".into(), Missing(length)),
        ("two of them", INFO.replace("\r\n\r\n", "\r\nl: 5\r\n\r\n"), Repeated(length)),
        ("no number", INFO.replace(": 3", ": -3"), Header(length)),
        ("more than we take", INFO.replace(": 3", ": 99999999"), TooLarge),
        ("a TLS hello", "\u{16}\u{3}\u{1}".into(), StartLine),
        ("a line without a colon", INFO.replace("Content", "Cont ent"), HeaderLine),
        ("headers without end", INFO.replace("Content", &long), HeadTooLong),
    ] {
        let whole = stream.len();
        assert_eq!(cut(&stream, 7), (vec![], Some(malformed)), "{name}");
        assert_eq!(cut(&stream, whole).1, Some(malformed), "{name}");
    }
}

#[test]
fn what_broke_shows_its_head() {
    let mut framer = Framer::default();
    framer.feed(b"INFO sip:a@b SIP/2.0\r\nX: y\r\n\r\nbody");
    let head = b"INFO sip:a@b SIP/2.0\r\nX: y\r\n\r\n"[..].into();
    let malformed = Malformed::Missing(HeaderName::ContentLength);
    assert_eq!(framer.poll(), Err(Broken { malformed, head }));
}

#[test]
fn a_folded_content_length_counts() {
    let folded = INFO.replace("Length: 3", "Length:\r\n 3");
    assert_eq!(cut(&folded, 1), (vec![folded.clone()], None));
}

#[test]
fn between_messages_nothing_is_awaited() {
    let mut framer = Framer::default();
    for (bytes, is_between) in [("", true), ("\r\n", true), ("I", false)] {
        framer.feed(bytes.as_bytes());
        assert_eq!((framer.poll(), framer.is_between()), (Ok(None), is_between), "{bytes:?}");
    }
}
