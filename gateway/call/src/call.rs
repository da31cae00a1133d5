//! One call: a leg, its audio port, and what it is doing.
//!
//! ```text
//!            ┌─────────┐ ring over ┌───────────┐ Established ┌─────┐ right ┌─────────┐ granted ┌───────────┐
//!  Arrived ─▶│ Ringing ├─────────▶ │ Answering ├────────────▶│ Ivr ├──────▶│ Leasing ├───────▶ │ Admitting │
//!            └─────────┘           └─────┬─────┘             └──┬──┘       └────┬────┘         └─────┬─────┘
//!                                        ▼                      ▼               ▼    refused         ▼
//!                                     ┌─────┐           ┌────────────┐ ◀────────┴─────────────────────┤
//!                                     │ App │           │ Announcing │                                │
//!                                     └─────┘           └──────┬─────┘ ───▶ Meeting ◀─ (joined) ──────┘
//!                                                              ▼
//!                                                          Clearing ───▶ recorded
//!
//!  Admitting ─▶ Waiting ─▶ Announcing: for the host, or for being let in; music meanwhile.
//!
//!  Arrived ─▶ Reaching ─▶ Answering ─▶ Bridged,  Dialing ─▶ (EarlyMedia) ─▶ Bridged: the two halves of a call between two legs.
//!
//!  Arrived ─▶ Knocking ─▶ Leasing ─▶ Admitting ─▶ Answering ─▶ Announcing ─▶ Meeting: who dials a meeting is told before the
//!  answer whether it may in. Leasing ─▶ Confirming ─▶ Leasing: its device is elsewhere, and the host is asked.
//!  Arrived ─▶ Locating ─▶ Leasing ─▶ Reaching: to an account.
//! ```

mod bridge;
mod digits;
mod in_meeting;
mod joining;
mod knock;
mod milestones;
mod stream;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use terms::{
    AccountName, CallId, Cause, Instant, Language, LeaseEpoch, LegId, LineState, MediaKind, MediaLine,
    MeetingId, MeetingTag, Now, PortId, TrunkName,
    media::{Command, KeysIn, PlayId, Quality, Report, Stream, Voice},
};

use bridge::Told;
pub(crate) use bridge::{Onward, Partner, Word};
use digits::{KeysBy, keys_in, owner};
use in_meeting::EXIT_TONE;
use knock::Seek;
pub(crate) use knock::{First, Knock};
pub(crate) use milestones::Milestones;

use crate::{
    app::{App, Phase, Progress},
    doctor::{self, Doctor},
    event::Event,
    gauge::Gauge,
    guard::Guard,
    ivr::{self, Ivr},
    keys::Pressed,
    leg::{Arrival, EndedBy, LegCommand, LegEvent, LocalMedia, ReasonText},
    outcome::Outcome,
    question::{Answer, Place, Question, QuestionId, Role, Verdict, WaitingFor, Welcome},
    self_test::{self, SelfTest},
    settings::Settings,
    switch::{At, Ids, Outputs},
};

/// How long a closing port may take to tell its figures.
const CLEARING_BOUND: Duration = Duration::from_secs(2);
/// How long the last words before a hang-up may take.
const ANNOUNCEMENT_BOUND: Duration = Duration::from_secs(30);

/// What is done once the call is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Program {
    /// Ask for a meeting.
    Ivr(Box<Ivr>),
    /// Run the steps of a dialplan line.
    App(App),
    /// Hear the other half.
    Bridge,
    /// Into the meeting, which has let it in.
    Join(Joined),
    /// Wait for what the meeting waits for.
    Wait(MeetingTag, WaitingFor),
}

