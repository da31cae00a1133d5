//! What a tenant may use at once (MEET-4).

use std::collections::{BTreeMap, BTreeSet};

use terms::{TenantId, media::Voice};

use crate::{leg::Kind, question::Role};

/// A customer's entitlements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Participants at once over all its meetings.
    pub participants: usize,
    /// Whether phones may join.
    pub phone_join: PhoneJoin,
    /// What joins muted, unless it is the host (MEET-5).
    pub auto_mute: BTreeSet<Kind>,
}

/// Whether phones may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PhoneJoin {
    /// They may.
    #[default]
    Entitled,
    /// They may not.
    NotEntitled,
}

impl Default for Tenant {
    fn default() -> Self {
        Self { participants: usize::MAX, phone_join: PhoneJoin::Entitled, auto_mute: BTreeSet::new() }
    }
}

impl Tenant {
    pub(super) fn admits(&self, kind: Kind) -> bool {
        kind != Kind::Phone || self.phone_join == PhoneJoin::Entitled
    }

    /// Whether a participant is heard as it joins.
    pub(super) fn first_voice(&self, kind: Kind, role: Role) -> Voice {
        if role != Role::Host && self.auto_mute.contains(&kind) { Voice::Muted } else { Voice::Heard }
    }
}

/// The tenants' entitlements, and the places that are taken. One that is not named has none.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    entitled: BTreeMap<TenantId, Tenant>,
    taken: BTreeMap<TenantId, usize>,
    unknown: Unknown,
}

/// A tenant that the operator does not name may use nothing, though it has meetings from earlier.
#[derive(Debug)]
struct Unknown(Tenant);

impl Default for Unknown {
    fn default() -> Self {
        Self(Tenant { participants: 0, phone_join: PhoneJoin::NotEntitled, auto_mute: BTreeSet::new() })
    }
}

impl Tenants {
    pub(super) fn set(&mut self, tenants: BTreeMap<TenantId, Tenant>) {
        self.entitled = tenants;
    }

    pub(super) fn is_full(&self, tenant: &TenantId) -> bool {
        self.taken.get(tenant).copied().unwrap_or(0) >= self.of(tenant).participants
    }

    /// A meeting of the tenant had so many inside, and has so many.
    pub(super) fn changed(&mut self, tenant: &TenantId, (before, after): (usize, usize)) {
        let taken = self.taken.entry(tenant.clone()).or_default();
        *taken = (*taken + after).saturating_sub(before);
        if *taken == 0 {
            self.taken.remove(tenant);
        }
    }

    /// A meeting with so many inside has another owner.
    pub(super) fn move_places(&mut self, inside: usize, (from, to): (&TenantId, &TenantId)) {
        self.changed(from, (inside, 0));
        self.changed(to, (0, inside));
    }

    pub(super) fn of(&self, tenant: &TenantId) -> &Tenant {
        self.entitled.get(tenant).unwrap_or(&self.unknown.0)
    }
}
