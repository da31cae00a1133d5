//! Calls by a trunk whose far end is heard before it answers (OUT-3, RFC 3960).

use std::time::Duration;

use call::Event;
use sip::{endpoint::Reliability, wire::StatusCode};
use terms::{
    Cause,
    media::{Codec, Secrecy},
};
use tests::{
    Action::{Key, Talk},
    Conditions, Manner, PhoneEvent, Setup, Told, World,
    tone::{is_absent, is_heard},
};

const SECOND: Duration = Duration::from_secs(1);
const TONES: [u32; 2] = [440, 700];
/// The second phone is the trunk's host.
const ONWARD: [(&str, &str); 2] =
    [("dialplan.routes", "[\"55XX -> trunk:local\"]"), ("trunk.0.address", "127.0.1.2:5060")];
const NOT_IN_SERVICE: (StatusCode, Cause) = (StatusCode::NOT_FOUND, Cause::UNALLOCATED_NUMBER);

/// The second phone sends its tone with this status, and does not answer.
fn world(status: StatusCode, reliability: Reliability) -> World {
    configured((status, reliability), &[])
}

fn configured((status, reliability): (StatusCode, Reliability), overrides: &[(&str, &str)]) -> World {
    let mut world = World::configured(Conditions::GOOD, 1, &TONES, &[&ONWARD, overrides].concat());
    world.phones[1].set_manner(Manner::Plays(status, reliability));
    world.phones[1].will(&[Talk(300 * SECOND)]);
    world
}

/// It says 183, which nobody need acknowledge.
fn progressing() -> World {
    world(StatusCode::SESSION_PROGRESS, Reliability::BestEffort)
}

fn dial(world: &mut World) {
    world.dial(0, "5501", &[Talk(300 * SECOND)]);
    world.run(2 * SECOND);
}

fn listen(world: &mut World, duration: Duration) -> Vec<Vec<i16>> {
    for phone in &mut world.phones {
        phone.heard.clear();
    }
    world.run(duration);
    world.phones.iter().map(|phone| phone.heard.clone()).collect()
}

fn each_hears_the_other(world: &mut World, name: &str) {
    let heard = listen(world, 2 * SECOND);
    for (phone, own, other) in [(0, 440, 700), (1, 700, 440)] {
        assert!(is_heard(&heard[phone], other) && is_absent(&heard[phone], own), "{name}: phone {phone}");
    }
}

fn happened(world: &World, phone: usize, event: &PhoneEvent) -> bool {
    world.phones[phone].when(event).is_some()
}

fn is_answered(world: &World) -> bool {
    happened(world, 0, &PhoneEvent::Answered)
}

/// It rings for longer than a handshake may take, and is answered after all.
fn assert_keyed_after_a_long_ring(world: &mut World) {
    dial(world);
    world.run(40 * SECOND);
    assert!(!is_answered(world) && !world.gateway.is_at_rest());
    world.answer(1);
    world.run(2 * SECOND);
    each_hears_the_other(world, "after the answer");
}

/// Two records of calls that nobody answered, and nothing else.
fn assert_unanswered_and_at_rest(world: &mut World) {
    world.run(40 * SECOND);
    assert!(world.gateway.is_at_rest(), "{:?}", world.gateway.events);
    assert_eq!(world.gateway.records.len(), 2);
    for record in &world.gateway.records {
        assert!(record.answered.is_none() && record.early_media.is_some(), "{record:?}");
    }
}

/// What the gateway sent that begins so.
fn sent(world: &World, first: &str) -> Vec<String> {
    let sent = world.gateway.sent.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    sent.filter(|message| message.starts_with(first)).collect()
}

fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn rfc3960_the_callers_hear_each_other_before_the_answer_and_on_after_it() {
    for status in [StatusCode::SESSION_PROGRESS, StatusCode::RINGING] {
        let mut world = world(status, Reliability::BestEffort);
        dial(&mut world);
        assert!(happened(&world, 0, &PhoneEvent::EarlyMedia(status.code())), "the code is kept: {status}");
        each_hears_the_other(&mut world, "before the answer");
        assert!(!is_answered(&world));
        let early = world.gateway.shard().census().early_media;
        assert_eq!(early, 2, "halves of the call");
        world.answer(1);
        world.run(SECOND);
        assert!(is_answered(&world));
        each_hears_the_other(&mut world, "after the answer");
        world.hang_up(0);
        world.run(40 * SECOND);
        assert!(world.gateway.is_at_rest());
        for record in &world.gateway.records {
            let (early, answered) = (record.early_media.expect("heard"), record.answered.expect("answered"));
            let before = Duration::from_nanos(answered.as_unix_nanos() - early.as_unix_nanos());
            assert!((3 * SECOND..5 * SECOND).contains(&before), "{before:?}");
        }
    }
}

