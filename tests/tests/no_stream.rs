//! A phone sends nothing any more: it is noticed, asked for, and its call ends (MEDIA-4).

use std::time::Duration;

use call::{
    Event,
    doctor::{Stopped, StoppedWay},
};
use terms::{Cause, media::SilenceReason};
use tests::{
    Action::{Stop, Talk},
    Conditions, World,
};

const ECHO: &str = "9001";
const SECOND: Duration = Duration::from_secs(1);
/// A tick of the phone and one of the gateway are less.
const MOMENT: Duration = Duration::from_millis(100);

/// A call whose phone stops after five seconds, and for how long.
fn stopping(stops: Duration) -> World {
    let mut world = World::new(Conditions::GOOD, 1, &[440]);
    world.dial(0, ECHO, &[Talk(5 * SECOND), Stop(stops), Talk(1_000 * SECOND)]);
    world.run(5 * SECOND);
    world
}

fn has(world: &World, wanted: fn(&Event) -> bool) -> bool {
    world.gateway.events.iter().any(|(_, event)| wanted(event))
}

/// The requests of that method that the gateway sent.
fn sent<'a>(world: &'a World, method: &str) -> Vec<&'a str> {
    let requests = world.gateway.sent.iter().map(|bytes| std::str::from_utf8(bytes).expect("text"));
    requests.filter(|text| text.starts_with(method)).collect()
}

#[test]
fn media_4_a_phone_that_is_gone_is_warned_of_probed_for_and_given_up() {
    let mut world = stopping(1_000 * SECOND);
    world.phones[0].unplug();
    world.run(20 * SECOND - MOMENT);
    assert!(!has(&world, |event| matches!(event, Event::StreamStopped(_))));
    world.run(2 * MOMENT);
    assert!(has(&world, |event| matches!(event, Event::StreamStopped(_))), "at 20 s");
    world.run(10 * SECOND - 2 * MOMENT);
    assert_eq!(sent(&world, "OPTIONS"), [""; 0]);
    world.run(2 * MOMENT);
    let [probe, ..] = &sent(&world, "OPTIONS")[..] else { panic!("no probe at 30 s") };
    let is_in_dialog = |name| probe.lines().any(|line| line.starts_with(name) && line.contains(";tag="));
    assert!(is_in_dialog("From: ") && is_in_dialog("To: "), "{probe}");
    assert!(probe.contains("\r\nContent-Length: 0\r\n"), "it is no offer: {probe}");
    world.run(10 * SECOND - 2 * MOMENT);
    assert_eq!(sent(&world, "BYE"), [""; 0]);
    world.run(2 * MOMENT);
    let [bye, ..] = &sent(&world, "BYE")[..] else { panic!("no BYE at 40 s") };
    assert!(bye.contains("\r\nReason: Q.850;cause=102;text=\"无码流中断\"\r\n"), "{bye}");
    world.run(60 * SECOND);
    let [record] = &world.gateway.records[..] else { panic!("{:?}", world.gateway.records) };
    let Some(Stopped { way, reason, silent_ms }) = record.no_stream else { panic!("{record:?}") };
    assert_eq!((way, reason), (StoppedWay::Inbound, SilenceReason::NothingAtAll));
    assert!((40_000..40_100).contains(&silent_ms), "{silent_ms}");
    assert_eq!(record.cause, Cause::TIMER_EXPIRY);
    assert!(world.gateway.is_at_rest());
}

#[test]
fn media_4_a_phone_that_answers_the_probe_is_given_up_after_two_minutes() {
    let mut world = stopping(1_000 * SECOND);
    world.run(120 * SECOND - MOMENT);
    assert_eq!((sent(&world, "OPTIONS").len(), sent(&world, "BYE").len()), (1, 0));
    assert!(has(&world, |event| *event == Event::ProbeAnswered));
    world.run(2 * MOMENT);
    let [bye] = &sent(&world, "BYE")[..] else { panic!("no BYE at 120 s") };
    assert!(bye.contains("无码流中断"), "{bye}");
    world.run(40 * SECOND);
    assert!(world.gateway.is_at_rest() && world.gateway.records[0].no_stream.is_some());
}

#[test]
fn media_4_a_phone_that_is_heard_again_goes_on() {
    let mut world = stopping(110 * SECOND);
    world.run(300 * SECOND);
    assert!(has(&world, |event| *event == Event::StreamResumed));
    assert_eq!((sent(&world, "OPTIONS").len(), sent(&world, "BYE").len()), (1, 0));
    world.hang_up(0);
    world.run(40 * SECOND);
    assert_eq!(world.gateway.records[0].no_stream, None, "it was there as the call ended");
}

#[test]
fn media_4_who_talks_is_never_asked() {
    let mut world = World::new(Conditions::BAD, 1, &[440]);
    world.dial(0, ECHO, &[Talk(1_000 * SECOND)]);
    world.run(300 * SECOND);
    assert!(!has(&world, |event| matches!(event, Event::StreamStopped(_))));
    assert_eq!(sent(&world, "OPTIONS"), [""; 0]);
}

#[test]
fn media_4_the_bounds_hold_over_a_restart() {
    let mut world = stopping(1_000 * SECOND);
    world.run(35 * SECOND);
    world.restart_gateway();
    // What the phone sent before, the new engine can't know: silence begins with it.
    world.run(40 * SECOND);
    assert_eq!(sent(&world, "BYE"), [""; 0]);
    world.run(81 * SECOND);
    assert_eq!(sent(&world, "BYE").len(), 1);
    assert!(!has(&world, |event| *event == Event::StreamResumed), "nothing came");
}
