//! Reads classic pcap files of UDP over IPv4 over Ethernet: what pcaps/ holds.

use std::net::SocketAddr;

/// A datagram of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured<'a> {
    /// Who sent it.
    pub from: SocketAddr,
    /// Whom it is for.
    pub to: SocketAddr,
    /// What it says.
    pub payload: &'a [u8],
}

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const ETHERNET: usize = 14;
const UDP: usize = 8;

/// The datagrams of a file, in order; what is no UDP over IPv4 is passed over.
pub fn datagrams(file: &[u8]) -> Vec<Captured<'_>> {
    const LITTLE_ENDIAN_MICROSECONDS: [u8; 4] = [0xd4, 0xc3, 0xb2, 0xa1];
    assert_eq!(file[..4], LITTLE_ENDIAN_MICROSECONDS, "a classic pcap file");
    let mut rest = &file[FILE_HEADER..];
    let mut found = Vec::new();
    while rest.len() > RECORD_HEADER {
        let length = u32::from_le_bytes(rest[8..12].try_into().expect("four octets"));
        let end = RECORD_HEADER + usize::try_from(length).expect("a frame is short");
        found.extend(datagram(&rest[RECORD_HEADER..end]));
        rest = &rest[end..];
    }
    found
}

fn datagram(frame: &[u8]) -> Option<Captured<'_>> {
    let packet = frame.get(ETHERNET..)?;
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let is_udp = frame[12..14] == [0x08, 0x00] && packet.get(9) == Some(&17);
    let udp = packet.get(header..).filter(|_| is_udp)?;
    let address = |at: usize, port: usize| {
        let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(SocketAddr::from((octets, u16::from_be_bytes(udp.get(port..port + 2)?.try_into().ok()?))))
    };
    Some(Captured { from: address(12, 0)?, to: address(16, 2)?, payload: udp.get(UDP..)? })
}
