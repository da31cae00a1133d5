//! An INVITE of ours.

use super::desk::*;
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{string::String, vec};
use core::time::Duration;

const PEER: &str = "192.0.2.20:5060";
const GIVE_UP: Duration = Duration::from_secs(32);

#[test]
fn rfc3261_8_1_1_an_invite_has_what_it_must_and_our_origin_everywhere() {
    let mut desk = Desk::new();
    let invite = &desk.command(invite_to(PEER)).sent[0];
    assert!(invite.starts_with("INVITE sip:callee@example.com SIP/2.0\r\n"), "{invite}");
    for (name, start) in [
        ("Via", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1.0.1-"),
        ("From", "\"Caller\" <sip:caller@gateway.example>;tag=1.0.1-"),
        ("Call-ID", "1.0.1-"),
        ("Contact", "<sip:1.0.1.3@192.0.2.10:5060>"),
        ("CSeq", "1 INVITE"),
        ("Max-Forwards", "70"),
        ("X-Trace", "a  Injected: b"),
        ("Content-Length", "3"),
    ] {
        assert!(header(invite, name).starts_with(start), "{name}: {invite}");
    }
}

#[test]
fn rfc3261_13_2_a_call_rings_is_answered_acknowledged_and_hung_up() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    assert!(desk.feed(&answer(&invite, "100", "", "")).told().is_empty());
    assert_eq!(desk.feed(&answer(&invite, "180", "b", "")).told(), ["Progressed 180"]);
    let ok = desk.feed(&answer(&invite, "200", "b", "v=0"));
    assert_eq!(
        (ok.lines(), ok.told()),
        (vec!["ACK sip:callee@192.0.2.20:5070 SIP/2.0"], vec!["Accepted 200".into()])
    );
    assert_eq!(ok.destinations, ["192.0.2.20:5070".parse().expect("an address")]);
    assert_ne!(header(&ok.sent[0], "Via"), header(&invite, "Via"), "RFC 3261 §13.2.2.4: a branch of its own");
    let again = desk.feed(&answer(&invite, "200", "b", "v=0"));
    assert_eq!((again.sent, again.events.len()), (ok.sent, 1), "the same ACK again");
    let bye = desk.command(Command::Hangup { dialog: CALLED, reason: None });
    assert_eq!(
        (bye.told(), header(&bye.sent[0], "CSeq")),
        (vec!["Ended Local".into()], String::from("2 BYE"))
    );
    assert!(desk.feed(&answer(&bye.sent[0], "200", "b", "")).told().is_empty());
    desk.wait(GIVE_UP * 2);
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0), "nothing stays behind");
}

#[test]
fn rfc3261_17_1_1_3_a_refusal_is_acknowledged_hop_by_hop_and_told_once() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    let busy = desk.feed(&answer(&invite, "486", "b", ""));
    assert_eq!(
        (busy.lines(), busy.told()),
        (vec!["ACK sip:callee@example.com SIP/2.0"], vec!["Failed 486".into()])
    );
    assert_eq!(header(&busy.sent[0], "Via"), header(&invite, "Via"));
    let again = desk.feed(&answer(&invite, "486", "b", ""));
    assert_eq!((again.lines().len(), again.told().len()), (1, 0));
    desk.wait(GIVE_UP);
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn rfc3261_17_1_1_2_silence_fails_after_timer_b() {
    let mut desk = Desk::new();
    desk.command(invite_to(PEER));
    let seen = desk.wait(GIVE_UP);
    assert_eq!((seen.sent.len(), seen.told()), (6, vec!["Failed 408".into()]));
    assert_eq!(desk.endpoint.dialogs(), 0);
}

#[test]
fn rfc3261_9_1_cancel_waits_for_a_provisional() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    let seen = desk.command(Command::Hangup { dialog: CALLED, reason: None });
    assert_eq!((seen.sent.len(), seen.told()), (0, vec!["Ended Local".into()]));
    let seen = desk.feed(&answer(&invite, "100", "", ""));
    assert_eq!((seen.lines(), seen.told().len()), (vec!["CANCEL sip:callee@example.com SIP/2.0"], 0));
    assert_eq!(header(&seen.sent[0], "Via"), header(&invite, "Via"));
    desk.feed(&answer(&seen.sent[0], "200", "b", ""));
    let seen = desk.feed(&answer(&invite, "487", "b", ""));
    assert_eq!((seen.lines(), seen.told().len()), (vec!["ACK sip:callee@example.com SIP/2.0"], 0));
}

