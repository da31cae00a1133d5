//! STUN binding requests as ICE sends them (RFC 8445 §7, RFC 8489), and their answers.
//!
//! ```text
//!  datagram ─▶ Request::parse ─▶ judge(ours) ─▶ Verdict ─▶ answer ─▶ datagram
//! ```
//!
//! Nothing here remembers anything: an answer tells where the request came from, and whoever knows our password may have one.

use core::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac};
use sha1::Sha1;
use thiserror::Error;

/// The longest answer, in octets.
pub const MAX_ANSWER: usize = 128;

/// RFC 8489 §5.
const MAGIC_COOKIE: u32 = 0x2112_a442;
const HEADER_LEN: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

/// RFC 8489 §18.3, RFC 8445 §16.1.
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
/// RFC 8489 §14: from here on an attribute may be passed over.
const OPTIONAL: u16 = 0x8000;

const INTEGRITY_LEN: usize = 20;
const FINGERPRINT_LEN: usize = 4;
/// RFC 8489 §14.7.
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Attributes that we don't know and name to who sent them.
const MAX_UNKNOWN: usize = 8;

/// Why a datagram has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoRequest {
    /// It is no STUN, or not whole.
    #[error("malformed")]
    Malformed,
    /// Its fingerprint is wrong (RFC 8489 §14.7).
    #[error("a wrong fingerprint")]
    Fingerprint,
    /// An answer, an indication, or another method: nothing that we asked for.
    #[error("not asked for")]
    NotAsked,
}

/// What one side of ICE is known by (RFC 8445 §7.2.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// `ice-ufrag`.
    pub ufrag: &'a str,
    /// `ice-pwd`.
    pub password: &'a str,
}

/// What a request comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its sender has our password; it may nominate the pair (RFC 8445 §7.3.1.5).
    Authentic(Nomination),
    /// RFC 8489 §9.1.3: it has no credentials.
    BadRequest,
    /// RFC 8489 §9.1.3: they are wrong.
    Unauthenticated,
    /// RFC 8489 §6.3.1: it has attributes that we should know.
    UnknownAttributes,
    /// RFC 8445 §7.3.1.1: it would have us control, which a lite agent does not.
    RoleConflict,
}

/// Whether the pair that a check came by is to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nomination {
    /// It is.
    UseCandidate,
    /// Not yet.
    None,
}

/// A binding request that is whole; who sent it is not known yet.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    message: &'a [u8],
    transaction: [u8; 16],
    username: Option<&'a [u8]>,
    /// Where the attribute begins, and what it holds.
    integrity: Option<(usize, &'a [u8])>,
    nomination: Nomination,
    would_control: bool,
    unknown: [u16; MAX_UNKNOWN],
    unknown_count: usize,
}

