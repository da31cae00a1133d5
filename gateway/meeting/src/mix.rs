//! The mix of one meeting on one worker.

use codecs::{Resampler, energy, ring_out};
use terms::{MeetingId, MeetingTag, PortId, media::SampleRate};

use crate::{
    partial::{LOUDEST, Partial, Talker, rank},
    seat::{Foreign, Seat},
};

/// The longest frame: 20 ms at 48 kHz.
const MAX_FRAME: usize = SampleRate::Hz48000.tick_samples();

/// Of a participant who has left: sittings count from 1.
const NOBODY: u64 = 0;

/// What a listener got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The whole sum: every listener who gets it gets the same frame, which may be encoded once.
    Everyone,
    /// The sum less its own frame.
    Others,
    /// Nobody speaks, or nobody but the listener: silence.
    Nobody,
}

/// How somebody leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// What it said last rings out in the next tick, since a sound that breaks off is a click.
    Softly,
    /// Nothing more is heard of it.
    AtOnce,
}

/// The sum at one rate.
#[derive(Debug)]
struct Bus {
    rate: SampleRate,
    sum: Vec<i32>,
    talkers: u32,
    /// Participants here who listen at this rate.
    listeners: u32,
}

#[derive(Debug)]
struct Participant {
    tag: MeetingTag,
    sitting: u64,
    /// Whose voice it is; a tone of ours is nobody's.
    port: Option<PortId>,
    rate: SampleRate,
    /// What it said in this tick.
    frame: Vec<i16>,
    spoke: Spoke,
    /// Carries its sound to the buses of other rates.
    to_others: Vec<(SampleRate, Resampler)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoke {
    Yes,
    No,
    /// It has left; its frame is what rings out.
    Last,
}

/// One meeting's mix. See the crate's description.
#[derive(Debug)]
pub struct Mix {
    meeting: MeetingId,
    buses: Vec<Bus>,
    participants: Vec<Option<Participant>>,
    loudest: [Option<Talker>; LOUDEST],
    sittings: u64,
}

impl Mix {
    /// Nobody is in yet.
    pub const fn new(meeting: MeetingId) -> Self {
        Self { meeting, buses: Vec::new(), participants: Vec::new(), loudest: [None; LOUDEST], sittings: 0 }
    }

    /// Whose mix it is.
    pub const fn meeting(&self) -> MeetingId {
        self.meeting
    }

    /// The rates that are mixed.
    pub fn rates(&self) -> impl Iterator<Item = SampleRate> + '_ {
        self.buses.iter().map(|bus| bus.rate)
    }

    /// Whether nobody is in.
    pub fn is_empty(&self) -> bool {
        self.participants.iter().all(Option::is_none)
    }

