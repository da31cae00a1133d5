//! What one worker's part of a meeting adds to the whole.

use terms::{MeetingId, PortId, media::SampleRate};

/// How many of the loudest talkers travel with a partial.
pub(crate) const LOUDEST: usize = 3;

/// Somebody who speaks in this tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Talker {
    /// Mean square of the frame's samples.
    pub power: u32,
    /// Whose.
    pub port: PortId,
}

/// The sum of one worker's talkers at one rate in one tick. Made once, filled each tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    pub(crate) meeting: MeetingId,
    pub(crate) rate: SampleRate,
    pub(crate) talkers: u32,
    pub(crate) loudest: [Option<Talker>; LOUDEST],
    pub(crate) sum: Vec<i32>,
}

impl Partial {
    /// An empty one of a meeting and rate.
    pub fn new(meeting: MeetingId, rate: SampleRate) -> Self {
        Self { meeting, rate, talkers: 0, loudest: [None; LOUDEST], sum: vec![0; rate.tick_samples()] }
    }

    /// Makes an old one ready for another meeting or rate; its memory stays.
    pub fn reuse(&mut self, meeting: MeetingId, rate: SampleRate) {
        self.meeting = meeting;
        self.rate = rate;
        self.sum.resize(rate.tick_samples(), 0);
    }

    /// At which rate.
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Whose it is.
    pub const fn meeting(&self) -> MeetingId {
        self.meeting
    }
}

/// Puts `talker` among the loudest, the loudest first.
pub(crate) fn rank(loudest: &mut [Option<Talker>; LOUDEST], talker: Talker) {
    let mut candidate = Some(talker);
    for place in loudest {
        if candidate > *place {
            std::mem::swap(place, &mut candidate);
        }
    }
}
