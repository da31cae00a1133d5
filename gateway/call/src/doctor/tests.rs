use std::time::Duration;

use terms::media::Silence;

use super::*;

const SETTINGS: NoStreamSettings = NoStreamSettings {
    warn: Duration::from_secs(20),
    probe: Duration::from_secs(30),
    end: Duration::from_secs(40),
    end_answered: Duration::from_secs(120),
};
const MS: u64 = 1_000_000;

const fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * MS)
}

/// A call that is established at 0 s, on virtual time.
struct Bench {
    doctor: Doctor,
    now_ms: u64,
    /// When what was wanted, in milliseconds.
    wanted: Vec<(u64, &'static str)>,
    ends: Vec<Stopped>,
}

impl Bench {
    fn established(direction: Direction) -> Self {
        let mut bench = Self { doctor: Doctor::new(), now_ms: 0, wanted: Vec::new(), ends: Vec::new() };
        bench.feed(Input::Agreed(direction));
        bench.feed(Input::Established);
        bench
    }

    fn feed(&mut self, input: Input) {
        self.doctor.handle_input(at(self.now_ms), &SETTINGS, input);
        while let Some(output) = self.doctor.poll_output() {
            let name = match output {
                Output::Warn(_) => "warn",
                Output::Probe => "probe",
                Output::Resumed => "resumed",
                Output::End(stopped) => {
                    self.ends.push(stopped);
                    "end"
                }
            };
            self.wanted.push((self.now_ms, name));
        }
    }

    /// Lets time pass to `ms`, each deadline met as it comes.
    fn wait_until(&mut self, ms: u64) {
        while let Some(due) = self.doctor.poll_timeout().filter(|due| *due <= at(ms)) {
            self.now_ms = due.as_nanos() / MS;
            self.feed(Input::Timeout);
        }
        self.now_ms = ms;
    }

    /// What is wanted when this happens, each at its millisecond.
    fn live(&mut self, happens: &[(u64, Input)]) {
        for (ms, input) in happens {
            self.wait_until(*ms);
            self.feed(*input);
        }
        self.wait_until(500_000);
    }
}

const fn silence(since_ms: u64) -> Silence {
    Silence { since: at(since_ms), reason: SilenceReason::NothingAtAll }
}

/// Media tells that nothing comes in since then.
const fn silent_since(ms: u64) -> Input {
    Input::Measured(Silences { inbound: Some(silence(ms)), outbound: None, comfort_noise: false })
}

const SILENT: Input = silent_since(0);
const SILENT_FROM_25_S: Input = silent_since(25_000);
const SILENT_FROM_35_S: Input = silent_since(35_000);
const FLOWS: Input = Input::Measured(Silences { inbound: None, outbound: None, comfort_noise: false });
const QUIET: Input =
    Input::Measured(Silences { inbound: Some(silence(0)), outbound: None, comfort_noise: true });

/// What happens, and what is wanted of it.
type Case = (&'static str, &'static [(u64, Input)], &'static [(u64, &'static str)]);

fn check(direction: Direction, cases: &[Case]) {
    for (name, happens, expected) in cases {
        let mut bench = Bench::established(direction);
        bench.live(happens);
        assert_eq!(bench.wanted, *expected, "{name}");
    }
}

#[test]
fn media_4_each_boundary_at_its_time() {
    const PATIENT: &[(u64, &str)] = &[(20_000, "warn"), (30_000, "probe"), (120_000, "end")];
    check(
        Direction::SendReceive,
        &[
            ("all is well", &[(1_000, FLOWS)], &[]),
            ("nobody answers", &[(1_000, SILENT)], &[(20_000, "warn"), (30_000, "probe"), (40_000, "end")]),
            ("the probe is answered", &[(1_000, SILENT), (30_200, Input::Answered)], PATIENT),
            ("at the last moment", &[(1_000, SILENT), (39_999, Input::Answered)], PATIENT),
            ("comfort noise was sent before", &[(500, QUIET), (1_000, SILENT)], PATIENT),
            ("comfort noise is told of later", &[(1_000, SILENT), (35_000, QUIET)], PATIENT),
            ("the call ends", &[(1_000, SILENT), (25_000, Input::Over)], &[(20_000, "warn")]),
        ],
    );
}

#[test]
fn media_4_what_comes_again_sets_everything_back() {
    check(
        Direction::SendReceive,
        &[
            ("before the warning", &[(1_000, SILENT), (19_999, FLOWS)], &[]),
            (
                "after the warning",
                &[(1_000, SILENT), (25_000, FLOWS)],
                &[(20_000, "warn"), (25_000, "resumed")],
            ),
            (
                "at the last moment",
                &[(1_000, SILENT), (39_999, FLOWS)],
                &[(20_000, "warn"), (30_000, "probe"), (39_999, "resumed")],
            ),
            (
                "after the answer",
                &[(1_000, SILENT), (31_000, Input::Answered), (119_999, FLOWS)],
                &[(20_000, "warn"), (30_000, "probe"), (119_999, "resumed")],
            ),
            (
                "and stops again before it is told",
                &[(1_000, SILENT), (26_000, SILENT_FROM_25_S)],
                &[(20_000, "warn"), (45_000, "warn"), (55_000, "probe"), (65_000, "end")],
            ),
            (
                "an answer to an earlier probe is no answer to this one",
                &[(1_000, SILENT), (36_000, SILENT_FROM_35_S), (40_000, Input::Answered)],
                &[(20_000, "warn"), (30_000, "probe"), (55_000, "warn"), (65_000, "probe"), (75_000, "end")],
            ),
        ],
    );
}

