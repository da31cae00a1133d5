//! When each port and room is due: one tick of 20 ms for all, spread over its phases so that work is flat.

use std::time::Duration;

use terms::{Instant, MeetingId};

use crate::engine::SlotId;

/// Every unit is due once a tick.
pub(crate) const TICK: Duration = Duration::from_millis(20);
/// Units of one phase are due together, and what they send leaves together.
const PHASES: usize = 10;
const PHASE: Duration = Duration::from_millis(2);
/// A worker that was held up longer than this drops the ticks that it missed.
const MAX_BEHIND: Duration = Duration::from_millis(100);

/// What is due in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A port by itself.
    Port(SlotId),
    /// A meeting with all its ports.
    Room(MeetingId),
}

/// Which of the phases a unit is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Phase(usize);

/// The units by phase, and how far time has been worked off.
#[derive(Debug)]
pub(crate) struct Schedule {
    phases: [Vec<Unit>; PHASES],
    /// The next phase to run, counted from [`Instant::ZERO`].
    next: u64,
}

/// What was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missed(pub(crate) u64);

impl Schedule {
    pub(crate) fn new(now: Instant) -> Self {
        Self { phases: Default::default(), next: phase_at(now) }
    }

    /// Puts a unit where there is least to do.
    pub(crate) fn add(&mut self, now: Instant, unit: Unit) -> Phase {
        if self.phases.iter().all(Vec::is_empty) {
            // Nothing was due while there was nothing: nothing was missed.
            self.next = phase_at(now);
        }
        let index = (0..PHASES).min_by_key(|index| self.phases[*index].len()).unwrap_or(0);
        self.phases[index].push(unit);
        Phase(index)
    }

    pub(crate) fn remove(&mut self, phase: Phase, unit: Unit) {
        if let Some(index) = self.phases[phase.0].iter().position(|other| *other == unit) {
            self.phases[phase.0].swap_remove(index);
        }
    }

    /// When the next phase that has units is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let busy = |next: &u64| !self.phases[index_of(*next)].is_empty();
        (self.next..self.next + PHASES as u64).find(busy).map(begins)
    }

    /// The units of all phases that are due at `now`; more than a tick behind, they are due once all the same.
    pub(crate) fn due(&self, now: Instant) -> impl Iterator<Item = &Unit> {
        let phases = (self.next..self.next + PHASES as u64).take_while(move |phase| begins(*phase) <= now);
        phases.flat_map(|phase| &self.phases[index_of(phase)])
    }

    /// Copies the units of the next phase that is due at `now` and says when it was due.
    pub(crate) fn take_due(&mut self, now: Instant, units: &mut Vec<Unit>) -> Option<Instant> {
        let at = self.poll_timeout().filter(|at| *at <= now)?;
        let phase = phase_at(at);
        units.clear();
        units.extend_from_slice(&self.phases[index_of(phase)]);
        self.next = phase + 1;
        Some(at)
    }

    /// Gives up what can't be caught up with.
    pub(crate) fn skip_missed(&mut self, now: Instant) -> Missed {
        let behind = now.since(begins(self.next));
        if behind <= MAX_BEHIND {
            return Missed(0);
        }
        self.next = phase_at(now);
        Missed(u64::try_from(behind.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX))
    }
}

const PHASE_NANOS: u64 = PHASE.as_nanos() as u64;

const fn begins(phase: u64) -> Instant {
    Instant::from_nanos(phase * PHASE_NANOS)
}

/// The first phase that begins at `now` or later.
const fn phase_at(now: Instant) -> u64 {
    now.as_nanos().div_ceil(PHASE_NANOS)
}

fn index_of(phase: u64) -> usize {
    usize::try_from(phase % PHASES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at_ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    fn due(schedule: &mut Schedule, now: Instant) -> Vec<(u64, usize)> {
        let mut units = Vec::new();
        let next = || schedule.take_due(now, &mut units).map(|at| (at.as_nanos() / 1_000_000, units.len()));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn each_unit_is_due_once_a_tick_and_units_are_spread() {
        let mut schedule = Schedule::new(at_ms(0));
        for slot in 0..11 {
            schedule.add(at_ms(0), Unit::Port(SlotId(slot)));
        }
        let first: Vec<_> = [(0, 2)].into_iter().chain((1..10).map(|phase| (phase * 2, 1))).collect();
        assert_eq!(due(&mut schedule, at_ms(19)), first);
        assert_eq!(due(&mut schedule, at_ms(20)), [(20, 2)]);
    }

    #[test]
    fn idle_phases_wake_nobody() {
        let mut schedule = Schedule::new(at_ms(3));
        assert_eq!(schedule.poll_timeout(), None);
        let phase = schedule.add(at_ms(60_003), Unit::Port(SlotId(1)));
        assert_eq!(schedule.skip_missed(at_ms(60_003)), Missed(0));
        assert_eq!(schedule.poll_timeout(), Some(at_ms(60_020)));
        schedule.remove(phase, Unit::Port(SlotId(1)));
        assert_eq!(schedule.poll_timeout(), None);
    }

    #[test]
    fn a_worker_that_was_held_up_skips_what_it_missed() {
        let mut schedule = Schedule::new(at_ms(0));
        schedule.add(at_ms(0), Unit::Port(SlotId(1)));
        assert_eq!(schedule.skip_missed(at_ms(100)), Missed(0));
        assert_eq!(schedule.skip_missed(at_ms(1_000)), Missed(50));
        assert_eq!(due(&mut schedule, at_ms(1_000)), [(1_000, 1)]);
    }
}
