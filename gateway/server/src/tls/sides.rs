//! rustls' settings of a listener: what it answers by, and what it connects by.

use std::{collections::BTreeMap, path::Path, sync::Arc};

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
    ClientCertificates, Shown, Tls, Trust, device::AnyDevice, self_signed, self_signed::SelfSignedError,
    server_names::SipDomain,
};
use crate::config::{Config, Listener, certificate_warnings};

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
pub type Watched = watch::Receiver<Sides>;

/// Why a listener's sides can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum SidesError {
    /// The certificate that is made can't be had.
    #[error(transparent)]
    SelfSigned(#[from] SelfSignedError),
    /// The library refuses it.
    #[error("TLS: {0}")]
    Library(#[from] rustls::Error),
}

impl Sides {
    /// What `tls` asks for; a certificate that is made is kept in `state`.
    pub fn new(tls: &Tls, trust: &Arc<Trust>, state: &Path) -> Result<Self, SidesError> {
        let identities = match &tls.shown {
            Shown::Files(identities) => identities.clone(),
            Shown::SelfSigned => vec![self_signed::identity(state)?],
        };
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
pub(crate) struct SideKeeper(BTreeMap<ListenerName, watch::Sender<Sides>>);

impl SideKeeper {
    /// New handshakes are by `config` from here on; a listener whose certificate can't be had goes on as it was.
    pub(crate) fn take(&self, config: &Config) {
        tell_of_certificates(config);
        let trust = Arc::new(config.trust.clone());
        for (listener, tls) in config.listeners.iter().filter_map(of_tls) {
            let Some(sender) = self.0.get(&listener.name()) else { continue };
            match Sides::new(tls, &trust, &config.state) {
                Ok(sides) => {
                    sender.send_replace(sides);
                }
                Err(error) => {
                    tracing::error!(%error, listener = %listener.name(), "certificates stay as they were");
                }
            }
        }
    }
}

/// The sides of all TLS listeners: for their sockets, and for who reloads.
pub(crate) fn sides(config: &Config) -> Result<(BTreeMap<ListenerId, Watched>, SideKeeper), SidesError> {
    tell_of_certificates(config);
    let trust = Arc::new(config.trust.clone());
    let (mut watched, mut keeper) = (BTreeMap::new(), SideKeeper::default());
    for (id, listener) in (0..).map(ListenerId).zip(&config.listeners) {
        let Some((_, tls)) = of_tls(listener) else { continue };
        let (sender, receiver) = watch::channel(Sides::new(tls, &trust, &config.state)?);
        watched.insert(id, receiver);
        keeper.0.insert(listener.name(), sender);
    }
    Ok((watched, keeper))
}

fn tell_of_certificates(config: &Config) {
    for warning in certificate_warnings(config) {
        tracing::warn!("{warning}");
    }
}

fn of_tls(listener: &Listener) -> Option<(&Listener, &Tls)> {
    Some((listener, listener.tls.as_ref()?))
}
