//! What is heard: sound or none, and which tones at which level.

use std::{f32::consts::TAU, time::Duration};

use codecs::{Dbm0, Goertzel};
use terms::{Instant, media::SampleRate};

/// A tone at least so loud is heard.
pub const AUDIBLE: Dbm0 = Dbm0(-40.0);
/// Sound below is none: the steps of G.711 around zero, and lines that hum.
const QUIET: Dbm0 = Dbm0(-50.0);
/// Samples of one measurement: 50 ms, which tell tones 40 Hz apart.
const BLOCK: usize = 400;
/// How long a block is.
const BLOCK_TIME: Duration = Duration::from_millis(50);
/// So much of a block's power must lie in the tones that are listened for, or it is speech.
const TONAL_SHARE: f32 = 0.7;
/// So many blocks in a row are a tone: no vowel is as pure for so long.
const TONAL_BLOCKS: u8 = 3;
/// After a change of what is said, what was said before is still on its way.
const SETTLING: Duration = Duration::from_millis(300);
/// A Hann window halves a sine's peak.
const WINDOW_GAIN: f32 = 2.0;
/// And leaves three eighths of its power.
const WINDOW_POWER: f32 = 3.0 / 8.0;

/// Hears the decoded stream of a call.
#[derive(Debug, Clone)]
pub struct Ear {
    window: Vec<f32>,
    meters: Vec<Meter>,
    /// Samples of the block that is being filled.
    filled: usize,
    /// Their windowed power, summed.
    power: f32,
    tonal_blocks: u8,
    since: Since,
    measuring: Option<Instant>,
    /// Blocks that were measured.
    measured: u32,
}

#[derive(Debug, Clone)]
struct Meter {
    hz: u32,
    goertzel: Goertzel,
    /// Power in each measured block, summed.
    power: f64,
}

/// What was heard since the last mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Since {
    /// The first sound.
    pub first_sound: Option<Instant>,
    /// The last sound.
    pub last_sound: Option<Instant>,
    /// The first of the tones.
    pub first_tone: Option<Instant>,
}

impl Since {
    /// How long there is no sound, once there was any.
    pub fn quiet_for(&self, now: Instant) -> Option<Duration> {
        self.last_sound.map(|last| now.since(last))
    }

    /// From the first sound to the last.
    pub fn sounded_for(&self) -> Duration {
        match (self.first_sound, self.last_sound) {
            (Some(first), Some(last)) => last.since(first),
            _ => Duration::ZERO,
        }
    }
}

