//! Trunks and listeners bring so many calls at once, and so many a second, and no more (OUT-6).

use std::time::Duration;

use call::Event;
use interwork::{Gate, GateLimit, GateView};
use server::shard;
use terms::Cause;
use tests::{
    Action::{HangUp, Wait},
    Conditions, PhoneEvent, World,
};

const ECHO: &str = "9001";
const RINGS: &str = "9003";
const NOWHERE: &str = "9999";
const SECOND: Duration = Duration::from_secs(1);

const NO_CIRCUIT: PhoneEvent = PhoneEvent::Refused(503, Some(Cause::NO_CIRCUIT));
const CONGESTION: PhoneEvent = PhoneEvent::Refused(503, Some(Cause::CONGESTION));

fn world(phones: usize, overrides: &[(&str, &str)]) -> World {
    World::configured(Conditions::GOOD, 1, &vec![440; phones], overrides)
}

/// Calls, and waits until that is settled.
fn dial(world: &mut World, phone: usize, number: &str) {
    world.dial(phone, number, &[Wait(600 * SECOND)]);
    world.run(SECOND / 5);
}

fn gates(world: &World) -> Vec<GateView> {
    world.gateway.shard().gates()
}

fn in_use(world: &World) -> Vec<u32> {
    gates(world).iter().map(|gate| gate.in_use).collect()
}

fn has(world: &World, phone: usize, event: &PhoneEvent) -> bool {
    world.phones[phone].when(event).is_some()
}

/// The value of a header in the last answer that refused a call.
fn header_of_refusal(world: &World, name: &str) -> Option<String> {
    let sent = world.gateway.sent.iter().rev().find(|bytes| bytes.starts_with(b"SIP/2.0 503"))?;
    let text = String::from_utf8_lossy(sent).into_owned();
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
}

#[test]
fn out_6_a_trunk_with_two_channels_takes_two_calls_and_the_next_when_one_is_over() {
    let mut world = world(4, &[("trunk.0.channels", "2")]);
    for phone in 0..3 {
        dial(&mut world, phone, ECHO);
    }
    assert!(has(&world, 0, &PhoneEvent::Answered) && has(&world, 1, &PhoneEvent::Answered));
    assert_eq!(world.phones[2].events.iter().map(|(_, event)| event).collect::<Vec<_>>(), [&NO_CIRCUIT]);
    assert_eq!(header_of_refusal(&world, "Reason").as_deref(), Some("Q.850;cause=34"));
    assert_eq!(header_of_refusal(&world, "Retry-After"), None, "nobody knows when one is over");
    let [trunk] = &gates(&world)[..] else { panic!("{:?}", gates(&world)) };
    assert_eq!((trunk.in_use, trunk.channels, trunk.refused.channels), (2, Some(2), 1));
    world.hang_up(0);
    world.run(SECOND);
    dial(&mut world, 3, ECHO);
    assert!(has(&world, 3, &PhoneEvent::Answered));
    assert_eq!(in_use(&world), [2]);
}

#[test]
fn out_6_calls_beyond_the_rate_of_a_trunk_get_503_and_a_time_to_come_back() {
    let mut world = world(40, &[("trunk.0.calls_per_second", "5")]);
    for phone in 0..30 {
        world.dial(phone, ECHO, &[Wait(60 * SECOND)]);
    }
    world.run(SECOND / 5);
    let count = |world: &World, event| (0..40).filter(|phone| has(world, *phone, &event)).count();
    assert_eq!(
        (count(&world, PhoneEvent::Answered), count(&world, CONGESTION)),
        (5, 25),
        "a burst of a second's worth"
    );
    let pauses: std::collections::BTreeSet<String> = world
        .gateway
        .sent
        .iter()
        .filter_map(|bytes| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.lines().find_map(|line| line.strip_prefix("Retry-After: ").map(str::to_owned))
        })
        .collect();
    assert_eq!(
        pauses.into_iter().collect::<Vec<_>>(),
        ["1", "2", "3", "4", "5"],
        "they don't come back together"
    );
    assert_eq!(header_of_refusal(&world, "Reason").as_deref(), Some("Q.850;cause=42"));
    // A fifth of a second is worth a call.
    for phone in 30..35 {
        dial(&mut world, phone, ECHO);
    }
    assert_eq!(count(&world, PhoneEvent::Answered), 10);
}

#[test]
fn out_6_what_is_refused_is_told_with_its_trunk_and_has_a_record() {
    let mut world = world(2, &[("trunk.0.channels", "1")]);
    dial(&mut world, 0, ECHO);
    dial(&mut world, 1, ECHO);
    let trunk = Gate::Trunk("local".into());
    assert_eq!(world.gateway.full, [(trunk, GateLimit::Channels)]);
    assert!(world.gateway.events.iter().any(|(_, event)| *event == Event::Refused(Cause::NO_CIRCUIT)));
    let [record] = &world.gateway.records[..] else { panic!("{:?}", world.gateway.records) };
    assert_eq!((record.cause, record.called.as_str()), (Cause::NO_CIRCUIT, ECHO));
    assert_eq!(record.trunk.as_ref().map(terms::TrunkName::as_str), Some("local"));
    assert_eq!(world.gateway.shard().calls(), 1);
}

#[test]
fn out_6_a_listener_counts_the_calls_of_all_its_trunks_and_of_nobodys() {
    let overrides = [
        ("listener.0.policy", "anybody"),
        ("listener.0.channels", "2"),
        ("trunk.0.peers", "[\"127.0.1.1\"]"),
        ("trunk.0.channels", "5"),
    ];
    let mut world = world(3, &overrides);
    for phone in 0..3 {
        dial(&mut world, phone, ECHO);
    }
    assert!(has(&world, 2, &NO_CIRCUIT));
    assert_eq!(in_use(&world), [1, 2], "the trunk's one is the listener's as well");
    assert_eq!(world.gateway.full, [(Gate::Listener("udp:127.0.0.1:5060".into()), GateLimit::Channels)]);
}

