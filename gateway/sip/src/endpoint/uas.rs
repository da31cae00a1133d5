//! An INVITE that came (RFC 3261 §13.3) and its CANCEL (§9.2).

use super::{
    Body, Counted, DialogId, Endpoint, Event, ExtraHeader, Hop, Invited, Limit, Refusal, capabilities,
    happening::Happening,
    reply::{self, Refused},
    routing::Peer,
    stage::Stage,
    transactions::{Purpose, TransactionId},
    usage::{Due, Exchange, Held, Opening, Unacknowledged, Usage},
};
use crate::{
    dialog::{Dialog, DialogError, DialogKey},
    transaction::{Resend, ServerKey},
    wire::{Contact, HeaderName, MessageWriter, NameAddr, Reason, Request, StatusCode},
};
use alloc::boxed::Box;
use serde::{Deserialize, Serialize};
use terms::time::Instant;

impl Endpoint {
    pub(super) fn on_invite(&mut self, now: Instant, from: Hop, request: Request) {
        if self.usages.live() >= self.config.limits.dialogs {
            return self.refuse_overload(from, &request, Limit::Dialogs);
        }
        let dialog = self.minter.incoming();
        let tag = self.minter.tag();
        let Some(listener) = self.listener(from.listener) else {
            return self.refuse_overload(from, &request, Limit::Dialogs);
        };
        let contact = self.minter.contact(dialog, listener);
        let made = match Dialog::of_callee(&request, &tag, contact) {
            Ok(made) => made,
            Err(error) => return self.refuse(now, from, request, &refused_by(error)),
        };
        let invited =
            Invited { dialog, listener: from.listener, source: from.destination, request: request.clone() };
        let peer = Peer::of_sender(from, &request.head.via);
        let invite = self.begin_server(from, request, Some((dialog, Purpose::Invite)));
        let mut usage = Usage::new(Stage::Invited, invite, made, peer);
        usage.note_allow(&invited.request.headers);
        if !invited.request.body.is_empty() {
            usage.offers.opening = Opening::Theirs;
        }
        self.usages.insert(dialog, usage);
        self.respond(now, invite, StatusCode::TRYING, |_, _| {});
        self.emit(Event::Invited(Box::new(invited)));
    }

    /// The owner answers: at once, or when the offer or answer in a reliable 1xx is acknowledged
    /// (RFC 3262 §5).
    pub(super) fn on_answer_command(&mut self, now: Instant, id: DialogId, said: Said) {
        let is_described = self.usages.get_mut(id).is_some_and(|usage| {
            let is_described = usage.reliable.unpracked.as_ref().is_some_and(|unpracked| unpracked.describes);
            if is_described && usage.stage == Stage::Invited {
                usage.reliable.held.clear();
            }
            is_described
        });
        // One with a description that waits itself is still to be acknowledged.
        let will_be_described = self.usages.get(id).is_some_and(|usage| usage.reliable.holds_a_description());
        if is_described || will_be_described {
            return self.hold(id, Held::Answer(said));
        }
        self.advance(now, id, Happening::Answer(said.body, said.headers));
    }

