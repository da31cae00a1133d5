//! Whole calls between two endpoints, in all weathers.

use super::{
    desk::{CALLED, invite_to, sdp},
    world::{FAIR, Side, Weather, World},
};
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{vec, vec::Vec};
use core::time::Duration;

const CALLEE_AT: &str = "192.0.2.2:5060";
const STORM: Weather =
    Weather { loss: 25, twice: 20, delay: Duration::from_millis(1), jitter: Duration::from_millis(700) };

/// Runs a call to its confirmed state. Says whether it got there.
fn connect(world: &mut World) -> bool {
    world.command(Side::Caller, invite_to(CALLEE_AT));
    if !world.run_until(Side::Callee, "Invited") {
        return false;
    }
    let dialog = world.invited();
    world.command(
        Side::Callee,
        Command::Progress {
            dialog,
            status: StatusCode::RINGING,
            reliability: Reliability::BestEffort,
            body: None,
            headers: vec![],
        },
    );
    world.run(Duration::from_secs(2));
    world.command(Side::Callee, Command::Answer { dialog, body: sdp("v=0"), headers: vec![] });
    world.run_until(Side::Caller, "Accepted 200") && world.run_until(Side::Callee, "Acknowledged")
}

fn is_clean(world: &World) -> bool {
    let counts = [&world.caller, &world.callee].map(|endpoint| (endpoint.dialogs(), endpoint.transactions()));
    counts == [(0, 0), (0, 0)]
}

#[test]
fn a_call_in_fair_weather() {
    let mut world = World::new(FAIR, 1);
    assert!(connect(&mut world));
    world.command(Side::Caller, Command::Hangup { dialog: CALLED, reason: None });
    world.run(Duration::from_secs(120));
    assert_eq!(world.told(Side::Caller), ["Progressed 180", "Accepted 200", "Ended Local"]);
    assert_eq!(world.told(Side::Callee), ["Invited", "Acknowledged", "Ended Bye"]);
    assert!(is_clean(&world));
}

#[test]
fn calls_in_a_storm_are_told_once_and_leave_nothing() {
    let mut connected = 0;
    for seed in 0..200 {
        let mut world = World::new(STORM, seed);
        if connect(&mut world) {
            connected += 1;
            world.command(Side::Callee, Command::Hangup { dialog: world.invited(), reason: None });
        }
        // Where no BYE arrived, the session timer ends what is left.
        world.run(Duration::from_secs(2000));
        for side in [Side::Caller, Side::Callee] {
            let told = world.told(side);
            let ends: Vec<_> =
                told.iter().filter(|name| name.starts_with("Ended") || name.starts_with("Failed")).collect();
            assert!(ends.len() <= 1, "seed {seed} {side:?}: {told:?}");
            let invited = told.iter().filter(|name| *name == "Invited" || *name == "Accepted 200").count();
            assert!(invited <= 1, "seed {seed} {side:?}: {told:?}");
        }
        assert!(
            is_clean(&world),
            "seed {seed}: {:?} {:?}",
            world.told(Side::Caller),
            world.told(Side::Callee)
        );
    }
    assert!(connected >= 195, "only {connected} of 200");
}

#[test]
fn cancel_in_a_storm_ends_on_both_sides() {
    for seed in 0..100 {
        let mut world = World::new(STORM, seed);
        world.command(Side::Caller, invite_to(CALLEE_AT));
        world.run(Duration::from_millis(seed * 37));
        world.command(Side::Caller, Command::Hangup { dialog: CALLED, reason: None });
        world.run(Duration::from_secs(300));
        assert_eq!(world.caller.dialogs(), 0, "seed {seed}");
        let told = world.told(Side::Callee);
        let is_over = told.is_empty() || told.last().is_some_and(|name| name == "Ended Cancelled");
        assert!(is_over || told == ["Invited"], "seed {seed}: {told:?}");
    }
}

#[test]
fn glare_on_hold_both_offers_go_through_one_after_the_other() {
    let mut world = World::new(FAIR, 1);
    assert!(connect(&mut world));
    let dialog = world.invited();
    world.command(Side::Caller, Command::Reoffer { dialog: CALLED, body: sdp("v=1") });
    world.command(Side::Callee, Command::Reoffer { dialog, body: sdp("v=2") });
    assert!(world.run_until(Side::Caller, "Reoffered"), "the callee, who waits less, comes first");
    world.command(Side::Caller, Command::AnswerReoffer { dialog: CALLED, body: sdp("v=3") });
    assert!(world.run_until(Side::Callee, "ReofferAnswered 200"));
    // The caller's own was made before its answer: it makes another.
    assert!(world.run_until(Side::Caller, "ReofferAnswered 491"));
    world.run(Duration::from_secs(1));
    world.command(Side::Caller, Command::Reoffer { dialog: CALLED, body: sdp("v=4") });
    assert!(world.run_until(Side::Callee, "Reoffered"));
    world.command(Side::Callee, Command::AnswerReoffer { dialog, body: sdp("v=5") });
    assert!(world.run_until(Side::Caller, "ReofferAnswered 200"));
    world.command(Side::Callee, Command::Hangup { dialog, reason: None });
    world.run(Duration::from_secs(120));
    assert!(is_clean(&world));
}

#[test]
fn byes_that_cross_end_both_sides_cleanly() {
    let mut world = World::new(FAIR, 1);
    assert!(connect(&mut world));
    world.command(Side::Caller, Command::Hangup { dialog: CALLED, reason: None });
    world.command(Side::Callee, Command::Hangup { dialog: world.invited(), reason: None });
    world.run(Duration::from_secs(120));
    assert!(is_clean(&world));
}
