//! Hears keys in the sound (ITU-T Q.23 and Q.24, DIAL-7).
//!
//! Each 5 ms the eight frequencies are measured over the last 20 ms. A pair of tones must be alone
//! (nearly all energy is theirs), in tune, in balance and steady over four looks on end: voice is
//! that seldom, and its second harmonics give it away. How long a press has lasted is counted where
//! it is at half its amplitude or more, since there the window's middle is within the tone.

use terms::{Digit, media::SampleRate};

use crate::{
    level::Dbm0,
    spectrum::{Bank, HOP_MS, Phasor, Window, scallop},
};

/// Q.23 §6: the rows' frequencies, in Hz.
pub(crate) const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// Q.23 §6: the columns' frequencies, in Hz.
pub(crate) const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// The keys of each row.
pub(crate) const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The share of a frequency that it may be beside: 1.5 % is to be accepted, 3.5 % refused.
const DETUNING: f32 = 0.025;
/// The louder of the two tones is at this level or above; −25 dBm0 is to be accepted.
const FLOOR: Dbm0 = Dbm0(-28.0);
/// How far, as a ratio of powers, the column may be above the row (+4 dB is to be accepted), and
/// the row above the column (8 dB).
const TWIST: f32 = 3.16;
const REVERSE_TWIST: f32 = 8.0;
/// The least share of the two tones in the energy; with noise 20 dB below they have 0.99.
const SHARE: f32 = 0.9;
/// The most of a second harmonic of a column's tone. The rows' fall among the columns.
const HARMONIC: f32 = 0.04;
/// How much, as a ratio of powers, a tone's level changes while it is steady: 2 dB.
const STEADINESS: f32 = 1.6;
/// Looks on end that the pair must be steady for: what lies within a tone of 40 ms, however it
/// falls on the looks.
const STEADY_LOOKS: u32 = 4;
/// Looks at half amplitude or more: a tone of 23 ms has five at most, one of 40 ms eight.
const LASTING_LOOKS: usize = 6;
/// Below half amplitude for so long, the key was let go: a pause of 40 ms has eight such looks, and
/// a frame lost and badly concealed has four.
const PAUSE_LOOKS: u32 = 25 / HOP_MS;
/// From a power to half its amplitude's.
const HALF: f32 = 0.25;
/// How fast, a look, a held key's level is followed downward.
const FADING: f32 = 0.9;

/// Hears keys. Made while a port listens for them; it costs nothing where there is none.
#[derive(Debug, Clone)]
pub struct DtmfDetector {
    window: Window,
    bank: Bank<8>,
    harmonics: Bank<4>,
    /// What the eight had at each look, the last first.
    past: [[Phasor; 8]; LASTING_LOOKS],
    steady: Option<Steady>,
    held: Option<Held>,
}

/// Where in the bank a key's tones are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    row: usize,
    column: usize,
}

/// A pair of tones that passed every test of one look.
#[derive(Debug, Clone, Copy)]
struct Pair {
    key: Key,
    row: f32,
    column: f32,
}

/// Looks on end that heard the same.
#[derive(Debug, Clone, Copy)]
struct Steady {
    first: Pair,
    looks: u32,
}

/// The key that was told and is not let go yet.
#[derive(Debug, Clone, Copy)]
struct Held {
    key: Key,
    power: f32,
    quiet_looks: u32,
}

impl DtmfDetector {
    /// Nothing heard yet.
    pub fn new(rate: SampleRate) -> Self {
        let [a, b, c, d] = ROWS;
        let [e, f, g, h] = COLUMNS;
        Self {
            window: Window::new(rate),
            bank: Bank::new([a, b, c, d, e, f, g, h], rate),
            harmonics: Bank::new(COLUMNS.map(|hz| 2.0 * hz), rate),
            past: [[Phasor::default(); 8]; LASTING_LOOKS],
            steady: None,
            held: None,
        }
    }

    /// Takes sound, a tick at most; yields a key once its press is sure, after some 40 ms.
    pub fn listen(&mut self, samples: &[i16]) -> Option<Digit> {
        let (mut rest, mut told) = (samples, None);
        while !rest.is_empty() {
            rest = self.window.take(rest);
            if self.window.is_due() {
                told = self.look().or(told);
            }
        }
        told
    }

