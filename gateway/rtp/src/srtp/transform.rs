//! Encrypting and authenticating one packet, its index given.

use aes::{Aes128, Aes256};
use aes_gcm::{AeadInOut, Aes128Gcm, Aes256Gcm, KeyInit, Nonce, Tag};
use ctr::{
    Ctr128BE,
    cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, StreamCipher, consts::U16},
};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use terms::media::{Mki, SrtpKey, SrtpSuite, Ssrc};

use super::{
    SrtpError,
    keys::{SALT, SessionKeys, Use},
};

/// RFC 7714 §13.2: of GCM.
const GCM_TAG: usize = 16;
const GCM_SALT: usize = 12;
/// RFC 3711 §3.4: the index of SRTCP with its E flag.
const INDEX: usize = 4;
/// RFC 3711 §3.4: says that the payload is encrypted.
pub(super) const ENCRYPTED: u32 = 1 << 31;
/// RFC 3711 §3.4: of an RTCP packet, what is never encrypted.
pub(super) const RTCP_HEADER: usize = 8;
/// The most that a packet grows by.
pub const MAX_OVERHEAD: usize = GCM_TAG + INDEX + Mki::MAX_LEN;

/// The keyed ciphers of one direction, for RTP or RTCP.
pub(super) enum Transform {
    Counter { cipher: Counter, mac: Box<Hmac<Sha1>>, salt: [u8; SALT], tag: usize },
    Gcm { cipher: Gcm, salt: [u8; GCM_SALT] },
}

pub(super) enum Counter {
    Aes128(Box<Aes128>),
    Aes256(Box<Aes256>),
}

pub(super) enum Gcm {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
}

/// Where a packet stands in its stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: Ssrc,
    /// Of RTP 48 bits, of RTCP 31.
    pub(super) index: u64,
}

impl Transform {
    pub(super) fn new(key: &SrtpKey, of: Use) -> Self {
        Self::keyed(key.suite, of, &SessionKeys::derive(key, of))
    }

    pub(super) fn keyed(suite: SrtpSuite, of: Use, keys: &SessionKeys) -> Self {
        // RFC 4568 §6.2.2: what the short tag saves is saved on RTP alone.
        let tag = if suite == SrtpSuite::Aes128CmSha1Tag32 && of == Use::Rtp { 4 } else { 10 };
        let (cipher, _) = keys.cipher.split_at(suite.key_len());
        let fits = "the suite says how long its key is";
        let counter = |cipher| {
            let mac = Box::new(Hmac::new_from_slice(&keys.mac).expect("HMAC takes keys of any length"));
            Self::Counter { cipher, mac, salt: keys.salt, tag }
        };
        let gcm = |cipher| Self::Gcm {
            cipher,
            salt: *keys.salt.first_chunk().expect("the salt of GCM is the shorter one"),
        };
        match suite {
            SrtpSuite::Aes128CmSha1Tag80 | SrtpSuite::Aes128CmSha1Tag32 => {
                counter(Counter::Aes128(Box::new(Aes128::new_from_slice(cipher).expect(fits))))
            }
            SrtpSuite::Aes256CmSha1Tag80 => {
                counter(Counter::Aes256(Box::new(Aes256::new_from_slice(cipher).expect(fits))))
            }
            SrtpSuite::Aes128Gcm => {
                gcm(Gcm::Aes128(Box::new(Aes128Gcm::new_from_slice(cipher).expect(fits))))
            }
            SrtpSuite::Aes256Gcm => {
                gcm(Gcm::Aes256(Box::new(Aes256Gcm::new_from_slice(cipher).expect(fits))))
            }
        }
    }

    /// Octets of the tag.
    pub(super) const fn tag_len(&self) -> usize {
        match self {
            Self::Counter { tag, .. } => *tag,
            Self::Gcm { .. } => GCM_TAG,
        }
    }

