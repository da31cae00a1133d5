//! An INVITE usage: all that lives between an INVITE and its end.

use super::{DialogId, Hop, routing::Peer, stage::Stage, transactions::TransactionId};
use crate::{
    dialog::{Dialog, DialogKey},
    transaction::{Rebase, Resend},
    wire::{Reason, SequenceNumber, Tag, text},
};
use alloc::{collections::BTreeMap, vec::Vec};
use bytes::Bytes;
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// An INVITE usage.
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
    /// Whether an offer is under way within the dialog.
    pub(super) exchange: Exchange,
    /// Our 2xx whose ACK has not come.
    pub(super) answer: Option<Unacknowledged>,
    /// Our ACKs, for 2xx that come again.
    pub(super) acks: Vec<SentAck>,
    /// Why the owner hung up, for a CANCEL or BYE that is held back.
    pub(super) parting: Option<Reason>,
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
    pub(super) resend: Resend,
    pub(super) give_up_at: Instant,
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
            exchange: Exchange::Idle,
            answer: None,
            acks: Vec::new(),
            parting: None,
        }
    }

    /// When something of its own is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let answer = self.answer.as_ref().map(|answer| answer.resend.or(answer.give_up_at));
        [answer, self.stage.deadline()].into_iter().flatten().min()
    }

    /// The same by another clock.
    pub(super) fn rebased(mut self, rebase: Rebase) -> Self {
        self.stage = self.stage.rebased(rebase);
        if let Some(answer) = &mut self.answer {
            answer.resend = answer.resend.rebased(rebase);
            answer.give_up_at = rebase.at(answer.give_up_at);
        }
        self
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
    by_id: BTreeMap<DialogId, Usage>,
    by_dialog: BTreeMap<DialogKey, DialogId>,
}

impl Usages {
    pub(super) fn insert(&mut self, id: DialogId, usage: Usage) {
        self.by_dialog.extend(usage.keys().map(|key| (key, id)));
        self.by_id.insert(id, usage);
    }

    pub(super) fn remove(&mut self, id: DialogId) {
        let Some(usage) = self.by_id.remove(&id) else { return };
        for key in usage.keys() {
            self.by_dialog.remove(&key);
        }
    }

    pub(super) fn get(&self, id: DialogId) -> Option<&Usage> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: DialogId) -> Option<&mut Usage> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The usage of a dialog.
    pub(super) fn of_dialog(&self, key: &DialogKey) -> Option<DialogId> {
        self.by_dialog.get(key).copied()
    }

    /// Changes the dialogs of a usage and keeps them findable.
    pub(super) fn update(&mut self, id: DialogId, change: impl FnOnce(&mut Usage)) {
        let Some(mut usage) = self.by_id.remove(&id) else { return };
        for key in usage.keys() {
            self.by_dialog.remove(&key);
        }
        change(&mut usage);
        self.insert(id, usage);
    }
}
