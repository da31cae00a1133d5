//! One decoder and one encoder a stream, whatever the codec.

use terms::media::Codec;

use crate::g711::{self, Law};

/// Turns payloads into samples.
#[derive(Debug, Clone)]
pub enum Decoder {
    /// ITU-T G.711, which keeps no state.
    G711(Law),
}

impl Decoder {
    /// A decoder at the start of its stream.
    pub const fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Self::G711(Law::Mu),
            Codec::Pcma => Self::G711(Law::A),
        }
    }

    /// The most samples that a payload decodes to.
    pub const fn length_of(&self, payload: &[u8]) -> usize {
        match self {
            Self::G711(_) => payload.len(),
        }
    }

    /// Decodes one payload; returns how many samples it wrote.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        match self {
            Self::G711(law) => g711::decode(*law, payload, samples),
        }
    }
}

/// Turns samples into payloads.
#[derive(Debug, Clone)]
pub enum Encoder {
    /// ITU-T G.711, which keeps no state.
    G711(Law),
}

impl Encoder {
    /// An encoder at the start of its stream.
    pub const fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Self::G711(Law::Mu),
            Codec::Pcma => Self::G711(Law::A),
        }
    }

    /// Encodes one frame; returns how many octets it wrote.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        match self {
            Self::G711(law) => g711::encode(*law, samples, payload),
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
}