    fn look(&mut self) -> Option<Digit> {
        let (shaped, total) = self.window.look();
        let bins = self.bank.measure(shaped);
        self.past.rotate_right(1);
        self.past[0] = bins;
        let pair = self.pair(total);
        self.steady = match (self.steady, pair) {
            (Some(steady), Some(pair)) if steady.goes_on_with(&pair) => {
                Some(Steady { looks: steady.looks + 1, ..steady })
            }
            (_, Some(pair)) => Some(Steady { first: pair, looks: 1 }),
            (_, None) => None,
        };
        self.let_go();
        self.press().map(Key::digit)
    }

    /// The pair of tones at this look, if there is one and nothing but it.
    fn pair(&self, total: f32) -> Option<Pair> {
        let [now, before, ..] = &self.past;
        let (row, column) = (strongest(now, 0..4), strongest(now, 4..8));
        let key = Key { row, column };
        let floor = Dbm0(FLOOR.0 - 2.0).peak();
        if total < floor * floor || key.power(now) < 0.5 * total {
            return None;
        }
        let row = self.tone(row, before, now, ROWS[row])?;
        let column = self.tone(column, before, now, COLUMNS[column - 4])?;
        let is_loud = row.max(column) >= FLOOR.peak() * FLOOR.peak();
        let is_balanced = column <= row * TWIST && row <= column * REVERSE_TWIST;
        let is_alone = row + column >= SHARE * total;
        (is_loud && is_balanced && is_alone).then_some(Pair { key, row, column })
    }

    /// The square of the peak of the tone near a frequency, if it is in tune.
    fn tone(&self, at: usize, before: &[Phasor; 8], now: &[Phasor; 8], hz: f32) -> Option<f32> {
        let offset = self.bank.offset(at, before[at], now[at]);
        (offset.abs() <= DETUNING * hz).then(|| now[at].power() / scallop(offset))
    }

    /// The key whose press is sure with this look.
    fn press(&mut self) -> Option<Key> {
        let Steady { first, .. } = self.steady.filter(|steady| steady.looks >= STEADY_LOOKS)?;
        let key = first.key;
        let power = key.power(&self.past[0]);
        let has_lasted = self.past.iter().all(|bins| key.power(bins) >= HALF * power);
        if !has_lasted || self.held.is_some_and(|held| held.key == key) || self.has_harmonic(&first) {
            return None;
        }
        self.held = Some(Held { key, power, quiet_looks: 0 });
        Some(key)
    }

    fn has_harmonic(&mut self, pair: &Pair) -> bool {
        let (shaped, _) = self.window.look();
        let harmonic = self.harmonics.measure(shaped)[pair.key.column - 4].power();
        harmonic > HARMONIC * pair.column
    }

    /// Forgets the held key once it is let go, and what was heard until then.
    fn let_go(&mut self) {
        let Some(held) = &mut self.held else { return };
        let power = held.key.power(&self.past[0]);
        held.quiet_looks = if power < HALF * held.power { held.quiet_looks + 1 } else { 0 };
        held.power = power.max(held.power * FADING);
        if held.quiet_looks >= PAUSE_LOOKS {
            self.held = None;
            self.past[1..].fill([Phasor::default(); 8]);
        }
    }
}

impl Key {
    fn power(self, bins: &[Phasor; 8]) -> f32 {
        bins[self.row].power() + bins[self.column].power()
    }

    fn digit(self) -> Digit {
        Digit::try_from(KEYS[self.row][self.column - 4]).expect("KEYS holds the sixteen keys")
    }
}

impl Steady {
    fn goes_on_with(&self, pair: &Pair) -> bool {
        let is_near = |a: f32, b: f32| a <= b * STEADINESS && b <= a * STEADINESS;
        self.first.key == pair.key
            && is_near(self.first.row, pair.row)
            && is_near(self.first.column, pair.column)
    }
}

fn strongest(bins: &[Phasor; 8], group: core::ops::Range<usize>) -> usize {
    let first = group.start;
    group.fold(first, |best, at| if bins[at].power() > bins[best].power() { at } else { best })
}

#[cfg(test)]
mod tests;
