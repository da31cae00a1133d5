//! UPDATE, before and in a call (RFC 3311).

use super::desk::*;
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{string::String, vec};

const PEER: &str = "192.0.2.20:5060";

/// An INVITE that came and whose offer is answered in a 183 that is acknowledged.
fn settled(allow: &str) -> (Desk, DialogId, String) {
    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask::invite().with("Supported: 100rel").with(allow).text()).invited();
    let (status, reliability) = (StatusCode::SESSION_PROGRESS, Reliability::Acknowledged);
    let progress = Command::Progress { dialog, status, reliability, body: sdp("v=1"), headers: vec![] };
    let early = desk.command(progress).sent.remove(0);
    let (tag, rack) = (to_tag(&early), alloc::format!("RAck: {} 1 INVITE", header(&early, "RSeq")));
    desk.feed(&Ask::new("PRACK", 2, &tag).with(&rack).text());
    (desk, dialog, tag)
}

#[test]
fn rfc3311_5_2_an_offer_before_the_invites_own_is_answered_is_refused() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask::invite().text()).invited();
    let (status, reliability) = (StatusCode::RINGING, Reliability::BestEffort);
    let ringing = Command::Progress { dialog, status, reliability, body: None, headers: vec![] };
    let tag = to_tag(&desk.command(ringing).sent[0]);
    let seen = desk.feed(&Ask { body: "v=2", ..Ask::new("UPDATE", 2, &tag) }.text());
    assert_eq!((seen.lines(), seen.told().len()), (vec!["SIP/2.0 500 Server Internal Error"], 0));
    assert!(header(&seen.sent[0], "Retry-After").parse::<u32>().is_ok_and(|seconds| seconds <= 10));
    assert_eq!(
        desk.feed(&Ask::new("UPDATE", 3, &tag).text()).lines(),
        ["SIP/2.0 200 OK"],
        "a refresh may come"
    );
}

#[test]
fn rfc3311_5_2_in_an_early_dialog_an_offer_is_told_and_answered() {
    let (mut desk, dialog, tag) = settled("Allow: INVITE, UPDATE");
    let seen = desk.feed(&Ask { body: "v=2", ..Ask::new("UPDATE", 3, &tag) }.text());
    assert_eq!((seen.sent.len(), seen.told()), (0, vec!["Reoffered".into()]));
    let second = desk.feed(&Ask { body: "v=3", ..Ask::new("UPDATE", 4, &tag) }.text());
    assert_eq!(second.lines(), ["SIP/2.0 500 Server Internal Error"]);
    let ok = desk.command(Command::AnswerReoffer { dialog, body: sdp("v=4") });
    assert_eq!((ok.lines(), header(&ok.sent[0], "CSeq").as_str()), (vec!["SIP/2.0 200 OK"], "3 UPDATE"));
    assert_eq!(
        desk.command(Command::Answer { dialog, body: None, headers: vec![] }).lines(),
        ["SIP/2.0 200 OK"]
    );
}

#[test]
fn rfc3311_5_1_ours_goes_in_an_early_dialog_where_the_peer_allows_it() {
    for (name, allow, sent) in [
        ("allowed", "Allow: INVITE, UPDATE", 1),
        ("not allowed", "Allow: INVITE", 0),
        ("not told", "X-None: x", 0),
    ] {
        let (mut desk, dialog, _) = settled(allow);
        let seen = desk.command(Command::Reoffer { dialog, body: sdp("v=5") });
        assert_eq!(seen.sent.len(), sent, "{name}");
    }
    let (mut desk, dialog, tag) = settled("Allow: UPDATE");
    let update = desk.command(Command::Reoffer { dialog, body: sdp("v=5") }).sent.remove(0);
    assert!(update.starts_with("UPDATE sip:phone@192.0.2.20 "), "{update}");
    let crossing = desk.feed(&Ask { body: "v=2", ..Ask::new("UPDATE", 3, &tag) }.text());
    assert_eq!(crossing.lines(), ["SIP/2.0 491 Request Pending"]);
    let ok = desk.feed(&answer(&update, "200", "phone", "v=6"));
    assert_eq!((ok.sent.len(), ok.told()), (0, vec!["ReofferAnswered 200".into()]), "no ACK");
}

#[test]
fn rfc3311_5_1_the_caller_may_too_once_its_offer_is_answered_reliably() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    let allowing = |rel: &str, status| {
        answer(&invite, status, "b", "v=1").replacen(
            "Contact:",
            &alloc::format!("{rel}Allow: UPDATE\r\nContact:"),
            1,
        )
    };
    desk.feed(&allowing("", "183"));
    assert!(desk.command(Command::Reoffer { dialog: CALLED, body: sdp("v=2") }).sent.is_empty());
    desk.feed(&allowing("Require: 100rel\r\nRSeq: 1\r\n", "183"));
    let update = desk.command(Command::Reoffer { dialog: CALLED, body: sdp("v=2") });
    assert!(update.lines()[0].starts_with("UPDATE "), "{:?}", update.lines());
    assert!(desk.command(Command::Reoffer { dialog: CALLED, body: None }).sent.is_empty());
}
