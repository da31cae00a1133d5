//! A port's handshakes (DTLS-SRTP, RFC 5764): until one has ended well, nothing is sent and nothing is taken.
//!
//! ```text
//!   Shaking ── the certificate is the one of the fingerprint, and both have finished ──▶ Keyed ── a while ──▶ Kept
//!      │
//!      └── another certificate, or too long ──▶ Failed
//! ```

mod machine;
mod pace;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use machine::Output;
pub(crate) use machine::{Context, Machine};
use terms::{
    Instant,
    media::{
        DtlsFault, DtlsKeys, DtlsRole, DtlsTerms, MasterKey, RtcpPath, SrtpKey, SrtpKeys, SrtpProgress,
        SrtpSuite, Ssrc, Stream,
    },
};

use crate::{
    engine::Channel,
    identity::{Identity, fingerprint_of},
    port::Rejected,
    srtp::Srtp,
};

/// From the answer on, so long a handshake may take.
const LONGEST: Duration = Duration::from_secs(15);
/// RFC 6347 §4.2.4: so long the last flight is sent again if the peer asks, by repeating its own.
const KEPT: Duration = Duration::from_secs(30);
/// The longest record that is taken: what an Ethernet carries, and more.
const MAX_RECORD: usize = 2_048;
/// Whoever began a handshake and has been quiet for so long is given up for who speaks.
const QUIET: Duration = Duration::from_secs(2);
/// A handshake that broke is begun anew after this.
const PAUSE: Duration = Duration::from_millis(250);

/// The handshakes of a port's stream.
#[derive(Debug)]
pub(crate) struct Dtls {
    terms: DtlsTerms,
    identity: Arc<Identity>,
    rtp: Association,
    /// RFC 5764 §4.1: RTCP by itself has its own.
    rtcp: Option<(Association, Box<Srtp>)>,
}

/// What became of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Became {
    /// Nothing yet, or nothing new.
    Nothing,
    /// There are keys.
    Keyed(Box<SrtpKeys>),
    /// There are none, and will be none.
    Failed(DtlsFault),
}

impl Dtls {
    pub(crate) fn new(now: Instant, stream: &Stream, terms: &DtlsTerms, identity: &Arc<Identity>) -> Self {
        let association = || Association::begin(now, terms.role, identity);
        let is_apart = stream.rtcp == RtcpPath::Apart;
        Self {
            terms: terms.clone(),
            identity: Arc::clone(identity),
            rtp: association(),
            rtcp: is_apart.then(|| (association(), Box::new(Srtp::awaiting()))),
        }
    }

    /// Goes on with keys of before a restart: there is nothing to shake hands on again.
    pub(crate) fn restored(
        terms: &DtlsTerms,
        identity: &Arc<Identity>,
        (keys, path): (&DtlsKeys, RtcpPath),
        (ssrc, progress): (Ssrc, &[SrtpProgress]),
    ) -> Self {
        let rtcp = (path == RtcpPath::Apart).then(|| {
            let mut srtp = Srtp::awaiting();
            // A peer that has no RTCP has shaken no hands for it, and won't.
            let Some(keys) = &keys.rtcp else { return (Association::resting(Stage::Failed), Box::new(srtp)) };
            srtp.rekey(keys, ssrc);
            let own: Vec<_> = progress.iter().filter(|source| source.rtp.is_none()).copied().collect();
            srtp.peer_was_at(&own);
            (Association::kept(), Box::new(srtp))
        });
        let (terms, identity) = (terms.clone(), Arc::clone(identity));
        Self { terms, identity, rtp: Association::kept(), rtcp }
    }

    /// RFC 8842 §4: whether what was negotiated again is of the handshakes that there are. One that failed is begun anew: its peer
    /// may have waited for the answer.
    pub(crate) fn stands(&self, terms: &DtlsTerms) -> bool {
        self.terms == *terms && !matches!(self.rtp.stage, Stage::Failed)
    }

    /// RTCP may go by itself from here on: then its handshake is still to come, while that of RTP stands, and one that goes on has
    /// its time once more.
    pub(crate) fn follow(&mut self, now: Instant, path: RtcpPath) {
        if let Stage::Shaking { until, .. } | Stage::Broken { until, .. } = &mut self.rtp.stage {
            *until = now + LONGEST;
        }
        if path == RtcpPath::Apart && self.rtcp.is_none() {
            let association = Association::begin(now, self.terms.role, &self.identity);
            self.rtcp = Some((association, Box::new(Srtp::awaiting())));
        }
    }

    /// The peer goes on elsewhere: it is waited for there, and what it had begun is begun anew.
    pub(crate) fn peer_moved(&mut self) {
        let (role, identity) = (self.terms.role, &self.identity);
        self.rtp.forget(role, identity);
        if let Some((association, _)) = &mut self.rtcp {
            association.forget(role, identity);
        }
    }

    /// What encrypts RTCP that goes by itself.
    pub(crate) fn rtcp_srtp(&mut self) -> Option<&mut Srtp> {
        self.rtcp.as_mut().map(|(_, srtp)| &mut **srtp)
    }

