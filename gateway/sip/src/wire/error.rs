//! What is wrong with a message, and what to answer.

use super::{HeaderName, Headers, Method, StatusCode, header::Via};
use alloc::boxed::Box;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More than [`limits::MESSAGE_BYTES`](super::limits::MESSAGE_BYTES).
    #[error("the message is too large")]
    TooLarge,
    /// Neither a request line nor a status line.
    #[error("the first line is no SIP start line")]
    StartLine,
    /// The method is no token.
    #[error("the method is no token")]
    Method,
    /// A SIP version other than 2.0.
    #[error("the version is not SIP/2.0")]
    Version,
    /// A status code outside 100 to 699.
    #[error("the status code is not 100 to 699")]
    Status,
    /// The Request-URI does not parse.
    #[error("the Request-URI does not parse")]
    RequestUri,
    /// No empty line ends the headers.
    #[error("no empty line ends the headers")]
    NoEndOfHeaders,
    /// A line is longer than [`limits::LINE_BYTES`](super::limits::LINE_BYTES).
    #[error("a line is too long")]
    LineTooLong,
    /// A stream has more than [`limits::HEAD_BYTES`](super::limits::HEAD_BYTES) without an empty line.
    #[error("the headers are too long")]
    HeadTooLong,
    /// More headers than [`limits::HEADERS`](super::limits::HEADERS).
    #[error("there are too many headers")]
    TooManyHeaders,
    /// A header line without a name, a colon, or with a lone CR.
    #[error("a header line has no name, no colon, or a lone CR")]
    HeaderLine,
    /// A mandatory header is missing (RFC 3261 §8.1.1).
    #[error("{0} is missing")]
    Missing(HeaderName),
    /// A header that may stand once stands twice.
    #[error("{0} stands more than once")]
    Repeated(HeaderName),
    /// A header's value does not parse.
    #[error("{0} does not parse")]
    Header(HeaderName),
    /// RFC 3261 §8.1.1.5: the method of CSeq is that of the request.
    #[error("the method of CSeq is not that of the request")]
    CSeqMethod,
    /// The datagram ends before the body does (RFC 3261 §18.3).
    #[error("the body is shorter than Content-Length")]
    BodyTruncated,
}

impl Malformed {
    /// What a request with this fault is answered.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge | Self::HeadTooLong => StatusCode::MESSAGE_TOO_LARGE,
            Self::Version => StatusCode::VERSION_NOT_SUPPORTED,
            Self::StartLine
            | Self::Method
            | Self::Status
            | Self::RequestUri
            | Self::NoEndOfHeaders
            | Self::LineTooLong
            | Self::TooManyHeaders
            | Self::HeaderLine
            | Self::Missing(_)
            | Self::Repeated(_)
            | Self::Header(_)
            | Self::CSeqMethod
            | Self::BodyTruncated => StatusCode::BAD_REQUEST,
        }
    }
}

/// A message that could not be taken, by what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is a response, an ACK, or does not say where an answer goes: drop it.
    #[error("dropped: {0}")]
    Drop(#[source] Malformed),
    /// A request that says where its answer goes: answer [`Malformed::status`].
    #[error("to be answered: {}", .0.malformed)]
    Answer(Box<BadRequest>),
}

impl ParseError {
    /// What is wrong.
    pub const fn malformed(&self) -> Malformed {
        match self {
            Self::Drop(malformed) => *malformed,
            Self::Answer(bad) => bad.malformed,
        }
    }
}

/// What an answer to a malformed request is made of.
#[derive(Debug)]
pub struct BadRequest {
    /// What is wrong.
    pub malformed: Malformed,
    /// The method as far as it was legible.
    pub method: Method,
    /// The topmost Via.
    pub via: Via,
    /// All headers, unread.
    pub headers: Headers,
}
