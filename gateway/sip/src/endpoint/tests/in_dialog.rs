//! Requests within a dialog, theirs and ours.

use super::desk::*;
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{string::String, vec};
use core::time::Duration;

#[test]
fn rfc3261_14_2_a_reinvite_is_told_answered_and_acknowledged() {
    let mut desk = Desk::new();
    let (dialog, tag) = desk.confirmed();
    let moved = Ask { body: "v=2", ..Ask::new("INVITE", 2, &tag) };
    let seen = desk.feed(&moved.text());
    assert_eq!((seen.lines(), seen.told()), (vec!["SIP/2.0 100 Trying"], vec!["Reoffered".into()]));
    let ok = desk.command(Command::AnswerReoffer { dialog, body: sdp("v=3") });
    assert_eq!(ok.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(desk.wait(Duration::from_millis(500)).lines(), ["SIP/2.0 200 OK"], "until its ACK comes");
    assert_eq!(desk.feed(&Ask::new("ACK", 2, &tag).text()).told(), ["Acknowledged"]);
    assert!(desk.wait(Duration::from_secs(10)).sent.is_empty());
}

#[test]
fn rfc3261_14_2_a_refused_reinvite_leaves_the_call() {
    let mut desk = Desk::new();
    let (dialog, tag) = desk.confirmed();
    desk.feed(&Ask { body: "v=2", ..Ask::new("INVITE", 2, &tag) }.text());
    let refusal = Refusal::new(StatusCode::NOT_ACCEPTABLE_HERE);
    assert_eq!(
        desk.command(Command::RefuseReoffer { dialog, refusal }).lines(),
        ["SIP/2.0 488 Not Acceptable Here"]
    );
    let ack = Ask { branch: "z9hG4bK-INVITE-2".into(), ..Ask::new("ACK", 2, &tag) };
    assert!(desk.feed(&ack.text()).told().is_empty());
    assert_eq!(desk.feed(&Ask::new("BYE", 3, &tag).text()).told(), ["Ended Bye"]);
}

#[test]
fn rfc3261_14_2_offers_that_cross_are_refused() {
    let reinvite = |tag: &str, cseq| Ask { body: "v=2", ..Ask::new("INVITE", cseq, tag) };
    let mut desk = Desk::new();
    let (dialog, tag) = desk.confirmed();
    desk.feed(&reinvite(&tag, 2).text());
    let seen = desk.feed(&reinvite(&tag, 3).text());
    assert_eq!(seen.lines(), ["SIP/2.0 500 Server Internal Error"], "theirs is pending");
    assert!(header(&seen.sent[0], "Retry-After").parse::<u32>().is_ok_and(|seconds| seconds <= 10));

    let mut desk = Desk::new();
    let (dialog_two, tag) = desk.confirmed();
    assert_eq!(dialog, dialog_two);
    desk.command(Command::Reoffer { dialog, body: sdp("v=4") });
    assert_eq!(
        desk.feed(&reinvite(&tag, 2).text()).lines(),
        ["SIP/2.0 491 Request Pending"],
        "ours is pending"
    );

    let mut desk = Desk::new();
    let (_, tag) = desk.answered();
    assert_eq!(desk.feed(&reinvite(&tag, 2).text()).lines(), ["SIP/2.0 491 Request Pending"], "no ACK yet");
}

#[test]
fn rfc3261_9_2_a_reinvite_can_be_taken_back() {
    let mut desk = Desk::new();
    let (dialog, tag) = desk.confirmed();
    let reinvite = Ask { body: "v=2", ..Ask::new("INVITE", 2, &tag) };
    desk.feed(&reinvite.text());
    let seen = desk.feed(&reinvite.cancel().text());
    assert_eq!(seen.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(seen.told(), ["ReofferWithdrawn"]);
    let late = desk.command(Command::AnswerReoffer { dialog, body: None });
    assert_eq!(late.counted(), [Counted::CommandIgnored(dialog)]);
}

#[test]
fn rfc3261_14_1_our_reinvite_is_acknowledged_whatever_it_gets() {
    let mut desk = Desk::new();
    let (dialog, _) = desk.confirmed();
    let reinvite = desk.command(Command::Reoffer { dialog, body: sdp("v=4") }).sent.remove(0);
    assert!(reinvite.starts_with("INVITE sip:phone@192.0.2.20 "), "{reinvite}");
    let glare = desk.feed(&answer(&reinvite, "491", "phone", ""));
    assert_eq!((glare.lines().len(), glare.told().len()), (1, 0));
    let reinvite = desk.command(Command::Reoffer { dialog, body: sdp("v=4") }).sent.remove(0);
    assert_eq!(header(&reinvite, "CSeq"), "2 INVITE");
    let ok = desk.feed(&answer(&reinvite, "200", "phone", "v=5"));
    assert_eq!(
        (ok.lines(), ok.told()),
        (vec!["ACK sip:callee@192.0.2.20:5070 SIP/2.0"], vec!["ReofferAnswered 200".into()])
    );
    assert_eq!(desk.feed(&answer(&reinvite, "200", "phone", "v=5")).sent, ok.sent);
}

#[test]
fn rfc3311_5_2_update_is_answered_and_its_offer_told() {
    let mut desk = Desk::new();
    let (dialog, tag) = desk.confirmed();
    let refresh = desk.feed(&Ask::new("UPDATE", 2, &tag).text());
    assert_eq!((refresh.lines(), refresh.told().len()), (vec!["SIP/2.0 200 OK"], 0));
    let offer = desk.feed(&Ask { body: "v=2", ..Ask::new("UPDATE", 3, &tag) }.text());
    assert_eq!((offer.sent.len(), offer.told()), (0, vec!["Reoffered".into()]));
    let ok = desk.command(Command::AnswerReoffer { dialog, body: sdp("v=3") });
    assert_eq!(ok.lines(), ["SIP/2.0 200 OK"]);
    assert!(desk.wait(Duration::from_secs(40)).told().is_empty(), "an UPDATE has no ACK to wait for");
}

#[test]
fn rfc6086_4_2_info_is_answered_and_told() {
    let mut desk = Desk::new();
    let (_, tag) = desk.confirmed();
    let seen = desk.feed(&Ask { body: "Signal=5", ..Ask::new("INFO", 2, &tag) }.text());
    assert_eq!((seen.lines(), seen.told()), (vec!["SIP/2.0 200 OK"], vec!["Info".into()]));
    let again = desk.feed(&Ask { body: "Signal=5", ..Ask::new("INFO", 2, &tag) }.text());
    assert_eq!((again.lines(), again.told().len()), (vec!["SIP/2.0 200 OK"], 0), "one press is one digit");
}

#[test]
fn rfc3261_12_2_2_numbers_out_of_order_get_500() {
    let mut desk = Desk::new();
    let (_, tag) = desk.confirmed();
    desk.feed(&Ask::new("INFO", 9, &tag).text());
    let seen = desk.feed(&Ask::new("INFO", 8, &tag).text());
    assert_eq!((seen.lines(), seen.told().len()), (vec!["SIP/2.0 500 Server Internal Error"], 0));
}

#[test]
fn rfc3261_15_1_2_a_bye_that_crosses_ours_is_answered_200() {
    let mut desk = Desk::new();
    let (dialog, tag) = desk.confirmed();
    desk.command(Command::Hangup { dialog, reason: None });
    let seen = desk.feed(&Ask::new("BYE", 2, &tag).text());
    assert_eq!((seen.lines(), seen.told().len()), (vec!["SIP/2.0 200 OK"], 0));
    assert_eq!(
        desk.feed(&Ask::new("INFO", 3, &tag).text()).lines(),
        ["SIP/2.0 481 Call/Transaction Does Not Exist"]
    );
}

#[test]
fn rfc3261_15_1_2_what_is_pending_when_the_call_ends_is_answered_487() {
    let mut desk = Desk::new();
    let (_, tag) = desk.confirmed();
    desk.feed(&Ask { body: "v=2", ..Ask::new("INVITE", 2, &tag) }.text());
    let seen = desk.feed(&Ask::new("BYE", 3, &tag).text());
    assert_eq!(seen.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
}

#[test]
fn rfc3261_12_2_1_1_requests_follow_the_route_then_the_contact_then_where_the_peer_was_seen() {
    for (name, extra, destination) in [
        ("contact in figures", "", "192.0.2.20:5060"),
        ("contact behind a proxy", "Contact: <sip:a@198.51.100.9:5099>", "198.51.100.9:5099"),
        ("private contact", "Contact: <sip:a@10.1.2.3>", "192.0.2.20:5060"),
        ("contact by name", "Contact: <sip:a@phone.example>", "192.0.2.20:5060"),
        ("a route in figures", "Record-Route: <sip:198.51.100.7:5080;lr>", "198.51.100.7:5080"),
        ("a route by name", "Record-Route: <sip:proxy.example;lr>", "192.0.2.20:5060"),
    ] {
        let mut desk = Desk::new();
        let invite = Ask::invite();
        let invite = if extra.starts_with("Contact") {
            Ask { extra: alloc::format!("{extra}\r\n"), ..invite }
        } else {
            invite.with(extra)
        };
        let dialog = desk.feed(&invite.text()).invited();
        let ok = desk.command(Command::Answer { dialog, body: None, headers: vec![] });
        desk.feed(&Ask::ack(&to_tag(&ok.sent[0])).text());
        let bye = desk.command(Command::Hangup { dialog, reason: None });
        assert_eq!(bye.destinations, [destination.parse().expect("an address")], "{name}");
    }
}

#[test]
fn rfc3581_4_a_phone_behind_nat_is_answered_where_it_was_seen() {
    let mut desk = Desk::new();
    let invite = Ask::invite().text().replace(";branch=z9hG4bK-INVITE-1", ";rport;branch=z9hG4bK-INVITE-1");
    let seen = desk.feed_from("203.0.113.9:40000", &invite);
    let nat = ["203.0.113.9:40000".parse().expect("an address")];
    assert_eq!(seen.destinations, nat);
    let via = header(&seen.sent[0], "Via");
    assert_eq!(via, "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK-INVITE-1;rport=40000;received=203.0.113.9");
    let dialog = seen.invited();
    let ok = desk.command(Command::Answer { dialog, body: None, headers: vec![] });
    desk.feed_from("203.0.113.9:40000", &Ask::ack(&to_tag(&ok.sent[0])).text());
    let bye = desk.command(Command::Hangup { dialog, reason: None });
    assert_eq!(bye.destinations, nat, "its Contact is a private address");
}

#[test]
fn rfc3261_18_2_2_without_rport_the_answer_goes_to_the_port_of_the_via() {
    let mut desk = Desk::new();
    let seen = desk.feed_from("203.0.113.9:40000", &Ask::invite().text());
    assert_eq!(seen.destinations, ["203.0.113.9:5060".parse().expect("an address")]);
    assert_eq!(
        header(&seen.sent[0], "Via"),
        String::from("SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK-INVITE-1;received=203.0.113.9")
    );
}

#[test]
fn rfc3261_11_a_probe_tells_whether_the_peer_knows_of_the_call() {
    for (status, told) in [
        ("200", vec!["Probed"]),
        ("405", vec!["Probed"]),
        ("503", vec!["Probed"]),
        ("481", vec!["Ended DialogGone"]),
        ("408", vec!["Ended DialogGone"]),
        ("100", vec![]),
    ] {
        let mut desk = Desk::new();
        let (dialog, _) = desk.confirmed();
        let options = desk.command(Command::Probe { dialog }).sent.remove(0);
        assert!(options.starts_with("OPTIONS sip:phone@192.0.2.20 SIP/2.0\r\n"), "{options}");
        assert_eq!(header(&options, "Accept"), "application/sdp");
        assert_eq!(header(&options, "Content-Length"), "0", "it is no offer");
        assert_eq!(desk.feed(&answer(&options, status, "phone", "")).told(), told, "{status}");
    }
}

#[test]
fn a_probe_that_nobody_answers_ends_nothing_and_one_before_the_ack_is_not_sent() {
    let mut desk = Desk::new();
    let (dialog, tag) = desk.answered();
    assert_eq!(desk.command(Command::Probe { dialog }).counted(), [Counted::CommandIgnored(dialog)]);
    desk.feed(&Ask::ack(&tag).text());
    desk.command(Command::Probe { dialog });
    assert_eq!(desk.wait(Duration::from_secs(60)).told(), [""; 0]);
    assert_eq!(desk.endpoint.transactions(), 0);
    assert_eq!(desk.feed(&Ask::new("BYE", 2, &tag).text()).told(), ["Ended Bye"]);
}

#[test]
fn a_probe_that_is_answered_after_the_call_tells_nothing() {
    let mut desk = Desk::new();
    let (dialog, _) = desk.confirmed();
    let options = desk.command(Command::Probe { dialog }).sent.remove(0);
    desk.command(Command::Hangup { dialog, reason: None });
    assert_eq!(desk.feed(&answer(&options, "200", "phone", "")).told(), [""; 0]);
}
