//! A phone dials in, goes through the IVR, and is in the mix with the others.

use std::time::Duration;

use call::{Event, question::Role};
use terms::Cause;
use tests::{
    Action::{HangUp, Key, Talk, Wait},
    Conditions, PhoneEvent, World,
    tone::{is_absent, is_heard, level},
};

const ZH: &str = "02153290005";
const SECOND: Duration = Duration::from_secs(1);
const TONES: [u32; 3] = [440, 700, 1_000];

/// Through the IVR into a meeting, and a tone there for ten seconds.
fn into(world: &mut World, phone: usize, keys: &'static [&'static str]) {
    let mut actions = vec![Wait(SECOND)];
    actions.extend(keys.iter().map(|keys| Key(keys)));
    actions.extend([Wait(3 * SECOND), Talk(60 * SECOND)]);
    world.dial(phone, ZH, &actions);
}

#[test]
fn two_phones_in_a_meeting_hear_each_other_and_a_third_elsewhere_hears_nothing() {
    hear_each_other(World::new(Conditions::GOOD, 1, &TONES));
}

#[test]
fn so_do_phones_whose_ports_are_on_different_workers() {
    hear_each_other(World::configured(Conditions::GOOD, 1, &TONES, &[("media.workers", "3")]));
}

fn hear_each_other(mut world: World) {
    into(&mut world, 0, &["900100001#", "1234#"]);
    into(&mut world, 1, &["900100001#", "1234#"]);
    into(&mut world, 2, &["900100002#", "1234#"]);
    world.run(12 * SECOND);
    for phone in &mut world.phones {
        phone.heard.clear();
    }
    world.run(5 * SECOND);
    let heard: Vec<&[i16]> = world.phones.iter().map(|phone| &phone.heard[..]).collect();
    assert!(is_heard(heard[0], 700) && is_absent(heard[0], 440) && is_absent(heard[0], 1_000));
    assert!(is_heard(heard[1], 440) && is_absent(heard[1], 700) && is_absent(heard[1], 1_000));
    assert!(TONES.iter().all(|hz| is_absent(heard[2], *hz)), "{:?}", TONES.map(|hz| level(heard[2], hz)));
    assert_eq!(heard[2].len(), 5 * 8_000, "silence is sent all the same");
    assert!(world.gateway.counted().all(|counted| counted.isolation_violations == 0));
}

#[test]
fn dial_10_media_flows_within_20_ms_of_the_ack_and_the_voice_begins_200_ms_later() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES[..1]);
    world.dial(0, ZH, &[]);
    world.run(2 * SECOND);
    let phone = &world.phones[0];
    let answered = phone.when(&PhoneEvent::Answered).expect("answered");
    let first = phone.when(&PhoneEvent::FirstMedia).expect("media");
    let there_and_back = 2 * Conditions::GOOD.delay;
    assert!(
        first.since(answered) <= Duration::from_millis(20) + there_and_back,
        "{:?}",
        first.since(answered)
    );
    let voice = phone.heard.iter().position(|sample| sample.unsigned_abs() > 500).expect("a voice");
    assert!((1_600..2_400).contains(&voice), "voice after {} ms", voice / 8);
}

#[test]
fn dial_10_in_the_mix_within_300_ms_of_the_last_key_announcement_apart() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES[..1]);
    into(&mut world, 0, &["900100001#", "4321#"]);
    let keyed = |world: &World| {
        world.phones[0].events.iter().filter(|(_, event)| *event == PhoneEvent::Keyed).count()
    };
    while keyed(&world) < 2 {
        world.run(Duration::from_millis(1));
    }
    let last_key = world.now();
    let outcome =
        |world: &World| world.gateway.events.iter().any(|(_, event)| matches!(event, Event::Outcome(_)));
    while !outcome(&world) {
        world.run(Duration::from_millis(1));
    }
    let told = world.now().since(last_key);
    assert!(told <= Duration::from_millis(300), "{told:?}");
    world.run(5 * SECOND);
    let joined = world.gateway.events.iter().find_map(|(_, event)| match event {
        Event::Joined { role, .. } => Some(*role),
        _ => None,
    });
    assert_eq!(joined, Some(Role::Host));
}

