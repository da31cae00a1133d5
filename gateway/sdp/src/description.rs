//! A session description and a typed view of its media lines.

use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use terms::{
    Direction, MediaKind,
    media::{PayloadType, Ptime},
};
use thiserror::Error;

/// The body is no SDP. We answer 400 and name the line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("SDP line {line}: {reason}")]
pub struct ParseError {
    /// Which line, from 1; 0 where a line is missing.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// A session description with all that was written in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription(pub(crate) sdp_types::Session);

impl SessionDescription {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let _ = body;
        Err(ParseError { line: 0, reason: String::new() })
    }

    /// The body, its lines ended by CRLF.
    pub fn print(&self) -> String {
        String::new()
    }

    /// The media lines, in order.
    pub fn media(&self) -> impl Iterator<Item = MediaDescription<'_>> {
        self.0.medias.iter().map(|media| MediaDescription { session: &self.0, media })
    }

    /// The session's own attributes, in order: name and value.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.attributes.iter().map(|line| (line.attribute.as_str(), line.value.as_deref()))
    }

    /// RFC 8866 §5.2: the version in `o=`, which rises with each change (RFC 3264 §8).
    pub fn version(&self) -> u64 {
        self.0.origin.sess_version
    }

    /// Whether two descriptions say the same, their versions apart.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let _ = other;
        false
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print())
    }
}

/// One media line with what belongs to it, session-level defaults included.
#[derive(Debug, Clone, Copy)]
pub struct MediaDescription<'a> {
    pub(crate) session: &'a sdp_types::Session,
    pub(crate) media: &'a sdp_types::Media,
}

impl<'a> MediaDescription<'a> {
    /// What it carries. Slides are told from video by `a=content` (RFC 4796).
    pub fn kind(&self) -> MediaKind {
        MediaKind::Audio
    }

    /// Where the describer receives; 0 is a refused or disabled line.
    pub fn port(&self) -> u16 {
        self.media.port
    }

    /// The protocol token as it was written, such as `RTP/AVP`.
    pub fn protocol(&self) -> &'a str {
        &self.media.proto
    }

    /// The formats in their order, as they were written.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> {
        self.media.fmt.split_ascii_whitespace()
    }

    /// The address of its own `c=` line, else the session's; none where there is neither, or it
    /// is no address.
    pub fn address(&self) -> Option<IpAddr> {
        let _ = self.session;
        None
    }

    /// Where the describer wants the media.
    pub fn rtp(&self) -> Option<SocketAddr> {
        None
    }

    /// Where the describer wants RTCP: `a=rtcp` (RFC 3605), else the port above.
    pub fn rtcp(&self) -> Option<SocketAddr> {
        None
    }

    /// Who sends, **seen from the describer**: its own attribute, else the session's, else both
    /// (RFC 8866 §6.7). An address of all zeros is the old form of hold (RFC 3264 §8.4): the
    /// describer doesn't receive.
    pub fn direction(&self) -> Direction {
        Direction::SendReceive
    }

    /// RFC 8866 §6.4: how much sound a packet should hold, in milliseconds.
    pub fn ptime(&self) -> Option<u32> {
        None
    }

    /// RFC 8866 §6.5: how much it may hold at most, in milliseconds.
    pub fn maxptime(&self) -> Option<u32> {
        None
    }

    /// RFC 8866 §6.6: the encoding of a payload type, such as `opus/48000/2`.
    pub fn rtpmap(&self, payload_type: PayloadType) -> Option<&'a str> {
        let _ = (payload_type, Ptime::MS_20);
        None
    }

    /// RFC 8866 §6.15: the parameters of a payload type.
    pub fn fmtp(&self, payload_type: PayloadType) -> Option<&'a str> {
        let _ = payload_type;
        None
    }

    /// Its attributes, in order: name and value.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.media.attributes.iter().map(|line| (line.attribute.as_str(), line.value.as_deref()))
    }
}
