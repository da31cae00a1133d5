//! The one task of a call: waits on its sockets and the clock; feeds one input, drains all output.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use codecs::Decoder;
use media::Clock;
use rtp::{Datagram, HEADER_LEN, Packet, classify};
use sdp::{Capabilities, SessionDescription};
use sip::{
    endpoint::{Command, DialogId, Ending, Endpoint, Event, Failure, Input, Limits, Output, Refusal},
    wire::{Reason, Response, StatusCode},
};
use terms::{
    Cause, Entropy, Instant, Now, Pii,
    media::{SampleRate, Stream},
};
use tokio::{sync::Notify, time::Instant as SystemInstant};

use super::{
    arrivals::Arrivals,
    ear::{AUDIBLE, Ear},
    error::{CallError, During},
    heard::{Heard, Join, Packets, Tone},
    mouth::Mouth,
    plan::{Plan, Step},
    script::{Milestones, Progress, Script},
    sip_side::{self, LISTENER},
    sockets::{Sockets, Woken},
};

const DIALOG: DialogId = DialogId::outgoing(1);
const TICK: Duration = Duration::from_millis(20);
/// How long the gateway may take to answer our BYE.
const FAREWELL: Duration = Duration::from_secs(2);
/// And our CANCEL, with its INVITE.
const CANCELLING: Duration = Duration::from_millis(500);
/// A task with nothing to do looks up this often.
const IDLE: Duration = Duration::from_secs(1);
/// 60 ms at 8 kHz.
const MAX_SAMPLES: usize = 3 * SampleRate::Hz8000.tick_samples();

/// Makes a call, works through its script, hangs up, and tells what was heard.
pub async fn call(plan: Plan, clock: Clock, entropy: Entropy) -> Result<Heard, CallError> {
    call_until(plan, clock, entropy, &Notify::new()).await
}

/// The same, hung up before its end once `stop` is notified.
pub async fn call_until(
    plan: Plan,
    clock: Clock,
    entropy: Entropy,
    stop: &Notify,
) -> Result<Heard, CallError> {
    let mut task = Task::new(plan, clock, entropy).await?;
    task.invite()?;
    while !task.is_done() {
        let woken = task.wait(stop).await;
        task.handle(woken);
    }
    task.finish()
}

#[derive(Debug)]
enum Stage {
    Calling,
    Talking(Box<Talk>),
    /// Until the BYE is answered: so many transactions are left then.
    Leaving {
        until: Instant,
        left: usize,
    },
    Done,
}

#[derive(Debug)]
struct Talk {
    remote: SocketAddr,
    receive: Vec<terms::media::Format>,
    script: Script,
    mouth: Mouth,
    next: Instant,
}

/// When what happened.
#[derive(Debug, Default)]
struct Times {
    invited: Instant,
    ringing: Option<Instant>,
    answered: Option<Instant>,
    milestones: Milestones,
    sent: u64,
}

#[derive(Debug)]
struct Task {
    plan: Plan,
    clock: Clock,
    entropy: Entropy,
    sockets: Sockets,
    endpoint: Endpoint,
    offer: SessionDescription,
    stage: Stage,
    times: Times,
    ear: Ear,
    arrivals: Arrivals,
    failure: Option<CallError>,
}

impl Task {
    async fn new(plan: Plan, clock: Clock, mut entropy: Entropy) -> Result<Self, CallError> {
        let sockets = Sockets::bind(plan.local, plan.gateway).await?;
        let local = sockets.local()?;
        let limits = Limits { dialogs: 4, transactions: 64, ..Limits::DEFAULT };
        let config = sip_side::endpoint_config(local.sip, limits, &mut entropy);
        Ok(Self {
            endpoint: Endpoint::new(config, entropy.split()),
            offer: sdp::offer(&Capabilities::without_comfort_noise(), &local.media),
            ear: Ear::new(&plan.listen),
            plan,
            clock,
            entropy,
            sockets,
            stage: Stage::Calling,
            times: Times::default(),
            arrivals: Arrivals::default(),
            failure: None,
        })
    }

    fn invite(&mut self) -> Result<(), CallError> {
        let local = self.sockets.local()?;
        let invite = sip_side::invitation(DIALOG, &self.plan, local.sip, &self.offer)?;
        let now = self.clock.now();
        self.times.invited = now.mono;
        self.feed(now, Input::Command(Command::Invite(Box::new(invite))));
        Ok(())
    }

    const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    async fn wait(&mut self, stop: &Notify) -> Woken {
        let due = self.due().map(|at| SystemInstant::from_std(self.clock.to_system(at)));
        let due = due.unwrap_or_else(|| SystemInstant::now() + IDLE);
        tokio::select! {
            woken = self.sockets.wait(due) => woken,
            () = stop.notified() => Woken::Stop,
        }
    }

    fn due(&self) -> Option<Instant> {
        let own = match &self.stage {
            Stage::Calling => Some(self.times.invited + self.plan.patience),
            Stage::Talking(talk) => Some(talk.next),
            Stage::Leaving { until, .. } => Some(*until),
            Stage::Done => None,
        };
        [own, self.endpoint.poll_timeout()].into_iter().flatten().min()
    }