/// Who waits for a verdict on a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Door {
    /// Who keyed it.
    Ivr(Box<Ivr>),
    /// Who dialed it, with what was dialed as the ID, where that can be one.
    Dialed(Option<MeetingId>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Stage {
    Ringing {
        app: App,
        until: Instant,
    },
    Answering {
        program: Program,
    },
    /// The other half is dialing.
    Reaching {
        told: Told,
    },
    /// Our own call waits for its answer.
    Dialing {
        until: Instant,
    },
    /// It does, and its peer is heard.
    EarlyMedia {
        until: Instant,
    },
    Bridged,
    /// A meeting was dialed: the core is asked what it wants, or whether the password fits.
    Knocking {
        meeting: Option<MeetingId>,
    },
    /// An account was dialed: the registrar is asked where it is.
    Locating {
        account: AccountName,
    },
    App {
        app: App,
        until: Option<Instant>,
    },
    Testing {
        app: App,
        test: Box<SelfTest>,
    },
    Ivr(Box<Ivr>),
    /// The core has answered; the guard holds the answer back (DIAL-5).
    HeldBack {
        door: Door,
        verdict: Verdict,
        until: Instant,
    },
    Leasing {
        seek: Seek,
    },
    /// Its device is elsewhere; the host says whether it may come (ISO-1).
    Confirming {
        meeting: MeetingId,
        role: Role,
        until: Instant,
    },
    Admitting {
        tag: MeetingTag,
    },
    Announcing {
        play: PlayId,
        outcome: Outcome,
        joined: Option<Joined>,
        until: Instant,
    },
    /// Music, until a [`crate::question::Directive::Enter`] (DIAL-6).
    Waiting {
        tag: MeetingTag,
        reason: WaitingFor,
        until: Instant,
    },
    Meeting(Joined),
    Clearing {
        until: Instant,
    },
    Recorded,
}

/// What a leg is in, and how it was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joined {
    tag: MeetingTag,
    welcome: Welcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum LegState {
    /// There is none yet: the port opens first.
    Planned,
    /// We called, and the peer has not answered.
    Dialed,
    /// The peer called, and we have not answered.
    Offered,
    Answered,
    Established,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum PortState {
    Opening,
    Open(LocalMedia),
    Gone,
}

/// A question that the call waits for; asked again after a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) id: QuestionId,
    pub(crate) question: Question,
    until: Instant,
}

/// One call. A plain value: all of it goes into a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    id: CallId,
    leg: LegId,
    arrival: Arrival,
    leg_state: LegState,
    port: PortId,
    port_state: PortState,
    stage: Stage,
    languages: Vec<Language>,
    tenant: Option<terms::TenantId>,
    next_play: PlayId,
    pending: Option<Box<Pending>>,
    milestones: Milestones,
    voice: Voice,
    /// DIAL-7: the way that the leg's first key came owns its keys; the others are ignored.
    keys_by: Option<KeysBy>,
    /// Whether the peer reads keys in the media (RFC 4733).
    #[serde(default)]
    reads_events: bool,
    /// Of a key of the meeting.
    pressed: Pressed,
    doctor: Doctor,
    gauge: Gauge,
    /// The other half, of a call between two legs.
    partner: Option<Partner>,
    /// What its device holds (ISO-1): given back when the media is closed, not before.
    #[serde(default)]
    lease: Option<(Place, LeaseEpoch)>,
}

/// What a call works with while it handles one input.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) settings: &'a Arc<Settings>,
    pub(crate) ids: &'a mut Ids,
    pub(crate) guard: &'a mut Guard,
    pub(crate) out: &'a mut Outputs,
}

/// A leg that just came in, or is to be made.
pub(crate) struct Beginning {
    pub(crate) id: CallId,
    pub(crate) leg: LegId,
    pub(crate) port: PortId,
    pub(crate) arrival: Arrival,
}

impl Call {
    fn new(beginning: Beginning, leg_state: LegState, context: &mut Context<'_>) -> Self {
        let Beginning { id, leg, port, arrival } = beginning;
        context.out.media(Command::Open {
            port,
            zone: arrival.zone.clone(),
            sources: arrival.sources.clone(),
        });
        let keys_by = owner(arrival.keys);
        Self {
            id,
            leg,
            arrival,
            leg_state,
            port,
            port_state: PortState::Opening,
            stage: Stage::Recorded,
            languages: Vec::new(),
            tenant: None,
            next_play: PlayId(0),
            pending: None,
            milestones: Milestones::at(context.now.wall),
            voice: Voice::Heard,
            keys_by,
            reads_events: false,
            pressed: Pressed::default(),
            doctor: Doctor::new(),
            gauge: Gauge::default(),
            partner: None,
            lease: None,
        }
    }

    pub(crate) const fn leg(&self) -> LegId {
        self.leg
    }

    pub(crate) const fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    pub(crate) const fn port(&self) -> PortId {
        self.port
    }

    pub(crate) fn pending(&self) -> Option<&Pending> {
        self.pending.as_deref()
    }

    pub(crate) const fn trunk(&self) -> Option<&TrunkName> {
        self.arrival.trunk.as_ref()
    }

