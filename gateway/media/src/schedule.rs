//! When each port and room is due: one tick of 20 ms for all, spread over its phases so that work is flat.
//!
//! A phase wakes the worker, and a wake-up costs as much as several packets. So the first ports share a phase or two, and
//! only when these have enough to do a further one is begun; when all have, the one with least to do is next.

use std::time::Duration;

use terms::{Instant, MeetingId};

use crate::engine::SlotId;

/// Every unit is due once a tick.
pub(crate) const TICK: Duration = Duration::from_millis(20);
/// Units of one phase are due together, and what they send leaves together.
const PHASES: usize = 10;
const PHASE: Duration = Duration::from_millis(2);
/// Ports that a phase takes before another is begun: half a millisecond's work, about.
const ENOUGH: usize = 64;
/// Who begins to sound does so in half a tick, though a phase be begun for it.
const SOON: u64 = PHASES as u64 / 2;
/// A worker that was held up longer than this drops the ticks that it missed.
const MAX_BEHIND: Duration = Duration::from_millis(100);

/// Ticks from one of a port that is seldom due to its next: a second, as often as figures are told.
const SELDOM: u64 = 50;

/// How often a port is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It is to be given sound.
    EachTick,
    /// What it says comes and goes by itself: only its reports are due.
    Seldom,
}

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
    phases: [Due; PHASES],
    /// The next phase to run, counted from [`Instant::ZERO`].
    next: u64,
}

/// What is due in one phase.
#[derive(Debug)]
struct Due {
    /// At each tick.
    units: Vec<Unit>,
    /// Ports that are seldom due, by the tick of theirs: nobody looks at the others meanwhile.
    seldom: [Vec<Unit>; SELDOM as usize],
    /// All of them, with those of rooms.
    ports: usize,
}

impl Default for Due {
    fn default() -> Self {
        Self { units: Vec::new(), seldom: std::array::from_fn(|_| Vec::new()), ports: 0 }
    }
}

impl Due {
    fn at(&self, tick: u64) -> impl Iterator<Item = &Unit> {
        self.units.iter().chain(&self.seldom[turn_of(tick)])
    }

    /// Takes a unit out, whatever its pace is.
    fn take(&mut self, unit: Unit) -> bool {
        let turn = match unit {
            Unit::Port(slot) => Some(&mut self.seldom[turn_of(slot.0.into())]),
            Unit::Room(_) => None,
        };
        let mut lists = turn.into_iter().chain([&mut self.units]);
        lists.any(|list| {
            let found = list.iter().position(|other| *other == unit);
            found.map(|index| list.swap_remove(index)).is_some()
        })
    }
}

/// What was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missed(pub(crate) u64);

impl Schedule {
    pub(crate) fn new(now: Instant) -> Self {
        Self { phases: Default::default(), next: phase_at(now) }
    }

    /// Puts a unit into the soonest phase of the next half tick that is begun and has room, else into the next that is not begun, else where
    /// there is least to do.
    pub(crate) fn add(&mut self, now: Instant, unit: Unit) -> Phase {
        if self.phases.iter().all(|phase| phase.ports == 0) {
            // Nothing was due while there was nothing: nothing was missed.
            self.next = phase_at(now);
        }
        let first = phase_at(now);
        // Phases that went by empty are not due any more, whatever is put into them.
        while self.next < first && self.phases[index_of(self.next)].ports == 0 {
            self.next += 1;
        }
        let coming = || (first..first + PHASES as u64).map(index_of);
        let begun =
            coming().take(SOON as usize).find(|index| (1..ENOUGH).contains(&self.phases[*index].ports));
        let other = || coming().find(|index| self.phases[*index].ports == 0);
        let least = || coming().min_by_key(|index| self.phases[*index].ports);
        let index = begun.or_else(other).or_else(least).unwrap_or(0);
        self.phases[index].units.push(unit);
        self.phases[index].ports += 1;
        Phase(index)
    }

    pub(crate) fn remove(&mut self, Phase(phase): Phase, unit: Unit) {
        let due = &mut self.phases[phase];
        if due.take(unit) {
            due.ports -= 1;
        }
    }

    /// How often a port of that phase is due from here on.
    pub(crate) fn set_pace(&mut self, Phase(phase): Phase, slot: SlotId, pace: Pace) {
        let (due, unit) = (&mut self.phases[phase], Unit::Port(slot));
        if due.take(unit) {
            match pace {
                Pace::EachTick => due.units.push(unit),
                Pace::Seldom => due.seldom[turn_of(slot.0.into())].push(unit),
            }
        }
    }

    /// A port joins a room of that phase.
    pub(crate) fn grow(&mut self, Phase(phase): Phase) {
        self.phases[phase].ports += 1;
    }

    /// A port leaves a room of that phase.
    pub(crate) fn shrink(&mut self, Phase(phase): Phase) {
        self.phases[phase].ports -= 1;
    }

