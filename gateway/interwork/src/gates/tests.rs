use super::*;

const fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn rate(per_second: f64) -> Rate {
    Rate::try_from(per_second).expect("a rate")
}

fn trunk(channels: Option<u32>, per_second: Option<f64>) -> (Gate, GateLimits) {
    (Gate::Trunk("carrier".into()), GateLimits { channels, rate: per_second.map(rate) })
}

fn listener(channels: Option<u32>, per_second: Option<f64>) -> (Gate, GateLimits) {
    (Gate::Listener("udp:192.0.2.1:5060".into()), GateLimits { channels, rate: per_second.map(rate) })
}

/// How many calls of `tries` at that time get in.
fn taken(bucket: &mut Bucket, now: Instant, rate: Rate, tries: usize) -> usize {
    let mut take = || bucket.less_one(now, rate).map(|less| *bucket = less);
    (0..tries).filter_map(|_| take()).count()
}

#[test]
fn a_rate_lets_in_a_burst_of_a_second_and_then_as_many_as_it_says() {
    // How many of 100 calls get in at each time in milliseconds.
    type Row = (&'static str, f64, &'static [(u64, usize)]);
    let rows: [Row; 8] = [
        ("ten a second", 10.0, &[(5_000, 10), (5_099, 0), (5_100, 1), (5_350, 2), (6_000, 7)]),
        ("a long pause is worth one burst", 10.0, &[(0, 10), (86_400_000, 10), (86_400_001, 0)]),
        ("one a second", 1.0, &[(0, 1), (999, 0), (1_000, 1), (5_000, 1)]),
        ("one in two seconds", 0.5, &[(0, 1), (1_999, 0), (2_000, 1), (60_000, 1)]),
        ("a fraction saves up for whole calls", 2.5, &[(0, 2), (199, 0), (200, 1), (600, 1), (5_000, 2)]),
        ("no part of a second is lost to rounding", 3.0, &[(0, 3), (1_000, 3), (2_000, 3), (3_000, 3)]),
        ("as fast as may be", 100_000.0, &[(0, 100), (1, 100)]),
        ("one in 1000 s", 0.001, &[(0, 1), (999_999, 0), (1_000_000, 1)]),
    ];
    for (name, per_second, times) in rows {
        let mut bucket = Bucket::default();
        for (millis, expected) in times {
            assert_eq!(
                taken(&mut bucket, at(*millis), rate(per_second), 100),
                *expected,
                "{name} at {millis}"
            );
        }
    }
}

#[test]
fn a_rate_holds_over_an_hour_of_more_calls_than_it_lets_in() {
    let mut bucket = Bucket::default();
    let took: usize =
        (0..3_600_000).step_by(7).map(|millis| taken(&mut bucket, at(millis), rate(7.3), 1)).sum();
    assert!((26_279..=26_288).contains(&took), "{took} of 3600 × 7.3, and a burst");
}

#[test]
fn time_that_goes_back_or_ends_locks_nobody_out() {
    let last = Instant::from_nanos(u64::MAX);
    let mut bucket = Bucket::default();
    assert_eq!(
        taken(&mut bucket, last, rate(5.0), 100),
        100,
        "no time is left to be full in: all are let in"
    );
    assert_eq!(taken(&mut bucket, at(1_000), rate(5.0), 100), 0);
    assert_eq!(taken(&mut bucket, at(1_200), rate(5.0), 100), 1, "it was empty and fills up as any other");
    assert_eq!(taken(&mut bucket, at(3_000), rate(5.0), 100), 5);
}

#[test]
fn another_rate_holds_at_once() {
    let mut bucket = Bucket::default();
    assert_eq!(taken(&mut bucket, at(0), rate(0.01), 100), 1);
    assert_eq!(
        taken(&mut bucket, at(1_000), rate(10.0), 100),
        0,
        "what the lower rate held back is a burst at most"
    );
    assert_eq!(taken(&mut bucket, at(2_000), rate(10.0), 100), 10);
    assert_eq!(taken(&mut bucket, at(2_000), rate(100.0), 100), 0);
    assert_eq!(taken(&mut bucket, at(2_010), rate(100.0), 100), 1);
}

#[test]
fn what_is_no_rate_is_refused() {
    for number in [0.0, -1.0, 0.0004, 100_000.1, f64::NAN, f64::INFINITY] {
        assert_eq!(Rate::try_from(number), Err(NoRate), "{number}");
    }
    assert_eq!([0.001, 0.5, 20.0].map(|number| rate(number).to_string()), ["0.001", "0.5", "20"]);
}

#[test]
fn a_call_counts_on_all_its_gates_and_a_refused_one_on_none() {
    let mut gates = Gates::default();
    let both = [trunk(Some(2), None), listener(None, Some(1.0))];
    let names = both.clone().map(|(gate, _)| gate);
    assert_eq!(gates.admit(at(0), &both), Ok(()));
    gates.enter(&names);
    assert_eq!(gates.admit(at(100), &both), Err((names[1].clone(), GateLimit::Rate)));
    assert_eq!(gates.admit(at(1_000), &both), Ok(()));
    gates.enter(&names);
    assert_eq!(gates.admit(at(9_000), &both), Err((names[0].clone(), GateLimit::Channels)));
    gates.leave(&names);
    assert_eq!(
        gates.admit(at(9_000), &both),
        Ok(()),
        "the call that the trunk refused took no token of the listener"
    );
    let views = gates.views(both.into_iter());
    let counts = views.iter().map(|view| (view.in_use, view.refused.channels, view.refused.rate));
    assert_eq!(counts.collect::<Vec<_>>(), [(1, 1, 0), (1, 0, 1)]);
}

#[test]
fn gates_without_a_limit_are_counted_and_not_shown() {
    let mut gates = Gates::default();
    let (gate, free) = trunk(None, None);
    for _ in 0..3 {
        assert_eq!(gates.admit(at(0), &[(gate.clone(), free)]), Ok(()));
        gates.enter(std::slice::from_ref(&gate));
    }
    assert_eq!(gates.views([(gate.clone(), free)].into_iter()), []);
    let limits = GateLimits { channels: Some(3), rate: None };
    assert_eq!(gates.admit(at(0), &[(gate.clone(), limits)]), Err((gate.clone(), GateLimit::Channels)));
    let [view] = &gates.views([(gate, limits)].into_iter())[..] else { panic!("it has a limit") };
    assert_eq!((view.in_use, view.channels, view.calls_per_second), (3, Some(3), None));
}

#[test]
fn a_gate_that_is_gone_is_forgotten_with_its_last_call() {
    let mut gates = Gates::default();
    let (gate, _) = trunk(None, None);
    gates.enter(std::slice::from_ref(&gate));
    gates.retain(|_| false);
    assert_eq!(gates.counts.len(), 1);
    gates.leave(std::slice::from_ref(&gate));
    gates.retain(|_| false);
    assert_eq!(gates.counts.len(), 0);
}
