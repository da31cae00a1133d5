//! Two ports that hear each other (MEDIA-1).
//!
//! ```text
//!            the other's sender speaks its codec            it doesn't
//!  packet ──▶ under the other's numbers, at once     ──▶ jitter buffer ─ tick ─▶ decoded, encoded
//! ```
//!
//! What is passed on is read as it comes; all else waits for its tick, as in a meeting.
//!
//! Nothing passes unless each is told to hear the other: one of a pair that was closed, or given to another call, is heard
//! by nobody.

use codecs::Resampler;
use rtp::{Packet, telephone_event};
use terms::{
    Digit, Instant, Now, PortId,
    media::{KeysIn, Report},
};

use super::{Engine, Outbox, Reading, Slot, SlotId, Slots, report_if_due};
use crate::{
    port::{Bridge, Hearing, Port},
    receive::{Attention, Taken},
    room::MAX_FRAME,
    schedule::{Pace, Schedule},
};

impl Engine {
    /// Both directions anew, once both are there.
    pub(super) fn pair(&mut self, slot: SlotId) {
        let Some((here, other)) = self.slots.port(slot).and_then(|port| Some((port.id, heard_by(port)?)))
        else {
            return;
        };
        let Some(there) = self.by_port.get(&other).copied() else { return };
        if self.slots.port(there).and_then(heard_by) == Some(here) {
            self.meet(slot, there);
            self.meet(there, slot);
            self.hear(slot, there);
            self.hear(there, slot);
            keep_pace((slot, there), &mut self.slots, &mut self.schedule);
        }
    }

    /// Nobody encodes a wide band for who has a narrow one alone.
    fn meet(&mut self, slot: SlotId, there: SlotId) {
        if let Some(rate) = self.slots.port(there).and_then(Port::best_rate)
            && let Some(port) = self.slots.port_mut(slot)
        {
            port.speak_at(rate);
        }
    }

    /// One direction: what comes to `from` leaves by `to`.
    fn hear(&mut self, to: SlotId, from: SlotId) {
        let Some(port) = self.slots.port_mut(to) else { return };
        let (rate, keys) = (port.rate(), port.keys);
        let codec = port.connected.as_mut().map(|connected| {
            connected.sender.unfollow();
            connected.sender.codec()
        });
        let Some(heard) = self.slots.port_mut(from) else { return };
        let sounds = heard.rate();
        if let Some(connected) = &mut heard.connected {
            // Keys in the sound of one are told to another that reads them in signaling: somebody must listen.
            let attention = if keys == KeysIn::Neither { Attention::Paid } else { Attention::Unpaid };
            let is_listened_to = attention == Attention::Paid && connected.receiver.listens();
            connected.receiver.pass_on(codec.filter(|_| !is_listened_to), attention, &connected.stream);
        }
        let reading = if heard.passes() { Reading::AsItComes } else { Reading::AtTicks };
        self.out.read(from, reading);
        if let Some(port) = self.slots.port_mut(to)
            && let Hearing::Peer(bridge) = &mut port.hearing
        {
            bridge.slot = Some(from);
            bridge.resampler = Resampler::new(sounds, rate);
        }
    }

    /// A tick of a port that hears another: what that one said and was not passed on is encoded anew, unless a key is told in
    /// its place.
    pub(super) fn run_half(&mut self, now: Now, slot: SlotId) {
        self.tell_key(now.mono, slot);
        let mut said = [0; MAX_FRAME];
        if let Some(there) = partner(&self.slots, slot)
            && let Some(said) = self.said(now.mono, there, &mut said)
        {
            self.say(now.mono, slot, said);
        }
        report_if_due(now, slot, &mut self.slots, &mut self.out, &mut self.entropy);
        if let Some(there) = partner(&self.slots, slot) {
            keep_pace((slot, there), &mut self.slots, &mut self.schedule);
        }
    }

    /// A key for the port's peer, which came by signaling.
    pub(super) fn press(&mut self, id: PortId, digit: Digit) {
        let Some(slot) = self.by_port.get(&id).copied() else { return };
        if let Some(port) = self.slots.port_mut(slot).filter(|port| port.is_bridged())
            && let Some(connected) = &mut port.connected
            && connected.stream.send_events.is_some()
        {
            connected.sender.press(digit);
            if let Some(there) = partner(&self.slots, slot) {
                keep_pace((slot, there), &mut self.slots, &mut self.schedule);
            }
        }
    }

    fn tell_key(&mut self, now: Instant, slot: SlotId) {
        let Some(Slot::Used(port)) = self.slots.get_mut(slot) else { return };
        let destination = port.destination();
        let Port { connected: Some(connected), numbers, .. } = port.as_mut() else { return };
        if !connected.sender.is_pressing() {
            return;
        }
        let (Some(destination), Some(events)) = (destination, connected.stream.send_events) else {
            return connected.sender.drop_keys();
        };
        let srtp = connected.srtp.as_deref_mut();
        let out = &mut self.out;
        let emit = |header, payload: &[u8]| out.rtp((slot, destination), (&header, payload), srtp);
        connected.sender.send_key(now, numbers, (events, emit));
    }

