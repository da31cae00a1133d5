//! Records of handshakes, from and to the sockets of their port (RFC 5764 §5.1.2).

use std::net::SocketAddr;

use terms::{
    Instant,
    media::{DtlsFault, Report},
};

use super::{Channel, Outbox, SlotId};
use crate::port::{Port, Rejected};

/// A record came: it is answered where it came from.
pub(super) fn hear(
    now: Instant,
    port: &mut Port,
    (slot, channel, source): (SlotId, Channel, SocketAddr),
    record: &[u8],
    out: &mut Outbox,
) -> Result<(), Rejected> {
    let fault =
        port.on_dtls(now, (channel, source), record, |record| out.datagram(slot, (channel, source), record))?;
    tell(port, fault, out);
    Ok(())
}

/// What time does: a tick is near enough for a handshake.
pub(super) fn go_on(now: Instant, port: &mut Port, slot: SlotId, out: &mut Outbox) {
    for channel in [Channel::Rtp, Channel::Rtcp] {
        let fault = port.shake_on(now, channel, |peer, record| out.datagram(slot, (channel, peer), record));
        tell(port, fault, out);
    }
}

fn tell(port: &Port, fault: Option<DtlsFault>, out: &mut Outbox) {
    if let Some(fault) = fault {
        out.report(Report::Unkeyed { port: port.id, fault });
    }
}
