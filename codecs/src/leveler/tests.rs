use terms::{Entropy, media::SampleRate};

use super::*;
use crate::{Dbm0, Generator, level::dbov};

const SECOND: usize = 50;

/// Words of 300 ms with pauses of 200 ms between them, over a background.
struct Talker {
    tone: Generator,
    peak: f32,
    noise: Entropy,
    background: f32,
    tick: usize,
}

impl Talker {
    /// Its words are at this level, in dBov, over a background at that one.
    fn new(words: f32, background: f32) -> Self {
        let amplitude = |dbov: f32| 32_768.0 * 10_f32.powf(dbov / 20.0);
        Self {
            tone: Generator::new(200, Dbm0(0.0), SampleRate::Hz8000),
            peak: 2_f32.sqrt() * amplitude(words) / Dbm0(0.0).peak(),
            noise: Entropy::from_seed([1, 2, 3, 4]),
            background: 3_f32.sqrt() * amplitude(background),
            tick: 0,
        }
    }

    fn background(&mut self) -> [i16; 160] {
        let mut white = || f32::from(i16::try_from(self.noise.below(65_535)).unwrap_or(0)) / 32_768.0;
        let mut white = || if self.background > 0.0 { 2.0 * white() - 1.0 } else { 0.0 };
        let mut frame = [0_i16; 160];
        for sample in &mut frame {
            *sample = crate::tone::to_sample(self.background * white());
        }
        frame
    }

    fn talk(&mut self) -> [i16; 160] {
        let mut frame = self.background();
        let mut word = [0; 160];
        self.tone.fill(&mut word);
        if self.tick % 25 < 15 {
            for (sample, word) in frame.iter_mut().zip(word) {
                *sample = sample.saturating_add(crate::tone::to_sample(self.peak * f32::from(word)));
            }
        }
        self.tick += 1;
        frame
    }
}

fn passes(leveler: &mut Leveler, frames: impl IntoIterator<Item = [i16; 160]>) -> usize {
    frames.into_iter().filter(|frame| leveler.pass(&mut frame.clone()) == Passed::Something).count()
}

#[test]
fn meet_7_talkers_are_brought_near_one_level_within_12_db() {
    for (words, expected) in [(-10.0, -20.0), (-16.0, -20.0), (-20.0, -20.0), (-30.0, -20.0), (-40.0, -28.0)]
    {
        let (mut leveler, mut talker) = (Leveler::default(), Talker::new(words, -65.0));
        let mut heard = Vec::new();
        for tick in 0..30 * SECOND {
            let mut frame = talker.talk();
            leveler.pass(&mut frame);
            if tick % 25 < 15 {
                heard.push(dbov(&frame).0);
            }
        }
        let last = heard[heard.len() - 100..].iter().sum::<f32>() / 100.0;
        assert!((last - expected).abs() < 2.0, "{words} dBov: {last}");
        // Slowly: no tick is louder or quieter than the one before by more than half a decibel.
        let steps = heard[30..].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steps < 0.7, "{words} dBov: {steps} dB");
    }
}

#[test]
fn meet_7_background_is_left_out_and_the_gain_does_not_follow_it() {
    for background in [-65.0, -55.0, -47.0] {
        let (mut leveler, mut talker) = (Leveler::default(), Talker::new(-30.0, background));
        passes(&mut leveler, (0..20 * SECOND).map(|_| talker.talk()));
        let gain = leveler.gain;
        passes(&mut leveler, (0..10 * SECOND).map(|_| talker.background()));
        let passed = passes(&mut leveler, (0..60 * SECOND).map(|_| talker.background()));
        assert_eq!((passed, leveler.gain), (0, gain), "{background} dBov");
    }
    let (mut leveler, mut line) = (Leveler::default(), Talker::new(-30.0, -50.0));
    assert!(passes(&mut leveler, (0..2 * SECOND).map(|_| line.background())) < SECOND, "from the beginning");
    assert_eq!(passes(&mut leveler, (0..SECOND).map(|_| [0; 160])), 0, "nothing at all is nothing");
}

#[test]
fn meet_7_no_beginning_of_a_word_is_cut_and_no_pause_between_words() {
    for onset in (0..160).step_by(8) {
        let (mut leveler, mut talker) = (Leveler::default(), Talker::new(-30.0, -60.0));
        passes(&mut leveler, (0..10 * SECOND).map(|_| talker.background()));
        let mut word = [0; 320];
        Generator::new(200, Dbm0(-24.0), SampleRate::Hz8000).fill(&mut word[onset..]);
        let heard: Vec<i16> = word
            .chunks_exact(160)
            .flat_map(|frame| {
                let mut frame: [i16; 160] = frame.try_into().expect("a tick");
                if leveler.pass(&mut frame) == Passed::Nothing {
                    frame.fill(0);
                }
                frame
            })
            .collect();
        // At most 5 ms of it fade in: 2.5 ms that are too little to be seen, and 2.5 ms of attack.
        let is_whole = |at: usize| heard[at].abs_diff(word[at]) <= 2 + word[at].unsigned_abs() / 50;
        assert!((onset + 40..320).all(is_whole), "from {onset} on");
        let pauses = passes(&mut leveler, (0..29).map(|_| talker.background()));
        assert_eq!(pauses, 29, "it stays open");
    }
}

#[test]
fn meet_7_a_shout_after_whispers_is_never_clipped() {
    let (mut leveler, mut whispers) = (Leveler::default(), Talker::new(-40.0, -70.0));
    passes(&mut leveler, (0..30 * SECOND).map(|_| whispers.talk()));
    assert!(leveler.gain > 3.9);
    let mut shouts = Talker::new(-4.0, -70.0);
    for tick in 0..5 * SECOND {
        let mut frame = shouts.talk();
        leveler.pass(&mut frame);
        let peak = frame.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(peak < Some(29_300), "{tick}: {peak:?}");
    }
    assert!(leveler.gain < 0.3, "{}", leveler.gain);
}

#[test]
fn frames_of_any_length_are_taken() {
    for length in [0, 1, 3, 80, 160, 320, 960] {
        assert_eq!(Leveler::default().pass(&mut vec![9_000; length]) == Passed::Something, length > 0);
    }
}
