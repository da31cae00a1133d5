//! What control asks of an engine.

use codecs::{Fader, FaxDetector, Leveler, Resampler};
use meeting::Leaving;
use terms::{
    MeetingId, MeetingTag, Now, PortId, PromptName, ZoneName,
    media::{
        Command, KeysIn, PlayId, PlayItem, PortRefusal, PortSnapshot, Report, Route, SampleRate, Stream,
        Voice,
    },
};

use super::{
    Engine, MAX_RTCP, Reading, Slot, SlotId,
    exchange::News,
    slots::{Binding, Bound, NoSlot},
};
use crate::{
    player::{Announcement, Player},
    port::{Bridge, Hearing, Port},
    receive::Attention,
    room::Room,
    schedule::{Pace, Unit},
};

/// Pairs that are tried for one port before it is refused.
const MAX_BIND_FAILURES: u8 = 16;

impl Engine {
    pub(super) fn on_command(&mut self, now: Now, command: Command) {
        match command {
            Command::Open { port, zone, sources } => {
                self.open(now, Binding { port, sources, failures: 0 }, &zone);
            }
            Command::Listen { port, keys } => self.listen(port, keys),
            Command::Connect { port, stream } => self.connect(now, port, stream),
            Command::Route { port, route } => self.route(now, port, route),
            Command::Announce { port, play, items } => self.announce(port, play, &items),
            Command::Chime { port, name } => self.chime(port, &name),
            Command::Press { port, digit } => self.press(port, digit),
            Command::Fence { port, tag } => self.fence(now, port, tag),
            Command::Close { port } => self.close(now, port),
        }
    }

    pub(super) fn on_bound(&mut self, now: Now, slot: SlotId) {
        if let Some(Slot::Binding(binding)) = self.slots.get_mut(slot) {
            let binding = binding.clone();
            self.begin(now, slot, binding);
        }
    }

    /// Somebody else has the pair: the next one is tried, some times.
    pub(super) fn on_bind_failed(&mut self, now: Now, slot: SlotId) {
        let binding = match self.slots.get_mut(slot) {
            Some(Slot::Binding(binding)) => Binding { failures: binding.failures + 1, ..binding.clone() },
            Some(Slot::Used(port)) => {
                // A restored port whose address is gone: its call can't go on.
                let port = port.id;
                self.close(now, port);
                return self.out.report(Report::Refused { port, reason: PortRefusal::RangeExhausted });
            }
            _ => return,
        };
        let zone = self.slots.zone_name(slot);
        self.slots.avoid(now.mono, slot);
        let port = binding.port;
        if self.by_port.remove(&port).is_none() {
            return;
        }
        match zone.filter(|_| binding.failures < MAX_BIND_FAILURES) {
            Some(zone) => self.open(now, binding, &zone),
            None => self.out.report(Report::Refused { port, reason: PortRefusal::RangeExhausted }),
        }
    }

    /// Goes on with a port where its snapshot was taken, at the same address.
    pub fn restore(&mut self, now: Now, snapshot: &PortSnapshot) {
        let Some(slot) = self.slots.take_exactly(snapshot.rtp) else { return };
        if let Some((rtp, rtcp)) = self.slots.addresses(slot) {
            self.out.bind(slot, rtp, rtcp);
        }
        self.out.read(slot, Reading::AtTicks);
        let fresh = if snapshot.is_encrypted() {
            self.ssrcs.rest(now.mono, snapshot.ssrc);
            Some(self.ssrcs.draw(now.mono, &mut self.entropy))
        } else {
            self.ssrcs.claim(snapshot.ssrc);
            None
        };
        let identity = self.identity.as_ref();
        let mut port = Port::restored(now.mono, (snapshot, fresh), &mut self.entropy, identity);
        port.phase = Some(self.schedule.add(now.mono, Unit::Port(slot)));
        self.by_port.insert(snapshot.port, slot);
        self.slots.put(slot, Slot::Used(Box::new(port)));
        self.route(now, snapshot.port, snapshot.route.clone());
    }

    fn open(&mut self, now: Now, binding: Binding, zone: &ZoneName) {
        let port = binding.port;
        match self.slots.take(now.mono, zone) {
            Ok((slot, bound)) => {
                self.by_port.insert(port, slot);
                if bound == Bound::Already {
                    return self.begin(now, slot, binding);
                }
                self.slots.put(slot, Slot::Binding(binding));
                if let Some((rtp, rtcp)) = self.slots.addresses(slot) {
                    self.out.bind(slot, rtp, rtcp);
                }
            }
            Err(reason) => {
                let reason = match reason {
                    NoSlot::NoSuchZone => PortRefusal::NoSuchZone,
                    NoSlot::Exhausted => PortRefusal::RangeExhausted,
                };
                self.out.report(Report::Refused { port, reason });
            }
        }
    }

