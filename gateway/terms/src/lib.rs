//! The words that every crate of the gateway shares.
//!
//! ```text
//!   call ── Command ──▶ media          (bounded queues between them:
//!   call ◀── Report ─── media           `call` and `media` never meet)
//! ```
//!
//! There is no logic here beyond what a word needs to be itself: an id prints and parses, an
//! [`Instant`] adds a `Duration`, [`Entropy`] yields the next number.
#![no_std]
#![warn(missing_docs)]

extern crate alloc;

pub mod cause;
pub mod digit;
pub mod dscp;
pub mod entropy;
pub mod hashed;
pub mod id;
pub mod media;
pub mod media_line;
pub mod name;
pub mod pii;
pub mod time;

pub use cause::Cause;
pub use digit::{Digit, Digits};
pub use dscp::Dscp;
pub use entropy::Entropy;
pub use hashed::HashedPassword;
pub use id::{
    BootEpoch, CallId, LeaseEpoch, LegId, MeetingId, MeetingTag, NodeId, Origin, PortId, ShardId, WorkerId,
};
pub use media_line::{Direction, LineState, MediaKind, MediaLine};
pub use name::{
    AccessNumber, AccountName, Language, ListenerName, PromptName, SerialNumber, TenantId, TrunkName,
    ZoneName,
};
pub use pii::{Pii, Secret};
pub use time::{Instant, Now, WallTime};
