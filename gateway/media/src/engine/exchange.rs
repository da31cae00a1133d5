//! A meeting over several workers: each tells the others what its talkers add up to.
//!
//! ```text
//!   worker 0: take in ─▶ Partial ──────────▶ queue ─▶ merge ─▶ give out   (worker 1's next tick)
//!   worker 1: take in ─▶ Partial ──────────▶ queue ─▶ merge ─▶ give out   (worker 0's next tick)
//! ```
//!
//! A worker that gets its first port of a meeting says `Here` to all, and hears `Here` back from
//! those that hold a part of it too; after that only these exchange partials, one a tick and rate.

use std::collections::VecDeque;

use meeting::Partial;
use terms::{MeetingId, WorkerId, media::SampleRate};

use super::Engine;
use crate::room::Room;

/// Partials of one worker that may wait; older ones are dropped.
const MAX_WAITING: usize = 4;
/// After a gap, so many must wait before the first is used: ticks of two workers are not in step.
const PRIMED: usize = 2;
/// Old partials that are kept for their memory.
const MAX_SPARE: usize = 64;

/// What one worker tells another.
#[derive(Debug, PartialEq, Eq)]
pub enum Between {
    /// Whether it holds a part of a meeting.
    Presence(Presence),
    /// What this worker's talkers add up to.
    Partial(WorkerId, Box<Partial>),
}

/// Whether a worker holds a part of a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    worker: WorkerId,
    meeting: MeetingId,
    news: News,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// From now on; who does too answers.
    Here,
    /// As the answer.
    HereToo,
    /// No more.
    Gone,
}

/// The other workers, and partials to use again.
#[derive(Debug)]
pub(crate) struct Peers {
    others: Vec<WorkerId>,
    #[expect(clippy::vec_box, reason = "the boxes travel: they are what is used again")]
    spare: Vec<Box<Partial>>,
}

impl Peers {
    pub(crate) fn of(id: WorkerId, workers: u8) -> Self {
        let others = (0..workers).map(WorkerId).filter(|other| *other != id);
        Self { others: others.collect(), spare: Vec::new() }
    }

    fn take(&mut self, meeting: MeetingId, rate: SampleRate) -> Box<Partial> {
        let mut partial = self.spare.pop().unwrap_or_else(|| Box::new(Partial::new(meeting, rate)));
        partial.reuse(meeting, rate);
        partial
    }

    fn keep(&mut self, partial: Box<Partial>) {
        if self.spare.len() < MAX_SPARE {
            self.spare.push(partial);
        }
    }
}

/// Another worker's part of a meeting, with what came of it at each rate.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    worker: WorkerId,
    flows: Vec<Flow>,
}

/// The partials of one rate.
#[derive(Debug)]
struct Flow {
    rate: SampleRate,
    waiting: VecDeque<Box<Partial>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Priming,
    Running,
}

impl Elsewhere {
    /// Takes a partial in; what is too many comes back.
    fn push(&mut self, partial: Box<Partial>) -> Option<Box<Partial>> {
        let rate = partial.rate();
        let known = self.flows.iter().position(|flow| flow.rate == rate);
        let index = known.unwrap_or_else(|| {
            self.flows.push(Flow { rate, waiting: VecDeque::new(), state: State::Priming });
            self.flows.len() - 1
        });
        let waiting = &mut self.flows[index].waiting;
        waiting.push_back(partial);
        if waiting.len() > MAX_WAITING { waiting.pop_front() } else { None }
    }
}

impl Flow {
    /// The partial of this tick, if one is due.
    fn take(&mut self) -> Option<Box<Partial>> {
        self.state = match (self.state, self.waiting.len()) {
            (_, 0) => State::Priming,
            (State::Priming, waiting) if waiting < PRIMED => State::Priming,
            (State::Priming | State::Running, _) => State::Running,
        };
        if self.state == State::Running { self.waiting.pop_front() } else { None }
    }
}

impl Engine {
    pub(super) fn tell_others(&mut self, meeting: MeetingId, news: News) {
        for other in &self.peers.others {
            self.out.peer(*other, Between::Presence(Presence { worker: self.id, meeting, news }));
        }
    }

    pub(super) fn on_peer(&mut self, message: Between) {
        match message {
            Between::Presence(presence) => self.on_presence(presence),
            Between::Partial(worker, partial) => {
                let room = self.rooms.get_mut(&partial.meeting());
                let part = room.and_then(|room| room.elsewhere.iter_mut().find(|part| part.worker == worker));
                let left = match part {
                    Some(part) => part.push(partial),
                    None => Some(partial),
                };
                if let Some(partial) = left {
                    self.peers.keep(partial);
                }
            }
        }
    }

    fn on_presence(&mut self, Presence { worker, meeting, news }: Presence) {
        let Some(room) = self.rooms.get_mut(&meeting) else { return };
        match news {
            News::Here => {
                room.know(worker);
                let news = News::HereToo;
                self.out.peer(worker, Between::Presence(Presence { worker: self.id, meeting, news }));
            }
            News::HereToo => room.know(worker),
            News::Gone => room.elsewhere.retain(|part| part.worker != worker),
        }
    }

    /// Between taking in and giving out: tells the others what was said here, and takes in what was
    /// said there.
    pub(super) fn exchange(&mut self, meeting: MeetingId) {
        let Some(room) = self.rooms.get_mut(&meeting) else { return };
        for part in &room.elsewhere {
            for rate in room.mix.rates() {
                let mut partial = self.peers.take(meeting, rate);
                match room.mix.partial(&mut partial) {
                    Ok(()) => self.out.peer(part.worker, Between::Partial(self.id, partial)),
                    Err(_) => self.counted.isolation_violations += 1,
                }
            }
        }
        for flow in room.elsewhere.iter_mut().flat_map(|part| &mut part.flows) {
            if let Some(partial) = flow.take() {
                self.counted.isolation_violations += u64::from(room.mix.merge(&partial).is_err());
                self.peers.keep(partial);
            }
        }
    }
}

impl Room {
    fn know(&mut self, worker: WorkerId) {
        if self.elsewhere.iter().all(|part| part.worker != worker) {
            self.elsewhere.push(Elsewhere { worker, flows: Vec::new() });
        }
    }
}
