//! A talker's level in a mix (MEET-7): background is left out, speech is brought near one level.
//!
//! ```text
//!   frame ─┬─▶ floor: the quietest of the last seconds ─▶ speech or background?
//!          └─▶ level of its speech ─▶ gain
//!
//!   background ▁▁▁▁▁▁▁▁▁│ speech █▅█ ▃█▅│▁▁▁▁▁ 600 ms ▁▁▁▁▁│▁▁▁▁▁▁▁
//!   passed      nothing │ from the first frame on, at the gain  fades │ nothing
//! ```
//!
//! All levels are mean squares of samples: no logarithm is taken on the way.

use crate::{
    gain::{Passed, fade},
    level::energy,
    plc::ratio,
};

/// Parts of a frame that are looked at by themselves, so that a word which begins at its end is seen.
const PARTS: usize = 4;
/// Ticks over which the quietest is looked for: 2 s and those before, longer than a word.
const FLOOR_TICKS: u16 = 100;
/// The background before anything is known of it: −45 dBov.
const FIRST_FLOOR: f32 = 33_954.0;
/// Background is no louder than this: −40 dBov.
const LOUDEST_FLOOR: f32 = 107_374.0;
/// Nor is there anything to hear below this: −62 dBov.
const LEAST_SPEECH: f32 = 677.0;
/// Speech stands out of the background by so much: 8 dB. A part of plain noise does by 5 at times.
const STANDS_OUT: f32 = 6.3;
/// Ticks that a line stays open after speech: 600 ms, for the pauses between words.
const HANGOVER_TICKS: u8 = 30;
/// How a line opens: within 2.5 ms.
const ATTACK_PART: usize = 8;

/// Where speech is brought: −20 dBov.
const TARGET: f32 = 10_737_418.0;
/// By 12 dB at most.
const MOST_GAIN: f32 = 3.981;
/// How much a frame counts in the level of speech: 2 s of it are the average.
const WEIGHT: f32 = 0.01;
/// And one that is louder by [`TOO_LOUD`].
const LOUD_WEIGHT: f32 = 0.1;
/// 9 dB.
const TOO_LOUD: f32 = 8.0;
/// A tick's change of the gain: 2 dB/s up, 20 dB/s down.
const RISE: f32 = 1.004_6;
const FALL: f32 = 0.955;
/// No sample is made louder than this: 1 dB below the end of the range.
const LIMIT: f32 = 29_204.0;

/// Keeps one talker's level.
#[derive(Debug, Clone)]
pub struct Leveler {
    /// The quietest frame of the span before and of the running one.
    quietest: [f32; 2],
    span_ticks: u16,
    /// The level of its speech.
    speech: f32,
    /// What its speech is brought to that level by.
    gain: f32,
    line: Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Shut,
    Open { ticks_left: u8 },
}

/// What a frame is like.
struct Measured {
    mean: f32,
    /// Of the loudest part.
    loudest: f32,
    peak: u16,
}

impl Default for Leveler {
    /// Nothing is known of the talker yet.
    fn default() -> Self {
        Self { quietest: [FIRST_FLOOR, f32::MAX], span_ticks: 0, speech: TARGET, gain: 1.0, line: Line::Shut }
    }
}

impl Leveler {
    /// Takes the frame of one tick: leaves it out, or brings it to its level.
    pub fn pass(&mut self, frame: &mut [i16]) -> Passed {
        let measured = measure(frame);
        if measured.peak == 0 {
            // Nothing came: that tells nothing of the background.
            self.line = Line::Shut;
            return Passed::Nothing;
        }
        let floor = self.follow_floor(measured.mean);
        let is_speech = measured.loudest > (floor * STANDS_OUT).max(LEAST_SPEECH);
        let (line, before) = (self.line, self.gain);
        self.line = match (line, is_speech) {
            (_, true) => Line::Open { ticks_left: HANGOVER_TICKS },
            (Line::Open { ticks_left: 0 } | Line::Shut, false) => Line::Shut,
            (Line::Open { ticks_left }, false) => Line::Open { ticks_left: ticks_left - 1 },
        };
        if is_speech {
            self.follow_speech(measured.mean);
        }
        let bound = LIMIT / f32::from(measured.peak);
        self.gain = self.gain.min(bound);
        match (line, self.line) {
            (Line::Shut, Line::Shut) => return Passed::Nothing,
            (Line::Open { .. }, Line::Shut) => ramp(frame, before.min(bound), 0.0),
            (Line::Open { .. }, Line::Open { .. }) => ramp(frame, before.min(bound), self.gain),
            (Line::Shut, Line::Open { .. }) => {
                let (attack, rest) = frame.split_at_mut(frame.len() / ATTACK_PART);
                ramp(attack, 0.0, self.gain);
                ramp(rest, self.gain, self.gain);
            }
        }
        Passed::Something
    }

    /// The background's level: as loud as the quietest frame of the last seconds.
    fn follow_floor(&mut self, mean: f32) -> f32 {
        self.span_ticks += 1;
        if self.span_ticks > FLOOR_TICKS {
            self.quietest = [self.quietest[1], f32::MAX];
            self.span_ticks = 0;
        }
        self.quietest[1] = self.quietest[1].min(mean);
        self.quietest[0].min(self.quietest[1]).min(LOUDEST_FLOOR)
    }

    /// Speech tells its level, and the gain goes a step to where that brings it.
    fn follow_speech(&mut self, mean: f32) {
        let weight = if mean > TOO_LOUD * self.speech { LOUD_WEIGHT } else { WEIGHT };
        self.speech += weight * (mean - self.speech);
        let wanted = (TARGET / self.speech.max(1.0)).sqrt().clamp(1.0 / MOST_GAIN, MOST_GAIN);
        self.gain = wanted.clamp(self.gain * FALL, self.gain * RISE);
    }
}

fn measure(frame: &[i16]) -> Measured {
    let part = frame.len().div_ceil(PARTS).max(1);
    let mut measured = Measured { mean: 0.0, loudest: 0.0, peak: 0 };
    for part in frame.chunks(part) {
        #[expect(clippy::cast_precision_loss, reason = "a level needs six digits, not nineteen")]
        let energy = energy(part) as f32;
        measured.mean += energy * ratio(1, frame.len());
        measured.loudest = measured.loudest.max(energy * ratio(1, part.len()));
    }
    let ends = |(low, high): (i16, i16), sample: &i16| (low.min(*sample), high.max(*sample));
    let (low, high) = frame.iter().fold((0, 0), ends);
    measured.peak = low.unsigned_abs().max(high.unsigned_abs());
    measured
}

/// Multiplies by a gain that goes from one to the other; most frames need none.
fn ramp(frame: &mut [i16], from: f32, to: f32) {
    if from != 1.0 || to != 1.0 {
        fade(frame, from, to);
    }
}

#[cfg(test)]
mod tests;
