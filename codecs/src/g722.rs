//! ITU-T G.722 at 64 kbit/s: 16 kHz in two sub-bands, each ADPCM.
//!
//! ```text
//!   16 kHz ─▶ transmit QMF ─┬─ 0-4 kHz ─▶ 6 bits ─┐
//!                           └─ 4-8 kHz ─▶ 2 bits ─┴▶ an octet for two samples
//! ```
//!
//! The blocks have the names of the recommendation's §6. All is integers, so that two implementations agree to the bit.

use tables::{
    ADAPT_HIGH, ADAPT_LOW, CODE_LOW_NEGATIVE, CODE_LOW_POSITIVE, DECIDE_LOW, INVERSE_2, INVERSE_4, INVERSE_6,
    LEVEL_LOW, QMF_EVEN, QMF_ODD, SCALE,
};
use zeros::Zeros;

mod tables;
mod zeros;

/// Samples in an octet.
pub const SAMPLES_PER_OCTET: usize = 2;
/// The history of the QMF: 24 taps.
const HISTORY: usize = 24;
/// §3.6.3: the decision level of the upper band's quantizer.
const DECIDE_HIGH: i32 = 564;

/// One stream of sound on its way to octets.
#[derive(Debug, Clone)]
pub struct Encoder {
    low: Band,
    high: Band,
    history: History,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder at rest.
    pub fn new() -> Self {
        Self { low: Band::new(Half::Low), high: Band::new(Half::High), history: History::new() }
    }

    /// Encodes pairs of samples; returns how many octets it wrote. A sample without a second is left out.
    pub fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> usize {
        let pairs = samples.chunks_exact(SAMPLES_PER_OCTET).zip(octets);
        pairs.map(|(pair, octet)| *octet = self.octet(pair)).count()
    }

    fn octet(&mut self, pair: &[i16]) -> u8 {
        let (odd, even) = self.history.filter([pair[0], pair[1]]);
        let (low, high) =
            (quantize_low(&self.low, (even + odd) >> 14), quantize_high(&self.high, (even - odd) >> 14));
        self.low.adapt_low(low >> 2);
        self.high.adapt_high(high);
        high << 6 | low
    }
}

/// One stream of octets on its way to sound.
#[derive(Debug, Clone)]
pub struct Decoder {
    low: Band,
    high: Band,
    history: History,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at rest.
    pub fn new() -> Self {
        Self { low: Band::new(Half::Low), high: Band::new(Half::High), history: History::new() }
    }

    /// Decodes octets; returns how many samples it wrote.
    pub fn decode(&mut self, octets: &[u8], samples: &mut [i16]) -> usize {
        let pairs = octets.iter().zip(samples.chunks_exact_mut(SAMPLES_PER_OCTET));
        pairs.map(|(octet, pair)| pair.copy_from_slice(&self.pair(*octet))).count() * SAMPLES_PER_OCTET
    }

    fn pair(&mut self, octet: u8) -> [i16; 2] {
        let (low, high) = (octet & 0x3f, octet >> 6);
        // Blocks 5 and 6, INVQBL, RECONS, LIMIT: the lower band is heard with all of its six bits.
        let heard_low = limit(self.low.estimate + self.low.scaled(INVERSE_6[usize::from(low)]));
        let heard_high = limit(self.high.estimate + self.high.scaled(INVERSE_2[usize::from(high)]));
        self.low.adapt_low(low >> 2);
        self.high.adapt_high(high);
        let (first, second) =
            self.history.filter([heard_low + heard_high, heard_low - heard_high].map(to_sample));
        [second, first].map(|sum| to_sample(sum >> 11))
    }
}

/// The last samples, two sub-bands' worth of them: each is written twice, a history's length apart, so that all of them
/// stand in order somewhere.
#[derive(Debug, Clone)]
struct History {
    samples: [i16; 2 * HISTORY],
    next: usize,
}

impl History {
    fn new() -> Self {
        Self { samples: [0; 2 * HISTORY], next: 0 }
    }

    /// §3.1, §4.4: takes two samples in and yields the sums over those of odd and of even order.
    fn filter(&mut self, pair: [i16; 2]) -> (i32, i32) {
        for begin in [self.next, self.next + HISTORY] {
            self.samples[begin..begin + 2].copy_from_slice(&pair);
        }
        self.next = (self.next + 2) % HISTORY;
        let window = &self.samples[self.next..self.next + HISTORY];
        (dot(window, &QMF_ODD), dot(window, &QMF_EVEN))
    }
}

/// The sum of products, of which the compiler makes multiplications of eight samples at once.
fn dot(samples: &[i16], taps: &[i16; HISTORY]) -> i32 {
    samples.iter().zip(taps).map(|(sample, tap)| i32::from(*sample) * i32::from(*tap)).sum()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Low,
    High,
}

