//! What is known of a stream that comes in (RFC 3550 §A.1, §A.3, §A.8).

use terms::{Instant, media::Ssrc};

use crate::{
    packet::Header,
    rtcp::{ReportBlock, SenderInfo},
};

/// What a packet was to its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// One of the stream.
    Valid,
    /// RFC 3550 §A.1: the source is not yet known to be one. It may be played; it isn't counted.
    Probation,
    /// RFC 3550 §A.1: the sequence jumped; it is dropped unless the next follows it.
    Jumped,
    /// The sender began anew, under this or another source; the totals go on.
    Restarted,
}

/// Counts what is received from one peer, through restarts and changes of source.
#[derive(Debug, Clone)]
pub struct Reception {
    clock_hz: u32,
}

impl Reception {
    /// Nothing received yet; RTP timestamps run at `clock_hz`.
    pub fn new(clock_hz: u32) -> Self {
        Self { clock_hz }
    }

    /// Takes note of a packet.
    pub fn receive(&mut self, arrival: Instant, header: &Header) -> Received {
        let _ = (arrival, header);
        Received::Valid
    }

    /// Takes note of a sender report, which the next report block refers to.
    pub fn on_sender_report(&mut self, arrival: Instant, ssrc: Ssrc, info: &SenderInfo) {
        let _ = (arrival, ssrc, info);
    }

    /// RFC 3550 §6.4.1: what the next RTCP report says of the source; begins the next interval.
    pub fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let _ = now;
        None
    }

    /// Who sends, once known.
    pub fn source(&self) -> Option<Ssrc> {
        None
    }

    /// Packets received, over the whole call.
    pub fn packets_received(&self) -> u64 {
        0
    }

    /// RFC 3550 §A.3: packets expected less packets received, over the whole call.
    pub fn packets_lost(&self) -> u64 {
        0
    }

    /// RFC 3550 §A.8, in milliseconds.
    pub fn jitter_ms(&self) -> f32 {
        let _ = self.clock_hz;
        0.0
    }
}