    fn handle(&mut self, woken: Woken) {
        let now = self.clock.now();
        match woken {
            Woken::Sip(Ok(length)) => {
                let bytes = Bytes::copy_from_slice(self.sockets.sip_datagram(length));
                let (listener, source) = (LISTENER, self.plan.gateway);
                self.feed(now, Input::Datagram { listener, source, bytes });
            }
            Woken::Sip(Err(error)) => self.on_socket_error(now, error),
            Woken::Rtp(Ok(length)) => self.hear(now, length),
            // ICMP about a packet of ours: the gateway closed its port before we hung up.
            Woken::Rtp(Err(_)) | Woken::Rtcp => {}
            Woken::Due => self.on_due(now),
            Woken::Stop => self.hang_up(now, Some(CallError::Stopped)),
        }
        if let Stage::Leaving { until, left } = self.stage
            && (now.mono >= until || self.endpoint.transactions() <= left)
        {
            self.stage = Stage::Done;
        }
    }

    fn on_socket_error(&mut self, now: Now, error: io::Error) {
        match (&self.stage, error.kind()) {
            (Stage::Calling, io::ErrorKind::ConnectionRefused) => {
                let gateway = self.plan.gateway;
                self.end_with(CallError::NobodyThere { gateway });
            }
            (Stage::Talking(_), io::ErrorKind::ConnectionRefused) => self.end_with(CallError::Lost),
            (Stage::Leaving { .. } | Stage::Done, _) => self.stage = Stage::Done,
            _ => self.hang_up(now, Some(CallError::Socket(error))),
        }
    }

    fn on_due(&mut self, now: Now) {
        if self.endpoint.poll_timeout().is_some_and(|at| now.mono >= at) {
            self.feed(now, Input::Timeout);
        }
        match &self.stage {
            Stage::Calling if now.mono >= self.times.invited + self.plan.patience => {
                self.hang_up(now, Some(CallError::NobodyAnswered(self.plan.patience.as_secs())));
            }
            Stage::Talking(talk) if now.mono >= talk.next => self.tick(now),
            Stage::Calling | Stage::Talking(_) | Stage::Leaving { .. } | Stage::Done => {}
        }
    }

