use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::wire::{MAX, MIN, media};

const START: Instant = Instant::from_nanos(600_000_000_007);

fn source(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

fn responder() -> Responder {
    Responder::new(Settings::default(), [3; 32])
}

/// Asks, and yields the answer.
fn put(
    responder: &mut Responder,
    now: Instant,
    from: SocketAddr,
    question: Packet,
) -> Result<Packet, Ignored> {
    let mut bytes = [0xee; 172];
    question.write(&mut bytes);
    responder.answer(now, from, &[], &mut bytes)?;
    Ok(Packet::read(&bytes).expect("an answer is a packet"))
}

fn cookie(responder: &mut Responder, now: Instant, from: SocketAddr) -> Cookie {
    let answer = put(responder, now, from, Packet::ask(9)).expect("a cookie");
    assert_eq!((answer.kind, answer.sequence), (Kind::Cookie, 9));
    answer.cookie
}

fn echo(cookie: Cookie, sequence: u32) -> Packet {
    Packet { kind: Kind::Echo, cookie, sent: 77, ..Packet::ask(sequence) }
}

#[test]
fn media_8_nothing_to_who_has_no_cookie_but_a_cookie() {
    let (mut responder, ann) = (responder(), source(1, 4_000));
    let of_ann = cookie(&mut responder, START, ann);
    let kind = |responder: &mut Responder, now, from, cookie| {
        put(responder, now, from, echo(cookie, 1)).expect("answered").kind
    };
    assert_eq!(kind(&mut responder, START, ann, of_ann), Kind::Echoed);
    assert_eq!(kind(&mut responder, START, source(2, 4_000), of_ann), Kind::Cookie, "another address");
    assert_eq!(kind(&mut responder, START, source(1, 4_001), of_ann), Kind::Cookie, "another port");
    assert_eq!(kind(&mut responder, START, ann, [0; 16]), Kind::Cookie, "none");
    assert_eq!(
        kind(&mut responder, START + Duration::from_secs(60), ann, of_ann),
        Kind::Echoed,
        "the next slot"
    );
    assert_eq!(kind(&mut responder, START + Duration::from_secs(120), ann, of_ann), Kind::Cookie, "too old");
    assert_ne!(of_ann, cookie(&mut Responder::new(Settings::default(), [4; 32]), START, ann), "another key");
}

#[test]
fn media_8_an_echo_has_its_sequence_and_time_and_how_many_came() {
    let (mut responder, ann) = (responder(), source(1, 4_000));
    let of_ann = cookie(&mut responder, START, ann);
    for sequence in 1..=3 {
        let answer = put(&mut responder, START, ann, echo(of_ann, 10 * sequence)).expect("answered");
        assert_eq!((answer.sequence, answer.sent, answer.received), (10 * sequence, 77, sequence));
    }
    let count = Packet { kind: Kind::Count, ..echo(of_ann, 99) };
    let counted = put(&mut responder, START, ann, count).expect("answered");
    assert_eq!(
        (counted.kind, counted.received, counted.limited),
        (Kind::Counted, 3, 0),
        "a count is no echo"
    );
}

#[test]
fn media_8_one_source_may_have_so_much_and_all_together_so_much() {
    let mut responder = Responder::new(Settings { per_second: 100, per_source: 40 }, [3; 32]);
    let ann = source(1, 4_000);
    let of_ann = cookie(&mut responder, START, ann);
    let answered =
        (0..60).filter(|number| put(&mut responder, START, ann, echo(of_ann, *number)).is_ok()).count();
    assert_eq!(answered, 39, "the cookie was one");
    let later = START + Duration::from_secs(1);
    let counted = put(&mut responder, later, ann, Packet { kind: Kind::Count, ..echo(of_ann, 99) });
    assert_eq!(counted.map(|counted| (counted.received, counted.limited)), Ok((39, 21)), "and it is told");
    let given = (0..200).filter(|last| put(&mut responder, later, source(*last, 1), Packet::ask(1)).is_ok());
    assert!((90..=100).contains(&given.count()), "sources may fall together");
    assert!(
        put(&mut responder, later, ann, echo(of_ann, 1)).is_ok(),
        "who has a cookie is not starved by who has none"
    );
    let Counted { cookies, echoes, limited, malformed } = responder.take_counted();
    assert_eq!((cookies + echoes + limited, malformed), (1 + 60 + 1 + 200 + 1, 0));
    assert_eq!(responder.take_counted(), Counted::default());
}

#[test]
fn media_8_a_cookie_tells_where_media_is_probed_and_gives_nothing_else_back() {
    let (mut responder, place) = (responder(), source(10, 10_000));
    let mut bytes = [0xee; 172];
    Packet::ask(1).write(&mut bytes);
    responder.answer(START, source(1, 4_000), &[place], &mut bytes).expect("answered");
    assert_eq!(media(&bytes).collect::<Vec<_>>(), [place]);
    assert!(bytes[44 + 20..].iter().all(|octet| *octet == 0), "nobody has others sent what he likes");
}

#[test]
fn media_8_answers_are_not_answered() {
    for kind in [Kind::Cookie, Kind::Echoed, Kind::Counted] {
        let question = Packet { kind, ..Packet::ask(1) };
        assert_eq!(put(&mut responder(), START, source(1, 1), question), Err(Ignored::Answer));
    }
}

proptest! {
    /// That an answer is no longer than its question is the type's to say: it is written over it. What is not a packet is not
    /// answered at all, and is left as it was.
    #[test]
    fn media_8_no_octets_are_answered_but_questions(mut bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let before = bytes.clone();
        let answered = responder().answer(START, source(1, 1), &[source(2, 2)], &mut bytes);
        prop_assert!(matches!(answered, Err(Ignored::Malformed(_))));
        prop_assert_eq!(bytes, before);
    }

    #[test]
    fn media_8_a_question_of_any_length_is_answered_at_that_length(length in MIN..=MAX, fill in any::<u8>()) {
        let mut bytes = vec![fill; length];
        Packet::ask(1).write(&mut bytes);
        prop_assert!(responder().answer(START, source(1, 1), &[source(2, 2); 100], &mut bytes).is_ok());
        prop_assert_eq!(Packet::read(&bytes).map(|answer| answer.kind), Ok(Kind::Cookie));
    }
}
