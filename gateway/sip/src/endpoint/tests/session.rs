//! Session timers (RFC 4028), and offers that meet (RFC 3261 §14.1).

use super::desk::*;
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{format, string::String, vec, vec::Vec};
use core::time::Duration;

const PEER: &str = "192.0.2.20:5060";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A call that came with these headers and is up: the desk, the call, our tag, our 200.
fn called(extra: &str) -> (Desk, DialogId, String, String) {
    let mut desk = Desk::new();
    let dialog = desk.feed(&Ask::invite().with(extra).text()).invited();
    let ok = desk.command(Command::Answer { dialog, body: sdp("v=1"), headers: vec![] }).sent.remove(0);
    let tag = to_tag(&ok);
    desk.feed(&Ask::ack(&tag).text());
    (desk, dialog, tag, ok)
}

/// A 200 of the test with more headers.
fn ok_with(request: &str, extra: &str) -> String {
    answer(request, "200", "b", "v=1").replacen("Contact:", &format!("{extra}\r\nContact:"), 1)
}

/// A call of ours whose 200 had these headers.
fn calling(extra: &str) -> Desk {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to(PEER)).sent.remove(0);
    desk.feed(&ok_with(&invite, extra));
    desk
}

#[test]
fn rfc4028_9_what_the_callee_agrees_to() {
    for (name, extra, expires, require) in [
        ("unaware", "X-None: x", "", ""),
        ("supported", "Supported: timer", "1800;refresher=uac", "timer"),
        ("asked", "Supported: timer\r\nSession-Expires: 600", "600;refresher=uac", "timer"),
        ("asked for us", "Supported: timer\r\nSession-Expires: 600;refresher=uas", "600;refresher=uas", ""),
        ("room system", "Supported: timer\r\nx: 90", "90;refresher=uac", "timer"),
        ("longer than ours", "Supported: timer\r\nx: 7200", "1800;refresher=uac", "timer"),
        (
            "a proxy wants it longer",
            "Supported: timer\r\nx: 7200\r\nMin-SE: 3600",
            "3600;refresher=uac",
            "timer",
        ),
        ("only a proxy asks", "Session-Expires: 1000", "1000;refresher=uas", ""),
        ("too short, but unaware", "Session-Expires: 30", "90;refresher=uas", ""),
    ] {
        let (.., ok) = called(extra);
        assert_eq!(
            (header(&ok, "Session-Expires").as_str(), header(&ok, "Require").as_str()),
            (expires, require),
            "{name}"
        );
    }
}

#[test]
fn rfc4028_9_an_interval_that_is_too_short_gets_422() {
    let mut desk = Desk::new();
    let seen = desk.feed(&Ask::invite().with("Supported: timer\r\nSession-Expires: 89").text());
    assert_eq!(seen.lines(), ["SIP/2.0 422 Session Interval Too Small"]);
    assert_eq!((header(&seen.sent[0], "Min-SE").as_str(), seen.told().len()), ("90", 0));
}

#[test]
fn rfc4028_10_a_peer_that_does_not_refresh_is_hung_up_a_third_or_32_s_before_the_end() {
    for (name, expires, quiet) in [("short", 90, 60), ("long", 1800, 1768)] {
        let (mut desk, ..) = called(&format!("Supported: timer\r\nSession-Expires: {expires}"));
        assert!(desk.wait(secs(quiet - 1)).sent.is_empty(), "{name}");
        let seen = desk.wait(secs(1));
        assert!(
            seen.lines()[0].starts_with("BYE ") && seen.told() == ["Ended Timeout"],
            "{name}: {:?}",
            seen.lines()
        );
    }
}

#[test]
fn rfc4028_8_refreshes_of_the_peer_keep_the_call() {
    for method in ["UPDATE", "INVITE"] {
        let (mut desk, dialog, tag, _) = called("Supported: timer\r\nx: 90;refresher=uac");
        for round in 2..40 {
            desk.wait(secs(45));
            let extra = "Supported: timer\r\nSession-Expires: 90;refresher=uac";
            let mut seen = desk.feed(&Ask::new(method, round, &tag).with(extra).text());
            if method == "INVITE" {
                seen = desk.command(Command::AnswerReoffer { dialog, body: sdp("v=1") });
                desk.feed(&Ask::new("ACK", round, &tag).text());
            }
            assert_eq!(header(&seen.sent[0], "Session-Expires"), "90;refresher=uac", "{method} {round}");
            assert!(seen.told().is_empty());
        }
    }
}

