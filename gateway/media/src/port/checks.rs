//! Connectivity checks of a port's peer (ICE, RFC 8445), of which we are the lite side: they are answered, and the pair that the
//! peer chooses is where it is.

use std::net::SocketAddr;

use rtp::stun::{Credentials, MAX_ANSWER, Nomination, Request, Verdict};
use terms::Instant;

use super::{Port, Rejected};
use crate::engine::Channel;

impl Port {
    /// Takes a check and writes its answer, whoever sent it; yields how long that is, and what the check was.
    pub(crate) fn on_check(
        &mut self,
        now: Instant,
        (channel, source): (Channel, SocketAddr),
        datagram: &[u8],
        answer: &mut [u8; MAX_ANSWER],
    ) -> Result<(usize, Verdict), Rejected> {
        let connected = self.connected.as_ref().ok_or(Rejected::Malformed)?;
        let terms = connected.stream.ice.as_ref().ok_or(Rejected::Malformed)?;
        let ours = Credentials { ufrag: &terms.ours.ufrag, password: terms.ours.reveal() };
        let request = Request::parse(datagram).map_err(|_| Rejected::Malformed)?;
        let verdict = request.judge(&ours);
        let len = request.answer(verdict, (source, &ours), answer);
        if verdict == Verdict::Authentic(Nomination::UseCandidate) {
            match channel {
                Channel::Rtp => self.latch.nominate(now, source),
                Channel::Rtcp => self.latch.take_rtcp(source),
            }
        }
        Ok((len, verdict))
    }
}
