//! An INVITE that comes.

use super::desk::*;
use crate::endpoint::*;
use crate::wire::{Reason, RetryAfter, StatusCode};
use alloc::{vec, vec::Vec};
use core::time::Duration;

const T1: Duration = Duration::from_millis(500);
const GIVE_UP: Duration = Duration::from_secs(32);

#[test]
fn rfc3261_17_2_1_trying_goes_out_at_once_and_the_call_is_told() {
    let mut desk = Desk::new();
    let seen = desk.feed(&Ask::invite().text());
    assert_eq!((seen.lines(), seen.told()), (vec!["SIP/2.0 100 Trying"], vec!["Invited".into()]));
    assert_eq!(to_tag(&seen.sent[0]), "", "RFC 3261 §8.2.6.2");
}

#[test]
fn rfc3261_13_3_a_call_rings_is_answered_acknowledged_and_ended() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask::invite().text()).invited();
    let ringing = desk.command(Command::Progress {
        dialog,
        status: StatusCode::RINGING,
        reliability: Reliability::BestEffort,
        body: None,
        headers: vec![],
    });
    assert_eq!(ringing.lines(), ["SIP/2.0 180 Ringing"]);
    let ok = desk.command(Command::Answer { dialog, body: sdp("v=0"), headers: vec![] });
    assert_eq!(to_tag(&ok.sent[0]), to_tag(&ringing.sent[0]), "one tag a dialog");
    assert!(header(&ok.sent[0], "Contact").starts_with("<sip:1.0.1."), "{}", ok.sent[0]);
    assert!(ok.sent[0].ends_with("Content-Length: 3\r\n\r\nv=0"));
    let tag = to_tag(&ok.sent[0]);
    assert_eq!(desk.feed(&Ask::ack(&tag).text()).told(), ["Acknowledged"]);
    let bye = desk.feed(&Ask::new("BYE", 2, &tag).with("Reason: Q.850;cause=16;text=\"bye\"").text());
    assert_eq!((bye.lines(), bye.told()), (vec!["SIP/2.0 200 OK"], vec!["Ended Bye".into()]));
    let Some(Event::Ended { ending, .. }) = bye.events.last() else { panic!("{bye:?}") };
    assert_eq!(ending.reason().and_then(Reason::cause), Some(terms::cause::Cause::NORMAL_CLEARING));
    desk.wait(GIVE_UP * 2);
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0), "nothing stays behind");
}

#[test]
fn rfc3261_13_3_1_4_the_200_is_sent_until_its_ack_then_bye() {
    let mut desk = Desk::new();
    desk.answered();
    let seen = desk.wait(GIVE_UP);
    let (oks, byes): (Vec<&str>, Vec<&str>) =
        seen.lines().into_iter().partition(|line| line.starts_with("SIP/2.0 200"));
    assert_eq!((oks.len(), byes.len()), (10, 1), "{:?}", seen.lines());
    assert!(byes[0].starts_with("BYE sip:phone@192.0.2.20 "));
    assert_eq!(seen.told(), ["Ended NoAck"]);
}

#[test]
fn rfc3261_17_2_1_an_invite_that_comes_again_gets_the_latest_response_and_no_second_call() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask::invite().text()).invited();
    let again = desk.feed(&Ask::invite().text());
    assert_eq!((again.lines(), again.told().len()), (vec!["SIP/2.0 100 Trying"], 0));
    desk.command(Command::Progress {
        dialog,
        status: StatusCode::RINGING,
        reliability: Reliability::BestEffort,
        body: None,
        headers: vec![],
    });
    assert_eq!(desk.feed(&Ask::invite().text()).lines(), ["SIP/2.0 180 Ringing"]);
    desk.command(Command::Answer { dialog, body: None, headers: vec![] });
    let absorbed = desk.feed(&Ask::invite().text());
    assert!(absorbed.sent.is_empty(), "RFC 6026 §7.1: the 2xx is resent by its own timer");
    assert_eq!(absorbed.counted(), [Counted::RetransmissionAbsorbed]);
}