    fn feed(&mut self, now: Now, input: Input) {
        self.endpoint.handle_input(now, input);
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { destination, bytes, .. } => {
                    self.sockets.send_sip(&bytes, destination);
                }
                // Its one listener is UDP.
                Output::Write { .. } | Output::Connect { .. } | Output::Disconnect { .. } => {}
                Output::Event(event) => self.on_event(now, event),
            }
        }
    }

    fn on_event(&mut self, now: Now, event: Event) {
        match event {
            Event::Progressed { response, .. } if response.status == StatusCode::RINGING => {
                self.times.ringing.get_or_insert(now.mono);
            }
            Event::Accepted { response, .. } => {
                if let Err(error) = self.on_answer(now, &response) {
                    self.hang_up(now, Some(error));
                }
            }
            Event::Failed { failure, .. } => self.on_failure(&failure),
            Event::Ended { ending, .. } => self.on_end(&ending),
            // A telephone: one call at a time, as it was negotiated.
            Event::Invited(invited) => {
                let (dialog, refusal) = (invited.dialog, Refusal::new(StatusCode::BUSY_HERE));
                self.feed(now, Input::Command(Command::Refuse { dialog, refusal }));
            }
            Event::Reoffered { dialog, .. } => {
                let refusal = Refusal::new(StatusCode::NOT_ACCEPTABLE_HERE);
                self.feed(now, Input::Command(Command::RefuseReoffer { dialog, refusal }));
            }
            Event::Progressed { .. }
            | Event::ProgressAcknowledged { .. }
            | Event::Acknowledged { .. }
            | Event::ReofferWithdrawn { .. }
            | Event::ReofferAnswered { .. }
            | Event::Info { .. }
            | Event::Probed { .. }
            | Event::Registering(_)
            | Event::Counted(_) => {}
        }
    }

    /// The 200 came, and is acknowledged.
    fn on_answer(&mut self, now: Now, response: &Response) -> Result<(), CallError> {
        let answer = SessionDescription::parse(&response.body)?;
        let stream: Stream = sdp::accept(&answer, &self.offer)?;
        let keys = self.plan.script.iter().any(|step| matches!(step, Step::Key(_)));
        if keys && stream.send_events.is_none() {
            return Err(CallError::NoEvents);
        }
        self.times.answered = Some(now.mono);
        self.stage = Stage::Talking(Box::new(Talk {
            remote: stream.remote,
            mouth: Mouth::new(&stream, &mut self.entropy),
            receive: stream.receive,
            script: Script::new(self.plan.script.iter().cloned()),
            next: now.mono,
        }));
        Ok(())
    }

    fn on_failure(&mut self, failure: &Failure) {
        let gateway = self.plan.gateway;
        self.end_with(match failure {
            Failure::Refused(response) => CallError::Refused { status: response.status },
            Failure::Timeout => CallError::Silent { gateway },
            Failure::NotSent(_) => CallError::Number(Pii(self.plan.number.clone())),
        });
    }

    fn on_end(&mut self, ending: &Ending) {
        let Stage::Talking(talk) = &self.stage else { return };
        let during = match &talk.script {
            script if script.is_joining() => During::Joining,
            script if script.is_talking() => During::Talking,
            _ => During::Script,
        };
        self.end_with(match ending {
            Ending::Bye(reason) | Ending::Cancelled(reason) => {
                let cause = reason.as_ref().and_then(Reason::cause);
                CallError::HungUp(during, cause.unwrap_or(Cause::NORMAL_CLEARING))
            }
            Ending::Local | Ending::NoAck | Ending::Timeout | Ending::DialogGone(_) => CallError::Lost,
        });
    }

    fn end_with(&mut self, error: CallError) {
        self.failure.get_or_insert(error);
        self.stage = Stage::Done;
    }

    /// Hangs up; an error says that the script did not come to its end.
    fn hang_up(&mut self, now: Now, error: Option<CallError>) {
        if let Some(error) = error {
            self.failure.get_or_insert(error);
        }
        self.arrivals.end_measuring(now.mono);
        self.stage = match self.stage {
            // The INVITE's own end, after the CANCEL's, must be acknowledged too, and that is not told.
            Stage::Calling => Stage::Leaving { until: now.mono + CANCELLING, left: 0 },
            Stage::Talking(_) => {
                Stage::Leaving { until: now.mono + FAREWELL, left: self.endpoint.transactions() }
            }
            Stage::Leaving { .. } | Stage::Done => return self.stage = Stage::Done,
        };
        self.feed(now, Input::Command(Command::Hangup { dialog: DIALOG, reason: None }));
    }

    /// One packet of ours, and what the script makes of what was heard.
    fn tick(&mut self, now: Now) {
        let Stage::Talking(talk) = &mut self.stage else { return };
        talk.next += TICK;
        let was_talking = talk.script.is_talking();
        let progress = talk.script.tick(now.mono, &mut self.ear);
        match (was_talking, talk.script.is_talking()) {
            (false, true) => self.arrivals.begin_measuring(now.mono),
            (true, false) => {
                self.arrivals.end_measuring(now.mono);
                self.ear.end_measuring();
            }
            (true, true) | (false, false) => {}
        }
        self.times.milestones = talk.script.milestones();
        match progress {
            Progress::Say(say) => {
                let mut packet = [0; HEADER_LEN + SampleRate::Hz8000.tick_samples()];
                let length = talk.mouth.speak(say, &mut packet);
                self.times.sent = talk.mouth.sent();
                self.sockets.send_rtp(&packet[..length], talk.remote);
            }
            Progress::Over => self.hang_up(now, None),
            Progress::AskedAgain => self.hang_up(now, Some(CallError::AskedAgain)),
            Progress::NotJoined => {
                let number = Pii(self.plan.number.clone());
                self.hang_up(now, Some(CallError::NotJoined { number }));
            }
        }
    }

    fn hear(&mut self, now: Now, length: usize) {
        let Stage::Talking(talk) = &self.stage else { return };
        let datagram = self.sockets.rtp_packet(length);
        if classify(datagram) != Datagram::Rtp {
            return;
        }
        let Ok(packet) = Packet::parse(datagram) else { return };
        self.arrivals.receive(now.mono, &packet.header());
        let format = talk.receive.iter().find(|format| format.payload_type == packet.payload_type());
        let Some(format) = format else { return };
        let mut samples = [0; MAX_SAMPLES];
        let count = Decoder::new(format.codec).decode(packet.payload(), &mut samples);
        self.ear.hear(now.mono, &samples[..count]);
    }

    fn finish(self) -> Result<Heard, CallError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let Times { invited, ringing, answered, milestones, sent } = self.times;
        let answered = answered.ok_or(CallError::Lost)?;
        let join = milestones.pound.zip(milestones.joined).map(|(pound, joined)| Join {
            sound: milestones.sound.map(|at| at.since(pound)),
            joined: joined.since(pound),
            tone: milestones.tone.map(|at| at.since(pound)),
        });
        let tone = |(hz, level): (u32, codecs::Dbm0)| Tone { hz, dbm0: level.0, heard: level > AUDIBLE };
        Ok(Heard {
            number: self.plan.number,
            ringing: ringing.map(|at| at.since(invited)),
            setup: answered.since(invited),
            first_rtp: self.arrivals.first().map(|at| at.since(answered)),
            join,
            packets: Packets {
                sent,
                received: self.arrivals.received(),
                lost: self.arrivals.lost(),
                reordered: self.arrivals.reordered(),
                largest_gap: self.arrivals.largest_gap(),
            },
            tones: self.ear.levels().map(tone).collect(),
        })
    }
}
