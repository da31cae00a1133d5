//! The addresses of a zone's media: which are free, which are in quarantine (ISO-3).

use std::{
    collections::{BTreeSet, VecDeque},
    net::{IpAddr, SocketAddr},
    ops::{self, RangeInclusive},
    time::Duration,
};

use terms::{Instant, ZoneName};

/// How long an address rests once its port is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantine {
    /// From the close, and again from each late packet of the old peer.
    pub rest: Duration,
    /// At most, however many late packets come.
    pub bound: Duration,
    /// The share of a range that may rest, in percent; beyond it the longest rested is used again.
    pub share_percent: u8,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self { rest: Duration::from_secs(30), bound: Duration::from_secs(600), share_percent: 50 }
    }
}

impl Quarantine {
    /// How many of `pairs` may rest at once.
    fn allowed(self, pairs: u16) -> u32 {
        (u32::from(pairs) * u32::from(self.share_percent) / 100).max(1)
    }
}

/// What pairs can carry, if peers are silent once their call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// Calls at once, while none rests.
    pub pairs: u32,
    /// Pairs that may rest at once.
    pub resting: u32,
}

impl Capacity {
    /// Calls a second, however short, after which each pair can rest so long; no bound where it need not rest. A call
    /// takes a pair for its length and the rest, and those that rest are `resting` at most.
    pub fn calls_per_second(self, rest: Duration) -> Option<f64> {
        (!rest.is_zero()).then(|| f64::from(self.resting) / rest.as_secs_f64())
    }

    /// Calls at once while they come and go that fast.
    pub const fn beside_resting(self) -> u32 {
        self.pairs - self.resting
    }
}

impl ops::Add for Capacity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { pairs: self.pairs + other.pairs, resting: self.resting + other.resting }
    }
}

/// The addresses of one zone that one worker may use: pairs of an even port for RTP and the odd one above for RTCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Whose media.
    pub zone: ZoneName,
    /// On this address.
    pub address: IpAddr,
    /// The RTP port of the first pair.
    pub first: u16,
    /// How many pairs.
    pub pairs: u16,
}

impl Range {
    /// The whole pairs within `ports`.
    pub fn new(zone: ZoneName, address: IpAddr, ports: &RangeInclusive<u16>) -> Self {
        let first = ports.start().saturating_add(ports.start() % 2);
        let pairs = (u32::from(*ports.end()) + 1).saturating_sub(u32::from(first)) / 2;
        Self { zone, address, first, pairs: u16::try_from(pairs).unwrap_or(0) }
    }

    /// The part of worker `index` of `count`.
    #[must_use]
    pub fn share(&self, index: u8, count: u8) -> Self {
        let (index, count) = (u32::from(index), u32::from(count.max(1)));
        let begin = u32::from(self.pairs) * index / count;
        let end = u32::from(self.pairs) * (index + 1) / count;
        let pair = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Self { first: self.first + 2 * pair(begin), pairs: pair(end - begin), ..self.clone() }
    }

    /// What the range can carry when `workers` share it.
    pub fn capacity(&self, quarantine: Quarantine, workers: u8) -> Capacity {
        let shares = (0..workers).map(|index| self.share(index, workers).pairs);
        let resting = shares.map(|pairs| quarantine.allowed(pairs).min(u32::from(pairs))).sum();
        Capacity { pairs: self.pairs.into(), resting }
    }

    pub(crate) fn rtp(&self, pair: u16) -> SocketAddr {
        SocketAddr::new(self.address, self.first + 2 * pair)
    }

    pub(crate) fn rtcp(&self, pair: u16) -> SocketAddr {
        SocketAddr::new(self.address, self.first + 2 * pair + 1)
    }
}

/// Gives out the pairs of a range and takes them back.
#[derive(Debug)]
pub(crate) struct Pool {
    quarantine: Quarantine,
    /// Pairs never used yet: this one and those after it.
    fresh: u16,
    pairs: u16,
    /// Rested, and ready for use.
    free: VecDeque<u16>,
    resting: BTreeSet<(Instant, u16)>,
}

