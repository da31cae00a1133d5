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
/// Datagrams by one call of a pair's socket: one packet of 20 ms a tick is usual, two of 10 ms are, and one that was late.
pub const BATCH: usize = 4;
/// `CMSG_SPACE` of a `timespec` and a `sockaddr_in6`, rounded up.
const CONTROL: usize = 96;

/// A datagram that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// To which port, where the socket tells it.
    pub to: Option<u16>,
    /// When the kernel had it, where the socket [tells it](tell_times).
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
    bytes: Box<[[u8; MAX_DATAGRAM]]>,
    names: Box<[libc::sockaddr_storage]>,
    controls: Box<[Control]>,
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
    received: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self::of(BATCH)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("received", &self.received).finish_non_exhaustive()
    }
}

impl Batch {
    /// Room for so many, and nothing in it.
    #[expect(unsafe_code, reason = "the kernel's structures are empty when they are zero")]
    pub fn of(count: usize) -> Self {
        // SAFETY: each is a plain C structure of integers and pointers, for which zero is a value.
        let (name, vector, header): (libc::sockaddr_storage, libc::iovec, libc::mmsghdr) =
            unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Self {
            bytes: vec![[0; MAX_DATAGRAM]; count].into(),
            names: vec![name; count].into(),
            controls: vec![Control([0; CONTROL]); count].into(),
            vectors: vec![vector; count].into(),
            headers: vec![header; count].into(),
            received: 0,
        }
    }

    /// How many one call reads at most.
    pub const fn room(&self) -> usize {
        self.headers.len()
    }

    /// Reads what waits, as much as there is room for, in place of what was read before. Less than
    /// [that](Self::room) means that no more waits, or that an error does.
    #[expect(unsafe_code, reason = "neither std nor socket2 reads several datagrams, or their time")]
    pub fn receive(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        // The kernel has written over those of the last call alone.
        for index in 0..self.received {
            self.make_room(index);
        }
        if self.headers.first().is_some_and(|header| header.msg_hdr.msg_iovlen == 0) {
            (0..self.room()).for_each(|index| self.make_room(index));
        }
        self.received = 0;
        let count = self.headers.len() as libc::c_uint;
        // SAFETY: the descriptor is open as long as `socket` is borrowed; each header names memory of `self` with its
        // true length, in boxes that stay where they are as long as it does, and nothing else refers to it meanwhile.
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

    fn make_room(&mut self, index: usize) {
        self.vectors[index] =
            libc::iovec { iov_base: self.bytes[index].as_mut_ptr().cast(), iov_len: MAX_DATAGRAM };
        let header = &mut self.headers[index].msg_hdr;
        header.msg_name = ptr::from_mut(&mut self.names[index]).cast();
        header.msg_namelen = length_of::<libc::sockaddr_storage>();
        header.msg_iov = &raw mut self.vectors[index];
        header.msg_iovlen = 1;
        header.msg_control = self.controls[index].0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL;
    }

    /// What was read, in order.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        (0..self.received).filter_map(|index| self.get(index))
    }

    /// One of what was read, unless its sender has no address to be answered at.
    fn get(&self, index: usize) -> Option<Datagram<'_>> {
        let header = self.headers[..self.received].get(index)?;
        let length = usize::try_from(header.msg_len).ok()?;
        let told = Told::of(self.controls[index].0.get(..header.msg_hdr.msg_controllen)?);
        Some(Datagram {
            source: address_of(&self.names[index])?,
            to: told.to,
            came: told.came,
            bytes: self.bytes[index].get(..length)?,
        })
    }
}

/// Asks the kernel for the time of each datagram (`socket(7)`, `SO_TIMESTAMPNS`).
pub fn tell_times(socket: &impl AsRawFd) -> io::Result<()> {
    super::option::set(socket, (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS), 1)
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

/// What the control messages of a datagram tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Told {
    came: Option<WallTime>,
    to: Option<u16>,
}

impl Told {
    /// Each is its length, level and type, then what it says, up to the next word (`cmsg(3)`).
    fn of(mut control: &[u8]) -> Self {
        const WORD: usize = size_of::<usize>();
        const KIND: usize = size_of::<libc::c_int>();
        let mut told = Self::default();
        while let Some((length, rest)) = control.split_first_chunk::<WORD>()
            && let Some((level, rest)) = rest.split_first_chunk::<KIND>()
            && let Some((kind, rest)) = rest.split_first_chunk::<KIND>()
            && let Some(says) = usize::from_ne_bytes(*length)
                .checked_sub(WORD + 2 * KIND)
                .and_then(|length| rest.get(..length))
        {
            match (libc::c_int::from_ne_bytes(*level), libc::c_int::from_ne_bytes(*kind)) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => told.came = time_of(says),
                // Of both families the structure begins with two octets of the family, then the port.
                (libc::IPPROTO_IP, libc::IP_ORIGDSTADDR) | (libc::IPPROTO_IPV6, libc::IPV6_ORIGDSTADDR) => {
                    told.to = says.get(2..4).and_then(|port| port.try_into().ok()).map(u16::from_be_bytes);
                }
                _ => {}
            }
            control = rest.get(says.len().next_multiple_of(WORD)..).unwrap_or_default();
        }
        told
    }
}

/// Seconds and nanoseconds.
fn time_of(says: &[u8]) -> Option<WallTime> {
    let (seconds, rest) = says.split_first_chunk::<8>()?;
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

    use super::{super::option, *};

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
            let mut batch = Batch::default();
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
        let mut batch = Batch::default();
        assert_eq!(batch.receive(&here).expect("reads"), 1);
        let datagram = batch.get(0).expect("read");
        assert_eq!((datagram.bytes.len(), datagram.came), (MAX_DATAGRAM, None));
    }

    #[test]
    fn a_socket_that_tells_ports_tells_that_to_which_each_came() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(here) = UdpSocket::bind(address) else {
                assert!(address.starts_with('['), "the loopback interface has an address");
                continue;
            };
            let bound = here.local_addr().expect("bound");
            tell_times(&here)
                .and_then(|()| option::tell_ports(&here, bound))
                .expect("settings of every socket");
            let peer = UdpSocket::bind(address).expect("as above");
            peer.send_to(b"1", bound).expect("sends");
            let mut batch = Batch::of(2);
            assert_eq!(batch.receive(&here).expect("reads"), 1);
            let datagram = batch.get(0).expect("read");
            assert_eq!((datagram.to, datagram.came.is_some()), (Some(bound.port()), true));
        }
    }

    #[test]
    fn control_messages_of_another_kind_or_cut_short_tell_nothing() {
        let mut message = [0_u8; 32];
        message[..8].copy_from_slice(&32_usize.to_ne_bytes());
        assert_eq!(Told::of(&message), Told::default());
        message[8..12].copy_from_slice(&libc::SOL_SOCKET.to_ne_bytes());
        message[12..16].copy_from_slice(&libc::SCM_TIMESTAMPNS.to_ne_bytes());
        assert_eq!(Told::of(&message).came, Some(WallTime::from_unix_nanos(0)));
        for cut in 0..32 {
            assert_eq!(Told::of(&message[..cut]), Told::default());
        }
        message[..8].copy_from_slice(&usize::MAX.to_ne_bytes());
        assert_eq!(Told::of(&message), Told::default());
    }
}
