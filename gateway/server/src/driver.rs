//! The driver of a shard: waits on sockets, reports, requests and the clock; feeds one input, drains
//! all output.

mod desk;

use std::{
    future::{pending, poll_fn},
    io,
    sync::Arc,
    time::Duration,
};

use call::{
    CallView,
    core::{Control, Meeting, Refusal},
    question::QuestionId,
    switch::Census,
};
use interwork::{
    GateView,
    registrations::{Durability, Registered},
};
use media::{Clock, Commands, Reports};
use serde::{Deserialize, Serialize};
use sip::endpoint::{self, RequestId, Serving};
use terms::{Cause, MeetingId, Now, Secret, media::Command};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep_until},
};

pub use desk::{DeskRequest, Page};

use crate::{
    admission::{AdmissionSettings, AdmissionView, Standing},
    config::Probe,
    directory::{Answers, Directory},
    feed::{Feed, MeetingView},
    health::Health,
    net::{
        Net,
        defence::{self, DefenceView},
    },
    record::Recorder,
    shard::{Booked, Configuration, HostCheck, Input, Output, Shard},
    store::{NoRoom, StoreQueue},
};

/// How long hang-ups may take to reach the peers when the gateway stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the administration asks of a shard. Each is answered; a lost answer means that the shard is gone.
#[derive(Debug)]
pub enum Request {
    /// A meeting that is stored begins to exist.
    Put(Box<Meeting>, oneshot::Sender<()>),
    /// A meeting that is no longer stored ends.
    Delete(MeetingId, oneshot::Sender<Existed>),
    /// Run a meeting from outside, or why it can't be run so.
    Control(MeetingId, Control, oneshot::Sender<Result<(), Refusal>>),
    /// Is this the host password of the meeting?
    CheckHost(MeetingId, Secret, oneshot::Sender<HostCheck>),
    /// The operator changed the configuration.
    Configure(Box<Configuration>, (AdmissionSettings, Probe, defence::Settings), oneshot::Sender<()>),
    /// One meeting.
    Get(MeetingId, oneshot::Sender<Option<MeetingView>>),
    /// All meetings.
    List(oneshot::Sender<Vec<MeetingView>>),
    /// Whether new calls are taken from here on (REL-3).
    Serve(State, oneshot::Sender<()>),
    /// Of accounts and registrations.
    Desk(DeskRequest),
    /// All calls.
    Calls(oneshot::Sender<Vec<CallView>>),
    /// How things stand.
    Status(oneshot::Sender<Load>),
}

/// Whether there was anything to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existed {
    /// There was.
    Yes,
    /// There was not.
    No,
}

/// How much a shard has to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Load {
    /// Whether new calls are taken.
    pub state: State,
    /// How many of them, by how loaded it is (REL-1).
    pub admission: AdmissionView,
    /// Calls, those being recorded included.
    pub calls: usize,
    /// What they are at.
    #[serde(flatten)]
    pub census: Census,
    /// Calls with a direction whose signal is red (MEDIA-7).
    pub red: usize,
    /// Meetings that there are.
    pub meetings: usize,
    /// Of those, with somebody in or waiting.
    pub busy_meetings: usize,
    /// Participants in them.
    pub participants: usize,
    /// Terminals that hold a lease.
    pub leases: usize,
    /// Trunks and listeners that have a limit.
    pub gates: Vec<GateView>,
    /// Accounts that there are.
    #[serde(default)]
    pub accounts: usize,
    /// Devices that are registered.
    #[serde(default)]
    pub registered: Registered,
    /// Who is not heard (SEC-2).
    #[serde(default)]
    pub defence: DefenceView,
}

/// Whether a gateway takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It does.
    #[default]
    Running,
    /// It takes none, and stops when the last that it has is over.
    Draining,
}

/// A shard and all that it speaks with.
pub struct Driver {
    /// The shard.
    pub shard: Shard,
    /// The listeners' sockets.
    pub net: Net,
    /// Each worker's commands, by worker.
    pub workers: Vec<Commands>,
    /// What the workers report.
    pub reports: Reports,
    /// Waked when they do.
    pub reported: Arc<Notify>,
    /// Where bindings are kept.
    pub store: StoreQueue,
    /// What the store has done of it.
    pub kept: mpsc::Receiver<(RequestId, Durability)>,
    /// Where meetings are booked besides, if anywhere.
    pub directory: Option<Directory>,
    /// What it answers.
    pub booked: Option<Answers>,
    /// What the administration asks.
    pub requests: mpsc::Receiver<Request>,
    /// The process's clock.
    pub clock: Clock,
    /// Where events and records go.
    pub recorder: Recorder,
    /// Where changes of meetings go.
    pub feed: Feed,
    /// What the operator wants of it.
    pub state: State,
    /// How loaded it is.
    pub health: Health,
    /// Told when none are taken and none are left.
    pub drained: Arc<Notify>,
}

