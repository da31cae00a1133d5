//! The settings of a listener: what it answers by, and what it connects by.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use ipnet::IpNet;
use rustls::{
    ClientConfig, ServerConfig, SignatureScheme,
    client::ResolvesClientCert,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use sip::endpoint::ListenerId;
use terms::ListenerName;
use tokio::sync::watch;

use super::{
    ClientCertificates, Identity, Shown, Tls, Trust, Versions, device::AnyDevice, legacy::LegacySide,
    self_signed, self_signed::SelfSignedError, server_names::SipDomain,
};
use crate::config::{Config, Listener, certificate_warnings, weak_warnings};

/// Both sides of a TLS listener. Connections keep those that they began with.
#[derive(Debug, Clone)]
pub struct Sides {
    /// Where a peer connected.
    pub server: Arc<ServerConfig>,
    /// Where we do.
    pub client: Arc<ClientConfig>,
    /// Whom we want to meet there.
    pub trust: Arc<Trust>,
}

/// The sides of a listener as they stand.
#[derive(Debug, Clone)]
pub enum Watched {
    /// By rustls.
    Modern(watch::Receiver<Sides>),
    /// By OpenSSL.
    Legacy(watch::Receiver<LegacySide>),
}

/// Why a listener's sides can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum SidesError {
    /// The certificate that is made can't be had.
    #[error(transparent)]
    SelfSigned(#[from] SelfSignedError),
    /// The library refuses it.
    #[error("TLS: {0}")]
    Library(#[from] rustls::Error),
    /// The one of legacy listeners does.
    #[error("legacy TLS: {0}")]
    Legacy(#[from] openssl::error::ErrorStack),
}

impl Sides {
    /// What `tls` asks for; a certificate that is made is kept in `state`.
    pub fn new(tls: &Tls, trust: &Arc<Trust>, state: &Path) -> Result<Self, SidesError> {
        let identities = identities(tls, state)?;
        let provider = Arc::new(ring::default_provider());
        let shown = Arc::new(Chains(identities.iter().map(|one| Arc::clone(one.certified())).collect()));
        let server = server(tls.client_certificates, Arc::clone(&shown), Arc::clone(&provider))?;
        Ok(Self {
            server: Arc::new(server),
            client: Arc::new(client(trust, shown, provider)?),
            trust: Arc::clone(trust),
        })
    }
}

fn identities(tls: &Tls, state: &Path) -> Result<Vec<Identity>, SelfSignedError> {
    match &tls.shown {
        Shown::Files(identities) => Ok(identities.clone()),
        Shown::SelfSigned => Ok(vec![self_signed::identity(state)?]),
    }
}

/// What a legacy listener is set up by.
fn legacy(tls: &Tls, allowed: &[IpNet], state: &Path) -> Result<LegacySide, SidesError> {
    let identities = identities(tls, state)?;
    let identity = identities.first().expect("the configuration has one, or is refused");
    Ok(LegacySide::new(identity, tls.client_certificates, allowed)?)
}

fn server(
    asked: ClientCertificates,
    shown: Arc<Chains>,
    provider: Arc<CryptoProvider>,
) -> Result<ServerConfig, rustls::Error> {
    let algorithms = provider.signature_verification_algorithms;
    let devices = match asked {
        ClientCertificates::Off => WebPkiClientVerifier::no_client_auth(),
        ClientCertificates::Ask => Arc::new(AnyDevice { algorithms }),
    };
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_client_cert_verifier(devices).with_cert_resolver(shown);
    // A session taken up again proves the key of no certificate: devices stay for hours, and prove it each time.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client(
    trust: &Trust,
    shown: Arc<Chains>,
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, rustls::Error> {
    let algorithms = provider.signature_verification_algorithms;
    let domain = Arc::new(SipDomain { roots: trust.store(), algorithms });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(domain);
    Ok(builder.with_client_cert_resolver(shown))
}

/// Our chains, in the order of the configuration.
#[derive(Debug)]
struct Chains(Vec<Arc<CertifiedKey>>);

impl Chains {
    /// The first that a peer of these schemes can verify.
    fn first_of(&self, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.iter().find(|chain| chain.key.choose_scheme(schemes).is_some()).cloned()
    }
}

impl ResolvesServerCert for Chains {
    /// Devices name no server: what they can verify chooses. rustls has taken those schemes out that no suite of theirs goes with.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.first_of(hello.signature_schemes())
    }
}

impl ResolvesClientCert for Chains {
    fn resolve(&self, _authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.first_of(schemes)
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Writes what a reload changes to where the sockets look.
#[derive(Debug, Default)]
pub(crate) struct SideKeeper(BTreeMap<ListenerName, Kept>);

impl SideKeeper {
    /// New handshakes are by `config` from here on; a listener whose certificate can't be had goes on as it was.
    pub(crate) fn take(&self, config: &Config) {
        warn_of(config);
        let trust = Arc::new(config.trust.clone());
        for (listener, tls) in config.listeners.iter().filter_map(of_tls) {
            let Some(kept) = self.0.get(&listener.name()) else { continue };
            if let Err(error) = kept.renew(tls, &trust, &config.state) {
                tracing::error!(%error, listener = %listener.name(), "certificates stay as they were");
            }
        }
    }
}

/// Where the sides of a listener are written.
#[derive(Debug)]
enum Kept {
    Modern(watch::Sender<Sides>),
    Legacy(watch::Sender<LegacySide>),
}

impl Kept {
    fn new(tls: &Tls, trust: &Arc<Trust>, state: &Path) -> Result<(Self, Watched), SidesError> {
        Ok(match &tls.versions {
            Versions::Modern => {
                let (sender, receiver) = watch::channel(Sides::new(tls, trust, state)?);
                (Self::Modern(sender), Watched::Modern(receiver))
            }
            Versions::Legacy { allowed } => {
                let (sender, receiver) = watch::channel(legacy(tls, allowed, state)?);
                (Self::Legacy(sender), Watched::Legacy(receiver))
            }
        })
    }

    fn renew(&self, tls: &Tls, trust: &Arc<Trust>, state: &Path) -> Result<(), SidesError> {
        match (self, &tls.versions) {
            (Self::Modern(sender), Versions::Modern) => {
                sender.send_replace(Sides::new(tls, trust, state)?);
            }
            (Self::Legacy(sender), Versions::Legacy { allowed }) => {
                sender.send_replace(legacy(tls, allowed, state)?);
            }
            // A listener's name says which it is: one that is another now is another listener.
            (Self::Modern(_), Versions::Legacy { .. }) | (Self::Legacy(_), Versions::Modern) => {}
        }
        Ok(())
    }
}

/// The sides of all TLS listeners: for their sockets, and for who reloads.
pub(crate) fn sides(config: &Config) -> Result<(BTreeMap<ListenerId, Watched>, SideKeeper), SidesError> {
    warn_of(config);
    let trust = Arc::new(config.trust.clone());
    let (mut watched, mut keeper) = (BTreeMap::new(), SideKeeper::default());
    for (id, listener) in (0..).map(ListenerId).zip(&config.listeners) {
        let Some((_, tls)) = of_tls(listener) else { continue };
        let (kept, seen) = Kept::new(tls, &trust, &config.state)?;
        watched.insert(id, seen);
        keeper.0.insert(listener.name(), kept);
    }
    Ok((watched, keeper))
}

fn warn_of(config: &Config) {
    for warning in certificate_warnings(config).chain(weak_warnings(config)) {
        tracing::warn!("{warning}");
    }
}

fn of_tls(listener: &Listener) -> Option<(&Listener, &Tls)> {
    Some((listener, listener.tls.as_ref()?))
}
