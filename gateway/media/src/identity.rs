//! The certificate that we show in handshakes. Nobody vouches for it but the fingerprint in signaling (RFC 5763 §5), so that
//! it says next to nothing, and is made anew at each start.

use std::fmt;

use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
    pkcs8::EncodePrivateKey,
};
use sha2::Digest;
use terms::media::{DtlsRole, Fingerprint, FingerprintHash};

use crate::dtls::{Context, Machine};

/// RFC 5280 §4.1.2.5.2 and §4.1.2.5: from long ago, and until no particular time.
const VALID: [(u8, &[u8]); 2] = [(der::UTC_TIME, b"000101000000Z"), (der::TIME, b"99991231235959Z")];

/// A certificate with its key, for all ports of a process. The key never prints.
pub struct Identity {
    fingerprint: Fingerprint,
    context: Context,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint)
    }
}

/// The octets are no key of the curve, which one in 2^32 is not, or OpenSSL can't be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoIdentity;

impl fmt::Display for NoIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no certificate for DTLS can be made")
    }
}

impl std::error::Error for NoIdentity {}

impl Identity {
    /// Makes a certificate for a key: octets that nobody can foretell.
    pub fn of(secret: &[u8; 32]) -> Result<Self, NoIdentity> {
        let (certificate, key) = certified(secret)?;
        let context = Context::of(&certificate, &key).map_err(|_| NoIdentity)?;
        Ok(Self { fingerprint: fingerprint(&certificate), context })
    }

    /// What the certificate is known by, for signaling.
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// A handshake that has not begun, under the certificate.
    pub(crate) fn begin(&self, role: DtlsRole) -> Machine {
        Machine::begin(&self.context, role)
    }
}

/// A certificate and its key (RFC 5958), both in DER.
pub(crate) fn certified(secret: &[u8; 32]) -> Result<(Vec<u8>, Vec<u8>), NoIdentity> {
    let key = p256::SecretKey::from_slice(secret).map_err(|_| NoIdentity)?;
    let private_key = key.to_pkcs8_der().map_err(|_| NoIdentity)?;
    Ok((certificate_of(&key), private_key.as_bytes().to_vec()))
}

/// What a certificate is known by, as we would tell it.
pub fn fingerprint(certificate: &[u8]) -> Fingerprint {
    fingerprint_of(certificate, FingerprintHash::Sha256)
}

/// RFC 8122 §5: of the certificate as it goes over the wire.
pub(crate) fn fingerprint_of(certificate: &[u8], hash: FingerprintHash) -> Fingerprint {
    let octets = match hash {
        FingerprintHash::Sha1 => {
            use sha1::Digest as _;
            sha1::Sha1::digest(certificate).to_vec()
        }
        FingerprintHash::Sha256 => sha2::Sha256::digest(certificate).to_vec(),
        FingerprintHash::Sha384 => sha2::Sha384::digest(certificate).to_vec(),
        FingerprintHash::Sha512 => sha2::Sha512::digest(certificate).to_vec(),
    };
    Fingerprint::new(hash, octets).expect("a hash is as long as its function says")
}

/// RFC 5280 §4.1: self-signed, of version 3, without extensions; RFC 5480 and 5758 name curve and signature.
fn certificate_of(key: &p256::SecretKey) -> Vec<u8> {
    use der::{BIT_STRING, INTEGER, OID, SEQUENCE, SET, UTF8_STRING, VERSION, value};
    let public = key.public_key().to_sec1_point(false);
    let algorithm = value(SEQUENCE, &[&value(OID, &[der::ECDSA_WITH_SHA256])]);
    let name = value(SEQUENCE, &[&value(OID, &[der::COMMON_NAME]), &value(UTF8_STRING, &[b"gateway"])]);
    let name = value(SEQUENCE, &[&value(SET, &[&name])]);
    let [from, to] = VALID.map(|(kind, moment)| value(kind, &[moment]));
    let curve = value(SEQUENCE, &[&value(OID, &[der::EC_PUBLIC_KEY]), &value(OID, &[der::PRIME256V1])]);
    // Some refuse two certificates of one issuer with one serial number; it is positive (RFC 5280 §4.1.2.2).
    let digest = sha2::Sha256::digest(public.as_bytes());
    let (serial, _) = digest.split_at(15);
    let signed = value(
        SEQUENCE,
        &[
            &value(VERSION, &[&value(INTEGER, &[&[2]])]),
            &value(INTEGER, &[&[1], serial]),
            &algorithm,
            &name,
            &value(SEQUENCE, &[&from, &to]),
            &name,
            &value(SEQUENCE, &[&curve, &value(BIT_STRING, &[&[0], public.as_bytes()])]),
        ],
    );
    let signature: Signature = SigningKey::from(key).sign(&signed);
    let signature = value(BIT_STRING, &[&[0], signature.to_der().as_bytes()]);
    value(SEQUENCE, &[&signed, &algorithm, &signature])
}

/// X.690: what of DER one certificate takes.
mod der {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const BIT_STRING: u8 = 0x03;
    pub(super) const OID: u8 = 0x06;
    pub(super) const UTF8_STRING: u8 = 0x0c;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const TIME: u8 = 0x18;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    /// RFC 5280 §4.1: `[0] EXPLICIT`.
    pub(super) const VERSION: u8 = 0xa0;

    /// RFC 5758 §3.2: 1.2.840.10045.4.3.2.
    pub(super) const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    /// RFC 5480 §2.1.1: 1.2.840.10045.2.1.
    pub(super) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    /// RFC 5480 §2.1.1.1: 1.2.840.10045.3.1.7.
    pub(super) const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    /// RFC 5280 §A.1: 2.5.4.3.
    pub(super) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

    /// §8.1.3: a value of up to 65,535 octets.
    pub(super) fn value(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut value = match (high, low) {
            (0, 0..=0x7f) => vec![kind, low],
            (0, _) => vec![kind, 0x81, low],
            _ => vec![kind, 0x82, high, low],
        };
        value.extend(content);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8122_5_fingerprints_are_of_the_certificate_as_it_is_sent() {
        // FIPS 180-4's example, "abc".
        let rows = [
            (FingerprintHash::Sha1, "sha-1 A9:99:3E:36:47"),
            (FingerprintHash::Sha256, "sha-256 BA:78:16:BF:8F"),
            (FingerprintHash::Sha384, "sha-384 CB:00:75:3F:45"),
            (FingerprintHash::Sha512, "sha-512 DD:AF:35:A1:93"),
        ];
        for (hash, begin) in rows {
            let text = fingerprint_of(b"abc", hash).to_string();
            assert!(text.starts_with(begin), "{text}");
        }
    }

    #[test]
    fn sec_1_two_keys_have_two_certificates_and_neither_key_prints() {
        let identities = [1, 2].map(|octet| Identity::of(&[octet; 32]).expect("a key"));
        let [one, two] = identities.each_ref().map(|identity| identity.fingerprint().clone());
        assert_ne!(one, two);
        assert_eq!(Identity::of(&[1; 32]).expect("a key").fingerprint(), &one, "the same key is known again");
        let printed = format!("{identities:?}");
        assert!(!printed.contains("1, 1, 1") && !printed.contains("01:01:01"), "{printed}");
        assert!(Identity::of(&[0; 32]).is_err() && Identity::of(&[0xff; 32]).is_err());
    }
}
