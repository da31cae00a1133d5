//! Streams whose keys come of a handshake (MEDIA-2), against a peer of dimpl and `rtp::srtp`.

use rtp::srtp::{Inbound, Outbound};
use terms::media::{DtlsFault, DtlsRole, RtcpPath, SrtpKeys};

use super::{
    encrypted::{Wire, packet},
    *,
};
use crate::dtls::tests::Peer;

const PEER_SSRC: Ssrc = Ssrc(0xfeed);
const PEER_RTCP: &str = "192.0.2.1:4001";

/// A port in a tone, and who shakes hands with it.
struct Shaken {
    wire: Wire,
    rtp: Peer,
    rtcp: Peer,
    stream: Box<Stream>,
}

impl Shaken {
    fn new(role: DtlsRole, path: RtcpPath) -> Self {
        let now = Bench::new(4).now.mono;
        let [rtp, rtcp] = [(), ()].map(|()| Peer::of(now, 2, role));
        let remote_rtcp = if path == RtcpPath::Muxed { PEER } else { PEER_RTCP };
        let dtls = Some(Box::new(rtp.terms(role)));
        let stream = Box::new(Stream { rtcp: path, remote_rtcp: address(remote_rtcp), dtls, ..*stream(20) });
        Self { wire: Wire::new(stream.clone()), rtp, rtcp, stream }
    }

    /// Carries records between the port and the peer for so long. What else the port sends is kept.
    fn run(&mut self, duration: Duration) -> Vec<(Channel, SocketAddr, Vec<u8>)> {
        let (mut sent, mut left) = (Vec::new(), duration);
        while left >= MS_20 {
            left -= MS_20;
            self.wire.wait(MS_20);
            for (channel, destination, bytes) in std::mem::take(&mut self.wire.sent) {
                match (channel, rtp::classify(&bytes)) {
                    (Channel::Rtp, rtp::Datagram::Dtls) => self.rtp.hear(&bytes),
                    (Channel::Rtcp, rtp::Datagram::Dtls) => self.rtcp.hear(&bytes),
                    _ => sent.push((channel, destination, bytes)),
                }
            }
            let now = self.wire.now.mono;
            self.rtp.wait(now);
            self.rtcp.wait(now);
            self.speak(Channel::Rtp);
            if self.stream.rtcp == RtcpPath::Apart {
                self.speak(Channel::Rtcp);
            }
        }
        sent
    }

    fn speak(&mut self, channel: Channel) {
        let (peer, source) = match channel {
            Channel::Rtp => (&mut self.rtp, address(PEER)),
            Channel::Rtcp => (&mut self.rtcp, address(PEER_RTCP)),
        };
        while let Some(bytes) = peer.says.pop_front() {
            let slot = SlotId(0);
            self.wire.feed(Input::Packet { slot, channel, source, bytes: &bytes });
        }
    }

    fn keys(&self) -> &SrtpKeys {
        self.rtp.keys.as_ref().expect("they have shaken hands")
    }

    fn faults(&self) -> Vec<DtlsFault> {
        let fault = |report: &Report| match report {
            Report::Unkeyed { fault, .. } => Some(*fault),
            _ => None,
        };
        self.wire.told.iter().filter_map(fault).collect()
    }
}

fn clear() -> Vec<u8> {
    let mut bytes = vec![0xd5; 172];
    let header = Header {
        payload_type: PayloadType(8),
        marker: false,
        sequence: SequenceNumber(1),
        timestamp: Timestamp(160),
        ssrc: PEER_SSRC,
    };
    write_header(&mut bytes, &header);
    bytes
}

#[test]
fn rfc5764_nothing_is_sent_or_believed_before_the_handshake_and_all_is_encrypted_after_it() {
    for role in [DtlsRole::Active, DtlsRole::Passive] {
        let mut shaken = Shaken::new(role, RtcpPath::Muxed);
        shaken.wire.hear(&clear());
        let begin: Vec<_> = std::mem::take(&mut shaken.wire.sent);
        assert!(begin.is_empty(), "{role:?}");
        let mut sent = shaken.run(Duration::from_secs(1));
        let mut inbound = Inbound::new(&shaken.keys().receive);
        sent.extend(shaken.run(Duration::from_secs(19)));
        let (mut rtp, mut rtcp) = (0, 0);
        for (channel, destination, mut bytes) in sent {
            // RFC 5761: both by the one way.
            assert_eq!((channel, destination), (Channel::Rtp, address(PEER)), "{role:?}");
            match rtp::classify(&bytes) {
                rtp::Datagram::Rtp => rtp += usize::from(inbound.unprotect_rtp(&mut bytes).is_ok()),
                rtp::Datagram::Rtcp => rtcp += usize::from(inbound.unprotect_rtcp(&mut bytes).is_ok()),
                other => panic!("{other:?}"),
            }
        }
        assert!(rtp > 900 && rtcp > 1, "{role:?}: {rtp} {rtcp}");
        shaken.wire.hear(&clear());
        let mut outbound = Outbound::new(&shaken.keys().send, PEER_SSRC);
        shaken.wire.hear(&packet(1, &mut outbound));
        shaken.wire.hear(&packet(2, &mut outbound));
        assert_eq!(shaken.faults(), []);
        let quality = shaken.wire.quality();
        assert_eq!((quality.packets_received, quality.srtp_failures), (2, 2), "{role:?}");
    }
}

