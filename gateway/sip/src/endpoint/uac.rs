//! An INVITE of ours (RFC 3261 §13.2) and its CANCEL (§9.1).

use super::{
    Body, Counted, DialogId, Endpoint, Event, Failure, Invite, Limit, NotSent, capabilities,
    deadlines::TimerId,
    happening::Happening,
    reply, routing,
    stage::Stage,
    transactions::{Purpose, TransactionId},
    usage::{Opening, Owed, SentAck, Usage},
};
use crate::{
    dialog::{Dialog, Provisionals},
    wire::{
        self, CSeq, Contact, From, HeaderName, MessageWriter, Method, NameAddr, Request, Response,
        SequenceNumber, Text, To, Uri,
    },
};
use alloc::boxed::Box;
use bytes::Bytes;
use terms::time::Instant;

/// How many ACKs for 2xx are kept: one for each fork that may answer, and for the last re-INVITEs.
const ACKS: usize = 8;

impl Endpoint {
    pub(super) fn send_invite(&mut self, now: Instant, invite: &Invite) {
        let dialog = invite.dialog;
        if let Err(not_sent) = self.try_invite(now, invite) {
            if let NotSent::Limit(limit) = not_sent {
                self.count(Counted::LimitMet(limit));
            }
            self.emit(Event::Failed { dialog, failure: Failure::NotSent(not_sent) });
        }
    }

    fn try_invite(&mut self, now: Instant, invite: &Invite) -> Result<(), NotSent> {
        let (id, limits) = (invite.dialog, self.config.limits);
        if self.usages.get(id).is_some() {
            return Err(NotSent::NameInUse);
        }
        if self.usages.live() >= limits.dialogs {
            return Err(NotSent::Limit(Limit::Dialogs));
        }
        if self.transactions.len() >= limits.transactions {
            return Err(NotSent::Limit(Limit::Transactions));
        }
        let listener = self.listener(invite.hop.listener).ok_or(NotSent::NoSuchListener)?;
        let contact = self.minter.contact(id, listener);
        let bytes = self.write_invite(invite, &contact).ok_or(NotSent::NoSuchListener)?;
        let sent = self.ask(now, (id, Purpose::Invite), invite.hop, &bytes).ok_or(NotSent::Unwritable)?;
        let request = self.transactions.get(sent).map(|transaction| &transaction.request);
        let made = request.map(|request| Dialog::of_caller(request, contact)).ok_or(NotSent::Unwritable)?;
        let mut usage = Usage::new(Stage::Calling, sent, made, routing::Peer::of_owner(invite.hop));
        if invite.body.is_some() {
            usage.offers.opening = Opening::Ours;
            usage.offers.said.clone_from(&invite.body);
        }
        self.usages.insert(id, usage);
        Ok(())
    }

    /// RFC 3261 §8.1.1, §13.2.1.
    fn write_invite(&mut self, invite: &Invite, contact: &Uri) -> Option<Bytes> {
        let via = self.via(invite.hop)?;
        let from = From(invite.from.with_tag(&self.minter.tag()));
        let mut writer = MessageWriter::request(&Method::Invite, &invite.uri);
        writer
            .header(&via)
            .header(&from)
            .header(&To(invite.to.without_tag()))
            .header(&self.minter.call_id())
            .header(&CSeq { number: SequenceNumber(1), method: Method::Invite })
            .header(&invite.max_forwards)
            .header(&Contact::Address(NameAddr::new(contact.clone())));
        capabilities::write_allow(&mut writer);
        capabilities::write_supported(&mut writer);
        self.write_wish(&mut writer);
        writer.text(HeaderName::UserAgent, &self.config.product);
        reply::write_extra(&mut writer, &invite.headers);
        Some(writer.finish(invite.body.as_ref()))
    }