    pub(crate) const fn at(&self) -> At {
        match &self.stage {
            Stage::Ringing { .. }
            | Stage::Answering { .. }
            | Stage::Reaching { told: Told::Nothing | Told::Ringing }
            | Stage::Knocking { .. }
            | Stage::Locating { .. }
            | Stage::Dialing { .. } => At::Ringing,
            Stage::Reaching { told: Told::Sound } | Stage::EarlyMedia { .. } => At::EarlyMedia,
            Stage::Bridged => At::Bridged,
            Stage::App { .. } | Stage::Testing { .. } => At::App,
            Stage::Ivr(_)
            | Stage::HeldBack { .. }
            | Stage::Leasing { .. }
            | Stage::Admitting { .. }
            | Stage::Announcing { .. } => At::Ivr,
            Stage::Waiting { .. } | Stage::Confirming { .. } => At::Waiting,
            Stage::Meeting(_) => At::Meeting,
            Stage::Clearing { .. } | Stage::Recorded => At::Clearing,
        }
    }

    /// Whether everything about the call is told, so that it can be forgotten.
    pub(crate) const fn is_recorded(&self) -> bool {
        matches!(self.stage, Stage::Recorded)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let stage = match &self.stage {
            Stage::Ringing { until, .. }
            | Stage::Dialing { until }
            | Stage::EarlyMedia { until }
            | Stage::HeldBack { until, .. }
            | Stage::Confirming { until, .. }
            | Stage::Waiting { until, .. }
            | Stage::Clearing { until }
            | Stage::Announcing { until, .. } => Some(*until),
            Stage::App { until, .. } => *until,
            Stage::Testing { test, .. } => test.poll_timeout(),
            Stage::Ivr(ivr) => ivr.poll_timeout(),
            Stage::Answering { .. }
            | Stage::Reaching { .. }
            | Stage::Knocking { .. }
            | Stage::Locating { .. }
            | Stage::Bridged
            | Stage::Leasing { .. }
            | Stage::Admitting { .. }
            | Stage::Meeting(_)
            | Stage::Recorded => None,
        };
        let pending = self.pending.as_ref().map(|pending| pending.until);
        [stage, pending, self.doctor.poll_timeout()].into_iter().flatten().min()
    }

    pub(crate) fn on_leg(&mut self, event: LegEvent, context: &mut Context<'_>) {
        match event {
            LegEvent::Arrived(_) | LegEvent::TurnedAway { .. } => {}
            LegEvent::Ringing => self.tell_partner(Word::Ringing, context),
            LegEvent::EarlyMedia(alert) => self.on_early_media(alert, context),
            LegEvent::Reoffered(lines) => self.arrival.lines = lines,
            LegEvent::Negotiated { line, stream, secrecy } => {
                self.milestones.secrecy = Some(secrecy);
                self.on_negotiated(line, stream, context);
            }
            LegEvent::Established => self.on_established(context),
            LegEvent::Digit(digit) => self.on_digit(KeysBy::Signaling, digit, context),
            LegEvent::Probed => self.on_probed(context),
            LegEvent::Ended { cause, by } => {
                self.leg_state = LegState::Over;
                self.clear(cause, by, context);
            }
        }
    }

    pub(crate) fn on_report(&mut self, report: Report, context: &mut Context<'_>) {
        match report {
            Report::Opened { rtp, rtcp, .. } => self.on_opened(LocalMedia { rtp, rtcp }, context),
            Report::Refused { port, .. } => {
                self.port_state = PortState::Gone;
                context.out.event(self.id, Event::MediaRefused(port));
                self.end(Cause::CONGESTION, context);
            }
            Report::Digit { digit, .. } => self.on_digit(KeysBy::Media, digit, context),
            Report::Fax { .. } => self.on_fax(context),
            Report::Unkeyed { fault, .. } => self.on_unkeyed(fault, context),
            Report::Played { play, .. } => self.on_played(play, context),
            Report::Speaking { speaking, .. } => {
                if let Stage::Meeting(Joined { tag, .. }) = self.stage {
                    context.out.speaking(self.leg, tag.meeting, speaking);
                }
            }
            Report::Measured { measured, .. } => self.on_measured(&measured, context),
            Report::Closed { quality, .. } => {
                self.port_state = PortState::Gone;
                if matches!(self.stage, Stage::Clearing { .. }) {
                    self.record(Some(*quality), context);
                }
            }
        }
    }

    /// The media plane had no room for a command: the call can't go on as it should.
    pub(crate) fn on_media_overload(&mut self, context: &mut Context<'_>) {
        context.out.event(self.id, Event::MediaRefused(self.port));
        self.end(Cause::CONGESTION, context);
    }

