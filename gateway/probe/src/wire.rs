//! A probe's packet, one format for datagrams and for streams.
//!
//! ```text
//!   0 ┌──────────────────────┬─────────┬──────┬────────┐
//!     │ magic FB 47 57 50    │ version │ kind │ length │   all numbers big-endian; the length is that of the whole
//!   8 ├──────────────────────┴─────────┴──────┴────────┤
//!     │ cookie, 16 octets; 0 in Ask                    │
//!  24 ├───────────┬────────────────────────────────────┤
//!     │ sequence  │ time, of who asks, in nanoseconds  │   given back as they came
//!  36 ├───────────┼───────────┬────────────────────────┘
//!     │ received  │ limited   │   in answers: how many Echoes of this cookie came, and how many more were too many; 0 is
//!  44 ├───────────┴───────────┴──────────────┐   unknown
//!     │ in Cookie: number, then so many of   │
//!     │ family 4 or 6, port, 16 octets       │   where media is probed; the rest is padding
//!     └──────────────────────────────────────┘
//! ```
//!
//! No SIP message and no keep-alive begins with FB: it stands in no UTF-8 text. On a media port it is none of STUN, ZRTP,
//! DTLS, TURN, RTP and RTCP (RFC 7983 §7).

use std::net::{IpAddr, SocketAddr};

/// What every packet begins with.
const MAGIC: [u8; 4] = [0xfb, b'G', b'W', b'P'];
const VERSION: u8 = 1;
/// The shortest packet: header and a media address.
pub const MIN: usize = 64;
/// The longest: an Ethernet frame carries it in whole, over IPv6 and in a tunnel too.
pub const MAX: usize = 1_280;
/// Where the media addresses begin.
const LIST: usize = 44;
/// Family, port, address.
const ENTRY: usize = 19;

/// What proves that a source is where it says: it got it there.
pub type Cookie = [u8; 16];

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first question.
    Ask,
    /// Its answer.
    Cookie,
    /// Comes back as [`Kind::Echoed`].
    Echo,
    /// An echo's answer.
    Echoed,
    /// How many echoes came?
    Count,
    /// So many.
    Counted,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Ask, Self::Cookie, Self::Echo, Self::Echoed, Self::Count, Self::Counted];

    const fn code(self) -> u8 {
        match self {
            Self::Ask => 1,
            Self::Cookie => 2,
            Self::Echo => 3,
            Self::Echoed => 4,
            Self::Count => 5,
            Self::Counted => 6,
        }
    }
}

/// Why octets are no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Another protocol's.
    Foreign,
    /// Of a version or a kind that we don't know.
    Unknown,
    /// The length is not that of the octets, or out of bounds.
    Length,
}

/// A packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// What it is.
    pub kind: Kind,
    /// Of who asks.
    pub cookie: Cookie,
    /// Of who asks.
    pub sequence: u32,
    /// On the clock of who asks, in nanoseconds.
    pub sent: u64,
    /// How many echoes of this cookie came, this one included; 0 is unknown.
    pub received: u32,
    /// How many more came than may.
    pub limited: u32,
}

impl Packet {
    /// The first question.
    pub const fn ask(sequence: u32) -> Self {
        Self { kind: Kind::Ask, cookie: [0; 16], sequence, sent: 0, received: 0, limited: 0 }
    }

