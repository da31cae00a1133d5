//! An INVITE usage: all that lives between an INVITE and its end.

use super::{
    Body, DialogId, Hop, routing::Peer, session::Session, stage::Stage, transactions::TransactionId,
    uas::Said,
};
use crate::{
    dialog::{Dialog, DialogKey},
    transaction::{Rebase, Resend},
    wire::{
        Allow, CallId, Headers, Method, RAck, RSeq, Reason, Response, SequenceNumber, StatusCode, Tag, Text,
        text,
    },
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use bytes::Bytes;
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// An INVITE usage. What few have, or none has for long, is boxed: there are two of these to each call between two.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Usage {
    pub(super) stage: Stage,
    /// The transaction of its first INVITE.
    pub(super) invite: TransactionId,
    /// The dialog, or the first early one.
    pub(super) dialog: Dialog,
    /// Other early dialogs of our INVITE.
    pub(super) forks: Vec<Dialog>,
    /// Where the peer was last seen.
    pub(super) peer: Peer,
    /// Offers and answers.
    pub(super) offers: Offers,
    /// Reliable 1xx of ours.
    pub(super) reliable: Reliable,
    /// When the session ends unless it is refreshed.
    pub(super) session: Option<Session>,
    /// The shortest session interval that all on the way take, in seconds.
    pub(super) min_se: u32,
    /// Whether the peer says that it takes UPDATE.
    pub(super) takes_update: bool,
    /// Our 2xx whose ACK has not come.
    pub(super) answer: Option<Box<Unacknowledged>>,
    /// Our ACKs, for 2xx that come again.
    pub(super) acks: Vec<SentAck>,
    /// Why the owner hung up, for a CANCEL or BYE that is held back.
    pub(super) parting: Option<Box<Reason>>,
}

/// Where the offers and answers of a usage are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Offers {
    /// How far the first INVITE's own offer and answer are.
    pub(super) opening: Opening,
    /// Whether an offer is under way within the dialog.
    pub(super) exchange: Exchange,
    /// What our re-INVITE or UPDATE that is under way offers.
    pub(super) offering: Option<Box<Body>>,
    /// Our PRACK or ACK that waits for the owner's answer.
    pub(super) owed: Option<Box<Owed>>,
    /// What we said last, for a refresh.
    pub(super) said: Option<Body>,
    /// Our offer that met one of the peer's and waits for its time.
    pub(super) glare: Option<Box<Glare>>,
    /// How often it has.
    pub(super) glares: u8,
}

/// An offer of ours that got 491 (RFC 3261 §14.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Glare {
    pub(super) again_at: Instant,
    pub(super) body: Option<Box<Body>>,
    pub(super) response: Box<Response>,
}

/// Reliable 1xx of ours (RFC 3262 §3).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Reliable {
    /// The one whose PRACK has not come.
    pub(super) unpracked: Option<Box<Unpracked>>,
    /// What waits for that PRACK.
    pub(super) held: Vec<Held>,
}

impl Reliable {
    pub(super) fn holds_a_description(&self) -> bool {
        self.held.iter().any(|held| matches!(held, Held::Progress(_, said) if said.body.is_some()))
    }
}

/// How far the offer and answer of the first INVITE are (RFC 3262 §5, RFC 3264).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Opening {
    /// Nobody has offered.
    None,
    /// We have, and wait.
    Ours,
    /// The peer has, and waits.
    Theirs,
    /// It is answered by a message that cannot be lost.
    Settled,
}

/// When something is sent again, and when no more.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) resend: Resend,
    pub(super) give_up_at: Instant,
}

impl Due {
    pub(super) fn deadline(self) -> Instant {
        self.resend.or(self.give_up_at)
    }

    fn rebased(self, rebase: Rebase) -> Self {
        Self { resend: self.resend.rebased(rebase), give_up_at: rebase.at(self.give_up_at) }
    }
}

/// A reliable 1xx of ours that is sent until its PRACK comes (RFC 3262 §3).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unpracked {
    pub(super) rseq: RSeq,
    /// The number of the INVITE.
    pub(super) number: SequenceNumber,
    pub(super) due: Due,
    /// Whether it has an offer or answer.
    pub(super) describes: bool,
    pub(super) hop: Hop,
    pub(super) otherwise: SocketAddr,
    #[serde(serialize_with = "text::serialize_bytes", deserialize_with = "text::deserialize_bytes")]
    pub(super) response: Bytes,
}

/// What the owner has commanded and a PRACK must come before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Held {
    Progress(StatusCode, Said),
    Answer(Said),
}

/// What waits for the owner's answer to an offer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Owed {
    Prack { peer: Option<Tag>, rack: RAck },
    Ack(Box<Response>),
}

/// Whether an offer is under way within the dialog (RFC 3261 §14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Exchange {
    /// None.
    Idle,
    /// The peer's, which the owner is to answer.
    Theirs(TransactionId),
    /// Ours.
    Ours(TransactionId),
}

/// A 2xx of ours that is sent until its ACK comes (RFC 3261 §13.3.1.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unacknowledged {
    pub(super) number: SequenceNumber,
    pub(super) due: Due,
    pub(super) hop: Hop,
    pub(super) otherwise: SocketAddr,
    #[serde(serialize_with = "text::serialize_bytes", deserialize_with = "text::deserialize_bytes")]
    pub(super) response: Bytes,
}

/// An ACK of ours for a 2xx (RFC 3261 §13.2.2.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SentAck {
    pub(super) number: SequenceNumber,
    pub(super) peer: Option<Tag>,
    pub(super) hop: Hop,
    #[serde(serialize_with = "text::serialize_bytes", deserialize_with = "text::deserialize_bytes")]
    pub(super) ack: Bytes,
}

