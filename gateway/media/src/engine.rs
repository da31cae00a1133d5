//! A worker's whole mind: ports, rooms, and when each is due. No socket, no clock.

mod bridge;
mod checks;
mod command;
mod exchange;
mod handshake;
mod outbox;
mod slots;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use terms::{
    Entropy, Instant, MeetingId, Now, PortId, WorkerId,
    media::{Command, PortSnapshot, Report},
};

pub use exchange::Between;
pub(crate) use exchange::Elsewhere;
use exchange::Peers;
pub(crate) use outbox::Outbox;
pub(crate) use slots::{Slot, Slots};

use crate::{
    counters::Counted,
    identity::Identity,
    port::{Hearing, Port, Rejected},
    prompts::Prompts,
    range::{Quarantine, Range},
    receive::Taken,
    room::{MAX_FRAME, Room},
    schedule::{Schedule, Unit},
    srtp::Plain,
    ssrcs::Ssrcs,
};

/// The longest RTCP packet that we send.
const MAX_RTCP: usize = 512;

/// One address pair of the worker; its number is the driver's name for the two sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u32);

/// Which of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The even port.
    Rtp,
    /// The odd one above.
    Rtcp,
}

/// When the RTP of a pair is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// When it comes.
    AsItComes,
    /// Before [`Input::Timeout`], where [`Engine::due`] names the pair: what comes before its tick would wait for it in
    /// the jitter buffer anyway, and to be waked for each packet costs more than to read it.
    AtTicks,
}

/// What the engine is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// Control speaks.
    Command(Command),
    /// The pair that [`Output::Bind`] asked for is bound.
    Bound(SlotId),
    /// It can't be bound: somebody else has it.
    BindFailed(SlotId),
    /// A datagram came; the input's time is when it did.
    Packet {
        /// To which pair.
        slot: SlotId,
        /// To which of it.
        channel: Channel,
        /// From whom.
        source: SocketAddr,
        /// What it says.
        bytes: &'a [u8],
    },
    /// ICMP says that nobody listens where RTP of ours went.
    Unreachable {
        /// From which pair.
        slot: SlotId,
        /// Where it went.
        destination: SocketAddr,
    },
    /// Another worker speaks.
    Peer(Between),
    /// Time passed.
    Timeout,
}

/// What the engine wants done.
#[derive(Debug, PartialEq)]
pub enum Output<'a> {
    /// Bind a pair, and keep it bound; answered by [`Input::Bound`] or [`Input::BindFailed`].
    Bind {
        /// The name of the pair.
        slot: SlotId,
        /// The address of its RTP half.
        rtp: SocketAddr,
        /// The address of its RTCP half.
        rtcp: SocketAddr,
    },
    /// When to read a pair's RTP from here on; a pair that was just bound is read as it comes.
    Read {
        /// Which.
        slot: SlotId,
        /// When.
        reading: Reading,
    },
    /// Send a datagram.
    Transmit {
        /// From which pair.
        slot: SlotId,
        /// From which of it.
        channel: Channel,
        /// To whom.
        destination: SocketAddr,
        /// What it says.
        bytes: &'a [u8],
    },
    /// Tell another worker.
    Peer {
        /// Which.
        to: WorkerId,
        /// What.
        message: Between,
    },
    /// Tell control.
    Report(Report),
}

/// What an engine is made with.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Which of the workers it is.
    pub id: WorkerId,
    /// How many there are.
    pub workers: u8,
    /// The addresses that it may use.
    pub ranges: Vec<Range>,
    /// How addresses rest.
    pub quarantine: Quarantine,
    /// The recordings.
    pub prompts: Arc<Prompts>,
    /// What is shown in handshakes; without it there are none.
    pub identity: Option<Arc<Identity>>,
}

/// See the crate's description: feed one input, drain all output.
#[derive(Debug)]
pub struct Engine {
    id: WorkerId,
    peers: Peers,
    prompts: Arc<Prompts>,
    identity: Option<Arc<Identity>>,
    slots: Slots,
    by_port: BTreeMap<PortId, SlotId>,
    rooms: BTreeMap<MeetingId, Room>,
    schedule: Schedule,
    /// The units of the phase that is being run; kept for its memory.
    due: Vec<Unit>,
    entropy: Entropy,
    ssrcs: Ssrcs,
    out: Outbox,
    /// Where packets are decrypted.
    plain: Plain,
    counted: Counted,
}

impl Engine {
    /// No port is open yet.
    pub fn new(now: Instant, settings: EngineSettings, entropy: Entropy) -> Self {
        let EngineSettings { id, workers, ranges, quarantine, prompts, identity } = settings;
        Self {
            id,
            peers: Peers::of(id, workers),
            prompts,
            identity,
            slots: Slots::new(ranges, quarantine),
            by_port: BTreeMap::new(),
            rooms: BTreeMap::new(),
            schedule: Schedule::new(now),
            due: Vec::new(),
            entropy,
            ssrcs: Ssrcs::new(id, workers, quarantine.rest),
            out: Outbox::default(),
            plain: Plain::EMPTY,
            counted: Counted::default(),
        }
    }