    /// What a port says in this tick, unless its packets go on as they are.
    fn said<'a>(&mut self, now: Instant, slot: SlotId, frame: &'a mut [i16]) -> Option<&'a mut [i16]> {
        let port = self.slots.port_mut(slot)?;
        if !port.plays() {
            return None;
        }
        let frame = &mut frame[..port.rate().tick_samples()];
        port.frame(now, frame);
        if let Some(digit) = port.take_heard() {
            self.out.report(Report::Digit { port: port.id, digit });
        }
        Some(frame)
    }

    fn say(&mut self, now: Instant, slot: SlotId, said: &[i16]) {
        let Some(Slot::Used(port)) = self.slots.get_mut(slot) else { return };
        let (rate, destination) = (port.rate(), port.destination());
        let Port { hearing: Hearing::Peer(bridge), connected: Some(connected), numbers, .. } = port.as_mut()
        else {
            return;
        };
        let mut frame = [0; MAX_FRAME];
        let frame = &mut frame[..rate.tick_samples()];
        bridge.resampler.resample(said, frame);
        let Some(destination) = destination.filter(|_| !connected.sender.is_key_down()) else { return };
        let mut srtp = connected.srtp.as_deref_mut();
        connected.sender.join(now, frame);
        connected.sender.send(now, numbers, frame, |header, payload| {
            self.out.rtp((slot, destination), (&header, payload), srtp.as_deref_mut());
        });
    }
}

/// The pair that a port hears and that hears it.
fn partner(slots: &Slots, slot: SlotId) -> Option<SlotId> {
    let port = slots.port(slot)?;
    let Hearing::Peer(Bridge { port: other, slot: Some(there), .. }) = port.hearing else { return None };
    let partner = slots.port(there)?;
    (partner.id == other && heard_by(partner) == Some(port.id)).then_some(there)
}

/// Two whose packets go on as they are, both ways, are seldom due. Else each of them is due in each tick: a socket is read
/// then, and who hears it is given sound.
fn keep_pace((slot, there): (SlotId, SlotId), slots: &mut Slots, schedule: &mut Schedule) {
    let rests = |slot| slots.port(slot).is_some_and(Port::rests);
    let pace = if rests(slot) && rests(there) { Pace::Seldom } else { Pace::EachTick };
    slots.set_pace(slot, pace, schedule);
    slots.set_pace(there, pace, schedule);
}

/// What a port took goes on to who hears it, if it need not be played.
pub(super) fn pass_on(
    now: Instant,
    slot: SlotId,
    (taken, bytes): (Taken, &[u8]),
    (slots, schedule, out): (&mut Slots, &mut Schedule, &mut Outbox),
) {
    let Some(there) = partner(slots, slot) else { return };
    let Ok(packet) = Packet::parse(bytes) else { return };
    let Some(from) = slots.port(slot) else { return };
    let (clock, plays, told) = (from.clock(), from.plays(), from.keys);
    if taken == Taken::Sound && from.passes() {
        // Its peer has changed the codec by itself: this is to be encoded anew.
        keep_pace((slot, there), slots, schedule);
    }
    let Some(port) = slots.port_mut(there) else { return };
    let (destination, clocks) = (port.destination(), clock.zip(port.clock()));
    let Some(connected) = &mut port.connected else { return };
    let (Some(destination), Some(clocks)) = (destination, clocks) else {
        // What isn't sent during a hold is no loss.
        return connected.sender.unfollow();
    };
    let (header, payload) = (packet.header(), packet.payload());
    let srtp = connected.srtp.as_deref_mut();
    let (sound, noise) = (connected.sender.payload_type(), connected.stream.comfort_noise);
    // DIAL-7: keys that are not this way's own are ignored; a peer whose keys are in signaling is told them there.
    let is_carried = port.keys != KeysIn::Neither && matches!(told, KeysIn::EventsOrSound | KeysIn::Events);
    let events = connected.stream.send_events.filter(|_| is_carried);
    let emit = |header, payload: &[u8]| out.rtp((there, destination), (&header, payload), srtp);
    let passed = match taken {
        Taken::Passed if !connected.sender.is_key_down() => Some(sound),
        Taken::Noise if !plays && !connected.sender.is_key_down() => noise,
        Taken::Passed | Taken::Noise | Taken::Digit(_) | Taken::Event | Taken::Sound | Taken::Unknown => None,
    };
    if let Some(payload_type) = passed {
        connected.sender.pass(now, &mut port.numbers, (&header, payload), (payload_type, emit));
    } else if let (Taken::Digit(_) | Taken::Event, Some(events)) = (taken, events)
        && let Some(payload) = telephone_event::on_clock(payload, clocks)
    {
        connected.sender.pass_event(now, &mut port.numbers, (&header, &payload), (events, emit));
    }
}

const fn heard_by(port: &Port) -> Option<PortId> {
    match &port.hearing {
        Hearing::Peer(bridge) => Some(bridge.port),
        _ => None,
    }
}
