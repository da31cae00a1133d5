//! Offers within a dialog, theirs and ours (RFC 3261 §14, RFC 3311).

use super::{
    Body, Counted, DialogId, Endpoint, Event, Hop, Refusal,
    happening::Happening,
    reply::Refused,
    stage::Stage,
    transactions::{Purpose, TransactionId},
    uas::Said,
    usage::{Exchange, Usage},
};
use crate::wire::{Contact, Method, NameAddr, Request, Response, RetryAfter, StatusCode};
use alloc::{boxed::Box, vec::Vec};
use terms::time::Instant;

/// RFC 3261 §14.2: Retry-After is chosen between 0 and 10 seconds.
const RETRY_BELOW_SECONDS: u32 = 11;

impl Endpoint {
    pub(super) fn on_reinvite(&mut self, now: Instant, from: Hop, id: DialogId, request: Request) {
        let pause = RetryAfter(self.minter.below(RETRY_BELOW_SECONDS));
        match self.usages.get(id).map(|usage| may_reinvite(usage, pause)) {
            Some(Ok(())) => self.on_offer(now, from, id, request),
            Some(Err(refused)) => self.refuse(now, from, request, &refused),
            None => self.refuse(now, from, request, &Refused::NoDialog),
        }
    }

    /// Hands an offer, or the wish for one, to the owner.
    pub(super) fn on_offer(&mut self, now: Instant, from: Hop, id: DialogId, request: Request) {
        let pause = RetryAfter(self.minter.below(RETRY_BELOW_SECONDS));
        let exchange = self.usages.get(id).map(|usage| usage.exchange);
        match exchange {
            Some(Exchange::Idle) => {}
            Some(Exchange::Theirs(_)) => return self.refuse(now, from, request, &Refused::Busy(pause)),
            Some(Exchange::Ours(_)) => return self.refuse(now, from, request, &Refused::Pending),
            None => return self.refuse(now, from, request, &Refused::NoDialog),
        }
        self.refresh_target(id, from, &request);
        let told = Box::new(request.clone());
        let is_invite = request.method == Method::Invite;
        let offer = self.begin_server(from, request, Some((id, Purpose::Reoffer)));
        if let Some(usage) = self.usages.get_mut(id) {
            usage.exchange = Exchange::Theirs(offer);
        }
        if is_invite {
            self.respond(now, offer, StatusCode::TRYING, |_, _| {});
        }
        self.emit(Event::Reoffered { dialog: id, request: told });
    }

    /// RFC 3261 §14.2: a 2xx to a re-INVITE is sent until its ACK comes.
    pub(super) fn answer_reoffer(&mut self, now: Instant, id: DialogId, body: Option<Body>) {
        let Some(offer) = self.take_theirs(id) else { return self.count(Counted::CommandIgnored(id)) };
        self.answer_with(now, id, offer, (StatusCode::OK, &Said { body, headers: Vec::new() }));
        let is_invite =
            self.transactions.get(offer).is_some_and(|offer| offer.request.method == Method::Invite);
        if is_invite {
            self.await_ack(now, id, offer);
            self.rearm(id);
        }
    }

    pub(super) fn refuse_reoffer(&mut self, now: Instant, id: DialogId, refusal: &Refusal) {
        match self.take_theirs(id) {
            Some(offer) => self.send_refusal(now, offer, refusal),
            None => self.count(Counted::CommandIgnored(id)),
        }
    }

    /// The peer's offer, no longer pending.
    fn take_theirs(&mut self, id: DialogId) -> Option<TransactionId> {
        let usage = self.usages.get_mut(id)?;
        let Exchange::Theirs(offer) = usage.exchange else { return None };
        usage.exchange = Exchange::Idle;
        Some(offer)
    }

    /// RFC 3261 §14.1. Nothing is offered while another offer or an ACK is outstanding.
    pub(super) fn send_reoffer(&mut self, now: Instant, id: DialogId, body: Option<&Body>) {
        let contact =
            self.usages.get(id).filter(|usage| is_quiet(usage)).map(|usage| usage.dialog.contact.clone());
        let sent = contact.and_then(|contact| {
            self.ask_in_dialog(now, id, (Method::Invite, Purpose::Reoffer), |writer| {
                writer.header(&Contact::Address(NameAddr::new(contact)));
                super::capabilities::write_allow(writer);
                super::capabilities::write_supported(writer);
                body.cloned()
            })
        });
        match (sent, self.usages.get_mut(id)) {
            (Some(sent), Some(usage)) => usage.exchange = Exchange::Ours(sent),
            _ => self.count(Counted::CommandIgnored(id)),
        }
    }

    /// What came to our re-INVITE.
    pub(super) fn on_reoffer_answer(&mut self, now: Instant, id: DialogId, response: Box<Response>) {
        if response.status.is_provisional() {
            return;
        }
        if response.status.is_success() && self.acknowledge_again(id, &response) {
            return;
        }
        let Some(usage) = self.usages.get_mut(id) else { return };
        usage.exchange = Exchange::Idle;
        let is_told_over = usage.stage.is_told_over();
        if response.status.is_success() {
            usage.dialog.refresh_target(&response.headers);
            let dialog = usage.dialog.clone();
            self.acknowledge(id, &response, &dialog);
        }
        match response.status {
            status @ (StatusCode::NO_SUCH_DIALOG | StatusCode::REQUEST_TIMEOUT) => {
                self.advance(now, id, Happening::Gone(status));
            }
            _ if is_told_over => {}
            _ => self.emit(Event::ReofferAnswered { dialog: id, response }),
        }
    }
}

/// Whether a re-INVITE of ours would be in order.
fn is_quiet(usage: &Usage) -> bool {
    usage.stage == Stage::Confirmed && usage.exchange == Exchange::Idle && usage.answer.is_none()
}

/// RFC 3261 §14.2, and RFC 5407 §3.1.4 for one that overtakes the ACK of the last.
fn may_reinvite(usage: &Usage, pause: RetryAfter) -> Result<(), Refused> {
    match usage.stage {
        Stage::Confirmed if usage.answer.is_none() => Ok(()),
        Stage::Confirmed | Stage::Answered | Stage::Leaving => Err(Refused::Pending),
        Stage::Invited => Err(Refused::Busy(pause)),
        Stage::Calling | Stage::Withdrawing | Stage::Proceeding | Stage::Cancelling { .. } => {
            Err(Refused::Pending)
        }
        Stage::Over => Err(Refused::NoDialog),
    }
}
