//! Who is in a meeting, or waits to be.

use serde::{Deserialize, Serialize};
use terms::media::{Speaking, Voice};

use crate::{
    leg::Kind,
    question::{Role, WaitingFor},
};

/// A leg in a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// What it may do.
    pub role: Role,
    /// Whether it is in.
    pub presence: Presence,
    /// Whether the others hear it.
    pub voice: Voice,
    /// Whether it wants to speak.
    pub hand: Hand,
    /// What its leg leads to.
    #[serde(default)]
    pub kind: Kind,
    /// Whether it is one of the loudest.
    #[serde(default)]
    pub speaking: Speaking,
}

/// Whether a participant is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It is.
    In,
    /// It hears music.
    Waiting(WaitingFor),
}

/// Whether a participant wants to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hand {
    /// It does.
    Raised,
    /// It does not.
    Down,
}

impl Default for Participant {
    fn default() -> Self {
        Self {
            role: Role::Guest,
            presence: Presence::In,
            voice: Voice::Heard,
            hand: Hand::Down,
            kind: Kind::Phone,
            speaking: Speaking::No,
        }
    }
}
