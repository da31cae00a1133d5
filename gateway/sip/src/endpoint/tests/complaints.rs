//! What the field complains of, each a test named after it.

use super::desk::*;
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{format, string::String, vec, vec::Vec};
use core::time::Duration;

const PEER: &str = "192.0.2.20:5060";

fn is_up(desk: &Desk) -> bool {
    desk.endpoint.dialogs() == 1
}

#[test]
fn drops_at_32_s() {
    let mut desk = Desk::new();
    let (_, tag) = desk.answered();
    desk.wait(Duration::from_secs(3));
    desk.feed(&Ask::ack(&tag).text());
    desk.wait(Duration::from_secs(300));
    assert!(is_up(&desk), "inward, with a late ACK");

    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    for _ in 0..8 {
        let ok = desk.feed(&answer(&invite, "200", "b", "v=0"));
        assert_eq!(ok.sent.len(), 1, "each 200 gets its ACK, since one was lost");
        desk.wait(Duration::from_secs(4));
    }
    desk.wait(Duration::from_secs(300));
    assert!(is_up(&desk), "outward");
}

#[test]
fn drops_at_15_min() {
    // Half of 1800 s: who was to refresh did not, or did so in a way that the peer refused.
    for allow in ["UPDATE", "INVITE"] {
        let mut desk = Desk::new();
        let invite = desk.command(invite_to(PEER)).sent.remove(0);
        let fields = format!("Session-Expires: 1800;refresher=uac\r\nAllow: {allow}\r\nContact:");
        desk.feed(&answer(&invite, "200", "b", "v=0").replacen("Contact:", &fields, 1));
        for round in 0..8 {
            let refresh = desk.wait(Duration::from_secs(900)).sent.remove(0);
            assert!(allow == "UPDATE" || refresh.ends_with("v=0"), "{allow} {round}: {refresh}");
            desk.feed(&answer(&refresh, "200", "b", "v=0").replacen("Contact:", &fields, 1));
        }
        assert!(is_up(&desk), "{allow}");
    }
}

#[test]
fn drops_at_30_min() {
    // A session timer is between two that know it: one alone ends no call.
    let mut inward = Desk::new();
    inward.confirmed();
    inward.wait(Duration::from_secs(3 * 3600));
    assert!(is_up(&inward));

    let mut outward = Desk::new();
    let invite = outward.command(invite_to(PEER)).sent.remove(0);
    outward.feed(&answer(&invite, "200", "b", "v=0"));
    outward.wait(Duration::from_secs(3 * 3600));
    assert!(is_up(&outward));
}

#[test]
fn early_media_with_180_or_183_and_changing_sdp() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    let mut told: Vec<(u16, String)> = vec![];
    for (status, body) in [("183", "v=1"), ("180", ""), ("180", "v=2"), ("183", "v=3"), ("200", "v=4")] {
        for event in desk.feed(&answer(&invite, status, "b", body)).events {
            if let Event::Progressed { response, .. } | Event::Accepted { response, .. } = event {
                told.push((response.status.code(), String::from_utf8_lossy(&response.body).into_owned()));
            }
        }
    }
    let expected = [(183, "v=1"), (180, ""), (180, "v=2"), (183, "v=3"), (200, "v=4")];
    assert_eq!(told, expected.map(|(status, body)| (status, body.into())));

    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask::invite().text()).invited();
    for (status, body) in [(StatusCode::RINGING, "v=1"), (StatusCode::SESSION_PROGRESS, "v=2")] {
        let reliability = Reliability::BestEffort;
        let progress = Command::Progress { dialog, status, reliability, body: sdp(body), headers: vec![] };
        assert!(desk.command(progress).sent[0].ends_with(body), "{status}");
    }
}

#[test]
fn a_reinvite_without_sdp() {
    let mut desk = Desk::new();
    let (dialog, tag) = desk.confirmed();
    let seen = desk.feed(&Ask::new("INVITE", 2, &tag).text());
    let asked = seen.events.iter().any(|event| match event {
        Event::Reoffered { request, .. } => request.body().is_none(),
        _ => false,
    });
    assert!(asked, "{:?}", seen.told());
    let ok = desk.command(Command::AnswerReoffer { dialog, body: sdp("v=2") });
    assert!(ok.sent[0].ends_with("v=2"), "our 200 offers");
    let seen = desk.feed(&Ask { body: "v=3", ..Ask::new("ACK", 2, &tag) }.text());
    let Some(Event::Acknowledged { body: Some(answer), .. }) = seen.events.last() else { panic!("{seen:?}") };
    assert_eq!(answer.bytes.as_ref(), b"v=3");
}

#[test]
fn duplicated_invite_on_another_socket() {
    let mut config = config(1, [192, 0, 2, 10]);
    let other = ListenerId(9);
    config.listeners.push(Listener { id: other, port: 5080, ..config.listeners[0].clone() });
    let mut desk = Desk::with(config);
    let invite = Ask::invite();
    assert_eq!(desk.feed(&invite.text()).told(), ["Invited"]);
    let by_other = |desk: &mut Desk, text: &str| {
        let source = "192.0.2.20:5061".parse().expect("an address");
        let bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
        desk.input(Input::Datagram { listener: other, source, bytes })
    };
    let seen = by_other(&mut desk, &invite.text());
    assert_eq!(
        (seen.lines(), seen.told().len()),
        (vec!["SIP/2.0 100 Trying"], 0),
        "the same branch: absorbed"
    );
    let forked = Ask { branch: "z9hG4bK-by-another-proxy".into(), ..invite };
    let seen = by_other(&mut desk, &forked.text());
    assert_eq!((seen.lines(), seen.told().len()), (vec!["SIP/2.0 482 Loop Detected"], 0));
    assert!(is_up(&desk));
}

#[test]
fn to_tag_missing_in_a_retransmitted_ack() {
    for (name, branch) in [("a branch of its own", "z9hG4bK-ack"), ("that of the INVITE", "z9hG4bK-INVITE-1")]
    {
        let mut desk = Desk::new();
        desk.answered();
        let ack = Ask { branch: branch.into(), ..Ask::ack("") };
        assert_eq!(desk.feed(&ack.text()).told(), ["Acknowledged"], "{name}");
        assert!(desk.feed(&ack.text()).told().is_empty(), "{name}: once");
        desk.wait(Duration::from_secs(60));
        assert!(is_up(&desk), "{name}");
    }
    let mut desk = Desk::new();
    desk.answered();
    for (name, text) in [
        ("another caller", Ask::ack("").text().replace("tag=phone", "tag=other")),
        ("another call", Ask::ack("").text().replace("Call-ID: call", "Call-ID: other")),
        ("another tag of ours", Ask::ack("other").text()),
    ] {
        assert_eq!(desk.feed(&text).counted(), [Counted::StrayAck], "{name}");
    }
}
