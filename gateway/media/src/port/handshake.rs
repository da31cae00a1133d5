//! A port's keys that come of handshakes (RFC 5764): who is to shake hands, and what it means for the port.

use std::{net::SocketAddr, sync::Arc};

use terms::{
    Instant,
    media::{DtlsFault, DtlsKeys, PortSnapshot, SrtpProgress, Ssrc, Stream},
};

use super::{Connected, Port, Rejected, is_somewhere};
use crate::{
    dtls::{Became, Dtls},
    engine::Channel,
    identity::Identity,
    latch::Authentication,
    srtp::Srtp,
};

impl Port {
    /// Whether a handshake has yet to give it keys: till then it is mute and deaf.
    pub(crate) fn awaits_keys(&self) -> bool {
        self.connected.as_ref().is_some_and(Connected::awaits_keys)
    }

    /// Takes a record, from the port's peer alone; yields why there will be no keys, if there won't.
    pub(crate) fn on_dtls(
        &mut self,
        now: Instant,
        (channel, source): (Channel, SocketAddr),
        record: &[u8],
        send: impl FnMut(&[u8]),
    ) -> Result<Option<DtlsFault>, Rejected> {
        let stream = &self.connected.as_ref().ok_or(Rejected::Foreign)?.stream;
        let (remote, remote_rtcp) = (stream.remote, stream.remote_rtcp);
        let expected = self.expects(channel).ok_or(Rejected::Foreign)?;
        let is_permitted = match channel {
            Channel::Rtp => self.latch.judge(now, (source, &remote), Authentication::Srtp).is_some(),
            Channel::Rtcp => self.latch.permits_rtcp(source, (remote, remote_rtcp)),
        };
        let connected = self.connected.as_mut().ok_or(Rejected::Foreign)?;
        let dtls = connected.dtls.as_mut().ok_or(Rejected::Malformed)?;
        let became = if is_permitted {
            dtls.on_record((now, channel), (source, expected), record, send)
        } else {
            Err(Rejected::Foreign)
        };
        if became == Err(Rejected::Foreign) {
            self.on_foreign();
        }
        Ok(self.go_on(now, channel, became?))
    }

    /// What time does to the handshakes of a way; `send` is told where to.
    pub(crate) fn shake_on(
        &mut self,
        now: Instant,
        channel: Channel,
        mut send: impl FnMut(SocketAddr, &[u8]),
    ) -> Option<DtlsFault> {
        let expected = self.expects(channel)?;
        let dtls = self.connected.as_mut()?.dtls.as_mut()?;
        let destination = dtls.peer(channel).unwrap_or(expected);
        let became = dtls.on_time(now, channel, |record| send(destination, record));
        self.go_on(now, channel, became)
    }

    /// Where the peer is known to be, or else says that it is.
    fn expects(&self, channel: Channel) -> Option<SocketAddr> {
        let stream = &self.connected.as_ref()?.stream;
        Some(match channel {
            Channel::Rtp => self.latch.rtp().unwrap_or(stream.remote),
            Channel::Rtcp => self.latch.rtcp().unwrap_or(stream.remote_rtcp),
        })
    }

    fn go_on(&mut self, now: Instant, channel: Channel, became: Became) -> Option<DtlsFault> {
        let connected = self.connected.as_mut()?;
        match became {
            Became::Nothing => None,
            Became::Keyed(keys) => {
                let peer = connected.dtls.as_ref().and_then(|dtls| dtls.peer(channel));
                // Who has shaken hands is there, and nowhere else.
                match (channel, peer) {
                    (Channel::Rtp, Some(peer)) => self.latch.shaken(now, peer),
                    (Channel::Rtcp, Some(peer)) => self.latch.take_rtcp(peer),
                    (_, None) => {}
                }
                let ssrc = self.numbers.ssrc;
                if let Some(srtp) = connected.srtp_of(channel) {
                    srtp.rekey(&keys, ssrc);
                }
                None
            }
            // A peer that has no RTCP does not shake hands for it.
            Became::Failed(DtlsFault::NoHandshake | DtlsFault::NothingInCommon)
                if channel == Channel::Rtcp =>
            {
                None
            }
            Became::Failed(fault) => {
                // Nor under keys of before: they may be of somebody else.
                connected.srtp = Some(Box::new(Srtp::awaiting()));
                Some(fault)
            }
        }
    }
}

