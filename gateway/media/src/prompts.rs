//! The recordings, at every rate that a port may play them at.

use std::{collections::BTreeMap, sync::Arc};

use codecs::{Resampler, fade};
use terms::{Language, PromptName, media::SampleRate};

/// 5 ms at 16 kHz.
const FADED: usize = 80;
/// 2 ms at 16 kHz: what the resampler holds back at the end is silence.
const SILENT: usize = 32;

/// All recordings of all languages. Shared by the workers, never changed after the start.
#[derive(Debug, Default)]
pub struct Prompts {
    recordings: BTreeMap<(PromptName, Language), Recording>,
    /// Those without words.
    music: BTreeMap<PromptName, Recording>,
}

#[derive(Debug)]
struct Recording {
    narrow: Arc<[i16]>,
    wide: Arc<[i16]>,
}

impl Prompts {
    /// Takes in a recording of 16 kHz. One that was cut in mid-sound is faded in and out.
    pub fn insert(&mut self, name: PromptName, language: Language, mut wide: Vec<i16>) {
        soften(&mut wide);
        self.recordings.insert((name, language), Recording::of(wide));
    }

    /// Takes in a recording of 16 kHz without words.
    pub fn insert_music(&mut self, name: PromptName, wide: Vec<i16>) {
        self.music.insert(name, Recording::of(wide));
    }

    /// Whether there is such a recording.
    pub fn has(&self, name: &PromptName, language: &Language) -> bool {
        self.recordings.contains_key(&(name.clone(), language.clone()))
    }

    /// A recording at `rate`. No codec of ours runs at 48 kHz as yet.
    pub(crate) fn get(&self, name: &PromptName, language: &Language, rate: SampleRate) -> Option<Arc<[i16]>> {
        self.recordings.get(&(name.clone(), language.clone()))?.at(rate)
    }

    /// A recording without words at `rate`.
    pub(crate) fn music(&self, name: &PromptName, rate: SampleRate) -> Option<Arc<[i16]>> {
        self.music.get(name)?.at(rate)
    }
}

impl Recording {
    fn of(wide: Vec<i16>) -> Self {
        Self { narrow: to_narrow(&wide).into(), wide: wide.into() }
    }

    fn at(&self, rate: SampleRate) -> Option<Arc<[i16]>> {
        match rate {
            SampleRate::Hz8000 => Some(Arc::clone(&self.narrow)),
            SampleRate::Hz16000 => Some(Arc::clone(&self.wide)),
            SampleRate::Hz48000 => None,
        }
    }
}

/// MEDIA-5: begins and ends in silence, without a click.
fn soften(wide: &mut [i16]) {
    let end = wide.len().saturating_sub(SILENT);
    let (sound, silence) = wide.split_at_mut(end);
    silence.fill(0);
    let faded = FADED.min(sound.len());
    let begin = sound.len() - faded;
    fade(&mut sound[begin..], 1.0, 0.0);
    fade(&mut sound[..faded], 0.0, 1.0);
}

fn to_narrow(wide: &[i16]) -> Vec<i16> {
    let (from, to) = (SampleRate::Hz16000, SampleRate::Hz8000);
    let mut resampler = Resampler::new(from, to);
    let mut frame = vec![0; from.tick_samples()];
    let mut out = vec![0; to.tick_samples()];
    let mut narrow = Vec::with_capacity(wide.len() / 2 + out.len());
    for chunk in wide.chunks(frame.len()) {
        frame.fill(0);
        frame[..chunk.len()].copy_from_slice(chunk);
        let length = resampler.resample(&frame, &mut out);
        narrow.extend_from_slice(&out[..length]);
    }
    narrow
}
