//! Chains of a test authority. They hold for a hundred years and are nobody's.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::{ClientCertificates, Identity, Shown, Tls, Versions};

pub(crate) const AUTHORITY: &[u8] = include_bytes!("testing/authority.pem");
pub(crate) const RSA_KEY: &[u8] = include_bytes!("testing/rsa.key.pem");
/// Of version 1, signed with SHA-1 by itself, of `room-17`.
pub(crate) const DEVICE: &[u8] = include_bytes!("testing/device.pem");
pub(crate) const DEVICE_KEY: &[u8] = include_bytes!("testing/device.key.pem");

/// Another for the key of `rsa`.
pub(crate) const RENEWED: &[u8] = include_bytes!("testing/renewed.pem");

const RSA: &[u8] = include_bytes!("testing/rsa.pem");
const ECDSA: &[u8] = include_bytes!("testing/ecdsa.pem");
const ECDSA_KEY: &[u8] = include_bytes!("testing/ecdsa.key.pem");

/// `rsa` or `ecdsa`: of sip:sip.example.com, host.example.com and 127.0.0.1.
pub(crate) fn chain(name: &str) -> Vec<CertificateDer<'static>> {
    certificates(if name == "rsa" { RSA } else { ECDSA })
}

/// What a listener with these chains shows.
pub(crate) fn tls(chains: &[&str], client_certificates: ClientCertificates) -> Tls {
    let shown = Shown::Files(chains.iter().map(|name| identity(name)).collect());
    Tls { shown, client_certificates, versions: Versions::Modern }
}

/// `rsa`, `ecdsa` or `renewed`.
pub(crate) fn identity(name: &str) -> Identity {
    let (chain, key) = match name {
        "rsa" => (RSA, RSA_KEY),
        "ecdsa" => (ECDSA, ECDSA_KEY),
        _ => (RENEWED, RSA_KEY),
    };
    let key = PrivateKeyDer::from_pem_slice(key).expect("a key");
    Identity::new(certificates(chain), &key).expect("they fit")
}

pub(crate) fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).map(|one| one.expect("a certificate")).collect()
}