impl Connected {
    /// Whether a handshake has yet to give it keys.
    pub(super) fn awaits_keys(&self) -> bool {
        self.srtp.as_ref().is_some_and(|srtp| srtp.is_awaiting())
    }

    /// What encrypts by a way, if the stream is encrypted. Of keys that stand in the descriptions there is one pair.
    pub(super) fn srtp_of(&mut self, channel: Channel) -> Option<&mut Srtp> {
        let apart = match channel {
            Channel::Rtcp => self.dtls.as_mut().and_then(|dtls| dtls.rtcp_srtp()),
            Channel::Rtp => None,
        };
        apart.or(self.srtp.as_deref_mut())
    }

    /// Takes what was negotiated for the keys. Until a new handshake has ended what there is under keys of before goes on
    /// under these.
    pub(super) fn take_keys(
        &mut self,
        stream: &Stream,
        (now, ssrc, identity): (Instant, Ssrc, Option<&Arc<Identity>>),
    ) {
        let Some(terms) = &stream.dtls else {
            self.dtls = None;
            self.srtp = Srtp::renegotiated(self.srtp.take(), stream.srtp.as_deref(), ssrc);
            return;
        };
        self.srtp.get_or_insert_with(|| Box::new(Srtp::awaiting()));
        if let Some(dtls) = self.dtls.as_mut().filter(|dtls| dtls.stands(terms)) {
            return dtls.follow(now, stream.rtcp);
        }
        // RFC 3264 §8.4: where a peer names no address, nobody is there yet.
        let identity = identity.filter(|_| is_somewhere(stream.remote));
        self.dtls = identity.map(|identity| Box::new(Dtls::new(now, stream, terms, identity)));
    }

    pub(super) fn peer_moved(&mut self) {
        if let Some(dtls) = &mut self.dtls {
            dtls.peer_moved();
        }
    }

    /// After a restart: with the keys of before, under which nothing that came then is taken again.
    pub(super) fn restore_keys(
        &mut self,
        snapshot: &PortSnapshot,
        (ssrc, identity): (Ssrc, Option<&Arc<Identity>>),
    ) {
        let Some(srtp) = &mut self.srtp else { return };
        if let (Some(terms), Some(keys), Some(identity)) = (&self.stream.dtls, &snapshot.dtls, identity) {
            srtp.rekey(&keys.rtp, ssrc);
            let made = (&**keys, self.stream.rtcp);
            self.dtls = Some(Box::new(Dtls::restored(terms, identity, made, (ssrc, &snapshot.srtp))));
        }
        srtp.peer_was_at(&snapshot.srtp);
    }

    pub(super) fn made_keys(&self) -> Option<Box<DtlsKeys>> {
        let rtp = self.srtp.as_ref().and_then(|srtp| srtp.keys()).cloned()?;
        let rtcp = self.dtls.as_ref()?.rtcp_srtp_of(self.stream.rtcp).and_then(|srtp| srtp.keys()).cloned();
        Some(Box::new(DtlsKeys { rtp, rtcp }))
    }

    /// How far the peer has come. RTP and RTCP of one source may stand apart: each is under keys of its own then.
    pub(super) fn progress(&self) -> Vec<SrtpProgress> {
        let rtcp = self.dtls.as_ref().and_then(|dtls| dtls.rtcp_srtp_of(self.stream.rtcp));
        let all = [self.srtp.as_deref(), rtcp].into_iter().flatten();
        all.flat_map(Srtp::progress).collect()
    }
}