    /// Encrypts what is behind the header of `len` octets in `buffer`; returns the length with MKI and tag.
    pub(super) fn seal_rtp(
        &self,
        place: Place,
        buffer: &mut [u8],
        (header, len): (usize, usize),
        mki: &[u8],
    ) -> Result<usize, SrtpError> {
        let total = len + self.tag_len() + mki.len();
        let buffer = buffer.get_mut(..total).ok_or(SrtpError::TooShort)?;
        let (packet, trailer) = buffer.split_at_mut(len);
        match self {
            Self::Counter { cipher, mac, salt, .. } => {
                let (_, payload) = packet.split_at_mut_checked(header).ok_or(SrtpError::TooShort)?;
                cipher.apply(&counter_block(salt, place), payload);
                let (named, tag) = trailer.split_at_mut(mki.len());
                named.copy_from_slice(mki);
                write_tag(mac, &[packet, &roll_over(place)], tag);
            }
            Self::Gcm { cipher, salt } => {
                let (head, payload) = packet.split_at_mut_checked(header).ok_or(SrtpError::TooShort)?;
                let (tag, named) = trailer.split_at_mut(GCM_TAG);
                named.copy_from_slice(mki);
                cipher.seal(&rtp_nonce(salt, place), head, payload, tag)?;
            }
        }
        Ok(total)
    }

    /// Checks and decrypts a packet, MKI and tag included; returns the length without them.
    pub(super) fn open_rtp(
        &self,
        place: Place,
        buffer: &mut [u8],
        header: usize,
        mki: &[u8],
    ) -> Result<usize, SrtpError> {
        let added = self.tag_len() + mki.len();
        let len = buffer.len().checked_sub(added).filter(|len| *len >= header).ok_or(SrtpError::TooShort)?;
        let (packet, trailer) = buffer.split_at_mut(len);
        match self {
            Self::Counter { cipher, mac, salt, .. } => {
                let (named, tag) = trailer.split_at(mki.len());
                check_name(named, mki)?;
                check_tag(mac, &[packet, &roll_over(place)], tag)?;
                let (_, payload) = packet.split_at_mut_checked(header).ok_or(SrtpError::TooShort)?;
                cipher.apply(&counter_block(salt, place), payload);
            }
            Self::Gcm { cipher, salt } => {
                let (tag, named) = trailer.split_at(GCM_TAG);
                check_name(named, mki)?;
                let (head, payload) = packet.split_at_mut_checked(header).ok_or(SrtpError::TooShort)?;
                cipher.open(&rtp_nonce(salt, place), head, payload, tag)?;
            }
        }
        Ok(len)
    }

    /// Encrypts a compound packet of `len` octets; returns the length with index, MKI and tag.
    pub(super) fn seal_rtcp(
        &self,
        place: Place,
        buffer: &mut [u8],
        len: usize,
        mki: &[u8],
    ) -> Result<usize, SrtpError> {
        let total = len + self.tag_len() + INDEX + mki.len();
        let buffer = buffer.get_mut(..total).ok_or(SrtpError::TooShort)?;
        let word = (srtcp_index(place) | ENCRYPTED).to_be_bytes();
        match self {
            Self::Counter { cipher, mac, salt, .. } => {
                let (packet, trailer) = buffer.split_at_mut(len + INDEX);
                let (plain, index) = packet.split_at_mut(len);
                let (_, payload) = plain.split_at_mut_checked(RTCP_HEADER).ok_or(SrtpError::TooShort)?;
                cipher.apply(&counter_block(salt, place), payload);
                index.copy_from_slice(&word);
                let (named, tag) = trailer.split_at_mut(mki.len());
                named.copy_from_slice(mki);
                write_tag(mac, &[packet], tag);
            }
            Self::Gcm { cipher, salt } => {
                let (packet, trailer) = buffer.split_at_mut(len);
                let (head, payload) = packet.split_at_mut_checked(RTCP_HEADER).ok_or(SrtpError::TooShort)?;
                let (tag, rest) = trailer.split_at_mut(GCM_TAG);
                let (index, named) = rest.split_at_mut(INDEX);
                index.copy_from_slice(&word);
                named.copy_from_slice(mki);
                cipher.seal(&rtcp_nonce(salt, place), &rtcp_associated(head, word), payload, tag)?;
            }
        }
        Ok(total)
    }

