//! The embedded mixer: everybody hears the others and not themselves.
//!
//! ```text
//!   begin_tick ─▶ contribute (each talker) ─▶ merge (other workers' partials) ─▶ hear (each listener)
//!                      │                            ▲
//!                      └─────▶ partial ─────────────┘   to the workers that hold the rest of the meeting
//! ```
//!
//! A [`Mix`] belongs to one meeting for life. Nothing goes in or out of it but through a [`Seat`],
//! which only that mix gives out, which can't be copied, and which carries the meeting and the
//! lease epoch (ISO-2). There is one [bus](Mix::rates) per sample rate present: a meeting of G.711
//! callers never resamples. A sum is made once; a talker hears it less its own frame.
//!
//! ```
//! use meeting::{Heard, Mix};
//! use terms::{LeaseEpoch, MeetingTag, PortId, WorkerId, media::SampleRate};
//!
//! let meeting = "900100001".parse()?;
//! let mut mix = Mix::new(meeting);
//! let mut sit = |serial| {
//!     let port = PortId { worker: WorkerId(0), serial };
//!     mix.seat(MeetingTag { meeting, epoch: LeaseEpoch(serial) }, port, SampleRate::Hz8000)
//! };
//! let (ann, bob) = (sit(1).expect("her meeting"), sit(2).expect("his meeting"));
//! mix.begin_tick();
//! mix.contribute(&ann, &[1_000; 160]).expect("her seat");
//! let mut frame = [0; 160];
//! assert_eq!(mix.hear(&bob, &mut frame), Ok(Heard::Everyone));
//! assert_eq!(frame, [1_000; 160]);
//! assert_eq!(mix.hear(&ann, &mut frame), Ok(Heard::Nobody));
//! # Ok::<(), terms::id::NotAMeetingId>(())
//! ```
#![warn(missing_docs)]

mod mix;
mod partial;
mod seat;

pub use mix::{Heard, Leaving, Mix};
pub use partial::{Partial, Talker};
pub use seat::{Foreign, Seat};