    /// The loudest talkers of this tick, the loudest first.
    pub fn loudest(&self) -> impl Iterator<Item = Talker> + '_ {
        self.loudest.iter().flatten().copied()
    }

    /// Takes a participant in who speaks and listens at `rate`.
    pub fn seat(&mut self, tag: MeetingTag, port: PortId, rate: SampleRate) -> Result<Seat, Foreign> {
        self.sit(tag, Some(port), rate)
    }

    /// A seat for a sound of our own, which is no talker.
    pub fn seat_sound(&mut self, tag: MeetingTag, rate: SampleRate) -> Result<Seat, Foreign> {
        self.sit(tag, None, rate)
    }

    fn sit(&mut self, tag: MeetingTag, port: Option<PortId>, rate: SampleRate) -> Result<Seat, Foreign> {
        if tag.meeting != self.meeting {
            return Err(Foreign);
        }
        self.bus_at(rate).listeners += 1;
        self.sittings += 1;
        let others = self.buses.iter().map(|bus| bus.rate).filter(|other| *other != rate);
        let participant = Participant {
            tag,
            sitting: self.sittings,
            port,
            rate,
            frame: vec![0; rate.tick_samples()],
            spoke: Spoke::No,
            to_others: others.map(|other| (other, Resampler::new(rate, other))).collect(),
        };
        let index = self.participants.iter().position(Option::is_none).unwrap_or(self.participants.len());
        if index == self.participants.len() {
            self.participants.push(None);
        }
        self.participants[index] = Some(participant);
        Ok(Seat { tag, rate, index, sitting: self.sittings })
    }

    /// Lets a participant go.
    #[expect(clippy::needless_pass_by_value, reason = "who leaves gives the seat up")]
    pub fn leave(&mut self, seat: Seat, leaving: Leaving) -> Result<(), Foreign> {
        let rate = self.sitting(&seat)?.rate;
        let Some(place) = self.participants.get_mut(seat.index) else { return Err(Foreign) };
        match place {
            Some(participant) if leaving == Leaving::Softly && participant.spoke == Spoke::Yes => {
                participant.spoke = Spoke::Last;
                participant.sitting = NOBODY;
                let last = participant.frame.clone();
                ring_out(&last, rate, &mut participant.frame);
            }
            _ => *place = None,
        }
        self.bus_at(rate).listeners -= 1;
        Ok(())
    }

    /// Forgets the last tick. A bus that nobody listens to, here or elsewhere, goes.
    pub fn begin_tick(&mut self) {
        self.loudest = [None; LOUDEST];
        self.buses.retain(|bus| bus.listeners > 0 || bus.talkers > 0);
        for bus in &mut self.buses {
            bus.sum.fill(0);
            bus.talkers = 0;
        }
        for place in &mut self.participants {
            if let Some(participant) = place {
                if participant.spoke == Spoke::Last {
                    participant.add_to(&mut self.buses);
                    *place = None;
                } else {
                    participant.spoke = Spoke::No;
                }
            }
        }
    }

    /// Adds what a participant says in this tick: one frame of 20 ms at its rate. Only the first counts.
    pub fn contribute(&mut self, seat: &Seat, frame: &[i16]) -> Result<(), Foreign> {
        self.sitting(seat)?;
        let Some(Some(participant)) = self.participants.get_mut(seat.index) else { return Err(Foreign) };
        if participant.spoke != Spoke::No || frame.len() != participant.frame.len() {
            return Ok(());
        }
        participant.frame.copy_from_slice(frame);
        participant.spoke = Spoke::Yes;
        if let Some(port) = participant.port {
            rank(&mut self.loudest, Talker { power: power(frame), port });
        }
        participant.add_to(&mut self.buses);
        Ok(())
    }

    /// Fills `partial` with what the talkers here add up to, before anything is merged.
    pub fn partial(&self, partial: &mut Partial) -> Result<(), Foreign> {
        if partial.meeting != self.meeting {
            return Err(Foreign);
        }
        let bus = self.buses.iter().find(|bus| bus.rate == partial.rate);
        partial.talkers = bus.map_or(0, |bus| bus.talkers);
        partial.loudest = self.loudest;
        match bus {
            Some(bus) => partial.sum.copy_from_slice(&bus.sum),
            None => partial.sum.fill(0),
        }
        Ok(())
    }

    /// Adds what the talkers on another worker add up to. A rate that is new here gets its bus, so
    /// that the talkers here are heard there from the next tick on.
    pub fn merge(&mut self, partial: &Partial) -> Result<(), Foreign> {
        if partial.meeting != self.meeting {
            return Err(Foreign);
        }
        for talker in partial.loudest.iter().flatten() {
            rank(&mut self.loudest, *talker);
        }
        let bus = self.bus_at(partial.rate);
        bus.talkers += partial.talkers;
        for (total, sample) in bus.sum.iter_mut().zip(&partial.sum) {
            *total += sample;
        }
        Ok(())
    }

    /// Writes what a participant hears: the sum less its own frame.
    pub fn hear(&self, seat: &Seat, out: &mut [i16]) -> Result<Heard, Foreign> {
        let participant = self.sitting(seat)?;
        let Some(bus) = self.buses.iter().find(|bus| bus.rate == participant.rate) else {
            out.fill(0);
            return Ok(Heard::Nobody);
        };
        match (participant.spoke, bus.talkers) {
            (Spoke::No | Spoke::Last, 0) | (Spoke::Yes, 1) => {
                out.fill(0);
                Ok(Heard::Nobody)
            }
            (Spoke::No | Spoke::Last, _) => {
                clip_into(out, &bus.sum);
                Ok(Heard::Everyone)
            }
            (Spoke::Yes, _) => {
                clip_less_own_into(out, &bus.sum, &participant.frame);
                Ok(Heard::Others)
            }
        }
    }

    /// Whether nobody at all is heard at `rate` in this tick.
    pub fn is_silent(&self, rate: SampleRate) -> bool {
        self.buses.iter().all(|bus| bus.rate != rate || bus.talkers == 0)
    }

    /// The participant of a seat, if the seat is of this mix and this sitting.
    fn sitting(&self, seat: &Seat) -> Result<&Participant, Foreign> {
        let participant = self.participants.get(seat.index).and_then(Option::as_ref);
        participant
            .filter(|participant| participant.sitting == seat.sitting && participant.tag == seat.tag)
            .filter(|_| seat.tag.meeting == self.meeting)
            .ok_or(Foreign)
    }

    /// The bus of `rate`, made where it is missing: everybody here speaks into it from then on.
    fn bus_at(&mut self, rate: SampleRate) -> &mut Bus {
        let index = match self.buses.iter().position(|bus| bus.rate == rate) {
            Some(index) => index,
            None => {
                for participant in self.participants.iter_mut().flatten() {
                    let known = participant.to_others.iter().any(|(other, _)| *other == rate);
                    if participant.rate != rate && !known {
                        participant.to_others.push((rate, Resampler::new(participant.rate, rate)));
                    }
                }
                self.buses.push(Bus { rate, sum: vec![0; rate.tick_samples()], talkers: 0, listeners: 0 });
                self.buses.len() - 1
            }
        };
        &mut self.buses[index]
    }
}