impl<'a> Request<'a> {
    /// Takes a datagram apart.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, NoRequest> {
        let (header, body) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(NoRequest::Malformed)?;
        let [k0, k1, l0, l1, transaction @ ..] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if transaction.first_chunk::<4>() != Some(&MAGIC_COOKIE.to_be_bytes())
            || length != body.len()
            || !length.is_multiple_of(4)
        {
            return Err(NoRequest::Malformed);
        }
        if u16::from_be_bytes([k0, k1]) != BINDING_REQUEST {
            return Err(NoRequest::NotAsked);
        }
        let mut request = Self {
            message: datagram,
            transaction,
            username: None,
            integrity: None,
            nomination: Nomination::None,
            would_control: true,
            unknown: [0; MAX_UNKNOWN],
            unknown_count: 0,
        };
        let mut at = HEADER_LEN;
        while at < datagram.len() {
            let (kind, value) = attribute(datagram, at).ok_or(NoRequest::Malformed)?;
            request.take(kind, value, at)?;
            at += 4 + value.len().next_multiple_of(4);
        }
        Ok(request)
    }

    /// RFC 8489 §14.5: what stands behind the integrity but the fingerprint counts for nothing.
    fn take(&mut self, kind: u16, value: &'a [u8], at: usize) -> Result<(), NoRequest> {
        match kind {
            FINGERPRINT => {
                let is_right = at + 4 + FINGERPRINT_LEN == self.message.len()
                    && value == fingerprint(self.message.get(..at).unwrap_or_default()).to_be_bytes();
                if !is_right {
                    return Err(NoRequest::Fingerprint);
                }
            }
            _ if self.integrity.is_some() => {}
            MESSAGE_INTEGRITY => self.integrity = Some((at, value)),
            // The first of a kind counts.
            USERNAME => self.username = self.username.or(Some(value)),
            USE_CANDIDATE => self.nomination = Nomination::UseCandidate,
            ICE_CONTROLLED => self.would_control = false,
            PRIORITY | OPTIONAL.. => {}
            unknown => {
                if let Some(slot) = self.unknown.get_mut(self.unknown_count) {
                    *slot = unknown;
                    self.unknown_count += 1;
                }
            }
        }
        Ok(())
    }

    /// Whether its sender has our credentials, and asks for what a lite agent does.
    pub fn judge(&self, ours: &Credentials<'_>) -> Verdict {
        let (Some(username), Some((at, integrity))) = (self.username, self.integrity) else {
            return Verdict::BadRequest;
        };
        // RFC 8445 §7.2.2: ours, a colon, theirs, which may be of an offer that is on its way.
        let is_ours =
            username.strip_prefix(ours.ufrag.as_bytes()).is_some_and(|rest| rest.first() == Some(&b':'));
        let signed = self.message.get(..at).and_then(|signed| keyed(signed, ours.password));
        if !is_ours || signed.is_none_or(|mac| mac.verify_slice(integrity).is_err()) {
            return Verdict::Unauthenticated;
        }
        match (self.unknown_count, self.would_control) {
            (1.., _) => Verdict::UnknownAttributes,
            (0, false) => Verdict::RoleConflict,
            (0, true) => Verdict::Authentic(self.nomination),
        }
    }

    /// Writes the answer to a request from `source`; yields its length.
    pub fn answer(
        &self,
        verdict: Verdict,
        (source, ours): (SocketAddr, &Credentials<'_>),
        out: &mut [u8; MAX_ANSWER],
    ) -> usize {
        let mut answer = Answer::new(out, self.transaction);
        match verdict {
            Verdict::Authentic(_) => answer.succeed(source),
            Verdict::BadRequest => answer.fail(400),
            Verdict::Unauthenticated => answer.fail(401),
            Verdict::UnknownAttributes => {
                answer.fail(420);
                let unknown = self.unknown.get(..self.unknown_count).unwrap_or_default();
                answer.unknown(unknown);
            }
            Verdict::RoleConflict => answer.fail(487),
        }
        match verdict {
            // RFC 8489 §9.1.3: who has no password of ours could not check it.
            Verdict::BadRequest | Verdict::Unauthenticated => {}
            Verdict::Authentic(_) | Verdict::UnknownAttributes | Verdict::RoleConflict => {
                answer.sign(ours.password);
            }
        }
        answer.finish()
    }
}

/// The type and the value of the attribute that begins there.
fn attribute(message: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let [k0, k1, l0, l1] = *message.get(at..)?.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let value = message.get(at + 4..at + 4 + length)?;
    // RFC 8489 §14: what it is filled up with is a part of the message.
    (at + 4 + length.next_multiple_of(4) <= message.len()).then_some((u16::from_be_bytes([k0, k1]), value))
}

/// RFC 8489 §14.5: over what stands before the attribute, with a length as if the attribute were the last.
fn keyed(signed: &[u8], password: &str) -> Option<Hmac<Sha1>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).ok()?;
    over(signed, INTEGRITY_LEN, |part| mac.update(part));
    Some(mac)
}

/// RFC 8489 §14.7.
fn fingerprint(signed: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    over(signed, FINGERPRINT_LEN, |part| sum.update(part));
    sum.finalize() ^ FINGERPRINT_XOR
}

