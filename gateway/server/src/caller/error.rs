//! Why a call came to nothing, and what to do about it.

use std::{io, net::SocketAddr};

use sdp::{AnswerError, ParseError};
use sip::wire::StatusCode;
use terms::{Cause, Pii};
use thiserror::Error;

/// Why a call came to nothing. Each says what to do.
#[derive(Debug, Error)]
pub enum CallError {
    /// What is dialled, or who calls, makes no SIP URI.
    #[error("\"{0}\" can't stand in a SIP address; write digits, with + in front or not")]
    Number(Pii<String>),
    /// There is no socket to call from.
    #[error("no socket to call from: {0}")]
    Socket(#[from] io::Error),
    /// ICMP says that nobody listens there.
    #[error(
        "nobody listens at {gateway}; is the gateway running? Start it with `make run`, or say where it is with --gateway"
    )]
    NobodyThere {
        /// Where we called.
        gateway: SocketAddr,
    },
    /// Nothing came back at all.
    #[error(
        "nothing came back from {gateway}; is that the gateway's SIP address, and does a firewall drop UDP?"
    )]
    Silent {
        /// Where we called.
        gateway: SocketAddr,
    },
    /// The gateway said no.
    #[error("the gateway refused the call with {status} {}; {}", status.reason_phrase(), remedy(*status))]
    Refused {
        /// With what.
        status: StatusCode,
    },
    /// It rang and rang.
    #[error("it rang for {0} s and nobody answered; dial another number, or let it ring for longer")]
    NobodyAnswered(u64),
    /// The answer's SDP does not parse.
    #[error("the gateway's answer can't be read: {0}; this is a fault of the gateway")]
    Unreadable(#[from] ParseError),
    /// The answer's SDP is no answer to our offer.
    #[error("the gateway's answer doesn't fit our offer: {0}; this is a fault of the gateway")]
    NoAudio(#[from] AnswerError),
    /// Keys can't be sent.
    #[error("the gateway takes no telephone events (RFC 4733), so no key can be sent to it")]
    NoEvents,
    /// The pair was wrong.
    #[error(
        "the gateway asked again: there is no such meeting or the password is wrong; check --meeting and --password"
    )]
    AskedAgain,
    /// After the last `#`, nothing was heard that could be a meeting.
    #[error("nothing was heard after the password; is {number} an access number with an IVR?")]
    NotJoined {
        /// What was dialled.
        number: Pii<String>,
    },
    /// The gateway hung up before we did.
    #[error("the gateway hung up {} (cause {}); {}", during(*.0), .1.0, reason_remedy(*.1))]
    HungUp(During, Cause),
    /// Somebody stopped it.
    #[error("stopped; the call was hung up")]
    Stopped,
    /// The gateway no longer knows the call, or no longer answers.
    #[error("the gateway lost the call; its log says why")]
    Lost,
}

/// Where the script was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum During {
    /// Before the meeting, or where there is none.
    Script,
    /// While it was asked for a meeting.
    Joining,
    /// While we talked.
    Talking,
}

const fn during(during: During) -> &'static str {
    match during {
        During::Script => "before the script's end",
        During::Joining => "instead of letting the caller into the meeting",
        During::Talking => "while the caller was talking",
    }
}

fn remedy(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "it asks for a password, which this caller has none of: call a listener of trunks"
        }
        StatusCode::FORBIDDEN => {
            "it does not know the address that the call comes from: add it to `peers` of a [[trunk]]"
        }
        StatusCode::NOT_FOUND | StatusCode::ADDRESS_INCOMPLETE => {
            "no line of the dialplan leads anywhere from this number: add one to `routes`, such as \"NUMBER -> ivr\""
        }
        StatusCode::NOT_ACCEPTABLE_HERE => "it takes none of our codecs (G.711 A-law and µ-law)",
        StatusCode::BUSY_HERE | StatusCode::BUSY_EVERYWHERE => "try again later",
        StatusCode::SERVICE_UNAVAILABLE => {
            "it is full or stopping: see `max` of [calls], the ports of [[media.range]] and `gateway status`"
        }
        _ => "its log says why",
    }
}

fn reason_remedy(cause: Cause) -> &'static str {
    match cause {
        Cause::CALL_REJECTED => "check meeting ID and password; the meeting may be locked too",
        Cause::USER_BUSY => "the meeting is full, or the caller is in another one",
        Cause::NOT_AUTHORIZED => "the meeting's tenant may not use phones",
        Cause::TIMER_EXPIRY => "the IVR waited too long for keys",
        Cause::TEMPORARY_FAILURE => "the meeting core does not answer",
        _ => "its log says why",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let cases = [(403, "[[trunk]]"), (404, "routes"), (503, "gateway status"), (500, "log")];
        for (code, remedy) in cases {
            let status = StatusCode::new(code).expect("a status");
            let text = CallError::Refused { status }.to_string();
            assert!(text.contains(remedy) && text.contains(&code.to_string()), "{text}");
        }
        let text = CallError::HungUp(During::Joining, Cause::CALL_REJECTED).to_string();
        assert!(text.contains("password"), "{text}");
    }
}
