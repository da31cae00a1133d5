//! What a request asks for.

use super::{Piece, Text};
use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// A request's method. Methods are compared by case (RFC 3261 §7.1).
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Method {
            $($(#[$doc])* $name,)+
            /// One that we do not know: passed through verbatim, answered with 501.
            Other(Text),
        }

        impl Method {
            /// The method that a token names.
            pub(crate) fn from_token(token: Piece<'_>) -> Self {
                match token.as_bytes() {
                    $(text if text == $text.as_bytes() => Self::$name,)+
                    _ => Self::Other(token.to_text()),
                }
            }

            /// The method as it stands in a message.
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Self::$name => $text.as_bytes(),)+
                    Self::Other(token) => token.as_bytes(),
                }
            }
        }
    };
}

methods! {
    /// RFC 3261 §13.
    Invite = "INVITE",
    /// RFC 3261 §13.2.2.4.
    Ack = "ACK",
    /// RFC 3261 §15.
    Bye = "BYE",
    /// RFC 3261 §9.
    Cancel = "CANCEL",
    /// RFC 3261 §11.
    Options = "OPTIONS",
    /// RFC 3261 §10.
    Register = "REGISTER",
    /// RFC 3262.
    Prack = "PRACK",
    /// RFC 3311.
    Update = "UPDATE",
    /// RFC 6086.
    Info = "INFO",
    /// RFC 3515.
    Refer = "REFER",
    /// RFC 6665.
    Subscribe = "SUBSCRIBE",
    /// RFC 6665.
    Notify = "NOTIFY",
    /// RFC 3428.
    Message = "MESSAGE",
    /// RFC 3903.
    Publish = "PUBLISH",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(token) => fmt::Display::fmt(token, f),
            known => f.write_str(core::str::from_utf8(known.as_bytes()).unwrap_or_default()),
        }
    }
}
