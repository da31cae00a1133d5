//! What the calls are doing, for who looks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use terms::TrunkName;

use super::Switch;

/// How many calls are at what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Census {
    /// Before the answer.
    pub ringing: usize,
    /// Halves of calls between two legs whose caller hears the other end before the answer.
    #[serde(default)]
    pub early_media: usize,
    /// Being asked for a meeting, or told that there is none for them.
    pub in_ivr: usize,
    /// Waiting for the host, or to be let in.
    pub waiting: usize,
    /// In a meeting.
    pub in_meetings: usize,
    /// Halves of calls between two legs.
    #[serde(default)]
    pub bridged: usize,
    /// At an app of the dialplan: echo, tone.
    pub in_apps: usize,
    /// Over, and not yet recorded.
    pub clearing: usize,
    /// By trunk; calls of no trunk are not among them.
    pub by_trunk: BTreeMap<TrunkName, usize>,
}

/// What one call is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Ringing,
    EarlyMedia,
    Ivr,
    Waiting,
    Meeting,
    Bridged,
    App,
    Clearing,
}

impl Switch {
    /// Counts the calls by what they are at.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for call in self.calls.values() {
            let count = match call.at() {
                At::Ringing => &mut census.ringing,
                At::EarlyMedia => &mut census.early_media,
                At::Ivr => &mut census.in_ivr,
                At::Waiting => &mut census.waiting,
                At::Meeting => &mut census.in_meetings,
                At::Bridged => &mut census.bridged,
                At::App => &mut census.in_apps,
                At::Clearing => &mut census.clearing,
            };
            *count += 1;
            if let Some(trunk) = call.trunk() {
                *census.by_trunk.entry(trunk.clone()).or_default() += 1;
            }
        }
        census
    }
}
