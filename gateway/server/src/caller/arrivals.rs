//! What came of the stream, packet by packet.

use std::time::Duration;

use rtp::{Header, Reception, SequenceNumber};
use terms::Instant;

/// RTP timestamps a second of G.711.
const CLOCK_HZ: u32 = 8_000;

/// Counts the packets of a call.
#[derive(Debug, Clone)]
pub struct Arrivals {
    reception: Reception,
    received: u64,
    reordered: u64,
    highest: Option<SequenceNumber>,
    first: Option<Instant>,
    last: Option<Instant>,
    measuring: Measuring,
    largest_gap: Duration,
}

/// Whether gaps count: a gateway may be silent between two prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measuring {
    No,
    From(Instant),
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            reception: Reception::new(CLOCK_HZ),
            received: 0,
            reordered: 0,
            highest: None,
            first: None,
            last: None,
            measuring: Measuring::No,
            largest_gap: Duration::ZERO,
        }
    }
}

impl Arrivals {
    /// Takes note of a packet.
    pub fn receive(&mut self, now: Instant, header: &Header) {
        self.reception.receive(now, header);
        self.received += 1;
        self.first.get_or_insert(now);
        self.note_gap(now);
        self.last = Some(now);
        match self.highest {
            Some(highest) if header.sequence.distance_from(highest) <= 0 => self.reordered += 1,
            _ => self.highest = Some(header.sequence),
        }
    }

    /// From here on gaps count.
    pub fn begin_measuring(&mut self, now: Instant) {
        self.measuring = Measuring::From(now);
    }

    /// They count no more; the one that lasts is the last.
    pub fn end_measuring(&mut self, now: Instant) {
        self.note_gap(now);
        self.measuring = Measuring::No;
    }

    /// When the first packet came.
    pub const fn first(&self) -> Option<Instant> {
        self.first
    }

    /// How many came.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// RFC 3550 §A.3: how many did not.
    pub fn lost(&self) -> u64 {
        self.reception.packets_lost()
    }

    /// How many came after one that was sent later, or twice.
    pub const fn reordered(&self) -> u64 {
        self.reordered
    }

    /// The longest time without a packet while gaps counted.
    pub const fn largest_gap(&self) -> Duration {
        self.largest_gap
    }

    fn note_gap(&mut self, now: Instant) {
        if let Measuring::From(began) = self.measuring {
            let since = self.last.map_or(began, |last| last.max(began));
            self.largest_gap = self.largest_gap.max(now.since(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use rtp::Timestamp;
    use terms::media::{PayloadType, Ssrc};

    use super::*;

    fn header(sequence: u16) -> Header {
        Header {
            payload_type: PayloadType(8),
            marker: false,
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(u32::from(sequence) * 160),
            ssrc: Ssrc(7),
        }
    }

    fn arrive(arrivals: &mut Arrivals, packets: &[(u64, u16)]) {
        for (ms, sequence) in packets {
            arrivals.receive(Instant::from_nanos(ms * 1_000_000), &header(*sequence));
        }
    }

    #[test]
    fn lost_reordered_and_doubled_packets_are_told_apart() {
        let cases = [
            ("in order", vec![(0, 65_535), (20, 0), (40, 1)], (3, 0, 0)),
            ("one lost", vec![(0, 1), (20, 2), (60, 4)], (3, 1, 0)),
            ("two swapped", vec![(0, 1), (20, 2), (40, 4), (41, 3), (60, 5)], (5, 0, 1)),
        ];
        for (name, packets, expected) in cases {
            let mut arrivals = Arrivals::default();
            arrive(&mut arrivals, &packets);
            assert_eq!((arrivals.received(), arrivals.lost(), arrivals.reordered()), expected, "{name}");
        }
    }

    #[test]
    fn only_gaps_while_measuring_count() {
        let at = |ms: u64| Instant::from_nanos(ms * 1_000_000);
        let mut arrivals = Arrivals::default();
        arrive(&mut arrivals, &[(0, 1), (900, 2)]);
        arrivals.begin_measuring(at(910));
        arrive(&mut arrivals, &[(930, 3), (985, 4), (1_000, 5)]);
        arrivals.end_measuring(at(1_010));
        arrive(&mut arrivals, &[(2_000, 6)]);
        assert_eq!(arrivals.largest_gap(), Duration::from_millis(55));
    }
}
