//! What is heard in place of a packet that never came.
//!
//! The last pitch period is repeated: level for 10 ms, then fading to silence at 60 ms (the time
//! scale of ITU-T G.711 Appendix I §I.2.7). Its end is blended into what came before its start, so
//! that it repeats without a step; so is the first frame that comes again. Unlike Appendix I the
//! good sound isn't delayed: the seam where a loss begins is closed by an offset that decays.

use terms::media::SampleRate;

use crate::tone::to_sample;

/// The longest pitch period that is looked for: 66 Hz.
const LONGEST_MS: usize = 15;
/// The shortest: 200 Hz. A higher pitch shows as a multiple of its period.
const SHORTEST_MS: usize = 5;
/// How much of the past is compared with what came a period earlier.
const COMPARED_MS: usize = 20;
/// How long made-up sound keeps its level.
const LEVEL_MS: usize = 10;
/// When it has faded to silence.
const SILENT_MS: usize = 60;
/// How long the first good frame is blended with made-up sound.
const BLEND_MS: usize = 5;

/// Hides lost frames of one stream of sound.
#[derive(Debug, Clone)]
pub struct Concealment {
    /// Samples in a millisecond.
    per_ms: usize,
    /// The last sound, oldest first: enough to compare the longest period.
    past: Box<[i16]>,
    /// The period that is repeated, in its first samples.
    period: Box<[i16]>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Good,
    Lost(Loss),
}

/// A loss that goes on.
#[derive(Debug, Clone, Copy)]
struct Loss {
    /// Samples in the period that is repeated.
    len: usize,
    /// Samples made up so far.
    made: usize,
    /// The step at the seam, which decays over the blend.
    offset: f32,
}

impl Concealment {
    /// A concealment that has heard nothing yet.
    pub fn new(rate: SampleRate) -> Self {
        let per_ms = rate.tick_samples() / 20;
        Self {
            per_ms,
            past: vec![0; (LONGEST_MS + COMPARED_MS) * per_ms].into(),
            period: vec![0; LONGEST_MS * per_ms].into(),
            state: State::Good,
        }
    }

    /// Takes a frame that came; its first samples are blended with what was made up before it.
    pub fn good(&mut self, frame: &mut [i16]) {
        if let State::Lost(mut loss) = self.state {
            let blended = (BLEND_MS * self.per_ms).min(frame.len());
            for (at, sample) in frame[..blended].iter_mut().enumerate() {
                let weight = ratio(at + 1, blended + 1);
                let made_up = self.make_up(&mut loss);
                *sample = to_sample(made_up + weight * (f32::from(*sample) - made_up));
            }
            self.state = State::Good;
        }
        self.remember(frame);
    }

    /// Makes up a frame that didn't come; within 60 ms of the last good one it fades to silence.
    pub fn lost(&mut self, frame: &mut [i16]) {
        let mut loss = match self.state {
            State::Good => self.begin(),
            State::Lost(loss) => loss,
        };
        for sample in frame.iter_mut() {
            *sample = to_sample(self.make_up(&mut loss));
        }
        self.state = State::Lost(loss);
        self.remember(frame);
    }

    /// Finds the period and makes it one that repeats without a step.
    fn begin(&mut self) -> Loss {
        let len = self.find_period();
        let end = self.past.len();
        let last = &self.past[end - len..];
        self.period[..len].copy_from_slice(last);
        let blended = len / 4;
        for at in len - blended..len {
            // The same place one period earlier leads into the period's start.
            let earlier = f32::from(self.past[end - 2 * len + at]);
            let weight = ratio(at + blended + 1 - len, blended);
            let own = f32::from(self.period[at]);
            self.period[at] = to_sample(own + weight * (earlier - own));
        }
        let before_period = f32::from(self.past[end - len - 1]);
        let offset = f32::from(self.past[end - 1]) - before_period;
        Loss { len, made: 0, offset }
    }

    /// The next made-up sample.
    fn make_up(&self, loss: &mut Loss) -> f32 {
        let level_until = LEVEL_MS * self.per_ms;
        let silent_from = SILENT_MS * self.per_ms;
        let blended = BLEND_MS * self.per_ms;
        if loss.made >= silent_from {
            return 0.0;
        }
        let gain = ratio(silent_from - loss.made.max(level_until), silent_from - level_until);
        let left_of_seam = ratio(blended.saturating_sub(loss.made), blended);
        let repeated = f32::from(self.period[loss.made % loss.len]);
        loss.made += 1;
        gain * (repeated + left_of_seam * loss.offset)
    }

    /// The lag at which the past is most like itself: on every `per_ms / 4`th sample at first, then
    /// around the best on every one.
    fn find_period(&self) -> usize {
        let stride = (self.per_ms / 4).max(1);
        let (shortest, longest) = (SHORTEST_MS * self.per_ms, LONGEST_MS * self.per_ms);
        let coarse = self.most_like((shortest..=longest).step_by(stride), stride);
        let around = coarse.saturating_sub(stride).max(shortest)..=(coarse + stride).min(longest);
        if stride == 1 { coarse } else { self.most_like(around, 1) }
    }

