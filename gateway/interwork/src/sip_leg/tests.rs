use sip::wire::{self, Message};
use terms::media::{FirstSource, Sources};

mod checks;
mod early;
mod encryption;

use super::*;
use crate::{KeySource, arrival::called};

#[test]
fn rfc3261_20_1_accept_says_whether_a_description_may_be_sent() {
    let rows = [
        ("none", "", true),
        ("the usual one", "Accept: application/sdp\r\n", true),
        ("among others", "Accept: text/plain, Application/SDP;level=1\r\n", true),
        ("on a line of its own", "Accept: text/plain\r\nAccept: application/sdp\r\n", true),
        ("any application", "Accept: application/*\r\n", true),
        ("anything", "Accept: */*;q=0.1\r\n", true),
        ("something else", "Accept: text/nobodyKnowsThis\r\n", false),
        ("nothing", "Accept:\r\n", false),
    ];
    for (name, headers, expected) in rows {
        assert_eq!(accepts_descriptions(&invite(headers)), expected, "{name}");
    }
    assert_eq!(refusal_of(NoOffer::AnswerUnwanted).status.code(), 406);
}

#[test]
fn dial_1_where_the_called_number_stands_is_the_trunks_to_say() {
    use crate::CalledNumber::{Diversion, HistoryInfo, PCalledPartyId, RequestUri, To};
    let diverted =
        "Diversion: <sip:5550100@192.0.2.1>;reason=unconditional, <tel:+862153290005>;reason=no-answer\r\n";
    let history = "History-Info: <sip:02153290005@192.0.2.1>;index=1, <sip:5550100@192.0.2.1>;index=1.1\r\n";
    let party = "P-Called-Party-ID: <sip:02153290005@192.0.2.1>\r\n";
    let rows = [
        ("in the Request-URI", RequestUri, diverted, "9001"),
        ("in To", To, history, "9001"),
        ("in P-Called-Party-ID", PCalledPartyId, party, "02153290005"),
        ("what was dialled stands last", Diversion, diverted, "+862153290005"),
        ("what was dialled stands first", HistoryInfo, history, "02153290005"),
        ("a call that was not diverted", Diversion, "", "9001"),
        ("one without a history", HistoryInfo, "", "9001"),
        ("a header that says nothing", Diversion, "Diversion: ???\r\n", "9001"),
    ];
    for (name, place, headers, expected) in rows {
        assert_eq!(called(&invite(headers), place), expected, "{name}");
    }
}

#[test]
fn rfc3261_18_1_1_a_trunk_that_takes_streams_is_told_to_the_endpoint() {
    let (udp, tcp) = (ListenerId(0), ListenerId(1));
    let rows = [
        ("udp alone", Oversize::Same, udp, false),
        ("streams", Oversize::Stream(tcp), udp, true),
        ("it came by the stream", Oversize::Stream(tcp), tcp, false),
    ];
    for (name, oversize, listener, expected) in rows {
        let mut legs = legs(crate::Trunk { oversize, ..trunk() });
        legs.handle_input(terms::Instant::ZERO, invited(listener, 7, ""));
        let reached = std::iter::from_fn(|| legs.poll_output())
            .any(|output| matches!(output, Output::Sip(Command::Reach { .. })));
        assert_eq!(reached, expected, "{name}");
    }
}

