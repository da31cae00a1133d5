//! What an endpoint tells.

use super::{Body, DialogId, Limit, ListenerId, RequestId};
use crate::wire::{Malformed, Method, Reason, Request, Response, StatusCode};
use alloc::boxed::Box;
use core::net::SocketAddr;

/// An INVITE that makes a call. It has got its 100; `Progress`, `Answer`, `Refuse` or `Hangup` are due.
#[derive(Debug, Clone)]
pub struct Invited {
    /// The name of the new call.
    pub dialog: DialogId,
    /// Where it came in.
    pub listener: ListenerId,
    /// Who sent it.
    pub source: SocketAddr,
    /// The INVITE.
    pub request: Request,
}

/// A REGISTER. [`Command::AnswerRegister`](super::Command::AnswerRegister) is due.
#[derive(Debug, Clone)]
pub struct Registering {
    /// What the answer names.
    pub id: RequestId,
    /// Where it came in.
    pub listener: ListenerId,
    /// Who sent it.
    pub source: SocketAddr,
    /// The REGISTER.
    pub request: Request,
}

/// What an endpoint tells. Each dialog ends with exactly one `Failed` or `Ended`, its last event.
#[derive(Debug, Clone)]
pub enum Event {
    /// An INVITE came that makes a call.
    Invited(Box<Invited>),
    /// A REGISTER came by a listener that has a registrar behind it.
    Registering(Box<Registering>),
    /// A 101 to 199 came to our INVITE. Several early dialogs may speak: the To tag tells them apart.
    Progressed {
        /// Which.
        dialog: DialogId,
        /// The response.
        response: Box<Response>,
    },
    /// The PRACK to a provisional response of ours came (RFC 3262). It is answered already.
    ProgressAcknowledged {
        /// Which.
        dialog: DialogId,
        /// The answer, where our response made the offer.
        body: Option<Body>,
    },
    /// A 2xx came to our INVITE. It is acknowledged already, unless it makes the offer: then
    /// `Acknowledge` is due.
    Accepted {
        /// Which.
        dialog: DialogId,
        /// The response.
        response: Box<Response>,
    },
    /// Our INVITE failed. The last event of the dialog.
    Failed {
        /// Which.
        dialog: DialogId,
        /// How.
        failure: Failure,
    },
    /// The ACK to our 200 came, be it of the first INVITE or of a later one.
    Acknowledged {
        /// Which.
        dialog: DialogId,
        /// The answer, where our 200 made the offer.
        body: Option<Body>,
    },
    /// A re-INVITE came (with an offer, or asking for one by having no body), or an UPDATE or PRACK
    /// with an offer. `AnswerReoffer` or `RefuseReoffer` is due.
    Reoffered {
        /// Which.
        dialog: DialogId,
        /// The request.
        request: Box<Request>,
    },
    /// The peer took its re-INVITE back by CANCEL; it is answered, the call goes on as it was.
    ReofferWithdrawn {
        /// Which.
        dialog: DialogId,
    },
    /// Our re-INVITE or UPDATE was answered: 2xx (acknowledged already, unless it makes the offer), a refusal (the call goes on as it was),
    /// or 491 after which RFC 3261 §14.1 asks for a pause.
    ReofferAnswered {
        /// Which.
        dialog: DialogId,
        /// The response.
        response: Box<Response>,
    },
    /// An INFO came. It is answered already.
    Info {
        /// Which.
        dialog: DialogId,
        /// The request.
        request: Box<Request>,
    },
    /// The peer has answered our probe: it knows of the call.
    Probed {
        /// Which.
        dialog: DialogId,
    },
    /// The call is over. The last event of the dialog.
    Ended {
        /// Which.
        dialog: DialogId,
        /// Why.
        ending: Ending,
    },
    /// Something to count.
    Counted(Counted),
}

impl Event {
    /// Which call it is of; a count is of none.
    pub fn dialog(&self) -> Option<DialogId> {
        match self {
            Self::Invited(invited) => Some(invited.dialog),
            Self::Progressed { dialog, .. }
            | Self::ProgressAcknowledged { dialog, .. }
            | Self::Accepted { dialog, .. }
            | Self::Failed { dialog, .. }
            | Self::Acknowledged { dialog, .. }
            | Self::Reoffered { dialog, .. }
            | Self::ReofferWithdrawn { dialog }
            | Self::ReofferAnswered { dialog, .. }
            | Self::Info { dialog, .. }
            | Self::Probed { dialog }
            | Self::Ended { dialog, .. } => Some(*dialog),
            Self::Registering(_) | Self::Counted(_) => None,
        }
    }
}

/// How our INVITE failed.
#[derive(Debug, Clone)]
pub enum Failure {
    /// A 3xx to 6xx came.
    Refused(Box<Response>),
    /// RFC 3261 §17.1.1.2: nothing came within 64*T1.
    Timeout,
    /// A limit of ours, or a [`DialogId`] or [`ListenerId`] that will not do.
    NotSent(NotSent),
}

impl Failure {
    /// The status to act on. RFC 3261 §8.1.3.1: a timeout counts as 408, what could not go out as 503.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Refused(response) => response.status,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::NotSent(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Why an INVITE of ours was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// A limit is met.
    Limit(Limit),
    /// A dialog of that name lives; it goes on undisturbed.
    NameInUse,
    /// The configuration has no such listener.
    NoSuchListener,
    /// RFC 3261 §17.1.4: no connection could be opened, or it broke before anything came back.
    Unreachable,
    /// What was commanded makes no message that could be read.
    Unwritable,
}

/// Why a call is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// We refused it or hung up.
    Local,
    /// The peer sent BYE.
    Bye(Option<Reason>),
    /// The peer sent CANCEL.
    Cancelled(Option<Reason>),
    /// RFC 3261 §13.3.1.4: no ACK came within 64*T1. BYE is sent.
    NoAck,
    /// RFC 3261 §12.2.1.2: a request within the dialog got no answer; or no PRACK came (RFC 3262 §3).
    Timeout,
    /// RFC 3261 §12.2.1.2: the peer says 481 or 408 to a request within the dialog.
    DialogGone(StatusCode),
}

impl Ending {
    /// What the peer gave as the reason.
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Bye(reason) | Self::Cancelled(reason) => reason.as_ref(),
            Self::Local | Self::NoAck | Self::Timeout | Self::DialogGone(_) => None,
        }
    }
}

/// Something to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// A datagram that could not be answered was dropped.
    Dropped(Malformed),
    /// A malformed request was answered.
    Malformed(Malformed),
    /// An empty datagram or line ends only (RFC 5626 §3.5.1).
    KeepAlive,
    /// A request came again.
    RetransmissionAbsorbed,
    /// We sent a message again.
    Retransmitted,
    /// An ACK that fits no dialog and no transaction.
    StrayAck,
    /// A response that fits no transaction.
    StrayResponse,
    /// What came to an OPTIONS that nobody waits for the answer of.
    PingAnswered,
    /// A request was refused without asking anybody.
    Refused(Method, StatusCode),
    /// OPTIONS was answered.
    OptionsAnswered,
    /// A limit is met.
    LimitMet(Limit),
    /// The state of the dialog, or there being none, allows no such command.
    CommandIgnored(DialogId),
}
