//! Packets that go from one port to another as they are, under the numbers of the port that they leave by (MEDIA-1).

use rtp::{Header, SequenceNumber, Timestamp};
use terms::media::{PayloadType, Ssrc};

use crate::send::Numbers;

/// RFC 3550 §A.1: a jump ahead by so many packets, or back by so many, is a new beginning.
const MAX_DROPOUT: i16 = 3_000;
const MAX_MISORDER: i16 = 100;

/// How the numbers of one source become those of the stream that goes out: by a difference each, so that what was lost or
/// came out of order on the way to us shows to who hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Following {
    source: Ssrc,
    sequence: u16,
    timestamp: u32,
}

impl Following {
    /// The stream goes on with a packet of this source, without a seam in its numbers (RFC 3550 §5.1).
    pub(crate) const fn begin(numbers: &Numbers, first: &Header) -> Self {
        Self {
            source: first.ssrc,
            sequence: numbers.sequence.0.wrapping_sub(first.sequence.0),
            timestamp: numbers.timestamp.0.wrapping_sub(first.timestamp.0),
        }
    }

    /// Whether a packet goes on with what went before: of the same source, and not far from it (RFC 3550 §A.1). A sender
    /// that began anew is not followed into numbers that its receiver has had.
    pub(crate) fn fits(self, numbers: &Numbers, came: &Header) -> bool {
        let distance = self.sequence(came).distance_from(numbers.sequence);
        self.source == came.ssrc && (-MAX_MISORDER..MAX_DROPOUT).contains(&distance)
    }

    const fn sequence(self, came: &Header) -> SequenceNumber {
        SequenceNumber(came.sequence.0.wrapping_add(self.sequence))
    }

    /// When a packet was made, by the clock of the stream that goes out.
    pub(crate) const fn timestamp(self, came: &Header) -> Timestamp {
        Timestamp(came.timestamp.0.wrapping_add(self.timestamp))
    }

    /// The header that a packet leaves with. What is sent next by ourselves comes behind it, `samples` later.
    pub(crate) fn onward(
        self,
        numbers: &mut Numbers,
        came: &Header,
        (payload_type, samples, octets): (PayloadType, u32, usize),
    ) -> Header {
        let header = Header {
            payload_type,
            marker: came.marker,
            sequence: self.sequence(came),
            timestamp: self.timestamp(came),
            ssrc: numbers.ssrc,
        };
        let (next, behind) = (header.sequence.next(), header.timestamp.advanced_by(samples));
        if next.distance_from(numbers.sequence) > 0 {
            numbers.sequence = next;
        }
        if behind.distance_from(numbers.timestamp) > 0 {
            numbers.timestamp = behind;
        }
        numbers.packets += 1;
        numbers.octets += u64::try_from(octets).unwrap_or(0);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: (PayloadType, u32, usize) = (PayloadType(8), 160, 160);

    fn numbers() -> Numbers {
        Numbers {
            ssrc: Ssrc(7),
            sequence: SequenceNumber(65_535),
            timestamp: Timestamp(u32::MAX - 80),
            packets: 0,
            octets: 0,
        }
    }

    fn came(sequence: u16) -> Header {
        Header {
            payload_type: PayloadType(0),
            marker: sequence == 100,
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(1_000 + u32::from(sequence - 100) * 160),
            ssrc: Ssrc(9),
        }
    }

    #[test]
    fn media_1_loss_and_order_show_and_numbers_go_on_without_a_seam_over_the_wrap() {
        let mut numbers = numbers();
        let following = Following::begin(&numbers, &came(100));
        let mut onward = |sequence| following.onward(&mut numbers, &came(sequence), TYPES);
        let sent: Vec<(u16, u32)> = [100, 101, 104, 103]
            .into_iter()
            .map(&mut onward)
            .map(|header| (header.sequence.0, header.timestamp.0))
            .collect();
        let timestamp = |packets: u32| (u32::MAX - 80).wrapping_add(packets * 160);
        assert_eq!(sent, [(65_535, timestamp(0)), (0, timestamp(1)), (3, timestamp(4)), (2, timestamp(3))]);
        assert_eq!((numbers.sequence.0, numbers.timestamp.0), (4, timestamp(5)), "our own would come behind");
        assert_eq!((numbers.packets, numbers.octets), (4, 640));
    }

    #[test]
    fn rfc3550_5_1_the_stream_keeps_its_own_source_and_the_marker_goes_on() {
        let mut numbers = numbers();
        let following = Following::begin(&numbers, &came(100));
        let header = following.onward(&mut numbers, &came(100), TYPES);
        assert!(header.marker && header.ssrc == Ssrc(7) && header.payload_type == PayloadType(8));
        assert!(following.fits(&numbers, &came(101)));
        assert!(!following.fits(&numbers, &Header { ssrc: Ssrc(8), ..came(101) }));
    }

    #[test]
    fn rfc3550_a_1_who_begins_anew_is_not_followed() {
        let mut numbers = numbers();
        let following = Following::begin(&numbers, &came(100));
        following.onward(&mut numbers, &came(5_000), TYPES);
        assert!(!following.fits(&numbers, &came(100)), "its numbers were used");
        assert!(!following.fits(&numbers, &came(9_000)), "it was on hold for long");
        assert!(following.fits(&numbers, &came(4_950)) && following.fits(&numbers, &came(5_050)));
    }
}
