//! The thread around an engine: waits on the sockets, feeds one input, drains all output.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_queue::ArrayQueue;
use mio::{Events, Poll, Token, Waker};
use terms::{Dscp, Entropy, Now, WallTime, WorkerId, media::Command};

use crate::{
    clock::Clock,
    counters::{Counted, Counters},
    engine::{Engine, EngineSettings, Input, Output, SlotId},
    moderation::Moderation,
    queue::{Commands, Links, Reports, Wake},
    socket::{Batch, SocketPlan, Sockets, Source, of_token},
};

const WAKER: Token = Token(usize::MAX);
/// Sockets that are looked at in one wake-up; the rest waits for the next.
const EVENTS: usize = 1_024;
/// Of one socket's errors that are read at once.
const ERRORS: usize = 64;
/// The kernel's time of a datagram that waited longer is not believed: the wall clock was set.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Messages of other workers that may wait.
const LINK: usize = 4_096;
/// A worker with nothing to do looks up this often.
const IDLE: Duration = Duration::from_millis(500);

/// What a worker is made with.
#[derive(Debug)]
pub struct Settings {
    /// What its engine may use.
    pub engine: EngineSettings,
    /// For its SSRCs and sequence numbers.
    pub entropy: Entropy,
    /// Commands that may wait.
    pub commands: usize,
    /// The process's clock.
    pub clock: Clock,
    /// What its packets are marked with.
    pub dscp: Dscp,
    /// How many sockets it has.
    pub sockets: SocketPlan,
}

/// A running worker.
#[derive(Debug)]
pub struct Worker {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    waker: Arc<Waker>,
    commands: Commands,
    counters: Arc<Counters>,
}

impl Worker {
    /// Starts all workers of a process, joined for meetings that span them.
    pub fn start_all(all: Vec<Settings>, reports: &Reports) -> io::Result<Vec<Self>> {
        let links = Links::new(all.len(), LINK);
        all.into_iter().map(|settings| Self::start(settings, reports.clone(), links.clone())).collect()
    }

    fn start(settings: Settings, reports: Reports, links: Links) -> io::Result<Self> {
        let id = settings.engine.id;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (commands, queue) = Commands::new(settings.commands, Arc::clone(&waker) as Arc<dyn Wake>);
        let stop = Arc::new(AtomicBool::new(false));
        let counters = Arc::new(Counters::default());
        let name = format!("media-{}", id.0);
        let ranges = &settings.engine.ranges;
        let sockets = Sockets::open(settings.sockets, ranges, settings.dscp, poll.registry());
        let mut running = Running {
            engine: Engine::new(settings.clock.now().mono, settings.engine, settings.entropy),
            clock: settings.clock,
            moderation: Moderation::new(settings.clock.now().mono),
            poll,
            sockets,
            commands: queue,
            reports,
            id,
            links,
            binds: Vec::new(),
            due: Vec::new(),
            unread: Vec::new(),
            sources: Vec::new(),
            counters: Arc::clone(&counters),
            lost: Counted::default(),
        };
        let until = Arc::clone(&stop);
        let thread = thread::Builder::new().name(name).spawn(move || running.run(&until))?;
        Ok(Self { thread, stop, waker, commands, counters })
    }

    /// The queue of its commands.
    pub const fn commands(&self) -> &Commands {
        &self.commands
    }

    /// What it counts.
    pub const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Whether the thread still runs.
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Ends the thread once it has carried out what was commanded.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        Wake::wake(&*self.waker);
        if self.thread.join().is_err() {
            tracing::error!("media worker ended by a panic");
        }
    }
}

/// Of what a socket had to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// More than one burst, for all we know.
    Something,
}

/// What a pair's binding came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bind {
    Done(SlotId),
    Failed(SlotId),
}

struct Running {
    engine: Engine,
    clock: Clock,
    moderation: Moderation,
    poll: Poll,
    sockets: Sockets,
    commands: Arc<ArrayQueue<Command>>,
    reports: Reports,
    id: WorkerId,
    links: Links,
    binds: Vec<Bind>,
    /// Pairs that are read before a tick; kept for its memory.
    due: Vec<SlotId>,
    /// What is read before a tick; kept for its memory.
    sources: Vec<Source>,
    /// Sockets that had more to read than one turn.
    unread: Vec<Source>,
    counters: Arc<Counters>,
    /// What the engine can't see.
    lost: Counted,
}

