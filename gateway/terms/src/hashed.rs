//! A password as digest authentication keeps it.

use alloc::string::String;
use core::{fmt, fmt::Write as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// RFC 7616 §3.4.2: `H(username ":" realm ":" password)` by each algorithm. It opens its account as the password itself
/// does, so it never prints; serialized, for the store alone, it is hexadecimal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedPassword {
    /// By MD5.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub md5: [u8; 16],
    /// By SHA-256.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub sha256: [u8; 32],
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword")
    }
}

fn write<const N: usize, S: Serializer>(octets: &[u8; N], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(2 * N);
    for octet in octets {
        write!(text, "{octet:02x}").expect("a String grows");
    }
    serializer.serialize_str(&text)
}

fn read<'de, const N: usize, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; N], D::Error> {
    let text = String::deserialize(deserializer)?;
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut octets = [0; N];
    if pairs.len() != N || !rest.is_empty() {
        return Err(D::Error::custom("a hash has two digits for each octet"));
    }
    for (octet, pair) in octets.iter_mut().zip(pairs) {
        let digits = core::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let value = digits.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        *octet = value.ok_or_else(|| D::Error::custom("a hash is hexadecimal"))?;
    }
    Ok(octets)
}
