use core::time::Duration;

use proptest::prelude::*;
use terms::{WallTime, media::PayloadType};

use super::*;
use crate::rtcp::Ntp;

const MS: Duration = Duration::from_millis(1);

/// A peer that sends a packet each 20 ms.
struct Peer {
    reception: Reception,
    ssrc: Ssrc,
    now: Instant,
}

impl Peer {
    fn new() -> Self {
        Self { reception: Reception::new(8_000), ssrc: Ssrc(1), now: Instant::ZERO }
    }

    fn send(&mut self, sequence: u16) -> Received {
        self.now += 20 * MS;
        let clock = clock_at(self.now, 8_000);
        self.reception.receive(self.now, &header(self.ssrc, sequence, clock))
    }

    fn send_all(&mut self, sequences: impl IntoIterator<Item = u16>) {
        for sequence in sequences {
            self.send(sequence);
        }
    }

    fn counts(&self) -> (u64, u64) {
        (self.reception.packets_received(), self.reception.packets_lost())
    }
}

fn header(ssrc: Ssrc, sequence: u16, timestamp: Timestamp) -> Header {
    let sequence = SequenceNumber(sequence);
    Header { payload_type: PayloadType(8), marker: false, sequence, timestamp, ssrc }
}

#[test]
fn rfc3550_a_1_two_packets_in_sequence_make_a_source() {
    let mut peer = Peer::new();
    let outcomes = [7, 9, 10, 11].map(|sequence| peer.send(sequence));
    use Received::{Probation, Valid};
    assert_eq!(outcomes, [Probation, Probation, Valid, Valid]);
    assert_eq!(peer.counts(), (3, 0));
}

#[test]
fn rfc3550_a_1_a_jump_counts_once_it_is_confirmed() {
    let mut peer = Peer::new();
    peer.send_all(0..10);
    assert_eq!(peer.send(40_000), Received::Jumped);
    assert_eq!(peer.send(10), Received::Valid);
    assert_eq!((peer.send(50_000), peer.send(50_001)), (Received::Jumped, Received::Restarted));
    assert_eq!(peer.send(50_002), Received::Valid);
    assert_eq!(peer.counts(), (11 + 3, 0));
}

#[test]
fn totals_go_on_when_the_source_changes() {
    let mut peer = Peer::new();
    peer.send_all([0, 1, 2, 4]);
    peer.ssrc = Ssrc(2);
    assert_eq!((peer.send(900), peer.send(901)), (Received::Restarted, Received::Valid));
    assert_eq!((peer.counts(), peer.reception.source()), ((6, 1), Some(Ssrc(2))));
}

#[test]
fn rfc3550_a_3_loss_in_all_and_since_the_last_report() {
    let mut peer = Peer::new();
    peer.send_all((0..100).filter(|sequence| sequence % 4 != 2));
    let first = peer.reception.report_block(peer.now).expect("a source");
    assert_eq!((first.cumulative_lost, first.fraction_lost), (25, 64));
    peer.send_all(100..200);
    let second = peer.reception.report_block(peer.now).expect("a source");
    assert_eq!((second.cumulative_lost, second.fraction_lost), (25, 0));
    assert_eq!(second.highest_sequence & 0xffff, 199);
}

#[test]
fn rfc3550_a_3_duplicates_make_the_loss_negative_on_the_wire_and_zero_for_people() {
    let mut peer = Peer::new();
    peer.send_all([0, 1, 1, 1, 2]);
    let block = peer.reception.report_block(peer.now).expect("a source");
    assert_eq!((block.cumulative_lost, block.fraction_lost, peer.counts()), (-2, 0, (5, 0)));
}

#[test]
fn sequence_numbers_wrap_into_the_next_cycle() {
    let mut peer = Peer::new();
    peer.send_all((0..2_000u16).map(|at| at.wrapping_sub(1_000)));
    let block = peer.reception.report_block(peer.now).expect("a source");
    assert_eq!((block.highest_sequence, peer.counts()), ((2 << 16) + 999, (2_000, 0)));
}

