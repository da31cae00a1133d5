//! Datagrams of one socket, several by one call, each with the time at which the kernel had it.
//!
//! Which is not when it is read: a socket whose port waits for its tick anyway is read at the tick, and jitter is
//! measured all the same.

use std::{
    fmt, io, mem,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::AsRawFd,
    ptr,
};

use terms::WallTime;

/// The longest datagram that is read; longer ones are cut, and then malformed.
const MAX_DATAGRAM: usize = 2_048;
/// Datagrams by one call: one packet of 20 ms a tick is usual, two of 10 ms are, and one that was late.
pub const BATCH: usize = 4;
/// `CMSG_SPACE` of a `timespec`, rounded up.
const CONTROL: usize = 64;

/// A datagram that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// When the kernel had it, where it says so.
    pub came: Option<WallTime>,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// What the kernel aligns its control messages to.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// Room for the datagrams of one call, kept from call to call.
pub struct Batch {
    bytes: Box<[[u8; MAX_DATAGRAM]; BATCH]>,
    names: [libc::sockaddr_storage; BATCH],
    controls: [Control; BATCH],
    headers: [libc::mmsghdr; BATCH],
    received: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("received", &self.received).finish_non_exhaustive()
    }
}

impl Batch {
    /// Room, and nothing in it.
    #[expect(unsafe_code, reason = "the kernel's structures are empty when they are zero")]
    pub fn new() -> Self {
        // SAFETY: each is a plain C structure of integers and pointers, for which zero is a value.
        let (names, headers) = unsafe { (mem::zeroed(), mem::zeroed()) };
        Self {
            bytes: Box::new([[0; MAX_DATAGRAM]; BATCH]),
            names,
            controls: [Control([0; CONTROL]); BATCH],
            headers,
            received: 0,
        }
    }

    /// Reads what waits, as much as there is room for, in place of what was read before. Less than [`BATCH`] means that
    /// no more waits, or that an error does.
    #[expect(unsafe_code, reason = "neither std nor socket2 reads several datagrams, or their time")]
    pub fn receive(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        self.received = 0;
        let mut vectors = self
            .bytes
            .each_mut()
            .map(|bytes| libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: MAX_DATAGRAM });
        for (index, header) in self.headers.iter_mut().enumerate() {
            let header = &mut header.msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.names[index]).cast();
            header.msg_namelen = length_of::<libc::sockaddr_storage>();
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[index].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL;
        }
        let count = self.headers.len() as libc::c_uint;
        // SAFETY: the descriptor is open as long as `socket` is borrowed; each header names memory of `self` or
        // `vectors` with its true length, all of which outlives the call, and nothing else refers to it meanwhile.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        self.received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok(self.received)
    }

    /// What was read, in order.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        (0..self.received).filter_map(|index| self.get(index))
    }

    /// One of what was read, unless its sender has no address to be answered at.
    fn get(&self, index: usize) -> Option<Datagram<'_>> {
        let header = self.headers[..self.received].get(index)?;
        let length = usize::try_from(header.msg_len).ok()?;
        Some(Datagram {
            source: address_of(&self.names[index])?,
            came: time_of(&self.controls[index].0, header.msg_hdr.msg_controllen),
            bytes: self.bytes[index].get(..length)?,
        })
    }
}

/// Asks the kernel for the time of each datagram (`socket(7)`, `SO_TIMESTAMPNS`).
#[expect(unsafe_code, reason = "socket2 has no safe way to set SO_TIMESTAMPNS")]
pub fn tell_times(socket: &impl AsRawFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and `on` is an integer of the length that is
    // given.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            ptr::from_ref(&on).cast(),
            length_of::<libc::c_int>(),
        )
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[expect(clippy::cast_possible_truncation, reason = "sizes of small structures")]
const fn length_of<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

