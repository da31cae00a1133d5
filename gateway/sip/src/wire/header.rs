//! One typed header a file: what can be constructed can be sent.

pub mod allow;
pub mod authorization;
pub mod call_id;
pub mod contact;
pub mod content_length;
pub mod content_type;
pub mod cseq;
pub mod diversion;
pub mod expires;
pub mod flow_timer;
pub mod from_to;
pub mod history_info;
pub mod max_forwards;
pub mod min_expires;
pub mod min_se;
pub mod name;
pub mod name_addr;
pub mod option_tag;
pub mod p_asserted_identity;
pub mod p_preferred_identity;
pub mod path;
pub mod privacy;
pub mod rack;
pub mod reason;
pub mod refer_to;
pub mod replaces;
pub mod retry_after;
pub mod route;
pub mod rseq;
pub mod service_route;
pub mod session_expires;
pub mod session_id;
pub mod timestamp;
pub mod via;
pub mod warning;
pub mod www_authenticate;

pub use allow::Allow;
pub use authorization::Authorization;
pub use call_id::CallId;
pub use contact::Contact;
pub use content_length::ContentLength;
pub use content_type::ContentType;
pub use cseq::{CSeq, SequenceNumber};
pub use diversion::Diversion;
pub use expires::Expires;
pub use flow_timer::FlowTimer;
pub use from_to::{From, To};
pub use history_info::HistoryInfo;
pub use max_forwards::MaxForwards;
pub use min_expires::MinExpires;
pub use min_se::MinSe;
pub use name::HeaderName;
pub use name_addr::{NameAddr, Tag};
pub use option_tag::{OptionTag, Require, Supported, Unsupported};
pub use p_asserted_identity::PAssertedIdentity;
pub use p_preferred_identity::PPreferredIdentity;
pub use path::Path;
pub use privacy::Privacy;
pub use rack::RAck;
pub use reason::Reason;
pub use refer_to::ReferTo;
pub use replaces::Replaces;
pub use retry_after::RetryAfter;
pub use route::{RecordRoute, Route};
pub use rseq::RSeq;
pub use service_route::ServiceRoute;
pub use session_expires::{Refresher, SessionExpires};
pub use session_id::SessionId;
pub use timestamp::Timestamp;
pub use via::{Branch, Transport, Via};
pub use warning::Warning;
pub use www_authenticate::WwwAuthenticate;

use super::Piece;
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
    fn parse(value: Piece<'_>) -> Option<Self>;

    /// Appends the value.
    fn write(&self, out: &mut BytesMut);
}
