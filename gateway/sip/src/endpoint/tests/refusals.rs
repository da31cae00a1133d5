//! What is answered without asking anybody.

use super::desk::*;
use crate::endpoint::*;
use crate::wire::{HeaderName, Malformed};
use alloc::{borrow::ToOwned, collections::BTreeSet, format, string::String, vec, vec::Vec};

/// From 1 s to 5 s, as nobody can foretell.
fn is_a_pause(answer: &str) -> bool {
    matches!(header(answer, "Retry-After").parse(), Ok(1..=5))
}

struct Case {
    name: &'static str,
    text: String,
    answer: &'static str,
    has: (&'static str, &'static str),
}

fn case(name: &'static str, ask: &Ask, answer: &'static str, has: (&'static str, &'static str)) -> Case {
    Case { name, text: ask.text(), answer, has }
}

const ALLOW: (&str, &str) = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK");
const TAGGED: (&str, &str) = ("To", "<sip:gateway@192.0.2.10>");

fn cases() -> alloc::vec::Vec<Case> {
    let options = Ask::new("OPTIONS", 1, "");
    alloc::vec![
        case("options", &options, "200 OK", ALLOW),
        case("options says what we accept", &options, "200 OK", ("Accept", "application/sdp")),
        case("unknown method", &Ask::new("FROBNICATE", 1, ""), "501 Not Implemented", ALLOW),
        case("register", &Ask::new("REGISTER", 1, ""), "405 Method Not Allowed", ALLOW),
        case("refer", &Ask::new("REFER", 1, "").with("Refer-To: <sip:x@y>"), "603 Decline", TAGGED),
        case("message", &Ask::new("MESSAGE", 1, ""), "405 Method Not Allowed", ALLOW),
        case(
            "scheme",
            &Ask { uri: "soap.beep://192.0.2.10", ..Ask::invite() },
            "416 Unsupported URI Scheme",
            TAGGED,
        ),
        case(
            "require",
            &Ask::invite().with("Require: 100rel, precondition"),
            "420 Bad Extension",
            ("Unsupported", "precondition"),
        ),
        case(
            "bye in no dialog",
            &Ask::new("BYE", 2, "nobody"),
            "481 Call/Transaction Does Not Exist",
            TAGGED,
        ),
        case("bye without a tag", &Ask::new("BYE", 2, ""), "481 Call/Transaction Does Not Exist", TAGGED),
        case(
            "reinvite in no dialog",
            &Ask::new("INVITE", 2, "nobody"),
            "481 Call/Transaction Does Not Exist",
            TAGGED,
        ),
        case("cancel of nothing", &Ask::new("CANCEL", 1, ""), "481 Call/Transaction Does Not Exist", TAGGED),
        case("max-forwards 0 ends here", &options, "200 OK", TAGGED),
        Case {
            name: "version",
            text: Ask::invite().text().replacen("SIP/2.0", "SIP/7.0", 1),
            answer: "505 Version Not Supported",
            has: TAGGED,
        },
        Case {
            name: "no call-id",
            text: Ask::invite().text().replace("Call-ID: call\r\n", ""),
            answer: "400 Bad Request",
            has: TAGGED,
        },
        Case {
            name: "no contact",
            text: Ask::invite().text().replace("Contact: <sip:phone@192.0.2.20>\r\n", ""),
            answer: "400 Bad Request",
            has: TAGGED,
        },
        Case {
            name: "cseq method",
            text: Ask::invite().text().replace("1 INVITE", "1 BYE"),
            answer: "400 Bad Request",
            has: TAGGED,
        },
    ]
}

#[test]
fn requests_are_answered_as_rfc3261_8_2_has_it() {
    for Case { name, text, answer, has: (header_name, start) } in cases() {
        let mut desk = Desk::new();
        let text = if name == "max-forwards 0 ends here" {
            text.replace("Max-Forwards: 70", "Max-Forwards: 0")
        } else {
            text
        };
        let seen = desk.feed(&text);
        assert_eq!(seen.lines(), [alloc::format!("SIP/2.0 {answer}")], "{name}");
        assert!(header(&seen.sent[0], header_name).starts_with(start), "{name}: {}", seen.sent[0]);
        assert!(!to_tag(&seen.sent[0]).is_empty(), "{name}: RFC 3261 §8.2.6.2");
        assert!(seen.told().is_empty(), "{name}");
    }
}

#[test]
fn rfc3261_8_2_2_2_a_request_that_comes_by_two_ways_gets_482() {
    let mut desk = Desk::new();
    desk.feed(&Ask::invite().text());
    let merged = desk.feed(&Ask { branch: "z9hG4bK-other-way".into(), ..Ask::invite() }.text());
    assert_eq!((merged.lines(), merged.told().len()), (vec!["SIP/2.0 482 Loop Detected"], 0));
}

#[test]
fn what_cannot_be_answered_is_dropped_and_counted() {
    let (ack, invite) = (Ask::ack("nobody").text(), Ask::invite().text());
    let ok = answer(&invite, "200", "x", "");
    for (name, text, counted) in [
        ("keep-alive", "\r\n\r\n".into(), Counted::KeepAlive),
        ("nothing", String::new(), Counted::KeepAlive),
        ("noise", "hello\r\n\r\n".into(), Counted::Dropped(Malformed::StartLine)),
        ("stray ack", ack.clone(), Counted::StrayAck),
        (
            "malformed ack",
            ack.replace("Call-ID: call\r\n", ""),
            Counted::Dropped(Malformed::Missing(HeaderName::CallId)),
        ),
        ("stray response", ok.clone(), Counted::StrayResponse),
        ("malformed response", ok.replace("200 Phrase", "999 Phrase"), Counted::Dropped(Malformed::Status)),
    ] {
        let seen = Desk::new().feed(&text);
        assert_eq!((seen.counted(), seen.sent.len()), (vec![counted], 0), "{name}");
    }
}