#[test]
fn media_4_hold_is_no_silence() {
    check(
        Direction::SendReceive,
        &[
            ("held for good", &[(1_000, SILENT), (10_000, Input::Agreed(Direction::ReceiveOnly))], &[]),
            (
                "held after the warning",
                &[(1_000, SILENT), (25_000, Input::Agreed(Direction::Inactive)), (26_000, SILENT)],
                &[(20_000, "warn")],
            ),
            (
                "un-held: it counts from there, and the peer has been seen to be quiet",
                &[
                    (1_000, SILENT),
                    (10_000, Input::Agreed(Direction::SendOnly)),
                    (100_000, Input::Agreed(Direction::SendReceive)),
                    (101_000, SILENT),
                ],
                &[(120_000, "warn"), (130_000, "probe"), (220_000, "end")],
            ),
            (
                "a session that is refreshed is not held",
                &[(1_000, SILENT), (10_000, Input::Agreed(Direction::SendReceive))],
                &[(20_000, "warn"), (30_000, "probe"), (40_000, "end")],
            ),
        ],
    );
}

#[test]
fn media_4_a_call_that_begins_one_way_is_ended_late_and_one_that_begins_held_is_not() {
    let patient: Case =
        ("from the start", &[(1_000, SILENT)], &[(20_000, "warn"), (30_000, "probe"), (120_000, "end")]);
    check(Direction::ReceiveOnly, &[patient]);
    check(Direction::SendOnly, &[patient]);
    check(Direction::Inactive, &[("held", &[(1_000, SILENT)], &[])]);
}

#[test]
fn media_4_the_record_says_which_direction_and_why() {
    let measured = |inbound, outbound| Input::Measured(Silences { inbound, outbound, comfort_noise: false });
    let unreachable = Silence { since: at(5_000), reason: SilenceReason::Unreachable };
    let rows = [
        ("in", measured(Some(silence(0)), None), StoppedWay::Inbound, SilenceReason::NothingAtAll, 40_000),
        ("out", measured(None, Some(unreachable)), StoppedWay::Outbound, SilenceReason::Unreachable, 40_000),
        (
            "both",
            measured(Some(unreachable), Some(silence(0))),
            StoppedWay::Both,
            SilenceReason::Unreachable,
            40_000,
        ),
    ];
    for (name, told, way, reason, silent_ms) in rows {
        let mut bench = Bench::established(Direction::SendReceive);
        bench.live(&[(6_000, told)]);
        assert_eq!(bench.ends, [Stopped { way, reason, silent_ms }], "{name}");
        assert_eq!(bench.doctor.stopped(at(500_000)).map(|stopped| stopped.way), Some(way), "{name}");
    }
}

#[test]
fn media_4_nothing_is_warned_of_before_media_may_flow() {
    let mut bench = Bench { doctor: Doctor::new(), now_ms: 0, wanted: Vec::new(), ends: Vec::new() };
    bench.live(&[
        (0, Input::Agreed(Direction::SendReceive)),
        (1_000, SILENT),
        (50_000, Input::Established),
        (51_000, SILENT),
    ]);
    assert_eq!(bench.wanted, [(70_000, "warn"), (80_000, "probe"), (90_000, "end")]);
}

#[test]
fn a_reload_moves_the_bounds_of_a_silence_that_goes_on() {
    let mut bench = Bench::established(Direction::SendReceive);
    bench.wait_until(1_000);
    bench.feed(SILENT);
    let later = NoStreamSettings { warn: Duration::from_secs(25), ..SETTINGS };
    bench.doctor.handle_input(at(2_000), &later, SILENT);
    assert_eq!(bench.doctor.poll_timeout(), Some(at(25_000)));
}

/// What may happen to a doctor, drawn at random; silences begin at most a minute ago.
fn any_input(entropy: &mut terms::Entropy, now_ms: u64) -> Input {
    let directions =
        [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive];
    match entropy.below(12) {
        0 => Input::Agreed(directions[usize::try_from(entropy.below(4)).expect("small")]),
        1 => Input::Answered,
        2 => FLOWS,
        3 => Input::Measured(Silences { comfort_noise: true, ..Silences::default() }),
        4 => Input::Established,
        _ => silent_since(now_ms.saturating_sub(entropy.below(60_000))),
    }
}

#[test]
fn media_4_whatever_happens_no_call_ends_unwarned_unasked_or_early() {
    let mut ends = 0;
    for seed in 0..500 {
        let mut entropy = terms::Entropy::from_seed([seed, 1, 2, 3]);
        let mut bench = Bench::established(Direction::SendReceive);
        for _ in 0..40 {
            let then = bench.now_ms + entropy.below(15_000);
            bench.wait_until(then);
            let input = any_input(&mut entropy, then);
            bench.feed(input);
        }
        let names: Vec<&str> = bench.wanted.iter().map(|(_, name)| *name).collect();
        for (at, name) in names.iter().enumerate() {
            match *name {
                "probe" => assert_eq!(names[at - 1], "warn", "seed {seed}: {:?}", bench.wanted),
                "end" => assert_eq!(names[at - 1], "probe", "seed {seed}: {:?}", bench.wanted),
                _ => {}
            }
        }
        assert!(
            bench.ends.iter().all(|stopped| stopped.silent_ms >= 40_000),
            "seed {seed}: {:?}",
            bench.ends
        );
        assert!(bench.ends.len() <= 1, "seed {seed}: a call ends once");
        ends += bench.ends.len();
    }
    assert!(ends > 50, "{ends} of 500");
}
