//! What a certificate says, read leniently: devices have version 1, a name alone, and signatures of long ago.

use std::{fmt, net::IpAddr};

use media::fingerprint;
use rustls::pki_types::CertificateDer;
use terms::media::Fingerprint;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _, x509::X509Name,
};

/// The longest name that is taken of a certificate; RFC 5280 appendix A.1 has 64.
const MAX_NAME: usize = 256;

/// It is not X.509.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no X.509 certificate")]
pub struct MalformedCertificate;

/// A certificate that a device showed and proved to own the key of. It identifies, and vouches for nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    /// Its SHA-256.
    pub fingerprint: Fingerprint,
    /// The subject's common name, where it has one that is text.
    pub common_name: Option<String>,
}

impl Presented {
    /// Of the certificate as it came.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let common_name = Certificate::parse(certificate).ok().and_then(|read| read.common_name());
        Self { fingerprint: fingerprint(certificate), common_name }
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name is often a person's or a number.
        write!(f, "Presented({})", self.fingerprint)
    }
}

/// A certificate that was read.
pub struct Certificate<'a>(X509Certificate<'a>);

impl<'a> Certificate<'a> {
    /// Reads one.
    pub fn parse(der: &'a CertificateDer<'_>) -> Result<Self, MalformedCertificate> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| MalformedCertificate)?;
        Ok(Self(certificate))
    }

    /// From when until when it holds, in seconds of Unix time.
    pub fn validity(&self) -> (i64, i64) {
        let validity = self.0.validity();
        (validity.not_before.timestamp(), validity.not_after.timestamp())
    }

    /// The subject's key (RFC 5280 §4.1.2.7).
    pub(super) fn public_key(&self) -> PublicKey<'_> {
        let info = self.0.public_key();
        PublicKey { info: info.raw, key: &info.subject_public_key.data }
    }

    /// The subject's common name.
    pub fn common_name(&self) -> Option<String> {
        common_name(self.0.subject())
    }

    /// RFC 5922 §7.1: the SIP domains that it is of. URIs go before DNS names; a common name counts where it has no names else.
    pub(super) fn domains(&self) -> Vec<String> {
        let names = self.0.subject_alternative_name().ok().flatten();
        let Some(names) = names.map(|extension| &extension.value.general_names) else {
            return self.common_name().into_iter().collect();
        };
        let uris: Vec<String> = names
            .iter()
            .filter_map(|name| match name {
                GeneralName::URI(uri) => domain_of_uri(uri),
                _ => None,
            })
            .collect();
        if !uris.is_empty() {
            return uris;
        }
        let dns = names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
        dns.collect()
    }

    /// Whether it is of this address.
    pub(super) fn is_of_address(&self, address: IpAddr) -> bool {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let names = self.0.subject_alternative_name().ok().flatten();
        let mut names = names.iter().flat_map(|extension| &extension.value.general_names);
        names.any(|name| matches!(name, GeneralName::IPAddress(found) if **found == *octets))
    }
}

/// A public key as a certificate has it.
pub(super) struct PublicKey<'a> {
    /// SubjectPublicKeyInfo.
    pub(super) info: &'a [u8],
    /// The key's bits.
    pub(super) key: &'a [u8],
}

fn common_name(subject: &X509Name<'_>) -> Option<String> {
    let name = subject.iter_common_name().next()?.as_str().ok()?;
    let is_text = !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
    is_text.then(|| name.to_owned())
}

/// RFC 5922 §7.1: of `sip:DOMAIN` alone; one with a user is a person's.
fn domain_of_uri(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") || rest.contains('@') {
        return None;
    }
    let end = rest.find([':', ';', '?']).unwrap_or(rest.len());
    rest.get(..end).map(str::to_owned)
}
