//! Reliable provisional responses, ours and theirs (RFC 3262).

use super::{
    Body, Counted, DialogId, Endpoint, Event, ExtraHeader, Hop, Invited, Limit, Reliability,
    happening::Happening,
    reply::Refused,
    stage::Stage,
    transactions::Purpose,
    uas::Said,
    usage::{Due, Exchange, Held, Opening, Owed, Unpracked, Usage},
};
use crate::{
    transaction::Resend,
    wire::{Headers, Method, OptionTag, RAck, RSeq, Request, Require, Response, StatusCode, Supported, Tag},
};
use alloc::boxed::Box;
use terms::time::Instant;

/// The extension's name.
const RELIABLE: &str = "100rel";
/// How many provisional responses wait for the PRACK of one before them.
const HELD: usize = 8;
/// RFC 3262 §3 begins anywhere below 2^31; a small number is easier on the eye.
const FIRST_BELOW: u32 = 0x7fff;

/// What a peer says of reliable provisional responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stance {
    Unaware,
    Supports,
    Requires,
}

impl Stance {
    fn of(headers: &Headers) -> Self {
        let is_it = |tag: OptionTag| tag.0.is(RELIABLE);
        let requires = || headers.all::<Require>().flatten().any(|Require(tag)| is_it(tag));
        let supports = || headers.all::<Supported>().flatten().any(|Supported(tag)| is_it(tag));
        if requires() {
            Self::Requires
        } else if supports() {
            Self::Supports
        } else {
            Self::Unaware
        }
    }

    /// RFC 3262 §3: what a peer requires is done, what it does not know is not.
    fn allows(self, wanted: Reliability) -> bool {
        match self {
            Self::Unaware => false,
            Self::Supports => wanted == Reliability::Acknowledged,
            Self::Requires => true,
        }
    }
}

impl Invited {
    /// The most that a provisional response to it can have.
    pub fn reliability(&self) -> Reliability {
        match Stance::of(&self.request.headers) {
            Stance::Unaware => Reliability::BestEffort,
            Stance::Supports | Stance::Requires => Reliability::Acknowledged,
        }
    }
}

impl Endpoint {
    /// RFC 3261 §13.3.1.1. A status outside 101 to 199 is none of progress.
    pub(super) fn send_progress(
        &mut self,
        now: Instant,
        id: DialogId,
        (status, reliability): (StatusCode, Reliability),
        said: Said,
    ) {
        let is_progress = status.is_provisional() && status != StatusCode::TRYING;
        let usage = self.usages.get(id).filter(|usage| is_progress && usage.stage == Stage::Invited);
        let Some(usage) = usage else { return self.count(Counted::CommandIgnored(id)) };
        let (invite, is_waited_for) = (usage.invite, usage.is_waited_for());
        let stance = self.transactions.get(invite).map(|invite| Stance::of(&invite.request.headers));
        if !stance.is_some_and(|stance| stance.allows(reliability)) {
            return self.answer_with(now, id, invite, (status, &said));
        }
        if is_waited_for {
            return self.hold(id, Held::Progress(status, said));
        }
        self.send_reliably(now, id, status, &said);
    }

    /// RFC 3262 §3: one is sent only when the one before is acknowledged, and a 2xx only when all
    /// with a description are (§5).
    pub(super) fn hold(&mut self, id: DialogId, held: Held) {
        match self.usages.get_mut(id) {
            Some(usage) if usage.reliable.held.len() < HELD => usage.reliable.held.push(held),
            Some(_) | None => self.count(Counted::LimitMet(Limit::Waiting)),
        }
    }

    fn send_reliably(&mut self, now: Instant, id: DialogId, status: StatusCode, said: &Said) {
        let first = 1 + self.minter.below(FIRST_BELOW);
        let Some(usage) = self.usages.get_mut(id) else { return };
        let rseq = usage.dialog.provisionals.sent.map_or(RSeq(first), |last| RSeq(last).next());
        usage.dialog.provisionals.sent = Some(rseq.0);
        if said.body.is_some() && usage.offers.opening == Opening::None {
            usage.offers.opening = Opening::Ours;
        }
        let invite = usage.invite;
        let mut said = said.clone();
        said.headers.push(ExtraHeader::of(&Require(OptionTag(RELIABLE.into()))));
        said.headers.push(ExtraHeader::of(&rseq));
        self.answer_with(now, id, invite, (status, &said));
        let timers = self.config.timers;
        let (Some(usage), Some(transaction)) = (self.usages.get_mut(id), self.transactions.get(invite))
        else {
            return;
        };
        usage.reliable.unpracked = Some(Box::new(Unpracked {
            rseq,
            number: transaction.request.head.cseq.number,
            due: Due { resend: Resend::after(now, timers.t1), give_up_at: now + timers.give_up() },
            describes: said.body.is_some(),
            hop: transaction.hop,
            otherwise: transaction.otherwise,
            response: transaction.reply.clone(),
        }));
        self.rearm(id);
    }

    /// RFC 3262 §3: at intervals from T1, each twice the one before.
    pub(super) fn resend_progress(&mut self, now: Instant, id: DialogId) {
        let Some(unpracked) = self.usages.get_mut(id).and_then(|usage| usage.reliable.unpracked.as_mut())
        else {
            return;
        };
        unpracked.due.resend = unpracked.due.resend.doubled(now);
        let (hop, otherwise, bytes) = (unpracked.hop, unpracked.otherwise, unpracked.response.clone());
        self.transmit(self.answer_hop(hop, otherwise), bytes);
        self.count(Counted::Retransmitted);
    }

