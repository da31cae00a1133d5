//! Dialogs made from messages, and the requests they make.

use super::*;
use crate::wire::{
    Branch, Host, Message, MessageWriter, Method, Request, Response, Tag, Transport, Uri, Via, parse,
};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;

const INVITE: &str = "INVITE sip:b@gw SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
    Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>\r\nFrom: \"A\" <sip:a@a.example>;tag=a\r\n\
    To: <sip:b@gw>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nContact: <sip:a@192.0.2.1:5070>\r\n\r\n";

fn request(text: &str) -> Request {
    match parse(Bytes::copy_from_slice(text.as_bytes())) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{other:?}"),
    }
}

fn response(text: &str) -> Response {
    match parse(Bytes::copy_from_slice(text.as_bytes())) {
        Ok(Message::Response(response)) => *response,
        other => panic!("{other:?}"),
    }
}

fn uri(text: &str) -> Uri {
    Uri::try_from(text).expect("a URI")
}

fn via() -> Via {
    Via::new(Transport::Udp, Host::Name("gw".into()), 5060, &Branch("z9hG4bKx".into()))
}

fn lines(writer: MessageWriter) -> Vec<String> {
    let bytes = writer.finish(None);
    String::from_utf8_lossy(&bytes).lines().map(String::from).collect()
}

#[test]
fn rfc3261_12_1_1_the_callee_takes_routes_in_order_and_the_contact() {
    let mut dialog =
        Dialog::of_callee(&request(INVITE), &Tag("b".into()), uri("sip:me@gw")).expect("a dialog");
    let bye = lines(dialog.next_request(Method::Bye, &via()));
    assert_eq!(bye.first().map(String::as_str), Some("BYE sip:a@192.0.2.1:5070 SIP/2.0"));
    assert!(
        bye.contains(&"Route: <sip:p2.example;lr>".into())
            && bye.contains(&"Route: <sip:p1.example;lr>".into())
    );
    assert!(bye.contains(&"From: <sip:b@gw>;tag=b".into()), "{bye:?}");
    assert!(bye.contains(&"CSeq: 1 BYE".into()));
}

#[test]
fn rfc3261_12_1_2_the_caller_takes_routes_in_reverse() {
    let invite = request(INVITE);
    let ok = response(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nRecord-Route: <sip:p2;lr>,<sip:p1;lr>\r\n\
         From: <sip:a@a.example>;tag=a\r\nTo: <sip:b@gw>;tag=b\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\
         Contact: <sip:b@198.51.100.1>\r\n\r\n",
    );
    let dialog = Dialog::of_caller(&invite, uri("sip:me@gw")).joined_by(&ok);
    assert_eq!((dialog.phase, dialog.next_target().as_text()), (Phase::Confirmed, &"sip:p1;lr".into()));
    let ack = lines(dialog.request_numbered(ok.head.cseq.number, Method::Ack, &via()));
    assert_eq!(ack.first().map(String::as_str), Some("ACK sip:b@198.51.100.1 SIP/2.0"));
    assert!(ack.contains(&"CSeq: 7 ACK".into()));
}

#[test]
fn rfc3261_12_2_1_1_a_strict_router_stands_in_the_request_line() {
    let strict = INVITE.replace("<sip:p2.example;lr>", "<sip:p2.example>");
    let mut dialog =
        Dialog::of_callee(&request(&strict), &Tag("b".into()), uri("sip:me@gw")).expect("a dialog");
    let bye = lines(dialog.next_request(Method::Bye, &via()));
    assert_eq!(bye.first().map(String::as_str), Some("BYE sip:p2.example SIP/2.0"));
    let routes: Vec<&String> = bye.iter().filter(|line| line.starts_with("Route")).collect();
    assert_eq!(routes, ["Route: <sip:p1.example;lr>", "Route: <sip:a@192.0.2.1:5070>"]);
}

#[test]
fn rfc3261_12_2_2_numbers_must_rise() {
    let mut dialog =
        Dialog::of_callee(&request(INVITE), &Tag("b".into()), uri("sip:me@gw")).expect("a dialog");
    for (name, number, expected) in [
        ("same", 7, Err(DialogError::OutOfOrder)),
        ("gap is fine", 9, Ok(())),
        ("lower", 8, Err(DialogError::OutOfOrder)),
        ("next", 10, Ok(())),
    ] {
        assert_eq!(dialog.take(crate::wire::SequenceNumber(number)), expected, "{name}");
    }
}

#[test]
fn rfc3261_12_1_1_without_a_contact_there_is_no_dialog() {
    let bare = INVITE.replace("Contact: <sip:a@192.0.2.1:5070>\r\n", "");
    let made = Dialog::of_callee(&request(&bare), &Tag("b".into()), uri("sip:me@gw"));
    assert_eq!(made, Err(DialogError::NoContact));
}
