//! What a phone sends: silence, a tone, keys; one packet a tick.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use codecs::{Dbm0, Encoder, Generator};
use rtp::{Header, SequenceNumber, Timestamp, telephone_event, write_header};
use terms::{
    Digit, Instant,
    media::{Codec, Format, PayloadType, SampleRate, Ssrc},
};

use super::Action;

const FRAME: usize = SampleRate::Hz8000.tick_samples();
const TICK_SAMPLES: u32 = 160;
const PRESS: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
enum Doing {
    Nothing,
    Waiting { until: Instant },
    Talking { until: Instant },
    Saying { sound: Arc<[i16]>, next: usize },
    Stopped { until: Instant },
    Keying { keys: VecDeque<Digit>, press: VecDeque<telephone_event::Outgoing>, next_at: Instant },
}

/// What came of a tick besides the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Keyed,
    HangUp,
}

/// The sending half of a phone.
#[derive(Debug)]
pub(super) struct Mouth {
    actions: VecDeque<Action>,
    doing: Doing,
    tone: Generator,
    format: Format,
    ssrc: Ssrc,
    sequence: SequenceNumber,
    timestamp: Timestamp,
}

impl Mouth {
    pub(super) fn new(number: u8, hz: u32) -> Self {
        Self {
            actions: VecDeque::new(),
            doing: Doing::Nothing,
            tone: Generator::new(hz, Dbm0(-10.0), SampleRate::Hz8000),
            format: Format { payload_type: PayloadType(8), codec: Codec::Pcma },
            ssrc: Ssrc(u32::from(number) << 8),
            // Begins near the wrap, which every stream meets some day.
            sequence: SequenceNumber(65_500),
            timestamp: Timestamp(u32::MAX - 8_000),
        }
    }

    /// Speaks a codec from here on.
    pub(super) const fn speak(&mut self, format: Format) {
        self.format = format;
    }

    pub(super) fn will(&mut self, actions: &[Action]) {
        self.actions.extend(actions.iter().cloned());
    }

    /// Whose packets they are.
    pub(super) const fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The number of the packet of the next tick.
    pub(super) const fn next_sequence(&self) -> SequenceNumber {
        self.sequence
    }

    /// The packet of this tick, if it sends one; telephone events go at `events`.
    pub(super) fn tick(&mut self, now: Instant, events: PayloadType) -> (Option<Vec<u8>>, Told) {
        let told = self.go_on(now);
        let packet = match &mut self.doing {
            Doing::Keying { press, .. } if !press.is_empty() => {
                let event = press.pop_front().expect("it is not empty");
                let (marker, timestamp) = (event.marker, event.timestamp);
                let header = Header { payload_type: events, marker, timestamp, ..self.header() };
                Some(self.packet(&header, &event.payload))
            }
            Doing::Talking { .. } => {
                let mut frame = [0; FRAME];
                self.tone.fill(&mut frame);
                Some(self.sound(&frame))
            }
            Doing::Saying { sound, next } => {
                let mut frame = [0; FRAME];
                let rest = &sound[*next..];
                let length = rest.len().min(FRAME);
                frame[..length].copy_from_slice(&rest[..length]);
                *next += length;
                Some(self.sound(&frame))
            }
            Doing::Stopped { .. } => None,
            Doing::Nothing | Doing::Waiting { .. } | Doing::Keying { .. } => Some(self.sound(&[0; FRAME])),
        };
        self.timestamp = self.timestamp.advanced_by(TICK_SAMPLES);
        (packet, told)
    }

    /// Begins what is next once what is being done is over.
    fn go_on(&mut self, now: Instant) -> Told {
        loop {
            match &mut self.doing {
                Doing::Waiting { until } | Doing::Talking { until } | Doing::Stopped { until }
                    if *until > now =>
                {
                    return Told::Nothing;
                }
                Doing::Saying { sound, next } if *next < sound.len() => return Told::Nothing,
                Doing::Keying { press, next_at, .. } if !press.is_empty() || *next_at > now => {
                    return Told::Nothing;
                }
                Doing::Keying { keys, press, next_at } => match keys.pop_front() {
                    Some(key) => {
                        *press = telephone_event::Sender::new(key, self.timestamp, PRESS).collect();
                        let ticks = u32::try_from(press.len()).expect("a press is a few packets");
                        *next_at = now + Duration::from_millis(20) * ticks + PAUSE;
                        return if keys.is_empty() { Told::Keyed } else { Told::Nothing };
                    }
                    None => self.doing = Doing::Nothing,
                },
                Doing::Nothing
                | Doing::Waiting { .. }
                | Doing::Talking { .. }
                | Doing::Saying { .. }
                | Doing::Stopped { .. } => match self.actions.pop_front() {
                    None => {
                        self.doing = Doing::Nothing;
                        return Told::Nothing;
                    }
                    Some(Action::HangUp) => return Told::HangUp,
                    Some(Action::Wait(time)) => self.doing = Doing::Waiting { until: now + time },
                    Some(Action::Talk(time)) => self.doing = Doing::Talking { until: now + time },
                    Some(Action::Say(sound)) => self.doing = Doing::Saying { sound, next: 0 },
                    Some(Action::Stop(time)) => self.doing = Doing::Stopped { until: now + time },
                    Some(Action::Key(keys)) => {
                        let keys = keys.chars().map(|key| Digit::try_from(key).expect("a key")).collect();
                        self.doing = Doing::Keying { keys, press: VecDeque::new(), next_at: now };
                    }
                },
            }
        }
    }

    fn sound(&mut self, frame: &[i16]) -> Vec<u8> {
        let mut payload = [0; FRAME];
        let length = Encoder::new(self.format.codec).encode(frame, &mut payload);
        let header = self.header();
        self.packet(&header, &payload[..length])
    }

    const fn header(&self) -> Header {
        Header {
            payload_type: self.format.payload_type,
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        }
    }

    fn packet(&mut self, header: &Header, payload: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.next();
        let mut packet = vec![0; rtp::HEADER_LEN];
        write_header(&mut packet, header);
        packet.extend_from_slice(payload);
        packet
    }
}
