//! A call goes on from its image, taken at any step of it: all that the peer sees is the same.

use std::time::Duration;

use call::Event;
use terms::Cause;
use tests::{
    Action::{HangUp, Key, Talk, Wait},
    Conditions, PhoneEvent, World,
    tone::{is_absent, is_heard},
};

const ZH: &str = "02153290005";
const SECOND: Duration = Duration::from_secs(1);

/// The whole of a call, one thing after the other, about 20 s.
fn dial_in(world: &mut World) {
    let keys = [Wait(SECOND), Key("900100001#"), Wait(SECOND / 2), Key("1234#")];
    world.dial(0, ZH, &[&keys[..], &[Wait(3 * SECOND), Talk(4 * SECOND), HangUp]].concat());
}

fn assert_went_well(world: &World, when: Duration) {
    let joined =
        world.gateway.events.iter().filter(|(_, event)| matches!(event, Event::Joined { .. })).count();
    assert_eq!(joined, 1, "restarted at {when:?}: {:?}", world.gateway.events);
    assert!(world.gateway.is_at_rest(), "restarted at {when:?}: {:?}", world.gateway.events);
    assert_eq!(world.gateway.records.len(), 1, "restarted at {when:?}");
    let record = &world.gateway.records[0];
    assert_eq!(record.cause, Cause::NORMAL_CLEARING, "restarted at {when:?}");
    let answers = world.phones[0].events.iter().filter(|(_, event)| *event == PhoneEvent::Answered).count();
    assert_eq!(answers, 1, "restarted at {when:?}");
}

#[test]
fn rel_2_a_dial_in_goes_on_when_the_gateway_is_restored_at_any_moment() {
    // Every 37 ms of the first 16 s, and every step of the first 50 ms, where all is signalling.
    let moments = (0..50).chain((50..16_000).step_by(37)).map(Duration::from_millis);
    for moment in moments {
        let mut world = World::new(Conditions::GOOD, 1, &[440]);
        dial_in(&mut world);
        world.run(moment);
        world.restart_gateway();
        world.run(30 * SECOND);
        assert_went_well(&world, moment);
    }
}

#[test]
fn rel_2_a_dial_in_survives_a_restart_a_second_over_a_bad_network() {
    for seed in 1..=5 {
        let mut world = World::new(Conditions::BAD, seed, &[440]);
        dial_in(&mut world);
        for _ in 0..20 {
            world.run(SECOND);
            world.restart_gateway();
        }
        world.run(120 * SECOND);
        assert!(world.gateway.is_at_rest(), "seed {seed}: {:?}", world.gateway.events);
    }
}

#[test]
fn rel_2_a_stream_keeps_its_source_sequence_and_timestamp_over_a_restart() {
    let mut world = World::new(Conditions::GOOD, 1, &[440, 700]);
    for phone in 0..2 {
        world.dial(
            phone,
            ZH,
            &[Key("900100001#"), Wait(SECOND / 2), Key("1234#"), Wait(3 * SECOND), Talk(60 * SECOND)],
        );
    }
    world.run(15 * SECOND);
    let before = world.phones[0].last_header.expect("media came");
    world.restart_gateway();
    for phone in &mut world.phones {
        phone.heard.clear();
    }
    world.run(3 * SECOND);
    let after = world.phones[0].last_header.expect("media came");
    assert_eq!(after.ssrc, before.ssrc);
    let packets = i64::from(after.sequence.distance_from(before.sequence));
    assert_eq!(i64::from(after.timestamp.distance_from(before.timestamp)), packets * 160);
    assert!((149..=151).contains(&packets), "{packets}");
    let [ann, bob] = &world.phones[..] else { unreachable!() };
    assert!(is_heard(&ann.heard, 700) && is_absent(&ann.heard, 440), "they are in the meeting as before");
    assert!(is_heard(&bob.heard, 440) && is_absent(&bob.heard, 700));
}
