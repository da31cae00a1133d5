//! What is probed, and how.

use std::{io, net::SocketAddr, time::Duration};

use probe::Limits;

/// SIP's port (RFC 3261 §19.1.2).
const SIP_PORT: u16 = 5_060;
/// A packet of G.711 each 20 ms, with its header.
const VOICE: Pace = Pace { every: Duration::from_millis(20), octets: 172 };
/// 4 Mb/s in packets that go through every tunnel: 1 200 octets each 2.4 ms.
const VIDEO: Pace = Pace { every: Duration::from_micros(2_400), octets: 1_200 };

/// How fast echoes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) every: Duration,
    pub(super) octets: usize,
}

/// How many echoes, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) pace: Pace,
    pub(super) packets: u32,
}

/// Where a gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
}

/// What is probed, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The gateway's SIP address.
    pub gateway: SocketAddr,
    /// Where its media is probed, if not where it says.
    pub media: Option<SocketAddr>,
    /// How many packets, as of a voice.
    pub packets: u32,
    /// How long there shall be video, if any.
    pub video: Option<Duration>,
    /// What is good enough.
    pub limits: Limits,
}

impl Plan {
    pub(super) const fn voice(&self) -> Load {
        Load { pace: VOICE, packets: self.packets }
    }

    pub(super) fn video(&self) -> Option<Load> {
        let packets = |span: Duration| span.as_micros() / VIDEO.every.as_micros();
        self.video.map(|span| Load { pace: VIDEO, packets: u32::try_from(packets(span)).unwrap_or(u32::MAX) })
    }
}

impl Target {
    /// Reads `HOST`, `HOST:PORT`, `[IPV6]:PORT` or `IPV6`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
            // More than one colon is an address of IPv6 without a port.
            None => match text.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                Some(_) | None => (text, None),
            },
        };
        let port = port.map_or(Some(SIP_PORT), |port| port.parse().ok())?;
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
    }

    /// Its first address.
    pub async fn resolve(&self) -> io::Result<SocketAddr> {
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_8_a_target_is_a_host_with_or_without_a_port() {
        let rows = [
            ("gateway.example", Some(("gateway.example", 5_060))),
            ("192.0.2.10:5070", Some(("192.0.2.10", 5_070))),
            ("[2001:db8::1]:5070", Some(("2001:db8::1", 5_070))),
            ("[2001:db8::1]", Some(("2001:db8::1", 5_060))),
            ("2001:db8::1", Some(("2001:db8::1", 5_060))),
            ("", None),
            (":5060", None),
            ("host:", None),
            ("host:70000", None),
            ("[::1]5060", None),
        ];
        for (text, wanted) in rows {
            let wanted = wanted.map(|(host, port): (&str, u16)| Target { host: host.to_owned(), port });
            assert_eq!(Target::parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn media_8_video_is_4_mb_a_second() {
        let bits = 8 * VIDEO.octets as u128 * 1_000_000 / VIDEO.every.as_micros();
        assert_eq!(bits, u128::from(probe::VIDEO_BITS_PER_SECOND));
        assert_eq!((VOICE.octets, VOICE.every), (12 + 160, Duration::from_millis(20)));
    }
}
