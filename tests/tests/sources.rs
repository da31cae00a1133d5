//! From where the sound of a call is taken, as its trunk says (ISO-3).

use std::time::Duration;

use tests::{
    Action::{Stop, Talk},
    Conditions, World,
    tone::{is_absent, is_heard},
};

const SECOND: Duration = Duration::from_secs(1);
const ELSEWHERE: (&str, &str) = ("trunk.0.media", "[\"192.0.2.0/24\"]");

/// Whether a phone in the echo hears itself, before and after its media moved without a word; and how many packets were
/// taken for a stranger's.
fn moved(overrides: &[(&str, &str)]) -> (bool, bool, u64) {
    let mut world = World::configured(Conditions::GOOD, 1, &[440], overrides);
    world.dial(0, "9001", &[Talk(3 * SECOND), Stop(SECOND), Talk(10 * SECOND)]);
    let hears = |world: &mut World| {
        world.phones[0].heard.clear();
        world.run(2 * SECOND);
        let heard = &world.phones[0].heard;
        assert!(heard.is_empty() || is_heard(heard, 440) != is_absent(heard, 440));
        !heard.is_empty() && is_heard(heard, 440)
    };
    world.run(SECOND);
    let before = hears(&mut world);
    world.run(SECOND / 2);
    world.phones[0].move_media(6_000);
    world.run(SECOND);
    let after = hears(&mut world);
    (before, after, world.gateway.counted().map(|counted| counted.packets_foreign).sum())
}

#[test]
fn iso_3_a_trunks_media_moves_within_its_networks_which_are_its_peers_unless_others_are_written() {
    let strict = ("trunk.0.sources", "strict");
    let rows = [
        ("within its peers", vec![], true),
        ("strict, within its peers", vec![strict], true),
        ("its media is elsewhere", vec![ELSEWHERE], false),
    ];
    for (name, overrides, follows) in rows {
        let (before, after, foreign) = moved(&overrides);
        assert_eq!((before, after, foreign == 0), (true, follows, follows), "{name}: {foreign} foreign");
    }
}
