//! A bucket of tokens for each source, in a table that never grows.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _, net::SocketAddr, time::Instant};

use super::{Budget, network::Network};

/// Sources whose budgets are kept apart; of two that fall together the one that was heard longer ago is forgotten.
pub(super) const PLACES: usize = 16_384;
/// Parts of a token: a budget of so many a second fills up by as many of them a microsecond.
const PARTS: u64 = 1_000_000;

/// By what way something comes. Whoever forges the sources of datagrams spends no budget of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Datagram,
    Stream,
}

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Payer {
    Network(Way, Network),
    /// Who has logged in.
    Known(Way, SocketAddr),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    payer: Payer,
    parts: u64,
    at: Instant,
}

/// All buckets.
#[derive(Debug)]
pub(super) struct Budgets {
    buckets: Box<[Option<Bucket>]>,
    /// Nobody can tell which sources fall together.
    random: RandomState,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { buckets: vec![None; PLACES].into(), random: RandomState::new() }
    }
}

impl Budgets {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether so many messages are within the budget; if so, they are spent.
    pub(super) fn pay(&mut self, now: Instant, payer: Payer, (budget, messages): (Budget, usize)) -> bool {
        let full = u64::from(budget.burst) * PARTS;
        let place = self.random.hash_one(payer) as usize % PLACES;
        let bucket = self.buckets[place].filter(|bucket| bucket.payer == payer);
        let filled = bucket.map_or(full, |bucket| {
            let passed = u64::try_from(now.duration_since(bucket.at).as_micros()).unwrap_or(u64::MAX);
            bucket.parts.saturating_add(passed.saturating_mul(budget.per_second.into())).min(full)
        });
        let left = filled.checked_sub(messages as u64 * PARTS);
        // Less than a microsecond fills nothing: the clock of the bucket waits for it.
        let at = bucket.filter(|bucket| filled == bucket.parts).map_or(now, |bucket| bucket.at);
        self.buckets[place] = Some(Bucket { payer, parts: left.unwrap_or(filled), at });
        left.is_some()
    }
}