fn over(signed: &[u8], value_len: usize, mut update: impl FnMut(&[u8])) {
    let [kind @ .., _, _] = signed.first_chunk::<4>().copied().unwrap_or_default();
    let length = signed.len() + 4 + value_len - HEADER_LEN.min(signed.len());
    update(&kind);
    update(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    update(signed.get(4..).unwrap_or_default());
}

/// An answer under way; there is room for the longest.
struct Answer<'a> {
    out: &'a mut [u8; MAX_ANSWER],
    len: usize,
}

impl<'a> Answer<'a> {
    fn new(out: &'a mut [u8; MAX_ANSWER], transaction: [u8; 16]) -> Self {
        let mut answer = Self { out, len: 4 };
        answer.put(&transaction);
        answer
    }

    fn succeed(&mut self, source: SocketAddr) {
        self.begin(BINDING_SUCCESS);
        // RFC 8489 §14.2: under the cookie, and for IPv6 the transaction behind it.
        let key: [u8; 16] =
            self.out.get(4..HEADER_LEN).and_then(|key| key.try_into().ok()).unwrap_or_default();
        let mut value = [0; 20];
        let len = match source.ip().to_canonical() {
            IpAddr::V4(address) => xor(&mut value, 1, (&address.octets(), &key)),
            IpAddr::V6(address) => xor(&mut value, 2, (&address.octets(), &key)),
        };
        let port = source.port() ^ u16::from_be_bytes([key[0], key[1]]);
        value[2..4].copy_from_slice(&port.to_be_bytes());
        self.attribute(XOR_MAPPED_ADDRESS, value.get(..len).unwrap_or_default());
    }

    /// RFC 8489 §14.8, without words.
    fn fail(&mut self, code: u16) {
        self.begin(BINDING_ERROR);
        let [class, number] = [code / 100, code % 100].map(|part| u8::try_from(part).unwrap_or(0));
        self.attribute(ERROR_CODE, &[0, 0, class, number]);
    }

    /// RFC 8489 §14.13.
    fn unknown(&mut self, kinds: &[u16]) {
        let mut value = [0; 2 * MAX_UNKNOWN];
        for (two, kind) in value.chunks_exact_mut(2).zip(kinds) {
            two.copy_from_slice(&kind.to_be_bytes());
        }
        self.attribute(UNKNOWN_ATTRIBUTES, value.get(..2 * kinds.len()).unwrap_or_default());
    }

    fn sign(&mut self, password: &str) {
        let mac = self.out.get(..self.len).and_then(|signed| keyed(signed, password));
        if let Some(mac) = mac {
            self.attribute(MESSAGE_INTEGRITY, &mac.finalize().into_bytes());
        }
    }

    fn finish(mut self) -> usize {
        let sum = fingerprint(self.out.get(..self.len).unwrap_or_default());
        self.attribute(FINGERPRINT, &sum.to_be_bytes());
        let length = u16::try_from(self.len - HEADER_LEN).unwrap_or(u16::MAX);
        self.out[2..4].copy_from_slice(&length.to_be_bytes());
        self.len
    }

    fn begin(&mut self, kind: u16) {
        self.out[..2].copy_from_slice(&kind.to_be_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.put(&kind.to_be_bytes());
        self.put(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.put(value);
        let padding = value.len().next_multiple_of(4) - value.len();
        self.put([0; 3].get(..padding).unwrap_or_default());
    }

    fn put(&mut self, octets: &[u8]) {
        if let Some(room) = self.out.get_mut(self.len..self.len + octets.len()) {
            room.copy_from_slice(octets);
            self.len += octets.len();
        }
    }
}

/// Family and address; yields how long that is with the port between them.
fn xor(value: &mut [u8; 20], family: u8, (address, key): (&[u8], &[u8; 16])) -> usize {
    value[1] = family;
    for (out, (octet, key)) in value[4..].iter_mut().zip(address.iter().zip(key)) {
        *out = octet ^ key;
    }
    4 + address.len()
}

#[cfg(test)]
mod tests;