#[test]
fn rfc3261_21_1_2_who_rings_without_sound_is_not_heard() {
    let mut world = progressing();
    world.phones[1].set_manner(Manner::Rings);
    dial(&mut world);
    assert!(happened(&world, 0, &PhoneEvent::Ringing));
    assert!(sent(&world, "SIP/2.0 180").iter().all(|ringing| body(ringing).is_empty()));
    assert!(world.phones.iter().all(|phone| phone.heard.is_empty()));
}

#[test]
fn rfc3398_a_refusal_after_an_announcement_comes_back_with_its_cause() {
    let mut world = progressing();
    dial(&mut world);
    each_hears_the_other(&mut world, "the announcement");
    world.refuse(1, NOT_IN_SERVICE);
    world.run(SECOND);
    assert!(happened(&world, 0, &PhoneEvent::Refused(404, Some(Cause::UNALLOCATED_NUMBER))));
    assert_unanswered_and_at_rest(&mut world);
}

#[test]
fn rfc3262_each_side_is_acknowledged_as_far_as_it_knows_of_that() {
    for (name, called, forgets) in [
        ("both", Reliability::Acknowledged, false),
        ("the caller", Reliability::BestEffort, false),
        ("who is called", Reliability::Acknowledged, true),
        ("neither", Reliability::BestEffort, true),
    ] {
        let mut world = world(StatusCode::SESSION_PROGRESS, called);
        if forgets {
            world.phones[0].forget_reliable();
        }
        dial(&mut world);
        each_hears_the_other(&mut world, name);
        let early = sent(&world, "SIP/2.0 183");
        assert_eq!(early.len(), 1, "{name}");
        assert_eq!(early[0].contains("Require: 100rel"), !forgets, "{name}");
        let pracks = usize::from(called == Reliability::Acknowledged);
        assert_eq!(sent(&world, "PRACK ").len(), pracks, "{name}");
        world.answer(1);
        world.run(SECOND);
        assert!(is_answered(&world), "{name}");
        each_hears_the_other(&mut world, name);
        let of_invite = |message: &String| message.contains("CSeq: 1 INVITE");
        let answers: Vec<String> = sent(&world, "SIP/2.0 200").into_iter().filter(of_invite).collect();
        // RFC 6337 §3.1: what was acknowledged is not said again, and what was not is the same.
        let expected = if forgets { body(&early[0]) } else { "" };
        assert_eq!(body(&answers[0]), expected, "{name}");
    }
}

#[test]
fn rfc3262_5_a_caller_without_an_offer_hears_it_if_it_acknowledges_our_offer() {
    for forgets in [false, true] {
        let mut world = progressing();
        world.phones[0].offer_later();
        if forgets {
            world.phones[0].forget_reliable();
        }
        dial(&mut world);
        if forgets {
            assert!(happened(&world, 0, &PhoneEvent::Ringing));
            assert!(listen(&mut world, SECOND).iter().all(Vec::is_empty));
        } else {
            each_hears_the_other(&mut world, "before the answer");
        }
        world.answer(1);
        world.run(SECOND);
        assert!(is_answered(&world), "{forgets}");
        each_hears_the_other(&mut world, "after the answer");
        world.hang_up(1);
        world.run(40 * SECOND);
        assert!(world.gateway.is_at_rest());
    }
}

#[test]
fn media_1_two_that_share_no_codec_hear_each_other_before_the_answer() {
    let mut world = progressing();
    world.phones[1].set_codecs(&[Codec::Pcmu]);
    dial(&mut world);
    each_hears_the_other(&mut world, "before the answer");
    world.answer(1);
    world.run(SECOND);
    each_hears_the_other(&mut world, "after the answer");
}

#[test]
fn media_2_a_caller_whose_keys_come_of_a_handshake_hears_it_before_the_answer() {
    let mut world = progressing();
    world.phones[0].shake_hands(Setup::ActPass, Told::ItsOwn);
    dial(&mut world);
    each_hears_the_other(&mut world, "before the answer");
    world.answer(1);
    world.run(SECOND);
    each_hears_the_other(&mut world, "after the answer");
    assert_eq!(world.phones[0].handshakes(), 1);
    world.hang_up(0);
    world.run(40 * SECOND);
    let secrecies: Vec<_> = world.gateway.records.iter().map(|record| record.secrecy).collect();
    assert!(secrecies.contains(&Some(Secrecy::FingerprintInClear)), "{secrecies:?}");
}

#[test]
fn rfc5763_a_caller_that_shakes_hands_after_the_answer_alone_is_given_the_time_for_that() {
    let mut world = progressing();
    world.phones[0].shake_hands(Setup::ActPass, Told::ItsOwn);
    world.phones[0].wait_for_the_answer();
    world.phones[0].forget_reliable();
    assert_keyed_after_a_long_ring(&mut world);
}