impl Running {
    fn run(&mut self, stop: &AtomicBool) {
        let (mut events, mut batch) = (Events::with_capacity(EVENTS), self.sockets.batch());
        self.publish();
        while !stop.load(Ordering::Acquire) {
            if let Err(error) = self.wait(&mut events) {
                tracing::error!(%error, "media worker can't wait on its sockets");
                return;
            }
            let now = self.clock.now();
            let mut came = 0;
            for event in &events {
                if event.token() == WAKER {
                    self.carry_out_commands(now);
                } else {
                    came += self.receive(now, of_token(event.token()), &mut batch);
                }
            }
            for source in std::mem::take(&mut self.unread) {
                came += self.receive(now, source, &mut batch);
            }
            self.moderation.on_reading(now.mono, came);
            while let Some(message) = self.links.pop(self.id) {
                self.feed(now, Input::Peer(message));
            }
            self.tick(&mut batch);
            self.sockets.flush();
            for source in self.sockets.take_refused() {
                self.tell_refused(now, source);
            }
            self.publish();
        }
        self.carry_out_commands(self.clock.now());
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let now = self.clock.now().mono;
        let due = self.engine.poll_timeout().map_or(IDLE, |at| at.since(now));
        let due = if self.unread.is_empty() { due } else { Duration::ZERO };
        let pause = self.moderation.pause(now).min(due);
        if !pause.is_zero() {
            thread::sleep(pause);
        }
        let timeout = due.saturating_sub(pause);
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    fn carry_out_commands(&mut self, now: Now) {
        // What is queued meanwhile has waked us again.
        for _ in 0..self.commands.len() {
            let Some(command) = self.commands.pop() else { return };
            self.feed(now, Input::Command(command));
        }
    }

    /// Reads what came for the ports that are due, then has them run.
    fn tick(&mut self, batch: &mut Batch) {
        let now = self.clock.now();
        let Some(at) = self.engine.poll_timeout().filter(|at| *at <= now.mono) else { return };
        self.counters.strain().on_tick(now.mono.since(at));
        let (mut due, mut sources) = (std::mem::take(&mut self.due), std::mem::take(&mut self.sources));
        self.engine.due(now.mono, &mut due);
        self.sockets.before_tick(&due, &mut sources);
        for source in &sources {
            // What is left of a flood waits for the next tick, and has no more room than its socket's.
            self.read(now, *source, batch);
        }
        (self.due, self.sources) = (due, sources);
        self.feed(now, Input::Timeout);
    }

    /// Reads a socket of which the kernel says once that something is there; yields how many datagrams.
    fn receive(&mut self, now: Now, source: Source, batch: &mut Batch) -> usize {
        let (count, left) = self.read(now, source, batch);
        if left == Left::Something {
            self.unread.push(source);
        }
        count
    }

    fn read(&mut self, now: Now, source: Source, batch: &mut Batch) -> (usize, Left) {
        let mut total = 0;
        for _ in 0..self.sockets.turn() {
            match self.sockets.receive(source, batch) {
                Ok(count) => {
                    let owners =
                        batch.datagrams().filter_map(|datagram| self.sockets.owner(source, &datagram));
                    self.engine.fetch(owners.map(|(slot, _)| slot).filter(|_| count > 1));
                    for datagram in batch.datagrams() {
                        let Some((slot, channel)) = self.sockets.owner(source, &datagram) else {
                            self.lost.packets_late += 1;
                            continue;
                        };
                        let came = datagram.came.map_or(now, |came| when(now, came));
                        let (source, bytes) = (datagram.source, datagram.bytes);
                        self.feed(came, Input::Packet { slot, channel, source, bytes });
                    }
                    total += count;
                    if count < batch.room() {
                        return (total, Left::Nothing);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (total, Left::Nothing),
                // ICMP unreachable and the like: told by the next call that would have succeeded.
                Err(_) => {}
            }
        }
        (total, Left::Something)
    }

    /// Empties a socket's queue of errors, which has its room where datagrams wait. A peer that has
    /// no socket for RTCP is none the worse for it.
    fn tell_refused(&mut self, now: Now, source: Source) {
        for _ in 0..ERRORS {
            let Some(unreachable) = self.sockets.take_unreachable(source) else { return };
            if let Some(slot) = unreachable.slot {
                self.feed(now, Input::Unreachable { slot, destination: unreachable.destination });
            }
        }
    }

    fn feed(&mut self, now: Now, input: Input<'_>) {
        self.engine.handle_input(now, input);
        self.drain();
        while let Some(bind) = self.binds.pop() {
            self.engine.handle_input(
                now,
                match bind {
                    Bind::Done(slot) => Input::Bound(slot),
                    Bind::Failed(slot) => Input::BindFailed(slot),
                },
            );
            self.drain();
        }
    }

    fn drain(&mut self) {
        let mut reported = false;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Bind { slot, rtp, rtcp } => {
                    let bound = self.sockets.bind(self.poll.registry(), slot, (rtp, rtcp));
                    self.binds.push(match bound {
                        Ok(()) => Bind::Done(slot),
                        Err(error) => {
                            tracing::warn!(%error, %rtp, "media address can't be bound; it is left alone for a while");
                            Bind::Failed(slot)
                        }
                    });
                }
                Output::Read { slot, reading } => {
                    if let Err(error) = self.sockets.read(self.poll.registry(), slot, reading) {
                        tracing::error!(%error, ?slot, "media socket can't be waited on");
                    }
                }
                Output::Transmit { slot, channel, destination, bytes } => {
                    self.sockets.send((slot, channel), destination, bytes);
                }
                Output::Peer { to, message } => {
                    self.lost.reports_dropped += u64::from(self.links.push(to, message).is_err());
                }
                Output::Report(report) => {
                    reported = true;
                    self.lost.reports_dropped += u64::from(self.reports.push(report).is_err());
                }
            }
        }
        if reported {
            self.reports.wake_reader();
        }
    }

    fn publish(&mut self) {
        let ports_taken = self.engine.ports_taken_percent(self.clock.now().mono);
        self.counters.strain().on_wakeup(ports_taken);
        let (sent, counted) = (self.sockets.sent(), self.engine.counted());
        self.counters.publish(&Counted {
            packets_sent: sent.taken,
            sends_failed: sent.failed,
            sockets_shared: self.sockets.shared(),
            packets_late: counted.packets_late + self.lost.packets_late,
            reports_dropped: self.lost.reports_dropped,
            ..counted
        });
    }
}

/// A moment of the kernel's clock, which may be set, on ours.
fn when(now: Now, came: WallTime) -> Now {
    let waited = now.wall.as_unix_nanos().checked_sub(came.as_unix_nanos()).map(Duration::from_nanos);
    match waited.filter(|waited| *waited <= LONGEST_WAIT) {
        Some(waited) => Now { mono: now.mono.earlier_by(waited), wall: came },
        None => now,
    }
}
