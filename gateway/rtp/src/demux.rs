//! What kind of datagram came to a media port (RFC 7983 §7, RFC 5761 §4).

/// The protocol of a datagram, told from its first two octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram {
    /// RFC 8489.
    Stun,
    /// RFC 5764.
    Dtls,
    /// RFC 3550 §5, or its encrypted form.
    Rtp,
    /// RFC 3550 §6, or its encrypted form.
    Rtcp,
    /// ZRTP, TURN channels, keep-alives and noise.
    Other,
}

/// Classifies a datagram. It may still be malformed.
pub const fn classify(datagram: &[u8]) -> Datagram {
    match datagram {
        [0..=3, _, ..] => Datagram::Stun,
        [20..=63, _, ..] => Datagram::Dtls,
        // RFC 5761 §4: payload types 64 to 95 are left unused so that these are RTCP's.
        [128..=191, 192..=223, ..] => Datagram::Rtcp,
        [128..=191, _, ..] => Datagram::Rtp,
        _ => Datagram::Other,
    }
}
