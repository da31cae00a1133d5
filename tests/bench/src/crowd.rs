//! All callers, in one thread: each sends as its packets are due, spread over the milliseconds.

use std::{collections::BTreeMap, mem, thread, time::Duration};

use media::Clock;
use terms::{Instant, Now};

use crate::{
    line::{Heard, Line, Tools},
    marks,
};

/// Milliseconds of the longest packet: who is due in one of them is due again in the same, at most.
const WHEEL: usize = 60;
/// Within so many milliseconds a caller begins.
const BEGIN: usize = 20;
const STEP: Duration = Duration::from_millis(1);

/// Which caller; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineId(pub(crate) u64);

/// The callers of one turn.
#[derive(Debug)]
pub(crate) struct Crowd {
    began: Instant,
    /// The next millisecond to work off, counted from the beginning.
    next: u64,
    wheel: Vec<Vec<LineId>>,
    /// Kept for its memory.
    due: Vec<LineId>,
    lines: BTreeMap<LineId, Line>,
    tools: Tools,
    late: Duration,
    /// Of those who are gone.
    gone: Packets,
    gone_marks: marks::Counted,
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
    /// Received by them from others than their peer.
    pub(crate) foreign: u64,
}

impl Packets {
    /// What came and went since.
    #[must_use]
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            received: self.received - before.received,
            lost: self.lost.saturating_sub(before.lost),
            foreign: self.foreign - before.foreign,
        }
    }

    fn and(self, line: &Line) -> Self {
        let (sent, received, lost) = line.packets();
        Self {
            sent: self.sent + sent,
            received: self.received + received,
            lost: self.lost + lost,
            foreign: self.foreign + line.foreign(),
        }
    }
}

impl Crowd {
    /// Nobody yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            began: clock.now().mono,
            next: 0,
            wheel: vec![Vec::new(); WHEEL],
            due: Vec::new(),
            lines: BTreeMap::new(),
            tools: Tools::new(clock),
            late: Duration::ZERO,
            gone: Packets::default(),
            gone_marks: marks::Counted::default(),
        }
    }

    /// One more, when fewest are due.
    pub(crate) fn add(&mut self, id: LineId, line: Line) {
        let soon = (0..BEGIN).map(|ahead| self.slot(ahead));
        if let Some(slot) = soon.min_by_key(|slot| self.wheel[*slot].len()) {
            self.wheel[slot].push(id);
            self.lines.insert(id, line);
        }
    }

    /// Takes somebody out.
    pub(crate) fn remove(&mut self, id: LineId) -> Option<Line> {
        let line = self.lines.remove(&id)?;
        self.gone = self.gone.and(&line);
        self.gone_marks = self.gone_marks.and(line.marks());
        Some(line)
    }

    /// All callers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (LineId, &Line)> {
        self.lines.iter().map(|(id, line)| (*id, line))
    }

    /// One of them.
    pub(crate) fn line_mut(&mut self, id: LineId) -> Option<&mut Line> {
        self.lines.get_mut(&id)
    }

    /// From here on what one hears counts.
    pub(crate) fn begin_measuring_of(&mut self, id: LineId) {
        let now = self.tools.clock.now().mono;
        if let Some(line) = self.lines.get_mut(&id) {
            line.begin_measuring(now);
        }
    }

    /// And no more; what it was.
    pub(crate) fn end_measuring_of(&mut self, id: LineId) -> Option<Heard> {
        let now = self.tools.clock.now();
        let line = self.lines.get_mut(&id)?;
        line.end_measuring(now, &mut self.tools);
        Some(line.heard())
    }

    /// From here on what is heard counts, and gaps and lateness do.
    pub(crate) fn begin_measuring(&mut self) {
        let now = self.tools.clock.now().mono;
        self.late = Duration::ZERO;
        self.lines.values_mut().for_each(|line| line.begin_measuring(now));
    }

    /// And no more.
    pub(crate) fn end_measuring(&mut self) {
        let now = self.tools.clock.now();
        self.lines.values_mut().for_each(|line| line.end_measuring(now, &mut self.tools));
    }

    /// How late this process was at most.
    pub(crate) const fn late(&self) -> Duration {
        self.late
    }

    /// Works off so much time.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.tools.clock.now().mono + time;
        while self.step().mono < until {}
    }

    /// Works off a millisecond, once it has come. Who is late catches up.
    pub(crate) fn step(&mut self) -> Now {
        let due = self.began + STEP * u32::try_from(self.next).unwrap_or(u32::MAX);
        let mut now = self.tools.clock.now();
        if now.mono < due {
            thread::sleep(due.since(now.mono));
            now = self.tools.clock.now();
        }
        self.late = self.late.max(now.mono.since(due));
        let slot = self.slot(0);
        mem::swap(&mut self.due, &mut self.wheel[slot]);
        let mut due = mem::take(&mut self.due);
        for id in due.drain(..) {
            if let Some(line) = self.lines.get_mut(&id) {
                let again = line.run(now, &mut self.tools).as_millis() as usize;
                let again = self.slot(again);
                self.wheel[again].push(id);
            }
        }
        self.due = due;
        self.next += 1;
        now
    }

    /// What came and went so far.
    pub(crate) fn packets(&self) -> Packets {
        self.lines.values().fold(self.gone, Packets::and)
    }

    /// Whose packets came so far.
    pub(crate) fn marks(&self) -> marks::Counted {
        self.lines.values().fold(self.gone_marks, |sum, line| sum.and(line.marks()))
    }

    /// The place in the wheel so many milliseconds from the next on.
    fn slot(&self, ahead: usize) -> usize {
        let next = usize::try_from(self.next % WHEEL as u64).unwrap_or(0);
        (next + ahead) % WHEEL
    }
}
