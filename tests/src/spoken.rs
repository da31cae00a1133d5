//! Hearing: which recordings are in what a phone received.

use std::{ops::Range, path::Path};

use codecs::Resampler;
use terms::media::SampleRate;

/// So like a recording is itself through G.711; another is less.
const LEAST: f32 = 0.95;
/// Less than this, as the mean of its samples' squares, is silence.
const QUIET: f32 = 100.0;
/// A packet; a playing begins with one.
const FRAME: usize = 160;
/// What tells nearly always that it can't be: 30 ms behind the silence that each begins with.
const GLIMPSE: Range<usize> = 400..640;

/// The recordings that are shipped, by `LANGUAGE/NAME`, at 8 kHz.
pub struct Recordings(Vec<(String, Vec<f32>)>);

impl Recordings {
    /// Reads those of each language.
    pub fn shipped() -> Self {
        let mut recordings = Vec::new();
        for language in ["zh", "en"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/prompts").join(language);
            for entry in std::fs::read_dir(folder).expect("the shipped recordings") {
                let file = entry.expect("an entry").path();
                let name = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
                recordings.push((format!("{language}/{name}"), narrow(&file)));
            }
        }
        Self(recordings)
    }

    /// The names of those that are heard, in order; what is none of them is passed over.
    pub fn in_sound(&self, heard: &[i16]) -> Vec<&str> {
        let heard: Vec<f32> = heard.iter().map(|sample| f32::from(*sample)).collect();
        let (mut at, mut names) = (0, Vec::new());
        while at < heard.len() {
            let found = self.0.iter().filter(|(_, recording)| is_there(&heard[at..], recording));
            // One may begin as another does.
            match found.max_by_key(|(_, recording)| recording.len()) {
                Some((name, recording)) => {
                    names.push(name.as_str());
                    // What follows in the same playing follows at once.
                    at += recording.len();
                }
                None => at = (at / FRAME + 1) * FRAME,
            }
        }
        names
    }
}

fn is_there(heard: &[f32], recording: &[f32]) -> bool {
    let Some(heard) = heard.get(..recording.len()) else { return false };
    let glimpse = heard.get(GLIMPSE).zip(recording.get(GLIMPSE));
    glimpse.is_some_and(|(heard, recording)| likeness(heard, recording) > LEAST - 0.1)
        && likeness(heard, recording) > LEAST
}

fn likeness(one: &[f32], other: &[f32]) -> f32 {
    let power = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
    let (one_power, other_power) = (power(one), power(other));
    #[expect(clippy::cast_precision_loss, reason = "a few seconds of samples")]
    let quiet = QUIET * one.len() as f32;
    if one_power < quiet || other_power < quiet {
        return 0.0;
    }
    let product: f32 = one.iter().zip(other).map(|(one, other)| one * other).sum();
    product / (one_power * other_power).sqrt()
}

/// As the gateway plays it to a telephone.
fn narrow(file: &Path) -> Vec<f32> {
    let reader = hound::WavReader::open(file).expect("a recording");
    let wide: Vec<i16> = reader.into_samples().collect::<Result<_, _>>().expect("16 bits");
    let (from, to) = (SampleRate::Hz16000, SampleRate::Hz8000);
    let mut resampler = Resampler::new(from, to);
    let (mut frame, mut out) = (vec![0; from.tick_samples()], vec![0; to.tick_samples()]);
    let mut narrow = Vec::new();
    for chunk in wide.chunks(frame.len()) {
        frame.fill(0);
        frame[..chunk.len()].copy_from_slice(chunk);
        let length = resampler.resample(&frame, &mut out);
        narrow.extend(out[..length].iter().map(|sample| f32::from(*sample)));
    }
    narrow
}
