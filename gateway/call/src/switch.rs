//! The owner of every call: routes each input to its call and keeps the deadlines.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use dialplan::{Number, NumberPlan, Query, Route, Target};
use serde::{Deserialize, Serialize};
use terms::{
    AccountName, CallId, Cause, Instant, LeaseEpoch, LegId, MeetingId, Now, PortId, TenantId, WorkerId,
    media::{Command, Report, Speaking},
};

use crate::{
    app::App,
    call::{Beginning, Call, Context, First, Knock, Milestones, Onward, Partner, Program, Word},
    event::{Event, LegRecord},
    guard::Guard,
    ivr::Ivr,
    leg::{Arrival, Kind, LegCommand, LegEvent},
    question::{Answer, Departure, Directive, LeaseAnswer, Question, QuestionId},
    settings::{Access, Settings},
    snapshot::CallSnapshot,
    view::CallView,
};

mod census;

pub(crate) use census::At;
pub use census::Census;

/// What the switch is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// A leg speaks. An arrival begins a call.
    Leg(LegId, LegEvent),
    /// The media plane speaks.
    Media(Report),
    /// The media plane had no room for a command to this port.
    MediaOverload(PortId),
    /// A service answers.
    Answer(QuestionId, Answer),
    /// The core speaks without being asked.
    Directive(Directive),
    /// The operator changed the settings.
    Settings(Arc<Settings>),
    /// End every call.
    HangUpAll(Cause),
    /// Time passed.
    Timeout,
}

/// What the switch wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// To a leg.
    Leg(LegId, LegCommand),
    /// To the media plane.
    Media(Command),
    /// To a service; answered by [`Input::Answer`].
    Question(QuestionId, Question),
    /// To the core.
    Departure(Departure),
    /// To the lease service: a lease is given back.
    Release(LeaseEpoch),
    /// To the core: this leg is one of the loudest of its meeting, or is no longer.
    Speaking(LegId, MeetingId, Speaking),
    /// To log, metrics and the administration's feed.
    Event(CallId, Event),
    /// To the journal of records.
    Record(Box<LegRecord>),
}

/// Where calls put what they want done.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    queue: VecDeque<Output>,
    /// From one half of a call to the other.
    words: VecDeque<(CallId, Word)>,
    /// Calls that go on, and where to.
    onward: VecDeque<(CallId, Onward)>,
}

impl Outputs {
    pub(crate) fn leg(&mut self, leg: LegId, command: LegCommand) {
        self.queue.push_back(Output::Leg(leg, command));
    }

    pub(crate) fn word(&mut self, to: CallId, word: Word) {
        self.words.push_back((to, word));
    }

    pub(crate) fn onward(&mut self, from: CallId, to: Onward) {
        self.onward.push_back((from, to));
    }

    pub(crate) fn release(&mut self, epoch: LeaseEpoch) {
        self.queue.push_back(Output::Release(epoch));
    }

    pub(crate) fn media(&mut self, command: Command) {
        self.queue.push_back(Output::Media(command));
    }

    pub(crate) fn question(&mut self, id: QuestionId, question: Question) {
        self.queue.push_back(Output::Question(id, question));
    }

    pub(crate) fn departure(&mut self, departure: Departure) {
        self.queue.push_back(Output::Departure(departure));
    }

    pub(crate) fn speaking(&mut self, leg: LegId, meeting: MeetingId, speaking: Speaking) {
        self.queue.push_back(Output::Speaking(leg, meeting, speaking));
    }

    pub(crate) fn event(&mut self, call: CallId, event: Event) {
        self.queue.push_back(Output::Event(call, event));
    }

    pub(crate) fn record(&mut self, record: LegRecord) {
        self.queue.push_back(Output::Record(Box::new(record)));
    }
}

/// The next number of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Ids {
    call: u64,
    #[serde(default)]
    leg: u64,
    port: u64,
    question: u64,
}

