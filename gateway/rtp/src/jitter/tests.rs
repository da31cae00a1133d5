use proptest::prelude::*;
use terms::media::Ssrc;

use super::*;
use crate::packet::{HEADER_LEN, Header, write_header};

const MS: Duration = Duration::from_millis(1);

/// Packets of one length into a buffer, and the payloads out of it. A payload is its packet's number.
struct Line {
    buffer: Buffer,
    ssrc: Ssrc,
    first: (u16, u32),
    packet_samples: u32,
}

impl Line {
    fn new(packet_samples: u32) -> Self {
        Self::with(Settings::default(), packet_samples)
    }

    fn with(settings: Settings, packet_samples: u32) -> Self {
        Self { buffer: Buffer::new(&settings), ssrc: Ssrc(1), first: (100, 10_000), packet_samples }
    }

    fn insert(&mut self, at_ms: u32, number: u16) -> Inserted {
        let timestamp = self.first.1.wrapping_add(u32::from(number) * self.packet_samples);
        self.insert_as(at_ms, number, timestamp)
    }

    fn insert_as(&mut self, at_ms: u32, number: u16, timestamp: u32) -> Inserted {
        let mut datagram = [0; HEADER_LEN + 2];
        let header = Header {
            payload_type: PayloadType(8),
            marker: false,
            sequence: SequenceNumber(self.first.0.wrapping_add(number)),
            timestamp: Timestamp(timestamp),
            ssrc: self.ssrc,
        };
        write_header(&mut datagram, &header);
        datagram[HEADER_LEN..].copy_from_slice(&number.to_be_bytes());
        let packet = Packet::parse(&datagram).expect("we wrote it");
        self.buffer.insert(Instant::ZERO + at_ms * MS, &packet)
    }

    fn insert_all(&mut self, at_ms: u32, numbers: impl IntoIterator<Item = u16>) {
        for number in numbers {
            self.insert(at_ms, number);
        }
    }

    fn pull(&mut self, at_ms: u32) -> Out {
        let mut payload = [0; 2];
        match self.buffer.pull(Instant::ZERO + at_ms * MS, &mut payload) {
            Pulled::Frame { len, .. } => {
                assert_eq!(len, 2);
                Out::Frame(u16::from_be_bytes(payload))
            }
            Pulled::Lost { samples } => Out::Lost(samples),
            Pulled::Pause { samples } => Out::Pause(samples),
            Pulled::Empty => Out::Empty,
        }
    }

