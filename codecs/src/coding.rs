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
