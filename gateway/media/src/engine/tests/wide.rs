//! Meetings of more than one rate (MEDIA-1).

use terms::media::{InBandFec, OpusWish};

use codecs::{Dbm0, Decoder, Encoder, Generator, Goertzel};

use super::*;

/// Opus that repeats in each packet what was in the one before.
const FEC: OpusWish = OpusWish { max_bitrate: None, max_playback_hz: None, fec: InBandFec::Used };

/// A caller with a codec of its own.
pub(super) struct Caller {
    slot: u32,
    codec: Codec,
    encoder: Encoder,
    /// What it says; a level of silence is silence.
    voice: Option<Generator>,
    sequence: u16,
}

impl Caller {
    fn join(bench: &mut Bench, slot: u32, codec: Codec, hz: Option<u32>) -> Self {
        let route = Route::Meeting { tag: tag("900100001", 1), voice: Voice::Heard };
        Self::come(bench, (slot, route), codec, hz)
    }

    /// Comes in by a pair of ports and hears that.
    pub(super) fn come(
        bench: &mut Bench,
        (slot, route): (u32, Route),
        codec: Codec,
        hz: Option<u32>,
    ) -> Self {
        let serial = u64::from(slot) + 1;
        let format = Format { payload_type: PayloadType(96), codec };
        let stream = Stream { send: format, receive: vec![format], ..*stream(20) };
        bench.command(Command::Open {
            port: port(serial),
            zone: "trunk".into(),
            sources: Sources::default(),
        });
        bench.command(Command::Connect { port: port(serial), stream: Box::new(stream) });
        bench.command(Command::Route { port: port(serial), route });
        let mut caller =
            Self { slot, codec, encoder: Encoder::for_peer(codec, &FEC), voice: None, sequence: 0 };
        caller.says(hz);
        caller
    }

    fn says(&mut self, hz: Option<u32>) {
        self.voice = hz.map(|hz| Generator::new(hz, Dbm0(-16.0), self.codec.sample_rate()));
    }

    fn tick(&mut self, bench: &mut Bench) {
        let mut frame = vec![0; self.codec.sample_rate().tick_samples()];
        if let Some(voice) = &mut self.voice {
            voice.fill(&mut frame);
        }
        let mut bytes = vec![0; 12 + 640];
        let length = self.encoder.encode(&frame, &mut bytes[12..]);
        bytes.truncate(12 + length);
        let header = Header {
            payload_type: PayloadType(96),
            marker: false,
            sequence: SequenceNumber(self.sequence),
            timestamp: Timestamp(u32::from(self.sequence) * self.codec.clock_rate().hz() / 50),
            ssrc: Ssrc(self.slot),
        };
        self.sequence += 1;
        write_header(&mut bytes, &header);
        let source = address(PEER);
        let slot = SlotId(self.slot);
        bench.feed(Input::Packet { slot, channel: Channel::Rtp, source, bytes: &bytes });
    }

    pub(super) fn sent<'a>(&self, bench: &'a Bench) -> &'a [(Header, Vec<u8>)] {
        bench.sent.get(&SlotId(self.slot)).map_or(&[], |sent| sent)
    }

    fn hears(&self, bench: &Bench) -> Vec<i16> {
        let mut decoder = Decoder::new(self.codec);
        let mut heard = Vec::new();
        for (_, payload) in self.sent(bench) {
            let mut frame = vec![0; decoder.length_of(payload)];
            decoder.decode(payload, &mut frame);
            heard.extend(frame);
        }
        heard
    }

    /// How loud a tone is in the last second that it hears.
    pub(super) fn level(&self, bench: &Bench, hz: u16) -> f32 {
        let heard = self.hears(bench);
        let rate = self.codec.sample_rate();
        let mut meter = Goertzel::new(f32::from(hz), rate);
        meter.add(&heard[heard.len().saturating_sub(50 * rate.tick_samples())..]);
        meter.take().0
    }
}

pub(super) fn run(bench: &mut Bench, callers: &mut [Caller], ticks: usize) {
    for _ in 0..ticks {
        for caller in &mut *callers {
            caller.tick(bench);
        }
        bench.wait(MS_20);
    }
}

#[test]
fn media_1_who_has_a_wide_band_hears_it_of_the_others_and_who_has_not_hears_all() {
    let mut bench = Bench::new(8);
    let codecs = [Codec::Opus, Codec::G722, Codec::L16, Codec::Pcma, Codec::L16Narrow];
    let voices = [Some(5_000), None, None, Some(700), None];
    let mut callers: Vec<Caller> = (0..)
        .zip(codecs.into_iter().zip(voices))
        .map(|(slot, (codec, hz))| Caller::join(&mut bench, slot, codec, hz))
        .collect();
    run(&mut bench, &mut callers, 150);
    let [opus, g722, l16, pcma, narrow] = &callers[..] else { unreachable!("five callers") };
    for wide in [g722, l16] {
        assert!(wide.level(&bench, 5_000) > -25.0, "{:?}: {}", wide.codec, wide.level(&bench, 5_000));
    }
    for all in [opus, g722, l16, narrow] {
        assert!(all.level(&bench, 700) > -25.0, "{:?}: {}", all.codec, all.level(&bench, 700));
    }
    for (caller, hz) in [(opus, 5_000), (pcma, 700), (narrow, 3_000), (pcma, 3_000)] {
        let level = caller.level(&bench, hz);
        assert!(level < -60.0, "{:?} hears {hz} Hz, its own or an image: {level}", caller.codec);
    }
}

