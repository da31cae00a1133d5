//! What listeners show under TLS, and whom we trust (SEC-4).

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use interwork::{Trunk, WayOut};
use ipnet::IpNet;
use rustls::pki_types::{CertificateDer, ServerName};

use super::{Listener, Section, Text, Transport, network};
use crate::tls::{ClientCertificates, Identity, Shown, Tls, Trust, Versions, certificates};

/// Of a listener that listens at `address`; files are relative to `folder`.
pub(super) fn of_listener(
    section: &Section<'_, '_>,
    transport: Option<Transport>,
    address: Option<SocketAddr>,
    folder: &Path,
) -> Option<Tls> {
    let pairs = section.sections("certificates");
    let written = pairs.len();
    let identities: Vec<Identity> = pairs.into_iter().filter_map(|pair| identity(pair, folder)).collect();
    let self_signed = self_signed(section, address);
    let words = [("off", ClientCertificates::Off), ("ask", ClientCertificates::Ask)];
    let asked = section.text("client_certificates").and_then(|text| text.one_of(&words)).unwrap_or_default();
    let versions = versions(section);
    let is_legacy = versions != Versions::Modern;
    if transport != Some(Transport::Tls) {
        if written > 0 || self_signed.is_some() || asked == ClientCertificates::Ask || is_legacy {
            section.report("certificates and `tls` are of transport \"tls\"; write that, or leave them out");
        }
        return None;
    }
    let can_verify = || identities.iter().all(Identity::is_rsa);
    match (is_legacy, written, &self_signed) {
        (false, 1.., None) | (false, 0, Some(_)) => {}
        (false, 1.., Some(_)) => {
            section.report("`certificates` and `self_signed` exclude each other; leave one out");
        }
        (false, 0, None) => section.report(
            "TLS needs a certificate: write certificates = [{ chain = \"FILE.pem\", key = \"FILE.pem\" }]",
        ),
        (true, 1, None) if can_verify() => {}
        (true, _, _) => section.report(
            "tls = \"legacy\" needs one certificate of its own, of RSA, as old devices verify no other: write \
             certificates = [{ chain = \"FILE.pem\", key = \"FILE.pem\" }]",
        ),
    }
    let shown = self_signed.unwrap_or(Shown::Files(identities));
    Some(Tls { shown, client_certificates: asked, versions })
}

/// The certificate that is made, where that is switched on.
fn self_signed(section: &Section<'_, '_>, address: Option<SocketAddr>) -> Option<Shown> {
    let text = section.text("self_signed")?;
    let is_on = text.one_of(&[("on", true), ("off", false)])?;
    if is_on && address.is_some_and(|address| !address.ip().is_loopback()) {
        text.report("nobody vouches for such a certificate; on this address write `certificates` instead");
    }
    is_on.then_some(Shown::SelfSigned)
}

/// Which versions are spoken, and with whom.
fn versions(section: &Section<'_, '_>) -> Versions {
    let words = [("modern", false), ("legacy", true)];
    let is_legacy = section.text("tls").and_then(|text| text.one_of(&words)).unwrap_or(false);
    let texts = section.texts("allowed");
    let allowed: Vec<IpNet> = texts.iter().filter_map(|text| of_old_devices(text)).collect();
    match (is_legacy, texts.is_empty()) {
        (false, true) => Versions::Modern,
        (false, false) => {
            section.report("`allowed` is of tls = \"legacy\"; write that, or leave it out");
            Versions::Modern
        }
        (true, true) => {
            section.report(
                "tls = \"legacy\" is for old devices alone; write where they are: allowed = [\"192.0.2.0/28\"]",
            );
            Versions::Legacy { allowed }
        }
        (true, false) => Versions::Legacy { allowed },
    }
}

fn of_old_devices(text: &Text<'_, '_>) -> Option<IpNet> {
    let network = network(text)?;
    if network.prefix_len() == 0 {
        text.report("this is everybody; write the networks that old devices are in");
    }
    Some(network)
}

/// What is learned of a key where TLS is weak would serve elsewhere too, as DROWN did.
pub(super) fn keep_keys_apart(root: &Section<'_, '_>, listeners: &[Listener]) {
    let (legacy, modern): (Vec<&Listener>, Vec<&Listener>) =
        listeners.iter().partition(|listener| listener.is_legacy());
    for (weak, other) in legacy.iter().flat_map(|weak| modern.iter().map(move |other| (weak, other))) {
        if share_key(weak, other) {
            root.report(format!(
                "listener {} has the key of listener {}, which is not weak; make another key and certificate for it",
                weak.name(),
                other.name()
            ));
        }
    }
}

fn share_key(one: &Listener, other: &Listener) -> bool {
    let has = |key: &Identity| other.identities().iter().any(|identity| identity.shares_key_with(key));
    one.identities().iter().any(has)
}

fn identity(section: Section<'_, '_>, folder: &Path) -> Option<Identity> {
    let chain = section.required("chain", "tls/chain.pem").map(|text| folder.join(text.value));
    let key = section.required("key", "tls/key.pem").map(|text| folder.join(text.value));
    let identity = chain.zip(key).and_then(|(chain, key)| {
        Identity::load(&chain, &key).inspect_err(|error| section.report(error.to_string())).ok()
    });
    section.finish();
    identity
}

/// The authorities that peers' certificates are of.
pub(super) fn roots(section: Section<'_, '_>, folder: &Path) -> Vec<CertificateDer<'static>> {
    let roots = section.text("roots").filter(|text| !text.value.is_empty()).and_then(|text| {
        certificates(&folder.join(text.value)).inspect_err(|error| text.report(error.to_string())).ok()
    });
    section.finish();
    roots.unwrap_or_default()
}

/// The domain that a trunk's certificate is of, where that is not its address.
pub(super) fn name(section: &Section<'_, '_>, out: Option<&WayOut>, names: &mut Names) {
    let Some(text) = section.text("tls_name").filter(|text| !text.value.is_empty()) else { return };
    let Ok(name) = ServerName::try_from(text.value.to_owned()) else {
        return text.report("write the domain of its certificate, such as \"sip.carrier.example\"");
    };
    let Some(out) = out else { return };
    if names.insert(out.hop.destination, name.clone()).is_some_and(|other| other != name) {
        text.report("another trunk of this address has another; one certificate is shown there");
    }
}

/// The domains of trunks, by where they are reached.
pub(super) type Names = BTreeMap<SocketAddr, ServerName<'static>>;

/// Whom we trust, if trunks are reached by TLS.
pub(super) fn trust(
    root: &Section<'_, '_>,
    roots: Vec<CertificateDer<'static>>,
    (names, listeners, trunks): (Names, &[Listener], &[Trunk]),
) -> Trust {
    let is_tls = |out: &WayOut| {
        let listener = listeners.get(usize::from(out.hop.listener.0));
        listener.is_some_and(|listener| listener.tls.is_some())
    };
    if roots.is_empty() && trunks.iter().filter_map(|trunk| trunk.out.as_ref()).any(is_tls) {
        root.report("`tls.roots` is missing: the certificate of a trunk could not be verified; write a PEM file of authorities");
    }
    Trust { roots, names }
}

#[cfg(test)]
mod tests;
