//! From where a port takes its peer's media (ISO-3).

use alloc::vec::Vec;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

/// What a port takes media from. Once a source was taken, another is taken in its place only where the policy says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sources {
    /// Before anything came.
    pub first: FirstSource,
    /// A trunk's media networks: its carrier may move between gateways in them without a word of signaling.
    pub within: Vec<Prefix>,
}

/// Whose packets may be the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FirstSource {
    /// Whoever sends what was negotiated: a peer behind a NAT does not know its own address (symmetric RTP, RFC 4961).
    #[default]
    Anybody,
    /// The address that was negotiated, and the trunk's networks.
    Known,
}

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// All that begin with the first `length` bits of `address`; `None` where it has fewer.
    pub const fn new(address: IpAddr, length: u8) -> Option<Self> {
        let bits = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if length <= bits { Some(Self { address, length }) } else { None }
    }

    /// Whether an address is one of them.
    pub fn contains(self, other: IpAddr) -> bool {
        let differing = match (self.address, other.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => (ours.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(ours), IpAddr::V6(other)) => (ours.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= u32::from(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_the_addresses_that_begin_like_it() {
        let rows = [
            ("192.0.2.128", 28, "192.0.2.143", true),
            ("192.0.2.128", 28, "192.0.2.144", false),
            ("192.0.2.129", 28, "192.0.2.130", true),
            ("192.0.2.1", 32, "192.0.2.1", true),
            ("192.0.2.1", 32, "192.0.2.0", false),
            ("0.0.0.0", 0, "255.255.255.255", true),
            ("0.0.0.0", 0, "::1", false),
            ("192.0.2.0", 24, "::ffff:192.0.2.9", true),
            ("2001:db8::", 32, "2001:db8:ffff::1", true),
            ("2001:db8::", 32, "2001:db9::1", false),
            ("::", 0, "2001:db8::1", true),
        ];
        for (address, length, other, is_in) in rows {
            let address: IpAddr = address.parse().expect("an address");
            let prefix = Prefix::new(address, length).expect("not too long");
            let other: IpAddr = other.parse().expect("an address");
            assert_eq!(prefix.contains(other), is_in, "{address}/{length} {other}");
        }
        assert_eq!(Prefix::new(IpAddr::from([192, 0, 2, 1]), 33), None);
    }
}