    pub(crate) fn on_timeout(&mut self, context: &mut Context<'_>) {
        let now = context.now.mono;
        if self.pending.as_ref().is_some_and(|pending| now >= pending.until) {
            context.out.event(self.id, Event::QuestionTimedOut);
            self.on_answer(Answer::Unreachable, context);
        }
        self.consult(doctor::Input::Timeout, context);
        let stage = std::mem::replace(&mut self.stage, Stage::Recorded);
        self.stage = match stage {
            Stage::Ringing { app, until } if now >= until => self.run(app, context),
            stage @ (Stage::Dialing { until } | Stage::EarlyMedia { until }) if now >= until => {
                self.stage = stage;
                return self.end(Cause::NO_ANSWER, context);
            }
            Stage::App { app, until: Some(until) } if now >= until => self.run(app, context),
            Stage::Testing { app, test } => self.feed_test(app, test, self_test::Input::Timeout, context),
            Stage::Ivr(ivr) => self.feed_ivr(ivr, ivr::Input::Timeout, context),
            Stage::HeldBack { door, verdict, until } if now >= until => {
                self.on_verdict(door, verdict, context)
            }
            Stage::Confirming { meeting, until, .. } if now >= until => self.on_unconfirmed(meeting, context),
            Stage::Announcing { outcome, joined, until, .. } if now >= until => {
                self.after_announcement(outcome, joined, context)
            }
            Stage::Waiting { tag, until, .. } if now >= until => {
                self.depart(tag, context);
                self.announce(Outcome::WaitedTooLong, None, context)
            }
            Stage::Clearing { until } if now >= until => {
                self.stage = Stage::Clearing { until };
                return self.record(None, context);
            }
            stage => stage,
        };
    }

    /// Ends the call from our side.
    pub(crate) fn end(&mut self, cause: Cause, context: &mut Context<'_>) {
        self.end_with(cause, None, context);
    }

    fn end_with(&mut self, cause: Cause, text: Option<ReasonText>, context: &mut Context<'_>) {
        let command = match self.leg_state {
            LegState::Offered => Some(LegCommand::Refuse { cause, text }),
            LegState::Dialed | LegState::Answered | LegState::Established => {
                Some(LegCommand::HangUp { cause, text })
            }
            LegState::Planned | LegState::Over => None,
        };
        if self.leg_state == LegState::Offered {
            context.out.event(self.id, Event::Refused(cause));
        }
        self.leg_state = LegState::Over;
        if let Some(command) = command {
            context.out.leg(self.leg, command);
        }
        self.clear(cause, EndedBy::Gateway, context);
    }

    fn on_opened(&mut self, media: LocalMedia, context: &mut Context<'_>) {
        if self.port_state != PortState::Opening {
            return;
        }
        self.port_state = PortState::Open(media);
        let keys = keys_in(self.arrival.keys);
        if keys != KeysIn::default() {
            context.out.media(Command::Listen { port: self.port, keys });
        }
        match self.stage {
            Stage::Answering { .. } => self.send_answer(media, context),
            Stage::Dialing { .. } if self.pending.is_none() => self.send_dial(media, context),
            _ => {}
        }
    }

    fn on_established(&mut self, context: &mut Context<'_>) {
        match self.leg_state {
            LegState::Answered => {}
            LegState::Dialed => self.milestones.answered = Some(context.now.wall),
            LegState::Planned | LegState::Offered | LegState::Established | LegState::Over => return,
        }
        self.leg_state = LegState::Established;
        self.consult(doctor::Input::Established, context);
        let stage = std::mem::replace(&mut self.stage, Stage::Recorded);
        self.stage = match stage {
            Stage::Answering { program } => self.begin_program(program, context),
            stage @ (Stage::Dialing { .. } | Stage::EarlyMedia { .. }) => self.on_reached(&stage, context),
            stage => stage,
        };
    }

    /// The audio line has our port from here on; a delayed offer's line is ours.
    fn on_negotiated(&mut self, line: usize, stream: Box<Stream>, context: &mut Context<'_>) {
        self.consult(doctor::Input::Agreed(stream.flow()), context);
        self.reads_events = stream.send_events.is_some();
        let (direction, state) = (stream.direction, LineState::Open(self.port));
        match self.arrival.lines.get_mut(line) {
            Some(line) => *line = MediaLine { direction, state, ..line.clone() },
            None => {
                let (kind, protocol) = (MediaKind::Audio, String::new());
                self.arrival.lines.reserve_exact(1);
                self.arrival.lines.push(MediaLine { kind, protocol, direction, state });
            }
        }
        if self.port_state != PortState::Gone {
            context.out.media(Command::Connect { port: self.port, stream });
        }
    }

    fn on_played(&mut self, played: PlayId, context: &mut Context<'_>) {
        let stage = std::mem::replace(&mut self.stage, Stage::Recorded);
        self.stage = match stage {
            Stage::Ivr(ivr) => self.feed_ivr(ivr, ivr::Input::Played(played), context),
            Stage::Testing { app, test } => {
                self.feed_test(app, test, self_test::Input::Played(played), context)
            }
            Stage::Announcing { play, outcome, joined, .. } if play == played => {
                self.after_announcement(outcome, joined, context)
            }
            stage => stage,
        };
    }

