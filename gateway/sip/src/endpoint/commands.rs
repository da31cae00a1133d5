//! What the owner asks for, and what follows from anything that happens to a usage.

use super::{
    Body, Command, Counted, DialogId, Endpoint,
    happening::Happening,
    stage::{Act, Stage},
    transactions::{Purpose, TransactionId},
    uas::Said,
    usage::Exchange,
};
use crate::wire::{Method, StatusCode};
use alloc::boxed::Box;
use terms::time::Instant;

impl Endpoint {
    pub(super) fn on_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Invite(invite) => self.send_invite(now, &invite),
            Command::Progress { dialog, status, reliability, body, headers } => {
                self.send_progress(now, dialog, (status, reliability), Said { body, headers });
            }
            Command::Answer { dialog, body, headers } => {
                self.on_answer_command(now, dialog, Said { body, headers });
            }
            Command::Acknowledge { dialog, body } => {
                if !self.pay(now, dialog, body) {
                    self.count(Counted::CommandIgnored(dialog));
                }
            }
            Command::Refuse { dialog, refusal } => self.advance(now, dialog, Happening::Refuse(refusal)),
            Command::Hangup { dialog, reason } => self.advance(now, dialog, Happening::Hangup(reason)),
            Command::Reoffer { dialog, body } => self.send_reoffer(now, dialog, body.as_ref()),
            Command::AnswerReoffer { dialog, body } => self.answer_reoffer(now, dialog, body),
            Command::RefuseReoffer { dialog, refusal } => self.refuse_reoffer(now, dialog, &refusal),
            Command::AnswerRegister { request, status, headers } => {
                self.answer_register(now, request, status, &headers);
            }
            Command::Serve(serving) => self.serving = serving,
            Command::Reach { dialog, oversize } => match self.usages.get_mut(dialog) {
                Some(usage) => usage.peer.hop.oversize = oversize,
                None => self.count(Counted::CommandIgnored(dialog)),
            },
            Command::Probe { dialog } => self.send_probe(now, dialog),
            Command::Ping { hop, uri } => self.send_ping(hop, &uri),
            Command::Info { dialog, body } => self.send_info(now, dialog, body),
        }
    }

    /// RFC 6086 §4.1: INFO needs a dialog, an early one will do.
    fn send_info(&mut self, now: Instant, id: DialogId, body: Body) {
        let is_live = self
            .usages
            .get(id)
            .is_some_and(|usage| !usage.stage.is_told_over() && usage.dialog.remote.tag().is_some());
        let sent = is_live
            .then(|| self.ask_in_dialog(now, id, (Method::Info, Purpose::InDialog), |_| Some(body)))
            .flatten();
        if sent.is_none() {
            self.count(Counted::CommandIgnored(id));
        }
    }

    /// Steps a usage and does what follows.
    pub(super) fn advance(&mut self, now: Instant, id: DialogId, happening: Happening) {
        let give_up = self.config.timers.give_up();
        let is_commanded = happening.is_commanded();
        let Some(usage) = self.usages.get_mut(id) else {
            if is_commanded {
                self.count(Counted::CommandIgnored(id));
            }
            return;
        };
        let (stage, acts) = usage.stage.step(now, give_up, happening.input());
        let is_leaving = matches!(happening, Happening::Hangup(_)) && !acts.is_empty();
        if let Happening::Hangup(reason) = &happening
            && is_leaving
        {
            usage.parting = reason.clone().map(Box::new);
        }
        self.usages.enter(id, stage);
        if acts.is_empty() && is_commanded {
            self.count(Counted::CommandIgnored(id));
        }
        for act in acts {
            self.perform(now, id, *act, &happening);
        }
        if stage == Stage::Over {
            self.wind_down(now, id);
        }
        self.rearm(id);
        if acts.contains(&Act::Tell)
            && let Some(event) = happening.into_event(id)
        {
            self.emit(event);
        }
        self.sweep(Some(id));
    }

    fn perform(&mut self, now: Instant, id: DialogId, act: Act, happening: &Happening) {
        match (act, happening) {
            (Act::Accept, Happening::Answer(body, headers)) => {
                self.send_accept(now, id, &Said { body: body.clone(), headers: headers.clone() });
            }
            (Act::Acknowledge, Happening::Response(response)) => {
                self.acknowledge_success(id, response);
            }
            (Act::Reject, happening) => self.send_reject(now, id, happening),
            (Act::Cancel, _) => self.send_cancel(now, id),
            (Act::Bye, _) => {
                // RFC 3261 §13.2.2.4: a 2xx gets its ACK whatever becomes of the call.
                self.pay(now, id, None);
                self.send_bye(now, id);
            }
            (Act::Abandon, _) => self.abandon_invite(id),
            // `advance` tells, last of all; only answers are accepted, only responses acknowledged.
            (Act::Tell | Act::Accept | Act::Acknowledge, _) => {}
        }
    }

    /// RFC 3261 §15.1.2: what the peer still waits for is answered, what it has is sent no more.
    fn wind_down(&mut self, now: Instant, id: DialogId) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        usage.answer = None;
        usage.reliable.unpracked = None;
        usage.reliable.held.clear();
        usage.session = None;
        usage.offers.glare = None;
        let pending: Option<TransactionId> = match usage.offers.exchange {
            Exchange::Theirs(offer) => Some(offer),
            Exchange::Idle | Exchange::Ours(_) => None,
        };
        usage.offers.exchange = Exchange::Idle;
        if let Some(offer) = pending {
            self.respond(now, offer, StatusCode::REQUEST_TERMINATED, |_, _| {});
        }
    }
}
