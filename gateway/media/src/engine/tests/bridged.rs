//! Two ports that hear each other.

use terms::media::KeysIn;

use super::{
    wide::{Caller, run},
    *,
};

/// Two callers who hear each other; the first says 500 Hz, the other 1,500.
fn bridged(codecs: [Codec; 2]) -> (Bench, [Caller; 2]) {
    let mut bench = Bench::new(2);
    let caller = |bench: &mut Bench, slot: u32, hz| {
        let route = Route::Peer { port: port(u64::from(2 - slot)) };
        Caller::come(bench, (slot, route), codecs[usize::try_from(slot).expect("two")], Some(hz))
    };
    let callers = [caller(&mut bench, 0, 500), caller(&mut bench, 1, 1_500)];
    (bench, callers)
}

fn codec_of(bench: &Bench, serial: u64) -> Codec {
    let snapshot = bench.engine.snapshot(port(serial)).expect("it is open");
    snapshot.stream.expect("it is connected").send.codec
}

#[test]
fn media_1_what_is_passed_on_is_read_as_it_comes_and_what_is_encoded_anew_at_its_tick() {
    for (codecs, reading) in [
        ([Codec::Pcma, Codec::Pcma], Reading::AsItComes),
        ([Codec::Opus, Codec::Opus], Reading::AsItComes),
        ([Codec::Pcma, Codec::Pcmu], Reading::AtTicks),
        ([Codec::Pcma, Codec::Opus], Reading::AtTicks),
    ] {
        let (mut bench, _) = bridged(codecs);
        assert!(bench.reading.values().all(|read| *read == reading), "{codecs:?}: {:?}", bench.reading);
        bench.command(Command::Route { port: port(1), route: Route::Echo });
        assert_eq!(bench.reading[&SlotId(0)], Reading::AtTicks, "{codecs:?}");
    }
}

#[test]
fn media_1_opus_is_of_a_narrow_band_for_who_has_no_other_and_of_a_wide_one_for_all_else() {
    let (mut bench, _) = bridged([Codec::Opus, Codec::Pcma]);
    assert_eq!(codec_of(&bench, 1), Codec::OpusNarrow);
    let format = Format { payload_type: PayloadType(96), codec: Codec::Opus };
    let held = Stream { send: format, receive: vec![format], ..*stream(20) };
    bench.command(Command::Connect { port: port(1), stream: Box::new(held) });
    assert_eq!(codec_of(&bench, 1), Codec::OpusNarrow, "a hold negotiates Opus anew");
    bench.command(Command::Route { port: port(1), route: Route::Echo });
    assert_eq!(codec_of(&bench, 1), Codec::Opus);
    let (bench, _) = bridged([Codec::Opus, Codec::G722]);
    assert_eq!(codec_of(&bench, 1), Codec::Opus);
}

#[test]
fn media_1_each_of_two_hears_the_other_and_not_itself_whatever_they_speak() {
    for codecs in [
        [Codec::Pcma, Codec::Opus],
        [Codec::G722, Codec::Pcma],
        [Codec::Opus, Codec::Opus],
        [Codec::G722, Codec::Opus],
    ] {
        let (mut bench, mut callers) = bridged(codecs);
        run(&mut bench, &mut callers, 150);
        for (caller, own, other) in [(&callers[0], 500, 1_500), (&callers[1], 1_500, 500)] {
            let (own, other) = (caller.level(&bench, own), caller.level(&bench, other));
            assert!(other > -20.0 && own < -50.0, "{codecs:?}: hears {other}, itself {own}");
        }
    }
}

#[test]
fn media_1_a_peer_that_changes_its_codec_by_itself_is_encoded_anew_in_every_tick() {
    let mut bench = Bench::new(2);
    let formats = [(8, Codec::Pcma), (0, Codec::Pcmu)]
        .map(|(number, codec)| Format { payload_type: PayloadType(number), codec });
    for (serial, receive) in [(1, &formats[..]), (2, &formats[..1])] {
        let stream = Stream { receive: receive.to_vec(), ..*stream(20) };
        let route = Route::Peer { port: port(3 - serial) };
        bench.open_from(serial, Sources::default(), Box::new(stream), route);
    }
    for sequence in 0..50 {
        assert_eq!(rtp(&bench.hear(0, PEER, sequence, SILENT_PCMA)).len(), 1, "passed on at once");
        bench.wait(MS_20);
    }
    let mut sent = 0;
    for sequence in 50..150 {
        sent += rtp(&bench.as_type((0, PEER), (PayloadType(0), sequence), &[0xff; 160])).len();
        sent += rtp(&bench.wait(MS_20)).len();
    }
    // The first fill the jitter buffer.
    assert!((95..=100).contains(&sent), "{sent} packets in 100 ticks");
}