impl Ids {
    fn call(&mut self) -> CallId {
        self.call += 1;
        CallId(self.call)
    }

    /// A leg that we make; those that come in have even numbers.
    fn leg(&mut self) -> LegId {
        self.leg += 1;
        LegId((self.leg << 1) | 1)
    }

    /// Two that hear each other are on one worker.
    fn port_beside(&mut self, other: PortId) -> PortId {
        self.port += 1;
        PortId { worker: other.worker, serial: self.port }
    }

    /// Ports go round the workers: each takes its share whatever the calls do.
    fn port(&mut self, workers: u8) -> PortId {
        self.port += 1;
        let worker = self.port % u64::from(workers.max(1));
        PortId { worker: WorkerId(u8::try_from(worker).unwrap_or(0)), serial: self.port }
    }

    pub(crate) fn question(&mut self) -> QuestionId {
        self.question += 1;
        QuestionId(self.question)
    }
}

/// All calls of a control shard.
#[derive(Debug)]
pub struct Switch {
    settings: Arc<Settings>,
    ids: Ids,
    /// Boxed: a map that grows at its end is half empty nodes.
    calls: BTreeMap<CallId, Box<Call>>,
    by_leg: BTreeMap<LegId, CallId>,
    by_port: BTreeMap<PortId, CallId>,
    by_question: BTreeMap<QuestionId, CallId>,
    deadlines: BTreeSet<(Instant, CallId)>,
    guard: Guard,
    out: Outputs,
}

