//! Where a peer's media comes from, and when it may come from elsewhere (ISO-3).
//!
//! ```text
//!  nothing came ── the first good packet that the policy lets in ──▶ latched to its source
//!  latched ── good packets from elsewhere, once the source is silent for 500 ms ──▶ latched to the new one
//!               │ one, out of the trunk's media networks
//!               │ one, shortly after offer and answer were exchanged again
//!               └ three that are authenticated (SRTP) and newer than what came from the old source
//!  any ── a connectivity check that chooses the pair (ICE) ──▶ nominated: nothing but another such check moves it
//! ```

use std::{net::SocketAddr, time::Duration};

use rtp::{Header, SequenceNumber};
use terms::{
    Instant,
    media::{FirstSource, Sources, Ssrc},
};

/// So long nothing comes from a source that another takes the place of.
const SILENT: Duration = Duration::from_millis(500);
/// So long after an exchange of offer and answer a peer may show up elsewhere.
const MOVING: Duration = Duration::from_secs(5);
/// Packets that prove that the peer is elsewhere, where it can be proved.
const PROOF: u8 = 3;

/// What a packet from a source may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Of the peer, if it is good.
    Peer,
    /// A part of the proof that the peer has moved, if it can be decrypted.
    Proof,
}

/// Whether packets prove by their tag who sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    Srtp,
    None,
}

/// Where the peer's media comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Latch {
    sources: Sources,
    rtp: Option<Latched>,
    rtcp: Option<SocketAddr>,
    /// Until then the peer may show up elsewhere.
    moving_until: Option<Instant>,
    /// Where it was before it named another address, and until when what comes from there is on its way still.
    left: Option<(SocketAddr, Instant)>,
    trial: Option<Trial>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Latched {
    source: SocketAddr,
    /// When it was heard last; never since a restart: `None`.
    heard: Option<Instant>,
    newest: Option<(Ssrc, SequenceNumber)>,
    by: By,
}

/// What brought us to a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// What came from there.
    Packets,
    /// The peer's connectivity check, which chose the pair.
    Check,
}

/// A source that proves to be the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trial {
    source: SocketAddr,
    newest: (Ssrc, SequenceNumber),
    packets: u8,
}

impl Latch {
    pub(crate) const fn new(sources: Sources) -> Self {
        Self { sources, rtp: None, rtcp: None, moving_until: None, left: None, trial: None }
    }

    /// Goes on from a snapshot.
    pub(crate) fn restored(sources: Sources, rtp: Option<SocketAddr>, rtcp: Option<SocketAddr>) -> Self {
        let rtp = rtp.map(|source| Latched { source, heard: None, newest: None, by: By::Packets });
        Self { rtp, rtcp, ..Self::new(sources) }
    }

    pub(crate) const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Where the peer's RTP comes from, once it came.
    pub(crate) fn rtp(&self) -> Option<SocketAddr> {
        self.rtp.map(|latched| latched.source)
    }

    /// Where its RTCP comes from, once it came.
    pub(crate) const fn rtcp(&self) -> Option<SocketAddr> {
        self.rtcp
    }

    /// The peer is waited for at another place.
    pub(crate) fn forget(&mut self, now: Instant) {
        let left = self.rtp().map(|source| (source, now + SILENT));
        *self = Self { left, ..Self::new(std::mem::take(&mut self.sources)) };
    }

    /// Offer and answer were exchanged again: a peer that moved says so by that, though it may not know its own address.
    pub(crate) fn renegotiated(&mut self, now: Instant) {
        self.moving_until = Some(now + MOVING);
    }

    /// What a packet of RTP may be that comes from `source`; nothing: `None`. `remote` was negotiated.
    pub(crate) fn judge(
        &self,
        now: Instant,
        (source, remote): (SocketAddr, &SocketAddr),
        authentication: Authentication,
    ) -> Option<Claim> {
        match &self.rtp {
            Some(latched) if latched.source == source => return Some(Claim::Peer),
            Some(Latched { by: By::Check, .. }) => return None,
            Some(_) | None => {}
        }
        let may_move = self.moving_until.is_some_and(|until| now < until);
        if source == *remote && may_move {
            return Some(Claim::Peer);
        }
        let Some(latched) = &self.rtp else {
            if self.left.is_some_and(|(left, until)| left == source && now < until) {
                return None;
            }
            let is_known = source == *remote || self.is_within(source);
            return (is_known || self.sources.first == FirstSource::Anybody).then_some(Claim::Peer);
        };
        if latched.heard.is_some_and(|heard| now.since(heard) < SILENT) {
            return None;
        }
        match self.sources.first {
            _ if self.is_within(source) => Some(Claim::Peer),
            FirstSource::Known => None,
            FirstSource::Anybody if may_move => Some(Claim::Peer),
            FirstSource::Anybody => (authentication == Authentication::Srtp).then_some(Claim::Proof),
        }
    }

