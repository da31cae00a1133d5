//! MEDIA-5: no click wherever one sound gives way to another. All of them are tones of 400 Hz, whose
//! slope never changes faster than that of one does.

use codecs::{Dbm0, Encoder, Generator};
use terms::{
    PromptName,
    media::{PlayId, PlayItem},
};

use super::*;

const TONE: Route = Route::Tone { hz: 400 };
const LEVEL: Dbm0 = Dbm0(-10.0);
const SECOND: usize = 50;

/// The largest change of slope: a step, a bend, whatever is heard of a click.
fn bend(sound: &[i16]) -> i32 {
    let bend = |part: &[i16]| (i32::from(part[0]) - 2 * i32::from(part[1]) + i32::from(part[2])).abs();
    sound.windows(3).map(bend).max().unwrap_or(0)
}

/// A bench whose prompt is a tone, as are the voices of its peers.
struct Tones {
    bench: Bench,
    voices: Vec<(Generator, u16)>,
    /// From where, and under which source.
    from: (&'static str, Ssrc),
}

impl Tones {
    fn new(voices: usize) -> Self {
        let mut prompts = Prompts::default();
        let mut tone = vec![0; 16_000];
        Generator::new(400, LEVEL, SampleRate::Hz16000).fill(&mut tone);
        // It breaks off in mid-sound.
        tone.truncate(15_993);
        prompts.insert("tone".into(), "en".into(), tone);
        let generator = Generator::new(400, LEVEL, SampleRate::Hz8000);
        Self { bench: Bench::with(4, prompts), voices: vec![(generator, 0); voices], from: (PEER, Ssrc(7)) }
    }

    /// Lets so many ticks pass in which every peer talks.
    fn talk(&mut self, ticks: usize) {
        for _ in 0..ticks {
            for (slot, (tone, sequence)) in (0..).zip(&mut self.voices) {
                let mut frame = [0; 160];
                tone.fill(&mut frame);
                let mut bytes = vec![0; 172];
                let header = Header {
                    payload_type: PayloadType(8),
                    marker: false,
                    sequence: SequenceNumber(*sequence),
                    timestamp: Timestamp(u32::from(*sequence) * 160),
                    ssrc: self.from.1,
                };
                write_header(&mut bytes, &header);
                Encoder::new(Codec::Pcma).encode(&frame, &mut bytes[12..]);
                *sequence += 1;
                let (slot, channel, source) = (SlotId(slot), Channel::Rtp, address(self.from.0));
                self.bench.feed(Input::Packet { slot, channel, source, bytes: &bytes });
            }
            self.bench.wait(MS_20);
        }
    }

    fn route(&mut self, serial: u64, route: Route) {
        self.bench.command(Command::Route { port: port(serial), route });
    }