/// The predictor and the scale of one sub-band, the same at both ends.
#[derive(Debug, Clone)]
struct Band {
    /// NB: the logarithm of the scale factor.
    log_scale: i32,
    /// DET: the scale factor.
    scale: i32,
    /// S: what the next sample is predicted to be.
    estimate: i32,
    /// SZ: the part of it that the zeros make.
    zeros_estimate: i32,
    /// A: the coefficients of the poles.
    poles: [i32; 2],
    zeros: Zeros,
    /// P: the last partial reconstructions, newest first.
    partials: [i32; 2],
    /// R: the last reconstructions, newest first.
    reconstructed: [i32; 2],
}

impl Band {
    fn new(half: Half) -> Self {
        let scale = match half {
            Half::Low => 32,
            Half::High => 8,
        };
        Self {
            log_scale: 0,
            scale,
            estimate: 0,
            zeros_estimate: 0,
            poles: [0; 2],
            zeros: Zeros::new(),
            partials: [0; 2],
            reconstructed: [0; 2],
        }
    }

    const fn scaled(&self, level: i32) -> i32 {
        (self.scale * level) >> 15
    }

    /// Blocks 2L to 4L: the four upper bits steer the predictor, so that the two lower ones may be taken for data.
    fn adapt_low(&mut self, code: u8) {
        let code = usize::from(code & 0xf);
        let difference = self.scaled(INVERSE_4[code]);
        self.rescale(ADAPT_LOW[LEVEL_LOW[code]], 18_432, 8);
        self.predict(difference);
    }

    /// Blocks 2H to 4H.
    fn adapt_high(&mut self, code: u8) {
        let code = usize::from(code & 3);
        let difference = self.scaled(INVERSE_2[code]);
        self.rescale(ADAPT_HIGH[code], 22_528, 10);
        self.predict(difference);
    }

    /// Blocks 3, LOGSCL and SCALEL, LOGSCH and SCALEH.
    fn rescale(&mut self, step: i32, largest: i32, shift: i32) {
        self.log_scale = (((self.log_scale * 127) >> 7) + step).clamp(0, largest);
        let mantissa = SCALE[usize::try_from(self.log_scale >> 6 & 31).unwrap_or(0)];
        let down = shift - (self.log_scale >> 11);
        self.scale = (if down < 0 { mantissa << -down } else { mantissa >> down }) << 2;
    }

    /// Block 4: adapts the predictor to a quantized difference, and predicts.
    fn predict(&mut self, difference: i32) {
        let reconstructed = saturate(self.estimate + difference);
        let partial = saturate(self.zeros_estimate + difference);
        self.poles = self.adapted_poles(partial);
        self.zeros_estimate = self.zeros.adapt(difference);
        self.partials = [partial, self.partials[0]];
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        // FILTEP, PREDIC.
        let product = |coefficient: i32, value: i32| (coefficient * saturate(2 * value)) >> 15;
        let poles =
            product(self.poles[0], self.reconstructed[0]) + product(self.poles[1], self.reconstructed[1]);
        self.estimate = saturate(saturate(poles) + self.zeros_estimate);
    }

    /// UPPOL2 and UPPOL1; only the signs of what was last count.
    fn adapted_poles(&self, partial: i32) -> [i32; 2] {
        let [first, second] = self.poles;
        let is_like = |before: i32| (partial < 0) == (before < 0);
        let toward = saturate(first << 2);
        let toward = if is_like(self.partials[0]) { -toward } else { toward };
        let step = if is_like(self.partials[1]) { 128 } else { -128 };
        let second = ((toward.min(32_767) >> 7) + step + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);
        let step = if is_like(self.partials[0]) { 192 } else { -192 };
        let bound = 15_360 - second;
        [saturate(step + ((first * 32_640) >> 15)).clamp(-bound, bound), second]
    }
}

/// Blocks 1L, SUBTRA and QUANTL.
fn quantize_low(band: &Band, sample: i32) -> u8 {
    let error = saturate(sample - band.estimate);
    let size = magnitude(error);
    let level =
        DECIDE_LOW.iter().position(|decide| size < (decide * band.scale) >> 12).unwrap_or(DECIDE_LOW.len());
    if error < 0 { CODE_LOW_NEGATIVE[level] } else { CODE_LOW_POSITIVE[level] }
}

/// Blocks 1H, SUBTRA and QUANTH.
fn quantize_high(band: &Band, sample: i32) -> u8 {
    let error = saturate(sample - band.estimate);
    let is_outer = magnitude(error) >= (DECIDE_HIGH * band.scale) >> 12;
    match (error < 0, is_outer) {
        (true, false) => 1,
        (true, true) => 0,
        (false, false) => 3,
        (false, true) => 2,
    }
}

/// Of a value and of its complement the one that is not negative.
const fn magnitude(error: i32) -> i32 {
    if error < 0 { -(error + 1) } else { error }
}

/// LIMIT: 15 bits.
fn limit(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

fn saturate(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

fn to_sample(value: i32) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "saturated to the range of i16")]
    let sample = saturate(value) as i16;
    sample
}

#[cfg(test)]
mod tests;
