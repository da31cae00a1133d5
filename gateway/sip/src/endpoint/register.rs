//! REGISTER (RFC 3261 §10.3): the endpoint keeps its transaction, the owner decides.

use super::{
    Counted, Endpoint, Event, ExtraHeader, Hop, Registering, RequestId,
    deadlines::TimerId,
    reply::{refusing, write_extra},
    transactions::{Transaction, TransactionId},
};
use crate::wire::{Method, Request, StatusCode};
use alloc::boxed::Box;
use terms::time::Instant;

impl Endpoint {
    pub(super) fn on_register(&mut self, from: Hop, request: Request) {
        let (listener, source) = (from.listener, from.destination);
        let id = self.begin_server(from, request.clone(), None).request();
        self.emit(Event::Registering(Box::new(Registering { id, listener, source, request })));
    }

    pub(super) fn answer_register(
        &mut self,
        now: Instant,
        request: RequestId,
        status: StatusCode,
        headers: &[ExtraHeader],
    ) {
        let id = TransactionId::of_request(request);
        if !self.transactions.get(id).is_some_and(Transaction::is_unanswered) {
            return;
        }
        let status = if status.is_success() { status } else { refusing(status) };
        if !status.is_success() {
            self.count(Counted::Refused(Method::Register, status));
        }
        self.respond(now, id, status, |_, writer| write_extra(writer, headers));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 3261 §8.2.7, §26.3.2.4: nothing is kept of who has not logged in; what it sends again is challenged again.
            self.transactions.remove(id);
            self.deadlines.set(TimerId::Transaction(id), None);
        }
    }
}
