//! How a caller's keys come, and who has none: a fax machine (DIAL-7).

use std::time::Duration;

use call::Event;
use terms::Cause;
use tests::{
    Action::{Key, Talk, Wait},
    Conditions, PhoneEvent, World,
};

const ZH: &str = "02153290005";
const SECOND: Duration = Duration::from_secs(1);
const CNG: u32 = 1_100;

fn hung_up(world: &World) -> Option<Cause> {
    world.phones[0].events.iter().find_map(|(_, event)| match event {
        PhoneEvent::HungUp(cause) => *cause,
        _ => None,
    })
}

#[test]
fn dial_7_a_fax_machine_in_the_ivr_ends_the_call_with_cause_88() {
    let mut world = World::new(Conditions::GOOD, 1, &[CNG]);
    world.dial(0, ZH, &[Wait(3 * SECOND), Talk(SECOND), Wait(60 * SECOND)]);
    world.run(6 * SECOND);
    assert_eq!(hung_up(&world), Some(Cause::INCOMPATIBLE_DESTINATION));
    assert!(world.gateway.events.iter().any(|(_, event)| *event == Event::FaxHeard));
}

#[test]
fn dial_7_the_same_tone_in_a_meeting_is_a_voice_like_any_other() {
    let mut world = World::new(Conditions::GOOD, 1, &[CNG]);
    world.dial(0, ZH, &[Key("900100001#"), Key("1234#"), Wait(5 * SECOND), Talk(20 * SECOND)]);
    world.run(25 * SECOND);
    assert_eq!(hung_up(&world), None);
    assert_eq!(world.gateway.shard().leases(), 1);
}

#[test]
fn dial_7_a_trunk_says_how_its_callers_keys_come_and_others_are_ignored() {
    for (method, joins) in [("auto", 1), ("rfc4733", 1), ("in-band", 0), ("info", 0)] {
        let mut world = World::configured(Conditions::GOOD, 1, &[440], &[("trunk.0.dtmf", method)]);
        world.dial(0, ZH, &[Key("900100001#"), Key("1234#"), Wait(60 * SECOND)]);
        world.run(20 * SECOND);
        assert_eq!(world.gateway.shard().leases(), joins, "{method}: events are what this phone sends");
    }
}
