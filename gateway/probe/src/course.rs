//! What a run of echoes tells.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;

use crate::wire::{Kind, Packet};

/// One run, as who asks sees it: tell it what is sent and what comes, and ask for the [`Figures`].
#[derive(Debug, Clone, Default)]
pub struct Course {
    sent: u32,
    seen: BTreeSet<u32>,
    highest: u32,
    reordered: u32,
    repeated: u32,
    /// In nanoseconds, in the order in which they came.
    trips: Vec<u64>,
    jitter: f64,
    jitter_sum: f64,
    jitter_worst: f64,
    reached: Option<u32>,
    limited: u32,
}

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Questions.
    pub sent: u32,
    /// Answers, each once.
    pub answered: u32,
    /// Of both directions together.
    pub lost_percent: f32,
    /// On the way there, if the gateway told how many came.
    pub lost_there_percent: Option<f32>,
    /// On the way back, of those that came there.
    pub lost_back_percent: Option<f32>,
    /// Not lost: the gateway answers no more to one source. They count in no loss.
    pub limited: u32,
    /// Answers that came behind a later one.
    pub reordered: u32,
    /// Answers that came twice.
    pub repeated: u32,
    /// How long there and back took.
    pub round_trip: Option<RoundTrip>,
    /// Half of the median: an estimate, since the ways need not be alike.
    pub delay_estimated_ms: Option<f32>,
    /// RFC 3550 §6.4.1, over both ways: the mean of the run.
    pub jitter_ms: Option<f32>,
    /// At its worst.
    pub jitter_worst_ms: Option<f32>,
}

/// Round trips, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RoundTrip {
    /// The shortest.
    pub min_ms: f32,
    /// As many were shorter as longer.
    pub median_ms: f32,
    /// 95 of a hundred were no longer.
    pub p95_ms: f32,
    /// The longest.
    pub max_ms: f32,
}

impl Course {
    /// One more echo was asked for.
    pub const fn on_sent(&mut self) {
        self.sent += 1;
    }

    /// An answer came; `now` is on the clock that [`Packet::sent`] was read from. False if it tells nothing.
    pub fn on_answer(&mut self, now: u64, answer: &Packet) -> bool {
        if answer.received > 0 {
            self.reached = self.reached.max(Some(answer.received));
            self.limited = self.limited.max(answer.limited);
        }
        match answer.kind {
            Kind::Counted => true,
            Kind::Echoed if self.seen.insert(answer.sequence) => {
                self.reordered += u32::from(answer.sequence < self.highest);
                self.highest = self.highest.max(answer.sequence);
                self.on_trip(now.saturating_sub(answer.sent));
                true
            }
            Kind::Echoed => {
                self.repeated += 1;
                false
            }
            Kind::Ask | Kind::Cookie | Kind::Echo | Kind::Count => false,
        }
    }

    /// RFC 3550 §6.4.1: J += (|D| - J) / 16, where D is by how much one's transit is longer than that of the one before.
    fn on_trip(&mut self, trip: u64) {
        if let Some(before) = self.trips.last() {
            self.jitter += (Duration::from_nanos(trip.abs_diff(*before)).as_secs_f64() - self.jitter) / 16.0;
            self.jitter_sum += self.jitter;
            self.jitter_worst = self.jitter_worst.max(self.jitter);
        }
        self.trips.push(trip);
    }

    /// How it went so far.
    pub fn figures(&self) -> Figures {
        let answered = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        // What was too much came there and was let lie: it is neither sent nor lost.
        let counting = self.sent.saturating_sub(self.limited);
        let reached = self.reached.map(|reached| reached.clamp(answered, counting.max(answered)));
        let round_trip = round_trip(&self.trips);
        let pairs = u32::try_from(self.trips.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let jitter = |seconds: f64| (pairs > 0).then(|| millis(seconds));
        Figures {
            sent: self.sent,
            answered,
            lost_percent: lost(counting, answered),
            lost_there_percent: reached.map(|reached| lost(counting, reached)),
            lost_back_percent: reached.map(|reached| lost(reached, answered)),
            limited: self.limited,
            reordered: self.reordered,
            repeated: self.repeated,
            round_trip,
            delay_estimated_ms: round_trip.map(|trip| trip.median_ms / 2.0),
            jitter_ms: jitter(self.jitter_sum / f64::from(pairs.max(1))),
            jitter_worst_ms: jitter(self.jitter_worst),
        }
    }
}

fn lost(of: u32, arrived: u32) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "a figure for people")]
    let percent = (100.0 * f64::from(of.saturating_sub(arrived)) / f64::from(of.max(1))) as f32;
    percent
}

