//! Where a message goes.

use super::Hop;
use crate::{
    dialog::Dialog,
    wire::{Head, Scheme, Transport, Uri, Via},
};
use core::net::SocketAddr;

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

/// Where a request within a dialog goes: to the first route, else to the peer's Contact, when that
/// is an address. A name is left to the path that the peer was seen on, and so is a peer behind NAT:
/// its Contact is not where it was seen, and no proxy recorded itself.
pub(super) fn request_hop(dialog: &Dialog, peer: Hop) -> Hop {
    let address = address_of(dialog.next_target());
    let is_routed = !dialog.route_set.is_empty();
    let is_direct = |address: &SocketAddr| is_routed || address.ip() == peer.destination.ip();
    Hop { destination: address.filter(is_direct).unwrap_or(peer.destination), ..peer }
}

/// The address that a URI gives in figures.
fn address_of(uri: &Uri) -> Option<SocketAddr> {
    let default_port = match uri.scheme() {
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
