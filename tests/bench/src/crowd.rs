//! All callers, in one thread: each sends every 20 ms, and a twentieth of them in each millisecond.

use std::{thread, time::Duration};

use media::Clock;
use terms::Instant;

use crate::line::Line;

/// Participants of a meeting.
pub(crate) const MEETING: usize = 5;
/// Callers of one phase send together.
const PHASES: usize = 20;
const PHASE: Duration = Duration::from_millis(1);

/// The callers of one turn.
#[derive(Debug)]
pub(crate) struct Crowd {
    clock: Clock,
    began: Instant,
    /// The next millisecond to work off, counted from the beginning.
    next: u64,
    phases: [Vec<Line>; PHASES],
}

/// Packets of all callers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Packets {
    /// Sent by the callers.
    pub(crate) sent: u64,
    /// Received by them.
    pub(crate) received: u64,
    /// RFC 3550 §A.3: sent to them and not received.
    pub(crate) lost: u64,
}

impl Packets {
    /// What came and went since.
    #[must_use]
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            received: self.received - before.received,
            lost: self.lost.saturating_sub(before.lost),
        }
    }
}

impl Crowd {
    /// Nobody yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, began: clock.now().mono, next: 0, phases: Default::default() }
    }

    /// One more, where there are fewest.
    pub(crate) fn add(&mut self, line: Line) {
        if let Some(phase) = self.phases.iter_mut().min_by_key(|phase| phase.len()) {
            phase.push(line);
        }
    }

    /// All callers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.phases.iter().flatten()
    }

    /// Works off so much time.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.clock.now().mono + time;
        while self.step() < until {}
    }

    /// Works off a millisecond, once it has come. Who is late catches up.
    pub(crate) fn step(&mut self) -> Instant {
        let due = self.began + PHASE * u32::try_from(self.next).unwrap_or(u32::MAX);
        let mut now = self.clock.now().mono;
        if now < due {
            thread::sleep(due.since(now));
            now = self.clock.now().mono;
        }
        let phase = usize::try_from(self.next % PHASES as u64).unwrap_or(0);
        for line in &mut self.phases[phase] {
            line.run(now, due);
        }
        self.next += 1;
        now
    }

    /// What came and went so far.
    pub(crate) fn packets(&self) -> Packets {
        self.lines().map(Line::packets).fold(Packets::default(), |sum, (sent, received, lost)| Packets {
            sent: sum.sent + sent,
            received: sum.received + received,
            lost: sum.lost + lost,
        })
    }
}
