//! The table of legs: the one way in and the one way out, so that what a leg has taken of its gates is given back
//! however it ends.

use std::collections::BTreeMap;

use sip::endpoint::DialogId;
use terms::{Instant, LegId};

use crate::{
    gates::{Gate, GateLimit, GateLimits, GateView, Gates},
    sip_leg::SipLeg,
};

/// All legs of a shard, and what came by each gate.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    /// Boxed: a map that grows at its end is half empty nodes.
    legs: BTreeMap<LegId, Box<SipLeg>>,
    by_dialog: BTreeMap<DialogId, LegId>,
    gates: Gates,
}

impl Legs {
    pub(crate) fn len(&self) -> usize {
        self.legs.len()
    }

    pub(crate) fn get(&self, leg: LegId) -> Option<&SipLeg> {
        self.legs.get(&leg).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, leg: LegId) -> Option<&mut SipLeg> {
        self.legs.get_mut(&leg).map(Box::as_mut)
    }

    pub(crate) fn of_dialog(&self, dialog: DialogId) -> Option<LegId> {
        self.by_dialog.get(&dialog).copied()
    }

    /// Whether one more may come.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        gates: &[(Gate, GateLimits)],
    ) -> Result<(), (Gate, GateLimit)> {
        self.gates.admit(now, gates)
    }

    pub(crate) fn insert(&mut self, leg: LegId, sip: SipLeg) {
        self.by_dialog.insert(sip.dialog, leg);
        self.gates.enter(&sip.gates);
        // Whoever restores a leg twice has one leg.
        if let Some(before) = self.legs.insert(leg, Box::new(sip)) {
            self.gates.leave(&before.gates);
        }
    }

    pub(crate) fn remove(&mut self, leg: LegId) {
        if let Some(sip) = self.legs.remove(&leg) {
            self.by_dialog.remove(&sip.dialog);
            self.gates.leave(&sip.gates);
        }
    }

    /// Forgets gates that are configured no more, once they have no call.
    pub(crate) fn retain_gates(&mut self, is_known: impl Fn(&Gate) -> bool) {
        self.gates.retain(is_known);
    }

    pub(crate) fn views(&self, gates: impl Iterator<Item = (Gate, GateLimits)>) -> Vec<GateView> {
        self.gates.views(gates)
    }
}
