//! A control shard: endpoint, legs, calls, core and leases, joined into one value.
//!
//! ```text
//!  datagram ▶ sip::Endpoint ⇄ interwork::SipLegs ⇄ call::Switch ⇄ core, leases
//!                                                       │
//!                                     media commands, records, events
//! ```
//!
//! It touches no socket and no clock: the [driver](crate::driver) feeds it in the program, the
//! simulator in tests.

mod bookings;
mod desk;

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use call::{
    CallView, Event, Question, Switch,
    accounts::{Account, AccountRules, Accounts},
    core::{self, Change, Control, Core, Meeting, Rules},
    event::Record,
    lease::{self, Leases},
    leg::{KeyMethod, LegCommand, Way},
    question::{Answer, Directive, QuestionId, Reached, Whereabouts},
    snapshot::Membership,
    switch::Census,
};
use interwork::{
    Gate, GateLimit, GateView, KeySource, RegistrarSettings, Registrations, SipLegSnapshot, SipLegs,
    SipSettings,
    registrations::{Durability, Outcome},
};
use serde::{Deserialize, Serialize};
use sip::{
    endpoint::{
        self, ConnectionId, DialogSnapshot, Endpoint, EndpointConfig, ListenerId, RequestId, RestoreError,
        Serving,
    },
    registrar::Binding,
};
use terms::{
    AccountName, CallId, Cause, Entropy, Instant, LegId, MeetingId, Now, PortId, Secret, TenantId,
    media::{Command, Report},
};

pub use bookings::Booked;
use bookings::{Bookings, Told};
use desk::Desk;

use crate::store::Write;

/// Where meetings are booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Booking {
    /// In the configuration and by our own API.
    #[default]
    Here,
    /// And in a directory, which is asked for each ID that is keyed (CORE-1).
    Elsewhere,
}

/// What a shard is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where meetings are booked.
    pub booking: Booking,
    /// SIP's timers, limits, identity and listeners.
    pub endpoint: EndpointConfig,
    /// Who may call, what we offer.
    pub sip: Arc<SipSettings>,
    /// Dialplan, IVR.
    pub call: Arc<call::Settings>,
    /// The tenants, and what holds for all meetings.
    pub rules: Rules,
    /// The meetings that there are from the start.
    pub meetings: Vec<Meeting>,
    /// How devices register.
    pub registrar: RegistrarSettings,
    /// What holds for all accounts.
    pub account_rules: AccountRules,
    /// The accounts that there are from the start.
    pub accounts: Vec<Account>,
    /// Where their devices were.
    pub bindings: Vec<(AccountName, Vec<Binding>)>,
}

/// What an operator can change while calls go on.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Who may call, what we offer.
    pub sip: Arc<SipSettings>,
    /// Dialplan, IVR.
    pub call: Arc<call::Settings>,
    /// The tenants, and what holds for all meetings.
    pub rules: Rules,
    /// The meetings that are there from here on, or are changed.
    pub meetings: Vec<Meeting>,
    /// How devices register.
    pub registrar: RegistrarSettings,
    /// What holds for all accounts.
    pub account_rules: AccountRules,
    /// The accounts of the file; those that it had before and that are not among them end.
    pub accounts: Vec<Account>,
}

/// What a shard is told.
#[derive(Debug)]
pub enum Input {
    /// Something happened on a SIP listener.
    Sip(endpoint::Input),
    /// A device that connected has shown a certificate (SEC-4); it is told before the connection is.
    Presented(ConnectionId, (ListenerId, SocketAddr), String),
    /// The media plane reports.
    Media(Report),
    /// The media plane had no room for a command to this port.
    MediaOverload(PortId),
    /// A meeting begins to exist or is changed; it is stored already.
    PutMeeting(Box<Meeting>),
    /// A meeting ends.
    DeleteMeeting(MeetingId),
    /// An account begins to exist or is changed; it is checked, and stored already.
    PutAccount(Box<Account>),
    /// An account ends.
    DeleteAccount(AccountName),
    /// To [`Output::Keep`] with a request.
    Kept(RequestId, Durability),
    /// Who runs a meeting from outside wants something.
    Control(MeetingId, Control),
    /// To [`Output::LookUp`]; each is answered.
    LookedUp(QuestionId, Booked),
    /// The operator changed the settings.
    Configure(Box<Configuration>),
    /// Whether new calls are taken from here on (REL-3).
    Serve(Serving),
    /// End every call.
    HangUpAll(Cause),
    /// Time passed.
    Timeout,
}