/// What the driver woke for.
enum Woken {
    Sip(io::Result<endpoint::Input>),
    Reported,
    Request(Request),
    LookedUp(QuestionId, Booked),
    Kept(RequestId, Durability),
    Timeout,
    Stop,
}

impl Driver {
    /// Runs until `stop`, then hangs up and waits a little for the peers.
    pub async fn run(mut self, stop: Arc<Notify>) {
        loop {
            match self.wait(&stop).await {
                Woken::Stop => break,
                woken => self.handle(woken),
            }
            self.measure();
            // Refusals to who calls meanwhile are no reason to stay.
            if self.state == State::Draining && self.shard.calls() == 0 {
                self.drained.notify_one();
            }
        }
        self.say_farewell().await;
        self.recorder.close();
    }

    async fn wait(&mut self, stop: &Notify) -> Woken {
        let measure = self.health.poll_timeout();
        let due = self.shard.poll_timeout().map_or(measure, |at| at.min(measure));
        let due = Instant::from_std(self.clock.to_system(due));
        tokio::select! {
            input = poll_fn(|context| self.net.poll_receive(context)) => Woken::Sip(input),
            () = self.reported.notified() => Woken::Reported,
            Some(request) = self.requests.recv() => Woken::Request(request),
            Some((id, booked)) = next_of(&mut self.booked) => Woken::LookedUp(id, booked),
            Some((request, durability)) = self.kept.recv() => Woken::Kept(request, durability),
            () = sleep_until(due) => Woken::Timeout,
            () = stop.notified() => Woken::Stop,
        }
    }

    fn handle(&mut self, woken: Woken) {
        let now = self.clock.now();
        match woken {
            Woken::Sip(Ok(input)) => {
                if let endpoint::Input::Connected { connection, listener, peer } = input
                    && let Some(presented) = self.net.presented(connection)
                {
                    let certificate = presented.fingerprint.to_string();
                    self.feed(now, Input::Presented(connection, (listener, peer), certificate));
                }
                self.feed(now, Input::Sip(input));
            }
            // ICMP unreachable of an earlier sending: the transaction's own timer deals with it.
            Woken::Sip(Err(error)) => tracing::debug!(%error, "SIP socket"),
            Woken::Reported => {
                while let Some(report) = self.reports.pop() {
                    self.feed(now, Input::Media(report));
                }
            }
            Woken::Request(request) => self.answer(now, request),
            Woken::LookedUp(id, booked) => {
                self.recorder.looked_up(&booked);
                self.feed(now, Input::LookedUp(id, booked));
            }
            Woken::Kept(request, durability) => self.feed(now, Input::Kept(request, durability)),
            Woken::Timeout => self.feed(now, Input::Timeout),
            Woken::Stop => {}
        }
    }

    fn answer(&mut self, now: Now, request: Request) {
        // A request whose asker is gone is carried out all the same; nobody misses the answer.
        match request {
            Request::Put(meeting, answer) => {
                self.feed(now, Input::PutMeeting(meeting));
                answer.send(()).ok();
            }
            Request::Delete(meeting, answer) => {
                let existed =
                    if self.shard.core().view(meeting).is_some() { Existed::Yes } else { Existed::No };
                self.feed(now, Input::DeleteMeeting(meeting));
                answer.send(existed).ok();
            }
            Request::Control(meeting, control, answer) => {
                let may = self.shard.core().may(meeting, &control);
                if may.is_ok() {
                    self.feed(now, Input::Control(meeting, control));
                }
                answer.send(may).ok();
            }
            Request::CheckHost(meeting, password, answer) => {
                answer.send(self.shard.check_host(now, meeting, &password)).ok();
            }
            Request::Configure(configuration, (admission, probe, defence), answer) => {
                self.health.configure(admission);
                self.net.configure(probe, defence);
                self.feed(now, Input::Configure(configuration));
                answer.send(()).ok();
            }
            Request::Get(meeting, answer) => {
                answer.send(self.shard.core().view(meeting).map(|view| MeetingView::of(&view))).ok();
            }
            Request::List(answer) => {
                answer.send(self.shard.core().views().map(|view| MeetingView::of(&view)).collect()).ok();
            }
            Request::Serve(state, answer) => {
                self.state = state;
                self.serve(now);
                answer.send(()).ok();
            }
            Request::Desk(request) => self.answer_desk(now, request),
            Request::Calls(answer) => {
                answer.send(self.shard.views(now.mono).collect()).ok();
            }
            Request::Status(answer) => {
                answer.send(self.load()).ok();
            }
        }
    }

