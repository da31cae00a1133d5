//! One socket for all pairs of a range (`media.sockets = "shared"`).
//!
//! The kernel hands it what comes to any port of the range ([`Lookup`]) and tells for each datagram which port that was; what
//! goes out brings its own headers ([`Outgoing`]), since a socket sends from the port that it is bound to.
//!
//! Deviation: all pairs share one queue, of which a flood to one port takes the room of others. The kernel cuts no datagram up
//! that brings its own header: what is longer than the way's MTU is counted as not sent.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::AsRawFd as _,
};

use mio::{Interest, Registry, net::UdpSocket};
use socket2::{Domain, Protocol, Socket, Type};
use terms::Dscp;

use super::{
    Sent, index,
    lookup::{Lookup, Ports},
    option,
    outgoing::Outgoing,
    tell_times, token_of_range,
};
use crate::{
    engine::{Channel, SlotId},
    range::Range,
};

/// Datagrams that are read by one call.
pub(super) const BATCH: usize = 64;
/// Room for what comes while the worker is at other things: 100 ms of 1,000 calls, with what the kernel needs beside it.
const RECEIVE_BUFFER: libc::c_int = 8 * 1024 * 1024;

/// The sockets of a range.
#[derive(Debug)]
struct Face {
    ports: Ports,
    incoming: UdpSocket,
    outgoing: Outgoing,
    /// Whose each pair is.
    owners: Vec<Option<SlotId>>,
}

/// Where a slot is.
#[derive(Debug, Clone, Copy)]
struct Place {
    range: usize,
    rtp: u16,
    /// Where its RTP went last.
    sent_to: Option<SocketAddr>,
}

#[derive(Debug)]
pub(super) struct Shared {
    faces: Vec<Face>,
    places: Vec<Option<Place>>,
    _lookup: Lookup,
}

impl Shared {
    /// For the ranges of a worker, which nobody else may use.
    pub(super) fn open(ranges: &[Range], dscp: Dscp, registry: &Registry) -> io::Result<Self> {
        let mut faces = ranges.iter().map(|range| Face::open(range, dscp)).collect::<io::Result<Vec<_>>>()?;
        let sockets: Vec<_> = faces.iter().map(|face| (face.ports, face.incoming.as_raw_fd())).collect();
        let lookup = Lookup::attach(&sockets)?;
        for (range, face) in faces.iter_mut().enumerate() {
            registry.register(&mut face.incoming, token_of_range(range), Interest::READABLE)?;
        }
        Ok(Self { faces, places: Vec::new(), _lookup: lookup })
    }

    pub(super) const fn ranges(&self) -> usize {
        self.faces.len()
    }

    pub(super) fn get(&self, range: usize) -> Option<&UdpSocket> {
        self.faces.get(range).map(|face| &face.incoming)
    }

    /// A pair of the range that it is in.
    pub(super) fn bind(&mut self, slot: SlotId, rtp: SocketAddr) -> io::Result<()> {
        let found = self.faces.iter_mut().enumerate().find_map(|(range, face)| {
            face.owners.get_mut(pair_of(face.ports, rtp)?).map(|owner| (range, owner))
        });
        let (range, owner) = found.ok_or(io::ErrorKind::AddrNotAvailable)?;
        *owner = Some(slot);
        let index = index(slot);
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
        }
        self.places[index] = Some(Place { range, rtp: rtp.port(), sent_to: None });
        Ok(())
    }

    pub(super) fn owner(&self, range: usize, port: u16) -> Option<(SlotId, Channel)> {
        let face = self.faces.get(range)?;
        let slot = (*face.owners.get(pair_of(face.ports, (face.ports.address, port).into())?)?)?;
        Some((slot, if port.is_multiple_of(2) { Channel::Rtp } else { Channel::Rtcp }))
    }

    pub(super) fn send(
        &mut self,
        (slot, channel): (SlotId, Channel),
        to: SocketAddr,
        bytes: &[u8],
        sent: &mut Sent,
    ) {
        let place = self.places.get_mut(index(slot)).and_then(Option::as_mut);
        let Some((place, face)) =
            place.and_then(|place| self.faces.get_mut(place.range).map(|face| (place, face)))
        else {
            sent.failed += 1;
            return;
        };
        let port = match channel {
            Channel::Rtp => {
                place.sent_to = Some(to);
                place.rtp
            }
            Channel::Rtcp => place.rtp + 1,
        };
        sent.failed += u64::from(face.outgoing.push(port, to, bytes).is_err());
        if face.outgoing.is_full() {
            face.flush(sent);
        }
    }

    pub(super) fn flush(&mut self, sent: &mut Sent) {
        self.faces.iter_mut().for_each(|face| face.flush(sent));
    }

    /// ICMP's answer to what a socket of many has sent names where it went alone.
    pub(super) fn who_sent_to(&self, range: usize, destination: SocketAddr) -> Option<SlotId> {
        let is_it = |place: &Place| place.range == range && place.sent_to == Some(destination);
        let found = self.places.iter().position(|place| place.as_ref().is_some_and(is_it))?;
        u32::try_from(found).ok().map(SlotId)
    }
}

impl Face {
    fn open(range: &Range, dscp: Dscp) -> io::Result<Self> {
        let ports = Ports { address: range.address, first: range.first, count: 2 * u32::from(range.pairs) };
        Ok(Self {
            ports,
            incoming: bind(range.address, range.first)?,
            outgoing: Outgoing::open(range.address, dscp)?,
            owners: vec![None; range.pairs.into()],
        })
    }

    fn flush(&mut self, sent: &mut Sent) {
        let flushed = self.outgoing.flush();
        sent.taken += flushed.taken;
        sent.failed += flushed.failed;
    }
}

/// Which pair of a range an address is of.
fn pair_of(ports: Ports, address: SocketAddr) -> Option<usize> {
    let port = address.port().checked_sub(ports.first).filter(|_| address.ip() == ports.address)?;
    (u32::from(port) < ports.count).then_some(usize::from(port / 2))
}

/// A socket on the first port of the range, so that no other worker or process takes the range for its own.
fn bind(address: IpAddr, first: u16) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(address, first);
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    option::make_room(&socket, RECEIVE_BUFFER)?;
    option::tell_ports(&socket, address)?;
    option::tell_unreachable(&socket, address)?;
    tell_times(&socket)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

#[cfg(test)]
mod tests;
