//! Where somebody is: the location service of a registrar (RFC 3261 §10.3), with Path (RFC 3327), outbound (RFC 5626) and
//! GRUU (RFC 5627).
//!
//! ```text
//!   REGISTER ──▶ Registration ──▶ Locations::plan ──▶ (may it? is it stored?) ──▶ commit ──▶ Answer ──▶ 200
//!                                        └──▶ Refused ──▶ 400, 423, 439, …
//! ```
//!
//! A plan changes nothing: whoever owns the [`Locations`] asks others between plan and commit. Who may register is no
//! matter of this module.

mod answer;
mod binding;
mod gruu;
mod locations;
mod plan;
mod registration;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use binding::Binding;
pub use gruu::{Gruus, TEMPORARY};
pub use locations::{Expired, Limits, Locations};
pub use plan::{Change, Plan, Refused};
pub use registration::{Contacts, Registration, Wanted};