impl Pool {
    pub(crate) const fn new(range: &Range, quarantine: Quarantine) -> Self {
        Self { quarantine, fresh: 0, pairs: range.pairs, free: VecDeque::new(), resting: BTreeSet::new() }
    }

    /// A pair that nobody uses: one that has rested, else one never used, so that few sockets are opened.
    pub(crate) fn take(&mut self, now: Instant) -> Option<u16> {
        self.free_rested(now);
        if let Some(pair) = self.free.pop_front() {
            return Some(pair);
        }
        if self.fresh < self.pairs {
            self.fresh += 1;
            return Some(self.fresh - 1);
        }
        None
    }

    fn free_rested(&mut self, now: Instant) {
        while let Some((_, pair)) = self.resting.first().copied().filter(|(until, _)| *until <= now) {
            self.resting.pop_first();
            self.free.push_back(pair);
        }
    }

    /// How many pairs of a hundred could not be taken now.
    pub(crate) fn taken_percent(&mut self, now: Instant) -> u8 {
        self.free_rested(now);
        let free = self.free.len() + usize::from(self.pairs - self.fresh);
        let taken = usize::from(self.pairs).saturating_sub(free) * 100;
        u8::try_from(taken / usize::from(self.pairs).max(1)).unwrap_or(100)
    }

    /// Takes a particular pair, for a port that is restored with its address.
    pub(crate) fn take_exactly(&mut self, pair: u16) {
        for skipped in self.fresh..pair {
            self.free.push_back(skipped);
        }
        self.fresh = self.fresh.max(pair.saturating_add(1));
        self.free.retain(|free| *free != pair);
        self.resting.retain(|(_, resting)| *resting != pair);
    }

    /// A pair whose port is closed begins to rest; the result is when it will have rested.
    pub(crate) fn rest(&mut self, now: Instant, pair: u16) -> Instant {
        let until = now + self.quarantine.rest;
        self.resting.insert((until, pair));
        if self.resting.len() > self.quarantine.allowed(self.pairs) as usize
            && let Some((_, longest)) = self.resting.pop_first()
        {
            self.free.push_back(longest);
        }
        until
    }

    /// The old peer still sends: the pair rests on, up to the bound from `closed`.
    pub(crate) fn rest_on(&mut self, now: Instant, pair: u16, until: Instant, closed: Instant) -> Instant {
        let longer = (now + self.quarantine.rest).min(closed + self.quarantine.bound);
        if longer > until && self.resting.remove(&(until, pair)) {
            self.resting.insert((longer, pair));
            return longer;
        }
        until
    }

