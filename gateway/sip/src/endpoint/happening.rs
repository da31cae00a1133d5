//! What happens to an INVITE usage, with what came along.

use super::{Body, DialogId, Ending, Event, ExtraHeader, Failure, NotSent, Refusal, stage};
use crate::wire::{Reason, Response, StatusCode};
use alloc::{boxed::Box, vec::Vec};

/// What happens to an INVITE usage. Its [`stage::Input`] decides; the rest is for the acts that follow.
#[derive(Debug)]
pub(super) enum Happening {
    /// A response to our INVITE.
    Response(Box<Response>),
    /// No response to it.
    NoAnswer,
    /// It could not be sent.
    Unreachable,
    /// The owner answers.
    Answer(Option<Body>, Vec<ExtraHeader>),
    /// The owner refuses.
    Refuse(Refusal),
    /// The owner hangs up.
    Hangup(Option<Reason>),
    /// CANCEL came.
    Cancelled(Option<Reason>),
    /// BYE came.
    Bye(Option<Reason>),
    /// The ACK for our 2xx came.
    Acked(Option<Body>),
    /// It did not.
    NoAck,
    /// The PRACK for our 1xx did not come.
    NoPrack,
    /// The peer knows the dialog no more.
    Gone(StatusCode),
    /// A request within the dialog got no answer.
    Silence,
    /// The stage's deadline is reached.
    Timer,
}

impl Happening {
    pub(super) fn input(&self) -> stage::Input {
        match self {
            Self::Response(response) if response.status.is_provisional() => stage::Input::Progress,
            Self::Response(response) if response.status.is_success() => stage::Input::Success,
            Self::Response(_) => stage::Input::Failure,
            Self::NoAnswer | Self::Unreachable => stage::Input::NoAnswer,
            Self::Answer(..) => stage::Input::Answer,
            Self::Refuse(_) => stage::Input::Refuse,
            Self::Hangup(_) => stage::Input::Hangup,
            Self::Cancelled(_) => stage::Input::Cancel,
            Self::Bye(_) => stage::Input::Bye,
            Self::Acked(_) => stage::Input::Ack,
            Self::NoAck => stage::Input::NoAck,
            Self::NoPrack => stage::Input::NoPrack,
            Self::Gone(_) => stage::Input::Gone,
            Self::Silence => stage::Input::Silence,
            Self::Timer => stage::Input::Timer,
        }
    }

    /// Whether the owner asked for it.
    pub(super) const fn is_commanded(&self) -> bool {
        matches!(self, Self::Answer(..) | Self::Refuse(_) | Self::Hangup(_))
    }

    /// What the owner is told. A 100 tells nothing, and an answer is known to whoever gave it.
    pub(super) fn into_event(self, dialog: DialogId) -> Option<Event> {
        let ending = match self {
            Self::Response(response) if response.status == StatusCode::TRYING => return None,
            Self::Response(response) => return Some(response_event(dialog, response)),
            Self::NoAnswer => return Some(Event::Failed { dialog, failure: Failure::Timeout }),
            Self::Unreachable => {
                return Some(Event::Failed { dialog, failure: Failure::NotSent(NotSent::Unreachable) });
            }
            Self::Acked(body) => return Some(Event::Acknowledged { dialog, body }),
            Self::Answer(..) | Self::Timer => return None,
            Self::Refuse(_) | Self::Hangup(_) => Ending::Local,
            Self::Cancelled(reason) => Ending::Cancelled(reason),
            Self::Bye(reason) => Ending::Bye(reason),
            Self::NoAck => Ending::NoAck,
            Self::Gone(status) => Ending::DialogGone(status),
            Self::Silence | Self::NoPrack => Ending::Timeout,
        };
        Some(Event::Ended { dialog, ending })
    }
}

fn response_event(dialog: DialogId, response: Box<Response>) -> Event {
    match response.status {
        status if status.is_provisional() => Event::Progressed { dialog, response },
        status if status.is_success() => Event::Accepted { dialog, response },
        _ => Event::Failed { dialog, failure: Failure::Refused(response) },
    }
}
