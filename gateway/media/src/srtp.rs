//! Encryption of a port's stream: the keys of both directions, and what was not taken under them.

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

/// The keys in use.
#[derive(Debug)]
pub(crate) struct Srtp {
    keys: SrtpKeys,
    outbound: Outbound,
    inbound: Inbound,
    /// Of the key that the peer used before, until it uses its next.
    before: Option<Inbound>,
    failures: u64,
}

impl Srtp {
    fn new(keys: &SrtpKeys, ssrc: Ssrc) -> Self {
        Self {
            keys: keys.clone(),
            outbound: Outbound::new(&keys.send, ssrc),
            inbound: Inbound::new(&keys.receive),
            before: None,
            failures: 0,
        }
    }

    /// Takes what was negotiated. A key that stays goes on with its index and its window; a stream that goes on in clear
    /// has none, and comes back with keys that were never used.
    pub(crate) fn renegotiated(
        current: Option<Box<Self>>,
        keys: Option<&SrtpKeys>,
        ssrc: Ssrc,
    ) -> Option<Box<Self>> {
        let keys = keys?;
        let Some(mut srtp) = current else { return Some(Box::new(Self::new(keys, ssrc))) };
        if srtp.keys.send != keys.send {
            srtp.outbound = Outbound::new(&keys.send, ssrc);
        }
        if srtp.keys.receive != keys.receive {
            srtp.before = Some(std::mem::replace(&mut srtp.inbound, Inbound::new(&keys.receive)));
        }
        srtp.keys.clone_from(keys);
        Some(srtp)
    }

    /// After a restart: what came before the snapshot is not taken again.
    pub(crate) fn peer_was_at(&mut self, progress: &[SrtpProgress]) {
        self.inbound = Inbound::restored(&self.keys.receive, progress);
    }

    pub(crate) fn progress(&self) -> Vec<SrtpProgress> {
        self.inbound.progress().collect()
    }

    /// Packets that were not taken.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures
    }

    /// Encrypts the packet that `bytes` ends with, from `begin` on; one that can't be is taken out.
    pub(crate) fn protect_rtp(&mut self, bytes: &mut Vec<u8>, begin: usize) -> Result<(), SrtpError> {
        let outbound = &mut self.outbound;
        protect(bytes, begin, |buffer, len| outbound.protect_rtp(buffer, len))
    }

    /// The same for RTCP.
    pub(crate) fn protect_rtcp(&mut self, bytes: &mut Vec<u8>, begin: usize) -> Result<(), SrtpError> {
        let outbound = &mut self.outbound;
        protect(bytes, begin, |buffer, len| outbound.protect_rtcp(buffer, len))
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
        let opened = match (open(&mut self.inbound, room), &mut self.before) {
            (Ok(len), _) => {
                self.before = None;
                Ok(len)
            }
            // What was on its way when the keys changed. A wrong tag is found before anything is decrypted.
            (Err(_), Some(before)) => open(before, room),
            (Err(error), None) => Err(error),
        };
        match opened {
            Ok(len) => Ok(&plain.0[..len]),
            Err(_) => {
                self.failures += 1;
                Err(Rejected::Undecipherable)
            }
        }
    }
}

fn protect(
    bytes: &mut Vec<u8>,
    begin: usize,
    seal: impl FnOnce(&mut [u8], usize) -> Result<usize, SrtpError>,
) -> Result<(), SrtpError> {
    let len = bytes.len() - begin;
    bytes.resize(begin + len + MAX_OVERHEAD, 0);
    let sealed = seal(&mut bytes[begin..], len);
    bytes.truncate(begin + sealed.unwrap_or(0));
    sealed.map(drop)
}