#[test]
fn rfc3261_9_1_a_200_that_crosses_cancel_gets_ack_and_bye() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    desk.feed(&answer(&invite, "180", "b", ""));
    let cancel = desk.command(Command::Hangup { dialog: CALLED, reason: None });
    assert!(cancel.lines()[0].starts_with("CANCEL "));
    let seen = desk.feed(&answer(&invite, "200", "b", "v=0"));
    let lines = seen.lines();
    assert!(lines[0].starts_with("ACK ") && lines[1].starts_with("BYE ") && lines.len() == 2, "{lines:?}");
    assert!(seen.told().is_empty());
}

#[test]
fn rfc3261_9_1_a_cancelled_invite_without_any_answer_is_forgotten() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    desk.feed(&answer(&invite, "180", "b", ""));
    desk.command(Command::Hangup { dialog: CALLED, reason: None });
    desk.wait(GIVE_UP * 2);
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn rfc3261_13_2_2_4_a_second_fork_that_answers_gets_ack_and_bye() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    desk.feed(&answer(&invite, "180", "b", ""));
    assert_eq!(desk.feed(&answer(&invite, "180", "c", "")).told(), ["Progressed 180"]);
    assert_eq!(desk.feed(&answer(&invite, "200", "c", "v=0")).told(), ["Accepted 200"]);
    let second = desk.feed(&answer(&invite, "200", "b", "v=0"));
    let lines = second.lines();
    assert!(
        lines[0].starts_with("ACK ") && lines[1].starts_with("BYE ") && second.told().is_empty(),
        "{lines:?}"
    );
    assert_eq!(to_tag(&second.sent[1]), "b");
    let again = desk.feed(&answer(&invite, "200", "b", "v=0"));
    assert_eq!(again.lines().len(), 1, "its ACK once more, no second BYE");
}

#[test]
fn forks_are_limited() {
    let mut config = config(1, [192, 0, 2, 10]);
    config.limits.forks = 2;
    let mut desk = Desk::with(config);
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    desk.feed(&answer(&invite, "180", "b", ""));
    desk.feed(&answer(&invite, "180", "c", ""));
    let seen = desk.feed(&answer(&invite, "180", "d", ""));
    assert_eq!((seen.told().len(), seen.counted()), (0, vec![Counted::LimitMet(Limit::Forks)]));
}

#[test]
fn what_cannot_be_sent_fails_at_once() {
    let mut config = config(1, [192, 0, 2, 10]);
    config.limits.dialogs = 1;
    let mut desk = Desk::with(config);
    desk.command(invite_to(PEER));
    assert_eq!(desk.command(invite_to(PEER)).told(), ["Failed 503"], "the name is in use");
    let Command::Invite(mut second) = invite_to(PEER) else { panic!("an INVITE") };
    second.dialog = DialogId::outgoing(2);
    let seen = desk.command(Command::Invite(second));
    assert_eq!(seen.counted(), [Counted::LimitMet(Limit::Dialogs)]);
    assert_eq!(desk.endpoint.dialogs(), 1);
}

#[test]
fn rfc3261_17_1_3_a_response_that_fits_nothing_is_dropped_and_counted() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    for (name, text) in [
        ("another branch", answer(&invite, "200", "b", "").replace("z9hG4bK1", "z9hG4bK2")),
        ("another Call-ID", answer(&invite, "200", "b", "").replace("Call-ID: 1", "Call-ID: 2")),
        ("another method", answer(&invite, "200", "b", "").replace("1 INVITE", "1 BYE")),
        (
            "another host in Via",
            answer(&invite, "200", "b", "").replace("192.0.2.10:5060;branch", "192.0.2.11;branch"),
        ),
    ] {
        let seen = desk.feed(&text);
        assert_eq!((seen.counted(), seen.told().len()), (vec![Counted::StrayResponse], 0), "{name}");
    }
}

#[test]
fn rfc3261_12_2_1_2_481_within_the_dialog_ends_it() {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    desk.feed(&answer(&invite, "200", "b", "v=0"));
    let body = Body {
        content_type: crate::wire::ContentType::DTMF_RELAY,
        bytes: bytes::Bytes::from_static(b"Signal=5"),
    };
    let info = desk.command(Command::Info { dialog: CALLED, body });
    assert!(info.lines()[0].starts_with("INFO sip:callee@192.0.2.20:5070"));
    let seen = desk.feed(&answer(&info.sent[0], "481", "b", ""));
    let Some(Event::Ended { ending, .. }) = seen.events.last() else { panic!("{seen:?}") };
    assert_eq!(*ending, Ending::DialogGone(StatusCode::NO_SUCH_DIALOG));
}
