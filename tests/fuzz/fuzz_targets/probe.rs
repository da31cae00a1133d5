//! Any datagrams and any stream to who answers probes: no panic, nothing but questions is answered, an echo goes to none but
//! who shows the cookie of its address, and what is no question is left as it came (MEDIA-8). An answer can't be longer than
//! its question: it is written over it.
#![no_main]

use std::{net::SocketAddr, time::Duration};

use libfuzzer_sys::fuzz_target;
use probe::{Answered, Course, Frame, Ignored, Kind, MIN, Packet, Responder, Settings};
use terms::Instant;

/// The first octets of a chunk: what is made of it, from whom it is, how much time passes, how long it is.
const HEAD: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    stream(bytes);
    let mut responder = Responder::new(Settings { per_second: 50, per_source: 20 }, [5; 32]);
    let (mut now, mut cookies, mut course) = (Instant::from_nanos(1 << 40), [[0; 16]; 4], Course::default());
    let mut rest = bytes;
    while let Some((&[what, from, passes, length], tail)) = rest.split_first_chunk::<HEAD>() {
        let (chunk, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        now += Duration::from_millis(16 * u64::from(passes));
        let from = usize::from(from % 4);
        let mut question = question(what, &cookies[from], chunk);
        let before = question.clone();
        let media = [source(9), source(10)];
        match responder.answer(now, source(from), &media, &mut question) {
            Ok(answered) => {
                // Two gateways that answer each other's answers would never end.
                assert_eq!(responder.answer(now, source(from), &media, &mut question), Err(Ignored::Answer));
                let asked = Packet::read(&before).expect("a question was answered");
                let answer = Packet::read(&question).expect("an answer is a packet");
                assert_eq!((answer.sequence, answer.sent), (asked.sequence, asked.sent));
                course.on_answer(now.as_nanos(), &answer);
                match answered {
                    Answered::Cookie => {
                        assert_eq!(answer.kind, Kind::Cookie);
                        assert!(probe::media(&question).all(|place| media.contains(&place)));
                        cookies[from] = answer.cookie;
                    }
                    // Its own, and no other's.
                    Answered::Echo => assert_eq!((asked.cookie, answer.cookie), (cookies[from], cookies[from])),
                }
            }
            Err(_) => assert_eq!(before, question),
        }
    }
    let figures = course.figures();
    assert!((0.0..=100.0).contains(&figures.lost_percent));
});

/// As it came, or a good header over it.
fn question(what: u8, cookie: &[u8; 16], chunk: &[u8]) -> Vec<u8> {
    let mut question = chunk.to_vec();
    let kind = match what % 5 {
        0 => return question,
        1 => Kind::Ask,
        2 => Kind::Echo,
        3 => Kind::Count,
        _ => Kind::Echoed,
    };
    question.resize(chunk.len().max(MIN), what);
    Packet { kind, cookie: *cookie, ..Packet::ask(what.into()) }.write(&mut question);
    question
}

fn source(number: usize) -> SocketAddr {
    let last = u8::try_from(number).expect("a few");
    if number % 2 == 0 {
        SocketAddr::from(([192, 0, 2, last], 4_000))
    } else {
        SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)], 4_000))
    }
}

/// Cut into packets, nothing is left over but the begin of one.
fn stream(mut bytes: &[u8]) {
    while let Frame::Whole(length) = probe::frame(bytes) {
        assert!(length >= MIN);
        bytes = &bytes[length..];
    }
    assert!(probe::frame(bytes) == Frame::Broken || bytes.len() < probe::MAX);
}