    /// The pair is bound: the port lives from here on.
    fn begin(&mut self, now: Now, slot: SlotId, binding: Binding) {
        let Binding { port: id, sources, .. } = binding;
        // Closed while its pair was being bound.
        if self.by_port.get(&id) != Some(&slot) {
            return self.slots.put(slot, Slot::Free);
        }
        let mut port = Port::new(id, sources, &mut self.entropy);
        port.numbers.ssrc = self.ssrcs.draw(now.mono, &mut self.entropy);
        port.phase = Some(self.schedule.add(now.mono, Unit::Port(slot)));
        self.slots.put(slot, Slot::Used(Box::new(port)));
        self.out.read(slot, Reading::AtTicks);
        if let Some((rtp, rtcp)) = self.slots.addresses(slot) {
            self.out.report(Report::Opened { port: id, rtp, rtcp });
        }
    }

    fn listen(&mut self, id: PortId, keys: KeysIn) {
        if let Some(port) = self.by_port.get(&id).and_then(|slot| self.slots.port_mut(*slot)) {
            port.listen(keys);
        }
        if let Some(slot) = self.by_port.get(&id).copied() {
            self.pair(slot);
        }
    }

    /// A renegotiation that changes the rate of the sound takes the port out of its meeting's bus and
    /// seats it again.
    fn connect(&mut self, now: Now, id: PortId, stream: Box<Stream>) {
        let Some(port) = self.by_port.get(&id).and_then(|slot| self.slots.port_mut(*slot)) else { return };
        let before = port.rate();
        let is_again = port.connected.is_some() && stream.flow().receives();
        port.connect(now.mono, stream, self.identity.as_ref());
        if is_again {
            port.latch.renegotiated(now.mono);
        }
        if port.rate() != before {
            let route = port.route.clone();
            return self.route(now, id, route);
        }
        if let Some(slot) = self.by_port.get(&id).copied() {
            self.pair(slot);
        }
    }

    fn route(&mut self, now: Now, id: PortId, route: Route) {
        let Some(slot) = self.by_port.get(&id).copied() else { return };
        let Some(port) = self.slots.port_mut(slot) else { return };
        if !matches!(route, Route::Peer { .. }) {
            port.speak_at(SampleRate::Hz48000);
        }
        let rate = port.rate();
        if let (Route::Meeting { tag, voice }, Hearing::Meeting { seat, voice: current, .. }) =
            (&route, &mut port.hearing)
            && seat.tag() == *tag
            && seat.rate() == rate
        {
            *current = *voice;
            port.route = route;
            return;
        }
        if let Some(connected) = &mut port.connected {
            connected.sender.cut();
        }
        let begins = matches!(port.hearing, Hearing::Nothing);
        let was_bridged = port.is_bridged();
        self.leave_room(now, slot, Leaving::Softly);
        let hearing = match &route {
            Route::Drop => Hearing::Nothing,
            Route::Prompts { play, items } => {
                let player = Player::new(*play, items, &self.prompts, rate);
                Hearing::Prompts(player, Box::new(FaxDetector::new(rate)))
            }
            Route::Echo => Hearing::Echo,
            Route::Tone { hz } => Hearing::tone(*hz, rate),
            Route::Peer { port } => {
                Hearing::Peer(Bridge { port: *port, slot: None, resampler: Resampler::new(rate, rate) })
            }
            Route::Meeting { .. } => Hearing::Nothing,
        };
        if was_bridged {
            self.out.read(slot, Reading::AtTicks);
            self.slots.set_pace(slot, Pace::EachTick, &mut self.schedule);
        }
        if let Some(connected) = self.slots.port_mut(slot).and_then(|port| port.connected.as_mut()) {
            connected.receiver.pass_on(None, Attention::Paid, &connected.stream);
        }
        if let Route::Meeting { tag, voice } = route {
            return self.enter_room(now, slot, (tag, voice));
        }
        if let Some(port) = self.slots.port_mut(slot) {
            // Who heard nothing shall not wait most of a tick for the first of it.
            if let Some(phase) = port.phase.as_mut().filter(|_| begins) {
                self.schedule.remove(*phase, Unit::Port(slot));
                *phase = self.schedule.add(now.mono, Unit::Port(slot));
            }
            port.hearing = hearing;
            port.route = route;
        }
        self.pair(slot);
    }

    /// A later announcement takes the place of one that is being spoken.
    fn announce(&mut self, id: PortId, play: PlayId, items: &[PlayItem]) {
        let Some(port) = self.by_port.get(&id).and_then(|slot| self.slots.port_mut(*slot)) else { return };
        if !matches!(port.hearing, Hearing::Meeting { .. }) {
            return self.out.report(Report::Played { port: id, play });
        }
        let player = Player::new(play, items, &self.prompts, port.rate());
        let announcement = match &port.announcement {
            Some(spoken) => Announcement::after(spoken, player),
            None => Announcement::new(player),
        };
        if let (Some(_), Some(connected)) =
            (port.announcement.replace(Box::new(announcement)), &mut port.connected)
        {
            connected.sender.cut();
        }
    }

