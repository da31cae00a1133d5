//! The RTP packet (RFC 3550 §5.1): a view to read, a view to rewrite, a header to write.

use rtp_rs::{RtpReader, RtpReaderError};
use serde::{Deserialize, Serialize};
use terms::media::{PayloadType, Ssrc};
use thiserror::Error;

/// Octets of a header without contributing sources and extension.
pub const HEADER_LEN: usize = 12;

/// RFC 3550 §5.1: counts packets; arithmetic wraps at 2^16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SequenceNumber(pub u16);

impl SequenceNumber {
    /// How many packets this one is after `other`; negative when before.
    pub const fn distance_from(self, other: Self) -> i16 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// The number of the packet that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// RFC 3550 §5.1: counts samples; arithmetic wraps at 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u32);

impl Timestamp {
    /// How many samples this one is after `other`; negative when before.
    pub const fn distance_from(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// The timestamp `samples` later.
    #[must_use]
    pub const fn advanced_by(self, samples: u32) -> Self {
        Self(self.0.wrapping_add(samples))
    }

    /// The timestamp `samples` earlier.
    #[must_use]
    pub const fn put_back_by(self, samples: u32) -> Self {
        Self(self.0.wrapping_sub(samples))
    }
}

/// What a header says, contributing sources and extension apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the payload is.
    pub payload_type: PayloadType,
    /// RFC 3551 §4.1: the first packet of a talkspurt.
    pub marker: bool,
    /// Which packet.
    pub sequence: SequenceNumber,
    /// When its first sample was taken.
    pub timestamp: Timestamp,
    /// Who sends.
    pub ssrc: Ssrc,
}

/// The datagram is no RTP packet; it is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PacketError {
    /// RFC 3550 §A.1: version other than 2.
    #[error("RTP version {0}")]
    Version(u8),
    /// The header says more than is there.
    #[error("RTP header cut short")]
    Truncated,
    /// RFC 3550 §5.1: the padding count is zero or more than is there.
    #[error("RTP padding of {0} octets")]
    Padding(u8),
}

impl From<RtpReaderError> for PacketError {
    fn from(error: RtpReaderError) -> Self {
        match error {
            RtpReaderError::UnsupportedVersion(version) => Self::Version(version),
            RtpReaderError::PaddingLengthInvalid(octets) => Self::Padding(octets),
            RtpReaderError::BufferTooShort(_) | RtpReaderError::HeadersTruncated { .. } => Self::Truncated,
        }
    }
}

/// A datagram that was checked to be an RTP packet.
pub struct Packet<'a>(RtpReader<'a>);

impl<'a> Packet<'a> {
    /// Checks version and lengths.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        Ok(Self(RtpReader::new(datagram)?))
    }

    /// The header's fields.
    pub fn header(&self) -> Header {
        Header {
            payload_type: self.payload_type(),
            marker: self.marker(),
            sequence: self.sequence(),
            timestamp: self.timestamp(),
            ssrc: self.ssrc(),
        }
    }

    /// What the payload is.
    pub fn payload_type(&self) -> PayloadType {
        PayloadType(self.0.payload_type())
    }

    /// RFC 3551 §4.1: the first packet of a talkspurt.
    pub fn marker(&self) -> bool {
        self.0.mark()
    }

    /// Which packet.
    pub fn sequence(&self) -> SequenceNumber {
        SequenceNumber(self.0.sequence_number().into())
    }

    /// When its first sample was taken.
    pub fn timestamp(&self) -> Timestamp {
        Timestamp(self.0.timestamp())
    }

    /// Who sends.
    pub fn ssrc(&self) -> Ssrc {
        Ssrc(self.0.ssrc())
    }

    /// The contributing sources of a mixer.
    pub fn contributing(&self) -> impl Iterator<Item = Ssrc> {
        self.0.csrc().map(Ssrc)
    }

    /// RFC 3550 §5.3.1: the extension's profile and content.
    pub fn extension(&self) -> Option<(u16, &'a [u8])> {
        self.0.extension()
    }

    /// What is carried, less padding.
    pub fn payload(&self) -> &'a [u8] {
        self.0.payload()
    }
}

/// A checked RTP packet whose header is rewritten in place, for relaying.
pub struct PacketMut<'a> {
    header: &'a mut [u8; HEADER_LEN],
}

impl<'a> PacketMut<'a> {
    /// Checks version and lengths.
    pub fn parse(datagram: &'a mut [u8]) -> Result<Self, PacketError> {
        Packet::parse(datagram)?;
        let header = datagram.first_chunk_mut().ok_or(PacketError::Truncated)?;
        Ok(Self { header })
    }

    /// Sets what the payload is.
    pub fn set_payload_type(&mut self, payload_type: PayloadType) {
        let [_, second, ..] = self.header;
        *second = (*second & 0x80) | (payload_type.0 & 0x7f);
    }

    /// Sets or clears the marker.
    #[expect(clippy::fn_params_excessive_bools, reason = "a setter of one bit")]
    pub fn set_marker(&mut self, marker: bool) {
        let [_, second, ..] = self.header;
        *second = (*second & 0x7f) | (u8::from(marker) << 7);
    }

    /// Sets which packet it is.
    pub fn set_sequence(&mut self, sequence: SequenceNumber) {
        let [_, _, s0, s1, ..] = self.header;
        [*s0, *s1] = sequence.0.to_be_bytes();
    }