    /// When the next phase that has units is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let busy = |next: &u64| self.phases[index_of(*next)].ports > 0;
        (self.next..self.next + PHASES as u64).find(busy).map(begins)
    }

    /// The units of all phases that are due at `now`; more than a tick behind, they are due once all the same.
    pub(crate) fn due(&self, now: Instant) -> impl Iterator<Item = &Unit> {
        let phases = (self.next..self.next + PHASES as u64).take_while(move |phase| begins(*phase) <= now);
        phases.flat_map(|phase| self.units_of(phase))
    }

    /// Copies the units of the next phase that is due at `now` and says when it was due.
    pub(crate) fn take_due(&mut self, now: Instant, units: &mut Vec<Unit>) -> Option<Instant> {
        let at = self.poll_timeout().filter(|at| *at <= now)?;
        let phase = phase_at(at);
        units.clear();
        units.extend(self.units_of(phase));
        self.next = phase + 1;
        Some(at)
    }

    fn units_of(&self, phase: u64) -> impl Iterator<Item = &Unit> {
        self.phases[index_of(phase)].at(phase / PHASES as u64)
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

/// Which of those that are seldom due have their turn in a tick, and in which a slot has.
fn turn_of(number: u64) -> usize {
    usize::try_from(number % SELDOM).unwrap_or(0)
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
    fn each_unit_is_due_once_a_tick_and_a_phase_is_filled_before_another_is_begun() {
        let mut schedule = Schedule::new(at_ms(0));
        for slot in 0..150 {
            schedule.add(at_ms(0), Unit::Port(SlotId(slot)));
        }
        assert_eq!(due(&mut schedule, at_ms(19)), [(0, 64), (2, 64), (4, 22)]);
        assert_eq!(due(&mut schedule, at_ms(20)), [(20, 64)]);
    }

    #[test]
    fn when_all_phases_have_enough_work_is_flat() {
        let mut schedule = Schedule::new(at_ms(0));
        for slot in 0..1_003 {
            schedule.add(at_ms(0), Unit::Port(SlotId(slot)));
        }
        let ports: Vec<usize> = due(&mut schedule, at_ms(19)).into_iter().map(|(_, ports)| ports).collect();
        assert_eq!(ports, [101, 101, 101, 100, 100, 100, 100, 100, 100, 100]);
    }

    #[test]
    fn a_port_is_due_within_half_a_tick_while_there_is_room() {
        let mut schedule = Schedule::new(at_ms(0));
        schedule.add(at_ms(0), Unit::Port(SlotId(0)));
        due(&mut schedule, at_ms(1));
        schedule.add(at_ms(1), Unit::Port(SlotId(1)));
        assert_eq!(due(&mut schedule, at_ms(2)), [(2, 1)], "the phase at 0 would be due in 19 ms");
        schedule.add(at_ms(13), Unit::Port(SlotId(2)));
        assert_eq!(due(&mut schedule, at_ms(20)), [(20, 2)], "and that is due in 7");
    }

    #[test]
    fn a_phase_that_went_by_empty_is_not_due_at_once_when_it_is_begun() {
        let mut schedule = Schedule::new(at_ms(0));
        for slot in 0..64 {
            schedule.add(at_ms(0), Unit::Port(SlotId(slot)));
        }
        assert_eq!(due(&mut schedule, at_ms(0)), [(0, 64)]);
        schedule.add(at_ms(19), Unit::Port(SlotId(64)));
        assert_eq!(due(&mut schedule, at_ms(19)), []);
        assert_eq!(due(&mut schedule, at_ms(22)), [(20, 64), (22, 1)]);
    }

    #[test]
    fn a_room_takes_the_room_of_its_ports() {
        let mut schedule = Schedule::new(at_ms(0));
        let phase = schedule.add(at_ms(0), Unit::Room("900100001".parse().expect("an ID")));
        for _ in 0..63 {
            schedule.grow(phase);
        }
        assert_ne!(schedule.add(at_ms(0), Unit::Port(SlotId(1))), phase);
        schedule.shrink(phase);
        assert_eq!(schedule.add(at_ms(0), Unit::Port(SlotId(2))), phase);
    }

    #[test]
    fn idle_phases_wake_nobody() {
        let mut schedule = Schedule::new(at_ms(3));
        assert_eq!(schedule.poll_timeout(), None);
        let phase = schedule.add(at_ms(60_003), Unit::Port(SlotId(1)));
        assert_eq!(schedule.skip_missed(at_ms(60_003)), Missed(0));
        assert_eq!(schedule.poll_timeout(), Some(at_ms(60_004)));
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

    #[test]
    fn a_port_that_is_seldom_due_is_so_once_a_second_and_all_of_them_take_turns() {
        let mut schedule = Schedule::new(at_ms(0));
        let phases: Vec<Phase> =
            (0..50).map(|slot| schedule.add(at_ms(0), Unit::Port(SlotId(slot)))).collect();
        for (slot, phase) in (0..50).zip(&phases) {
            schedule.set_pace(*phase, SlotId(slot), Pace::Seldom);
        }
        let ticks = |schedule: &mut Schedule, from: u64| {
            (0..SELDOM)
                .map(|tick| due(schedule, at_ms(from + tick * 20)).iter().map(|(_, units)| units).sum())
                .collect::<Vec<usize>>()
        };
        assert_eq!(ticks(&mut schedule, 0), [1; SELDOM as usize]);
        schedule.set_pace(phases[3], SlotId(3), Pace::EachTick);
        assert_eq!(ticks(&mut schedule, 1_000).iter().sum::<usize>(), 49 + 50);
        schedule.set_pace(phases[5], SlotId(5), Pace::Seldom);
        schedule.remove(phases[5], Unit::Port(SlotId(5)));
        assert_eq!(ticks(&mut schedule, 2_000).iter().sum::<usize>(), 48 + 50);
    }
}