impl Ear {
    /// An ear for these frequencies, in Hz.
    pub fn new(listen: &[u32]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred, and audible frequencies, are exact")]
        let meter = |hz: &u32| Meter { hz: *hz, goertzel: Goertzel::new(*hz as f32, RATE), power: 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let window = |at: usize| 0.5 - 0.5 * (TAU * at as f32 / BLOCK as f32).cos();
        Self {
            window: (0..BLOCK).map(window).collect(),
            meters: listen.iter().map(meter).collect(),
            filled: 0,
            power: 0.0,
            tonal_blocks: 0,
            since: Since::default(),
            measuring: None,
            measured: 0,
        }
    }

    /// Hears the samples of a packet that has just come.
    pub fn hear(&mut self, now: Instant, samples: &[i16]) {
        if level(samples) > QUIET {
            self.since.first_sound.get_or_insert(now);
            self.since.last_sound = Some(now);
        }
        let mut rest = samples;
        while !rest.is_empty() {
            let (part, later) = rest.split_at(rest.len().min(BLOCK - self.filled));
            self.fill(part);
            rest = later;
            if self.filled == BLOCK {
                self.finish_block(now);
            }
        }
    }

    /// Forgets what was heard, and hears from here.
    pub fn mark(&mut self) {
        self.since = Since::default();
        self.tonal_blocks = 0;
    }

    /// What was heard since the last mark.
    pub const fn since_mark(&self) -> Since {
        self.since
    }

    /// Measures the tones from here on, a short time to settle apart.
    pub fn begin_measuring(&mut self, now: Instant) {
        self.measuring = Some(now + SETTLING);
    }

    /// Measures no more.
    pub fn end_measuring(&mut self) {
        self.measuring = None;
    }

    /// The frequencies and their levels over all that was measured.
    pub fn levels(&self) -> impl Iterator<Item = (u32, Dbm0)> {
        let blocks = f64::from(self.measured.max(1));
        #[expect(clippy::cast_possible_truncation, reason = "a level for people")]
        self.meters.iter().map(move |meter| (meter.hz, of_power((meter.power / blocks) as f32)))
    }

    fn fill(&mut self, part: &[i16]) {
        let weights = self.window.iter().skip(self.filled);
        let mut windowed = [0; BLOCK];
        for ((out, sample), weight) in windowed.iter_mut().zip(part).zip(weights) {
            let value = f32::from(*sample) * weight;
            self.power += value * value;
            #[expect(clippy::cast_possible_truncation, reason = "no larger than the sample")]
            let rounded = value.round() as i16;
            *out = rounded;
        }
        for meter in &mut self.meters {
            meter.goertzel.add(&windowed[..part.len()]);
        }
        self.filled += part.len();
    }

    fn finish_block(&mut self, now: Instant) {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let total = self.power / (BLOCK as f32 * WINDOW_POWER);
        (self.filled, self.power) = (0, 0.0);
        let is_measured = self.measuring.is_some_and(|from| now >= from);
        let mut tonal = 0.0;
        for meter in &mut self.meters {
            let peak = meter.goertzel.take().peak() * WINDOW_GAIN;
            let power = peak * peak / 2.0;
            tonal += power;
            if is_measured {
                meter.power += f64::from(power);
            }
        }
        self.measured += u32::from(is_measured);
        let is_tonal = of_power(total) > AUDIBLE && tonal >= TONAL_SHARE * total;
        self.tonal_blocks = if is_tonal { self.tonal_blocks.saturating_add(1) } else { 0 };
        if self.tonal_blocks == TONAL_BLOCKS {
            let lasted = BLOCK_TIME * u32::from(TONAL_BLOCKS);
            let began = Instant::from_nanos(now.as_nanos().saturating_sub(nanos(lasted)));
            self.since.first_tone.get_or_insert(began);
        }
    }
}

/// What the ear works at: G.711's rate.
const RATE: SampleRate = SampleRate::Hz8000;

fn level(samples: &[i16]) -> Dbm0 {
    let energy: f32 = samples.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a packet's samples")]
    let count = samples.len().max(1) as f32;
    of_power(energy / count)
}

/// The level of a sine of this power.
fn of_power(power: f32) -> Dbm0 {
    Dbm0::of_peak((2.0 * power).sqrt())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use codecs::Generator;

    use super::*;

    /// Lets an ear hear a tone, or silence, in packets of 20 ms.
    fn play(ear: &mut Ear, now: &mut Instant, hz: &[u32], duration: Duration) {
        let mut generators: Vec<_> = hz.iter().map(|hz| Generator::new(*hz, Dbm0(-16.0), RATE)).collect();
        for _ in 0..duration.as_millis() / 20 {
            let mut sum = [0; 160];
            for generator in &mut generators {
                let mut frame = [0; 160];
                generator.fill(&mut frame);
                sum.iter_mut().zip(frame).for_each(|(sum, sample)| *sum += sample);
            }
            *now += Duration::from_millis(20);
            ear.hear(*now, &sum);
        }
    }

    fn levels(ear: &Ear) -> Vec<(u32, f32)> {
        ear.levels().map(|(hz, level)| (hz, level.0)).collect()
    }

    #[test]
    fn each_tone_of_a_mix_has_its_level_and_the_missing_one_is_not_heard() {
        let (mut ear, mut now) = (Ear::new(&[440, 700, 1_000, 1_333]), Instant::ZERO);
        ear.begin_measuring(now);
        play(&mut ear, &mut now, &[440, 1_000, 1_333], Duration::from_secs(2));
        for (hz, level) in levels(&ear) {
            let expected = if hz == 700 { -127.0..AUDIBLE.0 - 10.0 } else { -16.3..-15.7 };
            assert!(expected.contains(&level), "{hz} Hz: {level}");
        }
    }

    #[test]
    fn only_what_is_heard_while_measuring_counts() {
        let (mut ear, mut now) = (Ear::new(&[440]), Instant::ZERO);
        play(&mut ear, &mut now, &[440], Duration::from_secs(1));
        assert_eq!(levels(&ear), [(440, -127.0)]);
        ear.begin_measuring(now);
        play(&mut ear, &mut now, &[440], Duration::from_secs(1));
        ear.end_measuring();
        play(&mut ear, &mut now, &[], Duration::from_secs(5));
        assert!((levels(&ear)[0].1 - -16.0).abs() < 0.3, "{:?}", levels(&ear));
    }

    #[test]
    fn sound_and_pause_are_told_from_the_mark_on() {
        let (mut ear, mut now) = (Ear::new(&[]), Instant::ZERO);
        play(&mut ear, &mut now, &[300], Duration::from_secs(1));
        ear.mark();
        assert_eq!(ear.since_mark(), Since::default());
        play(&mut ear, &mut now, &[], Duration::from_millis(200));
        assert_eq!(ear.since_mark().quiet_for(now), None);
        play(&mut ear, &mut now, &[300], Duration::from_millis(600));
        play(&mut ear, &mut now, &[], Duration::from_millis(400));
        let since = ear.since_mark();
        assert_eq!(since.quiet_for(now), Some(Duration::from_millis(400)));
        assert_eq!(since.sounded_for(), Duration::from_millis(580));
    }

    #[test]
    fn a_tone_that_is_listened_for_is_told_from_other_sound() {
        let (mut ear, mut now) = (Ear::new(&[440]), Instant::ZERO);
        play(&mut ear, &mut now, &[300, 520, 900], Duration::from_secs(1));
        assert_eq!(ear.since_mark().first_tone, None);
        let began = now;
        play(&mut ear, &mut now, &[440], Duration::from_secs(1));
        let heard = ear.since_mark().first_tone.expect("a tone");
        assert!(heard.since(began) <= Duration::from_millis(100), "{:?}", heard.since(began));
    }
}
