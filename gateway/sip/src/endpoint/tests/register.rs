//! REGISTER: whom it is told to, and how it is answered.

use super::desk::*;
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{string::String, vec};
use core::time::Duration;

fn desk() -> Desk {
    let mut config = config(1, [192, 0, 2, 10]);
    config.listeners[0].registers = Registers::Yes;
    Desk::with(config)
}

fn told(seen: &Seen) -> Option<RequestId> {
    seen.events.iter().find_map(|event| match event {
        Event::Registering(registering) => Some(registering.id),
        _ => None,
    })
}

fn answer(request: RequestId, status: StatusCode) -> Command {
    let headers =
        vec![ExtraHeader { name: "Contact".into(), value: "<sip:a@192.0.2.20>\r\nInjected: b".into() }];
    Command::AnswerRegister { request, status, headers }
}

#[test]
fn rfc3261_10_3_a_register_is_told_once_and_its_answer_is_sent_as_often_as_it_comes() {
    let mut desk = desk();
    let register = Ask::new("REGISTER", 1, "").text();
    let seen = desk.feed(&register);
    let id = told(&seen).expect("it is told");
    assert_eq!(seen.sent, [""; 0], "the owner decides");
    let again = desk.feed(&register);
    assert_eq!((told(&again), again.sent), (None, vec![]));
    let sent = desk.command(answer(id, StatusCode::OK)).sent.remove(0);
    assert!(sent.starts_with("SIP/2.0 200 OK\r\n"), "{sent}");
    assert_eq!(header(&sent, "Contact"), "<sip:a@192.0.2.20>  Injected: b");
    assert_eq!(desk.feed(&register).sent, [sent]);
    let late = desk.command(answer(id, StatusCode::FORBIDDEN)).sent;
    assert_eq!(late, [""; 0], "it has its answer");
    desk.wait(Duration::from_secs(33));
    assert_eq!(desk.endpoint.transactions(), 0);
    assert_eq!(desk.command(answer(id, StatusCode::OK)).sent, [""; 0], "it is gone");
}

#[test]
fn rfc3261_26_3_2_4_nothing_is_kept_of_who_has_not_logged_in() {
    let mut desk = desk();
    let register = Ask::new("REGISTER", 1, "").text();
    let first = told(&desk.feed(&register)).expect("it is told");
    assert_eq!(desk.command(answer(first, StatusCode::UNAUTHORIZED)).sent.len(), 1);
    assert_eq!(desk.endpoint.transactions(), 0);
    let again = told(&desk.feed(&register)).expect("it is told again");
    assert_ne!(first, again);
    assert_eq!(desk.command(answer(again, StatusCode::UNAUTHORIZED)).sent.len(), 1);
}

#[test]
fn what_is_no_final_answer_is_sent_as_500() {
    for status in [StatusCode::TRYING, StatusCode::RINGING] {
        let mut desk = desk();
        let id = told(&desk.feed(&Ask::new("REGISTER", 1, "").text())).expect("it is told");
        let sent = desk.command(answer(id, status)).sent.remove(0);
        assert!(sent.starts_with("SIP/2.0 500 "), "{sent}");
    }
}

#[test]
fn a_register_may_require_what_registrars_know_and_nothing_else() {
    for (required, status) in [
        ("path", None),
        ("outbound, gruu", None),
        ("foo", Some("SIP/2.0 420 Bad Extension")),
        ("outbound, foo", Some("SIP/2.0 420 Bad Extension")),
    ] {
        let require: String = ["Require: ", required].concat();
        let seen = desk().feed(&Ask::new("REGISTER", 1, "").with(&require).text());
        assert_eq!(told(&seen).is_some(), status.is_none(), "{required}");
        assert_eq!(seen.sent.first().and_then(|sent| sent.lines().next()), status, "{required}");
    }
    let invite = desk().feed(&Ask::invite().with("Require: outbound").text());
    assert!(invite.sent[0].starts_with("SIP/2.0 420"), "an INVITE may not");
}

#[test]
fn rel_1_who_is_registered_stays_so_while_calls_are_held_back() {
    for serving in [Serving::Known, Serving::Part(Share::NONE)] {
        let mut desk = desk();
        desk.command(Command::Serve(serving));
        assert!(told(&desk.feed(&Ask::new("REGISTER", 1, "").text())).is_some(), "{serving:?}");
    }
}
