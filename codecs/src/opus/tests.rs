use proptest::prelude::*;

use super::*;
use crate::{Dbm0, Generator, Goertzel, dbov};

const RATE: SampleRate = SampleRate::Hz16000;

fn wish() -> OpusWish {
    OpusWish { fec: InBandFec::Used, ..OpusWish::default() }
}

/// Packets of a voice-like tone that comes and goes.
fn packets(count: usize) -> Vec<(Vec<i16>, Vec<u8>)> {
    let mut encoder = Encoder::new(RATE, &wish()).expect("there is memory");
    let (mut low, mut high) =
        (Generator::new(200, Dbm0(-8.0), RATE), Generator::new(1_200, Dbm0(-14.0), RATE));
    let packet = |_| {
        let (mut sound, mut over) = (vec![0; 320], vec![0; 320]);
        low.fill(&mut sound);
        high.fill(&mut over);
        for (sample, over) in sound.iter_mut().zip(over) {
            *sample = sample.saturating_add(over);
        }
        let mut payload = vec![0; 960];
        let length = encoder.encode(&sound, &mut payload);
        payload.truncate(length);
        (sound, payload)
    };
    (0..count).map(packet).collect()
}

#[test]
fn media_5_a_lost_packet_goes_on_without_a_hole() {
    let packets = packets(60);
    for next in [None, Some(&packets[51].1[..])] {
        let mut decoder = Decoder::new(RATE).expect("there is memory");
        let mut heard = vec![0; 320];
        for (_, payload) in &packets[..50] {
            decoder.decode(payload, &mut heard);
        }
        let before = dbov(&heard).0;
        assert_eq!(decoder.conceal(next, &mut heard), 320);
        let level = dbov(&heard).0;
        assert!((level - before).abs() < 10.0, "{level} for {before}, next: {}", next.is_some());
        assert_eq!(decoder.conceal(None, &mut heard[..41]), 40, "steps of 2.5 ms");
        assert_eq!(decoder.conceal(None, &mut []), 0);
    }
}

#[test]
fn stereo_is_heard_in_mono() {
    let mut stereo =
        ::opus::Encoder::new(48_000, Channels::Stereo, Application::Audio).expect("there is memory");
    let mut tone = Generator::new(1_000, Dbm0(-6.0), SampleRate::Hz48000);
    let mut decoder = Decoder::new(RATE).expect("there is memory");
    let mut meter = Goertzel::new(1_000.0, RATE);
    for tick in 0..50 {
        let mut left = vec![0; 960];
        tone.fill(&mut left);
        let both: Vec<i16> = left.iter().flat_map(|sample| [*sample, 0]).collect();
        let (mut payload, mut heard) = ([0; 1_000], [0; 320]);
        let length = stereo.encode(&both, &mut payload).expect("it encodes");
        assert_eq!(decoder.length_of(&payload[..length]), 320);
        assert_eq!(decoder.decode(&payload[..length], &mut heard), 320);
        if tick >= 25 {
            meter.add(&heard);
        }
    }
    let Dbm0(level) = meter.take();
    assert!((level + 12.0).abs() < 1.0, "half of the left channel: {level}");
}

#[test]
fn rfc7587_6_1_the_peer_bounds_the_rate() {
    let octets = |wish: &OpusWish| -> usize {
        let mut encoder = Encoder::new(RATE, wish).expect("there is memory");
        let mut sum = 0;
        for (sound, _) in packets(50) {
            let mut payload = [0; 960];
            sum += encoder.encode(&sound, &mut payload);
        }
        sum
    };
    let bounded = octets(&OpusWish { max_bitrate: Some(8_000), ..wish() });
    assert!(bounded <= 1_200, "{bounded} octets a second at 8 kbit/s");
    assert!(octets(&wish()) > 2 * bounded);
    assert!(octets(&OpusWish { max_bitrate: Some(1), ..wish() }) > 0);
}

#[test]
fn a_packet_that_is_none_is_silence_of_no_length() {
    let mut decoder = Decoder::new(RATE).expect("there is memory");
    let mut heard = [0; 1_920];
    for hostile in [&[][..], &[0xff], &[0xff, 0xff, 0xff], &[3, 0], &[0x03, 0x3f, 1, 2]] {
        decoder.length_of(hostile);
        decoder.decode(hostile, &mut heard);
        decoder.conceal(Some(hostile), &mut heard);
    }
}

proptest! {
    #[test]
    fn hostile_packets_never_panic(packets in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..200), 1..20)) {
        let mut decoder = Decoder::new(RATE).expect("there is memory");
        let mut heard = vec![0; longest_packet(RATE)];
        for packet in &packets {
            let room = decoder.length_of(packet).min(heard.len());
            prop_assert!(decoder.decode(packet, &mut heard[..room]) <= room);
            prop_assert!(decoder.conceal(Some(packet), &mut heard[..320]) <= 320);
        }
    }
}
