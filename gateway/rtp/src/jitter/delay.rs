//! How late packets come, and how deep a buffer must be for that.
//!
//! ```text
//!   transit = arrival − timestamp        only differences of transits mean anything
//!
//!   transits of the last seconds:   ▂█▅▃▂▁▁ ▁     ▁
//!                                   │        │
//!                             fastest        97 of 100 came by here
//!   depth = transit of what is played − fastest
//! ```
//!
//! Depth, delay and clock drift are all told in transits, so that a packet's length and the moment
//! within a tick play no part: a sender whose clock runs slow shows as transits that grow.

use core::time::Duration;

use terms::Instant;

use super::Settings;
use crate::packet::Timestamp;

/// How fine transits are told apart.
const BIN_NANOS: i64 = 2_000_000;
/// As many as the deepest buffer asks for; the last one stands for all beyond.
const BINS: usize = 100;
/// Of what is remembered, so much may come too late.
const LATE_SHARE: f32 = 0.03;
/// How long a packet is remembered, on the average.
const MEMORY: Duration = Duration::from_secs(6);
/// What is remembered at most is what is remembered of a second of packets, before any came.
const FIRST_GUESS: f32 = 25.0;
/// What is wanted is reckoned at once when a packet is late for it, else once in so many.
const RECKONED_EVERY: u8 = 16;
/// What is left of a packet that is remembered no longer.
const FORGOTTEN: f32 = 1e-4;
/// All counts are set back to the unit of one packet once a packet counts for so many.
const LARGEST_UNIT: f32 = 1e6;
/// A packet that found itself too late counts as several, so that the depth rises at once.
const TOO_LATE_WEIGHT: f32 = 4.0;
/// The fastest packet is looked for among those of one or two such spans.
const FASTEST_SPAN: Duration = Duration::from_secs(2);
/// A transit that is shorter by more is that of a sender that set its timestamps anew.
const LONGEST_STEP_NANOS: i64 = 400_000_000;
/// A stream that began so lately may have begun with a packet that was slow.
const SETTLING: Duration = Duration::from_secs(1);
/// Packets are pulled a tick at a time: what is needed within a tick must be there as it begins.
const TICK: Duration = Duration::from_millis(20);
/// What the width of a bin leaves open, and what a drifting clock takes until there is a pause to
/// make up for it in.
const MARGIN: Duration = Duration::from_millis(4);

/// How deep the buffer is and how deep it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// How much later than at its earliest a packet is played.
    pub now: Duration,
    /// What the packets of the last seconds ask for.
    pub wanted: Duration,
}

/// Whether a packet was there when it was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    InTime,
    TooLate,
}

/// The transits of one stream.
#[derive(Debug, Clone)]
pub(super) struct Delays {
    clock_hz: u32,
    shallowest: Duration,
    deepest: Duration,
    /// Arrival and timestamp of the transit 0.
    anchor: Option<(Instant, Timestamp)>,
    /// The fastest transit of the span before and of the running one, in nanoseconds.
    fastest: [i64; 2],
    span_began: Instant,
    /// How many packets came how late, in units; the first bin is that of the fastest transit.
    counts: [f32; BINS],
    /// What a packet counts that comes now: to let it grow is to let all others fade.
    unit: f32,
    /// Of all bins.
    total: f32,
    wanted: Duration,
    /// From this transit on a packet comes later than what is wanted allows for.
    late_bin: usize,
    /// Packets since what is wanted was reckoned.
    unreckoned: u8,
}

