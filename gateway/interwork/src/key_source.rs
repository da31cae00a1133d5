//! Where keys of ours come from.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use terms::media::{Fingerprint, IceCredentials, KeyStock};

/// RFC 8839 §5.4: 6 bits a character, at least 24 of them in a fragment and 128 in a password.
const ICE_OCTETS: usize = 24;
const UFRAG_LEN: usize = 8;

/// Yields keys; what it has yielded tells nothing of what comes, which [`terms::Entropy`] doesn't promise.
pub struct KeySource {
    generator: ChaCha20Rng,
    certificate: Option<Fingerprint>,
}

impl KeySource {
    /// Seeded once by the server from the operating system, fixed in tests. A seed that served before yields keys that
    /// were used before.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { generator: ChaCha20Rng::from_seed(seed), certificate: None }
    }

    /// With the certificate that the media plane shows in handshakes; without one there are none.
    #[must_use]
    pub fn with_certificate(self, fingerprint: Fingerprint) -> Self {
        Self { certificate: Some(fingerprint), ..self }
    }

    pub(crate) fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.generator.fill_bytes(&mut octets);
        octets
    }

    pub(crate) fn certificate(&self) -> Option<&Fingerprint> {
        self.certificate.as_ref()
    }

    pub(crate) fn draw(&mut self) -> KeyStock {
        let mut octets = [0; KeyStock::LEN];
        self.generator.fill_bytes(&mut octets);
        KeyStock::new(octets)
    }

    /// What our answers to connectivity checks are known and signed by.
    pub(crate) fn draw_ice(&mut self) -> IceCredentials {
        let mut octets = [0; ICE_OCTETS];
        self.generator.fill_bytes(&mut octets);
        let text = STANDARD.encode(octets);
        let (ufrag, password) = text.split_at(UFRAG_LEN);
        IceCredentials::new(ufrag.to_owned(), password.to_owned()).expect("8 and 24 characters of base64")
    }

    /// What a leg takes where its peer has other keys, or other credentials, than before.
    pub(crate) fn fresh(&mut self) -> Fresh {
        Fresh { keys: self.draw(), ice: self.draw_ice() }
    }
}

/// Drawn for one exchange of offer and answer, used or not.
pub(crate) struct Fresh {
    pub(crate) keys: KeyStock,
    pub(crate) ice: IceCredentials,
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySource")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use terms::media::SrtpSuite;

    use super::*;

    /// Nothing remembers which keys were used: of 240 bits by chance no two are the same, at rest or not. The test shows that
    /// the source goes on and repeats no part of what it yielded.
    #[test]
    fn iso_3_no_key_is_drawn_twice() {
        let mut source = KeySource::from_seed([7; 32]);
        let mut drawn = BTreeSet::new();
        for number in 0..100_000 {
            let key = source.draw().key(SrtpSuite::Aes128CmSha1Tag80);
            assert!(drawn.insert(key.master.reveal().to_vec()), "number {number}");
        }
    }
}