/// What a shard wants done.
#[derive(Debug)]
pub enum Output {
    /// Send a datagram.
    Transmit {
        /// From which listener.
        listener: ListenerId,
        /// To whom.
        destination: SocketAddr,
        /// What.
        bytes: Bytes,
    },
    /// Send bytes by a connection.
    Write(ConnectionId, Bytes),
    /// Open a connection from a listener.
    Connect(ListenerId, SocketAddr),
    /// Close a connection.
    Disconnect(ConnectionId),
    /// Tell the media plane.
    Media(Command),
    /// Something happened to a call.
    Event(CallId, Event),
    /// Ask the directory which meeting has this ID.
    LookUp(QuestionId, MeetingId),
    /// Make this durable; where a request is named, [`Input::Kept`] is due.
    Keep(Option<RequestId>, Write),
    /// Somebody tried to register, or a device is gone.
    Attempted(Option<AccountName>, SocketAddr, Outcome),
    /// Somebody calls from there who has logged in.
    Known(SocketAddr),
    /// SIP has something to count.
    Counted(endpoint::Counted),
    /// A trunk or a listener was full, and a call was refused.
    Full(Gate, GateLimit),
    /// A meeting is another than before.
    Change(Change),
    /// A leg, or a sitting of a meeting, is over.
    Record(Record),
}

/// A call with all that its peers can see of it, media apart (see `terms::media::PortSnapshot`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// The call.
    pub call: call::CallSnapshot,
    /// Its SIP leg.
    pub leg: SipLegSnapshot,
    /// The leg's dialog.
    pub dialog: DialogSnapshot,
}

/// Whether who runs a meeting from outside is its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostCheck {
    /// It is.
    Right,
    /// The password is another, or there is no such meeting.
    Wrong,
    /// It was wrong too often of late; nothing was compared.
    TooOften,
}

/// See the module's description: feed one input, drain all output.
#[derive(Debug)]
pub struct Shard {
    endpoint: Endpoint,
    legs: SipLegs,
    switch: Switch,
    core: Core,
    booking: Booking,
    bookings: Bookings,
    leases: Leases,
    desk: Desk,
    outputs: VecDeque<Output>,
}

impl Shard {
    /// No calls yet; `keys` makes those of media.
    pub fn new(now: Now, settings: Settings, mut entropy: Entropy, mut keys: KeySource) -> Self {
        let Settings { booking, endpoint, sip, call, rules, meetings, .. } = &settings;
        let (booking, endpoint, rules) = (*booking, endpoint.clone(), rules.clone());
        let (sip, call, meetings) = (Arc::clone(sip), Arc::clone(call), meetings.clone());
        let desk = Desk::new(now, settings, entropy.split(), &mut keys);
        let boot = endpoint.origin.boot;
        let mut core = Core::default();
        core.handle_input(Now::default(), core::Input::Rules(rules));
        for meeting in meetings {
            core.handle_input(Now::default(), core::Input::Put(Box::new(meeting)));
        }
        // Nobody watches yet.
        while core.poll_output().is_some() {}
        Self {
            endpoint: Endpoint::new(endpoint, entropy.split()),
            legs: SipLegs::new(sip, entropy, keys),
            switch: Switch::new(call),
            core,
            booking,
            bookings: Bookings::default(),
            leases: Leases::new(boot),
            desk,
            outputs: VecDeque::new(),
        }
    }

