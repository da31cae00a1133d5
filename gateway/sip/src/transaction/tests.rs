//! The whole state x input table of each machine, and the timers on virtual time.

use super::*;
use alloc::{format, string::String, vec::Vec};
use core::{fmt::Debug, time::Duration};
use terms::time::Instant;

const START: Instant = Instant::from_nanos(100_000_000_000);
const UDP: Pace = Pace { timers: Timers::RFC, reliability: Reliability::Unreliable };
const TCP: Pace = Pace { timers: Timers::RFC, reliability: Reliability::Reliable };

#[test]
fn invite_client_table() {
    use invite_client::{Input as I, State as S};
    let resend = Resend::after(START, Timers::RFC.t1);
    let end = START + Timers::RFC.give_up();
    insta::assert_snapshot!(table(
        &[
            S::Calling { resend, give_up_at: end },
            S::Proceeding,
            S::Completed { until: end },
            S::Accepted { until: end },
            S::Terminated
        ],
        &[I::Provisional, I::Success, I::Failure, I::Timer, I::TransportError],
        S::step,
    ));
}

#[test]
fn non_invite_client_table() {
    use non_invite_client::{Input as I, State as S};
    let resend = Resend::after(START, Timers::RFC.t1);
    let end = START + Timers::RFC.give_up();
    insta::assert_snapshot!(table(
        &[
            S::Trying { resend, give_up_at: end },
            S::Proceeding { resend, give_up_at: end },
            S::Completed { until: end },
            S::Terminated
        ],
        &[I::Provisional, I::Final, I::Timer, I::TransportError],
        S::step,
    ));
}

#[test]
fn invite_server_table() {
    use invite_server::{Input as I, State as S};
    let resend = Resend::after(START, Timers::RFC.t1);
    let end = START + Timers::RFC.give_up();
    insta::assert_snapshot!(table(
        &[
            S::Proceeding,
            S::Completed { resend, give_up_at: end },
            S::Confirmed { until: end },
            S::Accepted { until: end },
            S::Terminated
        ],
        &[I::Retransmission, I::Ack, I::Provisional, I::Success, I::Failure, I::Timer, I::TransportError],
        S::step,
    ));
}

#[test]
fn non_invite_server_table() {
    use non_invite_server::{Input as I, State as S};
    let end = START + Timers::RFC.give_up();
    insta::assert_snapshot!(table(
        &[S::Trying, S::Proceeding, S::Completed { until: end }, S::Terminated],
        &[I::Retransmission, I::Provisional, I::Final, I::Timer, I::TransportError],
        S::step,
    ));
}

#[test]
fn rfc3261_17_1_1_2_timer_a_doubles_until_timer_b() {
    use invite_client::{Input, State};
    let (sent, end) =
        drive(State::start(UDP, START), State::deadline, |state, now| state.step(UDP, now, Input::Timer));
    assert_eq!(sent, [500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!(end, (State::Terminated, 32_000, Some(Effect::TimedOut)));
}

#[test]
fn rfc3261_17_1_1_2_over_a_stream_timer_a_never_starts() {
    use invite_client::{Input, State};
    let (sent, end) =
        drive(State::start(TCP, START), State::deadline, |state, now| state.step(TCP, now, Input::Timer));
    assert_eq!((sent, end), (Vec::new(), (State::Terminated, 32_000, Some(Effect::TimedOut))));
}

#[test]
fn rfc3261_17_1_2_2_timer_e_doubles_to_t2_until_timer_f() {
    use non_invite_client::{Input, State};
    let (sent, end) =
        drive(State::start(UDP, START), State::deadline, |state, now| state.step(UDP, now, Input::Timer));
    assert_eq!(sent, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(end, (State::Terminated, 32_000, Some(Effect::TimedOut)));
}

#[test]
fn rfc3261_17_1_2_2_timer_e_is_t2_in_proceeding() {
    use non_invite_client::{Input, State};
    let (state, _) = State::start(UDP, START).step(UDP, START, Input::Provisional);
    let (sent, _) = drive(state, State::deadline, |state, now| state.step(UDP, now, Input::Timer));
    assert_eq!(sent, [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500]);
}

#[test]
fn rfc3261_17_2_1_timer_g_doubles_to_t2_until_timer_h() {
    use invite_server::{Input, State};
    let (state, effects) = State::start().step(UDP, START, Input::Failure);
    assert_eq!(effects, [Effect::Send]);
    let (sent, end) = drive(state, State::deadline, |state, now| state.step(UDP, now, Input::Timer));
    assert_eq!(sent, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(end, (State::Terminated, 32_000, Some(Effect::TimedOut)));
}

#[test]
fn rfc3261_17_2_1_timer_i_is_t4_over_udp_and_zero_over_tcp() {
    use invite_server::{Input, State};
    for (name, pace, lingers) in [("udp", UDP, Timers::RFC.t4), ("tcp", TCP, Duration::ZERO)] {
        let (state, _) = State::start().step(pace, START, Input::Failure);
        let (state, _) = state.step(pace, START, Input::Ack);
        assert_eq!(state.deadline(), Some(START + lingers), "{name}");
    }
}

#[test]
fn rfc6026_7_1_accepted_absorbs_invites_and_passes_acks_for_timer_l() {
    use invite_server::{Input, State};
    let (state, _) = State::start().step(UDP, START, Input::Success);
    assert_eq!(state.step(UDP, START, Input::Retransmission), (state, &[][..]));
    assert_eq!(state.step(UDP, START, Input::Ack), (state, &[Effect::PassUp][..]));
    assert_eq!(state.deadline(), Some(START + Duration::from_secs(32)));
}

/// Runs a machine on its timer alone: the milliseconds of each sending, and how and when it ended.
fn drive<S: Copy>(
    state: S,
    deadline: impl Fn(S) -> Option<Instant>,
    step: impl Fn(S, Instant) -> (S, &'static [Effect]),
) -> (Vec<u128>, (S, u128, Option<Effect>)) {
    let (mut state, mut sent, mut end) = (state, Vec::new(), (state, 0, None));
    while let Some(now) = deadline(state) {
        let (next, effects) = step(state, now);
        let millis = now.since(START).as_millis();
        if effects.contains(&Effect::Send) {
            sent.push(millis);
        }
        end = (next, millis, effects.last().copied());
        state = next;
    }
    (sent, end)
}

/// Each state x input, on a datagram transport, the timer past every deadline.
fn table<S: Copy + Debug + PartialEq, I: Copy + Debug>(
    states: &[S],
    inputs: &[I],
    step: impl Fn(S, Pace, Instant, I) -> (S, &'static [Effect]),
) -> String {
    let late = START + Duration::from_secs(3600);
    let name =
        |value: &dyn Debug| String::from(format!("{value:?}").split([' ', '{']).next().unwrap_or_default());
    let mut out = String::new();
    for state in states {
        for input in inputs {
            let (next, effects) = step(*state, UDP, late, *input);
            let line = format!("{:<11} {:<15} -> {:<11} {effects:?}", name(state), name(input), name(&next));
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}