    fn pull_each(&mut self, at_ms: impl IntoIterator<Item = u32>) -> Vec<Out> {
        at_ms.into_iter().map(|at_ms| self.pull(at_ms)).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Out {
    Frame(u16),
    Lost(u32),
    Pause(u32),
    Empty,
}
use Out::{Empty, Frame, Lost, Pause};

#[test]
fn a_talkspurt_begins_at_its_depth() {
    let mut line = Line::new(160);
    line.insert(0, 0);
    line.insert(20, 1);
    assert_eq!(line.pull_each([0, 20, 39]), [Empty, Empty, Empty]);
    assert_eq!(line.pull_each([40, 60]), [Frame(0), Frame(1)]);
}

#[test]
fn packets_come_out_in_order_and_once() {
    let mut line = Line::new(160);
    let inserted = [1, 0, 2, 2, 1].map(|number| line.insert(0, number));
    use Inserted::{Duplicate, Kept};
    assert_eq!(inserted, [Kept, Kept, Kept, Duplicate, Duplicate]);
    assert_eq!(line.pull_each([40, 60, 80]), [Frame(0), Frame(1), Frame(2)]);
    assert_eq!(line.insert(80, 2), Duplicate);
    assert_eq!((line.buffer.counters().duplicate, line.buffer.discarded()), (3, 0));
}

#[test]
fn two_packets_of_one_moment_are_one() {
    let mut line = Line::new(160);
    assert_eq!(line.insert_as(0, 0, 5_000), Inserted::Kept);
    assert_eq!(line.insert_as(0, 1, 5_000), Inserted::Duplicate);
}

#[test]
fn a_missing_packet_is_lost_and_comes_too_late() {
    let mut line = Line::new(160);
    line.insert_all(0, [0, 1, 4]);
    assert_eq!(line.pull_each([40, 60, 80, 100, 120]), [Frame(0), Frame(1), Lost(160), Lost(160), Frame(4)]);
    assert_eq!(line.insert(120, 2), Inserted::Late);
    assert_eq!(line.buffer.discarded(), 1);
}

#[test]
fn media_5_a_packet_that_is_late_for_an_empty_buffer_is_played_late() {
    let mut line = Line::new(160);
    line.insert(0, 0);
    assert_eq!(line.pull_each([40, 60]), [Frame(0), Lost(160)]);
    assert_eq!(line.insert(61, 1), Inserted::Kept);
    line.insert(61, 2);
    assert_eq!(line.pull_each([80, 100]), [Frame(1), Frame(2)]);
    assert_eq!((line.buffer.counters().missing, line.buffer.discarded()), (1, 0));
}

#[test]
fn what_was_made_up_while_nothing_came_is_no_gap_twice() {
    let mut line = Line::new(160);
    line.insert(0, 0);
    assert_eq!(line.pull_each([40, 60]), [Frame(0), Lost(160)]);
    // The packet after the lost one.
    line.insert(61, 2);
    assert_eq!(line.pull(80), Frame(2));
}

#[test]
fn after_60_ms_of_nothing_the_next_packet_begins_a_talkspurt() {
    let mut line = Line::new(160);
    line.insert(0, 0);
    assert_eq!(line.pull_each([40, 60, 80, 100, 120]), [Frame(0), Lost(160), Lost(160), Lost(160), Empty]);
    // A sender with silence suppression: the next number, a second later.
    line.insert_as(1_000, 1, 10_000 + 8_000);
    assert_eq!(line.pull_each([1_020, 1_040]), [Empty, Frame(1)]);
}

#[test]
fn media_5_a_pause_that_was_announced_is_no_gap() {
    let mut line = Line::new(160);
    line.insert_all(0, [0, 1]);
    assert_eq!(line.pull(40), Frame(0));
    line.buffer.pause_if_empty();
    assert_eq!(line.pull(60), Frame(1), "there was something yet");
    line.buffer.pause_if_empty();
    assert_eq!(line.pull_each([80, 100]), [Empty, Empty]);
    line.insert_as(500, 2, 10_000 + 4_000);
    assert_eq!(line.pull_each([520, 540]), [Empty, Frame(2)]);
    line.buffer.pause();
    assert_eq!(line.pull(560), Empty);
    assert_eq!(line.buffer.counters().missing, 0);
}

#[test]
fn a_short_pause_of_the_sender_is_no_loss() {
    let mut line = Line::new(160);
    line.insert(0, 0);
    line.insert(20, 1);
    line.insert_as(60, 2, 10_000 + 4 * 160);
    let out = line.pull_each([60, 80, 100, 120, 140]);
    assert_eq!(out, [Frame(0), Frame(1), Pause(160), Pause(160), Frame(2)]);
}

#[test]
fn media_3_packet_times_of_10_to_60_ms_come_out_whole() {
    for ms in [10, 20, 30, 40, 50, 60] {
        let mut line = Line::new(ms * 8);
        let mut out = Vec::new();
        let mut samples = 0;
        for tick in 0..100 {
            let now = tick * 20;
            (0..60).filter(|number| (now..now + 20).contains(&(u32::from(*number) * ms))).for_each(
                |number| {
                    line.insert(u32::from(number) * ms, number);
                },
            );
            samples = u32::saturating_sub(samples, 160);
            while samples < 160 && now < 60 * ms {
                match line.pull(now) {
                    Empty => break,
                    Lost(gap) | Pause(gap) => samples += gap,
                    Frame(number) => {
                        out.push(number);
                        samples += ms * 8;
                    }
                }
            }
        }
        let expected: Vec<u16> = (0..u16::try_from(out.len()).expect("at most 60")).collect();
        assert!(
            out == expected && out.len() >= 100.min(60 * ms as usize / ms as usize) / 2,
            "{ms} ms: {out:?}"
        );
        assert_eq!(line.buffer.counters(), Counters::default(), "{ms} ms");
    }
}

#[test]
fn a_burst_after_an_outage_is_played_and_tells_how_deep_it_is() {
    let mut line = Line::new(160);
    line.insert_all(0, 0..8);
    assert_eq!(line.pull(0), Frame(0));
    let depth = line.buffer.depth(Instant::ZERO, Timestamp(10_000));
    assert_eq!((depth.now, depth.wanted), (140 * MS, 40 * MS));
    assert_eq!(line.buffer.discarded(), 0);
}

#[test]
fn what_is_held_beyond_the_bound_is_dropped_oldest_first() {
    let mut line = Line::with(Settings { bound: 200 * MS, ..Settings::default() }, 160);
    line.insert(0, 0);
    line.insert(20, 1);
    assert_eq!(line.pull(40), Frame(0));
    line.insert_all(40, 2..12);
    let out = line.pull(60);
    assert!(matches!(out, Frame(9..=11)), "{out:?}");
}

#[test]
fn the_slots_bound_what_is_held() {
    let mut line = Line::with(Settings { slots: 4, ..Settings::default() }, 80);
    line.insert_all(0, 0..50);
    assert!(line.buffer.slots.count() <= 4);
    assert!(matches!(line.pull(40), Frame(46..=49)), "{:?}", line.buffer);
}

#[test]
fn another_source_begins_anew() {
    let mut line = Line::new(160);
    line.insert(0, 0);
    line.ssrc = Ssrc(2);
    line.first = (9, 77);
    assert_eq!(line.insert(20, 0), Inserted::Resynchronized);
    assert_eq!(line.pull_each([40, 60]), [Empty, Frame(0)]);
    assert_eq!((line.buffer.counters().resynchronized, line.buffer.discarded()), (1, 1));
}

#[test]
fn a_jump_of_the_timestamp_begins_anew() {
    for (name, jump) in [("forward", 100_000), ("back", 0u32.wrapping_sub(100_000))] {
        let mut line = Line::new(160);
        line.insert(0, 0);
        line.insert(20, 1);
        assert_eq!(line.pull(40), Frame(0), "{name}");
        assert_eq!(line.insert_as(40, 2, 10_320_u32.wrapping_add(jump)), Inserted::Resynchronized, "{name}");
        assert_eq!(line.pull_each([60, 80]), [Empty, Frame(2)], "{name}");
    }
}

#[test]
fn a_path_that_became_longer_is_followed_after_200_ms() {
    let mut line = Line::new(160);
    for number in 0..3 {
        line.insert(u32::from(number) * 20, number);
    }
    let mut heard = Vec::new();
    // From the fourth on packets come 70 ms later than before, and pulls go on.
    for tick in 2..60u16 {
        let now = u32::from(tick) * 20;
        if tick >= 7 {
            line.insert(now - 10, tick - 4);
        }
        heard.push(line.pull(now));
    }
    let last = &heard[heard.len() - 30..];
    assert!(last.iter().all(|out| matches!(out, Frame(_))), "{heard:?}");
}

#[test]
fn too_long_a_payload_is_refused() {
    let mut buffer = Buffer::new(&Settings { slot_octets: 10, ..Settings::default() });
    let mut datagram = [0; HEADER_LEN + 11];
    datagram[0] = 0x80;
    let packet = Packet::parse(&datagram).expect("a packet");
    assert_eq!(buffer.insert(Instant::ZERO, &packet), Inserted::TooLong);
    assert_eq!(buffer.discarded(), 1);
}

proptest! {
    /// Packets that come in time come out, each once, in order, wherever the counters wrap.
    #[test]
    fn what_comes_in_time_comes_out_in_order(
        sequence: u16, timestamp: u32, ptime in 1u32..=6, delays in prop::collection::vec(0u32..=20, 60),
    ) {
        let mut line = Line::new(ptime * 80);
        line.first = (sequence, timestamp);
        let mut arrivals: Vec<(u32, u16)> =
            (0..).zip(delays).map(|(number, delay)| (u32::from(number) * ptime * 10 + delay, number)).collect();
        arrivals.sort_unstable();
        let begin = arrivals[0].0 + 40;
        let (mut next, mut out) = (begin, Vec::new());
        for (arrival, number) in arrivals {
            while next < arrival {
                out.push(line.pull(next));
                next += ptime * 10;
            }
            prop_assert_eq!(line.insert(arrival, number), Inserted::Kept);
        }
        for _ in 0..20 {
            out.push(line.pull(next));
            next += ptime * 10;
        }
        let begin = out.iter().position(|out| *out != Empty).unwrap_or(0);
        out.drain(..begin);
        out.truncate(60);
        prop_assert_eq!(out, (0..60).map(Frame).collect::<Vec<_>>());
    }

    /// Whatever comes: no panic, no slot too many, and time never runs back but for a new beginning.
    #[test]
    fn any_packets_never_panic_and_never_run_back(
        steps in prop::collection::vec((any::<bool>(), 0u32..50, 0u16..40, prop_oneof![9 => 0u32..6_000, 1 => any::<u32>()], 0u32..40), 0..300),
    ) {
        let mut line = Line::with(Settings { slots: 5, ..Settings::default() }, 160);
        let (mut now, mut last) = (0, None);
        for (insert, elapsed, number, timestamp, ssrc) in steps {
            now += elapsed;
            if insert {
                line.ssrc = Ssrc(ssrc / 39);
                if line.insert_as(now, number, timestamp) == Inserted::Resynchronized {
                    last = None;
                }
            } else if let Pulled::Frame { timestamp, .. } = line.buffer.pull(Instant::ZERO + now * MS, &mut [0; 480]) {
                prop_assert!(last.is_none_or(|last| timestamp.distance_from(last) > 0), "{:?} after {:?}", timestamp, last);
                last = Some(timestamp);
            }
            prop_assert!(line.buffer.slots.count() <= 5);
        }
    }
}