    /// A pair that could not be bound: somebody else has it. Tried again after a rest.
    pub(crate) fn avoid(&mut self, now: Instant, pair: u16) {
        self.resting.retain(|(_, resting)| *resting != pair);
        self.resting.insert((now + self.quarantine.rest, pair));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(ports: RangeInclusive<u16>) -> Range {
        Range::new("trunk".into(), IpAddr::from([127, 0, 0, 1]), &ports)
    }

    const fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_range_holds_whole_pairs_and_its_shares_cover_it() {
        let whole = range(10_001..=10_008);
        assert_eq!((whole.first, whole.pairs), (10_002, 3));
        let shares = [0, 1].map(|index| whole.share(index, 2));
        assert_eq!(shares.map(|share| (share.first, share.pairs)), [(10_002, 1), (10_004, 2)]);
        assert_eq!(range(65_534..=65_535).pairs, 1);
    }

    #[test]
    fn iso_3_a_closed_pair_rests_30_s_unless_the_old_peer_goes_on_and_10_min_at_most() {
        let mut pool =
            Pool::new(&range(10_000..=10_003), Quarantine { share_percent: 100, ..Quarantine::default() });
        assert_eq!((pool.take(at(0)), pool.take(at(0)), pool.take(at(0))), (Some(0), Some(1), None));
        let mut until = pool.rest(at(0), 0);
        assert_eq!(pool.take(at(29)), None);
        until = pool.rest_on(at(29), 0, until, at(0));
        assert_eq!((until, pool.take(at(58))), (at(59), None));
        for second in (58..=1_000).step_by(20) {
            until = pool.rest_on(at(second), 0, until, at(0));
        }
        assert_eq!((until, pool.take(at(599)), pool.take(at(600))), (at(600), None, Some(0)));
    }

    #[test]
    fn iso_3_at_the_rate_that_a_range_is_told_to_sustain_each_pair_rests_and_faster_it_does_not() {
        let rows = [
            ("half may rest", 10_000..=10_599, 50, 30, (300, 150, 5.0)),
            ("all may", 10_000..=10_599, 100, 30, (300, 300, 10.0)),
            ("a tenth, for a minute", 10_000..=10_599, 10, 60, (300, 30, 0.5)),
            ("one pair rests whatever the share", 10_000..=10_003, 1, 10, (2, 1, 0.1)),
        ];
        for (name, ports, share_percent, seconds, (pairs, resting, per_second)) in rows {
            let quarantine =
                Quarantine { rest: Duration::from_secs(seconds), share_percent, ..Quarantine::default() };
            let capacity = range(ports.clone()).capacity(quarantine, 1);
            assert_eq!(capacity, Capacity { pairs, resting }, "{name}");
            let told = capacity.calls_per_second(quarantine.rest).expect("pairs rest");
            assert!((told - per_second).abs() < 1e-9, "{name}: {told}");
            let shortest = |per_second: f64| {
                shortest_rest(&mut Pool::new(&range(ports.clone()), quarantine), per_second)
            };
            assert!(shortest(told) >= Some(quarantine.rest), "{name}: {:?}", shortest(told));
            // Two more in that time: one of them gets a pair too early, or where all may rest none.
            let faster = told + 2.0 / quarantine.rest.as_secs_f64();
            assert!(shortest(faster) < Some(quarantine.rest), "{name}: {:?}", shortest(faster));
        }
    }

    #[test]
    fn each_worker_lets_its_own_share_rest() {
        let quarantine = Quarantine { share_percent: 50, ..Quarantine::default() };
        let rows = [(1, 3), (2, 3), (3, 3), (7, 7)];
        for (workers, resting) in rows {
            let expected = Capacity { pairs: 7, resting };
            assert_eq!(range(10_000..=10_013).capacity(quarantine, workers), expected, "{workers} workers");
        }
        let never = Capacity { pairs: 7, resting: 3 }.calls_per_second(Duration::ZERO);
        assert_eq!(never, None, "what need not rest is free at once");
    }

    /// How long a pair rested at least, when calls without length come that fast; `None` where one found no pair.
    fn shortest_rest(pool: &mut Pool, per_second: f64) -> Option<Duration> {
        let mut closed = std::collections::BTreeMap::new();
        let mut shortest = Duration::MAX;
        for call in 0..3_000_u32 {
            // Each a microsecond later: a pair that is due is due by then.
            let now = at(0)
                + Duration::from_secs_f64(f64::from(call) / per_second)
                + Duration::from_micros(call.into());
            let pair = pool.take(now)?;
            if let Some(before) = closed.insert(pair, now) {
                shortest = shortest.min(now.since(before));
            }
            pool.rest(now, pair);
        }
        Some(shortest)
    }

    #[test]
    fn rel_1_pairs_in_use_and_at_rest_are_taken_until_they_have_rested() {
        let mut pool = Pool::new(&range(10_000..=10_007), Quarantine::default());
        let taken: Vec<_> = (0..3).filter_map(|_| pool.take(at(0))).collect();
        assert_eq!(pool.taken_percent(at(0)), 75);
        pool.rest(at(10), taken[0]);
        assert_eq!((pool.taken_percent(at(39)), pool.taken_percent(at(40))), (75, 50));
    }

    #[test]
    fn iso_3_beyond_its_share_the_longest_rested_is_used_first() {
        let mut pool = Pool::new(&range(10_000..=10_007), Quarantine::default());
        let taken: Vec<_> = (0..4).filter_map(|_| pool.take(at(0))).collect();
        for (second, pair) in (0..).zip(taken) {
            pool.rest(at(second), pair);
        }
        assert_eq!((pool.take(at(4)), pool.take(at(4)), pool.take(at(4))), (Some(0), Some(1), None));
    }
}
