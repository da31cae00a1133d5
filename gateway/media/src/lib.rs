//! The media plane: workers that share nothing.
//!
//! ```text
//!              Command (bounded queue)                        Report (bounded queue)
//!  control ───────────────────────────▶ ┌──────────────┐ ──────────────────────────▶ control
//!                                       │    Engine    │
//!  sockets ── Input::Packet ──────────▶ │ ports, rooms │ ── Output::Transmit ──────▶ sockets
//!                                       └──────────────┘
//! ```
//!
//! [`Engine`] is a worker's whole mind as a value: it touches no socket and no clock, so tests run it
//! on virtual time. [`Worker`] is the thread around it: it waits on the sockets, feeds one input,
//! drains all output. A port stays on one worker for life. The packet path does not allocate, lock,
//! await or log.
#![warn(missing_docs)]

mod chime;
mod clock;
mod counters;
mod dtls;
mod engine;
mod identity;
mod latch;
mod measure;
mod moderation;
mod player;
mod playout;
mod port;
mod press;
mod prompts;
mod queue;
mod range;
mod receive;
mod relay;
mod room;
mod schedule;
mod send;
mod shared;
mod socket;
mod speakers;
mod srtp;
mod ssrcs;
mod watch;
mod worker;

pub use clock::Clock;
pub use counters::{Counted, Counters, Strain};
pub use engine::{Between, Channel, Engine, EngineSettings, Input, Output, Reading, SlotId};
pub use identity::{Identity, NoIdentity, fingerprint};
pub use prompts::Prompts;
pub use queue::{Commands, Reports, Wake};
pub use range::{Capacity, Quarantine, Range};
pub use socket::{BATCH, Batch, Datagram, SocketPlan, tell_times};
pub use worker::{Settings, Worker};
