//! Payloads that say whose they are (ISO-6).
//!
//! What goes from one peer to another as it is carries its owner in its octets. What a meeting mixes can't: each of its
//! talkers says the meeting's two tones, whole periods of which fill every packet, and each packet that comes out of a
//! mix is looked at by itself. Two meetings share one tone at most, so whatever comes from another has a tone too many.

use std::f32::consts::TAU;

use codecs::{Dbm0, Decoder, Encoder, Generator};
use terms::media::{Codec, SampleRate};

/// Samples of a packet that is looked at.
pub(crate) const PACKET: usize = SampleRate::Hz8000.tick_samples();
/// Tones, 200 Hz apart: 4 bins of a packet, so that one that begins or ends doesn't look like its neighbors.
const TONES: usize = 15;
const STEP_HZ: usize = 200;
const FIRST_HZ: usize = 400;
/// Meetings that can be told apart: pairs of tones.
pub(crate) const MEETINGS: usize = TONES * (TONES - 1) / 2;
const LEVEL: Dbm0 = Dbm0(-12.0);
/// A talker's tone is at −17 dBm0 or louder in a mix (MEET-7 brings it there); what a seam of loud tones spreads over
/// others is below −21.
const AUDIBLE: Dbm0 = Dbm0(-21.0);

/// At the head of an owner in octets.
const MAGIC: u32 = 0x6d61_726b;

/// Whose a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// A talker's of a meeting.
    Meeting(usize),
    /// Of one of two peers: that which called, by its number.
    Caller(u64),
    /// That which was called by it.
    Callee(u64),
}

/// Who is heard in a packet, beside what should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The others of the same call.
    Own,
    /// Somebody of another call, or itself.
    Foreign,
    /// Nobody: silence, or sound that has no mark.
    Nobody,
}

/// What a receiver counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    pub(crate) own: u64,
    pub(crate) foreign: u64,
    pub(crate) nobody: u64,
}

impl Counted {
    pub(crate) const fn count(&mut self, owner: Owner) {
        match owner {
            Owner::Own => self.own += 1,
            Owner::Foreign => self.foreign += 1,
            Owner::Nobody => self.nobody += 1,
        }
    }

    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            own: self.own + other.own,
            foreign: self.foreign + other.foreign,
            nobody: self.nobody + other.nobody,
        }
    }
}

impl Mark {
    /// Of who is heard by the owner of this one.
    const fn partner(self) -> Self {
        match self {
            Self::Meeting(meeting) => Self::Meeting(meeting),
            Self::Caller(number) => Self::Callee(number),
            Self::Callee(number) => Self::Caller(number),
        }
    }

    /// The tones that tell that its owner is in.
    pub(crate) fn frequencies(self) -> Vec<u32> {
        match self {
            Self::Meeting(meeting) => {
                tones_of(meeting).iter().filter_map(|tone| u32::try_from(hz(*tone)).ok()).collect()
            }
            Self::Caller(_) | Self::Callee(_) => Vec::new(),
        }
    }

    const fn as_u64(self) -> Option<u64> {
        match self {
            Self::Meeting(_) => None,
            Self::Caller(number) => Some(number << 1),
            Self::Callee(number) => Some((number << 1) | 1),
        }
    }
}

/// Makes marks and reads them.
#[derive(Debug)]
pub(crate) struct Marker {
    /// Of each meeting, encoded.
    meetings: Vec<[u8; PACKET]>,
    tones: Vec<[usize; 2]>,
    /// Linear samples of A-law.
    linear: [f32; 256],
    /// Goertzel's, of each tone.
    coefficients: [f32; TONES],
}

impl Marker {
    pub(crate) fn new() -> Self {
        let codes: [u8; 256] = std::array::from_fn(|code| u8::try_from(code).unwrap_or(u8::MAX));
        let mut samples = [0; 256];
        Decoder::new(Codec::Pcma).decode(&codes, &mut samples);
        #[expect(clippy::cast_precision_loss, reason = "audible frequencies are exact")]
        let coefficient = |tone: usize| 2.0 * (TAU * hz(tone) as f32 / SampleRate::Hz8000.hz() as f32).cos();
        Self {
            meetings: (0..MEETINGS).map(|meeting| sound(&tones_of(meeting))).collect(),
            tones: (0..MEETINGS).map(tones_of).collect(),
            linear: samples.map(f32::from),
            coefficients: std::array::from_fn(coefficient),
        }
    }

    /// The payload of every packet of the mark's owner, in A-law.
    pub(crate) fn payload(&self, mark: Mark) -> [u8; PACKET] {
        match (mark, mark.as_u64()) {
            (Mark::Meeting(meeting), _) => self.meetings[meeting % MEETINGS],
            (_, Some(owner)) => octets(owner),
            (_, None) => octets(u64::MAX),
        }
    }

    /// Whose a packet is that came to the mark's owner.
    pub(crate) fn judge(&self, mark: Mark, payload: &[u8]) -> Owner {
        if let Some(owner) = owner_of(payload) {
            return if mark.partner().as_u64() == Some(owner) { Owner::Own } else { Owner::Foreign };
        }
        let own: &[usize] = match mark {
            Mark::Meeting(meeting) => &self.tones[meeting % MEETINGS],
            Mark::Caller(_) | Mark::Callee(_) => &[],
        };
        let (mut is_own, mut is_foreign) = (false, false);
        for tone in (0..TONES).filter(|tone| self.level(*tone, payload) > AUDIBLE) {
            if own.contains(&tone) { is_own = true } else { is_foreign = true }
        }
        match (is_foreign, is_own) {
            (true, _) => Owner::Foreign,
            (false, true) => Owner::Own,
            (false, false) => Owner::Nobody,
        }
    }