    /// The same, to look at.
    pub(crate) fn rtcp_srtp_of(&self, path: RtcpPath) -> Option<&Srtp> {
        self.rtcp.as_ref().filter(|_| path == RtcpPath::Apart).map(|(_, srtp)| &**srtp)
    }

    /// Whom the handshake of a channel is with, once somebody spoke.
    pub(crate) fn peer(&self, channel: Channel) -> Option<SocketAddr> {
        match channel {
            Channel::Rtp => self.rtp.peer,
            Channel::Rtcp => self.rtcp.as_ref().and_then(|(association, _)| association.peer),
        }
    }

    /// A record came. `expected` is where the peer said that it is; others may come first (MEDIA-3), and are given up for it.
    pub(crate) fn on_record(
        &mut self,
        (now, channel): (Instant, Channel),
        (source, expected): (SocketAddr, SocketAddr),
        record: &[u8],
        send: impl FnMut(&[u8]),
    ) -> Result<Became, Rejected> {
        let (terms, identity) = (&self.terms, &self.identity);
        let association = match channel {
            Channel::Rtp => &mut self.rtp,
            Channel::Rtcp => &mut self.rtcp.as_mut().ok_or(Rejected::Malformed)?.0,
        };
        if !is_record(record) {
            return Err(Rejected::Malformed);
        }
        if source != expected && now < association.open_from {
            return Err(Rejected::Foreign);
        }
        if association.peer.is_some_and(|peer| peer != source) {
            let gives_way = source == expected || now.since(association.heard) >= QUIET;
            if !gives_way || association.stage.until().is_none() {
                return Err(Rejected::Foreign);
            }
            association.forget(terms.role, identity);
        }
        association.peer = Some(source);
        association.heard = now;
        association.take(record);
        let until = association.stage.until();
        let became = association.drain(now, terms, send);
        let has_broken = matches!(association.stage, Stage::Broken { .. });
        let is_stranger = has_broken || became == Became::Failed(DtlsFault::WrongCertificate);
        if is_stranger && source != expected {
            // A stranger is not the peer, whatever it shows, and takes neither the peer's time nor much of ours.
            association.stage = Stage::begin(until.unwrap_or(now), terms.role, identity);
            association.peer = None;
            association.open_from = now + PAUSE;
            return Err(Rejected::Foreign);
        }
        Ok(became)
    }

    /// What time does: retransmissions, and an end to waiting.
    pub(crate) fn on_time(&mut self, now: Instant, channel: Channel, send: impl FnMut(&[u8])) -> Became {
        let (terms, identity) = (&self.terms, &self.identity);
        let association = match (channel, &mut self.rtcp) {
            (Channel::Rtp, _) => &mut self.rtp,
            (Channel::Rtcp, Some((association, _))) => association,
            (Channel::Rtcp, None) => return Became::Nothing,
        };
        if !association.is_due(now) {
            return Became::Nothing;
        }
        association.wait(now, terms.role, identity);
        association.drain(now, terms, send)
    }
}

/// One handshake and what follows.
#[derive(Debug)]
struct Association {
    stage: Stage,
    /// Whom it is with: who spoke first.
    peer: Option<SocketAddr>,
    /// When they last spoke.
    heard: Instant,
    /// Whether a machine ever gave a handshake up: the peer shares nothing, or somebody sends in its name.
    broke: bool,
    /// Until then nobody is heard but the peer where it said that it is.
    open_from: Instant,
}

#[derive(Debug)]
enum Stage {
    Shaking {
        machine: Box<Machine>,
        until: Instant,
        news: News,
    },
    /// It is begun anew after a pause, and not by each record of who breaks it.
    Broken {
        until: Instant,
        again: Instant,
    },
    /// The peer may not have heard the last flight.
    Keyed {
        machine: Box<Machine>,
        until: Instant,
    },
    /// Nothing is sent or taken any more, and the keys stay.
    Kept,
    Failed,
}

/// What the machine has told so far.
#[derive(Debug, Default)]
struct News {
    certificate: Option<Certificate>,
    keys: Option<Box<SrtpKeys>>,
    has_broken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certificate {
    TheOneThatWasTold,
    Another,
}

impl Association {
    fn begin(now: Instant, role: DtlsRole, identity: &Identity) -> Self {
        let stage = Stage::begin(now + LONGEST, role, identity);
        Self { stage, peer: None, heard: now, broke: false, open_from: now }
    }

    const fn kept() -> Self {
        Self::resting(Stage::Kept)
    }

    const fn resting(stage: Stage) -> Self {
        let never = Instant::ZERO;
        Self { stage, peer: None, heard: never, broke: false, open_from: never }
    }

    /// The handshake anew, within the time that is left, with whoever comes.
    fn forget(&mut self, role: DtlsRole, identity: &Identity) {
        if let Some(until) = self.stage.until() {
            self.stage = Stage::begin(until, role, identity);
        }
        self.peer = None;
    }

    fn is_due(&self, now: Instant) -> bool {
        match self.stage {
            Stage::Shaking { .. } => true,
            Stage::Keyed { until, .. } => until <= now,
            Stage::Broken { again, .. } => again <= now,
            Stage::Kept | Stage::Failed => false,
        }
    }

