//! What a caller says, as RTP of any packet time.

use std::time::Duration;

use rtp::{HEADER_LEN, Header, SequenceNumber, Timestamp, telephone_event, write_header};
use terms::{
    Digit, Entropy, Instant,
    media::{PayloadType, Ssrc, Stream},
};

use crate::{
    marks::{Mark, Marker},
    tones::{LONGEST, Sounds, Tone},
};

/// How long a key is pressed: five packets, as most phones do.
pub(crate) const PRESS: Duration = Duration::from_millis(100);
/// RFC 4733 §2.3: the bit beside the volume that says that the key is up.
const END: u8 = 0x80;

/// A packet and its length.
pub(crate) type Packet = [u8; HEADER_LEN + LONGEST];

/// What to say in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    Nothing,
    Tone(Tone),
    Mark(Mark),
    Press(Digit),
}

/// Makes one packet after the other.
#[derive(Debug)]
pub(crate) struct Mouth {
    ssrc: Ssrc,
    sequence: SequenceNumber,
    timestamp: Timestamp,
    payload_type: PayloadType,
    events: Option<PayloadType>,
    key: Option<telephone_event::Sender>,
    /// When the first packet went out that said that the last key is up.
    released: Option<Instant>,
    sent: u64,
}

impl Mouth {
    /// A mouth for what was negotiated.
    pub(crate) fn new(stream: &Stream, entropy: &mut Entropy) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "random bits")]
        let sequence = entropy.next_u32() as u16;
        Self {
            ssrc: Ssrc(entropy.next_u32()),
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(entropy.next_u32()),
            payload_type: stream.send.payload_type,
            events: stream.send_events,
            key: None,
            released: None,
            sent: 0,
        }
    }

    /// How many packets were made.
    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether a key is down, or was just let go.
    pub(crate) const fn is_pressing(&self) -> bool {
        self.key.is_some()
    }

    /// When the last key was up.
    pub(crate) const fn released(&self) -> Option<Instant> {
        self.released
    }

    /// Writes the packet of so many samples that is sent at `now`; returns its length. A key that is being pressed goes on
    /// whatever is said.
    pub(crate) fn speak(
        &mut self,
        now: Instant,
        (say, samples): (Say, usize),
        (sounds, marker): (&Sounds, &Marker),
        packet: &mut Packet,
    ) -> usize {
        if let Say::Press(digit) = say {
            self.key = Some(telephone_event::Sender::new(digit, self.timestamp, PRESS));
            self.released = None;
        }
        let mark;
        let event = self.key.as_mut().and_then(Iterator::next);
        let (header, payload) = match (&event, self.events) {
            (Some(event), Some(payload_type)) => {
                if event.payload[1] & END != 0 {
                    self.released.get_or_insert(now);
                }
                let header = Header {
                    payload_type,
                    marker: event.marker,
                    timestamp: event.timestamp,
                    ..self.header()
                };
                (header, &event.payload[..])
            }
            _ => {
                self.key = None;
                let sound = match say {
                    Say::Mark(owner) => {
                        mark = marker.payload(owner);
                        &mark[..]
                    }
                    Say::Tone(tone) => sounds.tone(tone, self.timestamp.0, samples),
                    Say::Nothing | Say::Press(_) => sounds.silence(samples),
                };
                (self.header(), sound)
            }
        };
        write_header(packet, &header);
        packet[HEADER_LEN..][..payload.len()].copy_from_slice(payload);
        self.sequence = self.sequence.next();
        self.timestamp = self.timestamp.advanced_by(u32::try_from(samples).unwrap_or(0));
        self.sent += 1;
        HEADER_LEN + payload.len()
    }

    const fn header(&self) -> Header {
        Header {
            payload_type: self.payload_type,
            marker: self.sent == 0,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        }
    }
}