#[test]
fn who_hangs_up_leaves_nothing_behind() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES[..1]);
    world.dial(0, ZH, &[Key("900100001#"), Key("1234#"), Wait(5 * SECOND), HangUp]);
    world.run(60 * SECOND);
    assert!(world.gateway.is_at_rest());
    let [record] = &world.gateway.records[..] else { panic!("{:?}", world.gateway.records) };
    assert_eq!(
        (record.cause, record.meeting.map(|meeting| meeting.to_string())),
        (Cause::NORMAL_CLEARING, Some("900100001".into()))
    );
    let quality = record.quality.expect("media flowed");
    assert!(quality.packets_received > 200 && quality.packets_lost == 0, "{quality:?}");
    let (answered, joined) = (record.answered.expect("answered"), record.joined.expect("joined"));
    assert!(record.arrived <= answered && answered < joined && joined < record.ended);
}

#[test]
fn dial_4_three_wrong_pairs_end_the_call_with_cause_21() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES[..1]);
    let wrong =
        [Key("900100001#"), Key("9999#"), Wait(SECOND), Key("900109999#"), Key("1234#"), Wait(SECOND)];
    world.dial(0, ZH, &[&wrong[..], &[Key("1#"), Key("1#")]].concat());
    world.run(60 * SECOND);
    assert_eq!(
        world.phones[0].events.last().map(|(_, event)| event),
        Some(&PhoneEvent::HungUp(Some(Cause::CALL_REJECTED)))
    );
    assert!(world.gateway.is_at_rest());
}

#[test]
fn dial_6_each_outcome_ends_with_its_cause() {
    let rows: [(&str, &'static str, Option<Cause>); 3] = [
        ("locked", "900100099#", Some(Cause::CALL_REJECTED)),
        ("full", "900100001#", Some(Cause::USER_BUSY)),
        ("in", "900100002#", None),
    ];
    for (name, meeting, expected) in rows {
        let mut world = World::configured(Conditions::GOOD, 1, &[440; 4], &[("meetings.0.capacity", "3")]);
        for phone in 0..3 {
            into(&mut world, phone, &["900100001#", "1234#"]);
        }
        world.run(10 * SECOND);
        world.dial(3, ZH, &[Key(meeting), Key("1234#"), Wait(60 * SECOND)]);
        world.run(20 * SECOND);
        let cause = world.phones[3].events.iter().find_map(|(_, event)| match event {
            PhoneEvent::HungUp(cause) => *cause,
            _ => None,
        });
        assert_eq!(cause, expected, "{name}");
    }
}

#[test]
fn a_meeting_that_ends_says_so_and_hangs_up() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES[..2]);
    into(&mut world, 0, &["900100001#", "1234#"]);
    into(&mut world, 1, &["900100002#", "1234#"]);
    world.run(12 * SECOND);
    world.administer(server::shard::Input::DeleteMeeting("900100001".parse().expect("digits")));
    world.run(10 * SECOND);
    assert_eq!(
        world.phones[0].events.last().map(|(_, event)| event),
        Some(&PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING)))
    );
    assert_eq!(world.phones[1].when(&PhoneEvent::HungUp(None)), None, "the other meeting goes on");
    assert_eq!(world.gateway.shard().calls(), 1);
}

#[test]
fn dial_2_the_bilingual_number_is_answered_in_the_language_chosen() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES[..1]);
    world.dial(
        0,
        "+862153290029",
        &[Key("2"), Wait(SECOND), Key("900100001#"), Key("1234#"), Wait(60 * SECOND)],
    );
    world.run(15 * SECOND);
    assert!(world.gateway.events.iter().any(|(_, event)| matches!(event, Event::Joined { .. })));
}