    /// What came to our INVITE.
    pub(super) fn on_invite_answer(&mut self, now: Instant, id: DialogId, response: Box<Response>) {
        if response.status.is_success() {
            return self.on_invite_success(now, id, response);
        }
        if !response.status.is_provisional() {
            return self.advance(now, id, Happening::Response(response));
        }
        if !self.join_early(id, &response) {
            return self.count(Counted::LimitMet(Limit::Forks));
        }
        if !self.is_in_order(id, &response) {
            return self.count(Counted::RetransmissionAbsorbed);
        }
        if let Some(usage) = self.usages.get_mut(id) {
            usage.note_allow(&response.headers);
        }
        self.advance(now, id, Happening::Response(response.clone()));
        self.acknowledge_progress(now, id, &response);
    }

    /// RFC 3261 §12.1.2: a 1xx with a tag makes an early dialog, each tag one of its own. Says
    /// whether there was room.
    fn join_early(&mut self, id: DialogId, response: &Response) -> bool {
        let limit = self.config.limits.forks;
        let (Some(tag), Some(usage)) = (response.head.to.tag(), self.usages.get(id)) else { return true };
        let first = usage.dialog.remote.tag();
        let is_known = first.as_ref() == Some(&tag)
            || usage.forks.iter().any(|fork| fork.remote.tag().as_ref() == Some(&tag));
        if is_known {
            return true;
        }
        if first.is_some() && usage.forks.len() + 1 >= limit {
            return false;
        }
        // Each early dialog counts its provisional responses for itself (RFC 3262 §4).
        let joined = Dialog { provisionals: Provisionals::default(), ..usage.dialog.joined_by(response) };
        self.usages.update(id, |usage| match first {
            None => usage.dialog = joined,
            Some(_) => usage.forks.push(joined),
        });
        true
    }

    /// RFC 3261 §13.2.2.4: the first 2xx makes the call; one that comes again gets its ACK again;
    /// one of another fork gets ACK and BYE.
    fn on_invite_success(&mut self, now: Instant, id: DialogId, response: Box<Response>) {
        if self.acknowledge_again(id, &response) || self.is_owed(id, &response) {
            return;
        }
        let Some(usage) = self.usages.get_mut(id) else { return };
        let is_first = usage.stage.awaits_answer();
        let mut joined = usage.dialog_with(response.head.to.tag().as_ref()).joined_by(&response);
        if is_first {
            self.usages.update(id, |usage| {
                usage.dialog = joined;
                usage.forks.clear();
                usage.note_allow(&response.headers);
            });
            self.note_session(now, id, &response);
            return self.advance(now, id, Happening::Response(response));
        }
        self.acknowledge(id, &response, &joined, None);
        self.send_bye_to_fork(now, id, &mut joined);
    }

    /// Sends the ACK of a 2xx that came again. Says whether it did.
    pub(super) fn acknowledge_again(&mut self, id: DialogId, response: &Response) -> bool {
        let (number, peer) = (response.head.cseq.number, response.head.to.tag());
        let acks = self.usages.get(id).map(|usage| usage.acks.as_slice()).unwrap_or_default();
        let known = acks.iter().find(|ack| ack.number == number && ack.peer == peer);
        let Some((hop, ack)) = known.map(|known| (known.hop, known.ack.clone())) else { return false };
        self.transmit(hop, ack);
        self.count(Counted::Retransmitted);
        true
    }

