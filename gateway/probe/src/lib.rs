//! The reachability probe (MEDIA-8): whether packets come through to the ports that signalling and media use, and how.
//!
//! ```text
//!  who probes                                the gateway
//!      │ Ask, padded ───────────────────────────▶ │
//!      │ ◀─────────── Cookie, media addresses     │   keyed hash of source and time; nothing is kept
//!      │ Echo, cookie, sequence, time ──────────▶ │
//!      │ ◀─────────── Echoed, how many came       │   of the same length, always
//!      │ Count, cookie ─────────────────────────▶ │
//!      │ ◀─────────── Counted                     │   so that loss is told by direction
//! ```
//!
//! An answer is written over its question, so that it can't be longer. Who has no cookie gets one and nothing else: a forged
//! source is told a cookie, at no gain, and no more often than [`Settings::per_second`] allows.
//!
//! ```
//! use probe::{Kind, MIN, Packet, Responder, Settings};
//! use terms::Instant;
//!
//! let mut responder = Responder::new(Settings::default(), [7; 32]);
//! let source = "192.0.2.1:4000".parse().expect("an address");
//! let mut bytes = [0; MIN];
//! Packet::ask(1).write(&mut bytes);
//! responder.answer(Instant::ZERO, source, &[], &mut bytes).expect("a question");
//! let cookie = Packet::read(&bytes).expect("an answer").cookie;
//! Packet { kind: Kind::Echo, cookie, ..Packet::ask(2) }.write(&mut bytes);
//! responder.answer(Instant::ZERO, source, &[], &mut bytes).expect("a question");
//! assert_eq!(Packet::read(&bytes).expect("an answer").kind, Kind::Echoed);
//! ```

mod course;
mod meter;
mod responder;
mod verdict;
mod wire;

pub use course::{Course, Figures, RoundTrip};
pub use responder::{Answered, Counted, Ignored, Responder, Settings};
pub use verdict::{Fault, Limits, VIDEO_BITS_PER_SECOND, faults, video_fault};
pub use wire::{Cookie, Frame, Kind, MAX, MIN, Malformed, Packet, frame, is_probe, media, write_media};
