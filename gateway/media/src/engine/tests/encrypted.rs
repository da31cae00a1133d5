//! Encrypted streams (MEDIA-2), against a peer made of `rtp::srtp`.

use rtp::srtp::{Inbound, MAX_OVERHEAD, Outbound};
use terms::media::{KeyStock, SrtpKey, SrtpKeys, SrtpSuite};

use super::*;

const PEER_SSRC: Ssrc = Ssrc(0xfeed);

fn key(seed: u8) -> SrtpKey {
    KeyStock::new([seed; KeyStock::LEN]).key(SrtpSuite::Aes128CmSha1Tag80)
}

fn keyed(ours: u8, theirs: u8) -> Box<Stream> {
    let srtp = Some(Box::new(SrtpKeys { send: key(ours), receive: key(theirs) }));
    Box::new(Stream { srtp, ..*stream(20) })
}

pub(super) fn packet(sequence: u16, outbound: &mut Outbound) -> Vec<u8> {
    let header = Header {
        payload_type: PayloadType(8),
        marker: false,
        sequence: SequenceNumber(sequence),
        timestamp: Timestamp(160 * u32::from(sequence)),
        ssrc: outbound.ssrc(),
    };
    let mut bytes = vec![0x55; 172 + MAX_OVERHEAD];
    write_header(&mut bytes, &header);
    let len = outbound.protect_rtp(&mut bytes, 172).expect("there is room");
    bytes.truncate(len);
    bytes
}

/// An echo whose every datagram is kept as it leaves.
pub(super) struct Wire {
    pub(super) engine: Engine,
    pub(super) now: Now,
    pub(super) sent: Vec<(Channel, SocketAddr, Vec<u8>)>,
    pub(super) told: Vec<Report>,
}

impl Wire {
    pub(super) fn of(engine: Engine, now: Now) -> Self {
        Self { engine, now, sent: Vec::new(), told: Vec::new() }
    }

    pub(super) fn new(stream: Box<Stream>) -> Self {
        let Bench { engine, now, .. } = Bench::new(4);
        let mut wire = Self::of(engine, now);
        wire.feed(Input::Command(Command::Open {
            port: port(1),
            zone: "trunk".into(),
            sources: Sources::default(),
        }));
        wire.feed(Input::Bound(SlotId(0)));
        wire.connect(stream);
        wire.feed(Input::Command(Command::Route { port: port(1), route: Route::Tone { hz: 400 } }));
        wire
    }

    pub(super) fn feed(&mut self, input: Input<'_>) {
        self.engine.handle_input(self.now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit { channel, destination, bytes, .. } => {
                    self.sent.push((channel, destination, bytes.to_vec()));
                }
                Output::Report(report) => self.told.push(report),
                _ => {}
            }
        }
    }

    pub(super) fn connect(&mut self, stream: Box<Stream>) {
        self.feed(Input::Command(Command::Connect { port: port(1), stream }));
    }

    pub(super) fn wait(&mut self, duration: Duration) {
        let until = self.now.mono + duration;
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= until) {
            self.now.mono = self.now.mono.max(at);
            self.feed(Input::Timeout);
        }
        self.now.mono = until;
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.feed(Input::Packet { slot: SlotId(0), channel: Channel::Rtp, source: address(PEER), bytes });
    }

    /// How many of what was sent the peer can take under a key of ours.
    fn taken(&mut self, inbound: &mut Inbound) -> (usize, usize) {
        let sent = std::mem::take(&mut self.sent);
        let open = |(channel, _, mut bytes): (Channel, SocketAddr, Vec<u8>)| match channel {
            Channel::Rtp => inbound.unprotect_rtp(&mut bytes).is_ok(),
            Channel::Rtcp => inbound.unprotect_rtcp(&mut bytes).is_ok(),
        };
        let all = sent.len();
        (sent.into_iter().map(open).filter(|is_taken| *is_taken).count(), all)
    }

    pub(super) fn quality(mut self) -> terms::media::Quality {
        self.feed(Input::Command(Command::Close { port: port(1) }));
        let closed = self.told.into_iter().find_map(|report| match report {
            Report::Closed { quality, .. } => Some(*quality),
            _ => None,
        });
        closed.expect("it was closed")
    }
}