#[expect(unsafe_code, reason = "the kernel says by the family which structure it has written")]
fn address_of(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: `sockaddr_storage` is large enough and aligned for each, and that is what the family says.
            let name = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
            let address = Ipv4Addr::from_bits(u32::from_be(name.sin_addr.s_addr));
            Some(SocketAddrV4::new(address, u16::from_be(name.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let name = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
            let address = Ipv6Addr::from(name.sin6_addr.s6_addr);
            let port = u16::from_be(name.sin6_port);
            Some(SocketAddrV6::new(address, port, name.sin6_flowinfo, name.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// The one control message that was asked for: length, level and type, then seconds and nanoseconds (`cmsg(3)`).
fn time_of(control: &[u8], length: usize) -> Option<WallTime> {
    const WORD: usize = size_of::<usize>();
    const KIND: usize = size_of::<libc::c_int>();
    let (control, _) = control.split_at_checked(length)?;
    let (_, rest) = control.split_at_checked(WORD)?;
    let (level, rest) = rest.split_first_chunk::<KIND>()?;
    let (kind, rest) = rest.split_first_chunk::<KIND>()?;
    let is_time = libc::c_int::from_ne_bytes(*level) == libc::SOL_SOCKET
        && libc::c_int::from_ne_bytes(*kind) == libc::SCM_TIMESTAMPNS;
    let (seconds, rest) = rest.split_first_chunk::<8>().filter(|_| is_time)?;
    let (nanos, _) = rest.split_first_chunk::<8>()?;
    let nanos = u64::try_from(i64::from_ne_bytes(*nanos)).ok()?;
    let seconds = u64::try_from(i64::from_ne_bytes(*seconds)).ok()?;
    Some(WallTime::from_unix_nanos(seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?))
}

#[cfg(test)]
mod tests {
    use std::{
        net::UdpSocket,
        thread,
        time::{Duration, SystemTime},
    };

    use super::*;

    fn unix_nanos() -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        u64::try_from(now.as_nanos()).expect("before 2554")
    }

    /// The kernel begins to take times a little after the first socket has asked for them; until then it tells when a
    /// datagram was read.
    fn await_times(here: &UdpSocket, peer: &UdpSocket, batch: &mut Batch) {
        for _ in 0..500 {
            peer.send_to(b"0", here.local_addr().expect("bound")).expect("sends");
            let after = unix_nanos();
            thread::sleep(Duration::from_millis(2));
            assert_eq!(batch.receive(here).expect("reads"), 1);
            let came = batch.datagrams().find_map(|datagram| datagram.came).expect("asked for");
            if came.as_unix_nanos() <= after {
                return;
            }
        }
        unreachable!("a second is long enough for the kernel");
    }

    #[test]
    fn datagrams_come_in_order_with_sender_and_time_and_cost_one_call() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(here) = UdpSocket::bind(address) else {
                assert!(address.starts_with('['), "the loopback interface has an address");
                continue;
            };
            tell_times(&here).expect("a setting of every socket");
            let peer = UdpSocket::bind(address).expect("as above");
            let mut batch = Batch::new();
            let nothing = batch.receive(&here).expect_err("nothing came");
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            await_times(&here, &peer, &mut batch);
            let before = unix_nanos();
            for text in ["1", "2", "", "4", "5"] {
                peer.send_to(text.as_bytes(), here.local_addr().expect("bound")).expect("sends");
            }
            let after = unix_nanos();
            thread::sleep(Duration::from_millis(5));
            assert_eq!(batch.receive(&here).expect("reads"), BATCH);
            let came: Vec<Datagram<'_>> = batch.datagrams().collect();
            assert_eq!(
                came.iter().map(|datagram| datagram.bytes).collect::<Vec<_>>(),
                [&b"1"[..], b"2", b"", b"4"]
            );
            for datagram in came {
                assert_eq!(datagram.source, peer.local_addr().expect("bound"));
                let time = datagram.came.expect("asked for").as_unix_nanos();
                assert!((before..=after).contains(&time), "{before} {time} {after}");
            }
            assert_eq!(batch.receive(&here).expect("reads"), 1);
            assert_eq!(batch.get(0).map(|datagram| datagram.bytes), Some(&b"5"[..]));
            assert_eq!(batch.get(1), None);
        }
    }

    #[test]
    fn a_datagram_that_is_too_long_is_cut() {
        let (here, peer) = (UdpSocket::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0"));
        let (here, peer) = (here.expect("loopback"), peer.expect("loopback"));
        peer.send_to(&[7; 3_000], here.local_addr().expect("bound")).expect("sends");
        let mut batch = Batch::new();
        assert_eq!(batch.receive(&here).expect("reads"), 1);
        let datagram = batch.get(0).expect("read");
        assert_eq!((datagram.bytes.len(), datagram.came), (MAX_DATAGRAM, None));
    }

    #[test]
    fn a_control_message_of_another_kind_tells_no_time() {
        assert_eq!(time_of(&[0; CONTROL], 32), None);
        assert_eq!(time_of(&[0; CONTROL], 0), None);
        assert_eq!(time_of(&[0; CONTROL], CONTROL + 1), None);
    }
}