    pub(super) fn on_prack(&mut self, now: Instant, from: Hop, id: DialogId, request: Request) {
        let rack = request.headers.first::<RAck>().ok().flatten();
        let usage = self.usages.get_mut(id);
        let is_late =
            rack.as_ref().is_some_and(|rack| usage.as_ref().is_some_and(|usage| usage.is_late(rack)));
        if is_late {
            let prack = self.begin_server(from, request, Some((id, Purpose::Passing)));
            return self.respond(now, prack, StatusCode::OK, |_, _| {});
        }
        let Some(unpracked) = usage.zip(rack).and_then(|(usage, rack)| usage.take_prack(&rack)) else {
            return self.refuse(now, from, request, &Refused::NoDialog);
        };
        let opening = self.usages.get(id).map(|usage| usage.offers.opening);
        let body = request.body();
        let is_answer = opening == Some(Opening::Ours) && unpracked.describes;
        if unpracked.describes
            && let Some(usage) = self.usages.get_mut(id)
        {
            usage.offers.opening = Opening::Settled;
        }
        if body.is_some() && !is_answer {
            self.emit(Event::ProgressAcknowledged { dialog: id, body: None });
            self.on_offer(now, from, id, request);
        } else {
            let prack = self.begin_server(from, request, Some((id, Purpose::Passing)));
            self.respond(now, prack, StatusCode::OK, |_, _| {});
            self.emit(Event::ProgressAcknowledged { dialog: id, body });
        }
        self.release(now, id);
    }

    /// Sends what was held back, unless an offer that came in a PRACK waits for its answer.
    pub(super) fn release(&mut self, now: Instant, id: DialogId) {
        self.rearm(id);
        while let Some(usage) = self.usages.get_mut(id) {
            let is_offered = matches!(usage.offers.exchange, Exchange::Theirs(_));
            if is_offered || usage.is_waited_for() || usage.reliable.held.is_empty() {
                return;
            }
            match usage.reliable.held.remove(0) {
                Held::Progress(status, said) => self.send_reliably(now, id, status, &said),
                Held::Answer(said) => self.advance(now, id, Happening::Answer(said.body, said.headers)),
            }
        }
    }

    /// RFC 3262 §4: takes a reliable 1xx in its order. What is out of order, or came before, counts
    /// as not come.
    pub(super) fn is_in_order(&mut self, id: DialogId, response: &Response) -> bool {
        let Some(rseq) = reliable(response) else { return true };
        let Some(usage) = self.usages.get_mut(id) else { return false };
        let provisionals = &mut usage.dialog_with(response.head.to.tag().as_ref()).provisionals;
        let is_next = provisionals.received.is_none_or(|last| rseq == RSeq(last).next());
        if is_next {
            provisionals.received = Some(rseq.0);
        }
        is_next
    }

    /// RFC 3262 §4: PRACK, at once unless the owner has to answer the offer in the 1xx (§5).
    pub(super) fn acknowledge_progress(&mut self, now: Instant, id: DialogId, response: &Response) {
        let (Some(rseq), Some(usage)) = (reliable(response), self.usages.get_mut(id)) else { return };
        if usage.stage.is_told_over() {
            return;
        }
        let (peer, rack) = (response.head.to.tag(), RAck { rseq, cseq: response.head.cseq.clone() });
        let is_described = !response.body.is_empty();
        match usage.offers.opening {
            Opening::None if is_described => {
                usage.offers.opening = Opening::Theirs;
                usage.offers.owed = Some(Box::new(Owed::Prack { peer, rack }));
            }
            Opening::Ours if is_described => {
                usage.offers.opening = Opening::Settled;
                self.send_prack(now, (id, peer.as_ref()), &rack, None);
            }
            Opening::None | Opening::Ours | Opening::Theirs | Opening::Settled => {
                self.send_prack(now, (id, peer.as_ref()), &rack, None);
            }
        }
    }

    pub(super) fn send_prack(
        &mut self,
        now: Instant,
        to: (DialogId, Option<&Tag>),
        rack: &RAck,
        body: Option<Body>,
    ) {
        self.ask_peer(now, to, (Method::Prack, Purpose::InDialog), |writer| {
            writer.header(rack);
            body
        });
    }
}

impl Usage {
    /// Whether a PRACK is for a 1xx that our 2xx has overtaken (RFC 3262 §3).
    fn is_late(&self, rack: &RAck) -> bool {
        let is_sent = self.dialog.provisionals.sent.is_some_and(|last| rack.rseq <= RSeq(last));
        is_sent && self.stage != Stage::Invited
    }

    /// Takes the reliable 1xx out that a PRACK is for.
    fn take_prack(&mut self, rack: &RAck) -> Option<Box<Unpracked>> {
        self.reliable.unpracked.take_if(|unpracked| {
            let is_of_invite = rack.cseq.method == Method::Invite && rack.cseq.number == unpracked.number;
            is_of_invite && rack.rseq == unpracked.rseq
        })
    }
}

/// The RSeq of a response that wants PRACK.
fn reliable(response: &Response) -> Option<RSeq> {
    let is_reliable = response.status.is_provisional()
        && response.status != StatusCode::TRYING
        && Stance::of(&response.headers) == Stance::Requires;
    is_reliable.then(|| response.headers.first().ok().flatten()).flatten()
}
