//! Messages: parsed once into values that own their datagram, written header by header.

#![deny(clippy::indexing_slicing)]

mod body;
mod error;
pub mod header;
mod headers;
mod host;
pub mod limits;
mod message;
mod method;
mod params;
mod parse;
mod scan;
mod status;
pub mod stream;
pub mod stun;
pub(crate) mod text;
mod uri;
mod write;

#[cfg(test)]
mod tests;

pub use body::Body;
pub use error::{BadRequest, Malformed, ParseError};
pub use header::{
    Allow, Authorization, Branch, CSeq, CallId, Contact, ContentLength, ContentType, Diversion, Expires,
    FlowTimer, From, Header, HeaderName, HistoryInfo, MaxForwards, MinExpires, MinSe, NameAddr, OptionTag,
    PAssertedIdentity, PPreferredIdentity, Path, Privacy, RAck, RSeq, Reason, RecordRoute, ReferTo,
    Refresher, Replaces, Require, RetryAfter, Route, SequenceNumber, ServiceRoute, SessionExpires, SessionId,
    Supported, Tag, Timestamp, To, Transport, Unsupported, Via, Warning, WwwAuthenticate,
    reason::ReasonCause,
};
pub use headers::Headers;
pub use host::Host;
pub use message::{Head, Message, Request, Response};
pub use method::Method;
pub use params::{Param, Params};
pub use parse::parse;
pub(crate) use scan::unescaped;
pub use status::StatusCode;
pub use text::{Piece, Text};
pub use uri::{NotAUri, Scheme, Uri};
pub use write::MessageWriter;