impl Participant {
    /// Adds its frame to every bus.
    fn add_to(&mut self, buses: &mut [Bus]) {
        let mut resampled = [0; MAX_FRAME];
        for bus in buses {
            bus.talkers += 1;
            if bus.rate == self.rate {
                mix_into(&mut bus.sum, &self.frame);
            } else if let Some((_, resampler)) = self.to_others.iter_mut().find(|(rate, _)| *rate == bus.rate)
            {
                let length = resampler.resample(&self.frame, &mut resampled);
                mix_into(&mut bus.sum, &resampled[..length]);
            }
        }
    }
}

/// Adds `frame` into `sum`; i32 holds 2^16 full-scale participants.
fn mix_into(sum: &mut [i32], frame: &[i16]) {
    for (total, sample) in sum.iter_mut().zip(frame) {
        *total += i32::from(*sample);
    }
}

fn clip_into(out: &mut [i16], sum: &[i32]) {
    for (sample, total) in out.iter_mut().zip(sum) {
        *sample = clip(*total);
    }
}

fn clip_less_own_into(out: &mut [i16], sum: &[i32], own: &[i16]) {
    for ((sample, total), own) in out.iter_mut().zip(sum).zip(own) {
        *sample = clip(*total - i32::from(*own));
    }
}

fn clip(total: i32) -> i16 {
    let clamped = total.clamp(i32::from(i16::MIN), i32::from(i16::MAX));
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of i16")]
    let sample = clamped as i16;
    sample
}

/// Mean square of the samples.
fn power(frame: &[i16]) -> u32 {
    let mean = energy(frame) / u64::try_from(frame.len().max(1)).unwrap_or(1);
    u32::try_from(mean).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
