//! Reliable provisional responses (RFC 3262).

use super::desk::*;
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{format, string::String, vec, vec::Vec};
use core::time::Duration;

const PEER: &str = "192.0.2.20:5060";

fn progress(dialog: DialogId, status: StatusCode, reliability: Reliability, body: Option<Body>) -> Command {
    Command::Progress { dialog, status, reliability, body, headers: vec![] }
}

fn ringing(dialog: DialogId) -> Command {
    progress(dialog, StatusCode::RINGING, Reliability::Acknowledged, None)
}

fn early_media(dialog: DialogId) -> Command {
    progress(dialog, StatusCode::SESSION_PROGRESS, Reliability::Acknowledged, sdp("v=1"))
}

fn accept(dialog: DialogId) -> Command {
    Command::Answer { dialog, body: sdp("v=1"), headers: vec![] }
}

fn supporting() -> Ask {
    Ask::invite().with("Supported: timer2, 100REL")
}

/// A PRACK for a 1xx that came.
fn prack(response: &str, cseq: u32) -> Ask {
    let rack = format!("RAck: {} 1 INVITE", header(response, "RSeq"));
    Ask::new("PRACK", cseq, &to_tag(response)).with(&rack)
}

#[test]
fn rfc3262_3_a_1xx_is_sent_again_at_t1_doubling_until_its_prack() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    let ringing = desk.command(ringing(dialog)).sent.remove(0);
    assert_eq!((header(&ringing, "Require").as_str(), ringing.contains("RSeq: ")), ("100rel", true));
    let mut times = vec![];
    for tenths in 1..100 {
        let seen = desk.wait(Duration::from_millis(100));
        times.extend(seen.sent.iter().map(|again| (tenths, *again == ringing)));
    }
    assert_eq!(times, [(5, true), (15, true), (35, true), (75, true)]);
    let ok = desk.feed(&prack(&ringing, 2).text());
    assert_eq!((ok.lines(), ok.told()), (vec!["SIP/2.0 200 OK"], vec!["ProgressAcknowledged".into()]));
    assert!(desk.wait(Duration::from_secs(60)).sent.is_empty());
}

#[test]
fn rfc3262_3_without_a_prack_in_64_t1_the_invite_is_refused() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    desk.command(ringing(dialog));
    let seen = desk.wait(Duration::from_secs(32));
    assert_eq!(seen.lines().last(), Some(&"SIP/2.0 504 Server Time-out"));
    assert_eq!(seen.told(), ["Ended Timeout"]);
}

#[test]
fn rfc3262_3_reliability_is_what_the_peer_knows_and_the_owner_wants() {
    use Reliability::{Acknowledged, BestEffort};
    for (name, extra, reliability, expected) in [
        ("unaware", "X-None: x", Acknowledged, ""),
        ("supported, not wanted", "Supported: 100rel", BestEffort, ""),
        ("supported, wanted", "Supported: 100rel", Acknowledged, "100rel"),
        ("required, not wanted", "Require: 100rel", BestEffort, "100rel"),
    ] {
        let mut desk = Desk::new();
        let dialog = desk.feed(&Ask::invite().with(extra).text()).invited();
        let sent = desk.command(progress(dialog, StatusCode::RINGING, reliability, None)).sent.remove(0);
        assert_eq!(header(&sent, "Require"), expected, "{name}");
    }
}

#[test]
fn rfc3262_3_a_prack_that_fits_nothing_gets_481() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    let ringing = desk.command(ringing(dialog)).sent.remove(0);
    let tag = to_tag(&ringing);
    for (cseq, rack) in [(2, "RAck: 1000000 1 INVITE"), (3, "RAck: 1 9 INVITE"), (4, "RAck: x"), (5, "X: y")]
    {
        let seen = desk.feed(&Ask::new("PRACK", cseq, &tag).with(rack).text());
        assert_eq!(seen.lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"], "{rack}");
    }
    desk.feed(&prack(&ringing, 6).text());
    assert_eq!(
        desk.feed(&prack(&ringing, 7).text()).lines(),
        ["SIP/2.0 481 Call/Transaction Does Not Exist"]
    );
}

