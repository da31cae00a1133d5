use std::{collections::BTreeMap, time::Duration};

use codecs::{Dbm0, Encoder, Generator, dbov};
use rtp::{Header, SequenceNumber, Timestamp, jitter, write_header};
use terms::{
    Direction, Entropy,
    media::{Codec, Format, Ptime, Ssrc},
};

use super::*;
use crate::schedule::TICK;

const MS: Duration = Duration::from_millis(1);

fn stream() -> Stream {
    stream_of(Codec::Pcma, 8)
}

fn stream_of(codec: Codec, payload_type: u8) -> Stream {
    let format = Format { payload_type: PayloadType(payload_type), codec };
    Stream {
        remote: "192.0.2.1:4000".parse().expect("an address"),
        remote_rtcp: "192.0.2.1:4001".parse().expect("an address"),
        direction: Direction::SendReceive,
        send: format,
        ptime: Ptime::MS_20,
        receive: vec![format],
        receive_events: None,
        send_events: None,
        comfort_noise: Some(PayloadType(13)),
        opus: terms::media::OpusWish::default(),
        rtcp: terms::media::RtcpPath::Apart,
        srtp: None,
        dtls: None,
        ice: None,
    }
}

/// What a sender says.
#[derive(Debug, Clone)]
enum Voice {
    Tone(Generator),
    Noise(Entropy),
    Silence,
}

impl Voice {
    fn tone(hz: u32) -> Self {
        Self::tone_at(hz, SampleRate::Hz8000)
    }

    fn tone_at(hz: u32, rate: SampleRate) -> Self {
        Self::Tone(Generator::new(hz, Dbm0(-10.0), rate))
    }

    fn fill(&mut self, frame: &mut [i16]) {
        match self {
            Self::Tone(generator) => generator.fill(frame),
            Self::Noise(entropy) => {
                let mut sample = || i16::try_from(entropy.below(8_000)).expect("it fits") - 4_000;
                frame.fill_with(&mut sample);
            }
            Self::Silence => frame.fill(0),
        }
    }
}

/// A sender with a clock of its own, a path, and a receiver that plays a tick every 20 ms.
struct Line {
    receiver: Receiver,
    voice: Voice,
    codec: Codec,
    encoder: Encoder,
    now: Instant,
    /// When the next packet is ready to be sent.
    ready: Instant,
    packet_ms: u32,
    /// How fast the sender's clock runs.
    ppm: i64,
    header: Header,
    flying: BTreeMap<(Instant, u16), Vec<u8>>,
    heard: Vec<i16>,
}

impl Line {
    fn new(voice: Voice, packet_ms: u32) -> Self {
        let begin = Instant::ZERO + 3_000 * MS;
        let header = Header {
            payload_type: PayloadType(8),
            marker: false,
            sequence: SequenceNumber(65_000),
            timestamp: Timestamp(u32::MAX - 1_000),
            ssrc: Ssrc(9),
        };
        Self {
            receiver: Receiver::new(&stream()),
            voice,
            codec: Codec::Pcma,
            encoder: Encoder::new(Codec::Pcma),
            now: begin,
            // Somewhere within a tick.
            ready: begin + Duration::from_micros(7_300),
            packet_ms,
            ppm: 0,
            header,
            flying: BTreeMap::new(),
            heard: Vec::new(),
        }
    }

    /// Goes over to another codec, whose packets may hold 20 ms.
    fn speak(&mut self, codec: Codec, payload_type: u8, voice: Voice) {
        (self.codec, self.encoder, self.voice) = (codec, Encoder::new(codec), voice);
        self.header.payload_type = PayloadType(payload_type);
    }

    /// Lets time pass; each packet is late by what `late` says of its number, or lost.
    fn run(&mut self, time: Duration, mut late: impl FnMut(u16) -> Option<Duration>) {
        let until = self.now + time;
        while self.now < until {
            self.now += TICK;
            while self.ready <= self.now {
                self.send(&mut late);
            }
            while let Some(first) = self.flying.first_entry().filter(|first| first.key().0 <= self.now) {
                let (arrival, _) = *first.key();
                let bytes = first.remove();
                let packet = Packet::parse(&bytes).expect("we wrote it");
                self.receiver.take(arrival, &packet);
            }
            let mut frame = vec![0; self.receiver.track.rate().tick_samples()];
            self.receiver.frame(self.now, &mut frame);
            self.heard.extend_from_slice(&frame);
        }
    }

    /// Pauses for so long, and describes the noise each 200 ms.
    fn pause(&mut self, times: u32, description: &[u8]) {
        for _ in 0..times {
            let mut bytes = vec![0; rtp::HEADER_LEN];
            write_header(&mut bytes, &Header { payload_type: PayloadType(13), ..self.header });
            bytes.extend_from_slice(description);
            self.flying.insert((self.ready, self.header.sequence.0), bytes);
            self.header.sequence = self.header.sequence.next();
            self.header.timestamp = self.header.timestamp.advanced_by(1_600);
            self.ready += 200 * MS;
            self.run(200 * MS, in_time);
        }
    }

