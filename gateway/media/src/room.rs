//! One meeting's ports on this worker.

use codecs::Passed;
use meeting::{Foreign, Heard, Mix};
use rtp::Header;
use terms::{
    Instant, MeetingId, WorkerId,
    media::{Report, SampleRate, Voice},
};

use crate::{
    chime::Chimes,
    engine::{Elsewhere, Outbox, SlotId, Slots},
    player::Told,
    port::Hearing,
    schedule::Phase,
    shared::{Hears, Shared},
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
    /// What the silent hear, encoded once for all of them.
    shared: Shared,
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
            shared: Shared::default(),
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
        let mut shared = std::mem::take(&mut self.shared);
        shared.begin_tick();
        for slot in &self.members {
            violations += u64::from(self.speak_to(now, *slot, slots, (out, &mut shared)).is_err());
        }
        self.shared = shared;
        violations
    }

    fn speak_to(
        &self,
        now: Instant,
        slot: SlotId,
        slots: &mut Slots,
        (out, shared): (&mut Outbox, &mut Shared),
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
        let hears = match heard {
            _ if told.is_some() => Hears::ItsOwn,
            Heard::Others => Hears::ItsOwn,
            Heard::Everyone => Hears::All,
            Heard::Nobody if self.mix.is_silent(rate) => Hears::Silence,
            Heard::Nobody => Hears::Itself,
        };
        let is_shared = shared.is_for(sender, hears);
        sender.join(now, frame);
        if is_shared {
            let payload = shared.payload(sender, hears, frame);
            sender.send_shared(now, numbers, payload, emit);
        } else {
            sender.send(now, numbers, frame, emit);
        }
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