    /// Reads a packet that is all of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(Malformed::Foreign)?;
        let (&[version, code], rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.code() == code);
        let kind = kind.filter(|_| version == VERSION).ok_or(Malformed::Unknown)?;
        let (length, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        if usize::from(u16::from_be_bytes(*length)) != bytes.len() || !(MIN..=MAX).contains(&bytes.len()) {
            return Err(Malformed::Length);
        }
        let (cookie, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let (sequence, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let (sent, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let (received, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let (limited, _) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        Ok(Self {
            kind,
            cookie: *cookie,
            sequence: u32::from_be_bytes(*sequence),
            sent: u64::from_be_bytes(*sent),
            received: u32::from_be_bytes(*received),
            limited: u32::from_be_bytes(*limited),
        })
    }

    /// Writes the header over the begin of `bytes`, which are the whole packet, from [`MIN`] to [`MAX`] of them.
    pub fn write(&self, bytes: &mut [u8]) {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
        let [sequence, received, limited] =
            [self.sequence, self.received, self.limited].map(u32::to_be_bytes);
        let (sent, begin) = (self.sent.to_be_bytes(), [VERSION, self.kind.code()]);
        let parts: [&[u8]; 8] =
            [&MAGIC, &begin, &length, &self.cookie, &sequence, &sent, &received, &limited];
        for (place, octet) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *place = *octet;
        }
    }
}

/// Whether a datagram, or a stream, begins as a probe.
pub fn is_probe(bytes: &[u8]) -> bool {
    bytes.first() == MAGIC.first()
}

/// What stands at the begin of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A packet of so many octets.
    Whole(usize),
    /// The begin of one.
    Part,
    /// No packet, and nothing behind it can be read either.
    Broken,
}

/// Looks for a packet at the begin of a stream.
pub fn frame(stream: &[u8]) -> Frame {
    let known = stream.iter().zip(&MAGIC).all(|(octet, magic)| octet == magic);
    let length = stream.get(6..8).and_then(|length| length.first_chunk());
    match length.map(|length| usize::from(u16::from_be_bytes(*length))) {
        _ if !known => Frame::Broken,
        None => Frame::Part,
        Some(length) if !(MIN..=MAX).contains(&length) => Frame::Broken,
        Some(length) if length <= stream.len() => Frame::Whole(length),
        Some(_) => Frame::Part,
    }
}

/// Writes as many media addresses into a [`Kind::Cookie`] as it has room for, and nothing else behind the header.
pub fn write_media(bytes: &mut [u8], media: &[SocketAddr]) {
    let Some((number, list)) = bytes.get_mut(LIST..).and_then(<[u8]>::split_first_mut) else { return };
    list.fill(0);
    let mut written = 0;
    for (entry, address) in list.chunks_exact_mut(ENTRY).zip(media) {
        let (family, octets) = match address.ip() {
            IpAddr::V4(address) => (4, address.to_ipv6_mapped().octets()),
            IpAddr::V6(address) => (6, address.octets()),
        };
        let port = address.port().to_be_bytes();
        for (place, octet) in entry.iter_mut().zip([family].iter().chain(&port).chain(&octets)) {
            *place = *octet;
        }
        written += 1;
    }
    *number = written;
}

/// Where a [`Kind::Cookie`] says that media is probed.
pub fn media(bytes: &[u8]) -> impl Iterator<Item = SocketAddr> {
    let (number, list) = bytes.get(LIST..).and_then(<[u8]>::split_first).unwrap_or((&0, &[]));
    list.chunks_exact(ENTRY).take(usize::from(*number)).filter_map(|entry| {
        let (&[family], rest) = entry.split_first_chunk()?;
        let (port, rest) = rest.split_first_chunk()?;
        let address = std::net::Ipv6Addr::from(*rest.first_chunk::<16>()?);
        let address = match family {
            4 => IpAddr::V4(address.to_ipv4_mapped()?),
            6 => IpAddr::V6(address),
            _ => return None,
        };
        Some(SocketAddr::new(address, u16::from_be_bytes(*port)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_8_a_packet_reads_as_it_was_written_and_no_other_protocol_begins_so() {
        let packet = Packet {
            kind: Kind::Echoed,
            cookie: *b"0123456789abcdef",
            sequence: 0x0102_0304,
            sent: 0x1112_1314_1516_1718,
            received: 0x2122_2324,
            limited: 0x3132_3334,
        };
        let mut bytes = [0xee; MIN];
        packet.write(&mut bytes);
        assert_eq!(Packet::read(&bytes), Ok(packet));
        assert_eq!(
            (&bytes[..8], &bytes[36..44]),
            (b"\xfbGWP\x01\x04\x00\x40".as_slice(), b"\x21\x22\x23\x24\x31\x32\x33\x34".as_slice())
        );
        // RFC 7983 §7's ranges, and what a SIP message or a keep-alive may begin with (RFC 3261 §25.1, RFC 5626 §3.5.1).
        let others = (0..=3).chain(16..=79).chain(128..=191).chain(b' '..=b'~').chain(*b"\r\n\t");
        assert!(others.into_iter().all(|first| !is_probe(&[first])));
    }

    #[test]
    fn media_8_what_is_no_packet_is_told_apart() {
        let mut good = [0; MIN];
        Packet::ask(1).write(&mut good);
        let with = |place: usize, octet: u8| {
            let mut bytes = good;
            bytes[place] = octet;
            Packet::read(&bytes)
        };
        let rows = [
            ("magic", with(3, 0), Malformed::Foreign),
            ("version", with(4, 2), Malformed::Unknown),
            ("kind", with(5, 7), Malformed::Unknown),
            ("length", with(7, 65), Malformed::Length),
            ("cut", Packet::read(&good[..MIN - 1]), Malformed::Length),
            ("nothing", Packet::read(&[]), Malformed::Foreign),
            ("magic alone", Packet::read(&MAGIC), Malformed::Length),
        ];
        for (name, read, wanted) in rows {
            assert_eq!(read, Err(wanted), "{name}");
        }
    }

    #[test]
    fn media_8_a_stream_is_cut_into_its_packets_wherever_it_breaks() {
        let mut packet = [0; 100];
        Packet::ask(1).write(&mut packet);
        let stream = [packet, packet].concat();
        assert!((0..100).all(|length| frame(&stream[..length]) == Frame::Part));
        assert!((100..=200).all(|length| frame(&stream[..length]) == Frame::Whole(100)));
        packet[6] = 0xff;
        assert_eq!(
            (frame(&packet), frame(b"\xfbGWX"), frame(b"INVITE")),
            (Frame::Broken, Frame::Broken, Frame::Broken)
        );
    }

    #[test]
    fn media_8_addresses_stand_in_a_cookie_as_far_as_it_has_room() {
        let all: Vec<SocketAddr> = ["192.0.2.10:10000", "[2001:db8::1]:10000", "192.0.2.11:1"]
            .map(|text| text.parse().expect("an address"))
            .into();
        for (length, wanted) in [(MIN, 1), (MIN + ENTRY, 2), (172, 3)] {
            let mut bytes = vec![0xee; length];
            write_media(&mut bytes, &all);
            assert_eq!(media(&bytes).collect::<Vec<_>>(), all[..wanted]);
        }
        assert_eq!(media(&[]).count(), 0);
    }
}