    /// All of the port's meeting hear it, on every worker.
    fn chime(&mut self, id: PortId, name: &PromptName) {
        let Some(port) = self.by_port.get(&id).and_then(|slot| self.slots.port_mut(*slot)) else { return };
        let Hearing::Meeting { seat, .. } = &port.hearing else { return };
        let (tag, rate) = (seat.tag(), seat.rate());
        let Some(room) = self.rooms.get_mut(&tag.meeting) else { return };
        if let Some(samples) = self.prompts.music(name, rate)
            && room.chimes.begin(&mut room.mix, (tag, rate), samples).is_err()
        {
            self.counted.isolation_violations += 1;
        }
    }

    /// The port is due with its room from here on.
    fn enter_room(&mut self, now: Now, slot: SlotId, (tag, voice): (MeetingTag, Voice)) {
        let Some(port) = self.slots.port_mut(slot) else { return };
        if port.fence.is_some_and(|fence| tag.epoch < fence) {
            // ISO-1: a command that a higher lease has overtaken.
            return;
        }
        let schedule = &mut self.schedule;
        if let Some(phase) = port.phase.take() {
            schedule.remove(phase, Unit::Port(slot));
        }
        let is_new = !self.rooms.contains_key(&tag.meeting);
        let room = self
            .rooms
            .entry(tag.meeting)
            .or_insert_with(|| Room::new(tag.meeting, schedule.add(now.mono, Unit::Room(tag.meeting))));
        match room.mix.seat(tag, port.id, port.rate()) {
            Ok(seat) => {
                room.members.push(slot);
                schedule.grow(room.phase);
                port.hearing =
                    Hearing::Meeting { seat, voice, fader: Fader::SHUT, leveler: Leveler::default() };
                port.route = Route::Meeting { tag, voice };
            }
            Err(_) => self.counted.isolation_violations += 1,
        }
        if is_new {
            self.tell_others(tag.meeting, News::Here);
        }
    }

    /// Takes the port out of its room, if it is in one; it is due by itself again.
    fn leave_room(&mut self, now: Now, slot: SlotId, leaving: Leaving) {
        let Some(port) = self.slots.port_mut(slot) else { return };
        port.announcement = None;
        let hearing = std::mem::replace(&mut port.hearing, Hearing::Nothing);
        port.route = Route::Drop;
        let Hearing::Meeting { seat, .. } = hearing else { return };
        port.phase = Some(self.schedule.add(now.mono, Unit::Port(slot)));
        let meeting = seat.tag().meeting;
        let Some(room) = self.rooms.get_mut(&meeting) else { return };
        room.members.retain(|member| *member != slot);
        self.schedule.shrink(room.phase);
        room.speakers.forget(port.id);
        self.counted.isolation_violations += u64::from(room.mix.leave(seat, leaving).is_err());
        self.end_room_if_over(meeting);
    }

    /// A room that its last member left goes on as long as others hear its tones.
    pub(super) fn end_room_if_over(&mut self, meeting: MeetingId) {
        let Some(room) = self.rooms.get(&meeting) else { return };
        if room.members.is_empty() && (room.chimes.is_silent() || room.elsewhere.is_empty()) {
            self.schedule.remove(room.phase, Unit::Room(meeting));
            self.rooms.remove(&meeting);
            self.tell_others(meeting, News::Gone);
        }
    }

    /// ISO-1: media under an older lease stops at once.
    fn fence(&mut self, now: Now, id: PortId, tag: MeetingTag) {
        let Some(slot) = self.by_port.get(&id).copied() else { return };
        let Some(port) = self.slots.port_mut(slot) else { return };
        port.fence = port.fence.max(Some(tag.epoch));
        if let Hearing::Meeting { seat, .. } = &port.hearing
            && seat.tag().epoch < tag.epoch
        {
            if let Some(connected) = &mut port.connected {
                connected.sender.silence();
            }
            self.leave_room(now, slot, Leaving::AtOnce);
        }
    }

    fn close(&mut self, now: Now, id: PortId) {
        let Some(slot) = self.by_port.remove(&id) else { return };
        self.leave_room(now, slot, Leaving::Softly);
        let Some(mut port) = self.slots.close(now.mono, slot) else {
            // Still being bound: `begin` finds it gone.
            return self.out.report(Report::Closed { port: id, quality: Box::default() });
        };
        if let Some(phase) = port.phase.take() {
            self.schedule.remove(phase, Unit::Port(slot));
        }
        self.ssrcs.rest(now.mono, port.numbers.ssrc);
        self.out.read(slot, Reading::AsItComes);
        let mut bytes = [0; MAX_RTCP];
        if let (Some(length), Some(way)) = (port.rtcp_bye(now, &mut bytes), port.rtcp_way()) {
            self.out.rtcp(slot, way, &bytes[..length], port.srtp_of(way.0));
        }
        self.out.report(Report::Closed { port: id, quality: Box::new(port.quality()) });
    }
}
