//! From where media is taken, and what rests once a port is closed (ISO-3).

use rtp::srtp::{MAX_OVERHEAD, Outbound};
use terms::media::{FirstSource, KeyStock, Prefix, Quality, SrtpKeys, SrtpSuite};

use super::*;

const ELSEWHERE: &str = "192.0.2.9:7000";

pub(super) fn trunk() -> Sources {
    let network = Prefix::new(IpAddr::from([192, 0, 2, 0]), 28);
    Sources { first: FirstSource::Anybody, within: network.into_iter().collect() }
}

/// Twenty packets of a source, a tick apart.
pub(super) fn talk(bench: &mut Bench, source: &str, (ssrc, first): (u32, u16)) -> Vec<SocketAddr> {
    let mut destinations = Vec::new();
    for sequence in first..first + 20 {
        let mut bytes = [SILENT_PCMA; 172];
        let header = Header {
            payload_type: PayloadType(8),
            marker: false,
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(u32::from(sequence) * 160),
            ssrc: Ssrc(ssrc),
        };
        write_header(&mut bytes, &header);
        let (slot, source) = (SlotId(0), address(source));
        bench.feed(Input::Packet { slot, channel: Channel::Rtp, source, bytes: &bytes });
        destinations.extend(rtp(&bench.wait(MS_20)).iter().map(|(to, ..)| *to));
    }
    destinations
}

pub(super) fn close(bench: &mut Bench) -> Quality {
    let closed = reports(bench.command(Command::Close { port: port(1) }));
    let [Report::Closed { quality, .. }] = &closed[..] else { panic!("{closed:?}") };
    **quality
}

#[test]
fn iso_3_a_carrier_moves_within_its_networks_once_it_was_silent_and_is_followed() {
    let mut bench = Bench::new(1);
    bench.open_from(1, trunk(), stream(20), Route::Echo);
    talk(&mut bench, PEER, (7, 100));
    talk(&mut bench, ELSEWHERE, (8, 9_000));
    assert_eq!(bench.engine.counted().packets_foreign, 20, "the old source was heard 400 ms ago");
    // Of the last twenty the old source's silence of 500 ms lets all but the first few in.
    let sent = talk(&mut bench, ELSEWHERE, (8, 9_020));
    let foreign = bench.engine.counted().packets_foreign;
    assert!((20..=25).contains(&foreign), "{foreign}");
    assert_eq!(sent.last(), Some(&address(ELSEWHERE)), "what we send goes there too");
    bench.wait(Duration::from_secs(1));
    talk(&mut bench, STRANGER, (9, 1));
    let quality = close(&mut bench);
    assert_eq!(quality.foreign_packets, foreign + 20, "others are strangers however long it is silent");
    assert_eq!(quality.packets_received, 60 - foreign, "counted from the new source on");
    assert_eq!(quality.packets_lost, 0, "another SSRC has numbers of its own (RFC 3550 §A.1)");
}

#[test]
fn iso_3_in_a_public_zone_a_peer_in_clear_moves_after_it_offered_again_and_not_before() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    talk(&mut bench, PEER, (7, 100));
    bench.wait(Duration::from_secs(10));
    talk(&mut bench, ELSEWHERE, (8, 1));
    assert_eq!(bench.engine.counted().packets_foreign, 20);
    bench.command(Command::Connect { port: port(1), stream: stream(20) });
    let sent = talk(&mut bench, ELSEWHERE, (8, 21));
    assert_eq!((bench.engine.counted().packets_foreign, sent.last()), (20, Some(&address(ELSEWHERE))));
    assert_eq!(close(&mut bench).packets_received, 40);
}

#[test]
fn iso_3_a_peer_that_holds_the_call_does_not_open_it_to_others() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    talk(&mut bench, PEER, (7, 100));
    let held = Stream { direction: Direction::SendOnly, ..*stream(20) };
    bench.command(Command::Connect { port: port(1), stream: Box::new(held) });
    bench.wait(Duration::from_secs(1));
    talk(&mut bench, ELSEWHERE, (8, 1));
    assert_eq!(bench.engine.counted().packets_foreign, 20);
}

#[test]
fn iso_3_a_strict_port_takes_the_negotiated_address_alone() {
    let mut bench = Bench::new(1);
    let strict = Sources { first: FirstSource::Known, within: Vec::new() };
    bench.open_from(1, strict, stream(20), Route::Echo);
    talk(&mut bench, ELSEWHERE, (8, 1));
    talk(&mut bench, PEER, (7, 100));
    let quality = close(&mut bench);
    assert_eq!((quality.foreign_packets, quality.packets_received), (20, 20));
}