    fn send(&mut self, late: &mut impl FnMut(u16) -> Option<Duration>) {
        let (rate, clock) = (self.codec.sample_rate(), self.codec.clock_rate());
        let samples = self.packet_ms * rate.hz() / 1_000;
        let mut sound = vec![0; samples as usize];
        self.voice.fill(&mut sound);
        let mut bytes = vec![0; rtp::HEADER_LEN + sound.len()];
        write_header(&mut bytes, &self.header);
        let len = self.encoder.encode(&sound, &mut bytes[rtp::HEADER_LEN..]);
        bytes.truncate(rtp::HEADER_LEN + len);
        // A packet leaves once its last sample is taken.
        let span = i64::from(self.packet_ms) * (1_000_000 - self.ppm);
        let span = Duration::from_nanos(u64::try_from(span).expect("a clock that runs"));
        if let Some(late) = late(self.header.sequence.0) {
            self.flying.insert((self.ready + late, self.header.sequence.0), bytes);
        }
        self.ready += span;
        self.header.sequence = self.header.sequence.next();
        self.header.timestamp = self.header.timestamp.advanced_by(clock.units_of(samples, rate));
    }

    /// How deep the buffer is for the sample that is played next.
    fn depth(&self) -> jitter::Depth {
        self.receiver.depth().expect("something was played")
    }

    /// Packets that were not played, and times that something was made up.
    fn faults(&self) -> (u64, u64) {
        (self.receiver.discarded(), self.receiver.gaps())
    }
}

fn in_time(_: u16) -> Option<Duration> {
    Some(Duration::ZERO)
}

/// Late by up to so much, never out of order by more.
fn jitter(most: Duration) -> impl FnMut(u16) -> Option<Duration> {
    let mut entropy = Entropy::from_seed([1, 2, 3, 4]);
    move |_| Some(Duration::from_micros(entropy.below(u64::try_from(most.as_micros()).expect("short") + 1)))
}

#[test]
fn media_5_a_clock_200_ppm_off_for_ten_minutes_drops_nothing_and_leaves_no_gap() {
    let voices = [
        Voice::tone(200),
        Voice::tone(1_000),
        Voice::Noise(Entropy::from_seed([5, 6, 7, 8])),
        Voice::Silence,
    ];
    for voice in voices {
        for ppm in [-200, 200] {
            for packet_ms in [10, 20, 30, 60] {
                let mut line = Line::new(voice.clone(), packet_ms);
                line.ppm = ppm;
                line.run(Duration::from_secs(600), in_time);
                assert_eq!(line.faults(), (0, 0), "{voice:?} {ppm} ppm {packet_ms} ms");
                let depth = line.depth();
                assert!(depth.now < 66 * MS, "{voice:?} {ppm} ppm {packet_ms} ms: {depth:?}");
            }
        }
    }
}

#[test]
fn media_5_a_clock_off_under_jitter_drops_nothing_either() {
    for ppm in [-200, 200] {
        let mut line = Line::new(Voice::tone(200), 20);
        line.ppm = ppm;
        line.run(Duration::from_secs(20), jitter(30 * MS));
        let before = line.faults();
        line.run(Duration::from_secs(600), jitter(30 * MS));
        let (dropped, missing) = line.faults();
        assert_eq!((dropped, missing), before, "{ppm} ppm");
    }
}

#[test]
fn media_5_the_depth_follows_the_jitter_up_and_down() {
    for (most_ms, least, most) in [(0, 20, 52), (20, 30, 72), (60, 70, 112), (120, 130, 172)] {
        let mut line = Line::new(Voice::tone(200), 20);
        line.run(Duration::from_secs(30), jitter(most_ms * MS));
        let depth = line.depth();
        let is = depth.now.as_millis();
        assert!((least..=most).contains(&is), "{most_ms} ms of jitter: {depth:?}");
        line.run(Duration::from_secs(40), in_time);
        assert!(line.depth().now <= 52 * MS, "after {most_ms} ms of jitter: {:?}", line.depth());
    }
}

#[test]
fn media_5_a_burst_150_ms_late_loses_nothing_and_leaves_no_delay() {
    let mut line = Line::new(Voice::tone(200), 20);
    line.run(Duration::from_secs(20), in_time);
    let first = line.header.sequence.0;
    // The path stands still for 150 ms and then lets go.
    let stalled = |number: u16| {
        let waits = 150u32.saturating_sub(u32::from(number.wrapping_sub(first)) * 20);
        Some(waits * MS)
    };
    line.run(Duration::from_secs(1), stalled);
    assert_eq!(line.receiver.discarded(), 0);
    line.run(Duration::from_secs(5), in_time);
    assert!(line.depth().now <= 52 * MS, "{:?}", line.depth());
    assert_eq!(line.receiver.discarded(), 0);
}

