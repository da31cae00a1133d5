//! Calls that speak no protocol.
//!
//! ```text
//!  interwork ── LegEvent ──▶ ┌────────┐ ── Question ──▶ core, lease (embedded or remote)
//!            ◀─ LegCommand ─ │ Switch │ ◀── Answer ───
//!      media ──── Report ──▶ │        │ ── Record, Event ──▶ log, metrics, CDR
//!            ◀── Command ─── └────────┘
//! ```
//!
//! [`Switch`] owns every call: feed one [`Input`], drain all [`Output`]s, wait until
//! [`Switch::poll_timeout`]. A SIP leg, an H.323 leg and a leg to the core look alike to it.
//! Whatever may one day be remote (the meeting core, the lease service) is asked, not called: it
//! leaves as an [`Output::Question`] with an id and a time-out and comes back as an
//! [`Input::Answer`]. [`core::Core`] and [`lease::Leases`] are the embedded ones.
//!
//! ```
//! use call::{Input, LegEvent, Output, Settings, Switch, leg::{Arrival, LegCommand}};
//! use terms::{LegId, Now};
//!
//! let mut switch = Switch::new(std::sync::Arc::new(Settings::default()));
//! let arrival = Arrival { called: "9001".into(), ..Arrival::default() };
//! switch.handle_input(Now::default(), Input::Leg(LegId(1), LegEvent::Arrived(Box::new(arrival))));
//! // No dialplan, no route: the leg is refused with Q.850 cause 1.
//! let refused = std::iter::from_fn(|| switch.poll_output())
//!     .any(|output| matches!(output, Output::Leg(LegId(1), LegCommand::Refuse { .. })));
//! assert!(refused);
//! ```
#![warn(missing_docs)]

pub mod accounts;
mod app;
mod call;
pub mod core;
pub mod doctor;
pub mod event;
pub mod gauge;
pub mod guard;
pub mod ivr;
pub mod keys;
pub mod lease;
pub mod leg;
pub mod lockouts;
pub mod outcome;
pub mod question;
pub mod self_test;
pub mod settings;
pub mod snapshot;
pub mod switch;
pub mod terminal;
pub mod view;
pub mod words;

pub use event::{Event, LegRecord};
pub use leg::{LegCommand, LegEvent};
pub use question::{Answer, Question, QuestionId};
pub use settings::Settings;
pub use snapshot::CallSnapshot;
pub use switch::{Input, Output, Switch};
pub use view::CallView;
