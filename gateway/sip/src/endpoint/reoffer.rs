//! Offers within a dialog, theirs and ours (RFC 3261 §14, RFC 3311).

use super::{
    Body, Counted, DialogId, Endpoint, Event, Hop, Refusal,
    happening::Happening,
    reply::Refused,
    stage::Stage,
    transactions::{Purpose, TransactionId},
    uas::Said,
    usage::{Exchange, Opening, Owed, Usage},
};
use crate::wire::{Contact, Method, NameAddr, Request, Response, RetryAfter, StatusCode};
use alloc::{boxed::Box, vec::Vec};
use terms::time::Instant;

/// RFC 3261 §14.2: Retry-After is chosen between 0 and 10 seconds.
pub(super) const RETRY_BELOW_SECONDS: u32 = 11;

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
        let usage = self.usages.get(id);
        let way = usage.and_then(|usage| Some((may_offer(usage, body)?, usage.dialog.contact.clone())));
        let sent = way.and_then(|(method, contact)| {
            self.ask_in_dialog(now, id, (method, Purpose::Reoffer), |writer| {
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

    /// What came to our re-INVITE or UPDATE.
    pub(super) fn on_reoffer_answer(&mut self, now: Instant, id: DialogId, response: Box<Response>) {
        if response.status.is_provisional() {
            return;
        }
        let is_invite = response.head.cseq.method == Method::Invite;
        let is_known = is_invite && response.status.is_success();
        if is_known && (self.acknowledge_again(id, &response) || self.is_owed(id, &response)) {
            return;
        }
        let Some(usage) = self.usages.get_mut(id) else { return };
        let asked = core::mem::replace(&mut usage.exchange, Exchange::Idle);
        let is_told_over = usage.stage.is_told_over();
        if response.status.is_success() {
            usage.dialog.refresh_target(&response.headers);
            usage.note_allow(&response.headers);
            if is_invite {
                self.acknowledge_reoffer(id, &response, asked);
            }
        }
        match response.status {
            status @ (StatusCode::NO_SUCH_DIALOG | StatusCode::REQUEST_TIMEOUT) => {
                self.advance(now, id, Happening::Gone(status));
            }
            _ if is_told_over => {}
            _ => self.emit(Event::ReofferAnswered { dialog: id, response }),
        }
    }
    /// Acknowledges a 2xx to our re-INVITE, unless it makes the offer that we asked for: then the
    /// owner has to answer.
    fn acknowledge_reoffer(&mut self, id: DialogId, response: &Response, asked: Exchange) {
        let has_offered = match asked {
            Exchange::Ours(asked) => {
                self.transactions.get(asked).is_none_or(|asked| !asked.request.body.is_empty())
            }
            Exchange::Idle | Exchange::Theirs(_) => true,
        };
        let Some(usage) = self.usages.get_mut(id) else { return };
        if !has_offered && !response.body.is_empty() && !usage.stage.is_told_over() {
            usage.owed = Some(Owed::Ack(Box::new(response.clone())));
            return;
        }
        let dialog = usage.dialog.clone();
        self.acknowledge(id, response, &dialog, None);
    }
}

/// How an offer of ours, or the wish for one, may go now, if at all: in a call by re-INVITE, before
/// it by UPDATE (RFC 3311 §5.1).
fn may_offer(usage: &Usage, body: Option<&Body>) -> Option<Method> {
    let is_quiet = usage.exchange == Exchange::Idle && usage.answer.is_none() && usage.owed.is_none();
    match usage.stage {
        Stage::Confirmed if is_quiet => Some(Method::Invite),
        Stage::Invited | Stage::Proceeding => {
            let may_update = usage.opening == Opening::Settled && usage.takes_update;
            (is_quiet && may_update && body.is_some()).then_some(Method::Update)
        }
        Stage::Confirmed
        | Stage::Answered
        | Stage::Leaving
        | Stage::Calling
        | Stage::Withdrawing
        | Stage::Cancelling { .. }
        | Stage::Over => None,
    }
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