#[test]
fn rfc4733_a_key_that_came_by_signaling_is_an_event_in_place_of_the_sound_whether_that_is_passed_on_or_not() {
    for codecs in [[Codec::Pcma, Codec::Pcma], [Codec::Pcmu, Codec::Pcma], [Codec::Pcma, Codec::Opus]] {
        let (mut bench, mut callers) = bridged(codecs);
        run(&mut bench, &mut callers, 50);
        let before = callers[1].sent(&bench).len();
        for digit in ['4', '4'] {
            bench.command(Command::Press { port: port(2), digit: digit.try_into().expect("a key") });
        }
        run(&mut bench, &mut callers, 50);
        let sent = &callers[1].sent(&bench)[before - 1..];
        for pair in sent.windows(2) {
            assert_eq!(pair[1].0.sequence.distance_from(pair[0].0.sequence), 1, "{codecs:?}");
        }
        let events: Vec<&Header> = sent
            .iter()
            .map(|(header, _)| header)
            .filter(|header| header.payload_type == PayloadType(101))
            .collect();
        assert_eq!(events.len(), 14, "{codecs:?}: two keys of five packets and two that repeat the end");
        let mut presses: Vec<u32> = events.iter().map(|header| header.timestamp.0).collect();
        presses.dedup();
        assert_eq!(presses.len(), 2, "{codecs:?}");
        let first =
            sent.iter().position(|(header, _)| header.payload_type == PayloadType(101)).expect("there");
        let during = &sent[first..first + 7];
        assert!(
            during.iter().all(|(header, _)| header.payload_type == PayloadType(101)),
            "{codecs:?}: no sound"
        );
        let after = &sent[first + 7].0;
        let units = after.timestamp.distance_from(Timestamp(presses[0]));
        let clock = i32::try_from(codecs[1].clock_rate().hz()).expect("small");
        assert!((units - clock * 7 / 50).abs() <= clock / 50, "{codecs:?}: the sound goes on {units} later");
        assert!(sent.len().abs_diff(50) <= 3, "{codecs:?}: {} packets in 50 ticks", sent.len());
    }
}

/// How often each of the two pairs was read in ten ticks, where it is not read as packets come.
fn reads(bench: &mut Bench) -> [usize; 2] {
    let mut reads = [0; 2];
    let until = bench.now.mono + MS_20 * 10;
    let mut due = Vec::new();
    while let Some(at) = bench.engine.poll_timeout().filter(|at| *at < until) {
        bench.now.mono = bench.now.mono.max(at);
        bench.engine.due(bench.now.mono, &mut due);
        for SlotId(slot) in &due {
            reads[usize::try_from(*slot).expect("two")] += 1;
        }
        bench.feed(Input::Timeout);
    }
    bench.now.mono = until;
    reads
}

#[test]
fn media_1_where_one_direction_alone_is_passed_on_the_other_is_read_in_each_tick() {
    let (mut bench, mut callers) = bridged([Codec::Pcma, Codec::Pcma]);
    run(&mut bench, &mut callers, 10);
    assert_eq!(reads(&mut bench), [0, 0], "both are read as they come");
    // Keys in the sound of the other must be heard for it.
    bench.command(Command::Listen { port: port(1), keys: KeysIn::Neither });
    assert_eq!(
        (bench.reading[&SlotId(0)], bench.reading[&SlotId(1)]),
        (Reading::AsItComes, Reading::AtTicks)
    );
    assert_eq!(reads(&mut bench), [0, 10]);
    bench.command(Command::Press { port: port(2), digit: '1'.try_into().expect("a key") });
    run(&mut bench, &mut callers, 20);
    assert_eq!(reads(&mut bench), [0, 10], "and after a key");
}

#[test]
fn rfc4733_a_key_for_who_reads_no_events_any_more_does_not_stop_the_sound() {
    let (mut bench, mut callers) = bridged([Codec::Pcma, Codec::Pcma]);
    run(&mut bench, &mut callers, 10);
    bench.command(Command::Press { port: port(2), digit: '1'.try_into().expect("a key") });
    run(&mut bench, &mut callers, 3);
    let format = Format { payload_type: PayloadType(96), codec: Codec::Pcma };
    let without = Stream { send: format, receive: vec![format], send_events: None, ..*stream(20) };
    bench.command(Command::Connect { port: port(2), stream: Box::new(without) });
    let before = callers[1].sent(&bench).len();
    run(&mut bench, &mut callers, 20);
    let sent = &callers[1].sent(&bench)[before..];
    assert!(sent.len() >= 19 && sent.iter().all(|(header, _)| header.payload_type == PayloadType(96)));
}

#[test]
fn rfc4733_2_2_after_a_pause_a_key_has_the_timestamp_of_its_beginning() {
    let (mut bench, mut callers) = bridged([Codec::Pcma, Codec::Pcma]);
    run(&mut bench, &mut callers, 10);
    let before = callers[1].sent(&bench).last().expect("sound").0;
    bench.wait(Duration::from_secs(2));
    bench.command(Command::Press { port: port(2), digit: '1'.try_into().expect("a key") });
    bench.wait(Duration::from_millis(300));
    let events = callers[1].sent(&bench).iter().filter(|(header, _)| header.payload_type == PayloadType(101));
    let ahead: Vec<i32> =
        events.map(|(header, _)| header.timestamp.distance_from(before.timestamp)).collect();
    assert_eq!(ahead.len(), 7);
    assert!(ahead.iter().all(|ahead| (15_800..=16_480).contains(ahead)), "{ahead:?} after 2 s");
}
