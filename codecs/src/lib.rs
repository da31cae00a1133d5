//! Sound in numbers: codecs, tones, rates, concealment, noise, levels.
//!
//! ```text
//!  payload ─▶ Decoder ─▶ Concealment ─▶ stretch ─▶ Resampler ─▶ mix ─▶ Resampler ─▶ Encoder ─▶ payload
//!                                                     │
//!                                                     ├─▶ DtmfDetector, Goertzel (tones)   dbov (level)
//!              Generator, Dtmf (tones), ComfortNoise ─┘
//! ```
//!
//! Everything works on slices of 16-bit samples that the caller owns. Whatever needs memory takes
//! it when it is made; no call allocates, locks or asks the time. A short output slice is filled
//! and the rest is left out: the count returned says how much was written.
//!
//! `std` is used for the functions of `f32` alone.
//!
//! ```
//! use codecs::{Dbm0, Decoder, Encoder, Generator, Goertzel};
//! use terms::media::{Codec, SampleRate};
//!
//! let mut tone = [0; 160];
//! Generator::new(1_000, Dbm0(-10.0), SampleRate::Hz8000).fill(&mut tone);
//!
//! let mut payload = [0; 160];
//! assert_eq!(Encoder::new(Codec::Pcma).encode(&tone, &mut payload), 160);
//! let mut heard = [0; 160];
//! assert_eq!(Decoder::new(Codec::Pcma).decode(&payload, &mut heard), 160);
//!
//! let mut meter = Goertzel::new(1_000.0, SampleRate::Hz8000);
//! meter.add(&heard);
//! assert!((meter.take().0 - -10.0).abs() < 0.2);
//! ```
#![warn(missing_docs)]

mod coding;
mod comfort_noise;
mod dtmf;
mod fax;
pub mod g711;
pub mod g722;
mod gain;
pub mod l16;
mod level;
mod leveler;
pub mod opus;
mod pitch;
mod plc;
mod resample;
mod spectrum;
pub mod stretch;
mod tone;

pub use coding::{Decoder, Encoder};
pub use comfort_noise::{ComfortNoise, describe_noise};
pub use dtmf::DtmfDetector;
pub use fax::FaxDetector;
pub use gain::{Fader, Passed, fade};
pub use level::{Dbm0, Dbov, dbov, energy};
pub use leveler::Leveler;
pub use plc::{Concealment, ring_out};
pub use resample::Resampler;
pub use tone::{Dtmf, Generator, Goertzel};