    /// The index word of an SRTCP packet, E flag included.
    pub(super) fn index_word(&self, wire: &[u8], mki: &[u8]) -> Result<u32, SrtpError> {
        let behind = match self {
            Self::Counter { tag, .. } => tag + mki.len(),
            Self::Gcm { .. } => mki.len(),
        };
        let end = wire.len().checked_sub(behind).ok_or(SrtpError::TooShort)?;
        let word = wire.get(..end).and_then(|upto| upto.last_chunk::<INDEX>());
        word.map(|word| u32::from_be_bytes(*word)).ok_or(SrtpError::TooShort)
    }

    /// Checks and decrypts a packet, index, MKI and tag included; returns the length without them.
    pub(super) fn open_rtcp(
        &self,
        place: Place,
        buffer: &mut [u8],
        word: u32,
        mki: &[u8],
    ) -> Result<usize, SrtpError> {
        let added = self.tag_len() + INDEX + mki.len();
        let len = buffer.len().checked_sub(added).filter(|len| *len >= RTCP_HEADER);
        let len = len.ok_or(SrtpError::TooShort)?;
        let encrypted = word & ENCRYPTED != 0;
        match self {
            Self::Counter { cipher, mac, salt, .. } => {
                let (packet, trailer) = buffer.split_at_mut(len + INDEX);
                let (named, tag) = trailer.split_at(mki.len());
                check_name(named, mki)?;
                check_tag(mac, &[packet], tag)?;
                if encrypted && let Some(payload) = packet.get_mut(RTCP_HEADER..len) {
                    cipher.apply(&counter_block(salt, place), payload);
                }
            }
            Self::Gcm { cipher, salt } => {
                let (packet, trailer) = buffer.split_at_mut(len);
                let (tag, rest) = trailer.split_at(GCM_TAG);
                check_name(rest.get(INDEX..).unwrap_or_default(), mki)?;
                let nonce = rtcp_nonce(salt, place);
                if encrypted {
                    let (head, payload) =
                        packet.split_at_mut_checked(RTCP_HEADER).ok_or(SrtpError::TooShort)?;
                    cipher.open(&nonce, &rtcp_associated(head, word.to_be_bytes()), payload, tag)?;
                } else {
                    cipher.check(&nonce, packet, word, tag)?;
                }
            }
        }
        Ok(len)
    }
}

impl Counter {
    fn apply(&self, block: &[u8; 16], payload: &mut [u8]) {
        match self {
            Self::Aes128(cipher) => keystream(&**cipher, block, payload),
            Self::Aes256(cipher) => keystream(&**cipher, block, payload),
        }
    }
}

fn keystream<C>(cipher: C, block: &[u8; 16], payload: &mut [u8])
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let core = ctr::CtrCore::<C, ctr::flavors::Ctr128BE>::inner_iv_init(cipher, block.into());
    Ctr128BE::<C>::from_core(core).apply_keystream(payload);
}

impl Gcm {
    fn seal(
        &self,
        nonce: &[u8; GCM_SALT],
        associated: &[u8],
        payload: &mut [u8],
        tag: &mut [u8],
    ) -> Result<(), SrtpError> {
        let nonce: &Nonce<_> = nonce.into();
        let made = match self {
            Self::Aes128(cipher) => cipher.encrypt_inout_detached(nonce, associated, payload.into()),
            Self::Aes256(cipher) => cipher.encrypt_inout_detached(nonce, associated, payload.into()),
        };
        tag.copy_from_slice(&made.map_err(|_| SrtpError::TooShort)?);
        Ok(())
    }

    fn open(
        &self,
        nonce: &[u8; GCM_SALT],
        associated: &[u8],
        payload: &mut [u8],
        tag: &[u8],
    ) -> Result<(), SrtpError> {
        let nonce: &Nonce<_> = nonce.into();
        let tag: &Tag = tag.try_into().map_err(|_| SrtpError::TooShort)?;
        let opened = match self {
            Self::Aes128(cipher) => cipher.decrypt_inout_detached(nonce, associated, payload.into(), tag),
            Self::Aes256(cipher) => cipher.decrypt_inout_detached(nonce, associated, payload.into(), tag),
        };
        opened.map_err(|_| SrtpError::BadTag)
    }

