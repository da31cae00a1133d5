//! How a device proves that it knows its password (RFC 7616).

use sip::{
    auth::{Algorithm, Answered, hash_password},
    wire::{Authorization, WwwAuthenticate},
};

/// An account and its password.
#[derive(Debug, Clone, Copy)]
pub struct Login {
    /// The account.
    pub account: &'static str,
    /// What the device believes the password to be.
    pub password: &'static str,
}

impl Login {
    /// The answer to `challenge` for a request of `method` to `uri`, the `count`th over its nonce.
    pub(crate) fn answer(
        self,
        challenge: &WwwAuthenticate,
        (method, uri): (&str, &str),
        (algorithm, count): (Algorithm, u32),
    ) -> Authorization {
        let Self { account, password } = self;
        let count = format!("{count:08x}");
        let realm = challenge.realm.as_str().expect("text");
        let answered = Answered {
            algorithm,
            method: method.as_bytes(),
            uri: uri.as_bytes(),
            nonce: challenge.nonce.as_bytes(),
            counted: Some((count.as_bytes(), b"device")),
        };
        Authorization {
            username: account.into(),
            realm: challenge.realm.clone(),
            nonce: challenge.nonce.clone(),
            uri: uri.into(),
            response: answered.digest(&hash_password(account, realm, password)),
            algorithm: challenge.algorithm.clone(),
            qop: Some("auth".into()),
            cnonce: Some("device".into()),
            nonce_count: Some(count.into()),
            opaque: None,
        }
    }
}
