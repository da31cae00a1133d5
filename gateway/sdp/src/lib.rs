//! SDP (RFC 8866) as a value, and offer/answer (RFC 3264) as functions from value to value.
//!
//! ```text
//!  body ─▶ SessionDescription::parse ─▶ answer(offer, ours, local) ─▶ Answered { description ─▶ print ─▶ body
//!                                                                                stream ─▶ media plane }
//!  offer(ours, local) ─▶ body … body ─▶ accept(answer, our offer) ─▶ stream
//! ```
//!
//! A [`SessionDescription`] keeps every line of what was parsed, in order; [`MediaDescription`] is
//! a typed view of one media line. An answer has as many lines as its offer, in the same order;
//! what we don't take stands there with port 0, its protocol and formats as they were.
//!
//! ```
//! use sdp::{Capabilities, LocalDescription, SessionDescription, answer};
//!
//! let offer = SessionDescription::parse(
//!     b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
//!       m=audio 4000 RTP/AVP 18 8 101\r\na=rtpmap:101 telephone-event/8000\r\n\
//!       m=image 4002 udptl t38\r\n",
//! )?;
//! let local = LocalDescription::new("198.51.100.7:20000".parse()?);
//! let answered = answer(&offer, &Capabilities::default(), &local)?;
//! let body = answered.description.print();
//! assert!(body.contains("m=audio 20000 RTP/AVP 8 101\r\n"));
//! assert!(body.ends_with("m=image 0 udptl t38\r\n"));
//! assert_eq!(answered.stream.remote, "192.0.2.1:4000".parse()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod description;
mod dtls;
mod ice;
mod offer_answer;
mod sdes;

pub use description::{
    Crypto, Feedback, FeedbackKind, Floor, KeyExchange, MediaDescription, ParseError, Profile, Protection,
    SessionDescription,
};
pub use dtls::{LocalDtls, Setup};
pub use ice::Candidate;
pub use offer_answer::{
    AnswerError, Answered, Capabilities, ComfortNoise, LocalDescription, OfferError, accept, answer, offer,
    reoffer,
};
pub use sdes::CryptoError;
