//! RTCP (RFC 3550 §6): reports of what was sent and received.

mod ntp;

use core::time::Duration;

use terms::media::Ssrc;
use thiserror::Error;

pub use ntp::{CompactNtp, Ntp};

use crate::packet::Timestamp;

/// RFC 3550 §6.4.1: what a sender says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was sent.
    pub ntp: Ntp,
    /// The same moment on the stream's clock.
    pub timestamp: Timestamp,
    /// Packets sent so far.
    pub packets: u32,
    /// Payload octets sent so far.
    pub octets: u32,
}

/// RFC 3550 §6.4.1: what a receiver says of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// Of whom.
    pub ssrc: Ssrc,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost in all; negative when duplicates came.
    pub cumulative_lost: i32,
    /// Highest sequence number with its cycles.
    pub highest_sequence: u32,
    /// Interarrival jitter, in timestamp units.
    pub jitter: u32,
    /// The last sender report's stamp; zero if none came.
    pub last_report: CompactNtp,
    /// How long ago that came.
    pub delay: CompactNtp,
}

/// One thing that a compound packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// RFC 3550 §6.4.1.
    SenderReport {
        /// Who reports.
        from: Ssrc,
        /// Of itself.
        info: SenderInfo,
        /// Of those it hears.
        blocks: Vec<ReportBlock>,
    },
    /// RFC 3550 §6.4.2.
    ReceiverReport {
        /// Who reports.
        from: Ssrc,
        /// Of those it hears.
        blocks: Vec<ReportBlock>,
    },
    /// RFC 3550 §6.5.1.
    Cname {
        /// Who.
        of: Ssrc,
        /// Its name.
        cname: String,
    },
    /// RFC 3550 §6.6.
    Bye {
        /// Who leaves.
        sources: Vec<Ssrc>,
    },
}

/// The datagram is no RTCP; it is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RtcpError {
    /// RFC 3550 §A.2.
    #[error("malformed RTCP")]
    Malformed,
    /// The buffer to write to is too short, or the report has more than it may.
    #[error("the RTCP report doesn't fit")]
    DoesNotFit,
}

/// Reads a compound packet. Packets of other kinds (feedback, extended reports, unknown ones) are
/// passed over.
pub fn parse(datagram: &[u8]) -> Result<Vec<Item>, RtcpError> {
    let _ = datagram;
    Err(RtcpError::Malformed)
}

/// A compound packet that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    /// Ourselves.
    pub ssrc: Ssrc,
    /// Of us, if we have sent since the last report: then it is a sender report.
    pub sender: Option<SenderInfo>,
    /// Of those we hear, 31 at most.
    pub blocks: &'a [ReportBlock],
    /// RFC 7022: our name, the same in all our streams of a call.
    pub cname: &'a str,
    /// We leave with this report (RFC 3550 §6.6).
    pub bye: bool,
}

/// Writes a compound packet and returns its length.
pub fn write(out: &mut [u8], report: &Report<'_>) -> Result<usize, RtcpError> {
    let _ = (out, report);
    Err(RtcpError::DoesNotFit)
}

/// RFC 3550 §6.4.1: the round trip that a report block about us tells; none, if it refers to no
/// report of ours or the clocks disagree.
pub fn round_trip(arrival: Ntp, block: &ReportBlock) -> Option<Duration> {
    let _ = (arrival, block);
    None
}

/// RFC 3550 §6.2, §6.3.1: how long until the next report, drawn by `random` (uniform over u32).
pub fn interval(random: u32) -> Duration {
    let _ = random;
    Duration::from_secs(5)
}
