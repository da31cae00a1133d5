//! The digests of RFC 7616 §3.4, by each algorithm that we ask for.

use crate::wire::Text;
use md5::Md5;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use terms::HashedPassword;

/// What a digest is made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256 (RFC 8760).
    Sha256,
    /// MD5, which RFC 3261 had alone.
    Md5,
}

impl Algorithm {
    /// What we ask for, the best first: a device takes the first that it knows (RFC 8760 §2.3).
    pub const ASKED: [Self; 2] = [Self::Sha256, Self::Md5];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// The one of that name; MD5 where none is named. `-sess` and whatever else we don't ask for.
    pub fn named(name: Option<&Text>) -> Option<Self> {
        match name {
            None => Some(Self::Md5),
            Some(name) => Self::ASKED.into_iter().find(|known| name.is(known.as_str())),
        }
    }

    fn hash(self, parts: &[&[u8]]) -> Hash {
        match self {
            Self::Sha256 => {
                let mut hash = Sha256::new();
                parts.iter().for_each(|part| hash.update(part));
                Hash::of(&hash.finalize())
            }
            Self::Md5 => {
                let mut hash = Md5::new();
                parts.iter().for_each(|part| hash.update(part));
                Hash::of(&hash.finalize())
            }
        }
    }
}

/// A hash in hexadecimal, as it goes into the next one and onto the wire.
#[derive(Clone, Copy)]
struct Hash {
    digits: [u8; 64],
    len: usize,
}

impl Hash {
    fn of(octets: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
        for (pair, octet) in digits.chunks_exact_mut(2).zip(octets) {
            pair.copy_from_slice(&[digit(octet >> 4), digit(octet & 0xf)]);
        }
        Self { digits, len: (octets.len() * 2).min(64) }
    }

    fn as_bytes(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }
}

/// RFC 7616 §3.4.2: what is kept of a password.
pub fn hash_password(username: &str, realm: &str, password: &str) -> HashedPassword {
    let text = [username.as_bytes(), b":", realm.as_bytes(), b":", password.as_bytes()];
    let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
    for part in text {
        md5.update(part);
        sha256.update(part);
    }
    HashedPassword { md5: md5.finalize().into(), sha256: sha256.finalize().into() }
}

/// What a digest is made over, password apart. RFC 7616 §3.4.1.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// By what.
    pub algorithm: Algorithm,
    /// The method of the request.
    pub method: &'a [u8],
    /// `uri` of the header.
    pub uri: &'a [u8],
    /// The server's nonce.
    pub nonce: &'a [u8],
    /// nc and cnonce, where qop is `auth`; nothing where there was no qop (RFC 2069).
    pub counted: Option<(&'a [u8], &'a [u8])>,
}

impl Answered<'_> {
    fn response(&self, password: &HashedPassword) -> Hash {
        let algorithm = self.algorithm;
        let ha1 = match algorithm {
            Algorithm::Sha256 => Hash::of(&password.sha256),
            Algorithm::Md5 => Hash::of(&password.md5),
        };
        let ha2 = algorithm.hash(&[self.method, b":", self.uri]);
        let (ha1, ha2) = (ha1.as_bytes(), ha2.as_bytes());
        match self.counted {
            Some((count, cnonce)) => {
                algorithm.hash(&[ha1, b":", self.nonce, b":", count, b":", cnonce, b":auth:", ha2])
            }
            None => algorithm.hash(&[ha1, b":", self.nonce, b":", ha2]),
        }
    }

    /// The digest in hexadecimal, for whoever answers a challenge.
    pub fn digest(&self, password: &HashedPassword) -> Text {
        let response = self.response(password);
        bytes::Bytes::copy_from_slice(response.as_bytes()).into()
    }

    /// Whether `response` is what that password makes, in a time that tells nothing of where they differ.
    pub(super) fn is(&self, password: &HashedPassword, response: &[u8]) -> bool {
        let mut given = Hash { digits: [0; 64], len: response.len() };
        for (digit, byte) in given.digits.iter_mut().zip(response) {
            *digit = byte.to_ascii_lowercase();
        }
        let expected = self.response(password);
        let is_same: bool = given.digits.ct_eq(&expected.digits).into();
        is_same && given.len == expected.len
    }
}
