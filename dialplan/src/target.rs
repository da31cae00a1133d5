//! Where a route leads.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use terms::TrunkName;

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The dial-in prompts.
    Ivr,
    /// A few steps that the gateway plays by itself.
    App(Vec<Step>),
    /// A carrier.
    Trunk(TrunkName),
    /// The account whose number it is.
    Account,
    /// Nowhere: refused with this SIP status (400 to 699).
    Refuse(u16),
}

/// One step of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Answers, and goes on with the next step.
    Answer,
    /// Rings for so long.
    Ring(Duration),
    /// Gives the caller's sound back, until the call ends.
    Echo,
    /// A sine tone, until the call ends.
    Tone {
        /// Its frequency.
        hz: u32,
    },
    /// Nothing is heard for so long.
    Silence(Duration),
}
