//! How a call that comes in is refused.

use call::leg::ReasonText;
use sdp::SessionDescription;
use sip::{
    endpoint::{Body, ExtraHeader, Refusal},
    wire::{ContentType, HeaderName, Reason, Request, RetryAfter, StatusCode, Text, Warning},
};
use terms::{Cause, Entropy};

use crate::{
    body::{self, Unreadable},
    causes::status_of,
    gates::GateLimit,
};

/// RFC 3261 §20.43.
const INCOMPATIBLE_TRANSPORT_PROTOCOL: u16 = 302;
/// RFC 3261 §20.43.
const INCOMPATIBLE_MEDIA_FORMAT: u16 = 305;
/// RFC 3261 §20.43: whatever has no code of its own.
const MISCELLANEOUS: u16 = 399;
/// A peer that calls too fast waits 1 s to this: they don't all come back at once.
const LONGEST_RETRY_SECONDS: u64 = 5;

/// The cause in Reason (RFC 6432) with the service's words, and in a Warning what to do: room systems show either.
pub(super) fn refusal_of_cause(cause: Cause, text: Option<ReasonText>) -> Refusal {
    let words = text.map(|text| Text::from_static(text.words()));
    let refusal = Refusal {
        reason: Some(Reason { text: words, ..Reason::q850(cause) }),
        ..Refusal::new(status_of(cause))
    };
    let plain = text.and_then(ReasonText::plain);
    let warning = plain.map(|plain| warning(MISCELLANEOUS, plain));
    Refusal { warning, ..refusal }
}

/// OUT-6: with the cause in Reason (RFC 6432). How long channels stay full nobody knows, so a call beyond them is told no
/// time: a proxy takes another way at once.
pub(super) fn refusal_when_full(limit: GateLimit, entropy: &mut Entropy) -> Refusal {
    let pause = || RetryAfter(1 + u32::try_from(entropy.below(LONGEST_RETRY_SECONDS)).unwrap_or(0));
    Refusal {
        reason: Some(Reason::q850(limit.cause())),
        retry_after: (limit == GateLimit::Rate).then(pause),
        ..Refusal::new(status_of(limit.cause()))
    }
}

/// Why an INVITE's body is no offer for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoOffer {
    /// It is no session description.
    NotSdp,
    /// It is encoded in a way that we don't know.
    Encoded,
    /// The peer says by Accept that it would not take a description from us.
    AnswerUnwanted,
    /// It does not parse.
    Malformed,
    /// It has no key that we can use, and must be encrypted.
    InClear,
    /// It has nothing that we can take; the status says so.
    Unacceptable(u16),
}

/// RFC 3261 §20.1: no Accept is `application/sdp`; an empty one, or one of other types, is none of it.
pub(super) fn accepts_descriptions(request: &Request) -> bool {
    let mut ranges = request.headers.raw(HeaderName::Accept).peekable();
    ranges.peek().is_none()
        || ranges.any(|value| {
            let types = value.as_str().unwrap_or_default().split(',');
            let mut types = types.map(|range| range.split(';').next().unwrap_or_default().trim());
            types.any(|range| {
                ["application/sdp", "application/*", "*/*"]
                    .iter()
                    .any(|wanted| range.eq_ignore_ascii_case(wanted))
            })
        })
}

/// The offer of a request; none where it asks us for one.
pub(super) fn offer_of(request: &Request) -> Result<Option<SessionDescription>, NoOffer> {
    let body = body::description(request).map_err(|error| match error {
        Unreadable::Unknown => NoOffer::NotSdp,
        Unreadable::Encoded => NoOffer::Encoded,
    })?;
    let parse = |body: Body| SessionDescription::parse(&body.bytes).map_err(|_| NoOffer::Malformed);
    body.map(parse).transpose()
}

/// RFC 3261 §8.2.3, §21.4.7 and §21.4.26: a body that we don't know is 415 with Accept, an answer that
/// would not be taken is 406, a body that does not parse is 400, one that we can't take is 488.
pub(super) fn refusal_of(error: NoOffer) -> Refusal {
    match error {
        NoOffer::NotSdp => unsupported_media("Accept", ContentType::SDP.media().clone()),
        NoOffer::Encoded => unsupported_media("Accept-Encoding", Text::from_static("identity")),
        NoOffer::AnswerUnwanted => Refusal::new(StatusCode::NOT_ACCEPTABLE),
        NoOffer::Malformed => Refusal::new(StatusCode::BAD_REQUEST),
        // RFC 3261 §13.3.1.3: a 488 says what was in the way.
        NoOffer::Unacceptable(status) => warned(
            StatusCode::new(status).unwrap_or(StatusCode::NOT_ACCEPTABLE_HERE),
            INCOMPATIBLE_MEDIA_FORMAT,
            "no audio line has a codec, protocol and crypto suite that are taken here",
        ),
        NoOffer::InClear => warned(
            StatusCode::NOT_ACCEPTABLE_HERE,
            INCOMPATIBLE_TRANSPORT_PROTOCOL,
            "audio must be encrypted here: RTP/SAVP with a=crypto (RFC 4568), or UDP/TLS/RTP/SAVP (RFC 5764)",
        ),
    }
}

fn warned(status: StatusCode, code: u16, text: &'static str) -> Refusal {
    Refusal { warning: Some(warning(code, text)), ..Refusal::new(status) }
}

const fn warning(code: u16, text: &'static str) -> Warning {
    Warning { code, agent: Text::from_static("gateway"), text: Text::from_static(text) }
}

fn unsupported_media(name: &'static str, value: Text) -> Refusal {
    let headers = vec![ExtraHeader { name: Text::from_static(name), value }];
    Refusal { headers, ..Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE) }
}