#[test]
fn out_6_retransmissions_and_what_a_call_says_later_are_no_calls() {
    // Each datagram comes twice.
    let twice = Conditions { duplicate_percent: 100, ..Conditions::GOOD };
    let overrides =
        [("trunk.0.channels", "1"), ("trunk.0.calls_per_second", "0.1"), ("sip.session_expires", "90s")];
    let mut world = World::configured(twice, 1, &[440, 700], &overrides);
    dial(&mut world, 0, ECHO);
    // The session is refreshed within the call.
    world.run(100 * SECOND);
    assert!(has(&world, 0, &PhoneEvent::Answered));
    assert_eq!((in_use(&world), world.gateway.full.len(), world.gateway.shard().calls()), (vec![1], 0, 1));
    world.hang_up(0);
    world.run(SECOND);
    dial(&mut world, 1, ECHO);
    assert!(has(&world, 1, &PhoneEvent::Answered));
}

#[test]
fn out_6_a_reload_takes_other_limits_and_leaves_calls_alone() {
    let mut world = world(7, &[]);
    for phone in 0..3 {
        dial(&mut world, phone, ECHO);
    }
    assert_eq!(gates(&world), [], "without limits there is nothing to tell");
    world.reload(&[("trunk.0.channels", "2"), ("listener.0.channels", "4")]);
    world.run(SECOND);
    assert_eq!(
        (in_use(&world), world.gateway.shard().calls()),
        (vec![3, 3], 3),
        "those that are there go on"
    );
    dial(&mut world, 3, ECHO);
    world.hang_up(0);
    world.run(SECOND);
    dial(&mut world, 4, ECHO);
    assert!(has(&world, 3, &NO_CIRCUIT) && has(&world, 4, &NO_CIRCUIT), "two are as many as may be");
    world.hang_up(1);
    world.run(SECOND);
    dial(&mut world, 5, ECHO);
    assert!(has(&world, 5, &PhoneEvent::Answered));
    world.reload(&[("listener.0.channels", "4")]);
    dial(&mut world, 6, ECHO);
    assert_eq!(in_use(&world), [3], "the trunk has no limit any more");
}

#[test]
fn out_6_channels_are_given_back_whatever_way_a_call_ends() {
    let limits = [("trunk.0.channels", "2"), ("listener.0.channels", "100")];
    for (name, act) in WAYS {
        for conditions in [Conditions::GOOD, Conditions::BAD] {
            let mut world = World::configured(conditions, 3, &[440; 12], &limits);
            for round in 0..4 {
                act(&mut world, 3 * round);
                world.run(200 * SECOND);
                assert_eq!(in_use(&world), [0, 0], "{name}, round {round}");
            }
            assert!(world.gateway.is_at_rest(), "{name}");
        }
    }
}

#[test]
fn out_6_a_call_that_is_restored_counts_again() {
    let mut world = world(4, &[("trunk.0.channels", "2")]);
    dial(&mut world, 0, ECHO);
    dial(&mut world, 1, RINGS);
    world.restart_gateway();
    world.run(SECOND);
    assert_eq!(in_use(&world), [2]);
    dial(&mut world, 2, ECHO);
    assert!(has(&world, 2, &NO_CIRCUIT));
    world.hang_up(0);
    world.hang_up(1);
    world.run(60 * SECOND);
    assert_eq!(in_use(&world), [0]);
    dial(&mut world, 3, ECHO);
    assert!(has(&world, 3, &PhoneEvent::Answered));
}

/// A way for calls of phone `first` and the two after it to end; the third finds the trunk full, where they last.
type Act = fn(&mut World, usize);

const WAYS: [(&str, Act); 8] = [
    ("the callers hang up", |world, first| {
        for phone in first..first + 3 {
            world.dial(phone, ECHO, &[Wait(SECOND), HangUp]);
        }
    }),
    ("the callers give up while it rings", |world, first| {
        for phone in first..first + 3 {
            dial(world, phone, RINGS);
        }
        for phone in first..first + 3 {
            world.hang_up(phone);
        }
    }),
    ("the number leads nowhere", |world, first| {
        for phone in first..first + 3 {
            dial(world, phone, NOWHERE);
        }
    }),
    ("the callers vanish", |world, first| {
        for phone in first..first + 3 {
            dial(world, phone, ECHO);
            world.phones[phone].unplug();
        }
    }),
    ("they vanish before their ACK", |world, first| {
        for phone in first..first + 3 {
            world.dial(phone, ECHO, &[]);
            world.run(Duration::from_millis(6));
            world.phones[phone].unplug();
        }
    }),
    ("the gateway hangs up", |world, first| {
        for phone in first..first + 3 {
            dial(world, phone, if phone == first { ECHO } else { RINGS });
        }
        // On a bad network they are there only now.
        world.run(15 * SECOND);
        world.administer(shard::Input::HangUpAll(Cause::NORMAL_CLEARING));
    }),
    ("the gateway has no room for their media", |world, first| {
        for phone in first..first + 3 {
            dial(world, phone, RINGS);
        }
        world.run(15 * SECOND);
        for serial in 0..100 {
            let port = terms::PortId { worker: terms::WorkerId(0), serial };
            world.administer(shard::Input::MediaOverload(port));
        }
    }),
    ("the gateway starts again, and they hang up", |world, first| {
        for phone in first..first + 3 {
            dial(world, phone, ECHO);
        }
        world.restart_gateway();
        for phone in first..first + 3 {
            world.hang_up(phone);
        }
    }),
];
