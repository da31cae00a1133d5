//! Connectivity checks, from and to the sockets of their port (RFC 8445 §7.3).

use std::net::SocketAddr;

use rtp::stun::{MAX_ANSWER, Verdict};
use terms::Instant;

use super::{Channel, Outbox, SlotId};
use crate::port::{Port, Rejected};

/// A check came: it is answered where it came from.
pub(super) fn hear(
    now: Instant,
    port: &mut Port,
    (slot, channel, source): (SlotId, Channel, SocketAddr),
    datagram: &[u8],
    out: &mut Outbox,
) -> Result<(), Rejected> {
    let mut answer = [0; MAX_ANSWER];
    let (len, verdict) = port.on_check(now, (channel, source), datagram, &mut answer)?;
    out.datagram(slot, (channel, source), answer.get(..len).unwrap_or_default());
    match verdict {
        Verdict::Authentic(_) => Ok(()),
        Verdict::BadRequest
        | Verdict::Unauthenticated
        | Verdict::UnknownAttributes
        | Verdict::RoleConflict => Err(Rejected::Unauthentic),
    }
}
