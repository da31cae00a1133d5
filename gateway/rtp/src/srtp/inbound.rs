//! A peer's sources under one key.

use core::fmt;

use terms::media::{SrtpKey, SrtpProgress, Ssrc};

use super::{
    SrtpError,
    keys::Use,
    outbound::header_len,
    transform::{ENCRYPTED, Place, RTCP_HEADER, Transform},
    window::{Window, estimate},
};

/// Sources of one key that are remembered. Only packets with a right tag make one, so that a stranger can't fill it; what
/// was remembered is never given up for another, or its packets could be played again.
pub const MAX_SOURCES: usize = 32;

/// What decrypts a peer's packets.
pub struct Inbound {
    rtp: Transform,
    rtcp: Transform,
    mki: Vec<u8>,
    sources: Vec<Source>,
}

struct Source {
    ssrc: Ssrc,
    rtp: Option<Window>,
    rtcp: Option<Window>,
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inbound({} sources)", self.sources.len())
    }
}

impl Inbound {
    /// Nothing came yet.
    pub fn new(key: &SrtpKey) -> Self {
        Self {
            rtp: Transform::new(key, Use::Rtp),
            rtcp: Transform::new(key, Use::Rtcp),
            mki: key.mki.as_ref().map(|mki| mki.octets().to_vec()).unwrap_or_default(),
            sources: Vec::with_capacity(MAX_SOURCES),
        }
    }

    /// Goes on where a snapshot was taken: nothing that came before is taken again.
    pub fn restored(key: &SrtpKey, progress: &[SrtpProgress]) -> Self {
        let mut inbound = Self::new(key);
        inbound.sources.extend(progress.iter().take(MAX_SOURCES).map(|source| Source {
            ssrc: source.ssrc,
            rtp: source.rtp.map(Window::restored),
            rtcp: source.rtcp.map(|highest| Window::restored(highest.into())),
        }));
        inbound
    }

    /// How far each source has come, for a snapshot.
    pub fn progress(&self) -> impl Iterator<Item = SrtpProgress> {
        self.sources.iter().map(|source| SrtpProgress {
            ssrc: source.ssrc,
            rtp: source.rtp.map(|window| window.highest()),
            rtcp: source.rtcp.and_then(|window| u32::try_from(window.highest()).ok()),
        })
    }

    /// Checks and decrypts an RTP packet in place; returns how long it is without what was added.
    pub fn unprotect_rtp(&mut self, wire: &mut [u8]) -> Result<usize, SrtpError> {
        let header = header_len(wire).ok_or(SrtpError::TooShort)?;
        let fixed = wire.first_chunk::<{ crate::HEADER_LEN }>().ok_or(SrtpError::TooShort)?;
        let [_, _, q0, q1, .., r0, r1, r2, r3] = *fixed;
        let (sequence, ssrc) = (u16::from_be_bytes([q0, q1]), Ssrc(u32::from_be_bytes([r0, r1, r2, r3])));
        let window = self.source(ssrc).and_then(|source| source.rtp);
        let index = match window {
            Some(window) => {
                let index = estimate(window.highest(), sequence).ok_or(SrtpError::TooOld)?;
                window.check(index)?;
                index
            }
            None => sequence.into(),
        };
        let len = self.rtp.open_rtp(Place { ssrc, index }, wire, header, &self.mki)?;
        note(&mut self.source_or_new(ssrc)?.rtp, index);
        Ok(len)
    }

    /// Checks and decrypts a compound RTCP packet in place; returns how long it is without what was added. One that is
    /// authenticated alone is taken, as RFC 3711 §3.4 leaves to each packet.
    pub fn unprotect_rtcp(&mut self, wire: &mut [u8]) -> Result<usize, SrtpError> {
        let from = wire.get(4..RTCP_HEADER).and_then(|octets| octets.first_chunk());
        let ssrc = from.map(|octets| Ssrc(u32::from_be_bytes(*octets))).ok_or(SrtpError::TooShort)?;
        let word = self.rtcp.index_word(wire, &self.mki)?;
        let index = u64::from(word & !ENCRYPTED);
        if let Some(window) = self.source(ssrc).and_then(|source| source.rtcp) {
            window.check(index)?;
        }
        let len = self.rtcp.open_rtcp(Place { ssrc, index }, wire, word, &self.mki)?;
        note(&mut self.source_or_new(ssrc)?.rtcp, index);
        Ok(len)
    }

    fn source(&self, ssrc: Ssrc) -> Option<&Source> {
        self.sources.iter().find(|source| source.ssrc == ssrc)
    }

    fn source_or_new(&mut self, ssrc: Ssrc) -> Result<&mut Source, SrtpError> {
        let known = self.sources.iter().position(|source| source.ssrc == ssrc);
        let at = known.unwrap_or(self.sources.len());
        if at == MAX_SOURCES {
            return Err(SrtpError::WrongSource);
        }
        if known.is_none() {
            self.sources.push(Source { ssrc, rtp: None, rtcp: None });
        }
        self.sources.get_mut(at).ok_or(SrtpError::WrongSource)
    }
}

fn note(window: &mut Option<Window>, index: u64) {
    match window {
        Some(window) => window.note(index),
        None => *window = Some(Window::beginning_at(index)),
    }
}

#[cfg(test)]
impl Inbound {
    pub(super) const fn of(rtp: Transform, rtcp: Transform) -> Self {
        Self { rtp, rtcp, mki: Vec::new(), sources: Vec::new() }
    }
}
