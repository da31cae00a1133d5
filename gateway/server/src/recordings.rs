//! Loads the recordings that an operator drops into the prompts' folder (DIAL-9).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use media::Prompts;
use terms::{Language, PromptName};
use thiserror::Error;

/// Why a recording can't be used.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The folder can't be read.
    #[error("{folder}: {source}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file can't be read.
    #[error("{file}: {source}; record it as 16 kHz mono 16-bit PCM wav")]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: hound::Error,
    },
    /// The file is of another form.
    #[error("{file}: {rate} Hz, {channels} channels, {bits} bits; record it as 16 kHz mono 16-bit PCM wav")]
    Form {
        /// Which.
        file: PathBuf,
        /// Its sample rate.
        rate: u32,
        /// Its channels.
        channels: u16,
        /// Its sample size.
        bits: u16,
    },
}

/// Loads `FOLDER/LANGUAGE/NAME.wav`, and `FOLDER/NAME.wav` for those without words.
pub fn load(folder: &Path) -> Result<Prompts, RecordingError> {
    let mut prompts = Prompts::default();
    for file in entries(folder)?.into_iter().filter(|path| is_recording(path)) {
        if let Some(name) = stem(&file) {
            prompts.insert_music(PromptName::from(name), samples(&file)?);
        }
    }
    for language in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        for file in entries(&language)? {
            if is_recording(&file)
                && let (Some(name), Some(language)) = (stem(&file), stem(&language))
            {
                prompts.insert(PromptName::from(name), Language::from(language), samples(&file)?);
            }
        }
    }
    Ok(prompts)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let wrap = |source| RecordingError::Folder { folder: folder.to_owned(), source };
    fs::read_dir(folder).map_err(wrap)?.map(|entry| entry.map(|entry| entry.path()).map_err(wrap)).collect()
}

fn is_recording(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wav")
}

fn stem(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()
}

fn samples(file: &Path) -> Result<Vec<i16>, RecordingError> {
    let wrap = |source| RecordingError::File { file: file.to_owned(), source };
    let reader = hound::WavReader::open(file).map_err(wrap)?;
    let hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, .. } = reader.spec();
    if (rate, channels, bits) != (16_000, 1, 16) {
        return Err(RecordingError::Form { file: file.to_owned(), rate, channels, bits });
    }
    reader.into_samples().collect::<Result<_, _>>().map_err(wrap)
}