    /// Feed one, then drain [`Shard::poll_output`].
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Sip(input) => {
                if let endpoint::Input::Disconnected { connection } = input {
                    self.desk.certificates.forget(connection);
                }
                self.endpoint.handle_input(now, input);
            }
            Input::Presented(connection, way, certificate) => {
                self.desk.certificates.note(connection, way, certificate);
            }
            Input::Media(report) => self.switch.handle_input(now, call::Input::Media(report)),
            Input::MediaOverload(port) => self.switch.handle_input(now, call::Input::MediaOverload(port)),
            Input::PutMeeting(meeting) => self.core.handle_input(now, core::Input::Put(meeting)),
            Input::DeleteMeeting(meeting) => self.core.handle_input(now, core::Input::Delete(meeting)),
            Input::PutAccount(account) => self.desk.put(now, *account),
            Input::DeleteAccount(account) => self.desk.delete(now, account),
            Input::Kept(request, durability) => self.desk.on_kept(now, request, durability),
            Input::Control(meeting, control) => {
                self.core.handle_input(now, core::Input::Control(meeting, control));
            }
            Input::LookedUp(id, booked) => self.on_looked_up(now, id, booked),
            Input::Configure(configuration) => self.configure(now, *configuration),
            Input::Serve(serving) => {
                let command = endpoint::Input::Command(endpoint::Command::Serve(serving));
                self.endpoint.handle_input(now, command);
            }
            Input::HangUpAll(cause) => self.switch.handle_input(now, call::Input::HangUpAll(cause)),
            Input::Timeout => {
                self.endpoint.handle_input(now, endpoint::Input::Timeout);
                self.switch.handle_input(now, call::Input::Timeout);
                self.desk.on_time(now);
            }
        }
        self.settle(now);
    }

    /// What is to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come with [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let each = [self.endpoint.poll_timeout(), self.switch.poll_timeout(), self.desk.poll_timeout()];
        each.into_iter().flatten().min()
    }

    /// The embedded core, to look into.
    pub const fn core(&self) -> &Core {
        &self.core
    }

    /// The accounts, to look into.
    pub const fn accounts(&self) -> &Accounts {
        &self.desk.accounts
    }

    /// The registrar, to look into.
    pub const fn registrations(&self) -> &Registrations {
        &self.desk.registrations
    }

    /// Whether a password makes its bearer host of a meeting, for who runs it from outside (MEET-2). After too many
    /// wrong ones nobody is told (DIAL-5).
    pub fn check_host(&mut self, now: Now, meeting: MeetingId, password: &Secret) -> HostCheck {
        if !self.switch.may_try_host_password(now, meeting) {
            return HostCheck::TooOften;
        }
        let view = self.core.view(meeting);
        if view.is_some_and(|view| view.meeting.passwords.host_password.matches(password.reveal())) {
            return HostCheck::Right;
        }
        self.switch.on_wrong_host_password(now, meeting);
        HostCheck::Wrong
    }

    /// What the calls are at.
    pub fn census(&self) -> Census {
        self.switch.census()
    }

    /// Trunks and listeners that have a limit, and what came by them.
    pub fn gates(&self) -> Vec<GateView> {
        self.legs.gates()
    }

    /// How many calls there are.
    pub fn calls(&self) -> usize {
        self.switch.len()
    }

    /// Whether a call, or a message that a peer has not answered, is left.
    pub fn is_busy(&self) -> bool {
        !self.switch.is_empty() || self.endpoint.transactions() > 0
    }

    /// How many terminals hold a lease.
    pub fn leases(&self) -> usize {
        self.leases.len()
    }

    /// Every call as the administration sees it.
    pub fn views(&self, now: Instant) -> impl Iterator<Item = CallView> + '_ {
        self.switch.views(now)
    }

    /// How many calls have a direction that is red.
    pub fn red_calls(&self) -> usize {
        self.switch.red_calls()
    }

    /// Every leg that has a call.
    pub fn legs(&self) -> Vec<LegId> {
        self.switch.legs().collect()
    }

    /// The call of a leg as a value.
    pub fn snapshot(&self, leg: LegId) -> Option<Snapshot> {
        let (call, leg) = (self.switch.snapshot(leg)?, self.legs.snapshot(leg)?);
        let dialog = self.endpoint.snapshot(leg.dialog())?;
        Some(Snapshot { call, leg, dialog })
    }

    /// Goes on with a call where its snapshot was taken.
    pub fn restore(&mut self, now: Now, snapshot: Snapshot) -> Result<(), RestoreError> {
        let Snapshot { call, leg, dialog } = snapshot;
        self.endpoint.restore(now, dialog)?;
        let Membership { leg: of, lease, inside } = call.membership();
        if let Some((terminal, place, epoch)) = lease {
            self.leases.adopt((of, terminal), place, epoch);
        }
        if let Some((meeting, participant)) = inside {
            self.core.handle_input(now, core::Input::Restored(of, meeting, participant));
        }
        self.legs.restore(leg);
        self.switch.restore(call);
        self.settle(now);
        Ok(())
    }

    fn configure(&mut self, now: Now, configuration: Configuration) {
        let Configuration { sip, call, rules, meetings, registrar, account_rules, accounts } = configuration;
        self.desk.configure(now, &registrar, account_rules, accounts);
        self.legs.configure(sip);
        self.switch.handle_input(now, call::Input::Settings(call));
        self.core.handle_input(now, core::Input::Rules(rules));
        for meeting in meetings {
            self.core.handle_input(now, core::Input::Put(Box::new(meeting)));
        }
    }

    /// What is booked here goes before what the directory says, which is asked all the same: who listens to how long an
    /// answer takes learns nothing (DIAL-4). A meeting that it told of before goes on while it is away.
    fn on_looked_up(&mut self, now: Now, id: QuestionId, booked: Booked) {
        let Some((meeting, question)) = self.bookings.answered(id) else { return };
        let is_here = self.core.view(meeting).is_some();
        let is_ours = is_here && !self.bookings.knows(meeting);
        match booked {
            _ if is_ours => {}
            Booked::Meeting(told) => {
                if self.bookings.learn(&told) == Told::Anew {
                    self.core.handle_input(now, core::Input::Put(told));
                }
                for meeting in self.bookings.surplus(|meeting| is_empty(&self.core, meeting)) {
                    self.forget(now, meeting);
                }
            }
            Booked::Nobody if is_empty(&self.core, meeting) => self.forget(now, meeting),
            Booked::Nobody => {}
            Booked::Unreachable if is_here => {}
            Booked::Unreachable => {
                return self.switch.handle_input(now, call::Input::Answer(id, Answer::Unreachable));
            }
        }
        self.core.handle_input(now, core::Input::Question(id, question));
    }

    fn forget(&mut self, now: Now, meeting: MeetingId) {
        self.bookings.forget(meeting);
        self.core.handle_input(now, core::Input::Delete(meeting));
    }

    /// Carries what each part says to the part it is for, until all are silent.
    fn settle(&mut self, now: Now) {
        while self.settle_endpoint(now)
            | self.settle_legs(now)
            | self.settle_switch(now)
            | self.settle_core(now)
            | self.settle_leases(now)
            | self.settle_desk(now)
        {}
    }

    fn settle_endpoint(&mut self, now: Now) -> bool {
        let mut moved = false;
        while let Some(output) = self.endpoint.poll_output() {
            moved = true;
            match output {
                endpoint::Output::Transmit { listener, destination, bytes } => {
                    self.outputs.push_back(Output::Transmit { listener, destination, bytes });
                }
                endpoint::Output::Write { connection, bytes } => {
                    self.outputs.push_back(Output::Write(connection, bytes));
                }
                endpoint::Output::Connect { listener, destination } => {
                    self.outputs.push_back(Output::Connect(listener, destination));
                }
                endpoint::Output::Disconnect { connection } => {
                    self.outputs.push_back(Output::Disconnect(connection));
                }
                endpoint::Output::Event(endpoint::Event::Counted(counted)) => {
                    self.outputs.push_back(Output::Counted(counted));
                }
                endpoint::Output::Event(endpoint::Event::Registering(registering)) => {
                    self.desk.on_registering(now, registering);
                }
                endpoint::Output::Event(endpoint::Event::Invited(invited))
                    if self.legs.asks_who(&invited) || self.desk.registrations.knows(now, &invited) =>
                {
                    self.desk.on_calling(now, invited);
                }
                endpoint::Output::Event(event) => {
                    self.legs.handle_input(now.mono, interwork::Input::Sip(event));
                }
            }
        }
        moved
    }

    fn settle_legs(&mut self, now: Now) -> bool {
        let mut moved = false;
        while let Some(output) = self.legs.poll_output() {
            moved = true;
            match output {
                interwork::Output::Sip(command) => {
                    self.endpoint.handle_input(now, endpoint::Input::Command(command));
                }
                interwork::Output::Call(leg, event) => {
                    self.switch.handle_input(now, call::Input::Leg(leg, event));
                }
                interwork::Output::Full(gate, limit) => self.outputs.push_back(Output::Full(gate, limit)),
            }
        }
        moved
    }

    fn settle_switch(&mut self, now: Now) -> bool {
        let mut moved = false;
        while let Some(output) = self.switch.poll_output() {
            moved = true;
            match output {
                call::Output::Leg(leg, command) => self.command_leg(now, leg, command),
                call::Output::Media(command) => self.outputs.push_back(Output::Media(command)),
                call::Output::Question(id, question) => self.on_question(now, id, question),
                call::Output::Departure(departure) => {
                    self.core.handle_input(now, core::Input::Departure(departure));
                }
                call::Output::Release(epoch) => self.leases.release(epoch),
                call::Output::Speaking(leg, meeting, speaking) => {
                    self.core.handle_input(now, core::Input::Speaking(leg, meeting, speaking));
                }
                call::Output::Event(call, event) => self.outputs.push_back(Output::Event(call, event)),
                call::Output::Record(record) => {
                    let quality = record.quality.map(Box::new);
                    self.core.handle_input(now, core::Input::Over(record.leg, quality));
                    self.outputs.push_back(Output::Record(Record::Leg(record)));
                }
            }
        }
        moved
    }

    /// A leg to an account goes to where that is registered by now.
    fn command_leg(&mut self, now: Now, leg: LegId, command: LegCommand) {
        let input = match command {
            LegCommand::Dial(dial) => match &dial.way {
                Way::Account(account) => {
                    let reached = self.desk.registrations.reached(account, |hop| self.endpoint.reaches(hop));
                    let binding = reached.map(|(binding, _)| Box::new(binding.clone()));
                    interwork::Input::Reach(leg, dial, binding)
                }
                Way::Trunk(_) => interwork::Input::Call(leg, LegCommand::Dial(dial)),
            },
            command => interwork::Input::Call(leg, command),
        };
        self.legs.handle_input(now.mono, input);
    }

    fn on_question(&mut self, now: Now, id: QuestionId, question: Question) {
        match (self.booking, question) {
            (_, Question::TakeLease(claim)) => self.leases.take(id, *claim),
            (_, Question::Locate { account, of }) => {
                let whereabouts = self.whereabouts(&account, of.as_ref());
                self.switch.handle_input(now, call::Input::Answer(id, Answer::Located(whereabouts)));
            }
            (Booking::Elsewhere, question @ Question::LookUp { meeting: Some(meeting), .. }) => {
                self.outputs.push_back(Output::LookUp(id, meeting));
                self.bookings.wait(id, meeting, question);
            }
            (_, question) => self.core.handle_input(now, core::Input::Question(id, question)),
        }
    }

    fn whereabouts(&self, account: &AccountName, of: Option<&TenantId>) -> Whereabouts {
        let located = self.desk.locate(account, of, |hop| self.endpoint.reaches(hop));
        let Ok(reached) = located else { return Whereabouts::Nobody };
        let by = reached.and_then(|(binding, terminal)| {
            let model = self.desk.registrations.model_of(binding);
            Some((self.legs.listener(binding.source.listener)?, terminal, model))
        });
        let Some((listener, terminal, model)) = by else { return Whereabouts::Offline };
        Whereabouts::At(Box::new(Reached {
            zone: listener.zone.clone(),
            sources: listener.sources.clone(),
            keys: KeyMethod::Auto,
            terminal,
            model,
        }))
    }

    fn settle_leases(&mut self, now: Now) -> bool {
        let mut moved = false;
        while let Some(output) = self.leases.poll_output() {
            moved = true;
            let input = match output {
                lease::Output::Answer(id, answer) => call::Input::Answer(id, Answer::Lease(answer)),
                lease::Output::Revoke(leg, epoch) => call::Input::Directive(Directive::Revoke(leg, epoch)),
            };
            self.switch.handle_input(now, input);
        }
        moved
    }

    fn settle_desk(&mut self, now: Now) -> bool {
        let mut moved = false;
        while let Some(output) = self.desk.poll_output(now) {
            moved = true;
            match output {
                desk::Output::Sip(command) => {
                    self.endpoint.handle_input(now, endpoint::Input::Command(command));
                }
                desk::Output::Known(invited, member) => {
                    self.outputs.push_back(Output::Known(invited.source));
                    self.legs.handle_input(now.mono, interwork::Input::Calling(invited, member));
                }
                desk::Output::Keep(request, write) => self.outputs.push_back(Output::Keep(request, write)),
                desk::Output::Attempted(account, source, outcome) => {
                    self.outputs.push_back(Output::Attempted(account, source, outcome));
                }
            }
        }
        moved
    }

    fn settle_core(&mut self, now: Now) -> bool {
        let mut moved = false;
        while let Some(output) = self.core.poll_output() {
            moved = true;
            match output {
                core::Output::Answer(id, answer) => {
                    self.switch.handle_input(now, call::Input::Answer(id, answer));
                }
                core::Output::Directive(directive) => {
                    self.switch.handle_input(now, call::Input::Directive(directive));
                }
                core::Output::Change(change) => self.outputs.push_back(Output::Change(change)),
                core::Output::Record(record) => {
                    self.outputs.push_back(Output::Record(Record::Meeting(record)));
                }
            }
        }
        moved
    }
}

/// Whether nobody is in, nor waits.
fn is_empty(core: &Core, meeting: MeetingId) -> bool {
    core.view(meeting).is_none_or(|view| view.participants.is_empty())
}
