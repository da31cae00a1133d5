//! Connectivity checks (ICE, RFC 8839), of which we are the lite side: we have one address a component, answer checks and make
//! none.

use core::net::{IpAddr, SocketAddr};

use sdp_types::Attribute;
use terms::media::{IceCredentials, IceTerms, RtcpPath};

use crate::{description::MediaDescription, offer_answer::LocalDescription};

/// Candidates of one medium that are looked at.
const MAX_CANDIDATES: usize = 64;

/// RFC 8445 §5.1.2.1: of a host's only address.
const HOST_PRIORITY: u32 = (126 << 24) | (65_535 << 8);

/// RFC 8445 §4: an address of a stream, or of its RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// 1 for RTP, 2 for RTCP.
    pub component: u16,
    /// By UDP.
    pub address: SocketAddr,
}

/// What an offer's checks come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Checks {
    /// It offers none, or none are answered here.
    None,
    /// RFC 8839 §4.2.5: somebody on the way has changed the address and knows nothing of checks. They would find nobody.
    Mismatch,
    /// They are answered.
    Answered(IceTerms),
}

impl MediaDescription<'_> {
    /// RFC 8839 §5.4: the describer's credentials; the line's own, else the session's.
    pub fn ice(&self) -> Option<IceCredentials> {
        let own = |name| self.value(name).or_else(|| self.of_session(name));
        let [ufrag, password] = ["ice-ufrag", "ice-pwd"].map(own);
        IceCredentials::new(ufrag?.trim().to_owned(), password?.trim().to_owned())
    }

    /// RFC 8839 §5.1: its candidates by UDP whose address is none of a name, in order.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> {
        let lines = self.attributes().filter(|(name, _)| name.eq_ignore_ascii_case("candidate"));
        lines.take(MAX_CANDIDATES).filter_map(|(_, value)| candidate(value?))
    }

    fn of_session(&self, wanted: &str) -> Option<&str> {
        let mut lines = self.session.attributes.iter();
        lines.find(|line| line.attribute.eq_ignore_ascii_case(wanted))?.value.as_deref()
    }

    /// RFC 8839 §4.2.5: the default address of each component is one of its candidates. RFC 8840 §4.1: who gathers them yet has
    /// none, and says so.
    fn has_its_default(&self) -> bool {
        let options = || self.value("ice-options").into_iter().chain(self.of_session("ice-options"));
        let trickles =
            || options().any(|text| text.split_ascii_whitespace().any(|option| option == "trickle"));
        let of = |component| self.candidates().filter(move |candidate| candidate.component == component);
        let is_among = |component, address: Option<SocketAddr>| {
            of(component).any(|candidate| Some(candidate.address) == address)
        };
        if self.candidates().next().is_none() {
            return trickles();
        }
        let has_rtcp = self.rtcp_path() == RtcpPath::Apart && of(2).next().is_some();
        is_among(1, self.rtp()) && (!has_rtcp || is_among(2, self.rtcp()))
    }

    fn is_mismatched(&self) -> bool {
        self.attributes().any(|(name, _)| name.eq_ignore_ascii_case("ice-mismatch"))
    }
}

/// RFC 8839 §5.1: foundation, component, transport, priority, address, port; what is behind says how it was found.
fn candidate(text: &str) -> Option<Candidate> {
    let mut words = text.split_ascii_whitespace().skip(1);
    let component = words.next()?.parse().ok()?;
    let is_udp = words.next()?.eq_ignore_ascii_case("udp");
    let (ip, port) = (words.nth(1)?.parse::<IpAddr>().ok()?, words.next()?.parse().ok()?);
    is_udp.then_some(Candidate { component, address: SocketAddr::new(ip, port) })
}

pub(crate) fn choose(offer: &MediaDescription<'_>, ours: Option<&IceCredentials>) -> Checks {
    match (ours, offer.ice()) {
        (Some(ours), Some(theirs)) if offer.has_its_default() => {
            Checks::Answered(IceTerms { ours: ours.clone(), theirs })
        }
        (Some(_), Some(_)) => Checks::Mismatch,
        (None, _) | (_, None) => Checks::None,
    }
}

/// What the answer to an offer of ours means for us.
pub(crate) fn answered(own: &MediaDescription<'_>, theirs: &MediaDescription<'_>) -> Option<IceTerms> {
    let terms = IceTerms { ours: own.ice()?, theirs: theirs.ice()? };
    (!theirs.is_mismatched()).then_some(terms)
}

impl Checks {
    pub(crate) fn terms(&self) -> Option<&IceTerms> {
        match self {
            Self::Answered(terms) => Some(terms),
            Self::None | Self::Mismatch => None,
        }
    }

    /// RFC 8839 §5.3 and §5.6: what the session has to say.
    pub(crate) fn of_session(&self) -> Vec<Attribute> {
        match self {
            Self::Answered(_) => {
                vec![Attribute::new("ice-lite"), Attribute::with_value("ice-options", "ice2")]
            }
            Self::None | Self::Mismatch => Vec::new(),
        }
    }

    /// The lines of our answer: one candidate a component.
    pub(crate) fn of_media(&self, local: &LocalDescription, rtcp: RtcpPath) -> Vec<Attribute> {
        let terms = match self {
            Self::None => return Vec::new(),
            Self::Mismatch => return vec![Attribute::new("ice-mismatch")],
            Self::Answered(terms) => terms,
        };
        let line = |component: u32, address: SocketAddr| {
            let priority = HOST_PRIORITY + (256 - component);
            let (ip, port) = (address.ip(), address.port());
            Attribute::with_value("candidate", format!("1 {component} UDP {priority} {ip} {port} typ host"))
        };
        let mut lines = vec![
            Attribute::with_value("ice-ufrag", terms.ours.ufrag.clone()),
            Attribute::with_value("ice-pwd", terms.ours.reveal().to_owned()),
            line(1, local.rtp),
        ];
        lines.extend((rtcp == RtcpPath::Apart).then(|| line(2, local.rtcp)));
        lines
    }
}

#[cfg(test)]
mod tests;
