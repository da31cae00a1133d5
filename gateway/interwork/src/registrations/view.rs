//! Registrations as the administration sees them.

use std::net::SocketAddr;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use sip::registrar::Binding;
use terms::{AccountName, WallTime};

use super::Attempt;

/// An account's devices, and what became of its last attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistrationView {
    /// Which.
    pub account: AccountName,
    /// Where its devices are.
    pub bindings: Vec<BindingView>,
    /// The last attempts, the latest at the end.
    #[serde(serialize_with = "told")]
    pub attempts: Vec<Attempt>,
    /// How often its devices changed their address within ten minutes.
    pub moves: usize,
    /// For how long the account is locked to all who did not register well of late.
    pub locked_seconds: Option<u64>,
}

/// Where a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BindingView {
    /// Its own word for it.
    pub contact: String,
    /// Where it was seen.
    pub source: SocketAddr,
    /// Which device.
    pub instance: Option<String>,
    /// Which of its flows.
    pub flow: Option<u32>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// Seconds since it came.
    pub since_seconds: u64,
    /// Seconds until it ends unless it is refreshed.
    pub expires_seconds: u64,
}

impl BindingView {
    pub(super) fn of(now: WallTime, binding: &Binding) -> Self {
        let seconds = |from: WallTime, to: WallTime| {
            to.as_unix_nanos().saturating_sub(from.as_unix_nanos()) / 1_000_000_000
        };
        Self {
            contact: binding.contact.uri.to_string(),
            source: binding.source.destination,
            instance: binding.instance.as_ref().map(ToString::to_string),
            flow: binding.flow,
            user_agent: binding.user_agent.as_ref().map(ToString::to_string),
            since_seconds: seconds(binding.since, now),
            expires_seconds: seconds(now, binding.expires),
        }
    }
}

/// Each with the service's words and what to do.
struct Told<'a>(&'a Attempt);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Attempt { at, source, outcome, times } = self.0;
        let mut told = serializer.serialize_struct("Attempt", 6)?;
        told.serialize_field("at_unix_seconds", &(at.as_unix_nanos() / 1_000_000_000))?;
        told.serialize_field("source", source)?;
        told.serialize_field("outcome", outcome)?;
        told.serialize_field("words", outcome.words())?;
        told.serialize_field("advice", outcome.advice())?;
        told.serialize_field("times", times)?;
        told.end()
    }
}

fn told<S: Serializer>(attempts: &[Attempt], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(attempts.iter().map(Told))
}

/// Attempts by names that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrangersView {
    /// The last ones, the latest at the end.
    #[serde(serialize_with = "told")]
    pub attempts: Vec<Attempt>,
}