#[test]
fn rfc4028_7_4_we_refresh_at_half_time_by_update_where_the_peer_takes_it() {
    let mut desk = calling("Session-Expires: 90;refresher=uac\r\nRequire: timer\r\nAllow: UPDATE");
    for round in 2..10 {
        assert!(desk.wait(secs(44)).sent.is_empty());
        let update = desk.wait(secs(1)).sent.remove(0);
        assert!(update.starts_with("UPDATE ") && update.ends_with("Content-Length: 0\r\n\r\n"), "{update}");
        assert_eq!(
            (header(&update, "CSeq"), header(&update, "Session-Expires")),
            (format!("{round} UPDATE"), "90;refresher=uac".into())
        );
        let seen = desk.feed(&ok_with(&update, "Session-Expires: 90;refresher=uac"));
        assert!(seen.told().is_empty() && seen.sent.is_empty());
    }
}

#[test]
fn rfc4028_7_4_else_by_a_reinvite_that_says_what_we_said_last() {
    let mut desk = calling("Session-Expires: 200;refresher=uac\r\nRequire: timer\r\nAllow: INVITE");
    let reinvite = desk.wait(secs(100)).sent.remove(0);
    assert!(reinvite.starts_with("INVITE ") && reinvite.ends_with("\r\n\r\nv=0"), "{reinvite}");
    let seen = desk.feed(&ok_with(&reinvite, "Session-Expires: 200;refresher=uac"));
    assert!(seen.lines()[0].starts_with("ACK "));
    assert_eq!(seen.told(), ["ReofferAnswered 200"], "the answer may differ");
    assert!(desk.wait(secs(100)).lines()[0].starts_with("INVITE "));
}

#[test]
fn rfc4028_7_2_without_an_agreement_nothing_is_refreshed_and_nothing_ends() {
    let mut desk = calling("Allow: UPDATE");
    assert!(desk.wait(secs(7200)).sent.is_empty());
    assert_eq!(desk.endpoint.dialogs(), 1);
}

#[test]
fn rfc4028_10_a_refresh_without_an_answer_ends_the_call() {
    let mut desk = calling("Session-Expires: 90;refresher=uac\r\nAllow: UPDATE");
    desk.wait(secs(45));
    let seen = desk.wait(secs(15));
    assert_eq!(
        (seen.told(), seen.lines().last().map(|line| line.starts_with("BYE "))),
        (vec!["Ended Timeout".into()], Some(true))
    );
}

#[test]
fn rfc4028_10_a_refused_refresh_is_tried_in_another_way_and_again() {
    let mut desk = calling("Session-Expires: 90;refresher=uac\r\nAllow: UPDATE");
    let update = desk.wait(secs(45)).sent.remove(0);
    desk.feed(&answer(&update, "405", "b", ""));
    let reinvite = desk.wait(secs(1)).sent.remove(0);
    assert!(reinvite.starts_with("INVITE "), "{reinvite}");
    desk.feed(&answer(&reinvite, "500", "b", ""));
    let again = desk.wait(secs(5)).sent.remove(0);
    let seen = desk.feed(&answer(&again, "422", "b", "").replacen("Contact:", "Min-SE: 300\r\nContact:", 1));
    assert!(seen.told().is_empty());
    let longer = desk.wait(secs(1)).sent.remove(0);
    assert_eq!(
        (header(&longer, "Session-Expires").as_str(), header(&longer, "Min-SE").as_str()),
        ("300;refresher=uac", "300")
    );
}