    /// REL-1: looks how loaded we are, and takes as many calls as that allows.
    fn measure(&mut self) {
        let now = self.clock.now();
        let Some(measured) = self.health.measure(now.mono) else { return };
        self.recorder.measured(&measured);
        self.recorder.probed(&self.net.take_probed());
        self.recorder.shaken(&self.net.take_handshakes());
        self.recorder.defended(&self.net.take_defended());
        if measured.standing.share() != measured.before.share() {
            self.serve(now);
        }
    }

    fn serve(&mut self, now: Now) {
        let serving = match (self.state, self.health.standing()) {
            (State::Draining, _) => Serving::Known,
            (State::Running, Standing::Open) => Serving::All,
            (State::Running, Standing::HoldingBack { share, .. }) => Serving::Part(share),
        };
        self.feed(now, Input::Serve(serving));
    }

    fn load(&self) -> Load {
        let mut load = Load {
            state: self.state,
            admission: self.health.view(),
            calls: self.shard.calls(),
            census: self.shard.census(),
            red: self.shard.red_calls(),
            leases: self.shard.leases(),
            gates: self.shard.gates(),
            accounts: self.shard.accounts().len(),
            registered: self.shard.registrations().registered(self.clock.now().mono),
            defence: self.net.defence(),
            ..Load::default()
        };
        for view in self.shard.core().views() {
            load.meetings += 1;
            load.busy_meetings += usize::from(!view.participants.is_empty());
            load.participants += view.participants.len();
        }
        load
    }

    fn feed(&mut self, now: Now, input: Input) {
        self.shard.handle_input(now, input);
        while let Some(output) = self.shard.poll_output() {
            match output {
                Output::Transmit { listener, destination, bytes } => {
                    if let Err(error) = self.net.transmit(listener, destination, &bytes) {
                        self.recorder.count_send_failure(&error);
                    }
                }
                Output::Write(connection, bytes) => self.net.write(connection, bytes),
                Output::Connect(listener, destination) => self.net.connect(listener, destination),
                Output::Disconnect(connection) => self.net.disconnect(connection),
                Output::Media(command) => self.command(now, command),
                Output::Event(call, event) => self.recorder.event(call, &event),
                Output::LookUp(id, meeting) => {
                    let asked = self.directory.as_ref().map(|directory| directory.ask(id, meeting));
                    if asked != Some(Ok(())) {
                        self.recorder.looked_up(&Booked::Unreachable);
                        self.shard.handle_input(now, Input::LookedUp(id, Booked::Unreachable));
                    }
                }
                Output::Keep(request, write) => {
                    if self.store.keep(request, write) == Err(NoRoom)
                        && let Some(request) = request
                    {
                        self.shard.handle_input(now, Input::Kept(request, Durability::Failed));
                    }
                }
                Output::Attempted(account, source, outcome) => {
                    self.net.on_attempt(source, &outcome);
                    self.recorder.attempted(account.as_ref(), source, &outcome);
                }
                Output::Known(source) => self.net.on_known(source),
                Output::Counted(counted) => self.recorder.counted(&counted),
                Output::Full(gate, limit) => self.recorder.full(gate, limit),
                Output::Change(change) => self.feed.tell(change, self.shard.core()),
                Output::Record(record) => self.recorder.record(record),
            }
        }
    }

    fn command(&mut self, now: Now, command: Command) {
        let port = command.port();
        let worker = self.workers.get(usize::from(port.worker.0));
        if worker.is_none_or(|worker| worker.push(command).is_err()) {
            self.shard.handle_input(now, Input::MediaOverload(port));
        }
    }

    async fn say_farewell(&mut self) {
        let now = self.clock.now();
        self.feed(now, Input::HangUpAll(Cause::NORMAL_UNSPECIFIED));
        let until = Instant::now() + FAREWELL;
        let never = Notify::new();
        while self.shard.is_busy() && Instant::now() < until {
            let woken = tokio::time::timeout_at(until, self.wait(&never)).await;
            if let Ok(woken) = woken {
                self.handle(woken);
            }
        }
    }
}

/// What the directory answers next; without one, nothing ever.
async fn next_of(booked: &mut Option<Answers>) -> Option<(QuestionId, Booked)> {
    match booked {
        Some(booked) => booked.recv().await,
        None => pending().await,
    }
}