#[test]
fn media_2_what_leaves_is_encrypted_and_what_comes_must_be() {
    let mut wire = Wire::new(keyed(1, 2));
    let mut peer = Outbound::new(&key(2), PEER_SSRC);
    let mut stranger = Outbound::new(&key(3), PEER_SSRC);
    let first = packet(1, &mut peer);
    wire.hear(&first);
    // Again, under another key, and in clear.
    wire.hear(&first);
    wire.hear(&packet(2, &mut stranger));
    let mut clear = vec![0xd5; 172];
    clear[..12].copy_from_slice(&first[..12]);
    wire.hear(&clear);
    wire.hear(&packet(2, &mut peer));
    wire.wait(Duration::from_secs(20));
    let mut inbound = Inbound::new(&key(1));
    let sent = &wire.sent;
    assert!(sent.iter().any(|(channel, ..)| *channel == Channel::Rtcp), "reports too");
    let (taken, all) = wire.taken(&mut inbound);
    assert!(taken == all && all > 990, "{taken} of {all}");
    assert_eq!(wire.engine.counted().packets_undecipherable, 3);
    let quality = wire.quality();
    assert_eq!((quality.packets_received, quality.srtp_failures), (2, 3));
}

#[test]
fn media_4_a_peer_under_another_key_is_silent_for_that_reason() {
    let mut wire = Wire::new(keyed(1, 2));
    let mut stranger = Outbound::new(&key(3), PEER_SSRC);
    for sequence in 0..150 {
        wire.hear(&packet(sequence, &mut stranger));
        wire.wait(MS_20);
    }
    let reason = wire.told.iter().rev().find_map(|report| match report {
        Report::Measured { measured, .. } => measured.silences.inbound.map(|silence| silence.reason),
        _ => None,
    });
    assert_eq!(reason, Some(SilenceReason::Undecipherable));
}

#[test]
fn rfc3711_9_1_neither_hold_nor_other_keys_nor_a_restart_uses_an_index_twice() {
    let mut wire = Wire::new(keyed(1, 2));
    let mut inbound = Inbound::new(&key(1));
    let all_taken = |wire: &mut Wire, inbound: &mut Inbound| {
        wire.wait(Duration::from_secs(7));
        let (taken, all) = wire.taken(inbound);
        assert!(taken == all && all > 300, "{taken} of {all}");
    };
    all_taken(&mut wire, &mut inbound);
    wire.connect(Box::new(Stream { direction: Direction::ReceiveOnly, ..*keyed(1, 2) }));
    wire.wait(Duration::from_secs(1));
    wire.connect(keyed(1, 2));
    // The replay window of the peer has seen all that came before: an index used twice would be refused.
    all_taken(&mut wire, &mut inbound);
    let snapshot = wire.engine.snapshot(port(1)).expect("it is open");
    // The snapshot is old by the time that it is used.
    all_taken(&mut wire, &mut inbound);
    let printed = format!("{snapshot:?}");
    assert!(!printed.contains("1, 1, 1"), "{printed}");
    let Bench { mut engine, .. } = Bench::new(4);
    engine.restore(wire.now, &snapshot);
    let mut restored = Wire::of(engine, wire.now);
    all_taken(&mut restored, &mut inbound);
    restored.connect(keyed(4, 2));
    all_taken(&mut restored, &mut Inbound::new(&key(4)));
}

#[test]
fn rfc3711_3_3_1_the_peers_roll_over_is_followed_over_a_restart_and_a_change_of_key() {
    let mut wire = Wire::new(keyed(1, 2));
    let mut peer = Outbound::new(&key(2), PEER_SSRC);
    for sequence in [65_534, 65_535, 0, 1] {
        wire.hear(&packet(sequence, &mut peer));
    }
    let snapshot = wire.engine.snapshot(port(1)).expect("it is open");
    let seen = packet(2, &mut peer);
    let late = packet(3, &mut peer);
    let Bench { mut engine, .. } = Bench::new(4);
    engine.restore(wire.now, &snapshot);
    let mut wire = Wire::of(engine, wire.now);
    wire.hear(&seen);
    wire.hear(&seen);
    // The peer's next key; a packet of the last one was still on its way.
    wire.connect(keyed(4, 5));
    wire.hear(&late);
    let mut peer = Outbound::new(&key(5), PEER_SSRC);
    wire.hear(&packet(4, &mut peer));
    wire.hear(&packet(5, &mut Outbound::new(&key(2), PEER_SSRC)));
    assert_eq!(wire.engine.counted().packets_undecipherable, 2);
    assert_eq!(wire.quality().packets_received, 3);
}
