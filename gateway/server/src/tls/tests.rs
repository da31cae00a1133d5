//! What is read of files and of certificates.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    certificate::Certificate,
    testing::{self, DEVICE},
    *,
};

const DAY: i64 = 86_400;

#[test]
fn sec_4_what_is_wrong_with_a_chain_or_its_key_is_told_by_its_file() {
    let place = Place::new("files");
    let file = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tls/testing").join(name);
    let text = place.write("text.pem", b"no PEM at all");
    let broken = place.write("broken.pem", b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n");
    Identity::load(&file("rsa.pem"), &file("rsa.key.pem")).expect("they fit");
    let rows = [
        ("nowhere", PathBuf::from("/nowhere.pem"), file("rsa.key.pem"), "No such file"),
        ("no certificate", text.clone(), file("rsa.key.pem"), "no certificate in PEM"),
        ("a broken one", broken, file("rsa.key.pem"), "none of X.509"),
        ("no key", file("rsa.pem"), text, "no private key"),
        ("another's key", file("rsa.pem"), file("ecdsa.key.pem"), "not the key of the first"),
    ];
    for (name, chain, key, expected) in rows {
        let told = Identity::load(&chain, &key).expect_err(name).to_string();
        assert!(told.contains(expected), "{name}: {told}");
    }
}

#[test]
fn sec_4_a_certificate_that_ends_soon_is_known_by_its_day() {
    let tls = testing::tls(&["ecdsa"], ClientCertificates::Off);
    let identity = &tls.shown.identities()[0];
    let own = testing::chain("ecdsa").remove(0);
    let (from, until) = Certificate::parse(&own).expect("X.509").validity();
    let rows = [
        (from - 1, Validity::NotYet),
        (from, Validity::Holds),
        (until - 30 * DAY, Validity::Holds),
        (until - 30 * DAY + 1, Validity::EndsSoon { days: 29 }),
        (until - 1, Validity::EndsSoon { days: 0 }),
        (until, Validity::Expired),
    ];
    for (now, expected) in rows {
        assert_eq!(identity.validity(now), expected, "{now}");
    }
}

#[test]
fn sec_4_the_certificate_that_is_made_stays_and_is_its_owners_alone() {
    let place = Place::new("made");
    let first = self_signed::identity(&place.0).expect("made");
    let again = self_signed::identity(&place.0).expect("read");
    assert_eq!(first, again);
    let kept = place.0.join("tls-self-signed.pem");
    assert_eq!(fs::metadata(kept).expect("kept").permissions().mode() & 0o777, 0o600);
}

#[test]
fn sec_4_no_octet_of_a_certificate_makes_its_reader_panic() {
    let whole = CertificateDer::from_pem_slice(DEVICE).expect("a certificate").to_vec();
    for at in 0..whole.len() {
        for octet in [0x00, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = octet;
            let changed = CertificateDer::from(changed);
            Presented::of(&changed);
            if let Ok(certificate) = Certificate::parse(&changed) {
                let _ = (certificate.domains(), certificate.validity());
            }
        }
        Presented::of(&CertificateDer::from(&whole[..at]));
    }
}

/// A folder of one test's own, which is gone after it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("gateway-tls-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("written");
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
