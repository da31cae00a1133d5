//! What is heard in place of a packet that never came, and how two sounds are joined.
//!
//! ```text
//!   lost      … past │ continuation, fading ────▶                       nothing came yet
//!   bridge    … past │ continuation ─▶ ⨯ ◀─ continuation │ next …       the next packet is here
//!   good      … made up or noise ⨯ sound …                              blended for 5 ms
//!   pause     … sound ⨯ noise or silence …                              blended for 5 ms
//!   cut       … sound ⨯ another sound …                                 blended for 5 ms
//! ```
//!
//! Made-up sound keeps its level for 10 ms and fades to silence at 60 ms, as in ITU-T G.711
//! Appendix I. Unlike there, no good sound is delayed: the continuation rings on from the last real
//! sample. And what comes after a gap, where the jitter buffer has it already, is continued backward
//! into the gap.

mod continuation;
mod past;

use terms::media::SampleRate;

use crate::tone::to_sample;
use continuation::{Continuation, PAST_MS};
use past::Past;

/// How long two sounds are blended where one takes the other's place.
const BLEND_MS: usize = 5;
/// How much must be known after a gap to continue it backward.
const NEXT_MS: usize = 15;
/// The longest past that is looked at, at the highest rate.
const MAX_PAST: usize = PAST_MS * SampleRate::Hz48000.tick_samples() / 20;

/// Hides lost frames of one stream of sound.
#[derive(Debug, Clone)]
pub struct Concealment {
    /// Samples in a millisecond.
    per_ms: usize,
    past: Past,
    /// There is none while nothing is made up: few streams need it for long, and most never.
    continuation: Option<Box<Continuation>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The peer's sound.
    Good,
    /// What the continuation makes.
    Lost,
    /// The background.
    Paused,
}

impl Concealment {
    /// A concealment that has heard nothing yet.
    pub fn new(rate: SampleRate) -> Self {
        let per_ms = rate.tick_samples() / 20;
        Self { per_ms, past: Past::silent(PAST_MS * per_ms), continuation: None, state: State::Paused }
    }

    /// How many samples of the next sound [`Concealment::bridge`] wants to see.
    pub const fn wanted_ahead(&self) -> usize {
        NEXT_MS * self.per_ms
    }

    /// Takes a frame that came; after a loss or a pause its first samples are blended with what was
    /// heard before it.
    pub fn good(&mut self, frame: &mut [i16]) {
        if frame.is_empty() {
            return;
        }
        self.join(State::Good, frame);
    }

    /// Takes the background that is heard while the sender pauses: silence or comfort noise.
    pub fn pause(&mut self, frame: &mut [i16]) {
        if frame.is_empty() {
            return;
        }
        self.join(State::Paused, frame);
    }

    /// Makes up a frame that didn't come; within 60 ms of the last good one it fades to silence.
    pub fn lost(&mut self, frame: &mut [i16]) {
        if self.state != State::Lost {
            self.go_on();
            self.state = State::Lost;
        }
        self.make_up(frame);
        self.past.remember(frame);
    }

    /// Makes up a gap whose other side is known: `next`, of [`Concealment::wanted_ahead`] samples or
    /// more, is given to [`Concealment::good`] afterward.
    pub fn bridge(&mut self, gap: &mut [i16], next: &[i16]) {
        if next.len() < self.wanted_ahead() || self.state == State::Paused {
            return self.lost(gap);
        }
        if self.state != State::Lost {
            self.go_on();
        }
        self.make_up(gap);
        let mut backward = [0; MAX_PAST];
        let length = next.len().min(PAST_MS * self.per_ms).min(MAX_PAST);
        for (backward, sample) in backward.iter_mut().zip(next[..length].iter().rev()) {
            *backward = *sample;
        }
        let mut continuation = Continuation::of(&backward[..length], self.per_ms);
        let whole = gap.len() + 1;
        for (at, sample) in gap.iter_mut().enumerate().rev() {
            let forward = f32::from(*sample);
            let backward = continuation.next();
            *sample = to_sample(forward + ratio(at + 1, whole) * (backward - forward));
        }
        self.continuation = None;
        self.state = State::Good;
        self.past.remember(gap);
    }

    /// What comes next doesn't go on with what was heard: it is blended with what that goes on like.
    pub const fn cut(&mut self) {
        self.state = State::Paused;
    }

    /// Whether what comes next is blended with what was heard.
    pub fn is_cut(&self) -> bool {
        self.state != State::Good
    }

    /// Forgets what was heard: silence goes before what comes next.
    pub fn forget(&mut self) {
        self.past.forget();
        self.state = State::Paused;
    }

    /// Whether it would make up nothing but silence from here on.
    pub fn is_silent(&self) -> bool {
        match self.state {
            State::Good => false,
            State::Lost => self.continuation.as_ref().is_none_or(|continuation| continuation.is_over()),
            State::Paused => true,
        }
    }

    fn join(&mut self, state: State, frame: &mut [i16]) {
        if self.state != state {
            if self.state != State::Lost {
                self.go_on();
            }
            let blended = (BLEND_MS * self.per_ms).min(frame.len());
            for (at, sample) in frame[..blended].iter_mut().enumerate() {
                let before = self.next_made_up();
                let weight = ratio(at + 1, blended + 1);
                *sample = to_sample(before + weight * (f32::from(*sample) - before));
            }
            self.continuation = None;
            self.state = state;
        }
        self.past.remember(frame);
    }

    /// What was heard goes on from here.
    fn go_on(&mut self) {
        self.continuation = Some(Box::new(Continuation::of(self.past.unroll(), self.per_ms)));
    }

    fn make_up(&mut self, frame: &mut [i16]) {
        for sample in frame {
            *sample = to_sample(self.next_made_up());
        }
    }

    fn next_made_up(&mut self) -> f32 {
        self.continuation.as_mut().map_or(0.0, |continuation| continuation.next())
    }
}

/// Writes what a sound that ends with `last` rings out like: 5 ms, then silence.
pub fn ring_out(last: &[i16], rate: SampleRate, out: &mut [i16]) {
    let mut concealment = Concealment::new(rate);
    concealment.past.remember(last);
    concealment.state = State::Good;
    out.fill(0);
    concealment.pause(out);
}

#[expect(clippy::cast_precision_loss, reason = "at most a few thousand samples")]
pub(crate) fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

#[cfg(test)]
mod tests;