#[test]
fn rfc3261_8_2_7_over_a_limit_the_answer_is_503_and_keeps_nothing() {
    for (name, limit) in [("dialogs", Limit::Dialogs), ("transactions", Limit::Transactions)] {
        let mut config = config(1, [192, 0, 2, 10]);
        match limit {
            Limit::Dialogs => config.limits.dialogs = 0,
            Limit::Transactions | Limit::Forks | Limit::Load | Limit::Connections | Limit::Waiting => {
                config.limits.transactions = 0;
            }
        }
        let mut desk = Desk::with(config);
        let seen = desk.feed(&Ask::invite().text());
        assert_eq!(seen.lines(), ["SIP/2.0 503 Service Unavailable"], "{name}");
        assert!(is_a_pause(&seen.sent[0]), "{name}");
        assert_eq!(seen.counted(), [Counted::LimitMet(limit)], "{name}");
        let again = desk.feed(&Ask::invite().text());
        assert_eq!(
            to_tag(&again.sent[0]),
            to_tag(&seen.sent[0]),
            "{name}: the same tag for the same request"
        );
        assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0), "{name}");
    }
}

#[test]
fn a_call_can_end_while_no_new_one_finds_room() {
    let mut config = config(1, [192, 0, 2, 10]);
    config.limits.transactions = 1;
    let mut desk = Desk::with(config);
    let (_, tag) = desk.confirmed();
    let options = desk.feed(&Ask::new("OPTIONS", 1, "").text());
    assert_eq!(options.lines(), ["SIP/2.0 503 Service Unavailable"]);
    assert_eq!(desk.feed(&Ask::new("BYE", 2, &tag).text()).told(), ["Ended Bye"]);
}

#[test]
fn rfc3261_17_2_3_a_sender_from_before_rfc3261_is_matched_by_what_it_has() {
    let mut desk = Desk::new();
    let old = |ask: Ask| ask.text().replace(";branch=z9hG4bK-", ";x=");
    let dialog = desk.feed(&old(Ask::invite())).invited();
    assert!(desk.feed(&old(Ask::invite())).told().is_empty(), "a retransmission");
    let ok = desk.command(Command::Answer { dialog, body: None, headers: vec![] });
    assert_eq!(desk.feed(&old(Ask::ack(&to_tag(&ok.sent[0])))).told(), ["Acknowledged"]);
}

#[test]
fn rel_3_who_drains_takes_no_call_says_so_to_options_and_goes_on_with_those_that_there_are() {
    let mut desk = Desk::new();
    let (_, tag) = desk.confirmed();
    desk.command(Command::Serve(Serving::Known));
    for ask in [Ask::new("OPTIONS", 7, ""), Ask::new("INVITE", 9, "")] {
        let seen = desk.feed(&ask.text());
        assert_eq!(seen.lines().first(), Some(&"SIP/2.0 503 Service Unavailable"));
        assert!(is_a_pause(&seen.sent[0]), "{ask:?}");
        assert_eq!(desk.endpoint.dialogs(), 1);
    }
    assert_eq!(desk.feed(&Ask::new("OPTIONS", 3, &tag).text()).lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(desk.feed(&Ask::new("BYE", 4, &tag).text()).told(), ["Ended Bye"]);
    desk.command(Command::Serve(Serving::All));
    assert_eq!(desk.feed(&Ask::new("OPTIONS", 8, "").text()).lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn rel_1_of_a_share_that_many_are_taken_the_others_get_503_with_unlike_retry_after_each_time_that_they_come()
{
    let mut desk = Desk::new();
    desk.command(Command::Serve(Serving::Part(Share::of_1000(250))));
    let (mut taken, mut pauses) = (0, BTreeSet::new());
    for number in 0..1_000 {
        let ask = Ask::invite().text().replace("Call-ID: ", &format!("Call-ID: {number}-"));
        let ask = ask.replace("branch=z9hG4bK", &format!("branch=z9hG4bK{number}-"));
        let seen = desk.feed(&ask);
        match seen.lines()[..] {
            ["SIP/2.0 100 Trying"] => taken += 1,
            ["SIP/2.0 503 Service Unavailable"] => {
                assert_eq!(seen.counted(), [Counted::LimitMet(Limit::Load)]);
                pauses.insert(header(&seen.sent[0], "Retry-After").to_owned());
                assert_eq!(desk.feed(&ask).lines(), ["SIP/2.0 503 Service Unavailable"], "it came again");
            }
            ref other => panic!("{other:?}"),
        }
    }
    assert!((200..300).contains(&taken), "{taken} of 1000");
    assert_eq!(pauses.into_iter().collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (taken, taken));
}

#[test]
fn rel_1_when_no_call_is_taken_options_is_answered_and_calls_that_there_are_go_on() {
    let mut desk = Desk::new();
    let (_, tag) = desk.confirmed();
    desk.command(Command::Serve(Serving::Part(Share::NONE)));
    assert_eq!(desk.feed(&Ask::new("OPTIONS", 7, "").text()).lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(desk.feed(&Ask::new("INVITE", 9, "").text()).lines(), ["SIP/2.0 503 Service Unavailable"]);
    assert_eq!(desk.feed(&Ask::new("OPTIONS", 3, &tag).text()).lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(desk.feed(&Ask::new("BYE", 4, &tag).text()).told(), ["Ended Bye"]);
}