impl Usage {
    pub(super) const fn new(stage: Stage, invite: TransactionId, dialog: Dialog, peer: Peer) -> Self {
        Self {
            stage,
            invite,
            dialog,
            forks: Vec::new(),
            peer,
            offers: Offers {
                opening: Opening::None,
                exchange: Exchange::Idle,
                offering: None,
                owed: None,
                said: None,
                glare: None,
                glares: 0,
            },
            reliable: Reliable { unpracked: None, held: Vec::new() },
            session: None,
            min_se: 0,
            takes_update: false,
            answer: None,
            acks: Vec::new(),
            parting: None,
        }
    }

    /// When something of its own is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let answer = self.answer.as_ref().map(|answer| answer.due.deadline());
        let unpracked = self.reliable.unpracked.as_ref().map(|unpracked| unpracked.due.deadline());
        let session = self.session.map(Session::deadline);
        let glare = self.offers.glare.as_ref().map(|glare| glare.again_at);
        [answer, unpracked, session, glare, self.stage.deadline()].into_iter().flatten().min()
    }

    /// The same by another clock.
    pub(super) fn rebased(mut self, rebase: Rebase) -> Self {
        self.stage = self.stage.rebased(rebase);
        if let Some(answer) = &mut self.answer {
            answer.due = answer.due.rebased(rebase);
        }
        if let Some(unpracked) = &mut self.reliable.unpracked {
            unpracked.due = unpracked.due.rebased(rebase);
        }
        if let Some(glare) = &mut self.offers.glare {
            glare.again_at = rebase.at(glare.again_at);
        }
        self.session = self.session.map(|session| session.rebased(rebase));
        self
    }

    /// Whether a PRACK must come before anything else that is reliable.
    pub(super) const fn is_waited_for(&self) -> bool {
        self.reliable.unpracked.is_some()
    }

    /// Whether no offer, answer or ACK is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.offers.exchange == Exchange::Idle && self.answer.is_none() && self.offers.owed.is_none()
    }

    /// RFC 3311 §4: learns from Allow whether the peer takes UPDATE.
    pub(super) fn note_allow(&mut self, headers: &Headers) {
        let mut allowed = headers.all::<Allow>().filter_map(Result::ok).peekable();
        if allowed.peek().is_some() {
            self.takes_update = allowed.any(|Allow(method)| method == Method::Update);
        }
    }

    /// Whether nothing is left but transactions.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// The dialog that a peer's tag names.
    pub(super) fn dialog_with(&mut self, tag: Option<&Tag>) -> &mut Dialog {
        let fork = self.forks.iter_mut().find(|fork| tag.is_some() && fork.remote.tag().as_ref() == tag);
        fork.unwrap_or(&mut self.dialog)
    }

    fn keys(&self) -> impl Iterator<Item = DialogKey> {
        core::iter::once(&self.dialog).chain(&self.forks).map(Dialog::key)
    }
}

/// All INVITE usages, found by id and by dialog.
#[derive(Debug, Default)]
pub(super) struct Usages {
    /// Boxed: a map that grows at its end is half empty nodes.
    by_id: BTreeMap<DialogId, Box<Usage>>,
    by_dialog: BTreeMap<DialogKey, DialogId>,
    /// How many are over.
    over: usize,
}

impl Usages {
    pub(super) fn insert(&mut self, id: DialogId, usage: Usage) {
        self.put(id, Box::new(usage));
    }

    fn put(&mut self, id: DialogId, usage: Box<Usage>) {
        self.by_dialog.extend(usage.keys().map(|key| (key, id)));
        self.over += usize::from(usage.is_over());
        self.by_id.insert(id, usage);
    }

    /// A usage goes on to another stage.
    pub(super) fn enter(&mut self, id: DialogId, stage: Stage) {
        let Some(usage) = self.by_id.get_mut(&id) else { return };
        let was_over = usage.is_over();
        usage.stage = stage;
        self.over = self.over + usize::from(usage.is_over()) - usize::from(was_over);
    }

    /// How many are not over: those that are wait for their transactions alone, for 64*T1.
    pub(super) fn live(&self) -> usize {
        self.by_id.len() - self.over
    }

    pub(super) fn remove(&mut self, id: DialogId) {
        let Some(usage) = self.by_id.remove(&id) else { return };
        self.over -= usize::from(usage.is_over());
        for key in usage.keys() {
            self.by_dialog.remove(&key);
        }
    }

    pub(super) fn get(&self, id: DialogId) -> Option<&Usage> {
        self.by_id.get(&id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: DialogId) -> Option<&mut Usage> {
        self.by_id.get_mut(&id).map(Box::as_mut)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The usage of a dialog.
    pub(super) fn of_dialog(&self, key: &DialogKey) -> Option<DialogId> {
        self.by_dialog.get(key).copied()
    }

    /// The usage of a dialog whose tag of ours is not told.
    pub(super) fn of_peer(&self, call_id: &CallId, peer: Option<&Tag>) -> Option<DialogId> {
        let first = DialogKey { call_id: call_id.clone(), local: Tag(Text::default()), remote: None };
        let of_call = self.by_dialog.range(first..).take_while(|(key, _)| key.call_id == *call_id);
        of_call.filter(|(key, _)| key.remote.as_ref() == peer).map(|(_, id)| *id).next()
    }

    /// Changes the dialogs of a usage and keeps them findable.
    pub(super) fn update(&mut self, id: DialogId, change: impl FnOnce(&mut Usage)) {
        let Some(mut usage) = self.by_id.remove(&id) else { return };
        self.over -= usize::from(usage.is_over());
        for key in usage.keys() {
            self.by_dialog.remove(&key);
        }
        change(&mut usage);
        self.put(id, usage);
    }
}
