//! Early media (OUT-3): which of several answers stands.

use call::leg::{Alert, Caller, Dial, Way};
use sip::{endpoint::Hop, wire::Response};

use super::*;
use crate::{EarlyMedia, WayOut};

/// A leg that we make.
const LEG: LegId = LegId(3);

/// What its call is told: with which port sound goes, and what happens.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Agreed(u16),
    Ringing,
    Heard(Alert),
    Established,
    Ended,
}

use Word::{Agreed, Ended, Established, Heard, Ringing};

/// One response to our INVITE: its status, its To tag, a header of its own, and the port of its description.
struct Said<'a>(u16, &'a str, &'a str, Option<u16>);

fn dialed(trunk: crate::Trunk) -> SipLegs {
    let here = ([192, 0, 2, 100], 5060).into();
    let out = WayOut { hop: Hop::new(ListenerId(0), ([192, 0, 2, 1], 5060).into()), here };
    let mut legs = legs(crate::Trunk { out: Some(out), ..trunk });
    let address = |port| SocketAddr::from(([192, 0, 2, 100], port));
    let dial = Dial {
        way: Way::Trunk("carrier".into()),
        number: "5550100".into(),
        caller: Caller::Withheld,
        hops_left: 69,
        audio: LocalMedia { rtp: address(10_000), rtcp: address(10_001) },
    };
    legs.handle_input(terms::Instant::ZERO, Input::Call(LEG, LegCommand::Dial(Box::new(dial))));
    while legs.poll_output().is_some() {}
    legs
}

