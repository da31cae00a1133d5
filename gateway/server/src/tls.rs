//! TLS of SIP listeners (SEC-4): what is shown, what is asked of devices, and whom we trust where we connect.
//!
//! ```text
//!   config ─▶ Tls, Trust ─┬▶ Sides: rustls' two settings ──────────────┬▶ net, by a watch that a reload writes to
//!                         └▶ LegacySide: OpenSSL's, of legacy listeners ┘
//! ```

mod certificate;
mod device;
mod identity;
mod legacy;
mod self_signed;
mod server_names;
mod sides;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use ipnet::IpNet;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, ServerName},
};

pub use certificate::{Certificate, MalformedCertificate, Presented};
pub(crate) use identity::certificates;
pub use identity::{Identity, IdentityError, Validity};
pub use legacy::LegacySide;
pub use self_signed::SelfSignedError;
pub(crate) use sides::{SideKeeper, sides};
pub use sides::{Sides, SidesError, Watched};

/// What a listener shows and asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// What peers see of us.
    pub shown: Shown,
    /// Whether who connects is asked for a certificate.
    pub client_certificates: ClientCertificates,
    /// Which versions are spoken.
    pub versions: Versions,
}

/// Which versions of TLS a listener speaks, and with whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Versions {
    /// 1.2 and 1.3, with everybody.
    #[default]
    Modern,
    /// 1.0 to 1.2, which is weak, with old devices alone.
    Legacy {
        /// Where these are; one network at least.
        allowed: Vec<IpNet>,
    },
}

/// Where a listener's certificates are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Files, read; one at least. The first that a peer can verify is shown.
    Files(Vec<Identity>),
    /// One that is made at the first start and vouched for by nobody.
    SelfSigned,
}

impl Shown {
    /// Those that were read.
    pub fn identities(&self) -> &[Identity] {
        match self {
            Self::Files(identities) => identities,
            Self::SelfSigned => &[],
        }
    }
}

/// Whether who connects is asked for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientCertificates {
    /// It is not.
    #[default]
    Off,
    /// It is, and may have none. One that it proves to own the key of identifies it, whoever issued it, and proves no more.
    Ask,
}

/// Whom we trust where we connect.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// The certificates of authorities.
    pub roots: Vec<CertificateDer<'static>>,
    /// The domains of peers whose certificate is not of their address (RFC 5922 §7.1), by where they are reached.
    pub names: BTreeMap<SocketAddr, ServerName<'static>>,
}

impl Trust {
    fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.roots.iter().cloned());
        store
    }

    /// Who has to be at `destination`.
    pub(crate) fn name_of(&self, destination: SocketAddr) -> ServerName<'static> {
        let by_address = || ServerName::from(destination.ip());
        self.names.get(&destination).cloned().unwrap_or_else(by_address)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust({} roots, {:?})", self.roots.len(), self.names)
    }
}
