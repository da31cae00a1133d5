//! All of an INVITE usage as a value, so that another process can go on with it.

use super::{DialogId, Endpoint, deadlines::TimerId, transactions::Transaction, usage::Usage};
use crate::transaction::Rebase;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use terms::time::{Instant, Now};

/// An INVITE usage with its dialogs, its transactions in flight and its timers: every number of it
/// that shows on the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DialogSnapshot {
    dialog: DialogId,
    /// When it was taken, by the monotonic clock of whoever took it.
    taken_at: Instant,
    usage: Usage,
    transactions: Vec<Transaction>,
}

impl DialogSnapshot {
    /// Which usage it is of.
    pub const fn dialog(&self) -> DialogId {
        self.dialog
    }
}

/// Why a snapshot is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A usage of that name lives here.
    #[error("the dialog's name is in use")]
    NameInUse,
}

impl Endpoint {
    /// The usage as it is, until nothing of it is left on the wire.
    pub fn snapshot(&self, dialog: DialogId) -> Option<DialogSnapshot> {
        let usage = self.usages.get(dialog)?.clone();
        let transactions = self.transactions.of(dialog).cloned().collect();
        Some(DialogSnapshot { dialog, taken_at: self.latest, usage, transactions })
    }

    /// Goes on with a usage. Its timers run on from where they were; what fell due in between is
    /// due at once.
    pub fn restore(&mut self, now: Now, snapshot: DialogSnapshot) -> Result<(), RestoreError> {
        let DialogSnapshot { dialog, taken_at, usage, transactions } = snapshot;
        if self.usages.get(dialog).is_some() {
            return Err(RestoreError::NameInUse);
        }
        self.latest = now.mono;
        self.minter.skip_past(dialog);
        let rebase = Rebase { from: taken_at, to: now.mono };
        for transaction in transactions {
            let transaction = transaction.rebased(rebase);
            self.deadlines.set(TimerId::Transaction(transaction.id), transaction.deadline());
            self.transactions.adopt(transaction);
        }
        self.usages.insert(dialog, usage.rebased(rebase));
        self.rearm(dialog);
        Ok(())
    }
}
