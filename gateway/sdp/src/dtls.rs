//! Keys by a handshake where the media go (DTLS-SRTP, RFC 5763 and 5764): which side begins, and who may be at the other end.

use sdp_types::Attribute;
use terms::media::{DtlsRole, DtlsTerms, Fingerprint, PayloadType, RtcpPath};

use crate::description::MediaDescription;

/// Fingerprints of one medium that are looked at.
const MAX_FINGERPRINTS: usize = 16;

/// Our side of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDtls {
    /// What our certificate is known by.
    pub fingerprint: Fingerprint,
    /// Of the handshake that was agreed on before, if one was.
    pub role: Option<DtlsRole>,
}

/// RFC 4145 §4: what the describer would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// It begins.
    Active,
    /// It waits.
    Passive,
    /// Either.
    ActPass,
    /// Nothing yet.
    HoldConn,
}

impl Setup {
    const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }

    const fn of(role: DtlsRole) -> Self {
        match role {
            DtlsRole::Active => Self::Active,
            DtlsRole::Passive => Self::Passive,
        }
    }
}

impl MediaDescription<'_> {
    /// RFC 8122 §5: what the describer's certificate is known by; the line's own, else the session's. A function that we
    /// don't know is passed over. Where there are several, those of the strongest function count (RFC 8122 §5.1): each is of
    /// another certificate.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let own = self.attributes().any(|(name, _)| name.eq_ignore_ascii_case("fingerprint"));
        let lines = if own { &self.media.attributes } else { &self.session.attributes };
        let lines = lines.iter().filter(|line| line.attribute.eq_ignore_ascii_case("fingerprint"));
        let known = lines.take(MAX_FINGERPRINTS).filter_map(|line| line.value.as_ref()?.parse().ok());
        let mut known: Vec<Fingerprint> = known.collect();
        let strongest = known.iter().map(Fingerprint::hash).max();
        known.retain(|fingerprint| Some(fingerprint.hash()) == strongest);
        // In whatever order they stand, they are of the same certificates.
        known.sort_unstable();
        known.dedup();
        known
    }

    /// RFC 4145 §4: what the describer would do; none where it doesn't say so.
    pub fn setup(&self) -> Option<Setup> {
        let said = self.value("setup").or_else(|| {
            let session = self.session.attributes.iter();
            let mut setups = session.filter(|line| line.attribute.eq_ignore_ascii_case("setup"));
            setups.next()?.value.as_deref()
        })?;
        let known = [Setup::Active, Setup::Passive, Setup::ActPass, Setup::HoldConn];
        known.into_iter().find(|setup| said.trim().eq_ignore_ascii_case(setup.name()))
    }

    /// RFC 5761 §5.1.1: whether the describer takes RTCP where it takes RTP.
    pub fn rtcp_path(&self) -> RtcpPath {
        let is_muxed = self.attributes().any(|(name, _)| name.eq_ignore_ascii_case("rtcp-mux"));
        if is_muxed { RtcpPath::Muxed } else { RtcpPath::Apart }
    }
}

/// RFC 5763 §5: an offer that leaves us the choice finds us beginning, which is soonest; one of a handshake that stands finds
/// us as we were (RFC 8842 §5.3). RFC 4145 §4.1: who doesn't say anything offers to begin. RFC 5763 §5 has no `holdconn`.
pub(crate) fn choose(offer: &MediaDescription<'_>, ours: &LocalDtls) -> Option<DtlsTerms> {
    let theirs = offer.fingerprints();
    let role = match offer.setup() {
        Some(Setup::ActPass) => ours.role.unwrap_or(DtlsRole::Active),
        Some(Setup::Passive) => DtlsRole::Active,
        Some(Setup::Active) | None => DtlsRole::Passive,
        Some(Setup::HoldConn) => return None,
    };
    (!theirs.is_empty()).then_some(DtlsTerms { role, theirs })
}

/// RFC 5763 §5: what the answer to an offer of ours means for us. RFC 4145 §4.1: who doesn't say anything waits.
pub(crate) fn answered(own: &MediaDescription<'_>, theirs: &MediaDescription<'_>) -> Option<DtlsTerms> {
    let fingerprints = theirs.fingerprints();
    let role = match theirs.setup() {
        Some(Setup::Active) => DtlsRole::Passive,
        Some(Setup::Passive) | None => DtlsRole::Active,
        Some(Setup::ActPass | Setup::HoldConn) => return None,
    };
    let is_agreed = !own.fingerprints().is_empty() && !fingerprints.is_empty();
    is_agreed.then_some(DtlsTerms { role, theirs: fingerprints })
}

/// The lines of our answer. RFC 8842 §5.3: without `tls-id`, which is for who keeps several associations on one address.
pub(crate) fn attributes(ours: &LocalDtls, agreed: &DtlsTerms) -> [Attribute; 2] {
    [
        Attribute::with_value("fingerprint", ours.fingerprint.to_string()),
        Attribute::with_value("setup", Setup::of(agreed.role).name()),
    ]
}

/// The lines of our first offer. RFC 5763 §5: the peer chooses who begins; RFC 5761 §5.1.1: one handshake may do for RTCP too.
pub(crate) fn offered(ours: &LocalDtls) -> [Attribute; 3] {
    let fingerprint = Attribute::with_value("fingerprint", ours.fingerprint.to_string());
    [fingerprint, offered_again(), Attribute::new("rtcp-mux")]
}

/// RFC 8842 §5.5: an offer leaves the choice to the peer, who makes it as before.
pub(crate) fn offered_again() -> Attribute {
    Attribute::with_value("setup", Setup::ActPass.name())
}

/// RFC 5761 §4: whether RTP of such a payload type would be taken for RTCP where both come by one address.
pub(crate) const fn looks_like_rtcp(payload_type: PayloadType) -> bool {
    matches!(payload_type.0, 64..=95)
}

#[cfg(test)]
mod tests;
