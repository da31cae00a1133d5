//! A certificate of ours with its chain and its key.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    SignatureAlgorithm,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    sign::CertifiedKey,
};
use terms::media::Fingerprint;

use super::certificate::Certificate;

/// One that ends within so many days is told.
const SOON_DAYS: i64 = 30;
const DAY: i64 = 86_400;

/// A certificate of ours with its chain and its key, which fit. The key never prints.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    /// As it was read: OpenSSL takes it so.
    key: Arc<PrivateKeyDer<'static>>,
    valid: (i64, i64),
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file is missing, or may not be read.
    #[error("{}: {source}; the gateway's user has to be able to read it", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate in it.
    #[error("{}: no certificate in PEM; it begins with -----BEGIN CERTIFICATE-----", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate of it can't be read.
    #[error("{}: a certificate that is none of X.509", .0.display())]
    Malformed(PathBuf),
    /// There is no key in it, or one under a pass phrase.
    #[error("{}: no private key in PEM, or one under a pass phrase, which nobody could enter", .0.display())]
    NoKey(PathBuf),
    /// The key is of a kind that TLS here has not.
    #[error("{}: a key of a kind that is not known; take RSA of 2048 bits or more, or ECDSA of P-256 or P-384", .0.display())]
    UnknownKey(PathBuf),
    /// The key is another's.
    #[error("{}: not the key of the first certificate of the chain; the server's own has to stand first", .0.display())]
    Mismatch(PathBuf),
}

/// How long a certificate holds, seen from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Long enough.
    Holds,
    /// It does not yet.
    NotYet,
    /// It ends in so many days.
    EndsSoon {
        /// Whole days.
        days: i64,
    },
    /// It has ended.
    Expired,
}

impl Identity {
    /// Reads a chain, the own certificate first, and its key.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, IdentityError> {
        let certificates = certificates(chain)?;
        let private =
            PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| IdentityError::NoKey(key.to_owned()))?;
        Self::new(certificates, &private).map_err(|fault| match fault {
            Fault::Key => IdentityError::UnknownKey(key.to_owned()),
            Fault::Certificate => IdentityError::Malformed(chain.to_owned()),
            Fault::Pair => IdentityError::Mismatch(key.to_owned()),
        })
    }

    /// Of what was read.
    pub(super) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, Fault> {
        let signing = ring::sign::any_supported_type(key).map_err(|_| Fault::Key)?;
        let own = chain.first().ok_or(Fault::Certificate)?;
        let valid = Certificate::parse(own).map_err(|_| Fault::Certificate)?.validity();
        let certified = CertifiedKey::new(chain, signing);
        certified.keys_match().map_err(|_| Fault::Pair)?;
        Ok(Self { certified: Arc::new(certified), key: Arc::new(key.clone_key()), valid })
    }

    /// What the certificate is known by.
    pub fn fingerprint(&self) -> Fingerprint {
        media::fingerprint(self.own())
    }

    /// How long it holds, seen from `now`: seconds of Unix time.
    pub const fn validity(&self, now: i64) -> Validity {
        let (from, until) = self.valid;
        if now < from {
            return Validity::NotYet;
        }
        match until - now {
            ..=0 => Validity::Expired,
            left if left < SOON_DAYS * DAY => Validity::EndsSoon { days: left / DAY },
            _ => Validity::Holds,
        }
    }

    pub(super) const fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    pub(super) fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }

    /// Whether every device can verify it: ECDSA came late.
    pub(crate) fn is_rsa(&self) -> bool {
        self.certified.key.algorithm() == SignatureAlgorithm::RSA
    }

    /// Whether both have one key.
    pub(crate) fn shares_key_with(&self, other: &Self) -> bool {
        let public = |identity: &Self| identity.certified.key.public_key().map(|key| key.to_vec());
        public(self).is_some_and(|key| public(other) == Some(key))
    }

    fn own(&self) -> &[u8] {
        self.certified.cert.first().map_or(&[], |certificate| certificate.as_ref())
    }
}

/// A chain names its key: what is equal shows the same.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

/// What is wrong with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Certificate,
    Key,
    Pair,
}

/// The certificates of a file, one at least.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let text = read(path)?;
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|_| IdentityError::Malformed(path.to_owned()))?;
    if found.is_empty() {
        return Err(IdentityError::NoCertificate(path.to_owned()));
    }
    if found.iter().any(|one| Certificate::parse(one).is_err()) {
        return Err(IdentityError::Malformed(path.to_owned()));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(path).map_err(|source| IdentityError::Unreadable { path: path.to_owned(), source })
}