#[test]
fn media_7_a_jump_is_no_loss_and_a_restart_is_none() {
    let mut peer = Peer::new();
    let lost = |peer: &Peer| peer.reception.loss(peer.now, None).map(|loss| (loss.expected, loss.lost));
    peer.send_all((0..10).filter(|sequence| *sequence != 5));
    assert_eq!(lost(&peer), Some((10, 1)));
    peer.send(40_000);
    assert_eq!(lost(&peer), Some((10, 1)), "nobody knows yet what it is");
    peer.send_all([40_001, 40_002]);
    assert_eq!(lost(&peer), Some((2, 0)), "the sender began anew");
    peer.ssrc = Ssrc(2);
    peer.send_all([7, 9]);
    assert_eq!(lost(&peer), Some((3, 1)));
}

#[test]
fn rfc3550_a_8_jitter_settles_at_the_mean_change_of_transit() {
    let mut reception = Reception::new(8_000);
    for at in 0..2_000u32 {
        // Every other packet is 10 ms late: the transit changes by 80 units each time.
        let arrival = Instant::ZERO + (at * 20 + at % 2 * 10) * MS;
        let sequence = u16::try_from(at).expect("below 2,000");
        reception.receive(arrival, &header(Ssrc(1), sequence, Timestamp(at * 160)));
    }
    assert!((reception.jitter_ms() - 10.0).abs() < 0.2, "{}", reception.jitter_ms());
    assert_eq!(reception.report_block(Instant::ZERO).map(|block| block.jitter), Some(79));
}

#[test]
fn rfc4733_2_2_event_packets_with_one_timestamp_are_no_jitter() {
    let mut reception = Reception::new(8_000);
    for at in 0..50u16 {
        let timestamp = Timestamp(u32::from(at.min(40)) * 160);
        reception.receive(Instant::ZERO + u32::from(at) * 20 * MS, &header(Ssrc(1), at, timestamp));
    }
    assert_eq!(reception.jitter_ms(), 0.0);
}

#[test]
fn rfc3550_6_4_1_the_block_refers_to_the_last_sender_report() {
    let mut peer = Peer::new();
    peer.send_all(0..3);
    let ntp = Ntp::from(WallTime::from_unix_nanos(1_000_000_000));
    let info = SenderInfo { ntp, timestamp: Timestamp(0), packets: 3, octets: 480 };
    peer.reception.on_sender_report(peer.now, Ssrc(9), &info);
    let none = peer.reception.report_block(peer.now).expect("a source");
    assert_eq!((none.last_report, none.delay), (CompactNtp::NONE, CompactNtp::NONE));
    peer.reception.on_sender_report(peer.now, Ssrc(1), &info);
    let block = peer.reception.report_block(peer.now + 500 * MS).expect("a source");
    assert_eq!((block.last_report, block.delay), (ntp.compact(), CompactNtp(0x8000)));
}

proptest! {
    #[test]
    fn any_packets_in_any_order_never_panic(packets in prop::collection::vec((0u32..3, any::<u16>(), any::<u32>(), any::<u64>()), 0..200)) {
        let mut reception = Reception::new(8_000);
        for (ssrc, sequence, timestamp, nanos) in packets {
            let now = Instant::from_nanos(nanos);
            reception.receive(now, &header(Ssrc(ssrc), sequence, Timestamp(timestamp)));
            reception.report_block(now);
        }
    }

    /// However the packets of one stream are shuffled within reach, none counts as lost.
    #[test]
    fn reordering_is_no_loss(start: u16, swaps in prop::collection::vec(2usize..99, 0..60)) {
        let mut order: Vec<u16> = (0..100).collect();
        swaps.into_iter().for_each(|at| order.swap(at, at + 1 - usize::from(at == 98)));
        let mut peer = Peer::new();
        peer.send_all(order.iter().map(|at| start.wrapping_add(*at)));
        prop_assert_eq!(peer.counts(), (100, 0));
    }
}
