//! Speech is no key (DIAL-7): all that the prompts say, in both languages, through the detector.

use std::{fs, path::Path};

use codecs::DtmfDetector;
use terms::media::SampleRate;

/// What comes before the samples in a wav file of the prompts' form.
const WAV_HEADER: usize = 44;

#[test]
fn dial_7_no_word_of_any_prompt_is_heard_as_a_key() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/prompts");
    let mut seconds = 0;
    for language in ["zh", "en"] {
        for entry in fs::read_dir(folder.join(language)).expect("the shipped prompts") {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("a recording");
            let samples: Vec<i16> = bytes[WAV_HEADER..]
                .chunks_exact(2)
                .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            let mut detector = DtmfDetector::new(SampleRate::Hz16000);
            let keys = samples.chunks(320).filter(|frame| detector.listen(frame).is_some()).count();
            assert_eq!(keys, 0, "{}", path.display());
            seconds += samples.len() / 16_000;
        }
    }
    assert!(seconds > 100, "{seconds} s of speech");
}
