//! A certificate that nobody vouches for: made at the first start, kept in the state folder.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::identity::{Identity, IdentityError};

/// Chain and key in one file.
const FILE: &str = "tls-self-signed.pem";
/// Read and written by the owner alone.
const MODE: u32 = 0o600;
/// What it is of.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// The library can't make one.
    #[error("a self-signed certificate can't be made")]
    Generate(#[from] rcgen::Error),
    /// It can't be kept.
    #[error("{}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is kept is no good.
    #[error(transparent)]
    Read(#[from] IdentityError),
}

/// The certificate of this state folder.
pub(super) fn identity(state: &Path) -> Result<Identity, SelfSignedError> {
    let path = state.join(FILE);
    if !path.exists() {
        write(&path)?;
    }
    Ok(Identity::load(&path, &path)?)
}

fn write(path: &Path) -> Result<(), SelfSignedError> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    let key = KeyPair::generate()?;
    let text = params.self_signed(&key)?.pem() + &key.serialize_pem();
    // Whole or not at all: a start that was cut short leaves no half of it.
    let beside = path.with_extension("new");
    let failed = |source| SelfSignedError::Write { path: path.to_owned(), source };
    fs::remove_file(&beside).or_else(gone_is_well).map_err(failed)?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(MODE).open(&beside).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

fn gone_is_well(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
