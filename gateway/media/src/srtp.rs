//! Encryption of a port's stream: the keys of both directions, and what was not taken under them or for want of them.

use std::fmt;

use rtp::srtp::{Inbound, MAX_OVERHEAD, Outbound, SrtpError};
use terms::media::{SrtpKeys, SrtpProgress, Ssrc};

use crate::port::Rejected;

/// The longest encrypted packet that is taken: what an Ethernet carries, and more.
const MAX_PACKET: usize = 2_048;

/// Where a packet is decrypted.
pub(crate) struct Plain([u8; MAX_PACKET]);

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain")
    }
}

impl Plain {
    pub(crate) const EMPTY: Self = Self([0; MAX_PACKET]);
}

/// What encrypts a stream. As long as there are no keys, nothing goes out and nothing is taken.
#[derive(Debug, Default)]
pub(crate) struct Srtp {
    keyed: Option<Keyed>,
    failures: u64,
}

/// The keys in use.
#[derive(Debug)]
struct Keyed {
    keys: SrtpKeys,
    outbound: Outbound,
    inbound: Inbound,
    /// Of the key that the peer used before, until it uses its next.
    before: Option<Inbound>,
}

impl Srtp {
    /// Keys are to come.
    pub(crate) fn awaiting() -> Self {
        Self::default()
    }

    /// Takes what was negotiated. A key that stays goes on with its index and its window; a stream that goes on in clear
    /// has none, and comes back with keys that were never used.
    pub(crate) fn renegotiated(
        current: Option<Box<Self>>,
        keys: Option<&SrtpKeys>,
        ssrc: Ssrc,
    ) -> Option<Box<Self>> {
        let keys = keys?;
        let mut srtp = current.unwrap_or_default();
        srtp.rekey(keys, ssrc);
        Some(srtp)
    }

    /// Goes on under these keys, as far as they are others than before.
    pub(crate) fn rekey(&mut self, keys: &SrtpKeys, ssrc: Ssrc) {
        let Some(keyed) = &mut self.keyed else {
            self.keyed = Some(Keyed {
                keys: keys.clone(),
                outbound: Outbound::new(&keys.send, ssrc),
                inbound: Inbound::new(&keys.receive),
                before: None,
            });
            return;
        };
        if keyed.keys.send != keys.send {
            keyed.outbound = Outbound::new(&keys.send, ssrc);
        }
        if keyed.keys.receive != keys.receive {
            keyed.before = Some(std::mem::replace(&mut keyed.inbound, Inbound::new(&keys.receive)));
        }
        keyed.keys.clone_from(keys);
    }

    pub(crate) const fn is_awaiting(&self) -> bool {
        self.keyed.is_none()
    }

    pub(crate) fn keys(&self) -> Option<&SrtpKeys> {
        self.keyed.as_ref().map(|keyed| &keyed.keys)
    }

    /// After a restart: what came before the snapshot is not taken again.
    pub(crate) fn peer_was_at(&mut self, progress: &[SrtpProgress]) {
        if let Some(keyed) = &mut self.keyed {
            keyed.inbound = Inbound::restored(&keyed.keys.receive, progress);
        }
    }

    pub(crate) fn progress(&self) -> Vec<SrtpProgress> {
        self.keyed.as_ref().map_or_else(Vec::new, |keyed| keyed.inbound.progress().collect())
    }

    /// Packets that were not taken.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures
    }

    /// Encrypts the packet that `bytes` ends with, from `begin` on; one that can't be is taken out.
    pub(crate) fn protect_rtp(&mut self, bytes: &mut Vec<u8>, begin: usize) -> Result<(), Rejected> {
        self.protect(bytes, begin, Outbound::protect_rtp)
    }

    /// The same for RTCP.
    pub(crate) fn protect_rtcp(&mut self, bytes: &mut Vec<u8>, begin: usize) -> Result<(), Rejected> {
        self.protect(bytes, begin, Outbound::protect_rtcp)
    }

    fn protect(
        &mut self,
        bytes: &mut Vec<u8>,
        begin: usize,
        seal: impl FnOnce(&mut Outbound, &mut [u8], usize) -> Result<usize, SrtpError>,
    ) -> Result<(), Rejected> {
        let len = bytes.len() - begin;
        bytes.resize(begin + len + MAX_OVERHEAD, 0);
        let sealed = self.keyed.as_mut().map(|keyed| seal(&mut keyed.outbound, &mut bytes[begin..], len));
        let sealed = sealed.and_then(Result::ok);
        bytes.truncate(begin + sealed.unwrap_or(0));
        sealed.map(drop).ok_or(Rejected::Undecipherable)
    }

    pub(crate) fn unprotect_rtp<'a>(
        &mut self,
        wire: &[u8],
        plain: &'a mut Plain,
    ) -> Result<&'a [u8], Rejected> {
        self.unprotect(wire, plain, Inbound::unprotect_rtp)
    }

    pub(crate) fn unprotect_rtcp<'a>(
        &mut self,
        wire: &[u8],
        plain: &'a mut Plain,
    ) -> Result<&'a [u8], Rejected> {
        self.unprotect(wire, plain, Inbound::unprotect_rtcp)
    }

    fn unprotect<'a>(
        &mut self,
        wire: &[u8],
        plain: &'a mut Plain,
        open: impl Fn(&mut Inbound, &mut [u8]) -> Result<usize, SrtpError>,
    ) -> Result<&'a [u8], Rejected> {
        let room = plain.0.get_mut(..wire.len()).ok_or(Rejected::Malformed)?;
        room.copy_from_slice(wire);
        let opened = self.keyed.as_mut().and_then(|keyed| keyed.open(room, open));
        let Some(len) = opened else {
            self.failures += 1;
            return Err(Rejected::Undecipherable);
        };
        Ok(&plain.0[..len])
    }
}

impl Keyed {
    fn open(
        &mut self,
        room: &mut [u8],
        open: impl Fn(&mut Inbound, &mut [u8]) -> Result<usize, SrtpError>,
    ) -> Option<usize> {
        match (open(&mut self.inbound, room), &mut self.before) {
            (Ok(len), _) => {
                self.before = None;
                Some(len)
            }
            // What was on its way when the keys changed. A wrong tag is found before anything is decrypted.
            (Err(_), Some(before)) => open(before, room).ok(),
            (Err(_), None) => None,
        }
    }
}
