//! Calls whose offer the callee makes (RFC 3261 §13.2.1).

use super::desk::*;
use crate::endpoint::*;
use alloc::vec;
use core::time::Duration;

const PEER: &str = "192.0.2.20:5060";

fn bare_invite() -> Command {
    let Command::Invite(mut invite) = invite_to(PEER) else { panic!("an INVITE") };
    invite.body = None;
    Command::Invite(invite)
}

#[test]
fn rfc3261_13_2_2_4_the_ack_carries_the_answer_that_the_owner_gives() {
    let mut desk = Desk::new();
    let invite = desk.command(bare_invite()).sent.remove(0);
    let ok = answer(&invite, "200", "b", "v=1");
    let seen = desk.feed(&ok);
    assert_eq!((seen.sent.len(), seen.told()), (0, vec!["Accepted 200".into()]));
    let again = desk.feed(&ok);
    assert_eq!((again.sent.len(), again.told().len()), (0, 0), "it waits for the owner");
    let ack = desk.command(Command::Acknowledge { dialog: CALLED, body: sdp("v=2") });
    assert!(ack.lines()[0].starts_with("ACK ") && ack.sent[0].ends_with("v=2"), "{:?}", ack.sent);
    assert_eq!(desk.feed(&ok).sent, ack.sent, "and so again");
    let second = desk.command(Command::Acknowledge { dialog: CALLED, body: None });
    assert_eq!(second.counted(), [Counted::CommandIgnored(CALLED)]);
}

#[test]
fn rfc3261_13_2_2_4_a_call_given_up_before_its_answer_gets_ack_and_bye() {
    let mut desk = Desk::new();
    let invite = desk.command(bare_invite()).sent.remove(0);
    desk.feed(&answer(&invite, "200", "b", "v=1"));
    let seen = desk.command(Command::Hangup { dialog: CALLED, reason: None });
    let lines = seen.lines();
    assert!(lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "), "{lines:?}");

    let mut desk = Desk::new();
    let invite = desk.command(bare_invite()).sent.remove(0);
    desk.feed(&answer(&invite, "180", "b", ""));
    desk.command(Command::Hangup { dialog: CALLED, reason: None });
    let seen = desk.feed(&answer(&invite, "200", "b", "v=1"));
    assert!(seen.lines()[0].starts_with("ACK ") && seen.lines()[1].starts_with("BYE "), "crossing CANCEL");
}

#[test]
fn rfc3261_14_1_a_reinvite_that_asks_for_an_offer_is_acknowledged_with_the_answer() {
    let mut desk = Desk::new();
    let (dialog, _) = desk.confirmed();
    let reinvite = desk.command(Command::Reoffer { dialog, body: None }).sent.remove(0);
    let ok = answer(&reinvite, "200", "phone", "v=5");
    let seen = desk.feed(&ok);
    assert_eq!((seen.sent.len(), seen.told()), (0, vec!["ReofferAnswered 200".into()]));
    assert_eq!(desk.feed(&ok).told().len(), 0);
    let blocked = desk.command(Command::Reoffer { dialog, body: sdp("v=6") });
    assert_eq!(blocked.counted(), [Counted::CommandIgnored(dialog)], "its ACK comes first");
    let ack = desk.command(Command::Acknowledge { dialog, body: sdp("v=6") });
    assert!(ack.lines()[0].starts_with("ACK ") && ack.sent[0].ends_with("v=6"));
    assert_eq!(desk.command(Command::Reoffer { dialog, body: sdp("v=7") }).sent.len(), 1);
}

#[test]
fn rfc3261_13_3_1_4_inward_our_200_offers_and_the_ack_answers() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask { body: "", ..Ask::invite() }.text()).invited();
    let ok = desk.command(Command::Answer { dialog, body: sdp("v=1"), headers: vec![] });
    let tag = to_tag(&ok.sent[0]);
    let early = desk.feed(&Ask { body: "v=9", ..Ask::new("UPDATE", 2, &tag) }.text());
    assert_eq!(early.lines(), ["SIP/2.0 491 Request Pending"], "RFC 3311 §5.2: ours is not answered");
    let seen = desk.feed(&Ask { body: "v=2", ..Ask::ack(&tag) }.text());
    let Some(Event::Acknowledged { body, .. }) = seen.events.last() else { panic!("{seen:?}") };
    assert_eq!(body.as_ref().map(|body| body.bytes.as_ref()), Some(&b"v=2"[..]));
    assert!(desk.wait(Duration::from_secs(40)).sent.is_empty());
}
