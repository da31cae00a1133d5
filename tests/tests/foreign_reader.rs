//! What the gateway writes is read by a parser that we did not write.
//!
//! rsip knows neither IPv6, compact forms nor folded lines; the gateway writes none of them here.
//! tshark reads everything else, in tests/interop.

use std::time::Duration;

use bytes::Bytes;
use rsip::{
    SipMessage,
    headers::{ToTypedHeader as _, UntypedHeader as _},
    message::{HasHeaders as _, HeadersExt as _},
};
use sip::wire::{self, Message};
use tests::{
    Action::{HangUp, Key, Wait},
    Conditions, World,
};

const SECOND: Duration = Duration::from_secs(1);

/// Everything that a gateway says in calls that go well, fail, are refused, cancelled and hung up by it.
fn everything_said() -> Vec<Bytes> {
    let mut said = Vec::new();
    let calls: [(&str, Vec<tests::Action>); 5] = [
        ("02153290005", vec![Key("900100001#"), Key("1234#"), Wait(5 * SECOND), HangUp]),
        (
            "02153290005",
            vec![Key("1#"), Key("1#"), Key("1#"), Key("1#"), Key("1#"), Key("1#"), Wait(60 * SECOND)],
        ),
        ("9002", vec![Wait(SECOND), HangUp]),
        ("5550404", Vec::new()),
        ("9003", Vec::new()),
    ];
    for (number, actions) in calls {
        let mut world = World::new(Conditions::GOOD, 1, &[440]);
        world.dial(0, number, &actions);
        world.run(3 * SECOND);
        if number == "9003" {
            world.hang_up(0);
        }
        world.run(60 * SECOND);
        said.append(&mut world.gateway.sent);
    }
    said
}

#[test]
fn rsip_reads_every_message_as_we_do() {
    let said = everything_said();
    assert!(said.len() > 15, "{} messages", said.len());
    for bytes in said {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let theirs = SipMessage::try_from(&bytes[..]).unwrap_or_else(|error| panic!("{error}: {text}"));
        let ours = wire::parse(bytes).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        match (&theirs, &ours) {
            (SipMessage::Request(theirs), Message::Request(ours)) => {
                assert_eq!(theirs.method.to_string(), ours.method.to_string(), "{text}");
                assert_eq!(theirs.uri.to_string().as_bytes(), ours.uri.as_text().as_bytes(), "{text}");
            }
            (SipMessage::Response(theirs), Message::Response(ours)) => {
                assert_eq!(u16::from(theirs.status_code.clone()), ours.status.code(), "{text}");
            }
            _ => panic!("a request and a response: {text}"),
        }
        let (head, body, count) = match &ours {
            Message::Request(ours) => (&ours.head, &ours.body, ours.headers.iter().count()),
            Message::Response(ours) => (&ours.head, &ours.body, ours.headers.iter().count()),
        };
        assert_eq!(
            theirs.call_id_header().expect("Call-ID").value().as_bytes(),
            head.call_id.0.as_bytes(),
            "{text}"
        );
        let sequence = theirs.cseq_header().expect("CSeq").typed().expect("a CSeq");
        assert_eq!(sequence.seq.to_string(), head.cseq.number.0.to_string(), "{text}");
        let tag = |tag: Option<rsip::common::uri::param::Tag>| tag.map(|tag| tag.to_string());
        let theirs_from = theirs.from_header().expect("From").typed().expect("a From");
        assert_eq!(tag(theirs_from.tag().cloned()), head.from.tag().map(|tag| tag.0.to_string()), "{text}");
        assert_eq!(theirs.headers().iter().count(), count, "{text}");
        let theirs_body = match &theirs {
            SipMessage::Request(theirs) => &theirs.body,
            SipMessage::Response(theirs) => &theirs.body,
        };
        assert_eq!(&theirs_body[..], &body[..], "{text}");
    }
}
