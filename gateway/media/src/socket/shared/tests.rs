//! With the kernel: these need CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW, and say so where they are not run.

use std::{
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr, UdpSocket as Peer},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use mio::{Events, Poll};
use terms::ZoneName;

use super::*;
use crate::socket::{BackEnd, Batch, SocketPlan, Sockets, Source};

const SLOT: SlotId = SlotId(7);
const LAST: SlotId = SlotId(2);

struct Bench {
    poll: Poll,
    sockets: Sockets,
    batch: Batch,
    address: IpAddr,
    first: u16,
}

/// What came to a port of ours.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    owner: Option<(SlotId, Channel)>,
    from: u16,
    bytes: Vec<u8>,
}

impl Bench {
    /// `None` where the machine does not allow it.
    fn on(address: IpAddr) -> Option<Self> {
        let poll = Poll::new().expect("polls");
        let first = first_port();
        let range = range(address, first);
        let dscp = Dscp::EXPEDITED_FORWARDING;
        if let Err(error) = Shared::open(std::slice::from_ref(&range), dscp, poll.registry()) {
            let why = format!("{error} (CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW are needed)");
            writeln!(io::stderr(), "skipped on {address}: {why}").expect("a stream");
            assert_ne!(error.kind(), io::ErrorKind::InvalidInput, "the kernel refused the program itself");
            return None;
        }
        let poll = Poll::new().expect("polls");
        let mut sockets = Sockets::open(SocketPlan::Shared, &[range], dscp, poll.registry());
        assert!(matches!(sockets.back_end, BackEnd::Shared(_)), "what was dropped is free again");
        for (slot, port) in [(SLOT, first), (LAST, first + 6)] {
            let pair = (SocketAddr::new(address, port), SocketAddr::new(address, port + 1));
            sockets.bind(poll.registry(), slot, pair).expect("of the range");
        }
        let batch = sockets.batch();
        Some(Self { poll, sockets, batch, address, first })
    }

    fn peer(&self) -> Peer {
        let peer = Peer::bind((self.address, 0)).expect("an address of this machine");
        peer.set_read_timeout(Some(Duration::from_secs(5))).expect("a setting");
        peer
    }

    fn hear(&mut self) -> Vec<Came> {
        self.poll.poll(&mut Events::with_capacity(8), Some(Duration::from_secs(5))).expect("polls");
        let source = Source::Range(0);
        if self.sockets.receive(source, &mut self.batch).is_err() {
            return Vec::new();
        }
        let came = |datagram: crate::socket::Datagram<'_>| Came {
            owner: self.sockets.owner(source, &datagram),
            from: datagram.source.port(),
            bytes: datagram.bytes.to_vec(),
        };
        self.batch.datagrams().map(came).collect()
    }
}

fn range(address: IpAddr, first: u16) -> Range {
    Range::new(ZoneName::from("trunk"), address, &(first..=first + 7))
}

/// Of eight ports that no other test of this minute uses.
fn first_port() -> u16 {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = process::id() * 8 + MADE.fetch_add(1, Ordering::Relaxed) % 8;
    u16::try_from(12_000 + number % 2_000 * 10).expect("below 32,000")
}

/// On both families.
fn benches() -> impl Iterator<Item = Bench> {
    [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)].into_iter().filter_map(Bench::on)
}

#[test]
fn what_comes_to_each_port_of_a_range_is_its_owners() {
    for mut bench in benches() {
        let peer = bench.peer();
        let from = peer.local_addr().expect("bound").port();
        let expected = [
            (0, Some((SLOT, Channel::Rtp))),
            (1, Some((SLOT, Channel::Rtcp))),
            (2, None),
            (6, Some((LAST, Channel::Rtp))),
            (7, Some((LAST, Channel::Rtcp))),
        ];
        for (port, _) in expected {
            peer.send_to(&[port], (bench.address, bench.first + u16::from(port))).expect("sends");
        }
        let came = bench.hear();
        let expected = expected.map(|(port, owner)| Came { owner, from, bytes: vec![port] });
        assert_eq!(came, expected);
        for outside in [bench.first - 1, bench.first + 8] {
            let other = Peer::bind((bench.address, outside)).expect("not ours");
            other.set_read_timeout(Some(Duration::from_secs(5))).expect("a setting");
            peer.send_to(b"not yours", (bench.address, outside)).expect("sends");
            assert_eq!(other.recv_from(&mut [0; 16]).expect("it came").0, 9);
        }
    }
}

#[test]
fn what_is_sent_leaves_from_the_port_of_its_owner() {
    for mut bench in benches() {
        let peer = bench.peer();
        let to = peer.local_addr().expect("bound");
        let long = vec![0xa5; 1_201];
        let sent: [(SlotId, Channel, &[u8], u16); 4] = [
            (SLOT, Channel::Rtp, b"sound", 0),
            (SLOT, Channel::Rtcp, b"report", 1),
            (LAST, Channel::Rtp, &long, 6),
            (LAST, Channel::Rtp, b"", 6),
        ];
        for (slot, channel, bytes, _) in sent {
            bench.sockets.send((slot, channel), to, bytes);
        }
        bench.sockets.flush();
        for (_, _, bytes, port) in sent {
            let mut came = [0; 2_048];
            let (length, source) = peer.recv_from(&mut came).expect("a checksum that the kernel takes");
            assert_eq!(
                (&came[..length], source),
                (bytes, SocketAddr::new(bench.address, bench.first + port))
            );
        }
        bench.sockets.send((SlotId(99), Channel::Rtp), to, b"nobody's");
        bench.sockets.flush();
        assert_eq!(bench.sockets.sent(), Sent { taken: 4, failed: 1 });
    }
}

#[test]
fn many_are_sent_and_one_that_the_kernel_refuses_holds_none_back() {
    for mut bench in benches() {
        let peer = bench.peer();
        let to = peer.local_addr().expect("bound");
        let other_family: SocketAddr =
            if to.is_ipv4() { "[::1]:9".parse() } else { "127.0.0.1:9".parse() }.expect("an address");
        for number in 0..150_u8 {
            bench.sockets.send((SLOT, Channel::Rtp), to, &[number]);
            if number == 70 {
                bench.sockets.send((SLOT, Channel::Rtp), other_family, b"unreachable");
            }
        }
        bench.sockets.flush();
        for number in 0..150_u8 {
            let mut came = [0; 4];
            assert_eq!(peer.recv(&mut came).expect("it came"), 1);
            assert_eq!(came[0], number);
        }
        assert_eq!(bench.sockets.sent(), Sent { taken: 150, failed: 1 });
    }
}

#[test]
fn media_4_the_owner_learns_that_nobody_listens_where_it_sends() {
    for mut bench in benches() {
        let gone = bench.peer().local_addr().expect("bound");
        bench.sockets.send((LAST, Channel::Rtp), gone, b"anybody?");
        bench.sockets.flush();
        assert_eq!(bench.hear(), []);
        assert_eq!(bench.sockets.take_refused(), [Source::Range(0)]);
        let told = bench.sockets.take_unreachable(Source::Range(0)).expect("told by ICMP");
        assert_eq!((told.slot, told.destination), (Some(LAST), gone));
        assert_eq!(bench.sockets.take_unreachable(Source::Range(0)), None);
    }
}

#[test]
fn a_range_is_not_shared_by_two() {
    for bench in benches() {
        let second = Shared::open(
            &[range(bench.address, bench.first)],
            Dscp::EXPEDITED_FORWARDING,
            bench.poll.registry(),
        );
        assert_eq!(second.map(|_| ()).map_err(|error| error.kind()), Err(io::ErrorKind::AddrInUse));
    }
}