impl Switch {
    /// No calls yet.
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            ids: Ids::default(),
            calls: BTreeMap::new(),
            by_leg: BTreeMap::new(),
            by_port: BTreeMap::new(),
            by_question: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            guard: Guard::default(),
            out: Outputs::default(),
        }
    }

    /// Feed one, then drain [`Switch::poll_output`].
    pub fn handle_input(&mut self, now: Now, input: Input) {
        self.take_input(now, input);
        loop {
            if let Some((call, onward)) = self.out.onward.pop_front() {
                self.go_on(now, call, onward);
            } else if let Some((call, word)) = self.out.words.pop_front() {
                self.on_call(now, Some(call), |call, context| call.on_partner(word, context));
            } else {
                break;
            }
        }
    }

    fn take_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Leg(leg, LegEvent::Arrived(arrival)) => self.on_arrival(now, leg, *arrival),
            Input::Leg(leg, LegEvent::TurnedAway { arrival, cause }) => {
                let id = self.tell_arrived(&arrival);
                self.tell_refused(now, (id, leg), &arrival, cause);
            }
            Input::Leg(leg, event) => {
                let call = self.by_leg.get(&leg).copied();
                self.on_call(now, call, |call, context| call.on_leg(event, context));
            }
            Input::Media(report) => {
                let call = self.by_port.get(&report.port()).copied();
                self.on_call(now, call, |call, context| call.on_report(report, context));
            }
            Input::MediaOverload(port) => {
                let call = self.by_port.get(&port).copied();
                self.on_call(now, call, |call, context| call.on_media_overload(context));
            }
            Input::Answer(question, answer) => self.on_answer(now, question, answer),
            Input::Directive(directive) => self.on_directive(now, directive),
            Input::Settings(settings) => self.settings = settings,
            Input::HangUpAll(cause) => {
                for call in self.calls.keys().copied().collect::<Vec<_>>() {
                    self.on_call(now, Some(call), |call, context| call.end(cause, context));
                }
            }
            Input::Timeout => {
                while let Some((_, call)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now.mono)
                {
                    self.on_call(now, Some(call), |call, context| call.on_timeout(context));
                }
            }
        }
    }

    /// What is to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.queue.pop_front()
    }

    /// When to come with [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// How many calls there are, those being recorded included.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there are no calls.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Every leg that has a call.
    pub fn legs(&self) -> impl Iterator<Item = LegId> + '_ {
        self.by_leg.keys().copied()
    }

    /// Whether a meeting's host password may be tried once more from outside it (DIAL-5).
    pub fn may_try_host_password(&self, now: Now, meeting: MeetingId) -> bool {
        self.guard.may_try_host_password(now.mono, &self.settings.guard, meeting)
    }

    /// It was tried, and was wrong.
    pub fn on_wrong_host_password(&mut self, now: Now, meeting: MeetingId) {
        self.guard.on_wrong_host_password(now.mono, &self.settings.guard, meeting);
    }

    /// Every call as the administration sees it.
    pub fn views(&self, now: Instant) -> impl Iterator<Item = CallView> + '_ {
        self.calls.values().map(move |call| call.view(now, &self.settings))
    }

    /// How many calls have a direction that is red.
    pub fn red_calls(&self) -> usize {
        self.calls.values().filter(|call| call.is_red()).count()
    }

    /// What a standby needs to go on with the call of `leg`.
    pub fn snapshot(&self, leg: LegId) -> Option<CallSnapshot> {
        let id = self.by_leg.get(&leg)?;
        Some(CallSnapshot { id: *id, ids: self.ids, call: self.calls.get(id)?.as_ref().clone() })
    }

    /// Goes on with a call where its snapshot was taken; a question that was open is asked again.
    pub fn restore(&mut self, snapshot: CallSnapshot) {
        let CallSnapshot { id, ids, call } = snapshot;
        self.ids.call = self.ids.call.max(ids.call);
        self.ids.leg = self.ids.leg.max(ids.leg);
        self.ids.port = self.ids.port.max(ids.port);
        self.ids.question = self.ids.question.max(ids.question);
        if let Some(pending) = call.pending() {
            self.out.question(pending.id, pending.question.clone());
        }
        self.keep(id, Box::new(call));
    }

    fn on_arrival(&mut self, now: Now, leg: LegId, arrival: Arrival) {
        let id = self.tell_arrived(&arrival);
        let lead = if self.calls.len() >= self.settings.max_calls {
            Err(Cause::CONGESTION)
        } else {
            self.lead(&arrival)
        };
        let port = self.ids.port(self.settings.workers);
        let lead = lead.and_then(|(first, tenant)| match first {
            First::Onward(_) if self.calls.len() + 2 > self.settings.max_calls => Err(Cause::CONGESTION),
            first => Ok((first, tenant)),
        });
        match lead {
            Ok(first) => {
                let beginning = Beginning { id, leg, port, arrival };
                let call = self.in_context(now, |context| Call::begin(beginning, first, context));
                self.keep(id, Box::new(call));
            }
            Err(cause) => {
                self.out.leg(leg, LegCommand::Refuse { cause, text: None });
                self.tell_refused(now, (id, leg), &arrival, cause);
            }
        }
    }

    /// The other half of a call between two: dialed for the one that came.
    fn go_on(&mut self, now: Now, came: CallId, onward: Onward) {
        let Some(call) = self.calls.get(&came) else { return };
        if self.calls.len() >= self.settings.max_calls {
            return self.on_call(now, Some(came), |call, context| call.end(Cause::CONGESTION, context));
        }
        let (arrival, port) = (onward.arrival(call.arrival()), call.port());
        let (id, beside) = (self.ids.call(), self.ids.port_beside(port));
        let (here, there) = (Partner { call: came, port }, Partner { call: id, port: beside });
        self.on_call(now, Some(came), |call, _| call.join(there));
        let goes = Beginning { id, leg: self.ids.leg(), port: beside, arrival };
        let half = self.in_context(now, |context| Call::dial(goes, here, context));
        self.keep(id, Box::new(half));
    }

    fn tell_arrived(&mut self, arrival: &Arrival) -> CallId {
        let id = self.ids.call();
        let arrived = Event::Arrived {
            trunk: arrival.trunk.clone(),
            caller: arrival.caller.number().map(|number| terms::Pii(number.to_owned())),
            called: terms::Pii(arrival.called.clone()),
        };
        self.out.event(id, arrived);
        id
    }

    fn tell_refused(&mut self, now: Now, (id, leg): (CallId, LegId), arrival: &Arrival, cause: Cause) {
        self.out.event(id, Event::Refused(cause));
        let refused = Milestones::refused(now.wall, cause);
        self.out.record(refused.record(id, leg, arrival, (now.wall, None)));
    }

    /// What a call does first, and whose meetings it can reach. A room system that dials a meeting with its password means
    /// that; else the dialplan goes before, then accounts, then meetings (ROOM-4).
    fn lead(&self, arrival: &Arrival) -> Result<(First, Option<TenantId>), Cause> {
        let is_room = arrival.kind == Kind::Hardware;
        if let Some(knock) = Knock::read(&arrival.called).filter(|_| is_room) {
            return Ok((First::Knock(knock), None));
        }
        let settings = &self.settings;
        let plan = arrival.trunk.as_ref().and_then(|trunk| settings.trunk_plans.get(trunk));
        let plan: &NumberPlan = plan.unwrap_or(&settings.number_plan);
        let Some(route) = self.route(plan, arrival) else {
            let dialed = AccountName::from(arrival.called.as_str());
            let first = if arrival.account.is_some() {
                Some(First::Locate(dialed))
            } else {
                arrival
                    .called
                    .parse()
                    .ok()
                    .filter(|_| is_room)
                    .map(|meeting| First::Knock(Knock::of(meeting)))
            };
            return first.map(|first| (first, None)).ok_or(Cause::UNALLOCATED_NUMBER);
        };
        match route.target {
            Target::Ivr => {
                let access = self.access(plan, &route.number).ok_or(Cause::NO_ROUTE_TO_DESTINATION)?;
                let ivr = Ivr::new(settings.ivr, Arc::clone(&access.flow), access.languages.clone());
                Ok((First::Program(Program::Ivr(Box::new(ivr))), access.tenant.clone()))
            }
            Target::App(steps) => Ok((First::Program(Program::App(App::new(steps))), None)),
            Target::Refuse(cause) => Err(cause),
            Target::Trunk(_) if arrival.hops_left == 0 => Err(Cause::EXCHANGE_ROUTING_ERROR),
            // Phones are for who is entitled to call them, and so far nobody without a trunk is.
            Target::Trunk(_) if arrival.trunk.is_none() && is_room => Err(Cause::NOT_AUTHORIZED),
            Target::Trunk(trunk) => {
                let out = settings.trunks.get(&trunk).ok_or(Cause::NO_ROUTE_TO_DESTINATION)?.clone();
                Ok((First::Onward(Box::new(Onward::to_trunk(trunk, out, route.number))), None))
            }
            Target::Account if arrival.hops_left == 0 => Err(Cause::EXCHANGE_ROUTING_ERROR),
            Target::Account => Ok((First::Locate(AccountName::from(route.number.as_str())), None)),
        }
    }

    /// Where the dialplan leads a call: tried as the peer wrote the number, then in its national
    /// form, then in E.164 (DIAL-1).
    fn route(&self, plan: &NumberPlan, arrival: &Arrival) -> Option<Route> {
        let number = Number::parse(&arrival.called);
        let (e164, national) = (plan.to_e164(&number), plan.to_national(&number));
        let forms = [Some(&number.dialled), national.as_ref(), e164.as_ref()];
        forms.into_iter().flatten().find_map(|called| {
            let trunk = arrival.trunk.as_ref();
            self.settings.dialplan.route(&Query { called, caller: arrival.caller.number(), trunk })
        })
    }

    /// The access number that the dialplan made of what was called.
    fn access(&self, plan: &NumberPlan, number: &str) -> Option<&Access> {
        self.settings.access_numbers.get(&plan.to_e164(&Number::parse(number))?)
    }

    fn on_answer(&mut self, now: Now, question: QuestionId, answer: Answer) {
        match (self.by_question.get(&question).copied(), answer) {
            (Some(call), answer) => {
                self.on_call(now, Some(call), |call, context| call.on_answer(answer, context));
            }
            // Its call is gone: a lease that came too late is given back.
            (None, Answer::Lease(LeaseAnswer::Granted { epoch, .. })) => self.out.release(epoch),
            (None, _) => {}
        }
    }

    fn on_directive(&mut self, now: Now, directive: Directive) {
        let leg = directive.leg();
        let call = self.by_leg.get(&leg).copied();
        self.on_call(now, call, |call, context| match directive {
            Directive::PutOut(_, outcome) => call.on_put_out(outcome, context),
            Directive::Enter(_, admission) => call.on_enter(admission, context),
            Directive::SetRole(_, role) => call.on_set_role(role, context),
            Directive::SetVoice(_, voice) => call.on_set_voice(voice, context),
            Directive::Confirmed(_) => call.on_confirmed(context),
            Directive::Revoke(_, epoch) => call.on_revoked(epoch, context),
        });
    }

    /// Lets `act` work on a call and brings the tables up to date with what became of it.
    fn on_call(&mut self, now: Now, id: Option<CallId>, act: impl FnOnce(&mut Call, &mut Context<'_>)) {
        let Some((id, call)) = id.and_then(|id| Some((id, self.calls.get_mut(&id)?))) else { return };
        let before = Entries::of(call);
        let (settings, ids, guard, out) = (&self.settings, &mut self.ids, &mut self.guard, &mut self.out);
        act(call, &mut Context { now, settings, ids, guard, out });
        let after = Entries::of(call);
        self.enter(id, before, after);
    }

    fn in_context<R>(&mut self, now: Now, act: impl FnOnce(&mut Context<'_>) -> R) -> R {
        act(&mut Context {
            now,
            settings: &self.settings,
            ids: &mut self.ids,
            guard: &mut self.guard,
            out: &mut self.out,
        })
    }

    fn keep(&mut self, id: CallId, call: Box<Call>) {
        let entries = Entries::of(&call);
        if entries.names.is_some() {
            self.calls.insert(id, call);
            self.enter(id, Entries::default(), entries);
        }
    }

    /// Brings the tables up to date. Most of what a call is told changes none of them.
    fn enter(&mut self, id: CallId, before: Entries, after: Entries) {
        if before.deadline != after.deadline {
            if let Some(at) = before.deadline {
                self.deadlines.remove(&(at, id));
            }
            self.deadlines.extend(after.deadline.map(|at| (at, id)));
        }
        if before.question != after.question {
            if let Some(question) = before.question {
                self.by_question.remove(&question);
            }
            self.by_question.extend(after.question.map(|question| (question, id)));
        }
        if before.names != after.names {
            if let Some((leg, port)) = before.names {
                self.by_leg.remove(&leg);
                self.by_port.remove(&port);
            }
            match after.names {
                Some((leg, port)) => {
                    self.by_leg.insert(leg, id);
                    self.by_port.insert(port, id);
                }
                None => drop(self.calls.remove(&id)),
            }
        }
    }
}

/// By what a call is found in the tables.
#[derive(Debug, Clone, Copy, Default)]
struct Entries {
    deadline: Option<Instant>,
    question: Option<QuestionId>,
    /// Once it is recorded it has none, and is gone.
    names: Option<(LegId, PortId)>,
}

impl Entries {
    fn of(call: &Call) -> Self {
        if call.is_recorded() {
            return Self::default();
        }
        Self {
            deadline: call.poll_timeout(),
            question: call.pending().map(|pending| pending.id),
            names: Some((call.leg(), call.port())),
        }
    }
}

#[cfg(test)]
mod tests;
