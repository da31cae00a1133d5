//! RTCP (RFC 3550 §6): reports of what was sent and received.

mod ntp;

use core::time::Duration;

use rtcp_types::{
    Bye, Compound, ReceiverReport, RtcpPacket, RtcpPacketParser, RtcpPacketWriterExt, RtcpWriteError, Sdes,
    SdesChunk, SdesItem, SenderReport,
};
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

/// What a compound packet may hold; the rest of it is passed over.
const MAX_ITEMS: usize = 64;
/// RFC 3550 §6.2: the shortest mean time between reports.
const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// Octets of a packet's common header (RFC 3550 §6.4.1).
const HEADER_LEN: usize = 4;

/// Reads a compound packet. Packets of other kinds (feedback, extended reports, unknown ones) are
/// passed over, and so is one that is malformed inside: its neighbours count all the same.
///
/// Deviation: a compound packet need not begin with a report (RFC 5506, reduced size).
pub fn parse(datagram: &[u8]) -> Result<Vec<Item>, RtcpError> {
    let mut items = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() && items.len() < MAX_ITEMS {
        let (packet, tail) = split(rest).ok_or(RtcpError::Malformed)?;
        read(packet, &mut items);
        rest = tail;
    }
    if datagram.is_empty() { Err(RtcpError::Malformed) } else { Ok(items) }
}

/// RFC 3550 §A.2: the first packet and what follows it.
fn split(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first, _, l0, l1, ..] = datagram else { return None };
    if first >> 6 != 2 {
        return None;
    }
    let words = usize::from(u16::from_be_bytes([*l0, *l1]));
    datagram.split_at_checked(HEADER_LEN + 4 * words)
}

fn read(packet: &[u8], items: &mut Vec<Item>) {
    match packet.get(1).copied() {
        Some(SenderReport::PACKET_TYPE) => items.extend(SenderReport::parse(packet).ok().map(|report| {
            let info = SenderInfo {
                ntp: Ntp(report.ntp_timestamp()),
                timestamp: Timestamp(report.rtp_timestamp()),
                packets: report.packet_count(),
                octets: report.octet_count(),
            };
            let blocks = report.report_blocks().map(ReportBlock::from).collect();
            Item::SenderReport { from: Ssrc(report.ssrc()), info, blocks }
        })),
        Some(ReceiverReport::PACKET_TYPE) => items.extend(ReceiverReport::parse(packet).ok().map(|report| {
            let blocks = report.report_blocks().map(ReportBlock::from).collect();
            Item::ReceiverReport { from: Ssrc(report.ssrc()), blocks }
        })),
        Some(Sdes::PACKET_TYPE) => read_names(packet, items),
        Some(Bye::PACKET_TYPE) => items.extend(
            Bye::parse(packet).ok().map(|bye| Item::Bye { sources: bye.ssrcs().map(Ssrc).collect() }),
        ),
        _ => {}
    }
}

fn read_names(packet: &[u8], items: &mut Vec<Item>) {
    let Ok(sdes) = Sdes::parse(packet) else { return };
    for chunk in sdes.chunks() {
        let cname = chunk.items().find(|item| item.type_() == SdesItem::CNAME);
        items.extend(cname.map(|item| Item::Cname {
            of: Ssrc(chunk.ssrc()),
            cname: String::from_utf8_lossy(item.value()).into_owned(),
        }));
    }
    items.truncate(MAX_ITEMS);
}

impl From<rtcp_types::ReportBlock<'_>> for ReportBlock {
    fn from(block: rtcp_types::ReportBlock<'_>) -> Self {
        Self {
            ssrc: Ssrc(block.ssrc()),
            fraction_lost: block.fraction_lost(),
            // RFC 3550 §6.4.1: 24 bits, signed.
            cumulative_lost: (block.cumulative_lost() << 8).cast_signed() >> 8,
            highest_sequence: block.extended_sequence_number(),
            jitter: block.interarrival_jitter(),
            last_report: CompactNtp(block.last_sender_report_timestamp()),
            delay: CompactNtp(block.delay_since_last_sender_report_timestamp()),
        }
    }
}

impl ReportBlock {
    fn to_builder(self) -> rtcp_types::ReportBlockBuilder {
        rtcp_types::ReportBlock::builder(self.ssrc.0)
            .fraction_lost(self.fraction_lost)
            .cumulative_lost(self.cumulative_lost.cast_unsigned() & 0xff_ffff)
            .extended_sequence_number(self.highest_sequence)
            .interarrival_jitter(self.jitter)
            .last_sender_report_timestamp(self.last_report.0)
            .delay_since_last_sender_report_timestamp(self.delay.0)
    }
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
    let blocks = report.blocks.iter().map(|block| block.to_builder());
    let compound = match report.sender {
        Some(info) => {
            let builder = SenderReport::builder(report.ssrc.0)
                .ntp_timestamp(info.ntp.0)
                .rtp_timestamp(info.timestamp.0)
                .packet_count(info.packets)
                .octet_count(info.octets);
            Compound::builder()
                .add_packet(blocks.fold(builder, |builder, block| builder.add_report_block(block)))
        }
        None => {
            let builder = ReceiverReport::builder(report.ssrc.0);
            Compound::builder()
                .add_packet(blocks.fold(builder, |builder, block| builder.add_report_block(block)))
        }
    };
    let cname = SdesItem::builder(SdesItem::CNAME, report.cname);
    let chunk = SdesChunk::builder(report.ssrc.0).add_item(cname);
    let compound = compound.add_packet(Sdes::builder().add_chunk(chunk));
    let compound =
        if report.bye { compound.add_packet(Bye::builder().add_source(report.ssrc.0)) } else { compound };
    compound.write_into(out).map_err(|_: RtcpWriteError| RtcpError::DoesNotFit)
}

/// RFC 3550 §6.4.1: the round trip that a report block about us tells; none, if it refers to no
/// report of ours or the clocks disagree.
///
/// Many ends count their delay in whole milliseconds or in ticks of their system, so that a short
/// way comes out a little below nothing: that is a way of no length.
pub fn round_trip(arrival: Ntp, block: &ReportBlock) -> Option<Duration> {
    if block.last_report == CompactNtp::NONE {
        return None;
    }
    let since_report = arrival.compact().0.wrapping_sub(block.last_report.0);
    // The stamps wrap after 18 hours: what is beyond half of that is a time before our report.
    let round_trip = since_report.wrapping_sub(block.delay.0).cast_signed();
    match u32::try_from(round_trip) {
        Ok(units) => Some(CompactNtp(units).as_duration()),
        Err(_) => (CompactNtp(round_trip.unsigned_abs()).as_duration() <= TICK).then_some(Duration::ZERO),
    }
}

/// The coarsest clock that is still common: 100 ticks a second.
const TICK: Duration = Duration::from_millis(10);

/// RFC 3550 §6.2, §6.3.1: how long until the next report, drawn by `random` (uniform over u32).
///
/// In a session of two the bandwidth's share never asks for more than the least interval, so that
/// is the mean: 5 s × [0.5, 1.5) / (e − 1.5).
pub fn interval(random: u32) -> Duration {
    const COMPENSATION: f64 = core::f64::consts::E - 1.5;
    let factor = 0.5 + f64::from(random) / (f64::from(u32::MAX) + 1.0);
    MIN_INTERVAL.mul_f64(factor / COMPENSATION)
}

#[cfg(test)]
mod tests;
