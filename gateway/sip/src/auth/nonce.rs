//! Nonces that nobody remembers until they are used.
//!
//! ```text
//!   nonce  =  seconds (4)  serial (8)  HMAC-SHA-256(key, realm, seconds, serial, source) (16)      hexadecimal
//! ```
//!
//! Whoever shows one proves by its last part that it is ours and was given to its own address, and by the first how old it is:
//! who forges a source has no nonce of that source's. Once a right password came with
//! it, the counts that it was used with are remembered in a window, so that none serves twice. There is room for so many
//! windows; the nonce whose window had to go is used up from then on, as all are that were given before it: a replay never
//! finds its window gone and its nonce good.

use crate::wire::Text;
use alloc::collections::BTreeMap;
use bytes::{BufMut as _, BytesMut};
use core::{fmt::Write as _, net::IpAddr, time::Duration};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use terms::time::Instant;

/// For how long a nonce serves.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);
/// Nonces whose counts are remembered.
pub const MOST_WINDOWS: usize = 65_536;
/// How far behind the highest count a count may come, where a network overtakes.
const WINDOW: u32 = 64;

const MAC: usize = 16;
const NONCE: usize = 4 + 8 + MAC;

/// Why a nonce serves no more. None of these is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Staleness {
    /// It is not of this start of ours, or was given to another address.
    Foreign,
    /// Its life is over.
    Old,
    /// It was used with this count already, or without one: the request is a replay, or its sender can't count.
    Replayed,
    /// Its window had to go.
    Lost,
}

/// A nonce of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nonce {
    seconds: u32,
    serial: u64,
}

/// How a nonce was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// For the how-manieth time its user says that it was.
    Counted(u32),
    /// RFC 2069: nobody counts, so that it serves once.
    Once,
}

/// The counts that came with a nonce.
#[derive(Debug, Clone, Copy)]
struct Window {
    seconds: u32,
    highest: u32,
    /// Bit n: `highest - n` came.
    came: u64,
}

/// Gives nonces and knows them again.
#[derive(Clone)]
pub(super) struct Nonces {
    key: Hmac<Sha256>,
    next: u64,
    windows: BTreeMap<u64, Window>,
    /// Those up to here are used up, unless their window is there.
    lost: u64,
    room: usize,
}

impl core::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Nonces")
            .field("next", &self.next)
            .field("windows", &self.windows.len())
            .finish_non_exhaustive()
    }
}

impl Nonces {
    pub(super) fn new(key: &[u8; 32], realm: &Text, room: usize) -> Self {
        let mut key = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        key.update(realm.as_bytes());
        Self { key, next: 1, windows: BTreeMap::new(), lost: 0, room }
    }

    pub(super) fn issue(&mut self, (now, source): (Instant, IpAddr)) -> Text {
        let nonce = Nonce { seconds: seconds(now), serial: self.next };
        self.next += 1;
        let mut out = BytesMut::with_capacity(2 * NONCE);
        let front = nonce.front();
        for octet in front.iter().chain(&self.mac(&front, source)) {
            write!(out, "{octet:02x}").expect("BytesMut grows");
        }
        out.freeze().into()
    }

    /// Whether a nonce would serve for that use.
    pub(super) fn look(
        &self,
        (now, source): (Instant, IpAddr),
        text: &Text,
        used: Use,
    ) -> Result<Nonce, Staleness> {
        let nonce = self.read(text, source).ok_or(Staleness::Foreign)?;
        let age = seconds(now).saturating_sub(nonce.seconds);
        if u64::from(age) >= NONCE_LIFE.as_secs() {
            return Err(Staleness::Old);
        }
        match (self.windows.get(&nonce.serial), used) {
            (Some(_), Use::Once) => Err(Staleness::Replayed),
            (Some(window), Use::Counted(count)) if window.has(count) => Err(Staleness::Replayed),
            (None, _) if nonce.serial <= self.lost => Err(Staleness::Lost),
            (Some(_) | None, _) => Ok(nonce),
        }
    }

    /// A right password came with it.
    pub(super) fn spend(&mut self, now: Instant, nonce: Nonce, used: Use) {
        let window = Window { seconds: nonce.seconds, highest: 0, came: 0 };
        let window = self.windows.entry(nonce.serial).or_insert(window);
        match used {
            Use::Counted(count) => window.add(count),
            Use::Once => (window.highest, window.came) = (u32::MAX, u64::MAX),
        }
        self.forget(now);
    }

    /// Those whose life is over, and the oldest beyond the room.
    fn forget(&mut self, now: Instant) {
        let oldest = seconds(now).saturating_sub(NONCE_LIFE.as_secs() as u32);
        while let Some((serial, window)) = self.windows.first_key_value() {
            if window.seconds >= oldest {
                if self.windows.len() <= self.room {
                    return;
                }
                self.lost = self.lost.max(*serial);
            }
            self.windows.pop_first();
        }
    }

    fn read(&self, text: &Text, source: IpAddr) -> Option<Nonce> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != NONCE || !rest.is_empty() {
            return None;
        }
        let mut octets = BytesMut::with_capacity(NONCE);
        for pair in pairs {
            octets.put_u8(u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?);
        }
        let (front, mac) = octets.split_at_checked(NONCE - MAC)?;
        let is_ours: bool = self.mac(front, source).as_slice().ct_eq(mac).into();
        let (seconds, serial) = front.split_first_chunk::<4>()?;
        let nonce = Nonce {
            seconds: u32::from_be_bytes(*seconds),
            serial: u64::from_be_bytes(serial.try_into().ok()?),
        };
        is_ours.then_some(nonce)
    }

    #[cfg(test)]
    pub(super) fn windows(&self) -> usize {
        self.windows.len()
    }

    fn mac(&self, front: &[u8], source: IpAddr) -> [u8; MAC] {
        let mut mac = self.key.clone();
        mac.update(front);
        match source.to_canonical() {
            IpAddr::V4(address) => mac.update(&address.octets()),
            IpAddr::V6(address) => mac.update(&address.octets()),
        }
        let whole = mac.finalize().into_bytes();
        let mut short = [0; MAC];
        short.iter_mut().zip(whole).for_each(|(short, octet)| *short = octet);
        short
    }
}

impl Nonce {
    fn front(self) -> [u8; NONCE - MAC] {
        let mut front = [0; NONCE - MAC];
        let octets = self.seconds.to_be_bytes().into_iter().chain(self.serial.to_be_bytes());
        front.iter_mut().zip(octets).for_each(|(front, octet)| *front = octet);
        front
    }
}

impl Window {
    const fn has(&self, count: u32) -> bool {
        match self.highest.checked_sub(count) {
            None => false,
            Some(behind) => behind >= WINDOW || self.came >> behind & 1 == 1,
        }
    }

    fn add(&mut self, count: u32) {
        match count.checked_sub(self.highest) {
            Some(ahead) => {
                self.came = self.came.checked_shl(ahead).unwrap_or(0) | 1;
                self.highest = count;
            }
            None => self.came |= 1 << (self.highest - count).min(WINDOW - 1),
        }
    }
}

fn seconds(now: Instant) -> u32 {
    u32::try_from(now.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}
