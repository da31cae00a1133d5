//! Responses that came, and whose they are.

use super::{
    Counted, DialogId, Endpoint,
    happening::Happening,
    routing,
    transactions::{Purpose, Stimulus},
};
use crate::{
    transaction::Effect,
    wire::{Method, Response, StatusCode},
};
use alloc::boxed::Box;
use terms::time::Instant;

impl Endpoint {
    pub(super) fn on_response(&mut self, now: Instant, response: Box<Response>) {
        let found = self.transactions.of_response(&response).and_then(|id| self.transactions.get(id));
        let Some(transaction) = found.filter(|found| routing::is_ours(&response.head, &found.request.head))
        else {
            let is_of_ping = response.head.cseq.method == Method::Options;
            return self.count(if is_of_ping { Counted::PingAnswered } else { Counted::StrayResponse });
        };
        let (id, purpose) = (transaction.id, transaction.purpose);
        // Over a stream the transaction does not outlive its answer.
        let refused = (response.status == StatusCode::SESSION_INTERVAL_TOO_SMALL)
            .then(|| (transaction.request.clone(), transaction.way_back.unwrap_or(transaction.hop)));
        let is_failed_invite = transaction.request.method == Method::Invite && response.status.code() >= 300;
        if is_failed_invite {
            self.prepare_ack(id, &response);
        }
        let effects = self.step(now, id, Stimulus::Status(response.status));
        if !effects.contains(&Effect::PassUp) {
            return self.count(Counted::RetransmissionAbsorbed);
        }
        let Some(owner) = id.owner else { return };
        if let Some((invite, hop)) = refused.filter(|_| purpose == Purpose::Invite)
            && self.ask_longer(now, owner, (&invite, hop), &response)
        {
            return;
        }
        match purpose {
            Purpose::Invite => self.on_invite_answer(now, owner, response),
            Purpose::Reoffer | Purpose::Refresh => self.on_reoffer_answer(now, owner, purpose, response),
            Purpose::InDialog => self.on_dialog_answer(now, owner, &response),
            Purpose::Probe => self.on_probe_answer(now, owner, &response),
            Purpose::Passing => {}
        }
    }

    /// RFC 3261 §12.2.1.2: 481 and 408 end the dialog.
    fn on_dialog_answer(&mut self, now: Instant, id: DialogId, response: &Response) {
        if let status @ (StatusCode::NO_SUCH_DIALOG | StatusCode::REQUEST_TIMEOUT) = response.status {
            self.advance(now, id, Happening::Gone(status));
        }
    }
}
