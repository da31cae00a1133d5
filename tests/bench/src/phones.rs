//! Callers with their SIP: all dial from one socket, through the real prompts, and hang up.

mod dialogs;

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use bytes::Bytes;
use media::{Batch, Clock, Datagram};
use sdp::{AnswerError, Capabilities, LocalDescription, OfferError, ParseError, SessionDescription};
use server::caller::{CallError, LISTENER, Pair, Plan, Step, endpoint_config, invitation};
use sip::{
    endpoint::{Command, Counted, DialogId, Ending, Endpoint, Event, Failure, Input, Limits, Output},
    wire::StatusCode,
};
use terms::{Entropy, Instant, MeetingId, Now, Secret};
use thiserror::Error;

use crate::{
    crowd::{Crowd, LineId},
    line::{Line, Part, came, rtp_socket},
    marks::Mark,
};
use dialogs::{Called, Side, dialog_of, line_of};

pub(crate) use dialogs::ONWARD;

/// The first meeting of the configuration, and the guests' password of all.
const FIRST_MEETING: usize = 900_100_001;
const PASSWORD: &str = "1234";
const ACCESS_NUMBER: &str = "02153290005";
/// The number that answers at once.
const ANSWERS: &str = "9001";
/// From the last INVITE to the last caller in its meeting.
const DIALLING: Duration = Duration::from_secs(45);
/// What BYEs and their answers take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Who knows the prompts lets them speak for so long.
const HURRY: Duration = Duration::from_millis(400);