    /// Takes a packet that was decrypted as a part of the proof; whether that makes it whole.
    pub(crate) fn prove(&mut self, source: SocketAddr, header: &Header) -> bool {
        let before = self.trial.filter(|trial| trial.source == source);
        let newest = before.map_or_else(|| self.rtp?.newest, |trial| Some(trial.newest));
        if newest.is_some_and(|newest| !is_newer(header, newest)) {
            return false;
        }
        let packets = before.map_or(0, |trial| trial.packets) + 1;
        self.trial = Some(Trial { source, newest: (header.ssrc, header.sequence), packets });
        packets >= PROOF
    }

    /// A good packet came.
    pub(crate) fn take(&mut self, now: Instant, source: SocketAddr, header: &Header) {
        let before = self.rtp.filter(|latched| latched.source == source);
        if before.is_none() && self.rtp.is_some() {
            (self.rtcp, self.moving_until) = (None, None);
        }
        let came = (header.ssrc, header.sequence);
        let newest = before.and_then(|latched| latched.newest).filter(|newest| !is_newer(header, *newest));
        let by = before.map_or(By::Packets, |latched| latched.by);
        self.rtp = Some(Latched { source, heard: Some(now), newest: newest.or(Some(came)), by });
        self.trial = None;
    }

    /// The peer has shaken hands from there: that proves more than a packet does.
    pub(crate) fn shaken(&mut self, now: Instant, source: SocketAddr) {
        if self.rtp() != Some(source) {
            self.forget(now);
            self.rtp = Some(Latched { source, heard: Some(now), newest: None, by: By::Packets });
        }
    }

    /// RFC 8445 §8.1: the peer's check chose the pair; its RTCP, if it has one of its own, is chosen by another.
    pub(crate) fn nominate(&mut self, now: Instant, source: SocketAddr) {
        let newest = self.rtp.filter(|latched| latched.source == source).and_then(|latched| latched.newest);
        self.rtp = Some(Latched { source, heard: Some(now), newest, by: By::Check });
        (self.moving_until, self.left, self.trial) = (None, None, None);
    }

    /// There are no more checks: packets may move it again.
    pub(crate) const fn release(&mut self) {
        if let Some(latched) = &mut self.rtp {
            latched.by = By::Packets;
        }
    }

    /// RTCP is of the peer if it comes from the host that its RTP does, or should, or from the one that it named for it
    /// (RFC 3605).
    pub(crate) fn permits_rtcp(&self, source: SocketAddr, (rtp, rtcp): (SocketAddr, SocketAddr)) -> bool {
        source.ip() == self.rtp().unwrap_or(rtp).ip() || source.ip() == rtcp.ip()
    }

    /// Good RTCP came.
    pub(crate) const fn take_rtcp(&mut self, source: SocketAddr) {
        self.rtcp = Some(source);
    }

    fn is_within(&self, source: SocketAddr) -> bool {
        self.sources.within.iter().any(|prefix| prefix.contains(source.ip()))
    }
}

/// RFC 3550 §5.1, of one source; what another source sends is new.
fn is_newer(header: &Header, (ssrc, sequence): (Ssrc, SequenceNumber)) -> bool {
    header.ssrc != ssrc || header.sequence.distance_from(sequence) > 0
}

#[cfg(test)]
mod tests {
    use rtp::Timestamp;
    use terms::media::{PayloadType, Prefix};

    use super::*;

    const SRTP: Authentication = Authentication::Srtp;
    const CLEAR: Authentication = Authentication::None;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    const fn at(ms: u64) -> Instant {
        Instant::from_nanos(1_000_000_000 + ms * 1_000_000)
    }

    fn packet(ssrc: u32, sequence: u16) -> Header {
        Header {
            payload_type: PayloadType(8),
            marker: false,
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(0),
            ssrc: Ssrc(ssrc),
        }
    }

    fn sources(first: FirstSource, within: &str) -> Sources {
        let prefix = |text: &str| {
            let (address, length) = text.split_once('/')?;
            Prefix::new(address.parse().ok()?, length.parse().ok()?)
        };
        Sources { first, within: prefix(within).into_iter().collect() }
    }