impl Delays {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut delays = Self {
            clock_hz: settings.clock_hz,
            shallowest: settings.shallowest,
            deepest: settings.deepest,
            anchor: None,
            fastest: [0; 2],
            span_began: Instant::ZERO,
            counts: [0.0; BINS],
            unit: 1.0,
            total: FIRST_GUESS,
            wanted: settings.first_depth,
            late_bin: 0,
            unreckoned: 0,
        };
        let spread = settings.first_depth.saturating_sub(TICK + MARGIN);
        let bin = bin_of(nanos(spread) - 1);
        if let Some(count) = delays.counts.get_mut(bin) {
            *count = FIRST_GUESS;
        }
        delays
    }

    /// How deep the buffer should be.
    pub(super) const fn wanted(&self) -> Duration {
        self.wanted
    }

    /// How deep the buffer is if the sample of this timestamp is played now.
    pub(super) fn depth(&self, now: Instant, timestamp: Timestamp) -> Depth {
        let late = self.transit(now, timestamp) - self.fastest();
        Depth { now: Duration::from_nanos(u64::try_from(late).unwrap_or(0)), wanted: self.wanted }
    }

    /// Forgets which transit is the fastest; what is known of their spread stays.
    pub(super) const fn begin_anew(&mut self) {
        self.anchor = None;
        self.fastest = [0; 2];
    }

    /// Takes a packet of so many samples.
    pub(super) fn add(&mut self, arrival: Instant, timestamp: Timestamp, samples: u32, came: Came) {
        self.renew_anchor(arrival, timestamp);
        let transit = self.transit(arrival, timestamp);
        let before = self.fastest();
        if self.anchor.is_none() || before - transit > LONGEST_STEP_NANOS {
            self.anchor = Some((arrival, timestamp));
            self.fastest = [0; 2];
            self.span_began = arrival;
            return;
        }
        self.follow_fastest(arrival, transit);
        let is_settling = self.anchor.is_some_and(|(began, _)| arrival.since(began) < SETTLING);
        if !is_settling {
            self.shift(self.fastest().div_euclid(BIN_NANOS) - before.div_euclid(BIN_NANOS));
        }
        self.forget(samples);
        let bin = bin_of(transit - self.fastest().div_euclid(BIN_NANOS) * BIN_NANOS);
        let weight = self.unit * if came == Came::TooLate { TOO_LATE_WEIGHT } else { 1.0 };
        if let Some(count) = self.counts.get_mut(bin) {
            *count += weight;
            self.total += weight;
        }
        self.unreckoned += 1;
        if bin >= self.late_bin || self.unreckoned >= RECKONED_EVERY {
            self.reckon();
        }
    }

    /// RFC 3550 §5.1: timestamps wrap; a stream that lasts for days has its anchor moved after it.
    fn renew_anchor(&mut self, arrival: Instant, timestamp: Timestamp) {
        let Some((_, first)) = self.anchor else { return };
        if timestamp.distance_from(first).unsigned_abs() >= 1 << 30 {
            let transit = self.transit(arrival, timestamp);
            self.anchor = Some((arrival, timestamp));
            self.fastest = self.fastest.map(|fastest| fastest - transit);
        }
    }

    /// Nanoseconds; 0 for the packet of the anchor.
    fn transit(&self, arrival: Instant, timestamp: Timestamp) -> i64 {
        let Some((then, first)) = self.anchor else { return 0 };
        let passed = i64::try_from(arrival.as_nanos()).unwrap_or(i64::MAX)
            - i64::try_from(then.as_nanos()).unwrap_or(i64::MAX);
        passed - i64::from(timestamp.distance_from(first)) * 1_000_000_000 / i64::from(self.clock_hz.max(1))
    }

    fn fastest(&self) -> i64 {
        let [before, running] = self.fastest;
        before.min(running)
    }

    fn follow_fastest(&mut self, arrival: Instant, transit: i64) {
        let [_, running] = self.fastest;
        if arrival.since(self.span_began) > FASTEST_SPAN {
            self.fastest = [running, transit];
            self.span_began = arrival;
        } else {
            self.fastest[1] = running.min(transit);
        }
    }

    /// The first bin stands for a transit so many bins later than before; what was earlier joins it.
    fn shift(&mut self, bins: i64) {
        let by = usize::try_from(bins.unsigned_abs()).unwrap_or(BINS).min(BINS);
        if by == 0 {
            return;
        }
        if bins > 0 {
            let joined: f32 = self.counts.iter().take(by).sum();
            self.counts.rotate_left(by);
            self.counts.iter_mut().rev().take(by).for_each(|count| *count = 0.0);
            self.counts[0] += joined;
        } else {
            let joined: f32 = self.counts.iter().rev().take(by).sum();
            self.counts.rotate_right(by);
            self.counts.iter_mut().take(by).for_each(|count| *count = 0.0);
            self.counts[BINS - 1] += joined;
        }
    }

    /// A packet of so many samples passes by; each fades from memory by its part.
    fn forget(&mut self, samples: u32) {
        #[expect(clippy::cast_precision_loss, reason = "a packet is a few thousand samples at most")]
        let part = samples as f32 / (MEMORY.as_secs_f32() * self.clock_hz.max(1) as f32);
        self.unit /= (1.0 - part).max(FORGOTTEN);
        if self.unit < LARGEST_UNIT {
            return;
        }
        let unit = core::mem::replace(&mut self.unit, 1.0);
        for count in &mut self.counts {
            // What is next to nothing is nothing: it would be slow to reckon with.
            *count = Some(*count / unit).filter(|left| *left > FORGOTTEN).unwrap_or(0.0);
        }
        self.total /= unit;
    }

    /// Wants the depth at which few enough of the remembered packets come too late.
    fn reckon(&mut self) {
        let allowed = LATE_SHARE * self.total;
        let mut later = 0.0;
        let late_bins = self.counts.iter().rev().take_while(|count| {
            later += **count;
            later <= allowed
        });
        self.late_bin = BINS - late_bins.count();
        self.unreckoned = 0;
        let spread = i64::try_from(self.late_bin).unwrap_or(0) * BIN_NANOS;
        let spread = spread - self.fastest().rem_euclid(BIN_NANOS);
        let spread = Duration::from_nanos(u64::try_from(spread).unwrap_or(0));
        self.wanted = (spread + TICK + MARGIN).clamp(self.shallowest, self.deepest.max(self.shallowest));
    }
}

