//! Offer and answer (RFC 3264) for audio.

use core::net::SocketAddr;

use terms::{
    Direction,
    media::{Codec, PayloadType, Ptime, Stream},
};
use thiserror::Error;

use crate::description::{ParseError, SessionDescription};

/// What we can do, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The codecs, in the order that we prefer them.
    pub codecs: Vec<Codec>,
    /// How much a packet holds where the peer has no wish.
    pub ptime: Ptime,
    /// The payload type that we offer for telephone events; none: they aren't offered or taken.
    pub events: Option<PayloadType>,
}

impl Default for Capabilities {
    /// A-law, then µ-law, 20 ms, events under 101.
    fn default() -> Self {
        Self { codecs: vec![Codec::Pcma, Codec::Pcmu], ptime: Ptime::MS_20, events: Some(PayloadType(101)) }
    }
}

/// Our own end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDescription {
    /// Where we receive RTP.
    pub rtp: SocketAddr,
    /// Where we receive RTCP.
    pub rtcp: SocketAddr,
    /// The session's id in `o=`; stays for the dialog.
    pub session_id: u64,
    /// The version in `o=`; one more for each description that differs (RFC 3264 §8).
    pub version: u64,
    /// Who may send, seen from us: what holds the peer, or not.
    pub direction: Direction,
}

impl LocalDescription {
    /// RTCP at the port above, session 1, version 1, both ways.
    pub fn new(rtp: SocketAddr) -> Self {
        let rtcp = SocketAddr::new(rtp.ip(), rtp.port().wrapping_add(1));
        Self { rtp, rtcp, session_id: 1, version: 1, direction: Direction::SendReceive }
    }
}

/// Our answer and what it means for the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub description: SessionDescription,
    /// Which of its media lines is the audio that we took, from 0.
    pub line: usize,
    /// What was agreed for it.
    pub stream: Stream,
}

/// An offer that we can't answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OfferError {
    /// RFC 3264 §6: no common format in any stream. We answer 488.
    #[error("no common audio codec; offered: {offered:?}")]
    NoCommonCodec {
        /// The audio encodings that were offered, such as `opus/48000/2`.
        offered: Vec<String>,
    },
    /// Audio is offered under protocols that we don't speak. We answer 488.
    #[error("no common audio protocol; offered: {offered:?}")]
    NoCommonProtocol {
        /// The protocol tokens.
        offered: Vec<String>,
    },
    /// The audio line has no usable address. We answer 400.
    #[error("media line {line} has no address")]
    NoAddress {
        /// Which media line, from 0.
        line: usize,
    },
    /// The body does not parse. We answer 400, with the line.
    #[error(transparent)]
    Malformed(#[from] ParseError),
}

impl OfferError {
    /// The SIP status that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoCommonCodec { .. } | Self::NoCommonProtocol { .. } => 488,
            Self::NoAddress { .. } | Self::Malformed(_) => 400,
        }
    }
}

/// An answer that we can't go on with: the call is ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// RFC 3264 §6: the peer took no audio.
    #[error("the peer refused the audio")]
    Refused,
    /// The peer answered with codecs that we hadn't offered.
    #[error("the peer answered with other codecs: {answered:?}")]
    NoCommonCodec {
        /// What it answered.
        answered: Vec<String>,
    },
    /// RFC 3264 §6: fewer or more lines than our offer had.
    #[error("{answered} media lines answer {offered}")]
    LineCount {
        /// How many we offered.
        offered: usize,
        /// How many came back.
        answered: usize,
    },
    /// The audio line has no usable address.
    #[error("media line {line} has no address")]
    NoAddress {
        /// Which media line, from 0.
        line: usize,
    },
    /// The body does not parse.
    #[error(transparent)]
    Malformed(#[from] ParseError),
}

/// Answers an offer: the first audio line with a codec of ours is taken, every other line is
/// refused in its place.
pub fn answer(
    offer: &SessionDescription,
    ours: &Capabilities,
    local: &LocalDescription,
) -> Result<Answered, OfferError> {
    let _ = (offer, ours, local);
    Err(OfferError::NoCommonCodec { offered: Vec::new() })
}

/// Our first offer: one audio line.
pub fn offer(ours: &Capabilities, local: &LocalDescription) -> SessionDescription {
    let _ = (ours, local);
    SessionDescription(sdp_types::Session::new(
        sdp_types::Origin::with_ip_addr(local.session_id, local.version, local.rtp.ip()),
        "-",
    ))
}

/// Our next offer in a session: what we last said, with `local`'s version, addresses and direction
/// (RFC 3264 §8: no line goes or changes its place).
pub fn reoffer(last: &SessionDescription, local: &LocalDescription) -> SessionDescription {
    let _ = local;
    last.clone()
}

/// Takes the answer to our offer.
pub fn accept(answer: &SessionDescription, ours: &SessionDescription) -> Result<Stream, AnswerError> {
    let _ = (answer, ours);
    Err(AnswerError::Refused)
}