    /// What the peer of a pair hears has no click in it, and more than silence.
    fn assert_smooth(&self, slot: u32, what: &str) {
        let mut own = vec![0; 8_000];
        Generator::new(400, LEVEL, SampleRate::Hz8000).fill(&mut own);
        let coded: Vec<i16> = own
            .chunks_exact(160)
            .flat_map(|frame| {
                let (mut payload, mut coded) = ([0; 160], [0; 160]);
                Encoder::new(Codec::Pcma).encode(frame, &mut payload);
                codecs::Decoder::new(Codec::Pcma).decode(&payload, &mut coded);
                coded
            })
            .collect();
        let heard = &self.bench.heard[&SlotId(slot)];
        let (own, bend) = (bend(&coded), bend(heard));
        assert!(bend <= own * 3 / 2, "{what}: {bend} instead of {own} at most");
        assert!(heard.iter().any(|sample| *sample > 5_000), "{what}");
    }
}

fn prompt(play: u64) -> Route {
    Route::Prompts { play: PlayId(play), items: words() }
}

fn words() -> Vec<PlayItem> {
    vec![PlayItem::Prompt { name: PromptName::from("tone"), language: "en".into() }]
}

fn meeting(voice: Voice) -> Route {
    Route::Meeting { tag: tag("900100001", 1), voice }
}

#[test]
fn media_5_prompts_that_begin_end_or_are_cut_short() {
    for ptime in [20, 30, 60] {
        for ticks in [7, 8, 9, 10] {
            let mut tones = Tones::new(1);
            tones.bench.open(1, ptime, prompt(1));
            tones.talk(ticks);
            for route in
                [prompt(2), TONE, Route::Echo, prompt(3), Route::Drop, TONE, meeting(Voice::Heard), prompt(4)]
            {
                tones.route(1, route);
                tones.talk(ticks);
            }
            // To the end, and the silence behind it.
            tones.talk(2 * SECOND);
            tones.assert_smooth(0, &format!("{ptime} ms, {ticks} ticks"));
        }
    }
}

#[test]
fn media_5_talkers_who_join_are_muted_and_leave() {
    for ticks in [31, 32, 33, 34] {
        let mut tones = Tones::new(2);
        tones.bench.open(1, 20, meeting(Voice::Heard));
        tones.bench.open(2, 20, Route::Drop);
        tones.talk(ticks);
        let voices = [Voice::Heard, Voice::Muted, Voice::Heard].map(meeting);
        for route in
            voices.into_iter().chain([Route::Drop, meeting(Voice::Heard), prompt(1), meeting(Voice::Heard)])
        {
            tones.route(2, route);
            tones.talk(ticks);
        }
        tones.bench.command(Command::Close { port: port(2) });
        tones.voices.pop();
        tones.talk(ticks);
        tones.assert_smooth(0, &format!("{ticks} ticks"));
    }
}

#[test]
fn media_5_a_talker_whose_packets_stop_and_come_back() {
    let mut tones = Tones::new(2);
    for serial in 1..=2 {
        tones.bench.open(serial, 20, meeting(Voice::Heard));
    }
    tones.talk(SECOND);
    for pause in [1, 2, 5, 40] {
        let (tone, sequence) = tones.voices.pop().expect("there are two");
        tones.talk(pause);
        tones.voices.push((tone, sequence));
        tones.talk(SECOND);
        // A source that begins anew.
        let (tone, sequence) = tones.voices.pop().expect("there are two");
        tones.voices.push((tone, sequence + 20_000));
        tones.talk(SECOND);
    }
    tones.assert_smooth(0, "pauses");
}

#[test]
fn iso_3_talkers_whose_carrier_moves() {
    for pause in [25, 26, 60] {
        let mut tones = Tones::new(2);
        for serial in 1..=2 {
            tones.bench.open_from(serial, sources::trunk(), stream(20), meeting(Voice::Heard));
        }
        tones.talk(SECOND);
        tones.bench.wait(MS_20 * pause);
        tones.from = ("192.0.2.9:7000", Ssrc(9));
        tones.voices.iter_mut().for_each(|(_, sequence)| *sequence += 40_000);
        tones.talk(2 * SECOND);
        assert_eq!(tones.bench.engine.counted().packets_foreign, 0);
        tones.assert_smooth(0, &format!("{pause} ticks"));
    }
}

#[test]
fn media_5_announcements_over_a_meeting_one_after_the_other() {
    for ticks in [1, 2, 9, 60] {
        let mut tones = Tones::new(2);
        for serial in 1..=2 {
            tones.bench.open(serial, 20, meeting(Voice::Heard));
        }
        tones.talk(SECOND);
        for play in 1..4 {
            tones.bench.command(Command::Announce { port: port(1), play: PlayId(play), items: words() });
            tones.talk(ticks);
        }
        tones.talk(2 * SECOND);
        tones.assert_smooth(0, &format!("{ticks} ticks"));
    }
}

#[test]
fn media_5_another_packet_time_and_hold() {
    let mut tones = Tones::new(1);
    tones.bench.open(1, 20, TONE);
    for ptime in [60, 10, 30, 20, 40] {
        tones.talk(SECOND + 1);
        tones.bench.command(Command::Connect { port: port(1), stream: stream(ptime) });
    }
    tones.talk(SECOND);
    tones.assert_smooth(0, "packet times");
}