#[test]
fn rfc5763_who_is_dialed_and_shakes_hands_after_its_answer_alone_is_given_the_time_for_that() {
    let keyed = [("trunk.0.encryption", "required"), ("trunk.0.keying", "dtls")];
    let mut world = configured((StatusCode::SESSION_PROGRESS, Reliability::BestEffort), &keyed);
    for phone in &mut world.phones {
        phone.shake_hands(Setup::ActPass, Told::ItsOwn);
    }
    world.phones[1].wait_for_the_answer();
    assert_keyed_after_a_long_ring(&mut world);
}

#[test]
fn rfc3960_keys_pass_before_the_answer() {
    let mut world = progressing();
    world.dial(0, "5501", &[Talk(SECOND), Key("159#"), Talk(300 * SECOND)]);
    world.run(5 * SECOND);
    assert!(!is_answered(&world));
    assert_eq!(world.phones[1].pressed, "159#");
}

#[test]
fn out_3_a_200_whose_description_differs_replaces_that_of_the_183() {
    let mut world = progressing();
    dial(&mut world);
    world.phones[1].move_media(4100);
    world.phones[1].set_codecs(&[Codec::Pcmu]);
    world.answer(1);
    world.run(SECOND);
    each_hears_the_other(&mut world, "where the 200 says");
}

#[test]
fn rfc3261_9_a_caller_that_gives_up_takes_the_other_call_back() {
    for reliability in [Reliability::BestEffort, Reliability::Acknowledged] {
        let mut world = world(StatusCode::SESSION_PROGRESS, reliability);
        dial(&mut world);
        world.hang_up(0);
        world.run(SECOND);
        assert!(happened(&world, 1, &PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING))));
        assert_unanswered_and_at_rest(&mut world);
    }
}

#[test]
fn out_3_an_answer_that_crosses_the_cancel_is_ended() {
    let mut world = progressing();
    dial(&mut world);
    world.hang_up(0);
    world.answer(1);
    world.run(2 * SECOND);
    assert!(happened(&world, 1, &PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING))));
    assert_unanswered_and_at_rest(&mut world);
}

#[test]
fn out_3_who_is_heard_and_never_answers_is_given_up_after_a_minute_and_its_silence_is_nobodys_fault() {
    let mut world = progressing();
    dial(&mut world);
    world.phones[1].unplug();
    world.run(57 * SECOND);
    assert!(!happened(&world, 0, &PhoneEvent::Refused(480, Some(Cause::NO_ANSWER))));
    world.run(2 * SECOND);
    assert!(happened(&world, 0, &PhoneEvent::Refused(480, Some(Cause::NO_ANSWER))));
    let is_diagnosed =
        |event: &Event| matches!(event, Event::StreamStopped(_) | Event::ProbeSent | Event::RedBegan(..));
    assert!(!world.gateway.events.iter().any(|(_, event)| is_diagnosed(event)), "{:?}", world.gateway.events);
    assert_unanswered_and_at_rest(&mut world);
}

#[test]
fn a_trunk_whose_early_media_is_off_is_not_heard_before_it_answers() {
    for status in [StatusCode::SESSION_PROGRESS, StatusCode::RINGING] {
        let mut world = configured((status, Reliability::BestEffort), &[("trunk.0.early_media", "off")]);
        dial(&mut world);
        assert!(happened(&world, 0, &PhoneEvent::Ringing));
        assert!(listen(&mut world, SECOND).iter().all(Vec::is_empty));
        world.answer(1);
        world.run(SECOND);
        each_hears_the_other(&mut world, "after the answer");
    }
}

#[test]
fn rel_2_a_call_that_is_heard_before_its_answer_goes_on_when_the_gateway_is_restored_at_any_moment() {
    for moment in (0..30).chain((30..5_000).step_by(397)).map(Duration::from_millis) {
        for reliability in [Reliability::BestEffort, Reliability::Acknowledged] {
            let mut world = world(StatusCode::SESSION_PROGRESS, reliability);
            world.dial(0, "5501", &[Talk(300 * SECOND)]);
            let answer_at = world.now() + 3 * SECOND;
            let restart_at = world.now() + moment;
            let mut steps = [(answer_at, false), (restart_at, true)];
            steps.sort_unstable();
            for (at, is_restart) in steps {
                world.run(at.since(world.now()));
                if is_restart {
                    world.restart_gateway();
                } else {
                    assert!(happened(&world, 0, &PhoneEvent::EarlyMedia(183)), "restarted at {moment:?}");
                    world.answer(1);
                }
            }
            world.run(SECOND);
            assert!(is_answered(&world), "restarted at {moment:?}");
            each_hears_the_other(&mut world, &format!("restarted at {moment:?}"));
            world.hang_up(0);
            world.run(40 * SECOND);
            assert!(world.gateway.is_at_rest(), "restarted at {moment:?}: {:?}", world.gateway.events);
        }
    }
}
