//! One decoder and one encoder a stream, whatever the codec.

use terms::media::{Codec, OpusWish};

use crate::{
    g711::{self, Law},
    g722, l16, opus,
};

/// RFC 6716 §3.4 R2: the longest frame.
const LONGEST_OPUS: usize = 1_275;

/// Turns payloads into samples.
#[derive(Debug)]
pub enum Decoder {
    /// ITU-T G.711, which keeps no state.
    G711(Law),
    /// ITU-T G.722.
    G722(Box<g722::Decoder>),
    /// RFC 6716.
    Opus(Box<opus::Decoder>),
    /// RFC 3551 §4.5.11, which keeps no state.
    L16,
    /// libopus had no memory: all is lost.
    Deaf,
}

impl Decoder {
    /// A decoder at the start of its stream.
    pub fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Self::G711(Law::Mu),
            Codec::Pcma => Self::G711(Law::A),
            Codec::G722 => Self::G722(Box::default()),
            Codec::Opus | Codec::OpusNarrow => opus::Decoder::new(codec.sample_rate())
                .map_or(Self::Deaf, |decoder| Self::Opus(Box::new(decoder))),
            Codec::L16 | Codec::L16Narrow => Self::L16,
        }
    }

    /// The most samples that a payload decodes to.
    pub fn length_of(&self, payload: &[u8]) -> usize {
        match self {
            Self::G711(_) => payload.len(),
            Self::G722(_) => payload.len() * g722::SAMPLES_PER_OCTET,
            Self::Opus(decoder) => decoder.length_of(payload),
            Self::L16 => payload.len() / 2,
            Self::Deaf => 0,
        }
    }

    /// Decodes one payload; returns how many samples it wrote.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        match self {
            Self::G711(law) => g711::decode(*law, payload, samples),
            Self::G722(decoder) => decoder.decode(payload, samples),
            Self::Opus(decoder) => decoder.decode(payload, samples),
            Self::L16 => l16::decode(payload, samples),
            Self::Deaf => 0,
        }
    }

    /// Makes up a gap before `next`, as far as that is known, if the codec can by itself: else none, and the sound
    /// is to be continued without it. Returns how many samples it wrote.
    pub fn conceal(&mut self, next: Option<&[u8]>, gap: &mut [i16]) -> Option<usize> {
        match self {
            Self::Opus(decoder) => Some(decoder.conceal(next, gap)),
            Self::G711(_) | Self::G722(_) | Self::L16 | Self::Deaf => None,
        }
    }
}

/// Turns samples into payloads.
#[derive(Debug)]
pub enum Encoder {
    /// ITU-T G.711, which keeps no state.
    G711(Law),
    /// ITU-T G.722.
    G722(Box<g722::Encoder>),
    /// RFC 6716.
    Opus(Box<opus::Encoder>),
    /// RFC 3551 §4.5.11, which keeps no state.
    L16,
    /// libopus had no memory: nothing is sent.
    Mute,
}

impl Encoder {
    /// An encoder at the start of its stream.
    pub fn new(codec: Codec) -> Self {
        Self::for_peer(codec, &OpusWish::default())
    }

    /// An encoder at the start of its stream, for a peer that has wishes.
    pub fn for_peer(codec: Codec, wish: &OpusWish) -> Self {
        match codec {
            Codec::Pcmu => Self::G711(Law::Mu),
            Codec::Pcma => Self::G711(Law::A),
            Codec::G722 => Self::G722(Box::default()),
            Codec::Opus | Codec::OpusNarrow => opus::Encoder::new(codec.sample_rate(), wish)
                .map_or(Self::Mute, |encoder| Self::Opus(Box::new(encoder))),
            Codec::L16 | Codec::L16Narrow => Self::L16,
        }
    }

    /// Whether a frame's payload tells of those before it, so that a stream can't change encoders in mid-sound.
    pub const fn has_state(&self) -> bool {
        matches!(self, Self::G722(_) | Self::Opus(_))
    }

    /// Forgets what was encoded.
    pub fn reset(&mut self) {
        match self {
            Self::G722(encoder) => **encoder = g722::Encoder::new(),
            Self::Opus(encoder) => encoder.reset(),
            Self::G711(_) | Self::L16 | Self::Mute => {}
        }
    }

    /// Goes on where `other` is, which encoded `last`, so that the decoder at the other end hears no seam. libopus
    /// shows nobody its state: there the last frame, encoded once more, leads to one like it.
    pub fn take_over(&mut self, other: &Self, last: &[i16]) {
        match (self, other) {
            (Self::G722(encoder), Self::G722(other)) => encoder.clone_from(other),
            (Self::Opus(encoder), Self::Opus(_)) => {
                encoder.reset();
                encoder.encode(last, &mut [0; LONGEST_OPUS]);
            }
            _ => {}
        }
    }

    /// Encodes one frame; returns how many octets it wrote.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        match self {
            Self::G711(law) => g711::encode(*law, samples, payload),
            Self::G722(encoder) => encoder.encode(samples, payload),
            Self::Opus(encoder) => encoder.encode(samples, payload),
            Self::L16 => l16::encode(samples, payload),
            Self::Mute => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_encoder_writes_its_decoder_reads() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let sent: Vec<i16> = (-80..80).map(|step| step * 400).collect();
            let (mut payload, mut heard) = ([0; 160], [0; 160]);
            assert_eq!(Encoder::new(codec).encode(&sent, &mut payload), 160);
            assert_eq!(Decoder::new(codec).decode(&payload, &mut heard), 160);
            for (sent, heard) in sent.iter().zip(heard) {
                assert!((i32::from(*sent) - i32::from(heard)).abs() <= 512, "{codec:?}: {sent} {heard}");
            }
        }
    }

    #[test]
    fn media_1_a_tone_passes_every_codec_at_its_level() {
        use crate::{Dbm0, Generator, Goertzel};
        for codec in Codec::ALL {
            let rate = codec.sample_rate();
            let hz = rate.hz() * 5 / 16;
            let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
            let mut tone = Generator::new(hz, Dbm0(-12.0), rate);
            let mut meter = Goertzel::new(hz as f32, rate);
            for tick in 0..50 {
                let (mut sent, mut heard) = (vec![0; rate.tick_samples()], vec![0; rate.tick_samples()]);
                tone.fill(&mut sent);
                let mut payload = [0; 960];
                let length = encoder.encode(&sent, &mut payload);
                assert_eq!(decoder.length_of(&payload[..length]), rate.tick_samples(), "{codec:?}");
                assert_eq!(decoder.decode(&payload[..length], &mut heard), rate.tick_samples(), "{codec:?}");
                if tick >= 25 {
                    meter.add(&heard);
                }
            }
            let Dbm0(level) = meter.take();
            assert!((level + 12.0).abs() < 1.5, "{codec:?}: {hz} Hz at {level} dBm0");
        }
    }
}