    /// Runs the steps of a dialplan line as far as they go without waiting.
    fn run(&mut self, mut app: App, context: &mut Context<'_>) -> Stage {
        let phase =
            if self.leg_state == LegState::Established { Phase::Established } else { Phase::Unanswered };
        match app.advance(phase) {
            Progress::Ring(duration) => {
                context.out.leg(self.leg, LegCommand::Ring);
                Stage::Ringing { app, until: context.now.mono + duration }
            }
            Progress::Answer => self.answer(Program::App(app), context),
            Progress::Hear { route, duration } => {
                context.out.media(Command::Route { port: self.port, route });
                Stage::App { app, until: duration.map(|duration| context.now.mono + duration) }
            }
            Progress::Test(step) => match SelfTest::of(&step, self.next_play) {
                Some(test) => self.feed_test(app, Box::new(test), self_test::Input::Start, context),
                None => self.run(app, context),
            },
            Progress::Done => {
                self.end(Cause::NORMAL_CLEARING, context);
                std::mem::replace(&mut self.stage, Stage::Recorded)
            }
        }
    }

    fn feed_test(
        &mut self,
        app: App,
        mut test: Box<SelfTest>,
        input: self_test::Input<'_>,
        context: &mut Context<'_>,
    ) -> Stage {
        test.handle_input(context.now.mono, input);
        while let Some(output) = test.poll_output() {
            match output {
                self_test::Output::Hear(route) => {
                    context.out.media(Command::Route { port: self.port, route });
                }
                self_test::Output::Finished => {
                    self.next_play = test.next_play();
                    return self.run(app, context);
                }
            }
        }
        Stage::Testing { app, test }
    }

    fn begin_program(&mut self, program: Program, context: &mut Context<'_>) -> Stage {
        match program {
            Program::App(app) => self.run(app, context),
            Program::Ivr(ivr) => self.begin_ivr(ivr, context),
            Program::Bridge => Stage::Bridged,
            Program::Join(joined) => self.enter(joined, context),
            Program::Wait(tag, reason) => self.wait((tag, reason), context),
        }
    }

    fn answer(&mut self, program: Program, context: &mut Context<'_>) -> Stage {
        if let Program::Ivr(ivr) = &program {
            self.languages = ivr.languages().to_vec();
        }
        if let PortState::Open(media) = self.port_state {
            self.send_answer(media, context);
        }
        Stage::Answering { program }
    }

    fn send_answer(&mut self, audio: LocalMedia, context: &mut Context<'_>) {
        self.leg_state = LegState::Answered;
        self.milestones.answered = Some(context.now.wall);
        context.out.leg(self.leg, LegCommand::Answer { audio });
        context.out.event(self.id, Event::Answered);
    }

    /// The leg is over: give back what the call holds.
    fn clear(&mut self, cause: Cause, by: EndedBy, context: &mut Context<'_>) {
        if let Stage::Meeting(joined) = self.stage {
            self.chime(&joined, EXIT_TONE, context);
        }
        if matches!(self.stage, Stage::Clearing { .. }) {
            return;
        }
        self.tell_partner(Word::Ended(cause), context);
        match &self.stage {
            Stage::Admitting { tag } => self.depart(*tag, context),
            Stage::Confirming { meeting, .. } => context.out.departure(self.departure(*meeting)),
            _ => self.meeting().into_iter().for_each(|tag| self.depart(tag, context)),
        }
        self.pending = None;
        self.milestones.no_stream = self.doctor.stopped(context.now.mono);
        self.milestones.streams = Some(Box::new(self.gauge.summary(context.now.mono)));
        self.consult(doctor::Input::Over, context);
        self.milestones.ended = Some((cause, by));
        context.out.event(self.id, Event::Ended { cause, by });
        if self.port_state == PortState::Gone {
            self.stage = Stage::Clearing { until: context.now.mono };
            return self.record(None, context);
        }
        context.out.media(Command::Close { port: self.port });
        self.stage = Stage::Clearing { until: context.now.mono + CLEARING_BOUND };
    }

    fn record(&mut self, quality: Option<Quality>, context: &mut Context<'_>) {
        self.stage = Stage::Recorded;
        if let Some((_, epoch)) = self.lease.take() {
            context.out.release(epoch);
        }
        let ended = (context.now.wall, quality);
        context.out.record(self.milestones.record(self.id, self.leg, &self.arrival, ended));
    }
}
