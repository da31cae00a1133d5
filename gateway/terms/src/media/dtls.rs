//! What both sides agreed on for keys that are made where the media go (DTLS-SRTP, RFC 5763 and 5764).

use alloc::vec::Vec;
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

use super::SrtpKeys;

/// RFC 8122 §5: what a certificate is hashed by. MD5 and MD2 are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FingerprintHash {
    /// `sha-1`, of old endpoints.
    Sha1,
    /// `sha-256`.
    Sha256,
    /// `sha-384`.
    Sha384,
    /// `sha-512`.
    Sha512,
}

impl FingerprintHash {
    /// Every hash, the weakest first.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// As `a=fingerprint` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// Octets of the hash.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// What a certificate is known by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint {
    hash: FingerprintHash,
    octets: Vec<u8>,
}

impl Fingerprint {
    /// Takes the hash of a certificate; `None` where it is not as long as its function says.
    pub fn new(hash: FingerprintHash, octets: Vec<u8>) -> Option<Self> {
        (octets.len() == hash.size()).then_some(Self { hash, octets })
    }

    /// By which function.
    pub const fn hash(&self) -> FingerprintHash {
        self.hash
    }

    /// The hash.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// It is no fingerprint, or by a function that we don't know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    /// RFC 8122 §5, in either case of letters.
    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let (name, digits) = text.trim().split_once(' ').ok_or(NoFingerprint)?;
        let hash = FingerprintHash::ALL.into_iter().find(|hash| name.eq_ignore_ascii_case(hash.name()));
        let is_octet = |pair: &&str| pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        let octet = |pair| Some(pair).filter(is_octet).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let octets: Option<Vec<u8>> = digits.trim().split(':').map(octet).collect();
        hash.zip(octets).and_then(|(hash, octets)| Self::new(hash, octets)).ok_or(NoFingerprint)
    }
}

/// As `a=fingerprint` has it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash.name())?;
        for (at, octet) in self.octets.iter().enumerate() {
            write!(f, "{}{octet:02X}", if at == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// RFC 4145 §4: who begins the handshake, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DtlsRole {
    /// We do: we are the client.
    Active,
    /// The peer does.
    Passive,
}

/// What a handshake is held by. As long as it stays the same, so does the association (RFC 8842 §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DtlsTerms {
    /// Who begins.
    pub role: DtlsRole,
    /// What the peer's certificate is known by. One of them has to fit.
    pub theirs: Vec<Fingerprint>,
}

/// The keys that handshakes made, for a snapshot. Without `rtcp-mux` RTCP has an association of its own (RFC 5764 §4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DtlsKeys {
    /// Of RTP, and of RTCP that goes with it.
    pub rtp: SrtpKeys,
    /// Of RTCP by itself.
    pub rtcp: Option<SrtpKeys>,
}

/// Why no keys were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DtlsFault {
    /// The peer's certificate is not the one that signaling told of (RFC 5763 §5): somebody else may be there.
    WrongCertificate,
    /// No handshake came to an end in time.
    NoHandshake,
    /// Both share no way to shake hands; above all, the peer's certificate is RSA's.
    NothingInCommon,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString, vec};

    #[test]
    fn rfc8122_5_a_fingerprint_is_read_in_either_case_and_written_in_capitals() {
        let octets: Vec<u8> = (0xe0..0xf4).collect();
        let text = "sha-1 E0:E1:E2:E3:E4:E5:E6:E7:E8:E9:EA:EB:EC:ED:EE:EF:F0:F1:F2:F3";
        let fingerprint = Fingerprint::new(FingerprintHash::Sha1, octets).expect("it fits");
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(text.to_ascii_lowercase().parse(), Ok(fingerprint.clone()));
        assert_eq!(format!(" {} ", text.to_ascii_uppercase()).parse(), Ok(fingerprint));
    }

    #[test]
    fn rfc8122_5_what_is_no_fingerprint() {
        let long = [vec!["AB"; 31].join(":"), vec!["AB"; 32].join(":")];
        let rows = [
            ("a function that nobody should take", format!("md5 {}", vec!["AB"; 16].join(":"))),
            ("too short", format!("sha-256 {}", long[0])),
            ("no hexadecimal digits", format!("sha-256 {}:XY", long[0])),
            ("one digit", format!("sha-256 {}:A", long[0])),
            ("a sign", format!("sha-256 {}:+A", long[0])),
            ("no function", long[1].clone()),
            ("nothing", alloc::string::String::new()),
        ];
        for (name, text) in rows {
            assert_eq!(text.parse::<Fingerprint>(), Err(NoFingerprint), "{name}");
        }
        assert!(format!("SHA-256 {}", long[1]).parse::<Fingerprint>().is_ok());
    }
}
