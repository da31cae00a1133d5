use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A peer whose packets come when the test says.
struct Bench {
    window: LossWindow,
    now: Instant,
    ssrc: Ssrc,
}

impl Bench {
    fn new() -> Self {
        Self { window: LossWindow::default(), now: Instant::ZERO + 1_000 * MS, ssrc: Ssrc(1) }
    }

    /// A packet each 20 ms.
    fn hear(&mut self, sequences: impl IntoIterator<Item = u16>) {
        for sequence in sequences {
            self.now += 20 * MS;
            self.window.take(self.now, self.ssrc, SequenceNumber(sequence));
        }
    }

    /// Expected and lost.
    fn loss(&self) -> Option<(u32, u32)> {
        self.window.loss(self.now, None).map(|loss| (loss.expected, loss.lost))
    }
}

#[test]
fn media_7_expected_is_from_the_lowest_to_the_highest_number() {
    type Case = (&'static str, &'static [u16], Option<(u32, u32)>);
    let cases: [Case; 10] = [
        ("nothing", &[], None),
        ("one packet", &[7], None),
        ("one packet, twice", &[7, 7], None),
        ("two", &[7, 8], Some((2, 0))),
        ("two, one between them lost", &[7, 9], Some((3, 1))),
        ("what came twice counts once", &[7, 8, 8, 8, 10, 7], Some((4, 1))),
        ("out of order", &[7, 10, 8, 9], Some((4, 0))),
        ("overtaken by the first", &[7, 5, 8], Some((4, 1))),
        ("the count wraps", &[65_534, 65_535, 1, 2], Some((5, 1))),
        ("overtaken where the count wraps", &[65_534, 0, 65_535, 1], Some((4, 0))),
    ];
    for (name, sequences, expected) in cases {
        let mut bench = Bench::new();
        bench.hear(sequences.iter().copied());
        assert_eq!(bench.loss(), expected, "{name}");
    }
}

#[test]
fn media_7_what_is_older_than_six_seconds_counts_no_more() {
    let mut bench = Bench::new();
    bench.hear((0..300).filter(|sequence| sequence % 10 != 5));
    assert!(bench.loss().is_some_and(|(_, lost)| lost >= 29));
    bench.hear(300..600);
    let (expected, lost) = bench.loss().expect("packets came");
    assert!((288..=300).contains(&expected) && lost == 0, "{lost} of {expected}");
    bench.now += WINDOW;
    assert_eq!(bench.loss(), None, "nothing came, and nothing is said to be due");
}

#[test]
fn media_7_a_packet_that_was_overtaken_leaves_the_window_with_its_neighbours() {
    // 40 comes 90 ms late, in the next quarter of a second. The window's edge passes between them.
    for late_by in 1..30 {
        let mut bench = Bench::new();
        bench.hear(0..40);
        bench.hear(41..41 + late_by);
        bench.hear([40]);
        for sequence in 41 + late_by..1_000 {
            bench.hear([sequence]);
            let loss = bench.window.loss(bench.now, None).expect("packets came");
            assert_eq!(loss.lost, 0, "late by {late_by}, at {sequence}: {loss:?}");
        }
    }
}

#[test]
fn media_7_what_was_lost_before_the_first_packet_of_the_window_is_not_expected() {
    let mut bench = Bench::new();
    bench.hear(0..10);
    bench.now += WINDOW;
    bench.hear(50..60);
    assert_eq!(bench.loss(), Some((10, 0)));
}

#[test]
fn media_7_a_new_source_begins_a_new_window() {
    let mut bench = Bench::new();
    bench.hear([0, 1, 2, 10]);
    assert_eq!(bench.loss(), Some((11, 7)));
    bench.ssrc = Ssrc(2);
    bench.hear([500]);
    assert_eq!(bench.loss(), None);
    bench.hear([501]);
    assert_eq!(bench.loss(), Some((2, 0)));
    bench.window.restart();
    assert_eq!(bench.loss(), None);
    bench.hear([9, 10]);
    assert_eq!(bench.loss(), Some((2, 0)), "the same source began anew");
}

#[test]
fn media_7_nothing_while_it_is_due_is_a_loss_of_all() {
    let mut bench = Bench::new();
    let since = bench.now;
    let percent = |bench: &Bench| bench.window.loss(bench.now, Some(since)).map(Loss::percent);
    assert_eq!(percent(&bench), None, "it is due for too short a time to say");
    bench.now += WINDOW;
    assert_eq!(percent(&bench), Some(100.0));
    bench.hear([1]);
    assert_eq!(percent(&bench), None, "of one packet there is nothing to say");
    bench.hear([2]);
    assert_eq!(percent(&bench), Some(0.0));
    bench.now += WINDOW;
    assert_eq!(percent(&bench), Some(100.0));
}

#[test]
fn g107_7_5_bursts_are_told_from_random_loss() {
    let lost_of = |is_lost: fn(u16) -> bool| {
        let mut bench = Bench::new();
        bench.hear((0..200).filter(|sequence| !is_lost(*sequence)));
        bench.window.loss(bench.now, None).expect("packets came")
    };
    let single = lost_of(|sequence| sequence % 10 == 5);
    assert_eq!((single.lost, single.bursts, single.burst_ratio()), (20, 20, 1.0));
    let runs = lost_of(|sequence| (100..110).contains(&sequence) || (150..160).contains(&sequence));
    assert_eq!((runs.lost, runs.bursts, runs.burst_ratio()), (20, 2, 9.0));
    assert_eq!((single.percent(), runs.percent()), (10.0, 10.0));
}

proptest! {
    #[test]
    fn the_loss_is_that_of_a_plain_count(kept in prop::collection::vec(0u8..10, 2..250), first: u16) {
        // Nothing is older than the window here: every packet counts.
        let numbers: Vec<u16> = (0..).zip(&kept).filter(|(_, kept)| **kept > 0)
            .map(|(at, _): (u16, _)| first.wrapping_add(at)).collect();
        let mut bench = Bench::new();
        for sequence in &numbers {
            bench.now += 20 * MS;
            bench.window.take(bench.now, Ssrc(1), SequenceNumber(*sequence));
        }
        let expected = numbers.first().zip(numbers.last())
            .map(|(first, last)| u32::from(last.wrapping_sub(*first)) + 1);
        let counted = u32::try_from(numbers.len()).expect("few");
        let plain = expected.filter(|_| counted > 1).map(|expected| (expected, expected - counted));
        prop_assert_eq!(bench.loss(), plain);
    }

    #[test]
    fn no_order_of_packets_panics(packets in prop::collection::vec((any::<u16>(), 0u64..2_000), 0..300)) {
        let mut bench = Bench::new();
        for (sequence, pause_ms) in packets {
            bench.now += Duration::from_millis(pause_ms);
            bench.window.take(bench.now, Ssrc(1), SequenceNumber(sequence));
            if let Some(loss) = bench.window.loss(bench.now, Some(Instant::ZERO)) {
                prop_assert!(loss.lost <= loss.expected && (0.0..=100.0).contains(&loss.percent()));
            }
        }
    }
}
