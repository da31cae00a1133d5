//! Device certificates: taken for what identifies a device, and for nothing else.
//!
//! Deviation: no chain is verified. Room systems show certificates of version 1, with a common name alone, signed with SHA-1
//! by themselves or by a maker's authority of long ago. Who shows one has proved the key; that is what is known of it.

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::certificate::{Certificate, PublicKey};

/// Takes every certificate whose key is proved.
#[derive(Debug)]
pub(super) struct AnyDevice {
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyDevice {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Certificate::parse(certificate).map_err(|_| malformed())?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = Certificate::parse(certificate).map_err(|_| malformed())?;
        self.verify_with(message, &certificate.public_key(), signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = Certificate::parse(certificate).map_err(|_| malformed())?;
        let info = SubjectPublicKeyInfoDer::from(certificate.public_key().info);
        verify_tls13_signature_with_raw_key(message, &info, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl AnyDevice {
    /// RFC 5246 §7.4.8: by any algorithm of the scheme. Keys of two kinds are never as long and of the same form, so that each
    /// algorithm takes its own kind alone.
    fn verify_with(
        &self,
        message: &[u8],
        key: &PublicKey<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let of_scheme = self.algorithms.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme);
        let mut algorithms = of_scheme.flat_map(|(_, algorithms)| *algorithms);
        if algorithms.any(|one| one.verify_signature(key.key, message, signed.signature()).is_ok()) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(CertificateError::BadSignature.into())
    }
}

fn malformed() -> Error {
    CertificateError::BadEncoding.into()
}
