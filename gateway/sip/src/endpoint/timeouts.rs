//! Deadlines that are reached.

use super::{
    Counted, DialogId, Endpoint,
    deadlines::TimerId,
    happening::Happening,
    transactions::{Purpose, Stimulus, TransactionId},
    usage,
};
use crate::transaction::Effect;
use terms::time::Instant;

/// What is due of a 2xx without an ACK, or of a 1xx without a PRACK.
enum Due {
    Nothing,
    Resend,
    GiveUp,
}

impl Due {
    fn of(due: usage::Due, now: Instant) -> Self {
        match due {
            due if now >= due.give_up_at => Self::GiveUp,
            due if due.resend.is_due(now) => Self::Resend,
            _ => Self::Nothing,
        }
    }
}

impl Endpoint {
    pub(super) fn on_timeout(&mut self, now: Instant) {
        while let Some(id) = self.deadlines.pop_due(now) {
            match id {
                TimerId::Transaction(id) => self.on_transaction_timer(now, id),
                TimerId::Dialog(id) => self.on_usage_timer(now, id),
                TimerId::Connection(id) => self.on_stalled(now, id),
                TimerId::Opening(listener, destination) => {
                    self.on_opening_timer(now, (listener, destination));
                }
            }
        }
    }

    fn on_transaction_timer(&mut self, now: Instant, id: TransactionId) {
        let Some(transaction) = self.transactions.get(id) else { return };
        let (purpose, is_client) = (transaction.purpose, transaction.is_client());
        let effects = self.step(now, id, Stimulus::Timer);
        if effects.contains(&Effect::Send) {
            self.count(Counted::Retransmitted);
        }
        // A 300 to 699 of ours without an ACK has ended its call already (RFC 3261 §17.2.1).
        let is_silence = effects.contains(&Effect::TimedOut) && is_client;
        let Some(owner) = id.owner.filter(|_| is_silence) else { return };
        match purpose {
            Purpose::Invite => self.advance(now, owner, Happening::NoAnswer),
            Purpose::Reoffer | Purpose::Refresh | Purpose::InDialog => {
                self.advance(now, owner, Happening::Silence);
            }
            Purpose::Probe | Purpose::Passing => {}
        }
    }

    fn on_usage_timer(&mut self, now: Instant, id: DialogId) {
        match self.due_of_progress(now, id) {
            Due::Nothing => {}
            Due::Resend => self.resend_progress(now, id),
            Due::GiveUp => self.advance(now, id, Happening::NoPrack),
        }
        match self.due_of_answer(now, id) {
            Due::Nothing => {}
            Due::Resend => self.resend_answer(now, id),
            Due::GiveUp => {
                if let Some(usage) = self.usages.get_mut(id) {
                    usage.answer = None;
                }
                self.advance(now, id, Happening::NoAck);
            }
        }
        self.on_session_timer(now, id);
        self.on_glare_timer(now, id);
        self.advance(now, id, Happening::Timer);
    }

    fn due_of_answer(&self, now: Instant, id: DialogId) -> Due {
        let answer = self.usages.get(id).and_then(|usage| usage.answer.as_ref());
        answer.map_or(Due::Nothing, |answer| Due::of(answer.due, now))
    }

    fn due_of_progress(&self, now: Instant, id: DialogId) -> Due {
        let unpracked = self.usages.get(id).and_then(|usage| usage.reliable.unpracked.as_ref());
        unpracked.map_or(Due::Nothing, |unpracked| Due::of(unpracked.due, now))
    }

    /// RFC 3261 §13.3.1.4: at intervals from T1 to T2.
    fn resend_answer(&mut self, now: Instant, id: DialogId) {
        let t2 = self.config.timers.t2;
        let Some(answer) = self.usages.get_mut(id).and_then(|usage| usage.answer.as_mut()) else { return };
        answer.due.resend = answer.due.resend.doubled_to(now, t2);
        let (hop, otherwise, bytes) = (answer.hop, answer.otherwise, answer.response.clone());
        self.transmit(self.answer_hop(hop, otherwise), bytes);
        self.count(Counted::Retransmitted);
    }
}