    /// Sets when its first sample was taken.
    pub fn set_timestamp(&mut self, timestamp: Timestamp) {
        let [_, _, _, _, t0, t1, t2, t3, ..] = self.header;
        [*t0, *t1, *t2, *t3] = timestamp.0.to_be_bytes();
    }

    /// Sets who sends.
    pub fn set_ssrc(&mut self, ssrc: Ssrc) {
        let [.., r0, r1, r2, r3] = self.header;
        [*r0, *r1, *r2, *r3] = ssrc.0.to_be_bytes();
    }
}

/// Writes a header without contributing sources and extension; returns [`HEADER_LEN`], or zero
/// where `out` is shorter.
pub fn write_header(out: &mut [u8], header: &Header) -> usize {
    const VERSION_2: u8 = 2 << 6;
    let Some(octets) = out.first_chunk_mut::<HEADER_LEN>() else { return 0 };
    let [q0, q1] = header.sequence.0.to_be_bytes();
    let [t0, t1, t2, t3] = header.timestamp.0.to_be_bytes();
    let [r0, r1, r2, r3] = header.ssrc.0.to_be_bytes();
    let second = (u8::from(header.marker) << 7) | (header.payload_type.0 & 0x7f);
    *octets = [VERSION_2, second, q0, q1, t0, t1, t2, t3, r0, r1, r2, r3];
    HEADER_LEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_header() -> impl Strategy<Value = Header> {
        (0u8..128, any::<bool>(), any::<u16>(), any::<u32>(), any::<u32>()).prop_map(
            |(payload_type, marker, sequence, timestamp, ssrc)| Header {
                payload_type: PayloadType(payload_type),
                marker,
                sequence: SequenceNumber(sequence),
                timestamp: Timestamp(timestamp),
                ssrc: Ssrc(ssrc),
            },
        )
    }

    #[test]
    fn rfc3550_5_1_what_the_header_says_must_be_there() {
        let fixed = |first: u8| [first, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 1];
        let with = |first, rest: &[u8]| [&fixed(first)[..], rest].concat();
        type Case = (&'static str, Vec<u8>, Result<&'static [u8], PacketError>);
        let cases: [Case; 9] = [
            ("plain", with(0x80, &[1, 2]), Ok(&[1, 2])),
            ("no payload", with(0x80, &[]), Ok(&[])),
            ("padding", with(0xa0, &[1, 0, 2]), Ok(&[1])),
            (
                "one source, an extension",
                with(0x91, &[0, 0, 0, 9, 0xbe, 0xde, 0, 1, 7, 7, 7, 7, 1]),
                Ok(&[1]),
            ),
            ("short", fixed(0x80)[..11].to_vec(), Err(PacketError::Truncated)),
            ("version 1", with(0x40, &[]), Err(PacketError::Version(1))),
            ("no room for its sources", with(0x82, &[0; 7]), Err(PacketError::Truncated)),
            ("no room for its extension", with(0x90, &[0, 0, 0, 2, 0, 0, 0, 0]), Err(PacketError::Truncated)),
            ("more padding than payload", with(0xa0, &[3, 9]), Err(PacketError::Padding(9))),
        ];
        for (name, datagram, payload) in cases {
            assert_eq!(Packet::parse(&datagram).map(|packet| packet.payload()), payload, "{name}");
        }
    }

    #[test]
    fn rfc3550_5_1_arithmetic_wraps() {
        assert_eq!(SequenceNumber(2).distance_from(SequenceNumber(0xfffe)), 4);
        assert_eq!(SequenceNumber(0xfffe).distance_from(SequenceNumber(2)), -4);
        assert_eq!(SequenceNumber(0xffff).next(), SequenceNumber(0));
        let before = Timestamp(0).put_back_by(160);
        assert_eq!((before.distance_from(Timestamp(0)), before.advanced_by(160)), (-160, Timestamp(0)));
    }

    #[test]
    fn no_header_is_written_where_it_does_not_fit() {
        let datagram = [0x80; HEADER_LEN];
        let header = Packet::parse(&datagram).expect("a packet").header();
        assert_eq!(write_header(&mut [0; HEADER_LEN - 1], &header), 0);
    }

    proptest! {
        #[test]
        fn a_header_written_is_read(header in any_header()) {
            let mut datagram = [0; 20];
            prop_assert_eq!(write_header(&mut datagram, &header), HEADER_LEN);
            prop_assert_eq!(Packet::parse(&datagram).map(|packet| packet.header()), Ok(header));
        }

        #[test]
        fn a_header_rewritten_in_place_leaves_the_rest(old in any_header(), new in any_header(), payload: Vec<u8>) {
            let mut datagram = vec![0; HEADER_LEN];
            write_header(&mut datagram, &old);
            datagram.extend(&payload);
            let mut packet = PacketMut::parse(&mut datagram).expect("we wrote it");
            packet.set_payload_type(new.payload_type);
            packet.set_marker(new.marker);
            packet.set_sequence(new.sequence);
            packet.set_timestamp(new.timestamp);
            packet.set_ssrc(new.ssrc);
            let packet = Packet::parse(&datagram).expect("still one");
            prop_assert_eq!((packet.header(), packet.payload()), (new, &payload[..]));
        }

        #[test]
        fn any_octets_never_panic(mut datagram: Vec<u8>, first in 0x80u8..0xc0) {
            if let Some(octet) = datagram.first_mut() {
                *octet = first;
            }
            if let Ok(packet) = Packet::parse(&datagram) {
                let _ = (packet.header(), packet.payload(), packet.extension(), packet.contributing().count());
            }
        }
    }
}