fn bin_of(nanos: i64) -> usize {
    usize::try_from(nanos.max(0) / BIN_NANOS).unwrap_or(BINS).min(BINS - 1)
}

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Packets of 20 ms from a sender whose clock is `ppm` fast, each late by what `late_ms` says.
    fn line(delays: &mut Delays, packets: core::ops::Range<u32>, ppm: i64, late_ms: impl Fn(u32) -> u32) {
        for packet in packets {
            let sent = i64::from(packet) * 20 * (1_000_000 - ppm);
            let sent = Duration::from_nanos(u64::try_from(sent).expect("a positive time"));
            let arrival = Instant::from_nanos(5_000_000_000) + sent + late_ms(packet) * MS;
            delays.add(arrival, Timestamp(packet.wrapping_mul(160)), 160, Came::InTime);
        }
    }

    fn wanted_ms(delays: &Delays) -> u128 {
        delays.wanted().as_millis()
    }

    #[test]
    fn media_5_the_depth_follows_the_jitter() {
        for (jitter, least, most) in [(0, 20, 26), (10, 28, 36), (30, 46, 56), (80, 96, 106), (400, 200, 200)]
        {
            let mut delays = Delays::new(&Settings::default());
            line(&mut delays, 0..1_000, 0, |packet| (packet * 7_919 % 101) * jitter / 100);
            let wanted = wanted_ms(&delays);
            assert!((least..=most).contains(&wanted), "{jitter} ms of jitter: {wanted} ms");
        }
    }

    #[test]
    fn media_5_the_depth_rises_within_a_second_and_falls_slowly() {
        let mut delays = Delays::new(&Settings::default());
        let jitter = |packet: u32| if (1_000..2_000).contains(&packet) { packet * 7_919 % 101 } else { 0 };
        line(&mut delays, 0..1_000, 0, jitter);
        assert!(wanted_ms(&delays) < 27);
        line(&mut delays, 1_000..1_050, 0, jitter);
        assert!(wanted_ms(&delays) > 80, "{:?}", delays.wanted());
        line(&mut delays, 1_050..2_000, 0, jitter);
        line(&mut delays, 2_000..2_100, 0, jitter);
        assert!(wanted_ms(&delays) > 80, "{:?}", delays.wanted());
        line(&mut delays, 2_100..3_200, 0, jitter);
        assert!(wanted_ms(&delays) < 40, "{:?}", delays.wanted());
    }

    #[test]
    fn a_clock_that_drifts_is_no_jitter() {
        for ppm in [-200, 200] {
            let mut delays = Delays::new(&Settings::default());
            line(&mut delays, 0..30_000, ppm, |_| 0);
            assert!(wanted_ms(&delays) < 31, "{ppm}: {:?}", delays.wanted());
            // 10 min at 200 ppm are 120 ms.
            assert!((delays.fastest().abs() - 120_000_000).abs() < 1_000_000, "{ppm}: {}", delays.fastest());
        }
    }

    #[test]
    fn a_path_that_became_another_is_the_one_that_counts_within_seconds() {
        for (before, after) in [(0, 90), (90, 0)] {
            let mut delays = Delays::new(&Settings::default());
            line(&mut delays, 0..3_000, 0, |packet| if packet < 1_000 { before } else { after });
            assert!(wanted_ms(&delays) < 27, "{before} to {after}: {:?}", delays.wanted());
        }
    }

    #[test]
    fn a_slow_first_packet_is_soon_forgotten() {
        let mut delays = Delays::new(&Settings::default());
        line(&mut delays, 0..50, 0, |packet| if packet == 0 { 150 } else { 0 });
        assert!(wanted_ms(&delays) <= 42, "{:?}", delays.wanted());
        let played = delays.depth(Instant::from_nanos(6_000_000_000), Timestamp(50 * 160));
        assert_eq!(played.now, Duration::ZERO);
    }
}
