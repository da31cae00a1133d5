//! What a listener would say of a stream, by the E-model of ITU-T G.107 (MEDIA-7).
//!
//! Of its twenty parameters a gateway can measure two: the delay and the loss. The others have their
//! default values, with which the best rating is that of the scale; echo is not heard here, and an
//! endpoint is taken to cancel its own.

use core::time::Duration;

use terms::media::{Codec, Mos, MosScale};

use crate::loss::Loss;

/// How a codec sounds, and how it takes losses (ITU-T G.113 appendix I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// Ie: what it takes from the rating by itself.
    pub equipment: f32,
    /// Bpl: the higher, the better it conceals losses.
    pub robustness: f32,
    /// The scale that its sound is rated on.
    pub scale: MosScale,
}

impl Impairment {
    /// That of a codec with concealment.
    pub const fn of(codec: Codec) -> Self {
        match codec {
            // G.113 table I.2: G.711 with packet loss concealment.
            Codec::Pcmu | Codec::Pcma => {
                Self { equipment: 0.0, robustness: 25.1, scale: MosScale::NarrowBand }
            }
            // The same sound without the quantization of G.711, concealed alike.
            Codec::L16Narrow => Self { equipment: 0.0, robustness: 25.1, scale: MosScale::NarrowBand },
            // G.113 table IV.1: G.722 at 64 kbit/s; of its robustness, with our concealment, that of G.711 is taken.
            Codec::G722 => Self { equipment: 13.0, robustness: 25.1, scale: MosScale::WideBand },
            // Not in G.113 yet: as L16 but for some coding noise, and it mends losses by itself.
            Codec::Opus | Codec::OpusNarrow => {
                Self { equipment: 8.0, robustness: 30.0, scale: MosScale::WideBand }
            }
            // G.107.1: the reference, a wide band without coding.
            Codec::L16 => Self { equipment: 0.0, robustness: 25.1, scale: MosScale::WideBand },
        }
    }
}

/// R, the transmission rating, on the scale of its codec.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    r: f32,
    scale: MosScale,
}

impl Rating {
    /// G.107 §7.1: R = R0 - Id - Ie,eff. A delay that is not known takes nothing from it, so that it
    /// is the rating of who only listens.
    pub fn new(impairment: Impairment, delay: Option<Duration>, loss: Loss) -> Self {
        let Impairment { scale, .. } = impairment;
        let delayed = delay.map_or(0.0, delay_impairment);
        Self { r: best(scale) - delayed - equipment_impairment(impairment, loss), scale }
    }

    /// 0 to the best of the scale; below 0 it says no more.
    pub const fn value(self) -> f32 {
        self.r
    }

    /// G.107 annex B; G.107.1 annex A for a wide band.
    pub fn mos(self) -> Mos {
        let r = match self.scale {
            MosScale::NarrowBand => self.r,
            MosScale::WideBand => self.r / 1.29,
        };
        let score = match r {
            r if r <= 0.0 => 1.0,
            r if r >= 100.0 => 4.5,
            // Between 0 and 6.5 the polynomial goes below 1.
            r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
        };
        Mos { score, scale: self.scale }
    }
}

/// R of a good connection: G.107 §7.7, G.107.1 §7.1.
const fn best(scale: MosScale) -> f32 {
    match scale {
        MosScale::NarrowBand => 93.2,
        MosScale::WideBand => 129.0,
    }
}

/// G.107 §7.4, Idd: what an absolute delay of more than 100 ms takes, on either scale.
fn delay_impairment(delay: Duration) -> f32 {
    let x = (delay.as_secs_f32() * 10.0).log2();
    if x <= 0.0 {
        return 0.0;
    }
    let sixth = |x: f32| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (sixth(x) - 3.0 * sixth(x / 3.0) + 2.0)
}

/// G.107 §7.5, Ie,eff: what the codec takes, and the losses by it.
fn equipment_impairment(impairment: Impairment, loss: Loss) -> f32 {
    let Impairment { equipment, robustness, .. } = impairment;
    let percent = loss.percent();
    equipment + (95.0 - equipment) * percent / (percent / loss.burst_ratio() + robustness)
}

#[cfg(test)]
mod tests;
