//! Who may send calls, and by which listener.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use call::leg::{KeyMethod, Kind};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sip::endpoint::{Hop, ListenerId, Oversize};
use terms::{
    ListenerName, TrunkName, ZoneName,
    media::{Encryption, Ice, Sources},
};

use crate::gates::{Gate, GateLimits};

/// A carrier's trunk, known by where its messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Its name.
    pub name: TrunkName,
    /// Only through listeners of this zone.
    pub zone: ZoneName,
    /// Its signalling addresses.
    pub peers: Vec<IpNet>,
    /// Where it writes the number that was called (DIAL-1).
    pub called_number: CalledNumber,
    /// What its calls lead to.
    pub kind: Kind,
    /// How its callers' keys come (DIAL-7).
    pub keys: KeyMethod,
    /// How requests go to it that are too long for a datagram.
    pub oversize: Oversize,
    /// Whether its sound is encrypted.
    pub encryption: Encryption,
    /// From where its sound is taken.
    pub sources: Sources,
    /// Whether its connectivity checks are answered.
    pub ice: Ice,
    /// How much may come and go by it.
    pub limits: GateLimits,
    /// Where calls to it go; without it there are none.
    pub out: Option<WayOut>,
    /// Whether its sound is heard before it answers.
    pub early_media: EarlyMedia,
    /// How our offers to it are encrypted.
    pub keying: Keying,
}

/// Where the keys come from of what we offer to a peer whose sound must be encrypted (MEDIA-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Keying {
    /// They stand in the descriptions (SDES, RFC 4568).
    #[default]
    Description,
    /// From a handshake where the media go (DTLS-SRTP, RFC 5763).
    Handshake,
}

/// What becomes of the sound of a peer that was dialed, as long as it has not answered (OUT-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EarlyMedia {
    /// Its caller hears it.
    #[default]
    Heard,
    /// Nobody does: its caller is told that it rings.
    Ignored,
}

/// Where calls to a trunk go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WayOut {
    /// The next hop, which is the trunk's own host.
    pub hop: Hop,
    /// What it knows us by.
    pub here: SocketAddr,
}

/// Where a trunk writes the called number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CalledNumber {
    /// In the Request-URI.
    #[default]
    RequestUri,
    /// In To: the Request-URI names our account.
    To,
    /// In P-Called-Party-ID (RFC 7315 §4.2).
    PCalledPartyId,
    /// In Diversion (RFC 5806): the call went on from there to a number of the trunk.
    Diversion,
    /// In History-Info (RFC 7044), likewise.
    HistoryInfo,
}

/// Whose calls a listener takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Only those of a trunk.
    Trunks,
    /// Those of a trunk, and of accounts that log in (SEC-1).
    Accounts,
    /// Those of a trunk, and of room systems that nobody knows: they reach meetings, by ID and password (ROOM-4).
    Connector,
    /// Anybody's.
    Anybody,
}

/// Whether somebody in the way of the signaling can read and change it, and so the keys and fingerprints in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signaling {
    /// They can.
    #[default]
    InClear,
    /// They can't, up to the peer's own next hop.
    Encrypted,
}

/// A socket of ours that calls come in by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: ListenerName,
    /// Its zone.
    pub zone: ZoneName,
    /// What devices know it by.
    pub here: SocketAddr,
    /// Whether TLS is spoken on it.
    pub signaling: Signaling,
    /// Whose calls it takes.
    pub policy: Policy,
    /// Whether the sound of calls is encrypted that come by no trunk.
    pub encryption: Encryption,
    /// From where that sound is taken.
    pub sources: Sources,
    /// Whether connectivity checks of such calls are answered.
    pub ice: Ice,
    /// How much may come by it.
    pub limits: GateLimits,
}

/// The listeners and the trunks.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    /// All listeners.
    pub listeners: BTreeMap<ListenerId, Listener>,
    /// All trunks; the first whose addresses fit counts.
    pub trunks: Vec<Trunk>,
}

/// A source that may send calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    pub(crate) listener: &'a Listener,
    pub(crate) trunk: Option<&'a Trunk>,
}

impl Peers {
    /// Of a socket; one that nobody knows is no better than the worst.
    pub(crate) fn signaling(&self, listener: ListenerId) -> Signaling {
        self.listeners.get(&listener).map(|listener| listener.signaling).unwrap_or_default()
    }
}

impl Known<'_> {
    pub(crate) fn encryption(&self) -> Encryption {
        self.trunk.map_or(self.listener.encryption, |trunk| trunk.encryption)
    }

    pub(crate) fn keying(&self) -> Keying {
        self.trunk.map(|trunk| trunk.keying).unwrap_or_default()
    }

    pub(crate) fn ice(&self) -> Ice {
        self.trunk.map_or(self.listener.ice, |trunk| trunk.ice)
    }

    /// What its calls lead to.
    pub(crate) fn kind(&self) -> Kind {
        let of_listener = match self.listener.policy {
            Policy::Accounts | Policy::Connector => Kind::Hardware,
            Policy::Trunks | Policy::Anybody => Kind::Phone,
        };
        self.trunk.map_or(of_listener, |trunk| trunk.kind)
    }

    /// ISO-3: from where the sound of its calls is taken.
    pub(crate) fn sources(&self) -> &Sources {
        self.trunk.map_or(&self.listener.sources, |trunk| &trunk.sources)
    }

    /// What its calls come by; the narrower first, which is then the one that is told to be full.
    pub(crate) fn gates(&self) -> Vec<(Gate, GateLimits)> {
        self.trunk.map(gate_of_trunk).into_iter().chain([gate_of_listener(self.listener)]).collect()
    }
}

impl Peers {
    /// Who sends from `source` to `listener`; nobody that we take calls from: `None`.
    pub(crate) fn find(&self, listener: ListenerId, source: IpAddr) -> Option<Known<'_>> {
        let listener = self.listeners.get(&listener)?;
        let source = source.to_canonical();
        let fits = |trunk: &&Trunk| {
            trunk.zone == listener.zone && trunk.peers.iter().any(|peer| peer.contains(&source))
        };
        let trunk = self.trunks.iter().find(fits);
        match (trunk, listener.policy) {
            (None, Policy::Trunks) => None,
            (trunk, _) => Some(Known { listener, trunk }),
        }
    }

    /// Who has logged in by a listener: no trunk's caller, wherever it sends from.
    pub(crate) fn of_accounts(&self, listener: ListenerId) -> Option<Known<'_>> {
        Some(Known { listener: self.listeners.get(&listener)?, trunk: None })
    }

    /// The trunk that calls may go out by, and how.
    pub(crate) fn way_out(&self, trunk: &TrunkName) -> Option<(&Trunk, WayOut)> {
        let trunk = self.trunks.iter().find(|known| known.name == *trunk)?;
        Some((trunk, trunk.out?))
    }

    /// All that calls come in by.
    pub(crate) fn gates(&self) -> impl Iterator<Item = (Gate, GateLimits)> {
        self.trunks.iter().map(gate_of_trunk).chain(self.listeners.values().map(gate_of_listener))
    }
}

pub(crate) fn gate_of_trunk(trunk: &Trunk) -> (Gate, GateLimits) {
    (Gate::Trunk(trunk.name.clone()), trunk.limits)
}

pub(crate) fn gate_of_listener(listener: &Listener) -> (Gate, GateLimits) {
    (Gate::Listener(listener.name.clone()), listener.limits)
}
