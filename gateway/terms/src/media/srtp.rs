//! What both sides agreed on for encryption, and the master keys. Keys never print.

use alloc::vec::Vec;
use core::{fmt, hint};
use serde::{Deserialize, Serialize};

use super::Ssrc;

/// How packets are encrypted and authenticated, under the names of RFC 4568 §6.2, RFC 6188 and RFC 7714.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SrtpSuite {
    /// `AEAD_AES_256_GCM`.
    Aes256Gcm,
    /// `AEAD_AES_128_GCM`.
    Aes128Gcm,
    /// `AES_256_CM_HMAC_SHA1_80`.
    Aes256CmSha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_80`.
    Aes128CmSha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`; its SRTCP tag has 80 bits (RFC 4568 §6.2.2).
    Aes128CmSha1Tag32,
}

impl SrtpSuite {
    /// Every suite.
    pub const ALL: [Self; 5] = [
        Self::Aes256Gcm,
        Self::Aes128Gcm,
        Self::Aes256CmSha1Tag80,
        Self::Aes128CmSha1Tag80,
        Self::Aes128CmSha1Tag32,
    ];

    /// As `a=crypto` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "AEAD_AES_256_GCM",
            Self::Aes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes256CmSha1Tag80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes128CmSha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128CmSha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// Octets of the master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes256Gcm | Self::Aes256CmSha1Tag80 => 32,
            Self::Aes128Gcm | Self::Aes128CmSha1Tag80 | Self::Aes128CmSha1Tag32 => 16,
        }
    }

    /// Octets of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::Aes256Gcm | Self::Aes128Gcm => 12,
            Self::Aes256CmSha1Tag80 | Self::Aes128CmSha1Tag80 | Self::Aes128CmSha1Tag32 => 14,
        }
    }
}

/// A master key with the salt behind it (RFC 4568 §6.1). It is wiped when it goes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MasterKey(Vec<u8>);

impl MasterKey {
    /// Takes key and salt; `None` where they are not as long as the suite says.
    pub fn new(suite: SrtpSuite, key_and_salt: Vec<u8>) -> Option<Self> {
        let key = Self(key_and_salt);
        (key.0.len() == suite.key_len() + suite.salt_len()).then_some(key)
    }

    /// The octets, for deriving keys and for the wire.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for MasterKey {
    fn eq(&self, other: &Self) -> bool {
        let differing = self.0.iter().zip(&other.0).fold(0, |differing, (a, b)| differing | (a ^ b));
        self.0.len() == other.0.len() && hint::black_box(differing) == 0
    }
}

impl Eq for MasterKey {}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.0.fill(0);
        hint::black_box(&self.0);
    }
}

/// Random octets that a key of ours is cut from, once it is known for which suite. They never print, and are wiped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyStock(MasterKey);

impl KeyStock {
    /// The longest key with its salt.
    pub const LEN: usize = 46;

    /// Takes what nobody can foretell.
    pub fn new(octets: [u8; Self::LEN]) -> Self {
        Self(MasterKey(octets.to_vec()))
    }

    /// The key for one suite. Whoever takes keys for two of one stock has used it twice: one is enough for a stream.
    pub fn key(&self, suite: SrtpSuite) -> SrtpKey {
        let length = suite.key_len() + suite.salt_len();
        SrtpKey { suite, master: MasterKey(self.0.0.iter().take(length).copied().collect()), mki: None }
    }
}

impl fmt::Debug for KeyStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyStock")
    }
}

/// RFC 3711 §3.1: names the master key in each packet, where that was agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mki(Vec<u8>);

impl Mki {
    /// The longest that is taken; RFC 4568 §6.1 would allow 128 octets.
    pub const MAX_LEN: usize = 16;

    /// Takes 1 to [`Mki::MAX_LEN`] octets, as they stand in packets.
    pub fn new(octets: Vec<u8>) -> Option<Self> {
        (1..=Self::MAX_LEN).contains(&octets.len()).then_some(Self(octets))
    }

    /// As it stands in packets.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// The key of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SrtpKey {
    /// What it is for.
    pub suite: SrtpSuite,
    /// Key and salt.
    pub master: MasterKey,
    /// How packets name it, if they do.
    pub mki: Option<Mki>,
}

/// The keys of a stream. Each side encrypts with its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SrtpKeys {
    /// Of what we send.
    pub send: SrtpKey,
    /// Of what the peer sends.
    pub receive: SrtpKey,
}

/// Whether a leg's sound must be, may be or must not be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// A call without it is refused.
    Required,
    /// It is taken where it is offered.
    #[default]
    Preferred,
    /// It is not taken.
    Off,
}

/// What a leg's keys are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secrecy {
    /// Encrypted, and the keys were too.
    Encrypted,
    /// Encrypted, under keys that whoever reads the signaling knows (RFC 4568 §8.3).
    KeysInClear,
    /// Encrypted, under keys of a handshake whose fingerprints somebody in the way of the signaling could have changed: who
    /// only listens has nothing (RFC 5763 §8).
    FingerprintInClear,
    /// In clear: the peer offered nothing else that we know.
    NotOffered,
    /// In clear: the configuration says so.
    Off,
}

/// How far a source of the peer has come under its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SrtpProgress {
    /// Which source.
    pub ssrc: Ssrc,
    /// The highest index of its RTP (RFC 3711 §3.3.1); none came: `None`.
    pub rtp: Option<u64>,
    /// The highest index of its RTCP.
    pub rtcp: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};

    #[test]
    fn a_master_key_fits_its_suite_and_never_prints() {
        for suite in SrtpSuite::ALL {
            let length = suite.key_len() + suite.salt_len();
            let key = MasterKey::new(suite, vec![0xab; length]).expect("it fits");
            assert_eq!(MasterKey::new(suite, vec![0xab; length + 1]), None, "{suite:?}");
            let keys = SrtpKey { suite, master: key, mki: None };
            assert!(!format!("{keys:?}").contains("171"), "{keys:?}");
        }
    }
}
