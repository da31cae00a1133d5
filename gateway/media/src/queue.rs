//! The bounded queues between control and a worker.

use std::{fmt, sync::Arc};

use crossbeam_queue::ArrayQueue;
use terms::{
    WorkerId,
    media::{Command, Report},
};

use crate::engine::Between;

/// Of a command queue's places, so many are kept for what stops media.
const RESERVED: usize = 64;

/// Of a report queue's places, one in so many is kept for what is told once: keys, ends.
const KEPT_SHARE: usize = 2;

/// Wakes whoever reads a queue.
pub trait Wake: Send + Sync {
    /// There is something to read.
    fn wake(&self);
}

impl Wake for mio::Waker {
    fn wake(&self) {
        // A waker that fails is a worker that is gone: its commands have nobody to carry them out.
        if let Err(error) = Self::wake(self) {
            tracing::error!(%error, "media worker can't be woken");
        }
    }
}

impl<F: Fn() + Send + Sync> Wake for F {
    fn wake(&self) {
        self();
    }
}

/// The queue was full: the command was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full(pub Command);

/// Control's end of a worker's command queue.
#[derive(Clone)]
pub struct Commands {
    queue: Arc<ArrayQueue<Command>>,
    waker: Arc<dyn Wake>,
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commands({})", self.queue.len())
    }
}

impl Commands {
    pub(crate) fn new(capacity: usize, waker: Arc<dyn Wake>) -> (Self, Arc<ArrayQueue<Command>>) {
        let queue = Arc::new(ArrayQueue::new(capacity + RESERVED));
        (Self { queue: Arc::clone(&queue), waker }, queue)
    }

    /// Queues a command without waiting. Only what stops media gets the last places.
    pub fn push(&self, command: Command) -> Result<(), Full> {
        let free = self.queue.capacity() - self.queue.len();
        if free <= RESERVED && !command.is_urgent() {
            return Err(Full(command));
        }
        self.queue.push(command).map_err(Full)?;
        self.waker.wake();
        Ok(())
    }
}

/// A worker's end of its report queue, and control's.
#[derive(Clone)]
pub struct Reports {
    queue: Arc<ArrayQueue<Report>>,
    reader: Arc<dyn Wake>,
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reports({})", self.queue.len())
    }
}

/// The queue was full: the report is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped;

impl Reports {
    /// A queue of `capacity` reports; `reader` is woken when there is something to read.
    pub fn new(capacity: usize, reader: Arc<dyn Wake>) -> Self {
        Self { queue: Arc::new(ArrayQueue::new(capacity)), reader }
    }

    /// Only what nothing makes up for gets the last places.
    pub(crate) fn push(&self, report: Report) -> Result<(), Dropped> {
        let capacity = self.queue.capacity();
        let free = capacity - self.queue.len();
        if free <= capacity / KEPT_SHARE && report.is_droppable() {
            return Err(Dropped);
        }
        self.queue.push(report).map_err(|_| Dropped)
    }

    pub(crate) fn wake_reader(&self) {
        self.reader.wake();
    }

    /// The oldest report.
    pub fn pop(&self) -> Option<Report> {
        self.queue.pop()
    }
}

/// What workers tell each other. Nobody is waked for it: whoever holds a part of a meeting wakes
/// once a tick by itself.
#[derive(Debug, Clone)]
pub(crate) struct Links(Arc<[ArrayQueue<Between>]>);

impl Links {
    pub(crate) fn new(workers: usize, capacity: usize) -> Self {
        Self((0..workers).map(|_| ArrayQueue::new(capacity + RESERVED)).collect())
    }

    /// Queues a message; only news of who holds what gets the last places.
    pub(crate) fn push(&self, to: WorkerId, message: Between) -> Result<(), Dropped> {
        let queue = self.0.get(usize::from(to.0)).ok_or(Dropped)?;
        let free = queue.capacity() - queue.len();
        if free <= RESERVED && matches!(message, Between::Partial(..)) {
            return Err(Dropped);
        }
        queue.push(message).map_err(|_| Dropped)
    }

    pub(crate) fn pop(&self, own: WorkerId) -> Option<Between> {
        self.0.get(usize::from(own.0))?.pop()
    }
}

#[cfg(test)]
mod tests {
    use terms::{PortId, WorkerId, media::Sources};

    use super::*;

    #[test]
    fn what_stops_media_finds_room_in_a_queue_that_is_full() {
        let (commands, queue) = Commands::new(2, Arc::new(|| {}));
        let port = PortId { worker: WorkerId(0), serial: 1 };
        let open = || Command::Open { port, zone: "trunk".into(), sources: Sources::default() };
        assert_eq!([commands.push(open()), commands.push(open())], [Ok(()), Ok(())]);
        assert_eq!(commands.push(open()), Err(Full(open())));
        assert_eq!(commands.push(Command::Close { port }), Ok(()));
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn what_is_told_once_finds_room_where_what_is_told_again_does_not() {
        let reports = Reports::new(4, Arc::new(|| {}));
        let port = PortId { worker: WorkerId(0), serial: 1 };
        let measured = || Report::Measured { port, measured: Box::default() };
        let pushed = [(); 3].map(|()| reports.push(measured()));
        assert_eq!(pushed, [Ok(()), Ok(()), Err(Dropped)]);
        assert_eq!(reports.push(Report::Closed { port, quality: Box::default() }), Ok(()));
    }
}