#[test]
fn rfc3261_13_3_1_3_a_refusal_says_why_and_is_sent_until_its_ack() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask::invite().text()).invited();
    let refusal = Refusal {
        reason: Some(Reason::q850(terms::cause::Cause::USER_BUSY)),
        retry_after: Some(RetryAfter(30)),
        ..Refusal::new(StatusCode::BUSY_HERE)
    };
    let seen = desk.command(Command::Refuse { dialog, refusal });
    assert_eq!((seen.lines(), seen.told()), (vec!["SIP/2.0 486 Busy Here"], vec!["Ended Local".into()]));
    assert_eq!(header(&seen.sent[0], "Reason"), "Q.850;cause=17");
    assert_eq!(header(&seen.sent[0], "Retry-After"), "30");
    assert_eq!(desk.wait(T1).lines(), ["SIP/2.0 486 Busy Here"]);
    let ack = Ask { branch: Ask::invite().branch, ..Ask::ack(&to_tag(&seen.sent[0])) };
    assert!(desk.feed(&ack.text()).events.is_empty());
    assert!(desk.wait(GIVE_UP).sent.is_empty());
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn rfc3261_9_2_cancel_ends_a_ringing_call() {
    let mut desk = Desk::new();
    desk.feed(&Ask::invite().text());
    let seen = desk.feed(&Ask::invite().cancel().text());
    assert_eq!(seen.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    let Some(Event::Ended { ending, .. }) = seen.events.last() else { panic!("{seen:?}") };
    assert_eq!(ending.reason().and_then(Reason::cause), Some(terms::cause::Cause(26)));
}

#[test]
fn rfc3261_9_2_cancel_after_the_answer_changes_nothing() {
    let mut desk = Desk::new();
    let (_, tag) = desk.answered();
    let seen = desk.feed(&Ask::invite().cancel().text());
    assert_eq!((seen.lines(), seen.told().len()), (vec!["SIP/2.0 200 OK"], 0));
    assert_eq!(desk.feed(&Ask::ack(&tag).text()).told(), ["Acknowledged"]);
}

#[test]
fn rfc3261_15_hanging_up_before_the_ack_waits_for_it() {
    let mut desk = Desk::new();
    let (dialog, tag) = desk.answered();
    let reason = Some(Reason::q850(terms::cause::Cause::NORMAL_CLEARING));
    let seen = desk.command(Command::Hangup { dialog, reason });
    assert_eq!((seen.sent.len(), seen.told()), (0, vec!["Ended Local".into()]));
    let seen = desk.feed(&Ask::ack(&tag).text());
    assert!(seen.lines()[0].starts_with("BYE ") && seen.told().is_empty(), "{seen:?}");
    assert_eq!(header(&seen.sent[0], "Reason"), "Q.850;cause=16");
}

#[test]
fn rfc3261_15_1_2_bye_ends_a_ringing_call() {
    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask::invite().text()).invited();
    let ringing = desk.command(Command::Progress {
        dialog,
        status: StatusCode::RINGING,
        reliability: Reliability::BestEffort,
        body: None,
        headers: vec![],
    });
    let seen = desk.feed(&Ask::new("BYE", 2, &to_tag(&ringing.sent[0])).text());
    assert_eq!(seen.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(seen.told(), ["Ended Bye"]);
}

#[test]
fn rfc3264_5_the_answer_to_a_delayed_offer_comes_with_the_ack() {
    let mut desk = Desk::new();
    let (_, tag) = desk.answered();
    let seen = desk.feed(&Ask { body: "v=1", ..Ask::ack(&tag) }.text());
    let Some(Event::Acknowledged { body: Some(body), .. }) = seen.events.last() else { panic!("{seen:?}") };
    assert!(body.content_type.is("application/sdp") && &body.bytes[..] == b"v=1");
    assert_eq!(desk.feed(&Ask::ack(&tag).text()).counted(), [Counted::RetransmissionAbsorbed]);
}

#[test]
fn rfc3261_12_1_1_record_route_comes_back_in_what_makes_the_dialog() {
    let mut desk = Desk::new();
    let routes = "Record-Route: <sip:p2.example;lr>,<sip:p1.example;lr>";
    let dialog = desk.feed(&Ask::invite().with(routes).text()).invited();
    let ok = desk.command(Command::Answer { dialog, body: None, headers: vec![] });
    assert!(ok.sent[0].contains(routes), "{}", ok.sent[0]);
}

#[test]
fn a_command_that_the_state_does_not_allow_is_counted() {
    let mut desk = Desk::new();
    let (dialog, _) = desk.confirmed();
    for (name, command) in [
        ("answer again", Command::Answer { dialog, body: None, headers: vec![] }),
        ("refuse", Command::Refuse { dialog, refusal: Refusal::new(StatusCode::BUSY_HERE) }),
        (
            "ring",
            Command::Progress {
                dialog,
                status: StatusCode::RINGING,
                reliability: Reliability::BestEffort,
                body: None,
                headers: vec![],
            },
        ),
        ("no offer to answer", Command::AnswerReoffer { dialog, body: None }),
    ] {
        let seen = desk.command(command);
        assert_eq!((seen.counted(), seen.sent.len()), (vec![Counted::CommandIgnored(dialog)], 0), "{name}");
    }
    let nobody = DialogId::outgoing(77);
    let seen = desk.command(Command::Hangup { dialog: nobody, reason: None });
    assert_eq!(seen.counted(), [Counted::CommandIgnored(nobody)]);
}
