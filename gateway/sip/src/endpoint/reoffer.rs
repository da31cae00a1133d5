//! Offers within a dialog, theirs and ours (RFC 3261 §14, RFC 3311).

use super::{
    Body, Counted, DialogId, Endpoint, Event, Hop, Refusal,
    happening::Happening,
    reply::Refused,
    stage::Stage,
    transactions::{Purpose, TransactionId},
    uas::Said,
    usage::{Exchange, Glare, Opening, Owed, Usage},
};
use crate::wire::{Contact, Method, MinSe, NameAddr, Request, Response, RetryAfter, StatusCode};
use alloc::{boxed::Box, vec::Vec};
use core::time::Duration;
use terms::time::Instant;

/// RFC 3261 §14.2: Retry-After is chosen between 0 and 10 seconds.
pub(super) const RETRY_BELOW_SECONDS: u32 = 11;

/// How often an offer of ours goes again that meets one of the peer's.
const GLARES: u8 = 4;
/// When it is looked at again while something else is under way.
const OCCUPIED: Duration = Duration::from_millis(500);

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
        let exchange = self.usages.get(id).map(|usage| usage.offers.exchange);
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
            usage.offers.exchange = Exchange::Theirs(offer);
        }
        if is_invite {
            self.respond(now, offer, StatusCode::TRYING, |_, _| {});
        }
        self.emit(Event::Reoffered { dialog: id, request: told });
    }

    /// RFC 3261 §14.2: a 2xx to a re-INVITE is sent until its ACK comes.
    pub(super) fn answer_reoffer(&mut self, now: Instant, id: DialogId, body: Option<Body>) {
        let Some(offer) = self.take_theirs(id) else { return self.count(Counted::CommandIgnored(id)) };
        // An offer of ours that waits was made before this answer: the owner looks at it anew.
        let outdated = self.usages.get_mut(id).and_then(|usage| usage.offers.glare.take());
        self.answer_with(now, id, offer, (StatusCode::OK, &Said { body, headers: Vec::new() }));
        let is_invite =
            self.transactions.get(offer).is_some_and(|offer| offer.request.method == Method::Invite);
        if is_invite {
            self.await_ack(now, id, offer);
            self.rearm(id);
        }
        if let Some(glare) = outdated {
            self.tell_reoffer_answered(id, glare.response);
        }
        self.release(now, id);
    }

    pub(super) fn refuse_reoffer(&mut self, now: Instant, id: DialogId, refusal: &Refusal) {
        match self.take_theirs(id) {
            Some(offer) => {
                self.send_refusal(now, offer, refusal);
                self.release(now, id);
            }
            None => self.count(Counted::CommandIgnored(id)),
        }
    }

    /// The peer's offer, no longer pending.
    fn take_theirs(&mut self, id: DialogId) -> Option<TransactionId> {
        let usage = self.usages.get_mut(id)?;
        let Exchange::Theirs(offer) = usage.offers.exchange else { return None };
        usage.offers.exchange = Exchange::Idle;
        Some(offer)
    }

    /// RFC 3261 §14.1. Nothing is offered while another offer or an ACK is outstanding.
    pub(super) fn send_reoffer(&mut self, now: Instant, id: DialogId, body: Option<&Body>) {
        let usage = self.usages.get(id);
        let way = usage.and_then(|usage| Some((may_offer(usage, body)?, usage.clone())));
        let sent = way.and_then(|(method, usage)| {
            self.ask_in_dialog(now, id, (method, Purpose::Reoffer), |writer| {
                writer.header(&Contact::Address(NameAddr::new(usage.dialog.contact.clone())));
                super::capabilities::write_allow(writer);
                super::capabilities::write_supported(writer);
                Self::write_session(&usage, writer);
                body.cloned()
            })
        });
        match (sent, self.usages.get_mut(id)) {
            (Some(sent), Some(usage)) => {
                usage.offers.exchange = Exchange::Ours(sent);
                usage.offers.glare = None;
                usage.offers.offering = body.cloned().map(Box::new);
                if body.is_some() {
                    usage.offers.said = body.cloned();
                }
            }
            _ => self.count(Counted::CommandIgnored(id)),
        }
    }

    /// What came to our re-INVITE or UPDATE.
    pub(super) fn on_reoffer_answer(
        &mut self,
        now: Instant,
        id: DialogId,
        purpose: Purpose,
        response: Box<Response>,
    ) {
        if response.status.is_provisional() {
            return;
        }
        let is_invite = response.head.cseq.method == Method::Invite;
        let is_known = is_invite && response.status.is_success();
        if is_known && (self.acknowledge_again(id, &response) || self.is_owed(id, &response)) {
            return;
        }
        let Some(usage) = self.usages.get_mut(id) else { return };
        let is_bare = purpose == Purpose::Refresh && !is_invite;
        if !is_bare {
            usage.offers.exchange = Exchange::Idle;
        }
        let is_told_over = usage.stage.is_told_over();
        if response.status.is_success() {
            usage.dialog.refresh_target(&response.headers);
            usage.note_allow(&response.headers);
            if is_invite {
                self.acknowledge_reoffer(id, &response);
            }
            self.note_session(now, id, &response);
            self.rearm(id);
        }
        match response.status {
            status @ (StatusCode::NO_SUCH_DIALOG | StatusCode::REQUEST_TIMEOUT) => {
                self.advance(now, id, Happening::Gone(status));
            }
            _ if is_told_over => {}
            status if purpose == Purpose::Refresh && !status.is_success() => {
                self.on_refresh_refused(now, id, &response);
            }
            _ if is_bare => {}
            status if !status.is_success() && self.offers_again(now, id, &response) => {}
            _ => self.tell_reoffer_answered(id, response),
        }
    }

    fn tell_reoffer_answered(&mut self, id: DialogId, response: Box<Response>) {
        if let Some(usage) = self.usages.get_mut(id) {
            usage.offers.glares = 0;
        }
        self.emit(Event::ReofferAnswered { dialog: id, response });
    }

    /// Whether a refused offer of ours goes again by itself: after a pause where it met one of the
    /// peer's (RFC 3261 §14.1), at once where its session interval was too small (RFC 4028 §7.3).
    fn offers_again(&mut self, now: Instant, id: DialogId, response: &Response) -> bool {
        let pause = match response.status {
            StatusCode::REQUEST_PENDING => self.back_off(id),
            StatusCode::SESSION_INTERVAL_TOO_SMALL => Duration::ZERO,
            _ => return false,
        };
        let least = response.headers.first::<MinSe>().ok().flatten();
        let Some(usage) = self.usages.get_mut(id).filter(|usage| usage.offers.glares < GLARES) else {
            return false;
        };
        if let Some(MinSe(least)) = least {
            usage.raise_interval(least);
        }
        usage.offers.glares += 1;
        let body = usage.offers.offering.take();
        usage.offers.glare =
            Some(Box::new(Glare { again_at: now + pause, body, response: Box::new(response.clone()) }));
        self.rearm(id);
        true
    }

    /// RFC 3261 §14.1: whoever made the Call-ID waits longer.
    pub(super) fn back_off(&mut self, id: DialogId) -> Duration {
        let hundredths = if id.is_incoming() { self.minter.below(201) } else { 210 + self.minter.below(191) };
        Duration::from_millis(u64::from(hundredths) * 10)
    }

    /// The pause after 491 is over.
    pub(super) fn on_glare_timer(&mut self, now: Instant, id: DialogId) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let is_quiet = usage.is_quiet();
        let Some(glare) = usage.offers.glare.as_mut().filter(|glare| glare.again_at <= now) else { return };
        if !is_quiet {
            glare.again_at = now + OCCUPIED;
            return;
        }
        let body = glare.body.clone();
        usage.offers.glare = None;
        self.send_reoffer(now, id, body.as_deref());
    }
    /// Acknowledges a 2xx to our re-INVITE, unless it makes the offer that we asked for: then the
    /// owner has to answer.
    fn acknowledge_reoffer(&mut self, id: DialogId, response: &Response) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        if usage.offers.offering.is_none() && !response.body.is_empty() && !usage.stage.is_told_over() {
            usage.offers.owed = Some(Box::new(Owed::Ack(Box::new(response.clone()))));
            return;
        }
        let dialog = usage.dialog.clone();
        self.acknowledge(id, response, &dialog, None);
    }
}

/// How an offer of ours, or the wish for one, may go now, if at all: in a call by re-INVITE, before
/// it by UPDATE (RFC 3311 §5.1).
fn may_offer(usage: &Usage, body: Option<&Body>) -> Option<Method> {
    let is_quiet = usage.is_quiet();
    match usage.stage {
        Stage::Confirmed if is_quiet => Some(Method::Invite),
        Stage::Invited | Stage::Proceeding => {
            let may_update = usage.offers.opening == Opening::Settled && usage.takes_update;
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
