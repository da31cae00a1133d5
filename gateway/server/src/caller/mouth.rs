//! What the caller says, as RTP.

use std::time::Duration;

use codecs::{Dbm0, Encoder, Generator};
use rtp::{HEADER_LEN, Header, SequenceNumber, Timestamp, telephone_event, write_header};
use terms::{
    Entropy,
    media::{PayloadType, SampleRate, Ssrc, Stream},
};

use super::script::Say;

/// As loud as people talk (ITU-T P.56); four of them together still fit G.711.
const TALK_LEVEL: Dbm0 = Dbm0(-16.0);
/// How long a key is pressed: five packets, as most phones do.
pub(super) const PRESS: Duration = Duration::from_millis(100);
/// Samples of 20 ms.
const FRAME: usize = SampleRate::Hz8000.tick_samples();

/// Makes one packet each 20 ms.
#[derive(Debug)]
pub struct Mouth {
    ssrc: Ssrc,
    sequence: SequenceNumber,
    timestamp: Timestamp,
    payload_type: PayloadType,
    events: Option<PayloadType>,
    encoder: Encoder,
    tone: Option<(u32, Generator)>,
    key: Option<telephone_event::Sender>,
    sent: u64,
}

impl Mouth {
    /// A mouth for what was negotiated.
    pub fn new(stream: &Stream, entropy: &mut Entropy) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "random bits")]
        let sequence = entropy.next_u32() as u16;
        Self {
            ssrc: Ssrc(entropy.next_u32()),
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(entropy.next_u32()),
            payload_type: stream.send.payload_type,
            events: stream.send_events,
            encoder: Encoder::new(stream.send.codec),
            tone: None,
            key: None,
            sent: 0,
        }
    }

    /// How many packets were made.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes the packet of this tick; returns its length. A key that is being pressed goes on
    /// whatever is said.
    pub fn speak(&mut self, say: Say, packet: &mut [u8; HEADER_LEN + FRAME]) -> usize {
        if let Say::Press(digit) = say {
            self.key = Some(telephone_event::Sender::new(digit, self.timestamp, PRESS));
        }
        let event = self.key.as_mut().and_then(Iterator::next);
        let length = match (event, self.events) {
            (Some(event), Some(payload_type)) => {
                let header = Header {
                    payload_type,
                    marker: event.marker,
                    timestamp: event.timestamp,
                    ..self.header()
                };
                write_header(packet, &header);
                let payload = &mut packet[HEADER_LEN..][..event.payload.len()];
                payload.copy_from_slice(&event.payload);
                HEADER_LEN + event.payload.len()
            }
            _ => {
                self.key = None;
                write_header(packet, &self.header());
                HEADER_LEN + self.encode(say, &mut packet[HEADER_LEN..])
            }
        };
        self.sequence = self.sequence.next();
        self.timestamp = self.timestamp.advanced_by(FRAME as u32);
        self.sent += 1;
        length
    }

    fn header(&self) -> Header {
        Header {
            payload_type: self.payload_type,
            marker: self.sent == 0,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        }
    }

    fn encode(&mut self, say: Say, payload: &mut [u8]) -> usize {
        let mut samples = [0; FRAME];
        match say {
            Say::Tone(hz) => {
                if self.tone.as_ref().is_none_or(|(was, _)| *was != hz) {
                    self.tone = Some((hz, Generator::new(hz, TALK_LEVEL, SampleRate::Hz8000)));
                }
                if let Some((_, generator)) = &mut self.tone {
                    generator.fill(&mut samples);
                }
            }
            Say::Nothing | Say::Press(_) => self.tone = None,
        }
        self.encoder.encode(&samples, payload)
    }
}

#[cfg(test)]
mod tests {
    use rtp::Packet;
    use terms::{
        Digit, Direction,
        media::{Codec, Format, Ptime},
    };

    use super::*;

    fn mouth() -> Mouth {
        let address = ([127, 0, 0, 1], 4_000).into();
        let send = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
        let stream = Stream {
            remote: address,
            remote_rtcp: address,
            direction: Direction::SendReceive,
            send,
            ptime: Ptime::MS_20,
            receive: vec![send],
            receive_events: Some(PayloadType(101)),
            send_events: Some(PayloadType(101)),
            comfort_noise: None,
            opus: terms::media::OpusWish::default(),
            rtcp: terms::media::RtcpPath::Apart,
            srtp: None,
            dtls: None,
            ice: None,
        };
        Mouth::new(&stream, &mut Entropy::from_seed([1, 2, 3, 4]))
    }

    #[test]
    fn rfc4733_2_5_a_press_takes_the_place_of_sound_and_the_clock_runs_on() {
        let mut mouth = mouth();
        let mut packets = Vec::new();
        let key = Digit::try_from('5').expect("a key");
        for say in [Say::Nothing, Say::Press(key)].into_iter().chain([Say::Nothing; 8]) {
            let mut packet = [0; HEADER_LEN + FRAME];
            let length = mouth.speak(say, &mut packet);
            let header = Packet::parse(&packet[..length]).expect("a packet").header();
            packets.push((header.payload_type.0, header.marker, header.timestamp, header.sequence));
        }
        let kinds: Vec<u8> = packets.iter().map(|packet| packet.0).collect();
        assert_eq!(kinds, [8, 101, 101, 101, 101, 101, 101, 101, 8, 8]);
        let markers: Vec<usize> = (0..10).filter(|at| packets[*at].1).collect();
        assert_eq!(markers, [0, 1]);
        let since = |at: usize| packets[at].2.distance_from(packets[0].2);
        assert_eq!((since(1), since(7), since(8), since(9)), (160, 160, 1_280, 1_440));
        assert!(packets.windows(2).all(|pair| pair[1].3.distance_from(pair[0].3) == 1));
    }
}
