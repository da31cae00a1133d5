//! The embedded lease service: one terminal, one meeting (ISO-1).
//!
//! ```text
//!                 ┌────────────────────────── Leases ──────────────────────────┐
//!  Take ─────────▶│ no other lease of the device ──────────────▶ Granted       │──▶ its call
//!                 │ there is one: reject ──────────────────────▶ Held          │
//!                 │               ask ─────────────────────────▶ Contended     │   (the host is asked, then Take, move)
//!                 │               move ──▶ Revoke ──▶ (waits) ─┐               │──▶ the other call
//!  Release ──────▶│                    the other is free ──────┴▶ Granted      │
//!                 └────────────────────────────────────────────────────────────┘
//! ```
//!
//! Who takes a lease has it until it releases it, and releases it only when its media is closed. So there is no instant at which
//! two legs of a device hear two meetings, however the messages are delayed; `model.rs` tries all of it. A service of several
//! machines can stand in this one's place: a `Take` is a compare-and-set of all marks of a terminal, an answer carries an
//! epoch that only rises, and a `Revoke` is what a watch would tell.

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use terms::{BootEpoch, LeaseEpoch, LegId};

use crate::{
    question::{LeaseAnswer, Place, QuestionId},
    terminal::{Mark, Proof, Terminal},
};

/// What is done about a device that wants in while it is in another meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondJoin {
    /// It stays where it is.
    #[default]
    Reject,
    /// It leaves the first, then joins.
    Move,
    /// It joins, and leaves the first, if the host of the second confirms.
    Ask,
}

/// A leg that wants a lease.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// Which leg.
    pub leg: LegId,
    /// To which device it leads.
    pub terminal: Terminal,
    /// Where it wants to be.
    pub place: Place,
    /// What is done where the device is elsewhere.
    pub second: SecondJoin,
}

/// What the service wants done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// To who asked.
    Answer(QuestionId, LeaseAnswer),
    /// To the call of this leg: its lease is wanted elsewhere, so it ends, and releases it.
    Revoke(LegId, LeaseEpoch),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Lease {
    leg: LegId,
    terminal: Terminal,
    place: Place,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum State {
    Held,
    /// Its holder has been told to leave.
    Leaving,
}

/// What becomes of a claim.
enum Decision {
    Grant,
    Refuse,
    Ask,
    /// These have to leave first.
    After(Vec<LeaseEpoch>),
}

/// Leases in memory. A restart frees them: its boot epoch stands in the upper half of every epoch
/// granted after it, so that none granted before can be higher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leases {
    held: BTreeMap<LeaseEpoch, Lease>,
    by_mark: BTreeMap<Mark, BTreeSet<LeaseEpoch>>,
    /// Claims that wait for others to leave, the oldest first.
    waiting: BTreeMap<QuestionId, Claim>,
    next: LeaseEpoch,
    outputs: VecDeque<Output>,
}

impl Leases {
    /// No leases yet in this boot.
    pub fn new(boot: BootEpoch) -> Self {
        Self {
            held: BTreeMap::new(),
            by_mark: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next: LeaseEpoch(u64::from(boot.0) << 32 | 1),
            outputs: VecDeque::new(),
        }
    }

    /// A leg wants a lease: an answer follows, at once or when others have left. Who is gone by then gives back what it got.
    pub fn take(&mut self, id: QuestionId, claim: Claim) {
        match self.decide(&claim) {
            Decision::Grant => self.grant(id, claim),
            Decision::Refuse => self.outputs.push_back(Output::Answer(id, LeaseAnswer::Held)),
            Decision::Ask => self.outputs.push_back(Output::Answer(id, LeaseAnswer::Contended)),
            Decision::After(others) => {
                for epoch in others {
                    self.revoke(epoch);
                }
                self.waiting.insert(id, claim);
            }
        }
    }

    /// A holder's media is closed.
    pub fn release(&mut self, epoch: LeaseEpoch) {
        let Some(Lease { terminal, .. }) = self.forget(epoch) else { return };
        // Nobody else waits for it, and hundreds may wait for others.
        let waits = |(id, claim): (&QuestionId, &Claim)| claim.terminal.kinship(&terminal).map(|_| *id);
        let waiting: Vec<QuestionId> = self.waiting.iter().filter_map(waits).collect();
        for id in waiting {
            if let Some(claim) = self.waiting.remove(&id) {
                self.take(id, claim);
            }
        }
    }

