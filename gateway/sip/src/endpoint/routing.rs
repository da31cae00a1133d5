//! Where a message goes.

use super::Hop;
use crate::{
    dialog::Dialog,
    wire::{Head, Scheme, Transport, Uri, Via},
};
use core::net::{IpAddr, SocketAddr};
use serde::{Deserialize, Serialize};

/// RFC 3261 §18.2.2, RFC 3581 §4: where the answer to a request from `source` goes.
///
/// Deviation: `maddr` is not followed. Nobody needs it, and it would let a stranger aim our answers.
pub(super) fn answer_address(via: &Via, source: SocketAddr) -> SocketAddr {
    match via.transport {
        // §18.2.2: over a stream the connection of the request.
        Transport::Tcp | Transport::Tls => source,
        _ if via.asks_rport() => source,
        Transport::Udp | Transport::Other(_) => SocketAddr::new(source.ip(), via.port_or_default()),
    }
}

/// Where a peer was last seen, and how far its own addresses can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Peer {
    pub(super) hop: Hop,
    path: Path,
}

/// What lies between a peer and us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Path {
    /// Nothing that we know of.
    Direct,
    /// An address translator: the peer's Via is not where it was seen.
    Translated,
}

impl Peer {
    /// The sender of a request.
    pub(super) fn of_sender(from: Hop, via: &Via) -> Self {
        let is_translated = via.host.ip().is_some_and(|ip| ip != from.destination.ip());
        Self { hop: from, path: if is_translated { Path::Translated } else { Path::Direct } }
    }

    /// Whoever the owner has us call.
    pub(super) const fn of_owner(hop: Hop) -> Self {
        Self { hop, path: Path::Direct }
    }

    /// Whether a Contact of the peer can be reached from here: it is where the peer was seen, or
    /// neither a translator nor a private address says that it is elsewhere.
    fn is_reached_at(self, contact: SocketAddr) -> bool {
        let seen = self.hop.destination.ip();
        let is_hidden = is_private(contact.ip()) && !is_private(seen);
        contact.ip() == seen || (self.path == Path::Direct && !is_hidden)
    }
}

/// Where a request within a dialog goes: to the first route, else to the peer's Contact, when that
/// is an address. A name, and a Contact that cannot be reached, are left to where the peer was seen.
pub(super) fn request_hop(dialog: &Dialog, peer: Peer) -> Hop {
    let is_routed = !dialog.route_set.is_empty();
    let target = dialog.next_target();
    // RFC 5627 §4.4: a GRUU is at our own address; the device that it names is where it was seen.
    let is_gruu = target.params().has("gr");
    let is_reached = |address: &SocketAddr| is_routed || (!is_gruu && peer.is_reached_at(*address));
    let address = address_of(target).filter(is_reached);
    Hop { destination: address.unwrap_or(peer.hop.destination), ..peer.hop }
}

/// RFC 1918, RFC 6598, RFC 4193, and addresses of one host or link.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let is_shared = matches!(v4.octets(), [100, 64..128, ..]);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The address that a URI gives in figures.
fn address_of(uri: &Uri) -> Option<SocketAddr> {
    let is_tls = uri.params().get("transport").is_some_and(|transport| transport.is("tls"));
    let default_port = match uri.scheme() {
        Scheme::Sip if is_tls => Transport::Tls.default_port(),
        Scheme::Sip => Transport::Udp.default_port(),
        Scheme::Sips => Transport::Tls.default_port(),
        Scheme::Tel | Scheme::Other => return None,
    };
    let maddr = uri.params().get("maddr").and_then(|text| text.as_str()?.parse().ok());
    let ip = maddr.or_else(|| uri.host()?.ip())?;
    Some(SocketAddr::new(ip, uri.port().unwrap_or(default_port)))
}

/// Whether a response carries the Via that we put on the request; one with more has lost its way
/// (RFC 3261 §8.1.3.3).
pub(super) fn is_ours(answer: &Head, asked: &Head) -> bool {
    answer.via.host == asked.via.host && answer.via.port == asked.via.port && answer.call_id == asked.call_id
}
