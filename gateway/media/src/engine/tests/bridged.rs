//! Two ports that hear each other.

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
