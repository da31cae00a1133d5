//! Two ports that hear each other (MEDIA-1).
//!
//! ```text
//!            the other's sender speaks its codec            it doesn't
//!  packet ──▶ under the other's numbers, at once     ──▶ jitter buffer ─ tick ─▶ decoded, encoded
//! ```
//!
//! Nothing passes unless each is told to hear the other: one of a pair that was closed, or given to another call, is heard
//! by nobody.

use rtp::Packet;
use terms::{Instant, Now, PortId, media::Report};

use super::{Engine, SlotId, report_if_due};
use crate::{
    port::{Hearing, Port},
    receive::Taken,
    room::MAX_FRAME,
};

impl Engine {
    /// Both directions anew, once both are there.
    pub(super) fn pair(&mut self, slot: SlotId) {
        let Some((id, other)) = self.slots.port(slot).and_then(|port| Some((port.id, heard_by(port)?)))
        else {
            return;
        };
        let Some(there) = self.by_port.get(&other).copied() else { return };
        if let Some(port) = self.slots.port_mut(there)
            && let Hearing::Peer { port: hears, slot: place } = &mut port.hearing
            && *hears == id
        {
            *place = Some(slot);
        }
        if let Some(port) = self.slots.port_mut(slot)
            && let Hearing::Peer { slot: place, .. } = &mut port.hearing
        {
            *place = Some(there);
        }
        for (from, to) in [(slot, there), (there, slot)] {
            let codec = self.slots.port(to).and_then(|port| Some(port.connected.as_ref()?.sender.codec()));
            if let Some(connected) = self.slots.port_mut(from).and_then(|port| port.connected.as_mut()) {
                connected.receiver.pass_on(codec, &connected.stream);
            }
        }
    }

    /// The pair that a port hears and that hears it.
    fn partner(&self, slot: SlotId) -> Option<SlotId> {
        let port = self.slots.port(slot)?;
        let Hearing::Peer { port: other, slot: Some(there) } = port.hearing else { return None };
        let partner = self.slots.port(there)?;
        (partner.id == other && heard_by(partner) == Some(port.id)).then_some(there)
    }

    /// What a port took goes on to who hears it, if it need not be played.
    pub(super) fn pass_on(&mut self, now: Instant, slot: SlotId, (taken, bytes): (Taken, &[u8])) {
        let Some(there) = self.partner(slot) else { return };
        let Ok(packet) = Packet::parse(bytes) else { return };
        let Some(port) = self.slots.port_mut(there) else { return };
        let (Some(destination), Some(connected)) = (port.destination(), &mut port.connected) else { return };
        let (header, payload) = (packet.header(), packet.payload());
        let emit = |header, payload: &[u8]| self.out.rtp(there, destination, &header, payload);
        match taken {
            Taken::Passed => connected.sender.pass(now, &mut port.numbers, (&header, payload), emit),
            Taken::Digit(_) | Taken::Event => {
                if let Some(events) = connected.stream.send_events {
                    connected.sender.pass_event(now, &mut port.numbers, (&header, payload), (events, emit));
                }
            }
            Taken::Sound | Taken::Noise | Taken::Unknown => {}
        }
    }

    /// A tick of a port that hears another: what that one said and was not passed on is encoded anew.
    pub(super) fn run_half(&mut self, now: Now, slot: SlotId) {
        let there = self.partner(slot);
        let mut frame = [0; MAX_FRAME];
        if let Some(other) = there.and_then(|there| self.slots.port_mut(there))
            && other.connected.as_ref().is_some_and(|connected| connected.receiver.plays())
        {
            let frame = &mut frame[..other.rate().tick_samples()];
            other.frame(now.mono, frame);
            if let Some(digit) = other.take_heard() {
                let report = Report::Digit { port: other.id, digit };
                self.out.report(report);
            }
            if let Some(port) = self.slots.port_mut(slot)
                && let (Some(destination), Some(connected)) = (port.destination(), &mut port.connected)
            {
                connected.sender.join(now.mono, frame);
                connected.sender.send(now.mono, &mut port.numbers, frame, |header, payload| {
                    self.out.rtp(slot, destination, &header, payload);
                });
            }
        }
        report_if_due(now, slot, &mut self.slots, &mut self.out, &mut self.entropy);
    }
}

const fn heard_by(port: &Port) -> Option<PortId> {
    match port.hearing {
        Hearing::Peer { port, .. } => Some(port),
        _ => None,
    }
}
