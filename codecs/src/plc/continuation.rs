//! What a sound would go on like.
//!
//! ```text
//!   past ─▶ predictor (LPC) ─┬─▶ residual: its last 1, 2, 3 periods ─┐
//!                            └─────────────────── synthesis ◀────────┘ repeated
//! ```
//!
//! The residual is repeated and not the sound itself: the synthesis filter rings on from the last
//! real samples, so that neither the seam nor the repetition makes a step.

use crate::pitch::{self, LONGEST_MS, SHORTEST_MS};

/// Coefficients of the predictor: enough for the formants of telephone speech.
const ORDER: usize = 12;
/// How much of the past tells the predictor, and is compared to find the period.
const COMPARED_MS: usize = 20;
/// How many periods are repeated at most. More of them in a long loss: one alone begins to buzz.
const MOST_PERIODS: usize = 3;
/// How long one period is repeated before one more joins it.
const NEXT_PERIOD_MS: usize = 20;
/// How long made-up sound keeps its level (ITU-T G.711 Appendix I §I.2.7).
const LEVEL_MS: usize = 10;
/// When it has faded to silence (§I.2.7).
const SILENT_MS: usize = 60;

/// How much of the past a continuation looks at.
pub(super) const PAST_MS: usize = MOST_PERIODS * LONGEST_MS + 3;

/// Goes on with a sound, fading, sample by sample.
#[derive(Debug, Clone)]
pub(super) struct Continuation {
    /// Samples in a millisecond.
    per_ms: usize,
    /// The first coefficient is 1.
    predictor: [f32; ORDER + 1],
    /// The last samples made, newest first.
    memory: [f32; ORDER],
    /// The residual of the past, oldest first.
    residual: Box<[f32]>,
    /// Samples in a pitch period.
    period: usize,
    /// How many periods are repeated.
    periods: usize,
    /// Where in them the next sample comes from.
    at: usize,
    /// Samples made so far.
    made: usize,
    /// Louder than the past it never gets.
    peak: f32,
}

impl Continuation {
    /// Goes on with the last [`PAST_MS`] of `past`, which may be less than that.
    pub(super) fn of(past: &[i16], per_ms: usize) -> Self {
        let length = PAST_MS * per_ms;
        let past = &past[past.len().saturating_sub(length)..];
        let recent = &past[past.len().saturating_sub(COMPARED_MS * per_ms)..];
        let predictor = predictor(recent);
        let mut memory = [0.0; ORDER];
        for (memory, sample) in memory.iter_mut().zip(past.iter().rev()) {
            *memory = f32::from(*sample);
        }
        let mut residual = vec![0.0; length].into_boxed_slice();
        for (residual, at) in residual[length - past.len()..].iter_mut().zip(0..).skip(ORDER) {
            let window = past[at - ORDER..=at].iter().rev();
            *residual = window.zip(&predictor).map(|(sample, weight)| f32::from(*sample) * weight).sum();
        }
        Self {
            per_ms,
            predictor,
            memory,
            residual,
            period: period_of(past, per_ms),
            periods: 1,
            at: 0,
            made: 0,
            peak: recent.iter().map(|sample| f32::from(sample.unsigned_abs())).fold(0.0, f32::max),
        }
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> f32 {
        if self.is_over() {
            return 0.0;
        }
        if self.made > 0
            && self.made.is_multiple_of(NEXT_PERIOD_MS * self.per_ms)
            && self.periods < MOST_PERIODS
        {
            self.periods += 1;
        }
        let length = self.periods * self.period;
        let excitation = self.residual[self.residual.len() - length + self.at % length];
        self.at = (self.at + 1) % length;
        let rung: f32 =
            self.memory.iter().zip(&self.predictor[1..]).map(|(sample, weight)| sample * weight).sum();
        let sample = excitation - rung;
        self.memory.rotate_right(1);
        self.memory[0] = sample;
        let gain = self.gain();
        self.made += 1;
        gain * sample.clamp(-self.peak, self.peak)
    }

    /// Whether it has faded to silence.
    pub(super) const fn is_over(&self) -> bool {
        self.made >= SILENT_MS * self.per_ms
    }

    fn gain(&self) -> f32 {
        let (level_until, silent_from) = (LEVEL_MS * self.per_ms, SILENT_MS * self.per_ms);
        super::ratio(silent_from - self.made.max(level_until), silent_from - level_until)
    }
}

/// In a short past only short periods can be seen twice.
fn period_of(past: &[i16], per_ms: usize) -> usize {
    let (shortest, longest) = (SHORTEST_MS * per_ms, LONGEST_MS * per_ms);
    let compared = (COMPARED_MS * per_ms).min(past.len() / 2);
    let longest = longest.min(past.len() - compared).max(shortest);
    pitch::period(past, shortest..=longest, compared, per_ms / 4)
}

/// Linear prediction by the autocorrelation method (Levinson and Durbin's recursion) under a Hann
/// window. Silence yields a predictor that predicts nothing.
fn predictor(sound: &[i16]) -> [f32; ORDER + 1] {
    let correlation = autocorrelation(sound);
    let mut predictor = [0.0; ORDER + 1];
    predictor[0] = 1.0;
    let mut error = correlation[0];
    for order in 1..=ORDER {
        let fit: f32 = (0..order).map(|at| predictor[at] * correlation[order - at]).sum();
        let reflection = -fit / error;
        let before = predictor;
        for at in 1..=order {
            predictor[at] += reflection * before[order - at];
        }
        error *= 1.0 - reflection * reflection;
    }
    predictor
}

fn autocorrelation(sound: &[i16]) -> [f32; ORDER + 1] {
    use core::f32::consts::TAU;
    /// A noise floor, so that the recursion is stable whatever the sound: −40 dB and one least step.
    const FLOOR: (f32, f32) = (1.0001, 100.0);
    /// Formants are widened by so much (a Gaussian lag window), in turns a sample: 40 Hz at 8 kHz.
    const WIDENED: f32 = 0.005;

    let windowed = |at: usize| {
        let window = 0.5 - 0.5 * (TAU * super::ratio(at, sound.len().max(2) - 1)).cos();
        window * f32::from(sound[at])
    };
    let mut correlation = [0.0; ORDER + 1];
    let mut recent = [0.0; ORDER + 1];
    for at in 0..sound.len() {
        recent.rotate_right(1);
        recent[0] = windowed(at);
        for (sum, earlier) in correlation.iter_mut().zip(recent) {
            *sum += recent[0] * earlier;
        }
    }
    for (lag, sum) in (0..).zip(&mut correlation) {
        let turn = TAU * WIDENED * super::ratio(lag, 1);
        *sum *= (-0.5 * turn * turn).exp();
    }
    correlation[0] = correlation[0] * FLOOR.0 + FLOOR.1;
    correlation
}
