//! What a meeting sounds like over paths and clocks that are not perfect; PESQ of it is in tests/interop.

use std::time::Duration;

use tests::{
    Action::{Key, Talk, Wait},
    Conditions, World,
    tone::level,
};

const ZH: &str = "02153290005";
const SECOND: Duration = Duration::from_secs(1);

/// Two phones in a meeting; the first goes on talking, the second listens.
fn meeting() -> World {
    let mut world = World::new(Conditions::GOOD, 1, &[440, 700]);
    for phone in 0..2 {
        let join = [Wait(SECOND), Key("900100001#"), Wait(SECOND), Key("1234#")];
        world.dial(phone, ZH, &join);
    }
    world.run(15 * SECOND);
    world
}

/// What the gateway counted of the first phone's sound: packets that it dropped, gaps, how deep it was at the end.
fn counted(mut world: World) -> (u64, u64, f32) {
    world.hang_up(0);
    world.run(5 * SECOND);
    let quality = world.gateway.records[0].quality.expect("media flowed");
    (quality.packets_discarded, quality.gaps, quality.depth_ms.expect("it was heard"))
}

#[test]
fn media_5_ten_minutes_off_a_clock_that_is_200_ppm_off_drop_nothing_and_leave_no_gap() {
    for ppm in [-200, 200] {
        let mut world = meeting();
        world.phones[0].set_clock(ppm);
        world.phones[0].will(&[Talk(600 * SECOND)]);
        world.run(590 * SECOND);
        world.phones[1].heard.clear();
        world.run(5 * SECOND);
        let heard = level(&world.phones[1].heard, 440);
        assert!((heard + 14.0).abs() < 1.5, "{ppm} ppm: {heard} dBm0");
        world.run(10 * SECOND);
        let (dropped, gaps, depth) = counted(world);
        assert!((dropped, gaps) == (0, 0) && depth < 60.0, "{ppm} ppm: {dropped}, {gaps}, {depth} ms");
    }
}

#[test]
fn media_5_a_path_that_was_bad_for_a_while_is_as_short_as_before_soon_after() {
    let mut world = meeting();
    world.phones[0].will(&[Talk(60 * SECOND)]);
    let jitter = Conditions { jitter: Duration::from_millis(150), ..Conditions::GOOD };
    let talker = world.phones[0].media_address();
    world.network.impair(talker, jitter);
    world.run(5 * SECOND);
    world.network.impair(talker, Conditions::GOOD);
    world.run(30 * SECOND);
    let (_, _, depth) = counted(world);
    assert!(depth < 60.0, "{depth} ms");
}
