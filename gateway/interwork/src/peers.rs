//! Who may send calls, and by which listener.

use std::{collections::BTreeMap, net::IpAddr};

use call::leg::{KeyMethod, Kind};
use ipnet::IpNet;
use sip::endpoint::{ListenerId, Oversize};
use terms::{TrunkName, ZoneName};

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
    /// Anybody's.
    Anybody,
}

/// The listeners' zones and policies, and the trunks.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    /// Each listener's zone and policy.
    pub listeners: BTreeMap<ListenerId, (ZoneName, Policy)>,
    /// All trunks; the first whose addresses fit counts.
    pub trunks: Vec<Trunk>,
}

/// A source that may send calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    pub(crate) zone: &'a ZoneName,
    pub(crate) trunk: Option<&'a Trunk>,
}

impl Peers {
    /// Who sends from `source` to `listener`; nobody that we take calls from: `None`.
    pub(crate) fn find(&self, listener: ListenerId, source: IpAddr) -> Option<Known<'_>> {
        let (zone, policy) = self.listeners.get(&listener)?;
        let source = source.to_canonical();
        let fits =
            |trunk: &&Trunk| trunk.zone == *zone && trunk.peers.iter().any(|peer| peer.contains(&source));
        let trunk = self.trunks.iter().find(fits);
        match (trunk, policy) {
            (None, Policy::Trunks) => None,
            (trunk, Policy::Trunks | Policy::Anybody) => Some(Known { zone, trunk }),
        }
    }
}