    fn level(&self, tone: usize, payload: &[u8]) -> Dbm0 {
        let coefficient = self.coefficients[tone];
        let (mut last, mut before) = (0.0, 0.0);
        for code in payload {
            let next = self.linear[usize::from(*code)] + coefficient * last - before;
            (before, last) = (last, next);
        }
        let power: f32 = last * last + before * before - coefficient * last * before;
        #[expect(clippy::cast_precision_loss, reason = "a few hundred are exact")]
        let samples = payload.len().max(1) as f32;
        Dbm0::of_peak(2.0 * power.max(0.0).sqrt() / samples)
    }
}

/// Each pair of tones once.
fn tones_of(meeting: usize) -> [usize; 2] {
    let pairs = (0..TONES).flat_map(|first| (first + 1..TONES).map(move |second| [first, second]));
    pairs.into_iter().nth(meeting % MEETINGS).unwrap_or_default()
}

const fn hz(tone: usize) -> usize {
    FIRST_HZ + STEP_HZ * tone
}

fn sound(tones: &[usize]) -> [u8; PACKET] {
    let mut sum = [0_i16; PACKET];
    for tone in tones {
        let mut samples = [0; PACKET];
        Generator::new(u32::try_from(hz(*tone)).unwrap_or(0), LEVEL, SampleRate::Hz8000).fill(&mut samples);
        sum.iter_mut().zip(samples).for_each(|(sum, sample)| *sum = sum.saturating_add(sample));
    }
    let mut payload = [0; PACKET];
    Encoder::new(Codec::Pcma).encode(&sum, &mut payload);
    payload
}

/// The owner again and again, so that any part of a packet says it.
fn octets(owner: u64) -> [u8; PACKET] {
    let mut payload = [0; PACKET];
    for place in payload.chunks_exact_mut(12) {
        place[..4].copy_from_slice(&MAGIC.to_be_bytes());
        place[4..].copy_from_slice(&owner.to_be_bytes());
    }
    payload
}

fn owner_of(payload: &[u8]) -> Option<u64> {
    let at = payload.windows(12).find(|window| window.starts_with(&MAGIC.to_be_bytes()))?;
    Some(u64::from_be_bytes(at[4..].try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(payloads: &[&[u8; PACKET]]) -> [u8; PACKET] {
        let mut sum = [0_i16; PACKET];
        for payload in payloads {
            let mut samples = [0; PACKET];
            Decoder::new(Codec::Pcma).decode(&payload[..], &mut samples);
            sum.iter_mut().zip(samples).for_each(|(sum, sample)| *sum = sum.saturating_add(sample));
        }
        let mut payload = [0; PACKET];
        Encoder::new(Codec::Pcma).encode(&sum, &mut payload);
        payload
    }

    #[test]
    fn iso_6_one_packet_of_any_other_meeting_in_a_mix_is_seen() {
        let marker = Marker::new();
        for meeting in [0, 7, 50, MEETINGS - 1] {
            let own = marker.payload(Mark::Meeting(meeting));
            assert_eq!(marker.judge(Mark::Meeting(meeting), &mixed(&[&own, &own])), Owner::Own, "{meeting}");
            for other in (0..MEETINGS).filter(|other| *other != meeting) {
                let leak = marker.payload(Mark::Meeting(other));
                let heard = [mixed(&[&own, &leak]), leak];
                for heard in heard {
                    assert_eq!(marker.judge(Mark::Meeting(meeting), &heard), Owner::Foreign, "{other}");
                }
            }
        }
    }

    #[test]
    fn iso_6_a_packet_between_two_is_told_by_its_octets() {
        let marker = Marker::new();
        let (caller, callee) = (Mark::Caller(5), Mark::Callee(5));
        let rows = [
            ("its partner's", caller, marker.payload(callee), Owner::Own),
            ("its caller's", callee, marker.payload(caller), Owner::Own),
            ("its own", caller, marker.payload(caller), Owner::Foreign),
            ("another's", caller, marker.payload(Mark::Callee(6)), Owner::Foreign),
            ("a meeting's", caller, marker.payload(Mark::Meeting(3)), Owner::Foreign),
            ("in a meeting", Mark::Meeting(3), marker.payload(callee), Owner::Foreign),
            ("silence", caller, [0xd5; PACKET], Owner::Nobody),
        ];
        for (name, mark, payload, owner) in rows {
            assert_eq!(marker.judge(mark, &payload), owner, "{name}");
        }
    }

    #[test]
    fn iso_6_each_packet_of_a_meetings_talker_is_the_same_and_goes_on_without_a_seam() {
        let marker = Marker::new();
        for meeting in 0..MEETINGS {
            let payload = marker.payload(Mark::Meeting(meeting));
            let mut samples = [0; PACKET];
            Decoder::new(Codec::Pcma).decode(&payload, &mut samples);
            // 5 ms are whole periods of every tone; around zero a step of A-law is 16.
            let seam = |(a, b): (&i16, &i16)| a.abs_diff(*b) <= 16;
            assert!(samples.iter().zip(&samples[40..]).all(seam), "{meeting}: {samples:?}");
        }
    }
}
