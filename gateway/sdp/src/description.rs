//! A session description and a typed view of its media lines.

mod features;

use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use terms::{Direction, MediaKind, media::PayloadType};
use thiserror::Error;

/// Of what nobody knows so much is kept.
const LONGEST_KIND: usize = 32;

pub use features::{Crypto, Feedback, FeedbackKind, Floor, KeyExchange, Profile, Protection};

/// Larger bodies aren't read: the largest offers of room systems are about 4 kB.
const MAX_OCTETS: usize = 64 * 1024;
/// A description has no more media lines than this.
const MAX_MEDIA: usize = 32;

/// The body is no SDP. We answer 400 and name the line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("SDP line {line}: {reason}")]
pub struct ParseError {
    /// Which line, from 1; 0 where a line is missing.
    pub line: usize,
    /// What is wrong with it, in words for a person.
    pub reason: String,
}

/// A session description with all that was written in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription(pub(crate) sdp_types::Session);

impl From<sdp_types::ParserError> for ParseError {
    fn from(error: sdp_types::ParserError) -> Self {
        use sdp_types::ParserError as E;
        let line = match &error {
            E::InvalidLineFormat(line, _)
            | E::InvalidFieldEncoding(line, _)
            | E::InvalidFieldFormat(line, _)
            | E::MissingField(line, _)
            | E::FieldTrailingData(line, _)
            | E::InvalidVersion(line, _)
            | E::MultipleVersions(line)
            | E::MultipleOrigins(line)
            | E::MultipleSessionNames(line)
            | E::MultipleSessionDescription(line)
            | E::MultipleUris(line)
            | E::MultipleConnections(line)
            | E::MultipleTimeZones(line)
            | E::MultipleMediaTitles(line)
            | E::MultipleKeys(line)
            | E::RepeatWithoutTime(line) => *line,
            // No version line, and two kinds that are no longer made.
            _ => 0,
        };
        Self { line, reason: error.to_string() }
    }
}

