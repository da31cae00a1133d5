//! A call goes on in another process from any of its steps.

use super::{
    desk::{CALLED, at, invite_to, sdp},
    world::{FAIR, Side, World, endpoint},
};
use crate::endpoint::*;
use crate::wire::StatusCode;
use alloc::{string::String, vec, vec::Vec};
use core::time::Duration;
use terms::time::{Instant, Now};

/// What the owners do, step by step, with time for what follows.
fn steps() -> Vec<(Side, &'static str)> {
    vec![
        (Side::Caller, "invite"),
        (Side::Callee, "ring"),
        (Side::Callee, "answer"),
        (Side::Caller, "offer again"),
        (Side::Callee, "answer again"),
        (Side::Callee, "press"),
        (Side::Caller, "hang up"),
    ]
}

fn act(world: &mut World, side: Side, name: &str) {
    let dialog = if side == Side::Caller { CALLED } else { world.invited() };
    let command = match name {
        "invite" => invite_to("192.0.2.2:5060"),
        "ring" => Command::Progress {
            dialog,
            status: StatusCode::RINGING,
            reliability: Reliability::Acknowledged,
            body: None,
            headers: vec![],
        },
        "answer" => Command::Answer { dialog, body: sdp("v=0"), headers: vec![] },
        "offer again" => Command::Reoffer { dialog, body: sdp("v=1") },
        "answer again" => Command::AnswerReoffer { dialog, body: sdp("v=2") },
        "press" => Command::Info { dialog, body: Body::sdp(bytes::Bytes::from_static(b"5")) },
        _ => Command::Hangup { dialog, reason: None },
    };
    world.command(side, command);
}

/// Serializes each usage of a side, drops its endpoint, and goes on in a fresh one.
fn replace(world: &mut World, side: Side) {
    let ids = [CALLED].into_iter().chain(world.events.iter().filter_map(|(_, event)| match event {
        Event::Invited(invited) => Some(invited.dialog),
        _ => None,
    }));
    let ids: Vec<DialogId> = ids.collect();
    let taken: Vec<String> = ids
        .iter()
        .filter_map(|id| world.at(side).snapshot(*id))
        .map(|snapshot| serde_json::to_string(&snapshot).expect("a snapshot is plain data"))
        .collect();
    let now = at(world.now);
    *world.at(side) = endpoint(side, 1);
    for text in taken {
        let snapshot = serde_json::from_str(&text).expect("what was written reads");
        world.at(side).restore(now, snapshot).expect("a fresh endpoint has room");
    }
}

/// Runs the whole call. After `cut` happenings `side` is replaced. What was told, and whether the
/// cut was reached.
fn run(side: Side, cut: usize) -> (Vec<String>, Vec<String>, bool) {
    let (mut world, mut happened) = (World::new(FAIR, 3), 0);
    for (of, name) in steps() {
        act(&mut world, of, name);
        let end = world.now + Duration::from_millis(100);
        loop {
            if happened == cut {
                replace(&mut world, side);
            }
            happened += 1;
            if !world.happen(end) {
                break;
            }
        }
        world.now = end;
    }
    world.run(Duration::from_secs(120));
    assert_eq!((world.caller.dialogs(), world.callee.dialogs()), (0, 0), "{side:?} cut at {cut}");
    (world.told(Side::Caller), world.told(Side::Callee), happened > cut)
}

#[test]
fn a_call_goes_on_from_any_step_on_either_side() {
    let (caller, callee, _) = run(Side::Caller, usize::MAX);
    assert_eq!(caller, ["Progressed 180", "Accepted 200", "ReofferAnswered 200", "Info", "Ended Local"]);
    assert_eq!(
        callee,
        ["Invited", "ProgressAcknowledged", "Acknowledged", "Reoffered", "Acknowledged", "Ended Bye"]
    );
    for side in [Side::Caller, Side::Callee] {
        for cut in 0.. {
            let (caller_told, callee_told, is_reached) = run(side, cut);
            assert_eq!((&caller_told, &callee_told), (&caller, &callee), "{side:?} cut at {cut}");
            if !is_reached {
                assert!(cut > 15, "the call has many steps");
                break;
            }
        }
    }
}

#[test]
fn timers_go_on_by_the_clock_of_the_new_process() {
    let mut desk = super::desk::Desk::new();
    let (dialog, _) = desk.answered();
    desk.wait(Duration::from_millis(400));
    let snapshot = desk.endpoint.snapshot(dialog);
    desk.endpoint.handle_input(at(desk.now), Input::Timeout);
    assert_eq!(snapshot.as_ref().map(DialogSnapshot::dialog), Some(dialog));
    let snapshot = desk.endpoint.snapshot(dialog).expect("a call");
    let mut other = endpoint(Side::Callee, 1);
    let boot = Now { mono: Instant::from_nanos(5), ..Now::default() };
    other.restore(boot, snapshot.clone()).expect("room");
    assert_eq!(other.poll_timeout(), Some(boot.mono + Duration::from_millis(100)));
    assert_eq!(other.restore(boot, snapshot), Err(RestoreError::NameInUse));
}
