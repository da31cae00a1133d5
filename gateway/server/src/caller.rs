//! A telephone that calls the gateway, works its IVR, talks, and measures what it hears.
//!
//! ```text
//!  Plan ─▶ call ─┬─ sip::Endpoint ⇄ SIP socket
//!                ├─ Script ──▶ Mouth ──▶ RTP socket ──▶ Arrivals, Ear ──▶ Heard
//!                └────▲──────────────────────────────────────┘
//! ```
//!
//! It stands outside: nothing that it tells comes from the gateway's own inside. [`Script`] and
//! [`Ear`] are values that touch no socket and no clock; [`call`] is the one task of a call.

mod arrivals;
mod demo;
mod dial;
mod ear;
mod error;
mod heard;
mod mouth;
mod plan;
mod script;
mod sip_side;
mod sockets;

pub use arrivals::Arrivals;
pub use demo::{Demo, DemoError, demo};
pub use dial::{call, call_until};
pub use ear::{AUDIBLE, Ear, Since};
pub use error::{CallError, During};
pub use heard::{Heard, Join, Packets, Tone};
pub use mouth::Mouth;
pub use plan::{Pair, Plan, Step};
pub use script::{Milestones, Progress, Say, Script};
pub use sip_side::{LISTENER, endpoint_config, invitation};
pub use sockets::route_to;