#[test]
fn out_6_a_call_that_is_refused_for_its_offer_takes_no_channel_and_a_leg_that_is_restored_twice_takes_one() {
    let limits = crate::GateLimits { channels: Some(2), rate: None };
    let mut legs = legs(crate::Trunk { limits, ..trunk() });
    let in_use = |legs: &SipLegs| legs.gates().first().map(|trunk| (trunk.in_use, trunk.refused.channels));
    for serial in 1..=3 {
        legs.handle_input(terms::Instant::ZERO, invited(ListenerId(0), serial, "Accept: text/plain\r\n"));
    }
    assert_eq!(in_use(&legs), Some((0, 0)));
    for serial in 4..=6 {
        legs.handle_input(terms::Instant::ZERO, invited(ListenerId(0), serial, ""));
    }
    assert_eq!(in_use(&legs), Some((2, 1)));
    let leg = LegId(DialogId::outgoing(4).as_u64());
    let snapshot = legs.snapshot(leg).expect("a leg");
    legs.restore(snapshot);
    assert_eq!(in_use(&legs), Some((2, 1)));
    let ending = Ending::Bye(None);
    legs.handle_input(
        terms::Instant::ZERO,
        Input::Sip(Event::Ended { dialog: DialogId::outgoing(4), ending }),
    );
    assert_eq!(in_use(&legs), Some((1, 1)));
}

#[test]
fn iso_3_a_call_by_a_trunk_takes_media_as_the_trunk_says_and_any_other_as_the_listener() {
    let sources = Sources { first: FirstSource::Known, within: Vec::new() };
    let trunk = crate::Trunk { sources: sources.clone(), ..trunk() };
    let listener =
        crate::Listener { policy: crate::Policy::Anybody, ..listener("udp:192.0.2.100:5060", &trunk) };
    let peers = Peers { listeners: [(ListenerId(0), listener)].into(), trunks: vec![trunk] };
    for (source, expected) in [([192, 0, 2, 1], sources), ([198, 51, 100, 1], Sources::default())] {
        let known = peers.find(ListenerId(0), source.into()).expect("anybody may call");
        assert_eq!(
            arrival(&Profiles::default(), (&known, LegId(2)), (&invite(""), None)).sources,
            expected,
            "{source:?}"
        );
    }
}

fn listener(name: &str, trunk: &crate::Trunk) -> crate::Listener {
    crate::Listener {
        name: name.into(),
        zone: trunk.zone.clone(),
        here: ([192, 0, 2, 100], 5060).into(),
        signaling: crate::Signaling::InClear,
        policy: crate::Policy::Trunks,
        encryption: Encryption::Preferred,
        sources: Sources::default(),
        ice: terms::media::Ice::Off,
        limits: crate::GateLimits::default(),
    }
}

/// Over UDP and over TCP, with one trunk.
fn legs(trunk: crate::Trunk) -> SipLegs {
    let ours = |name: &str| listener(name, &trunk);
    let listeners =
        [(ListenerId(0), ours("udp:192.0.2.100:5060")), (ListenerId(1), ours("tcp:192.0.2.100:5060"))];
    let peers = Peers { listeners: listeners.into(), trunks: vec![trunk] };
    let settings = SipSettings { peers, ..SipSettings::default() };
    SipLegs::new(Arc::new(settings), Entropy::from_seed([1; 4]), KeySource::from_seed([1; 32]))
}

fn trunk() -> crate::Trunk {
    crate::Trunk {
        name: "carrier".into(),
        zone: "trunk".into(),
        peers: vec!["192.0.2.0/24".parse().expect("a network")],
        kind: call::leg::Kind::Phone,
        keys: call::leg::KeyMethod::Auto,
        called_number: crate::CalledNumber::RequestUri,
        oversize: Oversize::Same,
        encryption: Encryption::Preferred,
        sources: Sources::default(),
        ice: terms::media::Ice::Off,
        limits: crate::GateLimits::default(),
        out: None,
        early_media: crate::EarlyMedia::Heard,
        keying: crate::Keying::Description,
    }
}

fn invited(listener: ListenerId, serial: u64, headers: &str) -> Input {
    let source = "192.0.2.1:5060".parse().expect("an address");
    let dialog = DialogId::outgoing(serial);
    Input::Sip(Event::Invited(Box::new(Invited { dialog, listener, source, request: invite(headers) })))
}

fn invite(headers: &str) -> Request {
    let text = format!(
        "INVITE sip:9001@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
         From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:9001@192.0.2.100>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:a@192.0.2.1>\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    match wire::parse(Bytes::from(text)) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{other:?}"),
    }
}
