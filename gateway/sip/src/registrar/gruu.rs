//! Addresses of one device of an account (RFC 5627): a public one that names it, and temporary ones that tell nobody whose they
//! are.
//!
//! A temporary one is the name of a binding and a random number, encrypted together (RFC 5627 appendix A.2): each answer has
//! another, none tells of the others, and nothing has to be remembered.

use crate::wire::{Text, Uri};
use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _},
};
use bytes::{BufMut as _, BytesMut};
use core::fmt::Write as _;

/// What the user of a temporary GRUU begins with; accounts may not.
pub const TEMPORARY: &str = "tgruu.";
/// Digits behind it.
const DIGITS: usize = 32;

/// Makes GRUUs and reads them.
#[derive(Clone)]
pub struct Gruus(Aes128);

impl core::fmt::Debug for Gruus {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Gruus")
    }
}

impl Gruus {
    /// A restart under another key voids temporary GRUUs; those that were given are replaced at the next refresh.
    pub fn new(key: &[u8; 16]) -> Self {
        Self(Aes128::new(key.into()))
    }

    /// RFC 5627 §5.4: the device by its own name.
    pub(super) fn public(address_of_record: &Uri, instance: &Text) -> Option<Text> {
        let mut out = begin(address_of_record, address_of_record.user()?.as_bytes())?;
        out.put_slice(b";gr=");
        for byte in bare(instance.as_bytes()) {
            // RFC 3261 §25.1 paramchar.
            let is_plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$".contains(byte);
            if is_plain {
                out.put_u8(*byte);
            } else {
                write!(out, "%{byte:02X}").expect("BytesMut grows");
            }
        }
        Some(out.freeze().into())
    }

    /// RFC 5627 §5.4: the device under a name that holds as long as the binding's epoch. `salt` is random.
    pub(super) fn temporary(&self, address_of_record: &Uri, epoch: u64, salt: u32) -> Option<Text> {
        let mut block = [0; 16];
        let octets = epoch.to_be_bytes().into_iter().chain(salt.to_be_bytes());
        block.iter_mut().zip(octets).for_each(|(place, octet)| *place = octet);
        let mut block = block.into();
        self.0.encrypt_block(&mut block);
        let mut user = BytesMut::from(TEMPORARY);
        for octet in block {
            write!(user, "{octet:02x}").expect("BytesMut grows");
        }
        let mut out = begin(address_of_record, &user)?;
        out.put_slice(b";gr");
        Some(out.freeze().into())
    }

    /// The epoch that a temporary GRUU names, if we made it.
    pub(super) fn epoch_of(&self, uri: &Uri) -> Option<u64> {
        let user = uri.user()?;
        let digits =
            user.as_bytes().strip_prefix(TEMPORARY.as_bytes()).filter(|digits| digits.len() == DIGITS)?;
        let mut block = [0; 16];
        for (place, pair) in block.iter_mut().zip(digits.as_chunks::<2>().0) {
            *place = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        let mut block = block.into();
        self.0.decrypt_block(&mut block);
        let (epoch, rest) = block.split_first_chunk::<8>()?;
        let (_, check) = rest.split_at_checked(4)?;
        check.iter().all(|octet| *octet == 0).then(|| u64::from_be_bytes(*epoch))
    }

    /// The instance that a public GRUU names, as it stands in `+sip.instance` between brackets.
    pub(super) fn instance_of(uri: &Uri) -> Option<alloc::vec::Vec<u8>> {
        let named = uri.params().get("gr").filter(|named| !named.is_empty())?;
        Some(crate::wire::unescaped(named.as_bytes()).collect())
    }
}

/// `sip:user@host`, of the address of record's own host.
fn begin(address_of_record: &Uri, user: &[u8]) -> Option<BytesMut> {
    let mut out = BytesMut::with_capacity(128);
    out.put_slice(b"sip:");
    out.put_slice(user);
    out.put_u8(b'@');
    address_of_record.host()?.write(&mut out);
    Some(out)
}

/// RFC 5626 §4.1 has angle brackets around it; some devices leave them out.
pub(super) fn bare(instance: &[u8]) -> &[u8] {
    instance.strip_prefix(b"<").and_then(|inside| inside.strip_suffix(b">")).unwrap_or(instance)
}
