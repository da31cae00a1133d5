//! Connectivity checks of legs (MEDIA-3, RFC 8839).

use terms::media::{Ice, IceTerms};

use super::*;

const SERIAL: u64 = 7;

fn offering(ufrag: &str) -> Request {
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n\
         a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\r\n"
    );
    let text = format!(
        "INVITE sip:9001@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
         From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:9001@192.0.2.100>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:a@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    match wire::parse(Bytes::from(text)) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{other:?}"),
    }
}

/// What was agreed on, and what we answered.
fn agreed(legs: &mut SipLegs, input: Input) -> (Option<IceTerms>, String) {
    legs.handle_input(terms::Instant::ZERO, input);
    let (mut terms, mut said) = (None, String::new());
    while let Some(output) = legs.poll_output() {
        match output {
            Output::Call(_, LegEvent::Negotiated { stream, .. }) => terms = stream.ice.map(|terms| *terms),
            Output::Sip(Command::Answer { body, .. } | Command::AnswerReoffer { body, .. }) => {
                let body = body.expect("a description").bytes;
                said = String::from_utf8(body.to_vec()).expect("text");
            }
            _ => {}
        }
    }
    (terms, said)
}

fn calling(ice: Ice) -> SipLegs {
    let mut legs = legs(crate::Trunk { ice, ..trunk() });
    let source = "192.0.2.1:5060".parse().expect("an address");
    let (dialog, listener) = (DialogId::outgoing(SERIAL), ListenerId(0));
    let invited = Event::Invited(Box::new(Invited { dialog, listener, source, request: offering("8hhY") }));
    legs.handle_input(terms::Instant::ZERO, Input::Sip(invited));
    while legs.poll_output().is_some() {}
    legs
}

fn answer() -> Input {
    let address = |port| std::net::SocketAddr::from(([192, 0, 2, 100], port));
    let audio = LocalMedia { rtp: address(10_000), rtcp: address(10_001) };
    Input::Call(LegId(DialogId::outgoing(SERIAL).as_u64()), LegCommand::Answer { audio })
}

fn again(ufrag: &str) -> Input {
    let (dialog, request) = (DialogId::outgoing(SERIAL), Box::new(offering(ufrag)));
    Input::Sip(Event::Reoffered { dialog, request })
}

#[test]
fn rfc8445_9_our_credentials_stay_until_the_peer_restarts_and_have_chance_enough() {
    let mut legs = calling(Ice::Lite);
    let (first, said) = agreed(&mut legs, answer());
    let first = first.expect("agreed").ours;
    assert!(
        said.contains("a=ice-lite\r\n") && said.contains(&format!("a=ice-ufrag:{}\r\n", first.ufrag)),
        "{said}"
    );
    // RFC 8839 §5.4: 24 and 128 bits; a character has 6.
    assert!(first.ufrag.len() * 6 >= 24 && first.reveal().len() * 6 >= 128);
    let (refreshed, _) = agreed(&mut legs, again("8hhY"));
    assert_eq!(refreshed.expect("agreed").ours, first);
    let (restarted, said) = agreed(&mut legs, again("9iiZ"));
    let restarted = restarted.expect("agreed").ours;
    assert!(restarted.ufrag != first.ufrag && restarted.reveal() != first.reveal(), "all of it is new");
    assert!(
        said.contains(&format!("a=ice-pwd:{}\r\n", restarted.reveal())) && said.contains("o=- "),
        "{said}"
    );
}

#[test]
fn media_3_checks_are_answered_by_policy_alone() {
    let (terms, said) = agreed(&mut calling(Ice::Off), answer());
    assert_eq!((terms, said.contains("ice")), (None, false), "{said}");
}