    /// Acknowledges the first 2xx, unless it makes the offer: then the owner has to answer.
    pub(super) fn acknowledge_success(&mut self, id: DialogId, response: &Response) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let is_offer = usage.offers.opening == Opening::None && !response.body.is_empty();
        if is_offer && !usage.stage.is_told_over() {
            usage.offers.opening = Opening::Theirs;
            usage.offers.owed = Some(Box::new(Owed::Ack(Box::new(response.clone()))));
            return;
        }
        usage.offers.opening = Opening::Settled;
        let dialog = usage.dialog.clone();
        self.acknowledge(id, response, &dialog, None);
    }

    /// Sends the ACK or PRACK that waits for an answer. Says whether one did.
    pub(super) fn pay(&mut self, now: Instant, id: DialogId, answer: Option<Body>) -> bool {
        let Some(usage) = self.usages.get_mut(id) else { return false };
        let Some(owed) = usage.offers.owed.take() else { return false };
        usage.offers.opening = Opening::Settled;
        if answer.is_some() {
            usage.offers.said.clone_from(&answer);
        }
        match *owed {
            Owed::Ack(response) => {
                let dialog = usage.dialog.clone();
                self.acknowledge(id, &response, &dialog, answer.as_ref());
            }
            Owed::Prack { peer, rack } => self.send_prack(now, (id, peer.as_ref()), &rack, answer),
        }
        true
    }

    /// Whether a 2xx came again whose ACK waits for the owner's answer.
    pub(super) fn is_owed(&self, id: DialogId, response: &Response) -> bool {
        match self.usages.get(id).and_then(|usage| usage.offers.owed.as_deref()) {
            Some(Owed::Ack(owed)) => {
                owed.head.cseq == response.head.cseq && owed.head.to.tag() == response.head.to.tag()
            }
            Some(Owed::Prack { .. }) | None => false,
        }
    }

    /// RFC 3261 §13.2.2.4: the ACK for a 2xx is a request of its own, without a transaction.
    pub(super) fn acknowledge(
        &mut self,
        id: DialogId,
        response: &Response,
        dialog: &Dialog,
        answer: Option<&Body>,
    ) {
        let Some(peer) = self.usages.get(id).map(|usage| usage.peer) else { return };
        let hop = self.by_theirs(routing::request_hop(dialog, peer), peer);
        let Some(via) = self.via(hop) else { return };
        let number = response.head.cseq.number;
        let ack = dialog.request_numbered(number, Method::Ack, &via).finish(answer);
        self.transmit(hop, ack.clone());
        if let Some(usage) = self.usages.get_mut(id) {
            if usage.acks.len() >= ACKS {
                usage.acks.remove(0);
            }
            let mut peer = response.head.to.tag();
            Text::detach(peer.iter_mut().map(|tag| &mut tag.0));
            usage.acks.reserve_exact(1);
            usage.acks.push(SentAck { number, peer, hop, ack });
        }
    }

    /// RFC 3261 §9.1: CANCEL goes where its INVITE went, with the same Via.
    pub(super) fn send_cancel(&mut self, now: Instant, id: DialogId) {
        let Some(usage) = self.usages.get(id) else { return };
        let reason = usage.parting.clone();
        let Some(invite) = self.transactions.get(usage.invite) else { return };
        let hop = invite.hop;
        let mut writer = hop_by_hop(&invite.request, Method::Cancel, &invite.request.head.to);
        if let Some(reason) = reason.as_deref() {
            writer.header(reason);
        }
        self.ask(now, (id, Purpose::Passing), hop, &writer.finish(None));
    }

    /// RFC 3261 §9.1: nothing came to the INVITE although it was cancelled.
    pub(super) fn abandon_invite(&mut self, id: DialogId) {
        if let Some(invite) = self.usages.get(id).map(|usage| usage.invite) {
            self.transactions.remove(invite);
            self.deadlines.set(TimerId::Transaction(invite), None);
        }
    }

    /// RFC 3261 §17.1.1.3: the ACK for a 300 to 699, ready before the machine asks for it.
    pub(super) fn prepare_ack(&mut self, id: TransactionId, response: &Response) {
        if let Some(transaction) =
            self.transactions.get_mut(id).filter(|transaction| transaction.reply.is_empty())
        {
            let writer = hop_by_hop(&transaction.request, Method::Ack, &response.head.to);
            transaction.reply = writer.finish(None);
        }
    }
}

/// ACK and CANCEL share Request-URI, Via, Route, From, Call-ID and number with their INVITE.
fn hop_by_hop(invite: &Request, method: Method, to: &NameAddr) -> MessageWriter {
    let head = &invite.head;
    let mut writer = MessageWriter::request(&method, &invite.uri);
    writer.header(&head.via);
    for route in invite.headers.raw(HeaderName::Route) {
        writer.text(HeaderName::Route, &route);
    }
    writer
        .header(&From(head.from.clone()))
        .header(&To(to.clone()))
        .header(&head.call_id)
        .header(&CSeq { number: head.cseq.number, method })
        .header(&wire::MaxForwards::INITIAL);
    writer
}