    /// Feed one, then drain [`Engine::poll_output`].
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Command(command) => self.on_command(now, command),
            Input::Bound(slot) => self.on_bound(now, slot),
            Input::BindFailed(slot) => self.on_bind_failed(now, slot),
            Input::Packet { slot, channel, source, bytes } => {
                self.on_packet(now, (slot, channel), source, bytes);
            }
            Input::Unreachable { slot, destination } => self.on_unreachable(now, slot, destination),
            Input::Peer(message) => self.on_peer(message),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// What is to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.out.poll()
    }

    /// When to come with [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.schedule.poll_timeout()
    }

    /// Fills `pairs` with those that are read [at their ticks](Reading::AtTicks) and whose tick is due at `now`.
    pub fn due(&self, now: Instant, pairs: &mut Vec<SlotId>) {
        pairs.clear();
        for unit in self.schedule.due(now) {
            match unit {
                Unit::Port(slot) if self.slots.port(*slot).is_some_and(Port::passes) => {}
                Unit::Port(slot) => pairs.push(*slot),
                Unit::Room(meeting) => {
                    pairs.extend(self.rooms.get(meeting).into_iter().flat_map(|room| &room.members));
                }
            }
        }
    }

    /// Has the processor fetch what packets for these pairs need, before the first of them is handled. Each such packet waits
    /// for memory some ten times, each time for an address that it has read just before; pairs wait beside each other.
    pub fn fetch(&self, pairs: impl IntoIterator<Item = SlotId>) {
        let touch = |slot| {
            let Some(port) = self.slots.port(slot) else { return 0 };
            let there = match &port.hearing {
                Hearing::Peer(bridge) => bridge.slot.and_then(|there| self.slots.port(there)),
                _ => None,
            };
            port.touch() ^ there.map_or(0, Port::touch)
        };
        std::hint::black_box(pairs.into_iter().fold(0, |sum, slot| sum ^ touch(slot)));
    }

    /// What was counted since the start.
    pub fn counted(&self) -> Counted {
        let open = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Counted { ports_open: open(self.by_port.len()), rooms_open: open(self.rooms.len()), ..self.counted }
    }

    /// Of the range that has least to give, how many pairs of a hundred are in use or rest.
    pub fn ports_taken_percent(&mut self, now: Instant) -> u8 {
        self.slots.taken_percent(now)
    }

    /// A port as a value, for a standby.
    pub fn snapshot(&self, port: PortId) -> Option<PortSnapshot> {
        let slot = *self.by_port.get(&port)?;
        Some(self.slots.port(slot)?.snapshot(self.slots.rtp(slot)?))
    }

    fn on_packet(&mut self, now: Now, (slot, channel): (SlotId, Channel), source: SocketAddr, bytes: &[u8]) {
        self.counted.packets_received += 1;
        let port = match self.slots.get_mut(slot) {
            Some(Slot::Used(port)) => port,
            Some(Slot::Resting(_) | Slot::Free | Slot::Unbound | Slot::Binding(_)) | None => {
                self.counted.packets_late += 1;
                return self.slots.on_late_packet(now.mono, slot, source);
            }
        };
        let taken = match (channel, rtp::classify(bytes)) {
            (Channel::Rtp, rtp::Datagram::Rtp) => port.on_rtp(now.mono, source, bytes, &mut self.plain),
            // RFC 5761 or not: RTCP is understood on either port.
            (_, rtp::Datagram::Rtcp) => {
                port.on_rtcp(now, (channel, source), bytes).map(|()| (Taken::Event, [].as_slice()))
            }
            (_, rtp::Datagram::Dtls) => {
                let heard = handshake::hear(now.mono, port, (slot, channel, source), bytes, &mut self.out);
                heard.map(|()| (Taken::Event, [].as_slice()))
            }
            (_, rtp::Datagram::Stun) => {
                let heard = checks::hear(now.mono, port, (slot, channel, source), bytes, &mut self.out);
                self.counted.checks_answered += u64::from(heard.is_ok());
                heard.map(|()| (Taken::Event, [].as_slice()))
            }
            _ => Err(Rejected::Malformed),
        };
        match taken {
            Ok((Taken::Digit(digit), _)) => self.out.report(Report::Digit { port: port.id, digit }),
            Ok((Taken::Sound | Taken::Noise | Taken::Event | Taken::Passed, _)) => {}
            Ok((Taken::Unknown, _)) | Err(Rejected::Malformed) => self.counted.packets_malformed += 1,
            Err(Rejected::Foreign) => self.counted.packets_foreign += 1,
            Err(Rejected::Unauthentic) => self.counted.checks_refused += 1,
            Err(Rejected::Undecipherable) => self.counted.packets_undecipherable += 1,
        }
        if let Ok(taken) = taken {
            bridge::pass_on(now.mono, slot, taken, (&mut self.slots, &mut self.schedule, &mut self.out));
        }
    }

    /// Of an earlier port on the pair it says nothing.
    fn on_unreachable(&mut self, now: Now, slot: SlotId, destination: SocketAddr) {
        if let Some(port) = self.slots.port_mut(slot)
            && port.destination() == Some(destination)
        {
            port.watch.on_unreachable(now.mono);
        }
    }

    fn on_timeout(&mut self, now: Now) {
        self.counted.ticks_missed += self.schedule.skip_missed(now.mono).0;
        let mut due = std::mem::take(&mut self.due);
        while self.schedule.take_due(now.mono, &mut due).is_some() {
            for unit in &due {
                match unit {
                    Unit::Port(slot) => self.run_port(now, *slot),
                    Unit::Room(meeting) => self.run_room(now, *meeting),
                }
            }
        }
        self.due = due;
    }

    fn run_room(&mut self, now: Now, meeting: MeetingId) {
        let Some(room) = self.rooms.get_mut(&meeting) else { return };
        let violations = room.take_in(now.mono, &mut self.slots);
        self.counted.isolation_violations += violations;
        self.exchange(meeting);
        let Some(room) = self.rooms.get_mut(&meeting) else { return };
        room.tell_speakers(self.id, &mut self.out);
        self.counted.isolation_violations += room.give_out(now.mono, &mut self.slots, &mut self.out);
        for slot in &room.members {
            tell_heard(*slot, &mut self.slots, &mut self.out);
            report_if_due(now, *slot, &mut self.slots, &mut self.out, &mut self.entropy);
        }
        if room.members.is_empty() {
            self.end_room_if_over(meeting);
        }
    }

    /// A port by itself: what it says is taken at the same pace as in a meeting, and echoed or dropped.
    fn run_port(&mut self, now: Now, slot: SlotId) {
        let Some(port) = self.slots.port_mut(slot) else { return };
        if port.is_bridged() {
            return self.run_half(now, slot);
        }
        if port.awaits_keys() {
            // A greeting waits for who can hear it.
            return report_if_due(now, slot, &mut self.slots, &mut self.out, &mut self.entropy);
        }
        let mut frame = [0; MAX_FRAME];
        let frame = &mut frame[..port.rate().tick_samples()];
        port.frame(now.mono, frame);
        if let Some(digit) = port.take_heard() {
            self.out.report(Report::Digit { port: port.id, digit });
        }
        let played = match &mut port.hearing {
            Hearing::Nothing | Hearing::Meeting { .. } | Hearing::Peer(_) => {
                let sender = port.connected.as_ref().map(|connected| &connected.sender);
                if !sender.is_some_and(|sender| sender.rings_out(now.mono)) {
                    return report_if_due(now, slot, &mut self.slots, &mut self.out, &mut self.entropy);
                }
                frame.fill(0);
                None
            }
            Hearing::Echo => None,
            Hearing::Tone(generator) => {
                generator.fill(frame);
                None
            }
            Hearing::Prompts(player, fax) => {
                if fax.listen(frame) {
                    self.out.report(Report::Fax { port: port.id });
                }
                player.fill(frame)
            }
        };
        let id = port.id;
        if let (Some(destination), Some(connected)) = (port.destination(), &mut port.connected) {
            let mut srtp = connected.srtp.as_deref_mut();
            connected.sender.join(now.mono, frame);
            connected.sender.send(now.mono, &mut port.numbers, frame, |header, payload| {
                self.out.rtp((slot, destination), (&header, payload), srtp.as_deref_mut());
            });
        }
        if let Some(play) = played {
            self.out.report(Report::Played { port: id, play });
        }
        report_if_due(now, slot, &mut self.slots, &mut self.out, &mut self.entropy);
    }
}

fn tell_heard(slot: SlotId, slots: &mut Slots, out: &mut Outbox) {
    if let Some(port) = slots.port_mut(slot)
        && let Some(digit) = port.take_heard()
    {
        out.report(Report::Digit { port: port.id, digit });
    }
}

fn report_if_due(now: Now, slot: SlotId, slots: &mut Slots, out: &mut Outbox, entropy: &mut Entropy) {
    let Some(port) = slots.port_mut(slot) else { return };
    handshake::go_on(now.mono, port, slot, out);
    if let Some(measured) = port.measured_due(now.mono) {
        out.report(Report::Measured { port: port.id, measured: Box::new(measured) });
    }
    let mut bytes = [0; MAX_RTCP];
    if let Some(length) = port.rtcp_due(now, entropy, &mut bytes)
        && let Some(way) = port.rtcp_way()
    {
        out.rtcp(slot, way, &bytes[..length], port.srtp_of(way.0));
    }
}

#[cfg(test)]
mod tests;
