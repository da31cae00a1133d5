//! One meeting's ports on this worker.

use codecs::Passed;
use meeting::{Foreign, Heard, Mix};
use rtp::Header;
use terms::{
    Instant, MeetingId, WorkerId,
    media::{Codec, Report, SampleRate, Voice},
};

use crate::{
    chime::Chimes,
    engine::{Elsewhere, Outbox, SlotId, Slots},
    player::Told,
    port::Hearing,
    schedule::Phase,
    send::MAX_PAYLOAD,
    speakers::Speakers,
};

/// The longest frame of a tick.
pub(crate) const MAX_FRAME: usize = SampleRate::Hz48000.tick_samples();

/// A meeting, its ports here, and when it is due.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) mix: Mix,
    pub(crate) members: Vec<SlotId>,
    pub(crate) phase: Phase,
    /// The other workers that hold a part of the meeting, and what came from them.
    pub(crate) elsewhere: Vec<Elsewhere>,
    pub(crate) chimes: Chimes,
    pub(crate) speakers: Speakers,
    /// Of this tick; kept for its memory.
    encoded: Vec<Encoded>,
}

/// A frame that everybody who is silent hears, encoded once for each codec.
#[derive(Debug)]
struct Encoded {
    codec: Codec,
    heard: Heard,
    payload: [u8; MAX_PAYLOAD],
    length: usize,
}

impl Room {
    pub(crate) fn new(meeting: MeetingId, phase: Phase) -> Self {
        Self {
            mix: Mix::new(meeting),
            members: Vec::new(),
            phase,
            elsewhere: Vec::new(),
            chimes: Chimes::default(),
            speakers: Speakers::default(),
            encoded: Vec::new(),
        }
    }

    /// Begins a tick: takes in what each port says. Yields how often a seat of another meeting was
    /// found among the members, which must be never.
    pub(crate) fn take_in(&mut self, now: Instant, slots: &mut Slots) -> u64 {
        self.mix.begin_tick();
        let mut violations = self.chimes.contribute(&mut self.mix);
        for slot in &self.members {
            violations += u64::from(listen_to(&mut self.mix, now, *slot, slots).is_err());
        }
        violations
    }

    /// Tells which of a worker's ports begin and end to speak.
    pub(crate) fn tell_speakers(&mut self, worker: WorkerId, out: &mut Outbox) {
        self.speakers.tick(self.mix.loudest(), |port, speaking| {
            if port.worker == worker {
                out.report(Report::Speaking { port, speaking });
            }
        });
    }

    /// Ends a tick: sends each port what the others said. Yields violations as [`Room::take_in`] does.
    pub(crate) fn give_out(&mut self, now: Instant, slots: &mut Slots, out: &mut Outbox) -> u64 {
        let mut violations = 0;
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        for slot in &self.members {
            violations += u64::from(self.speak_to(now, *slot, slots, (out, &mut encoded)).is_err());
        }
        self.encoded = encoded;
        violations
    }

    fn speak_to(
        &self,
        now: Instant,
        slot: SlotId,
        slots: &mut Slots,
        (out, encoded): (&mut Outbox, &mut Vec<Encoded>),
    ) -> Result<(), Foreign> {
        let Some(port) = slots.port_mut(slot) else { return Ok(()) };
        let Some(destination) = port.destination() else { return Ok(()) };
        let rate = port.rate();
        let Hearing::Meeting { seat, .. } = &port.hearing else { return Ok(()) };
        let mut frame = [0; MAX_FRAME];
        let frame = &mut frame[..rate.tick_samples()];
        let heard = self.mix.hear(seat, frame)?;
        let Some(connected) = &mut port.connected else { return Ok(()) };
        let told = port.announcement.as_mut().map(|announcement| announcement.lay_over(frame));
        match told {
            Some(Told::Words(play)) => out.report(Report::Played { port: port.id, play }),
            Some(Told::All) => port.announcement = None,
            Some(Told::Going) | None => {}
        }
        let numbers = &mut port.numbers;
        let sender = &mut connected.sender;
        let mut srtp = connected.srtp.as_deref_mut();
        let emit = |header: Header, payload: &[u8]| {
            out.rtp((slot, destination), (&header, payload), srtp.as_deref_mut());
        };
        if told.is_some() || heard != Heard::Nobody {
            sender.on_sound();
        } else if sender.pauses() {
            sender.describe_pause(now, numbers, emit);
            return Ok(());
        }
        let is_shared = told.is_none() && heard != Heard::Others && sender.takes_shared();
        sender.join(now, frame);
        if !is_shared {
            sender.send(now, numbers, frame, emit);
            return Ok(());
        }
        let codec = sender.codec();
        let known = encoded.iter().position(|other| other.codec == codec && other.heard == heard);
        let index = known.unwrap_or_else(|| {
            let mut payload = [0; MAX_PAYLOAD];
            let length = sender.encode(frame, &mut payload);
            encoded.push(Encoded { codec, heard, payload, length });
            encoded.len() - 1
        });
        let shared = &encoded[index];
        sender.send_shared(now, numbers, &shared.payload[..shared.length], emit);
        Ok(())
    }
}

/// Takes what a port says in this tick into the mix.
fn listen_to(mix: &mut Mix, now: Instant, slot: SlotId, slots: &mut Slots) -> Result<(), Foreign> {
    let Some(port) = slots.port_mut(slot) else { return Ok(()) };
    let mut frame = [0; MAX_FRAME];
    let frame = &mut frame[..port.rate().tick_samples()];
    port.frame(now, frame);
    let Hearing::Meeting { seat, voice, fader, leveler } = &mut port.hearing else { return Ok(()) };
    let gain = match voice {
        Voice::Heard => 1.0,
        Voice::Muted => 0.0,
    };
    match (fader.pass(frame, gain), leveler.pass(frame)) {
        (Passed::Something, Passed::Something) => mix.contribute(seat, frame),
        (Passed::Nothing, _) | (_, Passed::Nothing) => Ok(()),
    }
}
