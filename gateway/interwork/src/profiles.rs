//! Models of room systems and their quirks, as data (ROOM-11): a profile is chosen by what a device calls itself, and says which
//! of the quirks that we know it has. No model is named anywhere else.

use std::collections::BTreeSet;

use call::leg::Model;
use serde::{Deserialize, Serialize};
use sip::wire::{HeaderName, Request, Text};

/// What a device needs other than the standards have it. What needs nothing of us (lines that are refused in place, payload
/// types of any number, keys of any tag) is no quirk: all devices are treated so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// It gives up where a challenge for another algorithm than MD5 stands beside that (RFC 8760 has it pass over it).
    Md5Only,
    /// Its keys are tones, whatever it offers: events (RFC 4733) of it are not believed.
    KeysInSound,
    /// It takes GRUUs, and does not get along with its own.
    NoGruu,
    /// It takes outbound (RFC 5626), and does not keep its flows.
    NoOutbound,
}

impl Quirk {
    /// Every quirk.
    pub const ALL: [Self; 4] = [Self::Md5Only, Self::KeysInSound, Self::NoGruu, Self::NoOutbound];

    /// Its name in files, records and views.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5Only => "md5-only",
            Self::KeysInSound => "keys-in-sound",
            Self::NoGruu => "no-gruu",
            Self::NoOutbound => "no-outbound",
        }
    }
}

/// A family of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Parts of what its models call themselves in User-Agent, in lower case.
    pub agents: Vec<String>,
    /// Which of the quirks it has.
    pub quirks: BTreeSet<Quirk>,
}

/// All profiles; the first that fits counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profiles(pub Vec<Profile>);

impl Default for Profiles {
    /// Those that are shipped as `conf/devices.toml`, where their sources stand.
    fn default() -> Self {
        let profile = |name: &str, agents: &[&str], quirks: &[Quirk]| Profile {
            name: name.to_owned(),
            agents: agents.iter().map(|agent| (*agent).to_owned()).collect(),
            quirks: quirks.iter().copied().collect(),
        };
        Self(vec![
            profile("cisco-tc", &["tandberg/512", "tandberg/518", "tandberg/528"], &[Quirk::Md5Only]),
            profile("cisco-ce", &["tandberg/529"], &[Quirk::Md5Only]),
            profile("polycom-group", &["polycomrealpresencegroup"], &[Quirk::Md5Only]),
            profile("polycom-hdx", &["polycom hdx", "polycomhdx"], &[Quirk::Md5Only]),
            profile("baresip-1", &["baresip v1."], &[Quirk::Md5Only]),
        ])
    }
}

impl Profiles {
    /// The profile of whoever sent a request.
    pub fn of(&self, request: &Request) -> Option<&Profile> {
        let agent = request.headers.raw(HeaderName::UserAgent).next()?;
        self.of_agent(&agent)
    }

    /// The profile of who calls itself so.
    pub fn of_agent(&self, agent: &Text) -> Option<&Profile> {
        let agent = agent.as_str()?.to_ascii_lowercase();
        self.0.iter().find(|profile| profile.agents.iter().any(|part| agent.contains(part)))
    }

    /// Of which model a device is by what it calls itself; none of its quirks has had an effect yet.
    pub fn model(&self, agent: Option<&Text>) -> Option<Box<Model>> {
        let profile = self.of_agent(agent?)?;
        Some(Box::new(Model { profile: profile.name.clone(), quirks: Vec::new() }))
    }

    /// Whether who sent a request has a quirk.
    pub(crate) fn has(&self, request: &Request, quirk: Quirk) -> bool {
        self.of(request).is_some_and(|profile| profile.quirks.contains(&quirk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_11_a_model_is_known_by_what_it_calls_itself() {
        let profiles = Profiles::default();
        let name = |agent: &str| profiles.of_agent(&agent.into()).map(|profile| profile.name.as_str());
        for (agent, expected) in [
            ("TANDBERG/528 (TC7.3.6.abcdef) Cisco-SX20", Some("cisco-tc")),
            ("TANDBERG/529 (ce8.3.4.abcdef) Cisco-SX20", Some("cisco-ce")),
            ("TANDBERG/529 (ce8.2.2.abcdef)", Some("cisco-ce")),
            ("PolycomRealPresenceGroup550/6.2.0", Some("polycom-group")),
            ("Polycom HDX 8000 HD (Release - 3.1.7-40123)", Some("polycom-hdx")),
            ("baresip v1.0.0 (x86_64/linux)", Some("baresip-1")),
            ("Linphone/4.4", None),
            ("", None),
        ] {
            assert_eq!(name(agent), expected, "{agent}");
        }
    }
}
