//! The names of the headers that we understand.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($name:ident = $text:literal $(/ $compact:literal)?),+ $(,)?) => {
        /// The name of a header that we understand. Any other passes through as it came.
        #[allow(missing_docs, reason = "the text beside each name says it")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum HeaderName {
            $($name,)+
        }

        impl HeaderName {
            const ALL: &[(Self, &'static str, Option<u8>)] =
                &[$((Self::$name, $text, names!(@compact $($compact)?)),)+];

            /// The name in full.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
    (@compact) => { None };
    (@compact $compact:literal) => { Some($compact) };
}

names! {
    Via = "Via" / b'v',
    From = "From" / b'f',
    To = "To" / b't',
    CallId = "Call-ID" / b'i',
    CSeq = "CSeq",
    MaxForwards = "Max-Forwards",
    Contact = "Contact" / b'm',
    ContentLength = "Content-Length" / b'l',
    ContentType = "Content-Type" / b'c',
    Route = "Route",
    RecordRoute = "Record-Route",
    Allow = "Allow",
    Supported = "Supported" / b'k',
    Require = "Require",
    Unsupported = "Unsupported",
    ProxyRequire = "Proxy-Require",
    UserAgent = "User-Agent",
    Server = "Server",
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    ContentEncoding = "Content-Encoding" / b'e',
    Expires = "Expires",
    Reason = "Reason",
    Warning = "Warning",
    RetryAfter = "Retry-After",
    Timestamp = "Timestamp",
    PAssertedIdentity = "P-Asserted-Identity",
    Diversion = "Diversion",
    PPreferredIdentity = "P-Preferred-Identity",
    Privacy = "Privacy",
    HistoryInfo = "History-Info",
    Path = "Path",
    ServiceRoute = "Service-Route",
    Replaces = "Replaces",
    SessionId = "Session-ID",
    Subject = "Subject" / b's',
    Event = "Event" / b'o',
    AllowEvents = "Allow-Events" / b'u',
    ReferTo = "Refer-To" / b'r',
    ReferredBy = "Referred-By" / b'b',
    SessionExpires = "Session-Expires" / b'x',
    MinSe = "Min-SE",
    RSeq = "RSeq",
    RAck = "RAck",
    Authorization = "Authorization",
    ProxyAuthorization = "Proxy-Authorization",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthenticate = "Proxy-Authenticate",
    MinExpires = "Min-Expires",
    FlowTimer = "Flow-Timer",
}

/// For each letter the names that begin with it, one bit for each place in `ALL`.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const BY_LETTER: [u64; 26] = {
    let (mut sets, mut at) = ([0; 26], 0);
    while at < HeaderName::ALL.len() {
        if let Some(letter) = HeaderName::ALL[at].1.as_bytes().first() {
            sets[(letter.to_ascii_lowercase() - b'a') as usize] |= 1 << at;
        }
        at += 1;
    }
    sets
};

impl HeaderName {
    /// The header that a name in full or in its compact form means, in any case.
    pub fn from_bytes(name: &[u8]) -> Option<Self> {
        let letter = name.first()?.to_ascii_lowercase();
        let mut candidates = *BY_LETTER.get(usize::from(letter.checked_sub(b'a')?))?;
        if name.len() == 1 {
            return Self::ALL.iter().find(|(_, _, compact)| *compact == Some(letter)).map(|(name, ..)| *name);
        }
        while candidates != 0 {
            let (candidate, text, _) = Self::ALL.get(candidates.trailing_zeros() as usize)?;
            if text.as_bytes() == name || text.as_bytes().eq_ignore_ascii_case(name) {
                return Some(*candidate);
            }
            candidates &= candidates - 1;
        }
        // Deviation: room systems of one vendor write underscores; nothing else is called so.
        name.eq_ignore_ascii_case(b"P_Preferred_Identity").then_some(Self::PPreferredIdentity)
    }

    /// The header's own bit in a set of headers.
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u64
    }

    /// Whether a message may have it only once.
    pub const fn is_unique(self) -> bool {
        matches!(
            self,
            Self::From
                | Self::To
                | Self::CallId
                | Self::CSeq
                | Self::MaxForwards
                | Self::ContentLength
                | Self::ContentType
        )
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
