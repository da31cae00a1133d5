//! The server's side of digest authentication.

use super::{
    Algorithm, Answered,
    nonce::{MOST_WINDOWS, Nonce, Nonces, Staleness, Use},
};
use crate::wire::{Authorization, Method, Request, Text, Uri, WwwAuthenticate};
use alloc::{boxed::Box, vec::Vec};
use core::net::IpAddr;
use terms::{HashedPassword, time::Instant};

/// What a request shows of who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Nothing for our realm: it is challenged.
    Nothing,
    /// A nonce that serves no more: it is challenged anew, with `stale=true`.
    Stale(Staleness),
    /// Something that can't be checked. RFC 7616 §3.4: 400.
    Malformed,
    /// Credentials, to be checked against the password of their user.
    Credentials(Box<Credentials>),
}

/// Credentials whose nonce serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    shown: Authorization,
    method: Method,
    algorithm: Algorithm,
    nonce: Nonce,
    used: Use,
    source: IpAddr,
}

impl Credentials {
    /// Who it says that it is.
    pub const fn username(&self) -> &Text {
        &self.shown.username
    }
}

/// What came of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Right,
    /// It is wrong, or there is no such user.
    Wrong,
    /// The nonce was spent while the password was looked up.
    Stale(Staleness),
}

/// Challenges, and checks what comes back. See the module's drawing.
#[derive(Debug, Clone)]
pub struct Authenticator {
    realm: Text,
    nonces: Nonces,
    /// What is asked for, the best first.
    asked: Vec<Algorithm>,
    /// Stands in for the password of a user whom nobody knows, so that the answer takes as long.
    nobodys: HashedPassword,
}

impl Authenticator {
    /// For one realm, by [`Algorithm::ASKED`]. `key` is random and of this start alone.
    pub fn new(realm: Text, key: &[u8; 32]) -> Self {
        let nobodys = HashedPassword { md5: [0; 16], sha256: [0; 32] };
        Self {
            nonces: Nonces::new(key, &realm, MOST_WINDOWS),
            asked: Algorithm::ASKED.to_vec(),
            realm,
            nobodys,
        }
    }

    /// The realm.
    pub const fn realm(&self) -> &Text {
        &self.realm
    }

    /// Asks for these alone from here on, the best first.
    pub fn configure(&mut self, asked: &[Algorithm]) {
        self.asked = asked.to_vec();
    }

    /// RFC 8760 §2.3: one challenge for each algorithm, the best first, over one nonce.
    /// It serves `source` alone.
    pub fn challenges(
        &mut self,
        (now, source): (Instant, IpAddr),
        stale: Option<Staleness>,
    ) -> Vec<WwwAuthenticate> {
        let nonce = self.nonces.issue((now, source));
        let challenge = |algorithm: &Algorithm| WwwAuthenticate {
            realm: self.realm.clone(),
            nonce: nonce.clone(),
            algorithm: Some(Text::from_static(algorithm.as_str())),
            qop: Some(Text::from_static("auth")),
            stale: stale.map(|_| Text::from_static("true")),
            opaque: None,
        };
        self.asked.iter().map(challenge).collect()
    }

    /// What a request shows for our realm. It may show more for others (RFC 3261 §22.3).
    ///
    /// Deviation: RFC 7616 §3.3 has `stale=true` only where the digest was right for the old nonce. Then an old nonce would
    /// let anybody try passwords uncounted; so an old one is stale whatever came with it, and no password is looked at.
    pub fn look(&self, (now, source): (Instant, IpAddr), request: &Request) -> Shown {
        let shown = request.headers.all::<Authorization>().filter_map(Result::ok);
        let ours: Vec<Authorization> = shown.filter(|shown| shown.realm == self.realm).collect();
        let known = ours.iter().find_map(|shown| Some((shown, self.asked_as(shown.algorithm.as_ref())?)));
        let Some((shown, algorithm)) = known else {
            return if ours.is_empty() { Shown::Nothing } else { Shown::Malformed };
        };
        let Some(used) = used(shown).filter(|_| is_about(&shown.uri, &request.uri)) else {
            return Shown::Malformed;
        };
        match self.nonces.look((now, source), &shown.nonce, used) {
            Err(staleness) => Shown::Stale(staleness),
            Ok(nonce) => Shown::Credentials(Box::new(Credentials {
                shown: shown.clone(),
                method: request.method.clone(),
                algorithm,
                nonce,
                used,
                source,
            })),
        }
    }

    fn asked_as(&self, name: Option<&Text>) -> Option<Algorithm> {
        Algorithm::named(name).filter(|algorithm| self.asked.contains(algorithm))
    }

    /// Checks credentials against the password of their user; `None` where there is no such user.
    pub fn check(
        &mut self,
        now: Instant,
        credentials: &Credentials,
        password: Option<&HashedPassword>,
    ) -> Verdict {
        let Credentials { shown, method, algorithm, nonce, used, source } = credentials;
        // Others may have used the nonce since it was looked at.
        if let Err(staleness) = self.nonces.look((now, *source), &shown.nonce, *used) {
            return Verdict::Stale(staleness);
        }
        let counted = match used {
            Use::Counted(_) => shown.nonce_count.as_ref().zip(shown.cnonce.as_ref()),
            Use::Once => None,
        };
        let answered = Answered {
            algorithm: *algorithm,
            method: method.as_bytes(),
            uri: shown.uri.as_bytes(),
            nonce: shown.nonce.as_bytes(),
            counted: counted.map(|(count, cnonce)| (count.as_bytes(), cnonce.as_bytes())),
        };
        let is_right = answered.is(password.unwrap_or(&self.nobodys), shown.response.as_bytes());
        if password.is_none() || !is_right {
            return Verdict::Wrong;
        }
        self.nonces.spend(now, *nonce, *used);
        Verdict::Right
    }
}

/// RFC 7616 §3.4.5: the count belongs to qop. `None` where the two do not fit, and for `auth-int`, which nobody asked for.
fn used(shown: &Authorization) -> Option<Use> {
    match &shown.qop {
        None => Some(Use::Once),
        Some(qop) if qop.is("auth") => {
            let count = shown.nonce_count.as_ref()?.as_str().filter(|count| count.len() <= 8)?;
            let count = u32::from_str_radix(count, 16).ok()?;
            shown.cnonce.as_ref().and((count > 0).then_some(Use::Counted(count)))
        }
        Some(_) => None,
    }
}

/// RFC 7616 §3.4.6: whether `uri` of the header means the Request-URI.
///
/// Deviation: parameters, port and `sips` are not compared. Old room systems, and proxies that rewrite the Request-URI's
/// transport, leave the header as it was.
fn is_about(uri: &Text, request_uri: &Uri) -> bool {
    let Ok(named) = Uri::parse(uri.clone()) else { return false };
    named == *request_uri || (named.host() == request_uri.host() && named.user() == request_uri.user())
}
