//! What a call's streams are like is told while it goes on, and kept in its record (MEDIA-7).

use std::time::Duration;

use call::{
    Event,
    gauge::{Fault, Icon, Signal, Way},
};
use terms::media::MosScale;
use tests::{
    Action::{Stop, Talk},
    Conditions, World,
};

const ECHO: &str = "9001";
const SECOND: Duration = Duration::from_secs(1);

/// A call that has been talked in for ten seconds.
fn talking(conditions: Conditions) -> World {
    let mut world = World::new(conditions, 1, &[440]);
    world.dial(0, ECHO, &[Talk(1_000 * SECOND)]);
    world.run(10 * SECOND);
    world
}

fn has(world: &World, wanted: &Event) -> bool {
    world.gateway.events.iter().any(|(_, event)| event == wanted)
}

#[test]
fn media_7_a_good_call_is_green_and_its_record_says_so() {
    let mut world = talking(Conditions::GOOD);
    let view = world.gateway.shard().views(world.now()).next().expect("a call");
    assert_eq!(
        (view.icon, view.inbound.signal, view.inbound.figures.loss_percent),
        (Icon::None, Signal::Green, Some(0.0))
    );
    assert_eq!(view.outbound.figures.loss_percent, None, "the phone sends no RTCP");
    world.hang_up(0);
    world.run(40 * SECOND);
    let streams = world.gateway.records[0].streams.expect("they were measured");
    let inbound = streams.inbound;
    assert_eq!(
        (inbound.red_ms, inbound.severe_losses, inbound.mos_scale),
        (0, 0, Some(MosScale::NarrowBand))
    );
    assert!(inbound.mos.is_some_and(|mos| (4.40..4.42).contains(&mos.worst)), "{inbound:?}");
    assert_eq!((streams.outbound.loss_percent, streams.outbound.mos), (None, None), "unknown, not 0");
}

#[test]
fn media_7_a_call_that_loses_a_fifth_is_red_and_its_loss_severe() {
    let mut world = talking(Conditions { loss_percent: 20, ..Conditions::GOOD });
    assert!(has(&world, &Event::RedBegan(Way::Inbound, Fault::Loss)));
    assert!(has(&world, &Event::SevereLoss(Way::Inbound)));
    assert_eq!(world.gateway.shard().red_calls(), 1);
    let view = world.gateway.shard().views(world.now()).next().expect("a call");
    assert_eq!((view.icon, view.inbound.icon, view.inbound.signal), (Icon::Red, Icon::Red, Signal::Red));
    world.hang_up(0);
    world.run(40 * SECOND);
    let inbound = world.gateway.records[0].streams.expect("they were measured").inbound;
    let loss = inbound.loss_percent.expect("measured");
    assert!((12.0..28.0).contains(&loss.mean), "{inbound:?}");
    assert!(inbound.red_ms > 7_000 && inbound.severe_losses == 1, "{inbound:?}");
    assert!(inbound.mos.is_some_and(|mos| mos.mean < 3.0), "{inbound:?}");
}

#[test]
fn media_7_what_is_due_and_does_not_come_is_lost_and_red_ends_as_it_comes_again() {
    let mut world = World::new(Conditions::GOOD, 1, &[440]);
    world.dial(0, ECHO, &[Talk(10 * SECOND), Stop(10 * SECOND), Talk(1_000 * SECOND)]);
    world.run(19 * SECOND);
    let view = world.gateway.shard().views(world.now()).next().expect("a call");
    assert_eq!((view.inbound.figures.loss_percent, view.inbound.figures.jitter_ms), (Some(100.0), None));
    assert!(has(&world, &Event::RedBegan(Way::Inbound, Fault::Loss)));
    assert!(!has(&world, &Event::RedEnded(Way::Inbound)));
    world.run(5 * SECOND);
    assert!(has(&world, &Event::RedEnded(Way::Inbound)));
    assert_eq!(world.gateway.shard().red_calls(), 0);
}

#[test]
fn media_7_what_was_measured_before_a_restart_is_kept() {
    let mut world = talking(Conditions { loss_percent: 20, ..Conditions::GOOD });
    world.restart_gateway();
    world.run(10 * SECOND);
    world.hang_up(0);
    world.run(40 * SECOND);
    let inbound = world.gateway.records[0].streams.expect("they were measured").inbound;
    assert!(inbound.red_ms > 15_000, "{inbound:?}");
}