    /// RFC 3261 §13.3.1.4: the 2xx is sent until its ACK comes.
    pub(super) fn send_accept(&mut self, now: Instant, id: DialogId, said: &Said) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        usage.dialog.phase = crate::dialog::Phase::Confirmed;
        usage.reliable.unpracked = None;
        usage.reliable.held.clear();
        usage.offers.opening = match usage.offers.opening {
            Opening::None if said.body.is_some() => Opening::Ours,
            Opening::None | Opening::Theirs | Opening::Settled => Opening::Settled,
            Opening::Ours => Opening::Ours,
        };
        let invite = usage.invite;
        self.answer_with(now, id, invite, (StatusCode::OK, said));
        self.await_ack(now, id, invite);
    }

    /// Keeps the 2xx that a transaction has just sent until its ACK comes.
    pub(super) fn await_ack(&mut self, now: Instant, id: DialogId, answered: TransactionId) {
        let timers = self.config.timers;
        let (Some(usage), Some(transaction)) = (self.usages.get_mut(id), self.transactions.get(answered))
        else {
            return;
        };
        usage.answer = Some(Box::new(Unacknowledged {
            number: transaction.request.head.cseq.number,
            due: Due { resend: Resend::after(now, timers.t1), give_up_at: now + timers.give_up() },
            hop: transaction.hop,
            otherwise: transaction.otherwise,
            response: transaction.reply.clone(),
        }));
    }

    /// Sends a response that makes or refreshes a dialog.
    pub(super) fn answer_with(
        &mut self,
        now: Instant,
        id: DialogId,
        to: TransactionId,
        (status, said): (StatusCode, &Said),
    ) {
        let Some(mut writer) = self.begin_answer(to, status) else { return };
        if status.is_success() {
            self.agree_session(now, id, to).write(&mut writer);
            self.rearm(id);
        }
        if let Some(usage) = self.usages.get_mut(id) {
            if said.body.is_some() {
                usage.offers.said.clone_from(&said.body);
            }
            writer.header(&Contact::Address(NameAddr::new(usage.dialog.contact.clone())));
        }
        capabilities::write_allow(&mut writer);
        capabilities::write_supported(&mut writer);
        reply::write_extra(&mut writer, &said.headers);
        self.send_answer(now, to, status, &writer.finish(said.body.as_ref()));
    }

    /// RFC 3261 §13.3.1.3, §9.2, §15.1.2: the final answer that ends an INVITE.
    pub(super) fn send_reject(&mut self, now: Instant, id: DialogId, happening: &Happening) {
        let Some(invite) = self.usages.get(id).map(|usage| usage.invite) else { return };
        match happening {
            Happening::Refuse(refusal) => self.send_refusal(now, invite, refusal),
            Happening::Hangup(reason) => {
                let refusal =
                    Refusal { reason: reason.clone(), ..Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE) };
                self.send_refusal(now, invite, &refusal);
            }
            // RFC 3262 §3 asks for a 5xx.
            Happening::NoPrack => self.respond(now, invite, StatusCode::SERVER_TIMEOUT, |_, _| {}),
            Happening::Response(_)
            | Happening::NoAnswer
            | Happening::Unreachable
            | Happening::Answer(..)
            | Happening::Cancelled(_)
            | Happening::Bye(_)
            | Happening::Acked(_)
            | Happening::NoAck
            | Happening::Gone(_)
            | Happening::Silence
            | Happening::Timer => self.respond(now, invite, StatusCode::REQUEST_TERMINATED, |_, _| {}),
        }
    }

    pub(super) fn send_refusal(&mut self, now: Instant, id: TransactionId, refusal: &Refusal) {
        let status = reply::refusing(refusal.status);
        self.respond(now, id, status, |_, writer| reply::write_refusal(writer, refusal));
    }

    /// RFC 3261 §9.2.
    pub(super) fn on_cancel(&mut self, now: Instant, from: Hop, request: Request) {
        let target = self.transactions.of_request(&ServerKey::cancelled_by(&request));
        let Some(target) = target.and_then(|id| self.transactions.get(id)) else {
            return self.refuse(now, from, request, &Refused::NoDialog);
        };
        let (id, purpose, is_open) = (target.id, target.purpose, target.is_unanswered());
        let reason = request.headers.first::<Reason>().ok().flatten();
        let passing = id.owner.map(|owner| (owner, Purpose::Passing));
        let cancel = self.begin_server(from, request, passing);
        self.respond(now, cancel, StatusCode::OK, |_, _| {});
        match (id.owner, purpose) {
            (Some(owner), Purpose::Invite) if is_open => {
                self.advance(now, owner, Happening::Cancelled(reason));
            }
            (Some(owner), Purpose::Reoffer) if is_open => self.withdraw_reoffer(now, owner, id),
            _ => {}
        }
    }

    fn withdraw_reoffer(&mut self, now: Instant, dialog: DialogId, reoffer: TransactionId) {
        self.respond(now, reoffer, StatusCode::REQUEST_TERMINATED, |_, _| {});
        if let Some(usage) = self.usages.get_mut(dialog) {
            usage.offers.exchange = Exchange::Idle;
            self.emit(Event::ReofferWithdrawn { dialog });
        }
    }

    /// An ACK that is not for a 300 to 699: it ends the sending of a 2xx, or it is late or lost.
    pub(super) fn on_ack(&mut self, now: Instant, request: &Request) {
        let head = &request.head;
        let owner = match DialogKey::of_request(head) {
            Some(key) => self.usages.of_dialog(&key),
            // Deviation: some leave our tag out of an ACK that they send again.
            None => self.usages.of_peer(&head.call_id, head.from.tag().as_ref()),
        };
        let Some((id, usage)) = owner.and_then(|id| Some((id, self.usages.get_mut(id)?))) else {
            return self.count(Counted::StrayAck);
        };
        match &usage.answer {
            Some(answer) if answer.number == request.head.cseq.number => {
                usage.answer = None;
                usage.offers.opening = Opening::Settled;
                self.advance(now, id, Happening::Acked(request.body()));
            }
            Some(_) | None => self.count(Counted::RetransmissionAbsorbed),
        }
    }

    /// What OPTIONS is answered with.
    pub(super) fn write_capabilities(&self, writer: &mut MessageWriter) {
        capabilities::write_allow(writer);
        capabilities::write_supported(writer);
        writer.text(HeaderName::Accept, &self.config.accept);
    }
}

/// What an owner's answer says beyond its status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) body: Option<Body>,
    pub(super) headers: alloc::vec::Vec<ExtraHeader>,
}

/// What a request that makes no dialog is answered.
const fn refused_by(error: DialogError) -> Refused {
    match error {
        DialogError::NoContact | DialogError::RecordRoute => Refused::NoContact,
        DialogError::OutOfOrder => Refused::OutOfOrder,
    }
}
