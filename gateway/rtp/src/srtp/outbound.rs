//! One source under one key.

use core::fmt;

use terms::media::{SrtpKey, Ssrc};

use super::{
    SrtpError,
    keys::Use,
    transform::{Place, RTCP_HEADER, Transform},
    window::estimate,
};
use crate::{Packet, SequenceNumber};

/// RFC 3711 §9.2: the indices of RTP.
const RTP_INDICES: u64 = 1 << 48;
/// RFC 3711 §9.2: the indices of RTCP.
const RTCP_INDICES: u64 = 1 << 31;

/// What encrypts one source's packets. Two under one key may not be of one source, so there is no way to copy it, or to
/// make it go on in the middle: who restores a sender takes another source or another key.
pub struct Outbound {
    ssrc: Ssrc,
    rtp: Transform,
    rtcp: Transform,
    mki: Vec<u8>,
    /// Of the last packet of RTP.
    last: Option<u64>,
    next_rtcp: u64,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbound({:?} {:?} {})", self.ssrc, self.last, self.next_rtcp)
    }
}

impl Outbound {
    /// For a source that has sent nothing under the key.
    pub fn new(key: &SrtpKey, ssrc: Ssrc) -> Self {
        Self {
            ssrc,
            rtp: Transform::new(key, Use::Rtp),
            rtcp: Transform::new(key, Use::Rtcp),
            mki: key.mki.as_ref().map(|mki| mki.octets().to_vec()).unwrap_or_default(),
            last: None,
            next_rtcp: 0,
        }
    }

    /// Whose packets it encrypts.
    pub const fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Encrypts the RTP packet in the first `len` octets of `buffer`, in place; returns how long it is now.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let packet = buffer.get(..len).and_then(|octets| Packet::parse(octets).ok());
        let packet = packet.ok_or(SrtpError::TooShort)?;
        if packet.ssrc() != self.ssrc {
            return Err(SrtpError::WrongSource);
        }
        let index = self.index_of(packet.sequence())?;
        let header = header_len(buffer).ok_or(SrtpError::TooShort)?;
        // The index is used up even where there is no room for the tag.
        self.last = Some(index);
        let place = Place { ssrc: self.ssrc, index };
        self.rtp.seal_rtp(place, buffer, (header, len), &self.mki)
    }

    /// Encrypts the compound RTCP packet in the first `len` octets of `buffer`, in place; returns how long it is now.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let from = buffer.get(4..RTCP_HEADER).and_then(|octets| octets.first_chunk());
        if from.map(|octets| Ssrc(u32::from_be_bytes(*octets))) != Some(self.ssrc) {
            return Err(SrtpError::WrongSource);
        }
        let index = self.next_rtcp;
        if index >= RTCP_INDICES {
            return Err(SrtpError::KeyExhausted);
        }
        self.next_rtcp += 1;
        self.rtcp.seal_rtcp(Place { ssrc: self.ssrc, index }, buffer, len, &self.mki)
    }

    /// The packet's index, which must be above all that were.
    fn index_of(&self, sequence: SequenceNumber) -> Result<u64, SrtpError> {
        let Some(last) = self.last else { return Ok(sequence.0.into()) };
        let index = estimate(last, sequence.0).ok_or(SrtpError::IndexUsed)?;
        if index <= last {
            Err(SrtpError::IndexUsed)
        } else if index >= RTP_INDICES {
            Err(SrtpError::KeyExhausted)
        } else {
            Ok(index)
        }
    }

    #[cfg(test)]
    pub(super) fn at(key: &SrtpKey, ssrc: Ssrc, (last, next_rtcp): (Option<u64>, u64)) -> Self {
        Self { last, next_rtcp, ..Self::new(key, ssrc) }
    }
}

/// RFC 3711 §3.1: what is not encrypted: the header with its sources and its extension.
pub(super) fn header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let fixed = crate::HEADER_LEN + 4 * usize::from(first & 0x0f);
    if first & 0x10 == 0 {
        return Some(fixed);
    }
    let words = packet.get(fixed + 2..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))?;
    Some(fixed + 4 + 4 * usize::from(words))
}
