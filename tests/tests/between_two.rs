//! Calls that go on by a trunk: two legs that hear each other (MEDIA-1).

use std::time::Duration;

use terms::{Cause, media::Codec};
use tests::{
    Action::{HangUp, Key, Stop, Talk, Wait},
    Conditions, Manner, Phone, PhoneEvent, World,
    tone::{is_absent, is_heard},
};

const SECOND: Duration = Duration::from_secs(1);
const TONES: [u32; 2] = [440, 700];
/// The second phone is the trunk's host.
const ONWARD: [(&str, &str); 2] = [
    ("dialplan.routes", "[\"55XX -> trunk:local\", \"0215329000[5] -> ivr\"]"),
    ("trunk.0.address", "127.0.1.2:5060"),
];

fn world() -> World {
    World::configured(Conditions::GOOD, 1, &TONES, &ONWARD)
}

fn listen(world: &mut World, duration: Duration) -> Vec<Vec<i16>> {
    for phone in &mut world.phones {
        phone.heard.clear();
    }
    world.run(duration);
    world.phones.iter().map(|phone| phone.heard.clone()).collect()
}

fn happened(world: &World, phone: usize, event: &PhoneEvent) -> bool {
    world.phones[phone].when(event).is_some()
}

#[test]
fn media_1_two_that_speak_one_codec_hear_each_other_and_nothing_is_decoded_between_them() {
    let mut world = world();
    world.phones[1].will(&[Talk(60 * SECOND)]);
    world.dial(0, "5501", &[Talk(20 * SECOND), HangUp]);
    world.run(2 * SECOND);
    assert!(happened(&world, 0, &PhoneEvent::Ringing) && happened(&world, 0, &PhoneEvent::Answered));
    let heard = listen(&mut world, 3 * SECOND);
    for (phone, own, other) in [(0, 440, 700), (1, 700, 440)] {
        assert!(is_heard(&heard[phone], other) && is_absent(&heard[phone], own), "phone {phone}");
        // What a peer says comes as it was said: a sample for each.
        assert_eq!(heard[phone].len(), 24_000, "phone {phone}");
    }
    world.run(20 * SECOND);
    assert!(happened(&world, 1, &PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING))));
    assert!(world.gateway.is_at_rest());
    let records = &world.gateway.records;
    assert_eq!(records.len(), 2, "one a leg");
    assert_eq!(records[0].partner, Some(records[1].call));
    assert_eq!(records[1].partner, Some(records[0].call));
    assert!(records.iter().all(|record| record.quality.is_some_and(|quality| quality.gaps == 0)));
}

#[test]
fn media_1_a_leg_on_ipv4_and_one_on_ipv6_hear_each_other_and_each_has_its_reports() {
    for codecs in [&[Codec::Pcma][..], &[Codec::Pcmu]] {
        let onward = [("dialplan.routes", "[\"55XX -> trunk:six\", \"0215329000[5] -> ivr\"]")];
        let mut world = World::configured(Conditions::GOOD, 1, &TONES, &onward);
        world.phones[1] = Phone::on_ipv6(2, TONES[1]);
        world.phones[1].set_codecs(codecs);
        for phone in &mut world.phones {
            phone.reports = Some(Vec::new());
        }
        world.phones[1].will(&[Talk(60 * SECOND)]);
        world.dial(0, "5501", &[Talk(30 * SECOND), HangUp]);
        world.run(2 * SECOND);
        let heard = listen(&mut world, 20 * SECOND);
        for (phone, own, other) in [(0, 440, 700), (1, 700, 440)] {
            assert!(
                is_heard(&heard[phone], other) && is_absent(&heard[phone], own),
                "phone {phone} {codecs:?}"
            );
            let reports = world.phones[phone].reports.as_deref().unwrap_or_default();
            assert!(reports.len() >= 2, "phone {phone}: {reports:?}");
            assert!(reports.iter().all(|block| block.cumulative_lost == 0), "phone {phone}: {reports:?}");
        }
        world.run(40 * SECOND);
        assert!(world.gateway.is_at_rest());
        for record in &world.gateway.records {
            let quality = record.quality.expect("it talked");
            assert!(quality.round_trip_ms.is_some(), "its peer's reports came: {quality:?}");
        }
    }
}

#[test]
fn media_1_two_that_share_no_codec_hear_each_other() {
    let mut world = world();
    world.phones[1].set_codecs(&[Codec::Pcmu]);
    world.phones[1].will(&[Talk(60 * SECOND)]);
    world.dial(0, "5501", &[Talk(60 * SECOND)]);
    world.run(2 * SECOND);
    let heard = listen(&mut world, 3 * SECOND);
    for (phone, own, other) in [(0, 440, 700), (1, 700, 440)] {
        assert!(is_heard(&heard[phone], other) && is_absent(&heard[phone], own), "phone {phone}");
        assert_eq!(heard[phone].len(), 24_000, "phone {phone}");
    }
}

#[test]
fn rfc4733_a_key_is_carried_whether_the_sound_is_passed_on_or_encoded_anew() {
    for codecs in [&[Codec::Pcma, Codec::Pcmu][..], &[Codec::Pcmu]] {
        let mut world = world();
        world.phones[1].set_codecs(codecs);
        world.dial(
            0,
            "5501",
            &[Wait(SECOND), Stop(SECOND), Key("1159#"), Talk(SECOND), Key("00"), Talk(60 * SECOND)],
        );
        world.run(8 * SECOND);
        assert_eq!(world.phones[1].pressed, "1159#00", "{codecs:?}");
    }
}

#[test]
fn rfc3398_a_refusal_comes_back_with_its_cause() {
    let mut world = world();
    world.phones[1].set_manner(Manner::IsBusy);
    world.dial(0, "5501", &[]);
    world.run(2 * SECOND);
    assert!(happened(&world, 0, &PhoneEvent::Refused(486, Some(Cause::USER_BUSY))));
    world.run(40 * SECOND);
    assert!(world.gateway.is_at_rest());
    assert_eq!(world.gateway.records.len(), 2);
}

#[test]
fn out_3_nobody_answers_for_a_minute() {
    let mut world = world();
    world.phones[1].set_manner(Manner::Rings);
    world.dial(0, "5501", &[]);
    world.run(59 * SECOND);
    assert!(happened(&world, 0, &PhoneEvent::Ringing));
    assert!(!happened(&world, 1, &PhoneEvent::HungUp(Some(Cause::NO_ANSWER))));
    world.run(40 * SECOND);
    assert!(happened(&world, 0, &PhoneEvent::Refused(480, Some(Cause::NO_ANSWER))));
    assert!(happened(&world, 1, &PhoneEvent::HungUp(Some(Cause::NO_ANSWER))));
    assert!(world.gateway.is_at_rest());
}

#[test]
fn rfc3261_9_a_caller_that_gives_up_takes_the_other_call_back() {
    let mut world = world();
    world.phones[1].set_manner(Manner::Rings);
    world.dial(0, "5501", &[]);
    world.run(5 * SECOND);
    world.hang_up(0);
    world.run(40 * SECOND);
    assert!(happened(&world, 1, &PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING))));
    assert!(world.gateway.is_at_rest());
}

#[test]
fn who_was_called_may_hang_up_too() {
    let mut world = world();
    world.phones[1].will(&[Talk(5 * SECOND), HangUp]);
    world.dial(0, "5501", &[Talk(60 * SECOND)]);
    world.run(40 * SECOND);
    assert!(happened(&world, 0, &PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING))));
    assert!(world.gateway.is_at_rest());
}
