//! RTP and RTCP as values: what came, what was lost, what to play, what to tell.
//!
//! ```text
//!  datagram ─▶ demux ─┬─ Rtp ──▶ Packet ─▶ Reception (statistics) ─┬─▶ telephone_event::Receiver ─▶ Digit
//!                     │                                            └─▶ jitter::Buffer ─▶ payloads
//!                     ├─ Stun ─▶ stun::Request ─▶ Verdict ─▶ answer
//!                     └─ Rtcp ─▶ rtcp::parse ─▶ Item               write_header, PacketMut ─▶ datagram
//!                                                      Loss, delay ─▶ e_model::Rating ─▶ MOS
//! ```
//!
//! Nothing here reads a clock, a socket or a random source: arrival times, wall-clock stamps and
//! random values come in with the call. No call on the packet path allocates.
//!
//! ```
//! use rtp::{Header, Packet, SequenceNumber, Timestamp, jitter, write_header};
//! use terms::{Instant, media::{PayloadType, Ssrc}};
//!
//! let header = Header {
//!     payload_type: PayloadType(8), marker: true, sequence: SequenceNumber(7),
//!     timestamp: Timestamp(160), ssrc: Ssrc(0xfeed),
//! };
//! let mut datagram = [0xd5; 12 + 160];
//! assert_eq!(write_header(&mut datagram, &header), 12);
//!
//! let packet = Packet::parse(&datagram)?;
//! let settings = jitter::Settings::default();
//! let mut buffer = jitter::Buffer::new(&settings);
//! buffer.insert(Instant::ZERO, &packet);
//! let mut payload = [0; 480];
//! let pulled = buffer.pull(Instant::ZERO + settings.first_depth, &mut payload);
//! assert!(matches!(pulled, jitter::Pulled::Frame { len: 160, .. }));
//! # Ok::<(), rtp::PacketError>(())
//! ```
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod demux;
pub mod e_model;
pub mod jitter;
pub mod loss;
mod packet;
pub mod rtcp;
pub mod srtp;
mod statistics;
pub mod stun;
pub mod telephone_event;

pub use demux::{Datagram, classify};
pub use packet::{
    HEADER_LEN, Header, Packet, PacketError, PacketMut, SequenceNumber, Timestamp, write_header,
};
pub use statistics::{Received, Reception};
