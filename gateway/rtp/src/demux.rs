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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7983_7_the_first_octet_tells_and_rfc5761_4_the_second() {
        let cases: [(&str, &[u8], Datagram); 10] = [
            ("STUN binding request", &[0, 1, 0, 0], Datagram::Stun),
            ("ZRTP", &[16, 0], Datagram::Other),
            ("DTLS handshake", &[22, 254, 253], Datagram::Dtls),
            ("TURN channel", &[64, 0], Datagram::Other),
            ("RTP, PCMA with marker", &[0x80, 0x88], Datagram::Rtp),
            ("RTCP sender report", &[0x80, 200], Datagram::Rtcp),
            ("RTCP with padding", &[0xa0, 223], Datagram::Rtcp),
            ("RTP, payload type 96 with marker", &[0x80, 224], Datagram::Rtp),
            ("keep-alive", &[], Datagram::Other),
            ("one octet", &[0x80], Datagram::Other),
        ];
        for (name, datagram, kind) in cases {
            assert_eq!(classify(datagram), kind, "{name}");
        }
    }
}