#[test]
fn iso_3_three_authentic_newer_packets_move_an_encrypted_peer_once_it_is_silent_elsewhere() {
    let key = |seed| KeyStock::new([seed; KeyStock::LEN]).key(SrtpSuite::Aes128CmSha1Tag80);
    let srtp = Some(Box::new(SrtpKeys { send: key(1), receive: key(2) }));
    let mut bench = Bench::new(1);
    let keyed = Box::new(Stream { srtp, ..*stream(20) });
    bench.open_from(1, Sources::default(), keyed, Route::Echo);
    let (mut peer, mut forger) = (Outbound::new(&key(2), Ssrc(7)), Outbound::new(&key(3), Ssrc(7)));
    let mut sequence = 0;
    let mut say = |bench: &mut Bench, source: &str, outbound: &mut Outbound| {
        sequence += 1;
        let mut bytes = vec![SILENT_PCMA; 172 + MAX_OVERHEAD];
        let header = Header {
            payload_type: PayloadType(8),
            marker: false,
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(u32::from(sequence) * 160),
            ssrc: Ssrc(7),
        };
        write_header(&mut bytes, &header);
        let length = outbound.protect_rtp(&mut bytes, 172).expect("there is room");
        let (slot, source) = (SlotId(0), address(source));
        bench.feed(Input::Packet { slot, channel: Channel::Rtp, source, bytes: &bytes[..length] });
        bench.wait(MS_20);
        bench.engine.counted().packets_foreign
    };
    say(&mut bench, PEER, &mut peer);
    assert_eq!(say(&mut bench, ELSEWHERE, &mut peer), 1, "the old source is not silent");
    bench.wait(Duration::from_secs(1));
    for forged in 2..7 {
        assert_eq!(say(&mut bench, STRANGER, &mut forger), forged, "no proof of anything");
    }
    let moved = [(); 5].map(|()| say(&mut bench, ELSEWHERE, &mut peer));
    assert_eq!(moved, [7, 8, 8, 8, 8], "the third is taken");
    assert_eq!(say(&mut bench, PEER, &mut peer), 9, "and the old source is a stranger");
    assert_eq!(bench.engine.counted().packets_undecipherable, 0);
}

#[test]
fn iso_3_only_the_old_peers_late_packets_make_a_pair_rest_on() {
    for (source, has_rested) in [(PEER, false), (STRANGER, true)] {
        let mut bench = Bench::new(1);
        bench.open(1, 20, Route::Echo);
        talk(&mut bench, PEER, (7, 100));
        close(&mut bench);
        bench.wait(Duration::from_secs(29));
        talk(&mut bench, source, (7, 120));
        bench.wait(Duration::from_secs(1));
        let open = Command::Open { port: port(2), zone: "trunk".into(), sources: Sources::default() };
        let told = reports(bench.command(open));
        let opened = matches!(told[..], [Report::Opened { .. }]);
        assert_eq!(opened, has_rested, "{source}");
        assert_eq!(bench.engine.counted().packets_late, 20, "{source}");
    }
}

#[test]
fn iso_3_a_port_on_a_pair_that_is_used_again_has_another_source_and_hears_the_old_peer_not() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Tone { hz: 440 });
    let before = rtp(&bench.wait(MS_20))[0].1.ssrc;
    close(&mut bench);
    bench.wait(Duration::from_secs(31));
    let strict = Sources { first: FirstSource::Known, within: Vec::new() };
    let next = Stream { remote: address(ELSEWHERE), ..*stream(20) };
    bench.open_from(2, strict, Box::new(next), Route::Tone { hz: 440 });
    assert_ne!(rtp(&bench.wait(MS_20))[0].1.ssrc, before);
    talk(&mut bench, PEER, (7, 100));
    assert_eq!(bench.engine.counted().packets_foreign, 20);
}

#[test]
fn iso_3_a_peer_that_names_another_address_is_heard_there_at_once_whatever_is_still_on_its_way() {
    for sources in [Sources::default(), Sources { first: FirstSource::Known, within: Vec::new() }] {
        let mut bench = Bench::new(1);
        bench.open_from(1, sources.clone(), stream(20), Route::Echo);
        talk(&mut bench, PEER, (7, 100));
        let moved = Stream { remote: address(ELSEWHERE), ..*stream(20) };
        bench.command(Command::Connect { port: port(1), stream: Box::new(moved) });
        bench.hear(0, PEER, 120, SILENT_PCMA);
        let sent = talk(&mut bench, ELSEWHERE, (8, 1));
        assert!(sent.len() > 15 && sent.iter().all(|to| *to == address(ELSEWHERE)), "{sources:?}: {sent:?}");
        assert_eq!(bench.engine.counted().packets_foreign, 1, "{sources:?}: the late packet");
        assert_eq!(close(&mut bench).packets_received, 40, "{sources:?}");
    }
}

#[test]
fn iso_3_a_call_that_is_held_by_no_address_is_open_to_nobody_else() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    talk(&mut bench, PEER, (7, 100));
    let held = Stream { remote: address("0.0.0.0:4000"), ..*stream(20) };
    for stream in [Box::new(held), stream(20)] {
        bench.command(Command::Connect { port: port(1), stream });
        bench.hear(0, STRANGER, 1, SILENT_PCMA);
    }
    assert_eq!(bench.engine.counted().packets_foreign, 2);
    assert_eq!(talk(&mut bench, PEER, (7, 120)).last(), Some(&address(PEER)));
}