#[test]
fn media_3_packet_times_that_change_midway_are_followed() {
    let mut line = Line::new(Voice::tone(200), 20);
    for packet_ms in [20, 60, 10, 30, 20, 40, 50, 20] {
        line.packet_ms = packet_ms;
        line.run(Duration::from_secs(10), in_time);
        let before = line.faults();
        line.run(Duration::from_secs(10), in_time);
        assert_eq!(line.faults(), before, "{packet_ms} ms");
        assert!(line.depth().now <= 70 * MS, "{packet_ms} ms: {:?}", line.depth());
    }
}

#[test]
fn media_5_a_pause_sounds_as_it_was_described_and_is_no_loss() {
    let mut line = Line::new(Voice::tone(200), 20);
    line.run(Duration::from_secs(5), in_time);
    for level in [45_u8, 60] {
        line.heard.clear();
        line.pause(10, &[level, 60]);
        let heard = dbov(&line.heard[4_000..15_000]).0;
        assert!((heard + f32::from(level)).abs() < 2.0, "{heard} instead of -{level} dBov");
        line.heard.clear();
        line.run(Duration::from_secs(1), in_time);
        assert!(line.heard[1_600..].chunks_exact(160).all(|frame| dbov(frame).0 > -17.0), "it talks again");
    }
    assert_eq!(line.faults(), (0, 0));
    assert!(line.depth().now <= 60 * MS, "{:?}", line.depth());
}

#[test]
fn a_stretched_tone_has_no_click() {
    for ppm in [-200, 200] {
        let mut line = Line::new(Voice::tone(400), 20);
        line.ppm = ppm;
        line.run(Duration::from_secs(300), in_time);
        let step = |sound: &[i16]| {
            sound.windows(2).map(|pair| i32::from(pair[1]).abs_diff(i32::from(pair[0]))).max()
        };
        let (own, all) = (step(&line.heard[8_000..8_800]), step(&line.heard[8_000..]));
        assert!(all <= own.map(|own| own * 11 / 10), "{own:?} {all:?}");
        assert!(
            line.heard[8_000..].chunks_exact(160).all(|frame| dbov(frame).0 > -17.0),
            "it goes on at its level"
        );
    }
}

#[test]
fn media_1_another_codec_is_heard_within_60_ms_and_what_is_late_in_the_former_one_until_then() {
    let rows = [("at once", 0), ("answered far away", 300)];
    for (name, late_ms) in rows {
        let mut line = Line::new(Voice::tone(1_000), 20);
        line.run(Duration::from_secs(5), in_time);
        line.receiver.renegotiate(&stream_of(Codec::G722, 9));
        line.heard.clear();
        line.run(late_ms * MS, in_time);
        line.speak(Codec::G722, 9, Voice::tone_at(1_000, SampleRate::Hz16000));
        line.run(Duration::from_secs(1), in_time);
        let silent = line.heard.chunks_exact(320).filter(|frame| dbov(frame).0 < -20.0).count();
        assert!(silent <= 2, "{name}: {silent} ticks of silence");
        line.receiver.renegotiate(&stream());
        line.heard.clear();
        line.run(late_ms * MS, in_time);
        line.speak(Codec::Pcma, 8, Voice::tone(1_000));
        line.run(Duration::from_secs(1), in_time);
        let silent = line.heard.chunks_exact(160).filter(|frame| dbov(frame).0 < -20.0).count();
        assert!(silent <= 2, "{name}, and back: {silent} ticks of silence");
    }
}

#[test]
fn media_1_what_was_passed_on_is_until_another_codec_comes_and_what_was_played_rings_out() {
    let take = |receiver: &mut Receiver, payload_type, sequence: u16| {
        let mut bytes = vec![0; rtp::HEADER_LEN + 160];
        let header = Header {
            payload_type: PayloadType(payload_type),
            marker: false,
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(160 * u32::from(sequence)),
            ssrc: Ssrc(9),
        };
        write_header(&mut bytes, &header);
        receiver
            .take(Instant::ZERO + u32::from(sequence) * TICK, &Packet::parse(&bytes).expect("we wrote it"))
    };
    let mut receiver = Receiver::new(&stream());
    receiver.pass_on(Some(Codec::Pcma), Attention::Unpaid, &stream());
    assert_eq!(take(&mut receiver, 8, 1), Taken::Passed);
    let wide = stream_of(Codec::G722, 9);
    receiver.renegotiate(&wide);
    receiver.pass_on(Some(Codec::Pcma), Attention::Unpaid, &wide);
    assert_eq!((take(&mut receiver, 8, 2), receiver.plays()), (Taken::Passed, false), "on its way");
    assert_eq!((take(&mut receiver, 9, 3), receiver.plays()), (Taken::Sound, true));
    assert_eq!(take(&mut receiver, 0, 4), Taken::Unknown, "never agreed on");
    receiver.renegotiate(&stream());
    receiver.pass_on(Some(Codec::Pcma), Attention::Unpaid, &stream());
    assert_eq!((take(&mut receiver, 9, 5), receiver.plays()), (Taken::Sound, true), "on its way");
    assert_eq!((take(&mut receiver, 8, 6), receiver.plays()), (Taken::Passed, false));
    assert_eq!(take(&mut receiver, 9, 7), Taken::Unknown, "the former codec is over");
}
