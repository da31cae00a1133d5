//! The detector of keys by itself, as fast as it can: for hours of speech, and for other ears and mouths to compare with.
//!
//! usage: `dtmf_ear hear RATE` < samples: a line a key, when it was sure (in seconds) and which, then how long the sound was
//!        `dtmf_ear say RATE KEYS` > samples: each key for 100 ms, each of its tones at -10 dBm0, and a pause as long
//!
//! Samples are 16 bits, little endian, one channel.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use codecs::{Dbm0, Dtmf, DtmfDetector};
use terms::{Digit, media::SampleRate};

const LEVEL: Dbm0 = Dbm0(-10.0);
/// Of a key and of the pause behind it.
const TICKS: usize = 5;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["hear", rate] => parse_rate(rate).map(hear),
        ["say", rate, keys] => parse_rate(rate).zip(parse_keys(keys)).map(|(rate, keys)| say(rate, &keys)),
        _ => None,
    };
    match done {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("dtmf_ear: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("usage: dtmf_ear hear RATE < SAMPLES | dtmf_ear say RATE KEYS > SAMPLES");
            ExitCode::from(2)
        }
    }
}

fn parse_rate(text: &str) -> Option<SampleRate> {
    let hz = text.parse().ok()?;
    SampleRate::ALL.into_iter().find(|rate| rate.hz() == hz)
}

fn parse_keys(text: &str) -> Option<Vec<Digit>> {
    text.chars().map(|key| Digit::try_from(key).ok()).collect()
}

fn hear(rate: SampleRate) -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut detector = DtmfDetector::new(rate);
    let mut bytes = vec![0; 2 * rate.tick_samples()];
    let mut ticks = 0_u32;
    while fill(&mut input, &mut bytes)? {
        let tick: Vec<i16> =
            bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        ticks += 1;
        if let Some(key) = detector.listen(&tick) {
            writeln!(output, "{:.2} {}", f64::from(ticks) / 50.0, key.as_char())?;
        }
    }
    writeln!(output, "end {:.2}", f64::from(ticks) / 50.0)
}

/// Whether there was a whole tick; the rest of one at the end is left out.
fn fill(input: &mut impl io::Read, bytes: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn say(rate: SampleRate, keys: &[Digit]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let mut sound = vec![0; rate.tick_samples() * TICKS];
    for key in keys {
        Dtmf::new(*key, LEVEL, rate).fill(&mut sound);
        let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        output.write_all(&bytes)?;
        output.write_all(&vec![0; bytes.len()])?;
    }
    output.flush()
}