/// Why not everyone is in.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    /// A socket failed.
    #[error("a caller's socket: {0}")]
    Socket(#[from] io::Error),
    /// A call can't be made.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The gateway's answer can't be read.
    #[error("an answer of the gateway: {0}")]
    Answer(#[from] ParseError),
    /// The gateway's answer is none.
    #[error("an answer of the gateway: {0}")]
    NoAudio(#[from] AnswerError),
    /// The gateway's offer can't be taken.
    #[error("an offer of the gateway: {0}")]
    Offer(#[from] OfferError),
    /// A call failed.
    #[error("caller {0} was refused or hung up on: {1}")]
    Ended(u64, String),
    /// Not all came in.
    #[error("{joined} of {callers} callers came into their meetings; first failure: {failure}")]
    NotAll {
        /// So many did.
        joined: usize,
        /// So many tried.
        callers: usize,
        /// Of the first that did not.
        failure: String,
    },
}

/// How a caller goes through the prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Hears each to its end.
    Patient,
    /// Keys over them.
    Hurried,
    /// Keys over them, and takes for granted that it is let in: nothing tells it.
    Sure,
}

/// A caller to be.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// Which meeting of the configuration, from 0 on.
    pub(crate) meeting: usize,
    pub(crate) part: Part,
    pub(crate) manner: Manner,
}

/// A caller who waits for its 200.
#[derive(Debug)]
struct Calling {
    offer: SessionDescription,
    local: LocalDescription,
    since: Instant,
    then: Then,
}

/// What is done once a call is answered.
#[derive(Debug)]
enum Then {
    Talk { part: Part, rtp: UdpSocket, steps: Vec<Step> },
    Marked { mark: Mark, rtp: UdpSocket },
    HangUp,
}

/// Callers and the SIP of all of them.
#[derive(Debug)]
pub(crate) struct Phones {
    clock: Clock,
    entropy: Entropy,
    socket: UdpSocket,
    batch: Batch,
    /// Takes the gateway's reports, and sound that nobody listens to, so that they meet no closed port.
    sink: UdpSocket,
    gateway: SocketAddr,
    endpoint: Endpoint,
    next: u64,
    calling: BTreeMap<LineId, Calling>,
    called: BTreeMap<LineId, Called>,
    sides: BTreeMap<LineId, Side>,
    /// To INVITEs that came.
    answers: Vec<Command>,
    /// Who was called, and hung up on.
    over: Vec<LineId>,
    crowd: Crowd,
    /// Of calls that are hung up once they are answered.
    answered: Vec<LineId>,
    set_ups: Vec<Duration>,
    refusals: Vec<Duration>,
    retransmitted: u64,
    failures: Vec<DialError>,
}

impl Phones {
    /// Nobody calls yet.
    pub(crate) fn new(gateway: SocketAddr, entropy: &mut Entropy) -> Result<Self, DialError> {
        Self::on(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, gateway, entropy)
    }

    /// The same, on a socket that the gateway knows: it may call back.
    pub(crate) fn on(
        socket: UdpSocket,
        gateway: SocketAddr,
        entropy: &mut Entropy,
    ) -> Result<Self, DialError> {
        let clock = Clock::start();
        socket.set_nonblocking(true)?;
        media::tell_times(&socket)?;
        let mut entropy = entropy.split();
        let config = endpoint_config(socket.local_addr()?, Limits::DEFAULT, &mut entropy);
        Ok(Self {
            clock,
            endpoint: Endpoint::new(config, entropy.split()),
            entropy,
            socket,
            batch: Batch::default(),
            sink: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
            gateway,
            next: 0,
            calling: BTreeMap::new(),
            called: BTreeMap::new(),
            sides: BTreeMap::new(),
            answers: Vec::new(),
            over: Vec::new(),
            crowd: Crowd::new(clock),
            answered: Vec::new(),
            set_ups: Vec::new(),
            refusals: Vec::new(),
            retransmitted: 0,
            failures: Vec::new(),
        })
    }

    /// The callers' media.
    pub(crate) const fn crowd(&self) -> &Crowd {
        &self.crowd
    }

    /// The callers' media.
    pub(crate) const fn crowd_mut(&mut self) -> &mut Crowd {
        &mut self.crowd
    }

    /// From each INVITE to its 200.
    pub(crate) fn set_ups(&self) -> &[Duration] {
        &self.set_ups
    }

    /// From each INVITE of [`Phones::ring`] to its 503, since it was last asked.
    pub(crate) fn take_refusals(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.refusals)
    }

    /// Requests that the callers had to send again.
    pub(crate) const fn retransmitted(&self) -> u64 {
        self.retransmitted
    }

    /// What went wrong since it was last asked.
    pub(crate) fn take_failures(&mut self) -> Vec<DialError> {
        std::mem::take(&mut self.failures)
    }

    /// The time now.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now().mono
    }

    /// Works off a millisecond.
    pub(crate) fn step(&mut self) -> Instant {
        let now = self.crowd.step();
        self.poll();
        now.mono
    }

    /// Works off so much time.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.now() + time;
        while self.step() < until {}
    }

    /// Calls with everyone, so many a second, and returns once each is in its meeting.
    pub(crate) fn dial(&mut self, guests: &[Guest], a_second: u64) -> Result<(), DialError> {
        let already = self.crowd.lines().count();
        let (began, mut called) = (self.now(), 0);
        let mut until = began + DIALLING;
        loop {
            let now = self.step();
            let due = now.since(began).as_millis() * u128::from(a_second) / 1_000;
            while called < guests.len() && called as u128 <= due {
                self.invite(&guests[called])?;
                called += 1;
                until = now + DIALLING;
            }
            if let Some(failure) = self.failures.pop() {
                return Err(failure);
            }
            let joined = self.crowd.lines().filter(|(_, line)| line.is_in()).count() - already;
            if joined == guests.len() {
                return Ok(());
            }
            if now >= until {
                let failure = self.crowd.lines().find_map(|(_, line)| line.failure());
                let failure = failure.map_or_else(|| "none".to_owned(), |failure| format!("{failure:?}"));
                return Err(DialError::NotAll { joined, callers: guests.len(), failure });
            }
        }
    }

    /// Calls, to join a meeting.
    pub(crate) fn invite(&mut self, guest: &Guest) -> Result<LineId, DialError> {
        let rtp = rtp_socket(Ipv4Addr::LOCALHOST)?;
        let local =
            LocalDescription { rtcp: self.sink.local_addr()?, ..LocalDescription::new(rtp.local_addr()?) };
        let capabilities = Capabilities { ptime: guest.part.ptime, ..Capabilities::without_comfort_noise() };
        let meeting: Option<MeetingId> = (FIRST_MEETING + guest.meeting).to_string().parse().ok();
        let plan = Plan::new(self.gateway, Ipv4Addr::LOCALHOST.into(), ACCESS_NUMBER);
        let mut plan = match meeting {
            Some(meeting) => plan.joining(&Pair { meeting, password: Secret::new(PASSWORD.to_owned()) }),
            None => plan,
        };
        let steps = plan.script.drain(..).filter_map(|step| paced(step, guest.manner)).collect();
        let then = Then::Talk { part: guest.part.clone(), rtp, steps };
        self.call(plan, sdp::offer(&capabilities, &local), then, local)
    }

    /// Calls the number that answers, and hangs up once it does.
    pub(crate) fn ring(&mut self) -> Result<LineId, DialError> {
        let sink = self.sink.local_addr()?;
        let local = LocalDescription { rtcp: sink, ..LocalDescription::new(sink) };
        let plan = Plan::new(self.gateway, Ipv4Addr::LOCALHOST.into(), ANSWERS);
        self.call(plan, sdp::offer(&Capabilities::without_comfort_noise(), &local), Then::HangUp, local)
    }

    fn call(
        &mut self,
        plan: Plan,
        offer: SessionDescription,
        then: Then,
        local: LocalDescription,
    ) -> Result<LineId, DialError> {
        let id = LineId(self.next);
        self.next += 1;
        let (dialog, plan) = (DialogId::outgoing(id.0), plan.from(format!("138{:08}", id.0)));
        let invite = invitation(dialog, &plan, self.socket.local_addr()?, &offer)?;
        self.calling.insert(id, Calling { offer, local, since: self.now(), then });
        self.feed(Input::Command(Command::Invite(Box::new(invite))));
        Ok(id)
    }

    /// Hangs up; the line remains until it is taken out.
    pub(crate) fn hang_up(&mut self, id: LineId) {
        self.sides.remove(&id);
        if let Some(dialog) = dialog_of(id) {
            self.feed(Input::Command(Command::Hangup { dialog, reason: None }));
        }
    }

    /// Hangs up everyone, over some time; the callers remain for what they heard.
    pub(crate) fn hang_up_all(&mut self) {
        let all: Vec<LineId> = self.crowd.lines().map(|(id, _)| id).collect();
        for id in all {
            self.hang_up(id);
            self.step();
        }
        self.run_for(FAREWELL);
    }

    fn poll(&mut self) {
        while let Ok(count) = self.batch.receive(&self.socket) {
            let now = self.clock.now();
            let read: Vec<_> = self.batch.datagrams().map(|datagram| taken(now, &datagram)).collect();
            for (source, at, bytes) in read {
                self.feed_at(at, Input::Datagram { listener: LISTENER, source, bytes });
            }
            if count < media::BATCH {
                break;
            }
        }
        for answer in std::mem::take(&mut self.answers) {
            self.feed(Input::Command(answer));
        }
        for id in std::mem::take(&mut self.answered) {
            self.hang_up(id);
        }
        if self.endpoint.poll_timeout().is_some_and(|at| at <= self.now()) {
            self.feed(Input::Timeout);
        }
    }

    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.feed_at(now, input);
    }

    /// Feeds what came at a time that may be a millisecond ago.
    fn feed_at(&mut self, came: Instant, input: Input) {
        self.endpoint.handle_input(self.clock.now(), input);
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => {
                    // Lost is lost: the endpoint sends it again.
                    self.socket.send_to(&bytes, self.gateway).ok();
                }
                // Its one listener is UDP.
                Output::Write { .. } | Output::Connect { .. } | Output::Disconnect { .. } => {}
                Output::Event(event) => self.on_event(came, event),
            }
        }
    }

    fn on_event(&mut self, came: Instant, event: Event) {
        let outcome = match event {
            Event::Accepted { dialog, response } => self.on_answer(came, dialog, &response.body),
            // A call that can't be held is another than was meant.
            Event::ReofferAnswered { dialog, response } if response.status.code() >= 300 => {
                Err(DialError::Ended(line_of(dialog).0, response.status.to_string()))
            }
            Event::Invited(invited) => self.on_invited(&invited),
            Event::Acknowledged { dialog, .. } => self.on_acknowledged(dialog),
            Event::Ended { dialog, ending: Ending::Bye(_) } if dialog.is_incoming() => {
                self.over.push(line_of(dialog));
                Ok(())
            }
            Event::Failed { dialog, failure } if self.is_turned_away(came, dialog, &failure) => Ok(()),
            Event::Failed { dialog, failure } => {
                Err(DialError::Ended(line_of(dialog).0, failure.status().to_string()))
            }
            Event::Ended { dialog, ending } if ending != Ending::Local => {
                Err(DialError::Ended(line_of(dialog).0, format!("{ending:?}")))
            }
            Event::Counted(Counted::Retransmitted) => {
                self.retransmitted += 1;
                Ok(())
            }
            _ => Ok(()),
        };
        self.failures.extend(outcome.err());
    }

    /// Whether a call that was to be hung up at once got 503.
    fn is_turned_away(&mut self, came: Instant, dialog: DialogId, failure: &Failure) -> bool {
        let rang = |calling: &Calling| matches!(calling.then, Then::HangUp);
        let is_busy = failure.status() == StatusCode::SERVICE_UNAVAILABLE;
        let id = line_of(dialog);
        if !is_busy || !self.calling.get(&id).is_some_and(rang) {
            return false;
        }
        self.refusals.extend(self.calling.remove(&id).map(|calling| came.since(calling.since)));
        true
    }

    fn on_answer(&mut self, came: Instant, dialog: DialogId, body: &[u8]) -> Result<(), DialError> {
        let id = line_of(dialog);
        let Some(Calling { offer, local, since, then }) = self.calling.remove(&id) else { return Ok(()) };
        self.set_ups.push(came.since(since));
        if matches!(then, Then::HangUp) {
            self.answered.push(id);
            return Ok(());
        }
        let stream = sdp::accept(&SessionDescription::parse(body)?, &offer)?;
        self.sides.insert(id, Side::new(offer, local));
        let (part, rtp, steps) = match then {
            Then::HangUp => return Ok(()),
            Then::Marked { mark, rtp } => return self.begin_marked(id, (mark, rtp), &stream),
            Then::Talk { part, rtp, steps } => (part, rtp, steps),
        };
        rtp.set_nonblocking(true)?;
        let answered = self.now();
        let line = Line::new(part, rtp, &stream, &steps, (answered, &mut self.entropy));
        self.crowd.add(id, line);
        Ok(())
    }
}

fn taken(now: Now, datagram: &Datagram<'_>) -> (SocketAddr, Instant, Bytes) {
    (datagram.source, came(now, datagram), Bytes::copy_from_slice(datagram.bytes))
}

fn paced(step: Step, manner: Manner) -> Option<Step> {
    match (step, manner) {
        (Step::Listen { pause, .. }, Manner::Hurried | Manner::Sure) => {
            Some(Step::Listen { pause, within: HURRY })
        }
        (Step::Join { .. }, Manner::Sure) => None,
        (step, _) => Some(step),
    }
}
