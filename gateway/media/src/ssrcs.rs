//! Our synchronization sources: which are in use, which rest (ISO-3).

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use terms::{Entropy, Instant, WorkerId, media::Ssrc};

/// How many rest at most; beyond it the longest rested may be given again. At 100 calls a second to a worker each rests
/// for ten minutes.
const MAX_RESTING: usize = 65_536;

/// Gives out sources that no port of the process has, nor had of late: a late packet, or a report on one, names nobody
/// else. Each worker gives those that leave its own remainder, so that none has to ask another.
#[derive(Debug)]
pub(crate) struct Ssrcs {
    worker: u32,
    workers: u32,
    rest: Duration,
    /// In use or at rest.
    taken: BTreeSet<Ssrc>,
    resting: VecDeque<(Instant, Ssrc)>,
}

impl Ssrcs {
    /// `rest` is as long as the address of a port does from its close on.
    pub(crate) fn new(worker: WorkerId, workers: u8, rest: Duration) -> Self {
        let (worker, workers) = (u32::from(worker.0), u32::from(workers.max(1)));
        Self { worker: worker % workers, workers, rest, taken: BTreeSet::new(), resting: VecDeque::new() }
    }

    /// RFC 3550 §8.1: by chance.
    pub(crate) fn draw(&mut self, now: Instant, entropy: &mut Entropy) -> Ssrc {
        self.forget_rested(now);
        loop {
            let drawn = Ssrc(entropy.next_u32());
            if drawn.0 % self.workers == self.worker && self.taken.insert(drawn) {
                return drawn;
            }
        }
    }

    /// One that a restored port goes on with.
    pub(crate) fn claim(&mut self, ssrc: Ssrc) {
        self.resting.retain(|(_, resting)| *resting != ssrc);
        self.taken.insert(ssrc);
    }

    /// Its port is closed.
    pub(crate) fn rest(&mut self, now: Instant, ssrc: Ssrc) {
        self.forget_rested(now);
        self.taken.insert(ssrc);
        self.resting.push_back((now + self.rest, ssrc));
        if self.resting.len() > MAX_RESTING {
            self.forget_first();
        }
    }

    fn forget_rested(&mut self, now: Instant) {
        while self.resting.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, ssrc)) = self.resting.pop_front() {
            self.taken.remove(&ssrc);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(600);

    const fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    /// The same numbers again and again.
    fn entropy() -> Entropy {
        Entropy::from_seed([1, 2, 3, 4])
    }

    #[test]
    fn iso_3_a_source_in_use_or_at_rest_is_not_given_again() {
        let mut ssrcs = Ssrcs::new(WorkerId(0), 1, REST);
        let first = ssrcs.draw(at(0), &mut entropy());
        let second = ssrcs.draw(at(0), &mut entropy());
        assert_ne!(first, second, "in use");
        ssrcs.rest(at(10), first);
        let third = ssrcs.draw(at(609), &mut entropy());
        assert!(third != first && third != second, "at rest");
        assert_eq!(ssrcs.draw(at(610), &mut entropy()), first, "it has rested");
        let mut other = Ssrcs::new(WorkerId(0), 1, REST);
        other.claim(first);
        assert_ne!(other.draw(at(0), &mut entropy()), first, "a restored port has it");
    }

    #[test]
    fn iso_3_two_workers_never_give_the_same() {
        let mut given = BTreeSet::new();
        for worker in 0..3 {
            let (mut ssrcs, mut entropy) = (Ssrcs::new(WorkerId(worker), 3, REST), entropy());
            for _ in 0..1_000 {
                assert!(given.insert(ssrcs.draw(at(0), &mut entropy)));
            }
        }
    }

    #[test]
    fn iso_3_so_many_rest_at_most_and_the_longest_rested_is_given_first() {
        let mut ssrcs = Ssrcs::new(WorkerId(0), 1, REST);
        for number in 0..=u32::try_from(MAX_RESTING).expect("small") {
            ssrcs.rest(at(0), Ssrc(number));
        }
        assert_eq!((ssrcs.resting.len(), ssrcs.taken.len()), (MAX_RESTING, MAX_RESTING));
        assert!(!ssrcs.taken.contains(&Ssrc(0)) && ssrcs.taken.contains(&Ssrc(1)));
    }
}