    /// Holds again what a restored call held.
    pub fn adopt(&mut self, (leg, terminal): (LegId, Terminal), place: Place, epoch: LeaseEpoch) {
        self.next = LeaseEpoch(self.next.0.max(epoch.0 + 1));
        self.hold(epoch, Lease { leg, terminal, place, state: State::Held });
    }

    /// What is to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How many leases are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn decide(&self, claim: &Claim) -> Decision {
        let mut others = Vec::new();
        let mut is_asked = false;
        for (epoch, lease) in self.rivals(claim) {
            match (claim.terminal.kinship(&lease.terminal), claim.second) {
                (None, _) => {}
                // A hint evicts nobody.
                (Some((Proof::Hinted, _)), _) => return Decision::Refuse,
                // The owner of a name is not kept out by who only used it.
                (Some((Proof::Proved, Proof::Hinted)), _) => others.push(epoch),
                // A device that calls the same meeting again has lost its first leg.
                (Some((Proof::Proved, Proof::Proved)), _) if lease.place == claim.place => others.push(epoch),
                (Some((Proof::Proved, Proof::Proved)), SecondJoin::Move) => others.push(epoch),
                (Some((Proof::Proved, Proof::Proved)), SecondJoin::Reject) => return Decision::Refuse,
                (Some((Proof::Proved, Proof::Proved)), SecondJoin::Ask) => is_asked = true,
            }
        }
        match (is_asked, others.is_empty()) {
            (true, _) => Decision::Ask,
            (false, true) => Decision::Grant,
            (false, false) => Decision::After(others),
        }
    }

    /// Leases of other legs that share a mark with a claim.
    fn rivals(&self, claim: &Claim) -> impl Iterator<Item = (LeaseEpoch, &Lease)> {
        let lease = |epoch| Some((epoch, self.held.get(&epoch)?));
        let leg = claim.leg;
        let epochs = self.epochs_of(&claim.terminal).into_iter();
        epochs.filter_map(lease).filter(move |(_, lease)| lease.leg != leg)
    }

    fn epochs_of(&self, terminal: &Terminal) -> BTreeSet<LeaseEpoch> {
        terminal.marks().filter_map(|mark| self.by_mark.get(mark)).flatten().copied().collect()
    }

    fn is_held_by(&self, epoch: LeaseEpoch, leg: LegId) -> bool {
        self.held.get(&epoch).is_some_and(|lease| lease.leg == leg)
    }

    /// A leg that asks again, after a restore, has its lease under another epoch.
    fn grant(&mut self, id: QuestionId, claim: Claim) {
        let Claim { leg, terminal, place, .. } = claim;
        if let Some(before) = self.epochs_of(&terminal).into_iter().find(|epoch| self.is_held_by(*epoch, leg))
        {
            self.forget(before);
        }
        let epoch = self.next;
        self.next = LeaseEpoch(epoch.0 + 1);
        self.hold(epoch, Lease { leg, terminal, place, state: State::Held });
        self.outputs.push_back(Output::Answer(id, LeaseAnswer::Granted { place, epoch }));
    }

    fn revoke(&mut self, epoch: LeaseEpoch) {
        let Some(lease) = self.held.get_mut(&epoch).filter(|lease| lease.state == State::Held) else {
            return;
        };
        lease.state = State::Leaving;
        self.outputs.push_back(Output::Revoke(lease.leg, epoch));
    }

    fn hold(&mut self, epoch: LeaseEpoch, lease: Lease) {
        for mark in lease.terminal.marks() {
            self.by_mark.entry(mark.clone()).or_default().insert(epoch);
        }
        self.held.insert(epoch, lease);
    }

    fn forget(&mut self, epoch: LeaseEpoch) -> Option<Lease> {
        let lease = self.held.remove(&epoch)?;
        for mark in lease.terminal.marks() {
            let Some(epochs) = self.by_mark.get_mut(mark) else { continue };
            epochs.remove(&epoch);
            if epochs.is_empty() {
                self.by_mark.remove(mark);
            }
        }
        Some(lease)
    }
}
