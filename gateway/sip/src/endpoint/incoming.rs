//! What comes in, and whose it is.

use super::{
    Counted, DialogId, Endpoint, Hop, Limit, Serving,
    inspect::{Way, inspect},
    reply::{Asked, Refused},
    routing,
    transactions::{Beginning, Purpose, Stimulus, TransactionId},
};
use crate::{
    dialog::DialogKey,
    transaction::{Effect, ServerKey},
    wire::{
        self, HeaderName, Malformed, Message, MessageWriter, Method, ParseError, Request, RetryAfter,
        StatusCode, Via, stun,
    },
};
use bytes::Bytes;
use core::net::SocketAddr;
use terms::time::Instant;

impl Endpoint {
    pub(super) fn on_datagram(&mut self, now: Instant, from: Hop, bytes: Bytes) {
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return self.count(Counted::KeepAlive);
        }
        if stun::is_stun(&bytes) {
            self.count(Counted::KeepAlive);
            if let Some(answer) = stun::answer(&bytes, from.destination) {
                self.transmit(from, answer);
            }
            return;
        }
        self.on_message(now, from, bytes);
    }

    pub(super) fn on_message(&mut self, now: Instant, from: Hop, bytes: Bytes) {
        match wire::parse(bytes) {
            Ok(Message::Request(request)) => self.on_request(now, from, *request),
            Ok(Message::Response(response)) => self.on_response(now, response),
            Err(ParseError::Drop(malformed)) => self.count(Counted::Dropped(malformed)),
            Err(ParseError::Answer(bad)) => {
                self.answer_statelessly(from, Asked::of_bad(&bad, from.destination), bad.malformed);
            }
        }
    }

    /// Stateless: what does not parse makes no transaction.
    pub(super) fn answer_statelessly(&mut self, from: Hop, asked: Asked<'_>, malformed: Malformed) {
        let tag = self.minter.tag();
        let mut writer = asked.answer(malformed.status(), &tag);
        writer.text(HeaderName::Server, &self.config.product);
        let bytes = writer.finish(None);
        self.count(Counted::Malformed(malformed));
        self.transmit(self.back_to(from, asked.via), bytes);
    }

    fn on_request(&mut self, now: Instant, from: Hop, request: Request) {
        if let Some(id) = self.transactions.of_request(&ServerKey::of(&request)) {
            return self.on_known(now, id, &request);
        }
        if request.method == Method::Ack {
            return self.on_ack(now, &request);
        }
        if self.transactions.len() >= self.room_for(&request) {
            return self.refuse_overload(from, &request, Limit::Transactions);
        }
        let way = if self.transactions.is_merged(&request) { Way::Second } else { Way::Only };
        let registers = self.listener(from.listener).map(|listener| listener.registers).unwrap_or_default();
        if let Err(refused) = inspect(&request, way, registers, self.config.session) {
            return self.refuse(now, from, request, &refused);
        }
        match (DialogKey::of_request(&request.head), &request.method) {
            (_, Method::Cancel) => self.on_cancel(now, from, request),
            (Some(key), _) => self.on_in_dialog(now, from, &key, request),
            (None, Method::Invite | Method::Options) if self.serving == Serving::Known => {
                let refused = Refused::Overload(self.retry_after());
                self.refuse(now, from, request, &refused);
            }
            (None, Method::Invite) if self.is_beyond_share(&request) => {
                self.refuse_overload(from, &request, Limit::Load);
            }
            (None, Method::Invite) => self.on_invite(now, from, request),
            (None, Method::Options) => self.on_options(now, from, request),
            // REL-1: who is registered stays so, however much there is to do.
            (None, Method::Register) => self.on_register(from, request),
            (None, _) => self.refuse(now, from, request, &Refused::NoDialog),
        }
    }

    /// Drawn by the request itself: one whose 503 was lost gets the same answer when it comes again.
    fn is_beyond_share(&self, request: &Request) -> bool {
        match self.serving {
            Serving::All | Serving::Known => false,
            Serving::Part(share) => !self.minter.is_among(share, &request.head),
        }
    }

    /// From 1 s to the setting, so that those who were refused together don't come back together.
    pub(super) fn retry_after(&mut self) -> RetryAfter {
        let RetryAfter(longest) = RetryAfter::from(self.config.limits.retry_after);
        RetryAfter(1 + self.minter.below(longest.max(1)))
    }

    /// How many transactions there may be when this request begins one.
    fn room_for(&self, request: &Request) -> usize {
        let limit = self.config.limits.transactions;
        let ends_something = request.method == Method::Cancel || request.head.to.tag().is_some();
        if ends_something { limit.saturating_mul(2) } else { limit }
    }

    /// A request that belongs to a transaction: it came again, or it is the ACK.
    fn on_known(&mut self, now: Instant, id: TransactionId, request: &Request) {
        if request.method != Method::Ack {
            self.step(now, id, Stimulus::Retransmission);
            return self.count(Counted::RetransmissionAbsorbed);
        }
        if self.step(now, id, Stimulus::Ack).contains(&Effect::PassUp) {
            self.on_ack(now, request);
        }
    }

    /// RFC 3261 §11.2.
    fn on_options(&mut self, now: Instant, from: Hop, request: Request) {
        let id = self.begin_server(from, request, None);
        self.respond(now, id, StatusCode::OK, Endpoint::write_capabilities);
        self.count(Counted::OptionsAnswered);
    }

    /// Refuses a request by a transaction of its own, so that it is absorbed when it comes again.
    pub(super) fn refuse(&mut self, now: Instant, from: Hop, request: Request, refused: &Refused) {
        self.count(Counted::Refused(request.method.clone(), refused.status()));
        let id = self.begin_server(from, request, None);
        self.respond(now, id, refused.status(), |_, writer| refused.write(writer));
    }

    /// Refuses a request without keeping anything of it (RFC 3261 §8.2.7).
    pub(super) fn refuse_overload(&mut self, from: Hop, request: &Request, limit: Limit) {
        let refused = Refused::Overload(self.retry_after());
        let tag = self.minter.stateless_tag(&request.head);
        let mut writer = Asked::of(request, from.destination).answer(refused.status(), &tag);
        refused.write(&mut writer);
        writer.text(HeaderName::Server, &self.config.product);
        let bytes = writer.finish(None);
        self.count(Counted::LimitMet(limit));
        self.transmit(self.back_to(from, &request.head.via), bytes);
    }

    /// Where the answer to a request with that Via goes.
    fn back_to(&self, from: Hop, via: &Via) -> Hop {
        if self.is_stream(from) {
            return from;
        }
        Hop { destination: routing::answer_address(via, from.destination), ..from }
    }

    /// A server transaction, whose answers go where its Via says.
    pub(super) fn begin_server(
        &mut self,
        from: Hop,
        mut request: Request,
        owner: Option<(DialogId, Purpose)>,
    ) -> TransactionId {
        request.headers.shrink();
        let (hop, source) = (self.back_to(from, &request.head.via), from.destination);
        let otherwise = SocketAddr::new(source.ip(), request.head.via.port_or_default());
        let (owner, purpose) = owner.map_or((None, Purpose::Passing), |(id, purpose)| (Some(id), purpose));
        let pace = self.pace(from.listener);
        self.transactions
            .begin_server(pace, Beginning { owner, purpose, hop, otherwise, way_back: None, source, request })
    }

    /// Sends a response without a body.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: StatusCode,
        write: impl FnOnce(&Self, &mut MessageWriter),
    ) {
        if let Some(mut writer) = self.begin_answer(id, status) {
            write(self, &mut writer);
            self.send_answer(now, id, status, &writer.finish(None));
        }
    }

    /// Begins the answer of a server transaction.
    pub(super) fn begin_answer(&mut self, id: TransactionId, status: StatusCode) -> Option<MessageWriter> {
        let usage = id.owner.and_then(|owner| self.usages.get(owner));
        let tag = match usage.and_then(|usage| usage.dialog.local.tag()) {
            Some(tag) => tag,
            None => self.minter.tag(),
        };
        let transaction = self.transactions.get(id)?;
        let mut writer = Asked::of(&transaction.request, transaction.source).answer(status, &tag);
        writer.text(HeaderName::Server, &self.config.product);
        Some(writer)
    }

    /// Sends the answer of a server transaction.
    pub(super) fn send_answer(&mut self, now: Instant, id: TransactionId, status: StatusCode, bytes: &[u8]) {
        if let Some(transaction) = self.transactions.get_mut(id) {
            // What is written has room for more, and this is kept for 64*T1.
            transaction.reply = Bytes::copy_from_slice(bytes);
            self.step(now, id, Stimulus::Status(status));
        }
    }
}