    fn take(&mut self, record: &[u8]) {
        match &mut self.stage {
            Stage::Shaking { machine, .. } | Stage::Keyed { machine, .. } => machine.handle_datagram(record),
            Stage::Broken { .. } | Stage::Kept | Stage::Failed => {}
        }
    }

    fn wait(&mut self, now: Instant, role: DtlsRole, identity: &Identity) {
        if let Stage::Broken { until, again } = self.stage
            && now >= again
        {
            self.stage = Stage::begin(until, role, identity);
        }
        if let Stage::Shaking { machine, .. } = &mut self.stage {
            machine.handle_timeout();
        }
    }

    /// Takes what the machine says, and goes on by it.
    fn drain(&mut self, now: Instant, terms: &DtlsTerms, send: impl FnMut(&[u8])) -> Became {
        self.listen(terms, send);
        let (stage, became) = match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Shaking { news: News { certificate: Some(Certificate::Another), .. }, .. } => {
                (Stage::Failed, Became::Failed(DtlsFault::WrongCertificate))
            }
            Stage::Shaking { machine, news: News { keys: Some(keys), .. }, .. } => {
                (Stage::Keyed { machine, until: now + KEPT }, Became::Keyed(keys))
            }
            Stage::Shaking { until, .. } | Stage::Broken { until, .. } if now >= until => {
                let shared = if self.broke { DtlsFault::NothingInCommon } else { DtlsFault::NoHandshake };
                (Stage::Failed, Became::Failed(shared))
            }
            Stage::Shaking { until, news: News { has_broken: true, .. }, .. } => {
                self.broke = true;
                (Stage::Broken { until, again: now + PAUSE }, Became::Nothing)
            }
            Stage::Keyed { until, .. } if now >= until => (Stage::Kept, Became::Nothing),
            stage => (stage, Became::Nothing),
        };
        self.stage = stage;
        became
    }

    fn listen(&mut self, terms: &DtlsTerms, mut send: impl FnMut(&[u8])) {
        let mut unheard = News::default();
        let (machine, news) = match &mut self.stage {
            Stage::Shaking { machine, news, .. } => (machine, news),
            Stage::Keyed { machine, .. } => (machine, &mut unheard),
            Stage::Broken { .. } | Stage::Kept | Stage::Failed => return,
        };
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Datagram(datagram) => send(&datagram),
                Output::Certificate(certificate) => news.certificate = Some(told(&certificate, terms)),
                Output::Keys(suite, material) => {
                    // Without a certificate that is known nobody has keys.
                    let is_known = news.certificate == Some(Certificate::TheOneThatWasTold);
                    news.keys = keys_of(&material, suite, terms.role).filter(|_| is_known).map(Box::new);
                }
                Output::GivenUp => news.has_broken = true,
            }
        }
    }
}

impl Stage {
    fn begin(until: Instant, role: DtlsRole, identity: &Identity) -> Self {
        Self::Shaking { machine: Box::new(identity.begin(role)), until, news: News::default() }
    }

    /// When a handshake is given up.
    const fn until(&self) -> Option<Instant> {
        match self {
            Self::Shaking { until, .. } | Self::Broken { until, .. } => Some(*until),
            Self::Keyed { .. } | Self::Kept | Self::Failed => None,
        }
    }
}

/// RFC 6347 §4.1.2.7: what is no record is passed over without a word. One has a type, a version, and is as long as it says.
fn is_record(datagram: &[u8]) -> bool {
    let is_like_one = match datagram {
        [20..=26, 0xfe, _, _, _, _, _, _, _, _, _, high, low, rest @ ..] => {
            usize::from(u16::from_be_bytes([*high, *low])) <= rest.len()
        }
        _ => false,
    };
    is_like_one && datagram.len() <= MAX_RECORD
}

fn told(certificate: &[u8], terms: &DtlsTerms) -> Certificate {
    let is_told = terms.theirs.iter().any(|known| fingerprint_of(certificate, known.hash()) == *known);
    if is_told { Certificate::TheOneThatWasTold } else { Certificate::Another }
}

/// RFC 5764 §4.2: the client's key, the server's, the client's salt, the server's.
fn keys_of(material: &[u8], suite: SrtpSuite, role: DtlsRole) -> Option<SrtpKeys> {
    let (keys, salts) = material.split_at_checked(2 * suite.key_len())?;
    let (client, server) = keys.split_at(suite.key_len());
    let (client_salt, server_salt) = salts.split_at_checked(suite.salt_len())?;
    let key = |key: &[u8], salt: &[u8]| {
        Some(SrtpKey { suite, master: MasterKey::new(suite, [key, salt].concat())?, mki: None })
    };
    let (client, server) = (key(client, client_salt)?, key(server, server_salt)?);
    Some(match role {
        DtlsRole::Active => SrtpKeys { send: client, receive: server },
        DtlsRole::Passive => SrtpKeys { send: server, receive: client },
    })
}

#[cfg(test)]
pub(crate) mod tests;