#[test]
fn rfc3262_3_the_next_1xx_waits_for_the_prack_of_the_last() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    let first = desk.command(ringing(dialog)).sent.remove(0);
    assert!(desk.command(early_media(dialog)).sent.is_empty());
    let seen = desk.feed(&prack(&first, 2).text());
    assert_eq!(seen.lines(), ["SIP/2.0 200 OK", "SIP/2.0 183 Session Progress"]);
    let rseq = |text: &str| header(text, "RSeq").parse::<u32>().expect("a number");
    assert_eq!(rseq(&seen.sent[1]), rseq(&first) + 1);
}

#[test]
fn rfc3262_5_a_200_waits_for_the_prack_of_a_1xx_with_a_description() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    let early = desk.command(early_media(dialog)).sent.remove(0);
    assert!(desk.command(accept(dialog)).sent.is_empty());
    let seen = desk.feed(&prack(&early, 2).text());
    assert_eq!(seen.lines(), ["SIP/2.0 200 OK", "SIP/2.0 200 OK"]);
    assert_eq!(header(&seen.sent[1], "CSeq"), "1 INVITE");
    assert_eq!(desk.feed(&Ask::ack(&to_tag(&early)).text()).told(), ["Acknowledged"]);

    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    let ringing = desk.command(ringing(dialog)).sent.remove(0);
    assert_eq!(desk.command(accept(dialog)).lines(), ["SIP/2.0 200 OK"], "one without does not hold it");
    let late = desk.feed(&prack(&ringing, 2).text());
    assert_eq!(
        (late.lines(), late.told().len()),
        (vec!["SIP/2.0 200 OK"], 0),
        "its PRACK comes all the same"
    );
    desk.feed(&Ask::ack(&to_tag(&ringing)).text());
    assert!(desk.wait(Duration::from_secs(40)).sent.is_empty());
}

#[test]
fn rfc3262_5_a_200_waits_for_a_1xx_with_a_description_that_waits_itself() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    let first = desk.command(ringing(dialog)).sent.remove(0);
    assert!(desk.command(early_media(dialog)).sent.is_empty());
    let answer = Command::Answer { dialog, body: None, headers: vec![] };
    assert!(desk.command(answer).sent.is_empty(), "the description would never be said");
    let second = desk.feed(&prack(&first, 2).text());
    assert_eq!(second.lines(), ["SIP/2.0 200 OK", "SIP/2.0 183 Session Progress"]);
    let third = desk.feed(&prack(&second.sent[1], 3).text());
    assert_eq!(third.lines(), ["SIP/2.0 200 OK", "SIP/2.0 200 OK"], "of the PRACK, and of the INVITE");
}