#[test]
fn rfc3551_4_5_2_and_rfc7587_4_1_timestamps_run_on_the_clock_of_the_codec() {
    let mut bench = Bench::new(8);
    let steps = [(Codec::Opus, 960), (Codec::G722, 160), (Codec::L16, 320), (Codec::Pcma, 160)];
    let mut callers: Vec<Caller> =
        (0..).zip(steps).map(|(slot, (codec, _))| Caller::join(&mut bench, slot, codec, Some(600))).collect();
    run(&mut bench, &mut callers, 20);
    for (caller, (codec, step)) in callers.iter().zip(steps) {
        let sent = caller.sent(&bench);
        assert!(sent.len() > 10, "{codec:?}");
        for pair in sent.windows(2) {
            assert_eq!(pair[1].0.timestamp.distance_from(pair[0].0.timestamp), step, "{codec:?}");
        }
    }
}

#[test]
fn who_is_silent_shares_an_encoder_and_leaves_it_without_a_click() {
    for codec in [Codec::G722, Codec::Opus] {
        let mut bench = Bench::new(8);
        let mut callers = vec![
            Caller::join(&mut bench, 0, Codec::L16, None),
            Caller::join(&mut bench, 1, codec, None),
            Caller::join(&mut bench, 2, codec, None),
        ];
        run(&mut bench, &mut callers, 30);
        callers[0].says(Some(400));
        run(&mut bench, &mut callers, 50);
        let last = |caller: &Caller, bench: &Bench| {
            let sent = caller.sent(bench);
            sent[sent.len() - 10..].iter().map(|(_, payload)| payload.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            last(&callers[1], &bench),
            last(&callers[2], &bench),
            "{codec:?}: one encoder serves both"
        );
        callers[1].says(Some(1_100));
        run(&mut bench, &mut callers, 50);
        assert_ne!(
            last(&callers[1], &bench),
            last(&callers[2], &bench),
            "{codec:?}: it does not hear itself"
        );
        let heard = callers[1].hears(&bench);
        let steady = &heard[heard.len() - 320 * 90..];
        let bends = steady
            .windows(3)
            .map(|three| (i32::from(three[0]) - 2 * i32::from(three[1]) + i32::from(three[2])).abs());
        let bends: Vec<i32> = bends.collect();
        let before = bends[320 * 20..320 * 35].iter().max().expect("some");
        let around = bends[320 * 35..320 * 60].iter().max().expect("some");
        assert!(
            *around < 2 * before + 200,
            "{codec:?}: a click of {around} where the sound bends by {before}"
        );
        assert!(callers[1].level(&bench, 1_100) < -45.0, "{codec:?}: {}", callers[1].level(&bench, 1_100));
    }
}

#[test]
fn media_5_lost_packets_of_each_codec_leave_no_hole() {
    for codec in Codec::ALL {
        let mut bench = Bench::new(8);
        let mut callers = vec![
            Caller::join(&mut bench, 0, codec, Some(300)),
            Caller::join(&mut bench, 1, Codec::L16, None),
        ];
        run(&mut bench, &mut callers, 100);
        for _ in 0..20 {
            callers[0].sequence += 1;
            callers[1].tick(&mut bench);
            bench.wait(MS_20);
            run(&mut bench, &mut callers, 9);
        }
        let heard = callers[1].hears(&bench);
        let lossy = &heard[heard.len() - 320 * 190..];
        let quietest = lossy.chunks(320).map(|frame| codecs::dbov(frame).0).fold(0.0, f32::min);
        // libopus takes a tone for no voice, and fades it sooner than our continuation.
        let least = if codec == Codec::Opus { -50.0 } else { -36.0 };
        assert!(quietest > least, "{codec:?}: {quietest}");
    }
}

#[test]
fn media_1_a_renegotiation_from_a_narrow_to_a_wide_band_and_back_is_heard() {
    let mut bench = Bench::new(8);
    let mut callers = vec![
        Caller::join(&mut bench, 0, Codec::L16, Some(5_000)),
        Caller::join(&mut bench, 1, Codec::Pcma, None),
    ];
    run(&mut bench, &mut callers, 60);
    for codec in [Codec::G722, Codec::Opus, Codec::Pcmu] {
        let format = Format { payload_type: PayloadType(96), codec };
        let stream = Stream { send: format, receive: vec![format], ..*stream(20) };
        bench.command(Command::Connect { port: port(2), stream: Box::new(stream) });
        callers[1].codec = codec;
        callers[1].encoder = Encoder::new(codec);
        bench.sent.clear();
        run(&mut bench, &mut callers, 100);
        let level = callers[1].level(&bench, if codec == Codec::Pcmu { 3_000 } else { 5_000 });
        let is_right = if codec == Codec::Pcmu { level < -55.0 } else { level > -25.0 };
        assert!(is_right, "{codec:?}: {level}");
    }
}
