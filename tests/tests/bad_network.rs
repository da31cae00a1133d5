//! Calls over a network that loses, delays, reorders and repeats.

use std::time::Duration;

use call::Event;
use tests::{
    Action::{HangUp, Key, Talk, Wait},
    Conditions, World,
    tone::level,
};

const ZH: &str = "02153290005";
const SECOND: Duration = Duration::from_secs(1);

fn joined(world: &World) -> usize {
    world.gateway.events.iter().filter(|(_, event)| matches!(event, Event::Joined { .. })).count()
}

#[test]
fn with_a_tenth_lost_and_50_ms_of_jitter_calls_are_set_up_keyed_heard_and_ended() {
    for seed in 1..=8 {
        let mut world = World::new(Conditions::BAD, seed, &[440, 700]);
        for phone in 0..2 {
            let talk = [Talk(30 * SECOND), HangUp];
            let actions =
                [&[Wait(SECOND), Key("900100001#"), Wait(SECOND), Key("1234#"), Wait(3 * SECOND)], &talk[..]];
            world.dial(phone, ZH, &actions.concat());
        }
        world.run(20 * SECOND);
        assert_eq!(joined(&world), 2, "seed {seed}: every key came through once");
        for phone in &mut world.phones {
            phone.heard.clear();
        }
        world.run(5 * SECOND);
        let [ann, bob] = &world.phones[..] else { unreachable!() };
        // What is lost and out of order smears a tone over the spectrum; it stays far above the rest.
        for (phone, other, own) in [(ann, 700, 440), (bob, 440, 700)] {
            let (other, own) = (level(&phone.heard, other), level(&phone.heard, own));
            // MEET-7: whoever talks is brought to -20 dBov, which is -14 dBm0 for a tone.
            assert!(other > -19.0 && own < other - 10.0, "seed {seed}: {other} and {own} dBm0");
        }
        world.run(90 * SECOND);
        assert!(world.gateway.is_at_rest(), "seed {seed}: {:?}", world.gateway.events.last());
        assert_eq!(world.gateway.records.len(), 2, "seed {seed}");
    }
}

#[test]
fn a_caller_who_gives_up_while_it_rings_leaves_nothing_behind() {
    for seed in 1..=20 {
        let mut world = World::new(Conditions::BAD, seed, &[440]);
        world.dial(0, "9003", &[]);
        world.run(Duration::from_millis(300 * seed));
        world.hang_up(0);
        world.run(120 * SECOND);
        assert!(world.gateway.is_at_rest(), "seed {seed}: {:?}", world.gateway.events);
    }
}

#[test]
fn a_cancel_that_crosses_the_answer_leaves_nothing_behind() {
    for late in 0..40 {
        let mut world = World::new(Conditions::GOOD, 1, &[440]);
        world.dial(0, "9002", &[]);
        // 9002 rings for 2 s: the CANCEL and the 200 meet somewhere around here.
        world.run(Duration::from_millis(1_998) + Duration::from_micros(late * 100));
        world.hang_up(0);
        world.run(120 * SECOND);
        assert!(world.gateway.is_at_rest(), "{late}: {:?}", world.gateway.events);
    }
}
