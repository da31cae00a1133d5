//! Whatever comes in, nothing panics.

use crate::wire::*;
use alloc::{vec, vec::Vec};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

const SOUND: &[u8] = b"INVITE sip:+86;npdi@[2001:db8::5]:5070;user=phone?x=%41 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport, SIP / 2.0 / TCP [::1]\r\nMax-Forwards: 70\r\n\
    f: \"A \\\" B\" <sip:a@b>;tag=a\r\nt: <tel:+1-2(3)>;x=\"y;z\"\r\ni: x@y\r\nCSeq: 1 INVITE\r\n\
    m: <sip:a@h>;q=0.1,\r\n *\r\nRecord-Route: <sip:p;lr>,<sip:q>\r\nReason: Q.850;cause=16;text=\"x\"\r\n\
    Warning: 399 h \"w\"\r\nRetry-After: 3 (x)\r\nDiversion: <sip:x@y>;reason=z\r\nP-Asserted-Identity: <tel:1>\r\n\
    Require: a, b\r\nk: c\r\nAllow: INVITE, X\r\nExpires: 9\r\nTimestamp: 5\r\nc: multipart/mixed;boundary=\"b\"\r\n\
    l: 3\r\n\r\nv=0";

/// Reads and writes every header that we know.
fn read_all(headers: &Headers) -> usize {
    fn each<H: Header>(headers: &Headers) -> usize {
        let mut out = BytesMut::new();
        headers.all::<H>().filter_map(Result::ok).for_each(|header| header.write(&mut out));
        out.len()
    }
    each::<Via>(headers)
        + each::<From>(headers)
        + each::<To>(headers)
        + each::<Contact>(headers)
        + each::<CallId>(headers)
        + each::<CSeq>(headers)
        + each::<MaxForwards>(headers)
        + each::<Route>(headers)
        + each::<RecordRoute>(headers)
        + each::<ContentType>(headers)
        + each::<ContentLength>(headers)
        + each::<Allow>(headers)
        + each::<Supported>(headers)
        + each::<Require>(headers)
        + each::<Expires>(headers)
        + each::<Reason>(headers)
        + each::<Warning>(headers)
        + each::<PAssertedIdentity>(headers)
        + each::<Diversion>(headers)
        + each::<RetryAfter>(headers)
        + each::<Timestamp>(headers)
        + headers.iter().count()
}

fn exercise(bytes: Vec<u8>) {
    match parse(Bytes::from(bytes)) {
        Ok(Message::Request(request)) => {
            read_all(&request.headers);
            let _dialed = (request.uri.dialed(), request.uri.number_params(), request.body());
            assert!(request.uri.is_equivalent(&request.uri) || request.uri.scheme() != Scheme::Other);
        }
        Ok(Message::Response(response)) => {
            read_all(&response.headers);
        }
        Err(ParseError::Answer(bad)) => {
            read_all(&bad.headers);
        }
        Err(ParseError::Drop(_)) => {}
    }
}

#[test]
fn the_sound_message_is_sound() {
    let Ok(Message::Request(request)) = parse(Bytes::from_static(SOUND)) else { panic!("a request") };
    assert_eq!(read_all(&request.headers), 275, "each header reads");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        exercise(bytes);
    }

    #[test]
    fn spoilt_messages_never_panic(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<u8>(), Just(b'"'), Just(b'<'), Just(b'>'), Just(b';'), Just(b','), Just(b'\\'), Just(b'\r'), Just(b'\n'), Just(b'%'), Just(b'['),
        ]), 1..6),
        end in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = SOUND.to_vec();
        for (at, byte) in cuts {
            if let Some(old) = bytes.get_mut(at.index(SOUND.len())) {
                *old = byte;
            }
        }
        if is_cut {
            bytes.truncate(end.index(SOUND.len()));
        }
        exercise(bytes);
    }

    #[test]
    fn arbitrary_uris_never_panic_and_stay_verbatim(text in "(sip|sips|tel|x):[ -~]{0,60}") {
        if let Ok(uri) = Uri::try_from(text.as_str()) {
            prop_assert_eq!(uri.as_text(), &Text::from(text.as_str()));
            let _parts = (uri.user(), uri.password(), uri.host(), uri.port(), uri.params(), uri.headers(), uri.dialed());
        }
    }
}

#[test]
fn large_inputs_are_read_in_linear_time() {
    // Counted in work, not in time: ten times the bytes may cost little more than ten times as much.
    for filler in
        [&b","[..], b";", b"\"", b"<", b"\\", b" ", b"\r\n ", b"%41", b"a=b&", b"\r\n", b"x:\r\n", b":"]
    {
        for front in
            ["Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nContact: ", "Contact: \"", "Via: ", "To: <sip:", ""]
        {
            let mut bytes = b"INVITE sip:a@b SIP/2.0\r\n".to_vec();
            bytes.extend(front.as_bytes());
            let room = limits::MESSAGE_BYTES - bytes.len() - 4;
            bytes.extend(filler.iter().copied().cycle().take(room));
            bytes.extend(b"\r\n\r\n");
            exercise(bytes);
        }
    }
    exercise(vec![b'\r'; limits::MESSAGE_BYTES]);
}
