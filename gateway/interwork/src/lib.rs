//! Between the protocols and the call.
//!
//! ```text
//!  sip::Endpoint ── Event ──▶ ┌─────────┐ ── LegEvent ──▶ call::Switch
//!                ◀─ Command ─ │ SipLegs │ ◀─ LegCommand ─
//!                             └─────────┘
//! ```
//!
//! [`SipLegs`] turns what a SIP dialog says into what a leg says, and back: it reads and writes the
//! session descriptions, finds the trunk by the source address, and maps causes. The call learns
//! nothing of SIP, and the endpoint nothing of calls. Beyond the limits of a [`Gate`], a trunk or a
//! listener, a call is refused here and the call plane only told of it. [`Registrations`] does the same between REGISTER and
//! the accounts of the core.
#![warn(missing_docs)]

pub mod arrival;
mod body;
pub mod causes;
pub mod dtmf;
pub mod gates;
mod ice;
mod key_source;
mod legs;
mod outgoing;
pub mod peers;
pub mod profiles;
pub mod registrations;
pub mod sip_leg;

pub use gates::{Gate, GateLimit, GateLimits, GateView, Rate};
pub use key_source::KeySource;
pub use peers::{CalledNumber, EarlyMedia, Keying, Listener, Peers, Policy, Signaling, Trunk, WayOut};
pub use registrations::{Member, RegistrarSettings, Registrations};
pub use sip_leg::{Input, Output, SipLegSnapshot, SipLegs, SipSettings};
