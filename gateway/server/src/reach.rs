//! Probes a gateway from where the caller is (MEDIA-8): whether the ports that signalling and media use can be reached, and
//! how well packets come through.
//!
//! ```text
//!  Plan ─▶ probe ─┬─ UDP, signalling ── Ask ─▶ where media is probed ─▶ UDP, media ─▶ video
//!                 └─ TCP, signalling
//!                              each: Course ─▶ Figures ─▶ faults ─▶ Report
//! ```

mod datagrams;
mod plan;
mod report;
mod run;
mod stream;

pub use plan::{Plan, Target};
pub use report::{Leg, Outcome, Report, Standing, What};
pub use run::probe;
