//! One typed header a file: what can be constructed can be sent.

pub mod allow;
pub mod call_id;
pub mod contact;
pub mod content_length;
pub mod content_type;
pub mod cseq;
pub mod diversion;
pub mod expires;
pub mod from_to;
pub mod max_forwards;
pub mod name;
pub mod name_addr;
pub mod option_tag;
pub mod p_asserted_identity;
pub mod reason;
pub mod retry_after;
pub mod route;
pub mod timestamp;
pub mod via;
pub mod warning;

pub use allow::Allow;
pub use call_id::CallId;
pub use contact::Contact;
pub use content_length::ContentLength;
pub use content_type::ContentType;
pub use cseq::{CSeq, SequenceNumber};
pub use diversion::Diversion;
pub use expires::Expires;
pub use from_to::{From, To};
pub use max_forwards::MaxForwards;
pub use name::HeaderName;
pub use name_addr::{NameAddr, Tag};
pub use option_tag::{OptionTag, Require, Supported, Unsupported};
pub use p_asserted_identity::PAssertedIdentity;
pub use reason::Reason;
pub use retry_after::RetryAfter;
pub use route::{RecordRoute, Route};
pub use timestamp::Timestamp;
pub use via::{Branch, Transport, Via};
pub use warning::Warning;

use super::Text;
use bytes::BytesMut;

/// Whether commas separate values within one line (RFC 3261 §7.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A line holds one value.
    Single,
    /// A line holds values with commas between them.
    List,
}

/// A header that we understand.
pub trait Header: Sized {
    /// Its name.
    const NAME: HeaderName;
    /// Whether a line may hold several.
    const SHAPE: Shape;

    /// Reads one value, white space around it taken off.
    fn parse(value: &Text) -> Option<Self>;

    /// Appends the value.
    fn write(&self, out: &mut BytesMut);
}