fn millis(seconds: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "a figure for people")]
    let millis = (1_000.0 * seconds) as f32;
    millis
}

fn round_trip(trips: &[u64]) -> Option<RoundTrip> {
    let mut sorted = trips.to_vec();
    sorted.sort_unstable();
    // The nearest rank: so many of a hundred are no longer.
    let rank = |percent: usize| {
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).map(|nanos| millis(Duration::from_nanos(*nanos).as_secs_f64()))
    };
    Some(RoundTrip { min_ms: rank(0)?, median_ms: rank(50)?, p95_ms: rank(95)?, max_ms: rank(100)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn echoed(sequence: u32, received: u32) -> Packet {
        Packet { kind: Kind::Echoed, sent: 20 * MS * u64::from(sequence), received, ..Packet::ask(sequence) }
    }

    /// Sequence numbers as they come, each with its round trip in milliseconds.
    fn course(sent: u32, came: &[(u32, u64)]) -> Course {
        let mut course = Course::default();
        (0..sent).for_each(|_| course.on_sent());
        for (sequence, trip) in came {
            let answer = echoed(*sequence, 0);
            course.on_answer(answer.sent + trip * MS, &answer);
        }
        course
    }

    #[test]
    fn media_8_round_trips_are_ranked_and_the_delay_is_half_the_median() {
        let came: Vec<(u32, u64)> = (1..=20).map(|number| (number, 100 + u64::from(number))).collect();
        let figures = course(20, &came).figures();
        let trip = figures.round_trip.expect("answers came");
        assert_eq!((trip.min_ms, trip.median_ms, trip.p95_ms, trip.max_ms), (101.0, 110.0, 119.0, 120.0));
        assert_eq!((figures.delay_estimated_ms, figures.lost_percent), (Some(55.0), 0.0));
        let none = course(5, &[]).figures();
        assert_eq!((none.round_trip, none.jitter_ms, none.lost_percent), (None, None, 100.0));
    }

    #[test]
    fn rfc3550_6_4_1_jitter_is_a_sixteenth_of_each_difference() {
        let figures = course(3, &[(1, 10), (2, 26), (3, 26)]).figures();
        // 16 / 16 = 1, then 1 - 1/16.
        assert_eq!((figures.jitter_worst_ms, figures.jitter_ms), (Some(1.0), Some(0.968_75)));
        assert_eq!(course(3, &[(1, 10), (2, 10), (3, 10)]).figures().jitter_ms, Some(0.0));
    }

    #[test]
    fn media_8_loss_is_told_by_direction_once_the_gateway_told_what_came() {
        let mut run = course(100, &[]);
        for sequence in 1..=60 {
            run.on_answer(0, &echoed(sequence, sequence));
        }
        run.on_answer(0, &Packet { kind: Kind::Counted, received: 80, ..Packet::ask(0) });
        let figures = run.figures();
        assert_eq!((figures.answered, figures.lost_percent), (60, 40.0));
        assert_eq!((figures.lost_there_percent, figures.lost_back_percent), (Some(20.0), Some(25.0)));
        assert_eq!(course(10, &[(1, 5)]).figures().lost_there_percent, None, "unknown, not 0");
    }

    #[test]
    fn media_8_what_was_too_much_for_one_source_is_not_lost() {
        let mut run = course(100, &[]);
        for sequence in 1..=75 {
            run.on_answer(0, &echoed(sequence, sequence));
        }
        run.on_answer(0, &Packet { kind: Kind::Counted, received: 75, limited: 25, ..Packet::ask(0) });
        let figures = run.figures();
        assert_eq!((figures.lost_percent, figures.limited, figures.lost_there_percent), (0.0, 25, Some(0.0)));
    }

    #[test]
    fn media_8_what_comes_late_or_twice_is_told_and_is_not_lost() {
        let figures = course(4, &[(1, 5), (3, 5), (2, 30), (3, 6), (4, 5)]).figures();
        assert_eq!(
            (figures.reordered, figures.repeated, figures.answered, figures.lost_percent),
            (1, 1, 4, 0.0)
        );
    }
}