#[test]
fn rfc5764_4_1_rtcp_by_itself_is_under_keys_of_its_own() {
    let mut shaken = Shaken::new(DtlsRole::Passive, RtcpPath::Apart);
    let sent = shaken.run(Duration::from_secs(20));
    let keys = shaken.rtcp.keys.clone().expect("they have shaken hands");
    let mut inbound = Inbound::new(&keys.receive);
    let reports = sent.into_iter().filter(|(channel, ..)| *channel == Channel::Rtcp);
    let mut taken = 0;
    for (_, destination, mut bytes) in reports {
        assert_eq!(destination, address(PEER_RTCP));
        assert!(inbound.unprotect_rtcp(&mut bytes).is_ok());
        taken += 1;
    }
    assert!(taken > 1);
    assert_ne!(&keys, shaken.keys());
}

#[test]
fn rfc5763_5_a_certificate_that_nobody_told_of_is_reported_and_leaves_the_port_mute() {
    let mut shaken = Shaken::new(DtlsRole::Passive, RtcpPath::Muxed);
    shaken.rtp = Peer::of(shaken.wire.now.mono, 9, DtlsRole::Passive);
    let sent = shaken.run(Duration::from_secs(30));
    assert_eq!(sent, []);
    assert_eq!(shaken.faults(), [DtlsFault::WrongCertificate], "it is told once");
}

#[test]
fn rfc8842_4_a_hold_keeps_the_keys_and_another_certificate_makes_new_ones() {
    let mut shaken = Shaken::new(DtlsRole::Active, RtcpPath::Muxed);
    let mut inbound = {
        shaken.run(Duration::from_secs(1));
        Inbound::new(&shaken.keys().receive)
    };
    let first = shaken.keys().clone();
    let held = Stream { direction: Direction::ReceiveOnly, ..*shaken.stream.clone() };
    shaken.wire.connect(Box::new(held));
    shaken.run(Duration::from_secs(2));
    shaken.wire.connect(shaken.stream.clone());
    let sent = shaken.run(Duration::from_secs(1));
    assert_eq!(shaken.keys(), &first);
    let open = |inbound: &mut Inbound, (_, _, bytes): &(Channel, SocketAddr, Vec<u8>)| {
        inbound.unprotect_rtp(&mut bytes.clone()).is_ok()
    };
    let taken = sent.iter().filter(|sent| open(&mut inbound, sent)).count();
    assert!(taken > 40, "{taken} of {}", sent.len());

    shaken.rtp = Peer::of(shaken.wire.now.mono, 3, DtlsRole::Active);
    let dtls = Some(Box::new(shaken.rtp.terms(DtlsRole::Active)));
    *shaken.stream = Stream { dtls, ..*shaken.stream.clone() };
    shaken.wire.connect(shaken.stream.clone());
    shaken.run(Duration::from_millis(500));
    assert_ne!(shaken.keys(), &first);
    let mut inbound = Inbound::new(&shaken.keys().receive);
    let sent = shaken.run(Duration::from_secs(1));
    assert!(sent.iter().filter(|sent| open(&mut inbound, sent)).count() > 40);
    assert_eq!(shaken.faults(), []);
}

#[test]
fn rfc3711_9_1_a_restored_port_goes_on_under_the_keys_of_its_handshake_as_another_source() {
    let mut shaken = Shaken::new(DtlsRole::Passive, RtcpPath::Apart);
    shaken.run(Duration::from_secs(1));
    let mut outbound = Outbound::new(&shaken.keys().send, PEER_SSRC);
    let first = packet(1, &mut outbound);
    shaken.wire.hear(&first);
    let snapshot = shaken.wire.engine.snapshot(port(1)).expect("it is open");
    let Bench { mut engine, .. } = Bench::new(4);
    engine.restore(shaken.wire.now, &snapshot);
    shaken.wire = Wire::of(engine, shaken.wire.now);
    let mut inbound = Inbound::new(&shaken.keys().receive);
    let sent = shaken.run(Duration::from_secs(20));
    let taken = sent.iter().filter(|(channel, _, bytes)| {
        *channel == Channel::Rtp && inbound.unprotect_rtp(&mut bytes.clone()).is_ok()
    });
    assert!(taken.count() > 900);
    shaken.wire.hear(&first);
    shaken.wire.hear(&packet(2, &mut outbound));
    shaken.wire.hear(&packet(3, &mut outbound));
    let quality = shaken.wire.quality();
    assert_eq!(
        (quality.packets_received, quality.srtp_failures),
        (2, 1),
        "what came before is not taken again"
    );
}
