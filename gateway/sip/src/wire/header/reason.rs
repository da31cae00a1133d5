//! Reason (RFC 3326), in responses as well (RFC 6432).

use super::{Header, HeaderName, Shape, name_addr};
use crate::wire::{Params, Piece, StatusCode, Text, host::write_display, scan};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};
use terms::cause::Cause;

/// Whose numbering the cause is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReasonCause {
    /// `Q.850;cause=`
    Q850(Cause),
    /// `SIP;cause=`
    Sip(StatusCode),
    /// Another protocol, or one of these without a number that fits.
    Other {
        /// The protocol.
        protocol: Text,
        /// Its parameters, cause and text among them.
        params: Params,
    },
}

/// Why a request or response was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The number.
    pub cause: ReasonCause,
    /// The words, without quotes.
    pub text: Option<Text>,
}

impl Reason {
    /// A Q.850 cause without words.
    pub const fn q850(cause: Cause) -> Self {
        Self { cause: ReasonCause::Q850(cause), text: None }
    }

    /// The Q.850 cause, when it is one.
    pub const fn cause(&self) -> Option<Cause> {
        match &self.cause {
            ReasonCause::Q850(cause) => Some(*cause),
            ReasonCause::Sip(_) | ReasonCause::Other { .. } => None,
        }
    }
}

impl Header for Reason {
    const NAME: HeaderName = HeaderName::Reason;
    const SHAPE: Shape = Shape::List;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let params_at = bytes.iter().position(|byte| *byte == b';').unwrap_or(bytes.len());
        let (protocol, params) = bytes.split_at_checked(params_at)?;
        let protocol = value.part(scan::trim(protocol));
        if !scan::is_token(protocol.as_bytes()) {
            return None;
        }
        let params = Params::parse(value.part(params))?;
        let number = params.get("cause").and_then(|cause| scan::decimal(cause.as_bytes()));
        let number = number.and_then(|number| u16::try_from(number).ok());
        let q850 =
            number.and_then(|number| u8::try_from(number).ok()).filter(|number| (1..128).contains(number));
        let text = params.get("text").map(|text| name_addr::unescape(text.piece(), text.as_bytes()));
        let cause = match (q850, number.and_then(StatusCode::new)) {
            (Some(cause), _) if protocol.is("Q.850") => ReasonCause::Q850(Cause(cause)),
            (_, Some(status)) if protocol.is("SIP") => ReasonCause::Sip(status),
            _ => ReasonCause::Other { protocol, params },
        };
        Some(Self { cause, text })
    }

    fn write(&self, out: &mut BytesMut) {
        match &self.cause {
            ReasonCause::Q850(cause) => {
                out.put_slice(b"Q.850;cause=");
                write_display(out, cause.0);
            }
            ReasonCause::Sip(status) => {
                out.put_slice(b"SIP;cause=");
                write_display(out, *status);
            }
            ReasonCause::Other { protocol, params } => {
                out.put_slice(protocol.as_bytes());
                out.put_slice(params.as_text().as_bytes());
                return;
            }
        }
        if let Some(text) = &self.text {
            out.put_slice(b";text=");
            name_addr::write_quoted(out, text.as_bytes());
        }
    }
}
