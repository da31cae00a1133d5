//! Sound that is decoded and not yet played, kept as deep as the path asks for (MEDIA-5).
//!
//! ```text
//!   decoded ──▶ waiting ──▶ a frame a tick
//!                  │
//!                  └─ too deep: a pitch period is taken out; too shallow: one comes again
//! ```

use std::time::Duration;

use codecs::{
    Dbov, dbov,
    stretch::{self, Likeness},
};
use rtp::jitter::Depth;
use terms::media::SampleRate;

/// How much deeper than wanted is deep enough: a period, so that what one stretch does the next
/// doesn't undo.
const BAND: Duration = Duration::from_millis(15);
/// A tick that ran late looks like depth: only what several packets on end say is true.
const MIN_VERDICTS: u8 = 3;
/// Ticks between two stretches, so that nobody hears the tempo change.
const REST_TICKS: u8 = 5;
/// When there is much to make up for.
const SHORT_REST_TICKS: u8 = 2;
/// So much is much.
const MUCH: Duration = Duration::from_millis(40);
/// Up to the first a pause is waited for; from the last on any sound is lengthened: beyond it is a gap.
const LACK: (Duration, Duration) = (Duration::from_millis(3), Duration::from_millis(8));
/// The same for what is too deep: beyond it people talk into each other.
const EXCESS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(40));
/// A pause, in which there is no tempo to be heard, is as quiet as this, or quieter than what was
/// loudest of late by so much.
const QUIET: Dbov = Dbov(-50.0);
const PAUSE_DB: f32 = 18.0;
/// How fast what was loudest is forgotten, each time that it is asked for.
const FORGOTTEN_DB: f32 = 0.05;

/// How to come nearer to the depth that is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stretch {
    /// By so much too deep.
    Shorten { excess: Duration },
    /// By so much too shallow.
    Lengthen { lack: Duration },
}

/// Which way the last packets were off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Off {
    Neither,
    TooDeep { verdicts: u8 },
    TooShallow { verdicts: u8 },
}

/// The sound of one stream that waits for its tick.
#[derive(Debug)]
pub(crate) struct Playout {
    rate: SampleRate,
    waiting: Vec<i16>,
    off: Off,
    rest_ticks: u8,
    /// Of what was looked at for a pause.
    loudest: Dbov,
}

impl Playout {
    pub(crate) const fn new(rate: SampleRate) -> Self {
        Self { rate, waiting: Vec::new(), off: Off::Neither, rest_ticks: 0, loudest: Dbov::SILENCE }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Makes room for so many samples and lets `write` say how many of them it used.
    pub(crate) fn append(&mut self, room: usize, write: impl FnOnce(&mut [i16]) -> usize) {
        let begin = self.waiting.len();
        self.waiting.resize(begin + room, 0);
        let written = write(&mut self.waiting[begin..]);
        self.waiting.truncate(begin + written);
    }

    /// What was appended after so many samples.
    pub(crate) fn from(&mut self, begin: usize) -> &mut [i16] {
        let begin = begin.min(self.waiting.len());
        &mut self.waiting[begin..]
    }

    /// Writes the oldest samples, and silence if there are too few.
    pub(crate) fn take(&mut self, frame: &mut [i16]) {
        let length = self.waiting.len().min(frame.len());
        frame[..length].copy_from_slice(&self.waiting[..length]);
        frame[length..].fill(0);
        self.waiting.drain(..length);
        self.rest_ticks = self.rest_ticks.saturating_sub(1);
    }

    /// Judges by the packet that came out last whether anything is to be done.
    pub(crate) fn judge(&mut self, depth: Depth) -> Option<Stretch> {
        let excess = depth.now.saturating_sub(depth.wanted + BAND);
        let lack = depth.wanted.saturating_sub(depth.now);
        let (off, verdicts) = match (self.off, excess.is_zero(), lack.is_zero()) {
            (_, true, true) => (Off::Neither, 0),
            (Off::TooDeep { verdicts }, false, _) => {
                let verdicts = verdicts.saturating_add(1);
                (Off::TooDeep { verdicts }, verdicts)
            }
            (Off::TooShallow { verdicts }, true, false) => {
                let verdicts = verdicts.saturating_add(1);
                (Off::TooShallow { verdicts }, verdicts)
            }
            (_, false, _) => (Off::TooDeep { verdicts: 1 }, 1),
            (_, true, false) => (Off::TooShallow { verdicts: 1 }, 1),
        };
        self.off = off;
        if verdicts < MIN_VERDICTS || self.rest_ticks > 0 {
            return None;
        }
        Some(if lack.is_zero() { Stretch::Shorten { excess } } else { Stretch::Lengthen { lack } })
    }

    /// The most samples that one stretch takes out or puts in.
    pub(crate) const fn longest_stretch(&self) -> usize {
        stretch::longest_period(self.rate)
    }

    /// Takes a period out of what is waiting, or repeats one: in a pause, or, if that can't be waited
    /// for, in sound that has a period which won't be noticed.
    pub(crate) fn stretch(&mut self, stretch: Stretch) {
        let (off, patience) = match stretch {
            Stretch::Shorten { excess } => (excess, EXCESS),
            Stretch::Lengthen { lack } => (lack, LACK),
        };
        let is_pause = self.is_pause();
        let least = if is_pause { Some(Likeness::ANY) } else { least_likeness(off, patience) };
        let Some(least) = least else { return };
        let length = self.waiting.len();
        let stretched = match stretch {
            Stretch::Shorten { .. } => stretch::shrink(&mut self.waiting, self.rate, least),
            Stretch::Lengthen { .. } => {
                self.waiting.resize(length + self.longest_stretch(), 0);
                stretch::grow(&mut self.waiting, length, self.rate, least)
            }
        };
        self.waiting.truncate(stretched);
        if stretched != length && !is_pause {
            self.rest_ticks = if off < MUCH { REST_TICKS } else { SHORT_REST_TICKS };
        }
    }

    fn is_pause(&mut self) -> bool {
        let Dbov(level) = dbov(&self.waiting);
        let Dbov(loudest) = self.loudest;
        self.loudest = Dbov(level.max(loudest - FORGOTTEN_DB));
        level < QUIET.0 || level < loudest - PAUSE_DB
    }
}

/// The more is to be made up for, the less particular about the seam; none yet within patience.
fn least_likeness(off: Duration, (first, last): (Duration, Duration)) -> Option<Likeness> {
    let beyond = off.checked_sub(first)?;
    let (Likeness(best), Likeness(any)) = (Likeness::INAUDIBLE, Likeness::ANY);
    let part = (beyond.as_secs_f32() / (last - first).as_secs_f32()).min(1.0);
    Some(Likeness(best + part * (any - best)))
}

#[cfg(test)]
mod tests;