    fn most_like(&self, lags: impl Iterator<Item = usize>, stride: usize) -> usize {
        let end = self.past.len();
        let compared = COMPARED_MS * self.per_ms;
        let recent = &self.past[end - compared..];
        let best = lags.map(|lag| {
            let earlier = &self.past[end - compared - lag..end - lag];
            (likeness(recent, earlier, stride), lag)
        });
        best.fold(
            (f32::NEG_INFINITY, SHORTEST_MS * self.per_ms),
            |best, next| {
                if next.0 > best.0 { next } else { best }
            },
        )
        .1
    }

    fn remember(&mut self, frame: &[i16]) {
        let len = self.past.len();
        let frame = &frame[frame.len().saturating_sub(len)..];
        self.past.copy_within(frame.len().., 0);
        self.past[len - frame.len()..].copy_from_slice(frame);
    }
}

/// The correlation of two stretches, by the earlier one's energy.
fn likeness(recent: &[i16], earlier: &[i16], stride: usize) -> f32 {
    let pairs = recent.iter().zip(earlier).step_by(stride);
    let (correlation, energy) = pairs.fold((0.0, 1.0), |(correlation, energy), (recent, earlier)| {
        let (recent, earlier) = (f32::from(*recent), f32::from(*earlier));
        (correlation + recent * earlier, energy + earlier * earlier)
    });
    correlation / f32::sqrt(energy)
}

#[expect(clippy::cast_precision_loss, reason = "at most a few thousand samples")]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dbm0, Dtmf, Generator, dbov};
    use proptest::prelude::*;
    use terms::Digit;

    fn largest_step(sound: &[i16]) -> i32 {
        sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    /// Ten good frames of a sound, `lost` made-up ones, ten good ones.
    fn with_a_gap(rate: SampleRate, lost: usize, mut fill: impl FnMut(&mut [i16])) -> Vec<i16> {
        let mut concealment = Concealment::new(rate);
        let mut sound = vec![0; rate.tick_samples() * (20 + lost)];
        for (at, frame) in sound.chunks_exact_mut(rate.tick_samples()).enumerate() {
            fill(frame);
            if (10..10 + lost).contains(&at) {
                concealment.lost(frame);
            } else {
                concealment.good(frame);
            }
        }
        sound
    }

    #[test]
    fn a_seam_never_clicks() {
        for rate in SampleRate::ALL {
            for hz in [70, 100, 150, 217, 440, 1_000] {
                for lost in [1, 2, 3, 5] {
                    let mut generator = Generator::new(hz, Dbm0(-10.0), rate);
                    let mut whole = vec![0; 20 * rate.tick_samples()];
                    generator.clone().fill(&mut whole);
                    let sound = with_a_gap(rate, lost, |frame| generator.fill(frame));
                    let (own, heard) = (largest_step(&whole), largest_step(&sound));
                    // A tone's own steps, and a fiftieth of the range.
                    assert!(heard <= own * 3 / 2 + 650, "{rate:?} {hz} Hz {lost} lost: {own}, {heard}");
                }
            }
        }
    }

    #[test]
    fn a_voiced_sound_goes_on_at_its_level_and_fades_within_60_ms() {
        let rate = SampleRate::Hz8000;
        let mut generator = Generator::new(125, Dbm0(-10.0), rate);
        let sound = with_a_gap(rate, 5, |frame| generator.fill(frame));
        let frame = |at: usize| dbov(&sound[at * 160..(at + 1) * 160]).0;
        assert!((frame(10) - frame(9)).abs() < 2.0, "{} {}", frame(10), frame(9));
        assert!(frame(11) < frame(10) - 2.0 && frame(12) < frame(11) - 6.0);
        assert_eq!((frame(13), frame(14)), (-127.0, -127.0));
        assert!((frame(16) - frame(9)).abs() < 0.1);
    }

    #[test]
    fn one_lost_frame_of_a_tone_in_pitch_is_barely_changed() {
        let rate = SampleRate::Hz8000;
        let mut generator = Generator::new(160, Dbm0(-10.0), rate);
        let mut whole = vec![0; 21 * 160];
        generator.clone().fill(&mut whole);
        let sound = with_a_gap(rate, 1, |frame| generator.fill(frame));
        let off = |at: usize| i32::from(sound[at]) - i32::from(whole[at]);
        assert!(
            (1600..1680).all(|at| off(at).abs() < 700),
            "{:?}",
            (1600..1680).map(off).collect::<Vec<_>>()
        );
    }

    #[test]
    fn good_sound_without_loss_is_untouched() {
        let mut tones = Dtmf::new(Digit::POUND, Dbm0(-10.0), SampleRate::Hz16000);
        let mut concealment = Concealment::new(SampleRate::Hz16000);
        for _ in 0..10 {
            let mut frame = [0; 320];
            tones.fill(&mut frame);
            let sent = frame;
            concealment.good(&mut frame);
            assert_eq!(frame, sent);
        }
    }

    proptest! {
        /// Any sound, any losses, any frame length: nothing panics, and silence comes at last.
        #[test]
        fn any_pattern_of_loss_is_survived(frames in prop::collection::vec((any::<bool>(), 0usize..700, any::<i16>()), 0..20)) {
            let mut concealment = Concealment::new(SampleRate::Hz8000);
            for (lost, len, value) in frames {
                let mut frame = vec![value; len];
                if lost { concealment.lost(&mut frame) } else { concealment.good(&mut frame) }
            }
            let mut last = [1; 641];
            concealment.lost(&mut last);
            prop_assert_eq!(last[640], 0);
        }
    }
}