    /// RFC 7714 §9.3: a packet that is authenticated and not encrypted, its index at the end of what the tag is of.
    fn check(&self, nonce: &[u8; GCM_SALT], packet: &[u8], word: u32, tag: &[u8]) -> Result<(), SrtpError> {
        const LONGEST: usize = 1_536;
        let mut associated = [0; LONGEST];
        let len = packet.len() + INDEX;
        let associated = associated.get_mut(..len).ok_or(SrtpError::BadTag)?;
        let (plain, index) = associated.split_at_mut(packet.len());
        plain.copy_from_slice(packet);
        index.copy_from_slice(&word.to_be_bytes());
        self.open(nonce, associated, &mut [], tag)
    }
}

/// RFC 3711 §4.1.1.
fn counter_block(salt: &[u8; SALT], Place { ssrc, index }: Place) -> [u8; 16] {
    let [s0, s1, s2, s3] = ssrc.0.to_be_bytes();
    let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
    let mut block = [0, 0, 0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5, 0, 0];
    for (octet, salt) in block.iter_mut().zip(salt) {
        *octet ^= salt;
    }
    block
}

/// RFC 7714 §8.1.
fn rtp_nonce(salt: &[u8; GCM_SALT], Place { ssrc, index }: Place) -> [u8; GCM_SALT] {
    let [s0, s1, s2, s3] = ssrc.0.to_be_bytes();
    let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
    salted([0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5], salt)
}

/// RFC 7714 §9.1.
fn rtcp_nonce(salt: &[u8; GCM_SALT], place: Place) -> [u8; GCM_SALT] {
    let [s0, s1, s2, s3] = place.ssrc.0.to_be_bytes();
    let [i0, i1, i2, i3] = srtcp_index(place).to_be_bytes();
    salted([0, 0, s0, s1, s2, s3, 0, 0, i0, i1, i2, i3], salt)
}

fn salted(mut nonce: [u8; GCM_SALT], salt: &[u8; GCM_SALT]) -> [u8; GCM_SALT] {
    for (octet, salt) in nonce.iter_mut().zip(salt) {
        *octet ^= salt;
    }
    nonce
}

/// RFC 7714 §9.2: header and index word.
fn rtcp_associated(head: &[u8], word: [u8; INDEX]) -> [u8; RTCP_HEADER + INDEX] {
    let mut associated = [0; RTCP_HEADER + INDEX];
    let octets = head.iter().chain(&word);
    for (octet, from) in associated.iter_mut().zip(octets) {
        *octet = *from;
    }
    associated
}

#[expect(clippy::cast_possible_truncation, reason = "RFC 3711 §3.4: the index of SRTCP has 31 bits")]
const fn srtcp_index(place: Place) -> u32 {
    place.index as u32 & !ENCRYPTED
}

/// RFC 3711 §4.2: what the tag of RTP is of, besides the packet.
#[expect(clippy::cast_possible_truncation, reason = "RFC 3711 §3.3.1: the index has 48 bits")]
const fn roll_over(place: Place) -> [u8; 4] {
    ((place.index >> 16) as u32).to_be_bytes()
}

fn check_name(named: &[u8], mki: &[u8]) -> Result<(), SrtpError> {
    if named == mki { Ok(()) } else { Err(SrtpError::BadTag) }
}

fn write_tag(mac: &Hmac<Sha1>, parts: &[&[u8]], tag: &mut [u8]) {
    let made = parts.iter().fold(mac.clone(), |mac, part| mac.chain_update(part)).finalize().into_bytes();
    for (octet, made) in tag.iter_mut().zip(made) {
        *octet = made;
    }
}

fn check_tag(mac: &Hmac<Sha1>, parts: &[&[u8]], tag: &[u8]) -> Result<(), SrtpError> {
    let made = parts.iter().fold(mac.clone(), |mac, part| mac.chain_update(part));
    made.verify_truncated_left(tag).map_err(|_| SrtpError::BadTag)
}
