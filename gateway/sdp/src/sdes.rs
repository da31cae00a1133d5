//! Keys in session descriptions (RFC 4568): which line of an offer we take, and what we answer.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sdp_types::Attribute;
use terms::media::{KeyStock, MasterKey, Mki, SrtpKey, SrtpKeys, SrtpSuite};
use thiserror::Error;

use crate::description::{Crypto, MediaDescription};

/// The suite of our own offers: every peer that knows SDES knows it (RFC 4568 §6.2.1).
const OFFERED: SrtpSuite = SrtpSuite::Aes128CmSha1Tag80;
const OFFERED_TAG: u32 = 1;

/// Lines of one medium that are looked at; room systems send up to six.
const MAX_LINES: usize = 32;

/// Why a line's key can't be used. Another line of the offer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CryptoError {
    /// We don't know the suite.
    #[error("an unknown suite")]
    Suite,
    /// RFC 4568 §6.1: no base64, or not as long as the suite's key.
    #[error("a malformed key")]
    Key,
    /// RFC 4568 §6.1: a lifetime or a master key index that is none, or too long for us.
    #[error("a malformed lifetime or master key index")]
    Parameter,
    /// RFC 4568 §5.1.2: more than one key in a line, to be changed on the way.
    #[error("more than one key")]
    SeveralKeys,
    /// RFC 4568 §6.3: what we don't do, or must not: to leave out encryption or authentication.
    #[error("session parameters that we don't take")]
    Session,
}

impl Crypto<'_> {
    /// The line's key.
    pub fn key(&self) -> Result<SrtpKey, CryptoError> {
        let known = SrtpSuite::ALL.into_iter().find(|suite| self.suite.eq_ignore_ascii_case(suite.name()));
        let suite = known.ok_or(CryptoError::Suite)?;
        if !self.session.split_ascii_whitespace().all(is_harmless) {
            return Err(CryptoError::Session);
        }
        if self.keys.contains(';') {
            return Err(CryptoError::SeveralKeys);
        }
        let mut parts = self.keys.strip_prefix("inline:").ok_or(CryptoError::Key)?.split('|');
        let octets = parts.next().and_then(|text| STANDARD.decode(text.trim()).ok());
        let master = octets.and_then(|octets| MasterKey::new(suite, octets)).ok_or(CryptoError::Key)?;
        let mut mki = None;
        for part in parts {
            match part.split_once(':') {
                Some((value, length)) => mki = Some(index(value, length).ok_or(CryptoError::Parameter)?),
                // How long the peer uses its key is for the peer to see to: it changes it by an offer.
                None if is_lifetime(part) => {}
                None => return Err(CryptoError::Parameter),
            }
        }
        Ok(SrtpKey { suite, master, mki })
    }
}

/// RFC 4568 §6.3. Packets without encryption or authentication are not taken, nor a key derivation rate. What we don't
/// know must be understood unless it begins with a dash.
fn is_harmless(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or(parameter);
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    parameter.starts_with('-')
        || parameter.eq_ignore_ascii_case("KDR=0")
        // The peer's own window, and the order of a correction that we don't negotiate.
        || is("WSH")
        || is("FEC_ORDER")
        || is("FEC_KEY")
}

/// RFC 4568 §6.1: a count of packets, or a power of two.
fn is_lifetime(text: &str) -> bool {
    let digits = text.strip_prefix("2^").unwrap_or(text);
    (1..=20).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// RFC 4568 §6.1: `value:length`, as it stands in packets.
fn index(value: &str, length: &str) -> Option<Mki> {
    let (value, length): (u128, usize) = (value.parse().ok()?, length.parse().ok()?);
    let octets = value.to_be_bytes();
    let (above, used) = octets.split_at(octets.len().checked_sub(length)?);
    above.iter().all(|octet| *octet == 0).then(|| Mki::new(used.to_vec())).flatten()
}

/// What we take of an offer: its tag, and the keys of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) tag: u32,
    pub(crate) keys: SrtpKeys,
}

/// RFC 4568 §5.1.2: the first line that we can take, in the offerer's order; one with a short tag only where there is no
/// other: it is the one that most forged packets get past.
pub(crate) fn choose(media: &MediaDescription<'_>, ours: &KeyStock) -> Option<Taken> {
    let usable = || media.crypto().take(MAX_LINES).filter_map(|line| Some((line.tag, line.key().ok()?)));
    let is_strong = |(_, key): &(u32, SrtpKey)| key.suite != SrtpSuite::Aes128CmSha1Tag32;
    let (tag, receive) = usable().find(is_strong).or_else(|| usable().next())?;
    Some(Taken { tag, keys: SrtpKeys { send: ours.key(receive.suite), receive } })
}

/// RFC 4568 §5.1.3: the answer's line, and the key of ours that it answers.
pub(crate) fn answered(own: &MediaDescription<'_>, theirs: &MediaDescription<'_>) -> Option<SrtpKeys> {
    let answer = theirs.crypto().next()?;
    let send = own.crypto().find(|line| line.tag == answer.tag)?.key().ok()?;
    let receive = answer.key().ok().filter(|key| key.suite == send.suite)?;
    Some(SrtpKeys { send, receive })
}

/// The line of our answer. RFC 4568 §6.1: a lifetime is not said, which is the longest.
pub(crate) fn attribute(tag: u32, key: &SrtpKey) -> Attribute {
    let octets = STANDARD.encode(key.master.reveal());
    Attribute::with_value("crypto", format!("{tag} {} inline:{octets}", key.suite.name()))
}

/// The line of our offer.
pub(crate) fn offered(ours: &KeyStock) -> Attribute {
    attribute(OFFERED_TAG, &ours.key(OFFERED))
}

#[cfg(test)]
mod tests;
