//! The whole stage x input table.

use super::*;
use alloc::{format, string::String};

const INPUTS: [Input; 15] = [
    Input::Progress,
    Input::Success,
    Input::Failure,
    Input::NoAnswer,
    Input::Answer,
    Input::Refuse,
    Input::Hangup,
    Input::Cancel,
    Input::Bye,
    Input::Ack,
    Input::NoAck,
    Input::NoPrack,
    Input::Gone,
    Input::Silence,
    Input::Timer,
];

#[test]
fn stage_table() {
    let give_up = Duration::from_secs(32);
    let late = Instant::from_nanos(100_000_000_000);
    let cancelling = Cancelling { give_up_at: late };
    let stages = [Invited, Answered, Leaving, Calling, Withdrawing, Proceeding, cancelling, Confirmed, Over];
    let name = |stage: Stage| String::from(format!("{stage:?}").split(' ').next().unwrap_or_default());
    let mut table = String::new();
    for stage in stages {
        for input in INPUTS {
            let (next, acts) = stage.step(late, give_up, input);
            let line =
                format!("{:<11} {:<9} -> {:<11} {acts:?}\n", name(stage), format!("{input:?}"), name(next));
            table.push_str(&line);
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_call_is_told_over_once() {
    let give_up = Duration::from_secs(32);
    let late = Instant::from_nanos(100_000_000_000);
    let cancelling = Cancelling { give_up_at: late };
    for stage in [Leaving, Withdrawing, cancelling, Over] {
        for input in INPUTS {
            let (next, acts) = stage.step(late, give_up, input);
            assert!(
                stage.is_told_over() && next.is_told_over() && !acts.contains(&Tell),
                "{stage:?} {input:?}"
            );
        }
    }
    for stage in [Invited, Answered, Calling, Proceeding, Confirmed] {
        for input in INPUTS {
            let (next, acts) = stage.step(late, give_up, input);
            assert!(!next.is_told_over() || acts.contains(&Tell), "{stage:?} {input:?}");
        }
    }
}