#[test]
fn a_call_can_end_while_its_200_waits() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    desk.command(early_media(dialog));
    desk.command(accept(dialog));
    let seen = desk.feed(&supporting().cancel().text());
    assert_eq!(seen.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(seen.told(), ["Ended Cancelled"]);
    let seen = desk.wait(Duration::from_secs(120));
    assert!(seen.lines().iter().all(|line| line.contains("487")), "{:?}", seen.lines());
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn rfc3262_5_answer_and_offer_in_prack_are_told() {
    let mut desk = Desk::new();
    let bare = Ask { body: "", ..supporting() };
    let dialog = desk.feed(&bare.text()).invited();
    let early = desk.command(early_media(dialog)).sent.remove(0);
    let seen = desk.feed(&Ask { body: "v=2", ..prack(&early, 2) }.text());
    let answer = seen.events.iter().find_map(|event| match event {
        Event::ProgressAcknowledged { body, .. } => body.clone(),
        _ => None,
    });
    assert_eq!((answer.map(|body| body.bytes), seen.lines()), (Some("v=2".into()), vec!["SIP/2.0 200 OK"]));

    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    let early = desk.command(early_media(dialog)).sent.remove(0);
    let seen = desk.feed(&Ask { body: "v=3", ..prack(&early, 2) }.text());
    assert_eq!((seen.sent.len(), seen.told()), (0, vec!["ProgressAcknowledged".into(), "Reoffered".into()]));
    let ok = desk.command(Command::AnswerReoffer { dialog, body: sdp("v=4") });
    assert_eq!((ok.lines(), header(&ok.sent[0], "CSeq").as_str()), (vec!["SIP/2.0 200 OK"], "2 PRACK"));

    let mut desk = Desk::new();
    let dialog = desk.feed(&supporting().text()).invited();
    let early = desk.command(early_media(dialog)).sent.remove(0);
    desk.command(accept(dialog));
    assert!(desk.feed(&Ask { body: "v=3", ..prack(&early, 2) }.text()).sent.is_empty());
    let both = desk.command(Command::AnswerReoffer { dialog, body: sdp("v=4") });
    let cseqs: Vec<String> = both.sent.iter().map(|sent| header(sent, "CSeq")).collect();
    assert_eq!(cseqs, ["2 PRACK", "1 INVITE"], "the 200 that waited comes behind");
}

/// A reliable 1xx of the test.
fn reliable(invite: &str, status: &str, rseq: u32, tag: &str) -> String {
    let fields = format!("Require: 100rel\r\nRSeq: {rseq}\r\nContact:");
    answer(invite, status, tag, "").replacen("Contact:", &fields, 1)
}

#[test]
fn rfc3262_4_theirs_are_acknowledged_in_order_and_once() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    assert!(header(&invite, "Supported").contains("100rel"));
    let seen = desk.feed(&reliable(&invite, "180", 7, "b"));
    assert_eq!(
        (seen.lines(), seen.told()),
        (vec!["PRACK sip:callee@192.0.2.20:5070 SIP/2.0"], vec!["Progressed 180".into()])
    );
    assert_eq!(
        (header(&seen.sent[0], "RAck"), header(&seen.sent[0], "CSeq")),
        ("7 1 INVITE".into(), "2 PRACK".into())
    );
    for (name, rseq) in [("again", 7), ("a gap", 9), ("an old one", 6)] {
        let seen = desk.feed(&reliable(&invite, "183", rseq, "b"));
        assert_eq!((seen.sent.len(), seen.told().len()), (0, 0), "{name}");
    }
    assert_eq!(desk.feed(&reliable(&invite, "183", 8, "b")).lines().len(), 1);
    let fork = desk.feed(&reliable(&invite, "180", 100, "c"));
    assert_eq!(to_tag(&fork.sent[0]), "c", "each early dialog counts for itself");
    assert_eq!(desk.feed(&answer(&invite, "200", "b", "v=0")).told(), ["Accepted 200"]);
    let bye = desk.command(Command::Hangup { dialog: CALLED, reason: None });
    assert_eq!(header(&bye.sent[0], "CSeq"), "4 BYE");
}

#[test]
fn rfc3262_5_an_offer_in_a_1xx_is_answered_in_its_prack() {
    let mut desk = Desk::new();
    let Command::Invite(mut invite) = invite_to(PEER) else { panic!("an INVITE") };
    invite.body = None;
    let invite = desk.command(Command::Invite(invite)).sent.remove(0);
    let offer =
        answer(&invite, "183", "b", "v=1").replacen("Contact:", "Require: 100rel\r\nRSeq: 1\r\nContact:", 1);
    let seen = desk.feed(&offer);
    assert_eq!((seen.sent.len(), seen.told()), (0, vec!["Progressed 183".into()]));
    assert!(desk.feed(&offer).told().is_empty());
    let seen = desk.command(Command::Acknowledge { dialog: CALLED, body: sdp("v=2") });
    assert!(seen.lines()[0].starts_with("PRACK ") && seen.sent[0].ends_with("v=2"), "{:?}", seen.sent);
    assert!(desk.feed(&answer(&invite, "200", "b", "")).lines()[0].starts_with("ACK "));
}
