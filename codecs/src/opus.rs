//! Opus (RFC 6716) by libopus, in mono: what is stereo is mixed down as it is decoded.

use core::fmt;

use ::opus::{Application, Bandwidth, Bitrate, Channels};
use terms::media::{InBandFec, OpusWish, SampleRate};

/// What 5 costs more than 0 is heard; what 10 costs more than 5 is hardly, and is as much again.
const COMPLEXITY: i32 = 5;
/// RFC 7587 §3.1.1: 16 to 20 kbit/s for a wide-band voice, 8 to 12 for a narrow one, and what in-band FEC takes.
const BITRATE: u32 = 24_000;
const NARROW_BITRATE: u32 = 16_000;
/// RFC 7587 §6.1: the least that a peer may ask for.
const LEAST_BITRATE: u32 = 6_000;
/// libopus protects the more the more it is told is lost; without a loss it does not protect.
const EXPECTED_LOSS_PERCENT: i32 = 5;

/// The most samples of a packet: 120 ms (RFC 6716 §3.2.5 R5).
pub const fn longest_packet(rate: SampleRate) -> usize {
    6 * rate.tick_samples()
}

/// Sound on its way to packets. It is large, and allocates it as it is made.
pub struct Encoder(opus::Encoder);

impl Encoder {
    /// An encoder at the start of its stream, as `wish` would have it; none without memory.
    pub fn new(rate: SampleRate, wish: &OpusWish) -> Option<Self> {
        let mut encoder = Self(opus::Encoder::new(rate.hz(), Channels::Mono, Application::Voip).ok()?);
        encoder.follow(rate, wish).ok()?;
        Some(encoder)
    }

    fn follow(&mut self, rate: SampleRate, wish: &OpusWish) -> opus::Result<()> {
        let Self(encoder) = self;
        let usual = if rate == SampleRate::Hz8000 { NARROW_BITRATE } else { BITRATE };
        let bitrate = wish.max_bitrate.map_or(usual, |most| most.clamp(LEAST_BITRATE, usual));
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_bitrate(Bitrate::Bits(i32::try_from(bitrate).unwrap_or(i32::MAX)))?;
        encoder.set_max_bandwidth(bandwidth(wish.max_playback_hz))?;
        if wish.fec == InBandFec::Used {
            encoder.set_inband_fec(true)?;
            encoder.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
        }
        Ok(())
    }

    /// Forgets what was encoded.
    pub fn reset(&mut self) {
        // Nothing that it could fail by: the encoder was made.
        self.0.reset_state().unwrap_or(());
    }

    /// Encodes 10, 20, 40 or 60 ms; returns how many octets it wrote, 0 if it could not.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        self.0.encode(samples, payload).unwrap_or(0)
    }
}

/// Packets on their way to sound.
pub struct Decoder {
    decoder: opus::Decoder,
    rate: SampleRate,
}

impl Decoder {
    /// A decoder at the start of its stream; none without memory.
    pub fn new(rate: SampleRate) -> Option<Self> {
        Some(Self { decoder: opus::Decoder::new(rate.hz(), Channels::Mono).ok()?, rate })
    }

    /// How many samples a packet holds; none if it is none (RFC 6716 §3.4).
    pub fn length_of(&self, payload: &[u8]) -> usize {
        opus::packet::get_nb_samples(payload, self.rate.hz()).unwrap_or(0)
    }

    /// Decodes a packet; returns how many samples it wrote.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        if payload.is_empty() {
            return 0;
        }
        self.decoder.decode(payload, samples, false).unwrap_or(0)
    }

    /// Makes up what was lost, by what `next` repeats of it where there is a next packet. Returns how many samples
    /// it wrote: whole steps of 2.5 ms.
    pub fn conceal(&mut self, next: Option<&[u8]>, samples: &mut [i16]) -> usize {
        let step = self.rate.tick_samples() / 8;
        let whole = samples.len().min(longest_packet(self.rate)) / step * step;
        if whole == 0 {
            return 0;
        }
        let (payload, fec) =
            next.filter(|next| !next.is_empty()).map_or((&[][..], false), |next| (next, true));
        self.decoder.decode(payload, &mut samples[..whole], fec).unwrap_or(0)
    }
}

/// RFC 7587 §6.1: the band that a rate of playback holds.
const fn bandwidth(playback_hz: Option<u32>) -> Bandwidth {
    match playback_hz {
        Some(..=8_000) => Bandwidth::Narrowband,
        Some(..=12_000) => Bandwidth::Mediumband,
        Some(..=16_000) => Bandwidth::Wideband,
        Some(..=24_000) => Bandwidth::Superwideband,
        Some(_) | None => Bandwidth::Fullband,
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Encoder")
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Decoder")
    }
}

#[cfg(test)]
mod tests;