    /// From where, of which source, which.
    type Came = (&'static str, u32, u16);

    const REMOTE: &str = "192.0.2.1:4000";
    const NEIGHBOR: &str = "192.0.2.9:7000";
    const STRANGER: &str = "198.51.100.66:4000";

    #[test]
    fn iso_3_whose_packet_may_be_the_first_and_who_may_follow_after_how_much_silence() {
        let (anybody, known) = (FirstSource::Anybody, FirstSource::Known);
        let network = "192.0.2.0/28";
        // Policy, networks, source, whether it may be first, and what it may be after 499 and 500 ms, in clear and with SRTP.
        let peer = Some(Claim::Peer);
        let rows = [
            (anybody, "", REMOTE, peer, [None, None, Some(Claim::Proof)]),
            (anybody, "", STRANGER, peer, [None, None, Some(Claim::Proof)]),
            (anybody, network, NEIGHBOR, peer, [None, peer, peer]),
            (anybody, network, STRANGER, peer, [None, None, Some(Claim::Proof)]),
            (known, "", REMOTE, peer, [None, None, None]),
            (known, "", NEIGHBOR, None, [None, None, None]),
            (known, network, NEIGHBOR, peer, [None, peer, peer]),
            (known, network, STRANGER, None, [None, None, None]),
        ];
        for (first, within, source, may_be_first, follows) in rows {
            let name = format!("{first:?} {within} {source}");
            let mut latch = Latch::new(sources(first, within));
            let judged = |latch: &Latch, ms, authentication| {
                latch.judge(at(ms), (address(source), &address(REMOTE)), authentication)
            };
            assert_eq!(judged(&latch, 0, CLEAR), may_be_first, "{name}: first");
            latch.take(at(0), address("192.0.2.2:5000"), &packet(7, 1));
            let judged = [(499, SRTP), (500, CLEAR), (500, SRTP)].map(|(ms, by)| judged(&latch, ms, by));
            assert_eq!(judged, follows, "{name}: follows");
        }
    }

    #[test]
    fn iso_3_a_peer_that_offered_again_may_move_once_its_old_source_is_silent_and_only_then() {
        let judged = |latch: &Latch, ms| latch.judge(at(ms), (address(STRANGER), &address(REMOTE)), CLEAR);
        let mut latch = Latch::new(Sources::default());
        latch.take(at(0), address(REMOTE), &packet(7, 1));
        latch.renegotiated(at(1_000));
        assert_eq!((judged(&latch, 1_000), judged(&latch, 5_999)), (Some(Claim::Peer), Some(Claim::Peer)));
        assert_eq!(judged(&latch, 6_000), None, "later it is somebody else");
        latch.take(at(1_400), address(REMOTE), &packet(7, 2));
        assert_eq!(judged(&latch, 1_800), None, "the peer is where it was");
        latch.take_rtcp(address("192.0.2.1:4001"));
        latch.take(at(2_000), address(STRANGER), &packet(8, 1));
        assert_eq!((latch.rtp(), latch.rtcp()), (Some(address(STRANGER)), None), "its RTCP has moved too");
        let back = latch.judge(at(2_600), (address(REMOTE), &address(REMOTE)), CLEAR);
        assert_eq!(back, None, "one exchange, one move");
        let mut strict = Latch::new(sources(FirstSource::Known, ""));
        strict.take(at(0), address("192.0.2.5:4000"), &packet(7, 1));
        strict.renegotiated(at(1_000));
        assert_eq!(judged(&strict, 1_600), None, "nowhere but to the address that was negotiated");
        assert_eq!(strict.judge(at(1_600), (address(REMOTE), &address(REMOTE)), CLEAR), Some(Claim::Peer));
    }

    #[test]
    fn iso_3_three_authenticated_newer_packets_of_one_source_prove_a_move() {
        let latched = || {
            let mut latch = Latch::new(Sources::default());
            for sequence in [65_535, 0, 65_534] {
                latch.take(at(0), address(REMOTE), &packet(7, sequence));
            }
            latch
        };
        let prove = |packets: [Came; 3]| {
            let mut latch = latched();
            let proved =
                |(source, ssrc, sequence): Came| latch.prove(address(source), &packet(ssrc, sequence));
            packets.map(proved)
        };
        let rows: [(&str, [Came; 3], [bool; 3]); 5] = [
            ("newer", [(NEIGHBOR, 7, 1), (NEIGHBOR, 7, 2), (NEIGHBOR, 7, 3)], [false, false, true]),
            ("the newest again", [(NEIGHBOR, 7, 0), (NEIGHBOR, 7, 0), (NEIGHBOR, 7, 0)], [false; 3]),
            ("older", [(NEIGHBOR, 7, 1), (NEIGHBOR, 7, 3), (NEIGHBOR, 7, 2)], [false; 3]),
            ("of two", [(NEIGHBOR, 7, 1), (NEIGHBOR, 7, 2), (STRANGER, 7, 3)], [false; 3]),
            ("as another SSRC", [(NEIGHBOR, 9, 5), (NEIGHBOR, 9, 6), (NEIGHBOR, 9, 7)], [false, false, true]),
        ];
        for (name, packets, proved) in rows {
            assert_eq!(prove(packets), proved, "{name}");
        }
        let mut latch = latched();
        for sequence in [1, 2] {
            latch.prove(address(NEIGHBOR), &packet(7, sequence));
        }
        latch.take(at(600), address(REMOTE), &packet(7, 3));
        assert!(!latch.prove(address(NEIGHBOR), &packet(7, 4)), "the peer spoke again: from the beginning");
    }
}
