//! What listeners show under TLS, and whom we trust (SEC-4).

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use interwork::WayOut;
use rustls::pki_types::{CertificateDer, ServerName};

use super::{Section, Transport};
use crate::tls::{ClientCertificates, Identity, Shown, Tls, Trust, certificates};

/// Of a listener that listens at `address`; files are relative to `folder`.
pub(super) fn of_listener(
    section: &Section<'_, '_>,
    transport: Option<Transport>,
    address: Option<SocketAddr>,
    folder: &Path,
) -> Option<Tls> {
    let pairs = section.sections("certificates");
    let is_written = !pairs.is_empty();
    let identities: Vec<Identity> = pairs.into_iter().filter_map(|pair| identity(pair, folder)).collect();
    let self_signed = section.text("self_signed").and_then(|text| {
        let is_on = text.one_of(&[("on", true), ("off", false)])?;
        if is_on && address.is_some_and(|address| !address.ip().is_loopback()) {
            text.report(
                "nobody vouches for such a certificate; on this address write `certificates` instead",
            );
        }
        Some(is_on)
    });
    let words = [("off", ClientCertificates::Off), ("ask", ClientCertificates::Ask)];
    let asked = section.text("client_certificates").and_then(|text| text.one_of(&words));
    if transport != Some(Transport::Tls) {
        let is_on = self_signed.unwrap_or(false) || asked == Some(ClientCertificates::Ask);
        if is_written || is_on {
            section.report("certificates are of transport \"tls\"; write that, or leave them out");
        }
        return None;
    }
    let shown = match (is_written, self_signed.unwrap_or(false)) {
        (true, false) => Shown::Files(identities),
        (false, true) => Shown::SelfSigned,
        (true, true) => {
            section.report("`certificates` and `self_signed` exclude each other; leave one out");
            Shown::Files(identities)
        }
        (false, false) => {
            section.report(
                "TLS needs a certificate: write certificates = [{ chain = \"FILE.pem\", key = \"FILE.pem\" }]",
            );
            Shown::Files(identities)
        }
    };
    Some(Tls { shown, client_certificates: asked.unwrap_or_default() })
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
pub(super) fn trust(root: &Section<'_, '_>, roots: Vec<CertificateDer<'static>>, names: Names) -> Trust {
    if roots.is_empty() && !names.is_empty() {
        root.report("`tls.roots` is missing: the certificate of a trunk could not be verified; write a PEM file of authorities");
    }
    Trust { roots, names }
}
