//! Options of sockets that socket2 has no safe way to set.

use std::{io, net::SocketAddr, os::fd::AsRawFd, ptr};

/// Asks the kernel to which port each datagram came (`ip(7)`, `IP_RECVORIGDSTADDR`).
pub(super) fn tell_ports(socket: &impl AsRawFd, address: SocketAddr) -> io::Result<()> {
    let option = match address {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVORIGDSTADDR),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVORIGDSTADDR),
    };
    set(socket, option, 1)
}

/// MEDIA-4: without it Linux keeps ICMP from a socket that isn't connected (`ip(7)`, `IP_RECVERR`).
pub(super) fn tell_unreachable(socket: &impl AsRawFd, address: SocketAddr) -> io::Result<()> {
    let option = match address {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVERR),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    };
    set(socket, option, 1)
}

/// Room for what a socket has to read and to send, in octets, however little the machine allows everybody (`socket(7)`,
/// `SO_RCVBUFFORCE`): who may have the kernel ask a program may have this too.
pub(super) fn make_room(socket: &impl AsRawFd, octets: libc::c_int) -> io::Result<()> {
    set(socket, (libc::SOL_SOCKET, libc::SO_RCVBUFFORCE), octets)?;
    set(socket, (libc::SOL_SOCKET, libc::SO_SNDBUFFORCE), octets)
}

#[expect(unsafe_code, reason = "socket2 has no safe way to set these")]
pub(super) fn set(
    socket: &impl AsRawFd,
    (level, option): (libc::c_int, libc::c_int),
    value: libc::c_int,
) -> io::Result<()> {
    const LENGTH: libc::socklen_t = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and `value` is an integer of the length that is
    // given.
    let set =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(&value).cast(), LENGTH) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
