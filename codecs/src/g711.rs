//! ITU-T G.711: one octet a sample, in two laws.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// Which of the two companding laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// G.711 table 2: µ-law (PCMU).
    Mu,
    /// G.711 table 1: A-law (PCMA).
    A,
}

impl Law {
    /// The octet that decodes to the sample nearest zero.
    pub const fn silence(self) -> u8 {
        match self {
            Self::Mu => 0xff,
            Self::A => 0xd5,
        }
    }
}

/// Decodes as many octets as both slices hold; returns how many.
pub fn decode(law: Law, payload: &[u8], samples: &mut [i16]) -> usize {
    match law {
        Law::Mu => map(payload, samples, decode_ulaw),
        Law::A => map(payload, samples, decode_alaw),
    }
}

/// Encodes as many samples as both slices hold; returns how many.
pub fn encode(law: Law, samples: &[i16], payload: &mut [u8]) -> usize {
    match law {
        Law::Mu => map(samples, payload, encode_ulaw),
        Law::A => map(samples, payload, encode_alaw),
    }
}

fn map<From: Copy, To>(from: &[From], to: &mut [To], convert: impl Fn(From) -> To) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = convert(*from);
    }
    from.len().min(to.len())
}
