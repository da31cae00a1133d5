//! How packets are marked for the network.

/// RFC 2474 §3: the differentiated services codepoint of what we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dscp(u8);

impl Dscp {
    /// RFC 3246, EF: what telephony is carried by (RFC 4594 §4.1).
    pub const EXPEDITED_FORWARDING: Self = Self(46);
    /// RFC 2474 §4.2.2, CS3: what most networks carry signaling by, though RFC 4594 §4.2 would have CS5.
    pub const CLASS_SELECTOR_3: Self = Self(24);

    /// Takes 6 bits.
    pub const fn new(value: u8) -> Option<Self> {
        if value < 64 { Some(Self(value)) } else { None }
    }

    /// The 6 bits.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// As the upper 6 bits of IPv4's type of service, or IPv6's traffic class; the lower two are ECN's.
    pub const fn traffic_class(self) -> u32 {
        (self.0 as u32) << 2
    }
}