impl SessionDescription {
    /// Reads a body.
    ///
    /// Deviation: `o=`, `s=` and `t=` may be missing, lines may stand in another order, and lines
    /// of unknown type are left out (RFC 8866 §5 says to ignore the whole body): some endpoints
    /// send such bodies.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        if body.len() > MAX_OCTETS {
            return Err(ParseError { line: 0, reason: format!("more than {MAX_OCTETS} octets") });
        }
        let session = sdp_types::Session::parse(body)?;
        if session.medias.len() > MAX_MEDIA {
            return Err(ParseError { line: 0, reason: format!("more than {MAX_MEDIA} media lines") });
        }
        Ok(Self(session))
    }

    /// The body, its lines ended by CRLF.
    pub fn print(&self) -> String {
        let mut body = Vec::new();
        self.0.write(&mut body).expect("writing to memory can't fail");
        // It is kept for as long as its call.
        body.shrink_to_fit();
        String::from_utf8(body).expect("it is written from strings alone")
    }

    /// The media lines, in order.
    pub fn media(&self) -> impl Iterator<Item = MediaDescription<'_>> {
        self.0.medias.iter().map(|media| MediaDescription { session: &self.0, media })
    }

    /// The session's own attributes, in order: name and value.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        pairs(&self.0.attributes)
    }

    /// RFC 8866 §5.2: the version in `o=`, which rises with each change (RFC 3264 §8).
    pub const fn version(&self) -> u64 {
        self.0.origin.sess_version
    }

    /// Whether two descriptions say the same, their versions apart: then the later one needs no new
    /// version (RFC 3264 §8).
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let mut other = other.clone();
        other.0.origin.sess_version = self.version();
        *self == other
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
        let is_slides = || self.content().any(|content| content.eq_ignore_ascii_case("slides"));
        let is_h224 = || {
            self.payload_types().filter_map(|payload_type| self.rtpmap(payload_type)).any(|encoding| {
                encoding.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case("H224"))
            })
        };
        match self.media.media.to_ascii_lowercase().as_str() {
            "audio" => MediaKind::Audio,
            "video" if is_slides() => MediaKind::Slides,
            "video" => MediaKind::Video,
            "application" if self.protocol().to_ascii_uppercase().ends_with("/BFCP") => MediaKind::Bfcp,
            "application" if is_h224() => MediaKind::CameraControl,
            _ => MediaKind::Unknown(self.media.media.chars().take(LONGEST_KIND).collect()),
        }
    }

    /// Where the describer receives; 0 is a refused or disabled line.
    pub const fn port(&self) -> u16 {
        self.media.port
    }

    /// The protocol token as it was written, such as `RTP/AVP`.
    pub fn protocol(&self) -> &'a str {
        &self.media.proto
    }

    /// The formats in their order, as they were written.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.media.fmt.split_ascii_whitespace()
    }

    /// The formats that are RTP payload types, in their order.
    pub fn payload_types(&self) -> impl Iterator<Item = PayloadType> + use<'a> {
        self.formats()
            .filter_map(|format| format.parse().ok().filter(|number| *number < 128).map(PayloadType))
    }

    /// The address of its own `c=` line, else the session's; none where there is neither, or it
    /// is no address.
    pub fn address(&self) -> Option<IpAddr> {
        let connection = self.media.connections.first().or(self.session.connection.as_ref())?;
        address(&connection.connection_address)
    }

    /// Where the describer wants the media.
    pub fn rtp(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.address()?, self.port()))
    }

    /// Where the describer wants RTCP: `a=rtcp` (RFC 3605), else the port above.
    pub fn rtcp(&self) -> Option<SocketAddr> {
        let rtp = self.rtp()?;
        let default = SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1));
        // RFC 3605 §2.1: port, or port, network type, address type, address.
        let mut words = self.value("rtcp").unwrap_or_default().split_ascii_whitespace();
        let Some(port) = words.next().and_then(|port| port.parse().ok()) else { return Some(default) };
        let ip = words.nth(2).and_then(address).unwrap_or(rtp.ip());
        Some(SocketAddr::new(ip, port))
    }

    /// Who sends, **seen from the describer**: its own attribute, else the session's, else both
    /// (RFC 8866 §6.7). An address of all zeros is the old form of hold (RFC 3264 §8.4): the
    /// describer doesn't receive.
    pub fn direction(&self) -> Direction {
        let own = pairs(&self.media.attributes).find_map(|(name, _)| direction(name));
        let written = own.or_else(|| pairs(&self.session.attributes).find_map(|(name, _)| direction(name)));
        let written = written.unwrap_or(Direction::SendReceive);
        match (self.address().is_some_and(|address| address.is_unspecified()), written) {
            (true, Direction::SendReceive) => Direction::SendOnly,
            (true, Direction::ReceiveOnly) => Direction::Inactive,
            (_, written) => written,
        }
    }

    /// RFC 8866 §6.4: how much sound a packet should hold, in milliseconds.
    pub fn ptime(&self) -> Option<u32> {
        self.number("ptime")
    }

    /// RFC 8866 §6.5: how much it may hold at most, in milliseconds.
    pub fn maxptime(&self) -> Option<u32> {
        self.number("maxptime")
    }

    /// RFC 8866 §6.6: the encoding of a payload type, such as `opus/48000/2`.
    pub fn rtpmap(&self, payload_type: PayloadType) -> Option<&'a str> {
        self.of_payload_type("rtpmap", payload_type)
    }

    /// RFC 8866 §6.15: the parameters of a payload type.
    pub fn fmtp(&self, payload_type: PayloadType) -> Option<&'a str> {
        self.of_payload_type("fmtp", payload_type)
    }

    /// Its attributes, in order: name and value.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        pairs(&self.media.attributes)
    }

    pub(crate) fn value(&self, wanted: &str) -> Option<&'a str> {
        self.attributes().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).and_then(|(_, value)| value)
    }

    /// Some write `20.0`: what is behind the point is left out.
    fn number(&self, name: &str) -> Option<u32> {
        self.value(name)?.trim().split('.').next()?.parse().ok()
    }

    fn of_payload_type(&self, wanted: &str, payload_type: PayloadType) -> Option<&'a str> {
        let values = self.attributes().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        values.filter_map(|(_, value)| value?.trim().split_once(' ')).find_map(|(number, rest)| {
            let is_it = number.parse() == Ok(payload_type.0);
            is_it.then(|| rest.trim())
        })
    }
}

fn pairs(attributes: &[sdp_types::Attribute]) -> impl Iterator<Item = (&str, Option<&str>)> {
    attributes.iter().map(|line| (line.attribute.as_str(), line.value.as_deref()))
}

/// RFC 8866 §5.7: an address, with or without a time to live behind a slash.
fn address(text: &str) -> Option<IpAddr> {
    text.split('/').next()?.trim().parse().ok()
}

fn direction(name: &str) -> Option<Direction> {
    match name.to_ascii_lowercase().as_str() {
        "sendrecv" => Some(Direction::SendReceive),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::ReceiveOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