#[test]
fn rfc4028_7_3_a_422_makes_the_invite_go_again_with_a_longer_interval() {
    let mut desk = Desk::new();
    let first = desk.command(invite_to(PEER)).sent.remove(0);
    assert_eq!(header(&first, "Session-Expires"), "1800");
    let small = |invite: &str, least: u32| {
        answer(invite, "422", "b", "").replacen("Contact:", &format!("Min-SE: {least}\r\nContact:"), 1)
    };
    let seen = desk.feed(&small(&first, 3600));
    assert_eq!(
        (seen.lines(), seen.told().len()),
        (vec!["ACK sip:callee@example.com SIP/2.0", "INVITE sip:callee@example.com SIP/2.0"], 0)
    );
    let second = &seen.sent[1];
    for (name, value) in
        [("Session-Expires", "3600"), ("Min-SE", "3600"), ("CSeq", "2 INVITE"), ("X-Trace", "a  Injected: b")]
    {
        assert_eq!(header(second, name), value, "{name}");
    }
    for name in ["Call-ID", "From", "To", "Contact", "Content-Length"] {
        assert_eq!(header(second, name), header(&first, name), "{name}");
    }
    assert_ne!(header(second, "Via"), header(&first, "Via"));
    assert_eq!(desk.feed(&small(second, 3600)).told(), ["Failed 422"], "it had what it wanted");
    desk.wait(secs(64));
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn rfc4028_7_3_an_interval_that_never_suffices_ends() {
    let mut desk = Desk::new();
    let mut sent = desk.command(invite_to(PEER)).sent;
    let mut invites = 1;
    while let Some(invite) = sent.pop().filter(|text| text.starts_with("INVITE")) {
        let least = format!("Min-SE: {}\r\nContact:", 2000 + invites * 100);
        sent = desk.feed(&answer(&invite, "422", "b", "").replacen("Contact:", &least, 1)).sent;
        invites += 1;
        assert!(invites < 10);
    }
    assert_eq!(desk.endpoint.dialogs(), 1, "only its transaction is left");
}

/// Our re-INVITE got 491.
fn glared(desk: &mut Desk, dialog: DialogId) -> String {
    let reinvite = desk.command(Command::Reoffer { dialog, body: sdp("v=4") }).sent.remove(0);
    let seen = desk.feed(&answer(&reinvite, "491", "phone", ""));
    assert_eq!((seen.lines().len(), seen.told().len()), (1, 0), "only its ACK");
    reinvite
}

#[test]
fn rfc3261_14_1_after_491_the_maker_of_the_call_id_waits_longer() {
    let (mut desk, dialog, ..) = called("X-None: x");
    let first = glared(&mut desk, dialog);
    let seen = desk.wait(Duration::from_millis(2010));
    assert!(seen.sent[0].starts_with("INVITE ") && seen.sent[0].ends_with("v=4"), "theirs: 0 to 2 s");
    assert_ne!(header(&seen.sent[0], "CSeq"), header(&first, "CSeq"));

    let mut desk = calling("X-None: x");
    let reinvite = desk.command(Command::Reoffer { dialog: CALLED, body: sdp("v=4") }).sent.remove(0);
    desk.feed(&answer(&reinvite, "491", "b", ""));
    assert!(desk.wait(Duration::from_millis(2090)).sent.is_empty(), "ours: 2.1 to 4 s");
    let again = desk.wait(Duration::from_millis(1920)).sent.remove(0);
    assert_eq!(desk.feed(&answer(&again, "200", "b", "v=5")).told(), ["ReofferAnswered 200"]);
}

#[test]
fn rfc3261_14_1_an_offer_that_keeps_meeting_others_is_told() {
    let (mut desk, dialog, ..) = called("X-None: x");
    desk.command(Command::Reoffer { dialog, body: sdp("v=4") });
    let mut told: Vec<String> = vec![];
    for _ in 0..6 {
        let Some(reinvite) = desk.wait(Duration::from_millis(2500)).sent.pop() else { break };
        told.extend(desk.feed(&answer(&reinvite, "491", "phone", "")).told());
    }
    assert_eq!(told, ["ReofferAnswered 491"]);
}

#[test]
fn rfc3261_14_1_what_was_offered_before_the_peers_offer_is_left_to_the_owner() {
    let (mut desk, dialog, tag, _) = called("X-None: x");
    glared(&mut desk, dialog);
    desk.feed(&Ask { body: "v=7", ..Ask::new("INVITE", 2, &tag) }.text());
    let seen = desk.command(Command::AnswerReoffer { dialog, body: sdp("v=8") });
    assert_eq!((seen.lines(), seen.told()), (vec!["SIP/2.0 200 OK"], vec!["ReofferAnswered 491".into()]));
    desk.feed(&Ask::new("ACK", 2, &tag).text());
    assert!(desk.wait(secs(10)).sent.is_empty());
}

#[test]
fn a_refused_offer_of_the_peer_leaves_ours_waiting() {
    let (mut desk, dialog, tag, _) = called("X-None: x");
    glared(&mut desk, dialog);
    desk.feed(&Ask { body: "v=7", ..Ask::new("INVITE", 2, &tag) }.text());
    desk.wait(Duration::from_millis(2010));
    let refusal = Refusal::new(StatusCode::NOT_ACCEPTABLE_HERE);
    desk.command(Command::RefuseReoffer { dialog, refusal });
    let seen = desk.wait(secs(1));
    assert!(seen.lines().iter().any(|line| line.starts_with("INVITE ")), "{:?}", seen.lines());
}
