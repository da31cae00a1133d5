//! Datagrams that leave from ports to which no socket is bound: written with their headers, and sent several by one call.

use std::{
    fmt, io, mem,
    net::{IpAddr, SocketAddr},
    ops::Range,
    os::fd::AsRawFd as _,
    ptr,
};

use etherparse::{IpDscp, IpNumber, Ipv4Header, Ipv6Header, UdpHeader};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use terms::Dscp;

use super::{Sent, option};

/// Datagrams by one call.
const MANY: usize = 64;
/// What leaves in one tick of a full worker, and more.
const ROOM: libc::c_int = 8 * 1024 * 1024;
/// As the kernel's own datagrams have it.
const HOPS: u8 = 64;

struct Ready {
    destination: SockAddr,
    bytes: Range<usize>,
}

/// The way out of an address, from any of its ports.
pub(super) struct Outgoing {
    socket: Socket,
    source: IpAddr,
    dscp: IpDscp,
    bytes: Vec<u8>,
    ready: Vec<Ready>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: the pointers in `vectors` and `headers` are read within the call that has written them.
#[expect(
    unsafe_code,
    reason = "the kernel's structures hold pointers; their memory is kept from call to call"
)]
unsafe impl Send for Outgoing {}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Outgoing {
    /// From `source`, which is an address of this machine.
    pub(super) fn open(source: IpAddr, dscp: Dscp) -> io::Result<Self> {
        let any_port = SocketAddr::new(source, 0);
        // RFC 791 has no such protocol: nothing comes in by it, and what goes out brings its own header.
        let protocol = Protocol::from(libc::IPPROTO_RAW);
        let socket = Socket::new(Domain::for_address(any_port), Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        socket.bind(&any_port.into())?;
        option::make_room(&socket, ROOM)?;
        Ok(Self {
            socket,
            source,
            dscp: IpDscp::try_new(dscp.value()).map_err(io::Error::other)?,
            bytes: Vec::new(),
            ready: Vec::with_capacity(MANY),
            vectors: Vec::with_capacity(MANY),
            headers: Vec::with_capacity(MANY),
        })
    }

    pub(super) const fn is_full(&self) -> bool {
        self.ready.len() >= MANY
    }

    /// To be sent with the next [`flush`](Self::flush).
    pub(super) fn push(&mut self, port: u16, destination: SocketAddr, payload: &[u8]) -> io::Result<()> {
        let begin = self.bytes.len();
        self.write_headers(port, destination, payload).inspect_err(|_| self.bytes.truncate(begin))?;
        self.bytes.extend_from_slice(payload);
        let mut unnamed = destination;
        // raw(7), ipv6(7): a port here would be taken for a protocol.
        unnamed.set_port(0);
        self.ready.push(Ready { destination: unnamed.into(), bytes: begin..self.bytes.len() });
        Ok(())
    }

    fn write_headers(&mut self, port: u16, destination: SocketAddr, payload: &[u8]) -> io::Result<()> {
        let length = u16::try_from(UdpHeader::LEN + payload.len()).map_err(io::Error::other)?;
        match (self.source, destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(to)) => {
                let mut ip = Ipv4Header::new(length, HOPS, IpNumber::UDP, source.octets(), to.octets())
                    .map_err(io::Error::other)?;
                // The kernel writes identification and checksum (raw(7)).
                (ip.dscp, ip.dont_fragment) = (self.dscp, true);
                let udp = UdpHeader::with_ipv4_checksum(port, destination.port(), &ip, payload)
                    .map_err(io::Error::other)?;
                self.bytes.extend_from_slice(&ip.to_bytes());
                self.bytes.extend_from_slice(&udp.to_bytes());
            }
            (IpAddr::V6(source), IpAddr::V6(to)) => {
                let mut ip = Ipv6Header {
                    payload_length: length,
                    next_header: IpNumber::UDP,
                    hop_limit: HOPS,
                    source: source.octets(),
                    destination: to.octets(),
                    ..Ipv6Header::default()
                };
                ip.set_dscp(self.dscp);
                let udp = UdpHeader::with_ipv6_checksum(port, destination.port(), &ip, payload)
                    .map_err(io::Error::other)?;
                self.bytes.extend_from_slice(&ip.to_bytes());
                self.bytes.extend_from_slice(&udp.to_bytes());
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                return Err(io::ErrorKind::AddrNotAvailable.into());
            }
        }
        Ok(())
    }

    /// Sends what is ready, without waiting.
    pub(super) fn flush(&mut self) -> Sent {
        let mut sent = Sent::default();
        self.describe();
        let mut done = 0;
        while let Some(rest) = self.headers.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match send_many(&self.socket, rest) {
                Some(count) => {
                    sent.taken += count as u64;
                    done += count;
                }
                // The first of them is refused; those behind it are not known to be.
                None => {
                    sent.failed += 1;
                    done += 1;
                }
            }
        }
        self.ready.clear();
        self.bytes.clear();
        sent
    }

    /// Fills `headers` with what is ready.
    #[expect(unsafe_code, reason = "the kernel's structures are empty when they are zero")]
    fn describe(&mut self) {
        self.vectors.clear();
        self.headers.clear();
        for ready in &self.ready {
            let bytes = &mut self.bytes[ready.bytes.clone()];
            self.vectors.push(libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() });
        }
        for (ready, vector) in self.ready.iter().zip(&mut self.vectors) {
            // SAFETY: a plain C structure of integers and pointers, for which zero is a value.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_name = ready.destination.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = ready.destination.len();
            header.msg_hdr.msg_iov = ptr::from_mut(vector);
            header.msg_hdr.msg_iovlen = 1;
            self.headers.push(header);
        }
    }
}

/// How many the kernel took of those, or none if it refused the first.
#[expect(unsafe_code, reason = "neither std nor socket2 sends several datagrams")]
fn send_many(socket: &Socket, headers: &mut [libc::mmsghdr]) -> Option<usize> {
    let count = libc::c_uint::try_from(headers.len()).unwrap_or(libc::c_uint::MAX);
    // SAFETY: the descriptor is open as long as `socket` is borrowed; each header names a destination and a vector, and
    // that its bytes, which their owner has not touched since it wrote the header.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT) };
    usize::try_from(sent).ok().filter(|sent| *sent > 0)
}