fn response(Said(status, tag, header, port): &Said<'_>) -> Box<Response> {
    let direction = if *header == INACTIVE { "inactive" } else { "sendrecv" };
    let header = if *header == INACTIVE { "" } else { header };
    let body = port.map(|port| {
        format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na={direction}\r\n"
        )
    });
    let content = if body.is_some() { "Content-Type: application/sdp\r\n" } else { "" };
    let body = body.unwrap_or_default();
    let text = format!(
        "SIP/2.0 {status} Said\r\nVia: SIP/2.0/UDP 192.0.2.100;branch=z9hG4bKa\r\nFrom: <sip:a@192.0.2.100>;tag=1\r\n\
         To: <sip:5550100@192.0.2.1>;tag={tag}\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{header}{content}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    match wire::parse(Bytes::from(text)) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

/// In place of a header: its description says so.
const INACTIVE: &str = "a=inactive";

fn told(legs: &mut SipLegs, said: &Said<'_>) -> Vec<Word> {
    let (dialog, response) = (DialogId::outgoing(LEG.0 >> 1), response(said));
    let event = if response.status.is_success() {
        Event::Accepted { dialog, response }
    } else {
        Event::Progressed { dialog, response }
    };
    legs.handle_input(terms::Instant::ZERO, Input::Sip(event));
    let word = |output| match output {
        Output::Call(_, LegEvent::Negotiated { stream, .. }) => Some(Agreed(stream.remote.port())),
        Output::Call(_, LegEvent::Ringing) => Some(Ringing),
        Output::Call(_, LegEvent::EarlyMedia(alert)) => Some(Heard(alert)),
        Output::Call(_, LegEvent::Established) => Some(Established),
        Output::Call(_, LegEvent::Ended { .. }) => Some(Ended),
        _ => None,
    };
    std::iter::from_fn(|| legs.poll_output()).filter_map(word).collect()
}

#[test]
fn rfc6337_3_1_the_first_answer_of_an_early_dialog_stands_the_last_early_dialog_is_heard_and_the_200_counts()
{
    use Alert::{Progress, Ringing as Rings};
    let first = Said(183, "x", "", Some(4_000));
    let again = Said(183, "x", "", Some(4_100));
    let fork = Said(180, "y", "", Some(4_200));
    let rows: [(&str, &[Said<'_>], &[Word]); 7] = [
        ("one, said twice", &[first, again], &[Agreed(4_000), Heard(Progress), Heard(Progress)]),
        (
            "another in the 200",
            &[Said(183, "x", "", Some(4_000)), Said(200, "x", "", Some(4_100))],
            &[Agreed(4_000), Heard(Progress), Agreed(4_100), Established],
        ),
        (
            "a fork, whose 200 says nothing",
            &[Said(183, "x", "", Some(4_000)), fork, Said(200, "y", "", None)],
            &[Agreed(4_000), Heard(Progress), Agreed(4_200), Heard(Rings), Agreed(4_200), Established],
        ),
        (
            "a fork, and the 200 is of the first",
            &[Said(183, "x", "", Some(4_000)), Said(183, "y", "", Some(4_200)), Said(200, "x", "", None)],
            &[Agreed(4_000), Heard(Progress), Agreed(4_200), Heard(Progress), Agreed(4_000), Established],
        ),
        (
            "the 200 of one that never answered the offer",
            &[Said(183, "x", "", Some(4_000)), Said(200, "z", "", None)],
            &[Agreed(4_000), Heard(Progress), Ended],
        ),
        (
            "a fork that sends nothing, until it does",
            &[
                Said(183, "x", "", Some(4_000)),
                Said(183, "y", "P-Early-Media: inactive\r\n", Some(4_200)),
                Said(183, "y", "", Some(4_200)),
            ],
            &[Agreed(4_000), Heard(Progress), Ringing, Agreed(4_200), Heard(Progress)],
        ),
        (
            "it rings without sound before and behind",
            &[Said(180, "x", "", None), Said(183, "x", "", Some(4_000)), Said(181, "x", "", None)],
            &[Ringing, Agreed(4_000), Heard(Progress), Heard(Progress)],
        ),
    ];
    for (name, responses, expected) in rows {
        let mut legs = dialed(trunk());
        let words: Vec<Word> = responses.iter().flat_map(|said| told(&mut legs, said)).collect();
        assert_eq!(words, expected, "{name}");
    }
}

#[test]
fn rfc5009_8_who_may_not_be_heard_or_sends_nothing_rings() {
    let rows = [
        ("sendrecv", "P-Early-Media: sendrecv\r\n", true),
        ("sendonly, of two lines", "P-Early-Media: sendonly, sendonly, gated\r\n", true),
        ("recvonly", "P-Early-Media: recvonly\r\n", false),
        ("inactive", "P-Early-Media: Inactive\r\n", false),
        ("its description sends nothing", INACTIVE, false),
    ];
    for (name, header, is_heard) in rows {
        let mut legs = dialed(trunk());
        let words = told(&mut legs, &Said(183, "x", header, Some(4_000)));
        let expected = if is_heard { vec![Agreed(4_000), Heard(Alert::Progress)] } else { vec![Ringing] };
        assert_eq!(words, expected, "{name}");
        let answered = told(&mut legs, &Said(200, "x", "", None));
        assert_eq!(answered, [Agreed(4_000), Established], "{name}: it was answered all the same");
    }
    let mut legs = dialed(trunk());
    told(&mut legs, &Said(183, "x", "P-Early-Media: inactive\r\n", Some(4_000)));
    let words = told(&mut legs, &Said(180, "x", "P-Early-Media: sendrecv\r\n", None));
    assert_eq!(words, [Agreed(4_000), Heard(Alert::Ringing)], "it may by now");
}

#[test]
fn media_2_sound_in_clear_is_not_heard_where_it_must_be_encrypted_nor_where_it_is_not_wanted() {
    let required = crate::Trunk { encryption: Encryption::Required, ..trunk() };
    let unwanted = crate::Trunk { early_media: EarlyMedia::Ignored, ..trunk() };
    for (name, trunk, at_last) in [
        ("must be encrypted", required, vec![Ended]),
        ("not wanted", unwanted, vec![Agreed(4_000), Established]),
    ] {
        let mut legs = dialed(trunk);
        assert_eq!(told(&mut legs, &Said(183, "x", "", Some(4_000))), [Ringing], "{name}");
        // RFC 6337 §3.1: what the 183 said is not said again.
        assert_eq!(told(&mut legs, &Said(200, "x", "", None)), at_last, "{name}");
    }
}
