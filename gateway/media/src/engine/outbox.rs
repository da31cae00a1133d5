//! What an engine wants done, with the bytes of its datagrams in one stretch of memory.

use std::{collections::VecDeque, net::SocketAddr, ops::Range};

use rtp::{HEADER_LEN, Header, write_header};
use terms::{WorkerId, media::Report};

use super::{Between, Channel, Output, Reading, SlotId};
use crate::srtp::Srtp;

#[derive(Debug)]
enum Queued {
    Bind { slot: SlotId, rtp: SocketAddr, rtcp: SocketAddr },
    Read { slot: SlotId, reading: Reading },
    Transmit { slot: SlotId, channel: Channel, destination: SocketAddr, bytes: Range<usize> },
    Peer { to: WorkerId, message: Between },
    Report(Report),
}

/// Filled while one input is handled, drained before the next; its memory stays.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Queued>,
    bytes: Vec<u8>,
}

impl Outbox {
    pub(crate) fn bind(&mut self, slot: SlotId, rtp: SocketAddr, rtcp: SocketAddr) {
        self.queue.push_back(Queued::Bind { slot, rtp, rtcp });
    }

    pub(crate) fn read(&mut self, slot: SlotId, reading: Reading) {
        self.queue.push_back(Queued::Read { slot, reading });
    }

    pub(crate) fn peer(&mut self, to: WorkerId, message: Between) {
        self.queue.push_back(Queued::Peer { to, message });
    }

    pub(crate) fn report(&mut self, report: Report) {
        self.queue.push_back(Queued::Report(report));
    }

    /// A packet that can't be encrypted is not sent.
    pub(crate) fn rtp(
        &mut self,
        (slot, destination): (SlotId, SocketAddr),
        (header, payload): (&Header, &[u8]),
        srtp: Option<&mut Srtp>,
    ) {
        let begin = self.bytes.len();
        self.bytes.resize(begin + HEADER_LEN, 0);
        write_header(&mut self.bytes[begin..], header);
        self.bytes.extend_from_slice(payload);
        if srtp.is_none_or(|srtp| srtp.protect_rtp(&mut self.bytes, begin).is_ok()) {
            self.transmit((slot, destination), Channel::Rtp, begin);
        }
    }

    /// A packet that can't be encrypted is not sent.
    pub(crate) fn rtcp(
        &mut self,
        slot: SlotId,
        (channel, destination): (Channel, SocketAddr),
        packet: &[u8],
        srtp: Option<&mut Srtp>,
    ) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        if srtp.is_none_or(|srtp| srtp.protect_rtcp(&mut self.bytes, begin).is_ok()) {
            self.transmit((slot, destination), channel, begin);
        }
    }

    /// A record of a handshake, or the answer to a check.
    pub(crate) fn datagram(
        &mut self,
        slot: SlotId,
        (channel, destination): (Channel, SocketAddr),
        record: &[u8],
    ) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.transmit((slot, destination), channel, begin);
    }

    fn transmit(&mut self, (slot, destination): (SlotId, SocketAddr), channel: Channel, begin: usize) {
        let bytes = begin..self.bytes.len();
        self.queue.push_back(Queued::Transmit { slot, channel, destination, bytes });
    }

    pub(crate) fn poll(&mut self) -> Option<Output<'_>> {
        match self.queue.pop_front() {
            Some(Queued::Bind { slot, rtp, rtcp }) => Some(Output::Bind { slot, rtp, rtcp }),
            Some(Queued::Read { slot, reading }) => Some(Output::Read { slot, reading }),
            Some(Queued::Transmit { slot, channel, destination, bytes }) => {
                Some(Output::Transmit { slot, channel, destination, bytes: &self.bytes[bytes] })
            }
            Some(Queued::Peer { to, message }) => Some(Output::Peer { to, message }),
            Some(Queued::Report(report)) => Some(Output::Report(report)),
            None => {
                self.bytes.clear();
                None
            }
        }
    }
}
