//! Room systems register: between the endpoint, digest and location service of SIP, and the accounts of the core.
//!
//! ```text
//!                 ┌──────────────── Registrations ────────────────┐
//!  Registering ──▶│ digest ─▶ lockouts ─▶ Ask(Password) ──────────│──▶ call::accounts
//!                 │   │                        │ right            │
//!                 │   401, 403            plan ─▶ Ask(Enroll) ────│──▶
//!                 │                        │      │ granted        │
//!  AnswerRegister◀│── 200 ◀── Stored ◀── Store ◀──┘                │──▶ store
//!                 └───────────────────────────────────────────────┘
//! ```
//!
//! Who calls as an account is asked for the same password, and goes on as [`Output::Known`] (`calling`).
//!
//! Nothing is acknowledged that is not stored (REL-4). Each question, and each write, is answered within a bound, or the device
//! is told to come again. What became of each attempt is remembered for the registration doctor (OPS-4).

mod attempts;
pub(crate) mod calling;
mod desk;
mod keep_alive;
mod pace;
mod stages;
mod view;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use call::{
    accounts::{Answer, Question},
    lockouts::{LockoutSettings, Lockouts},
};
use sip::{
    auth::{Algorithm, Authenticator},
    endpoint::{Command, DialogId, Invited, Registering, RequestId},
    registrar::{Binding, Gruus, Limits, Locations},
    wire::Request,
};
use terms::{AccountName, Entropy, Instant, Now};

use crate::{
    KeySource,
    profiles::{Profiles, Quirk},
};
use attempts::Attempts;
pub use attempts::{Attempt, Outcome};
pub use calling::Member;
use keep_alive::KeepAlive;
use pace::Pace;
use stages::Stages;
pub use view::{BindingView, RegistrationView, StrangersView};

/// What a registrar is told by the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrarSettings {
    /// Where the passwords hold; it is hashed into each.
    pub realm: String,
    /// By what a device may prove that it knows its password, the best first.
    pub algorithms: Vec<Algorithm>,
    /// Bindings: how many, and for how long.
    pub limits: Limits,
    /// Wrong passwords.
    pub lockouts: LockoutSettings,
    /// Models of devices.
    pub profiles: Profiles,
    /// Between two OPTIONS to a device behind a translator of addresses; zero: there are none.
    pub keep_alive: Duration,
}

/// What somebody wants who has to be known for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Errand {
    /// To register.
    Register(RequestId),
    /// To call.
    Call(DialogId),
}

/// What a registrar is told.
#[derive(Debug)]
pub enum Input {
    /// A REGISTER came.
    Registering(Box<Registering>),
    /// An INVITE came, of somebody who has to log in.
    Calling(Box<Invited>),
    /// To [`Output::Ask`].
    Answer(Errand, Answer),
    /// To [`Output::Store`] with a request: it is durable, or it is not.
    Stored(RequestId, Durability),
    /// What the store kept of an account.
    Restore(AccountName, Vec<Binding>),
    /// An account is no more, or has another password.
    Removed(AccountName),
    /// Time passed.
    Timeout,
}

/// Whether a write is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is.
    Durable,
    /// It is not.
    Failed,
}

/// What a registrar wants done.
#[derive(Debug)]
pub enum Output {
    /// Answer a REGISTER.
    Sip(Command),
    /// Somebody who calls is known.
    Known(Box<Invited>, Box<Member>),
    /// Ask the core about an account.
    Ask(Errand, Question),
    /// Keep an account's bindings, all of them; an answer is due where a request waits for it.
    Store(Option<RequestId>, AccountName, Vec<Binding>),
    /// Some of an account's devices have gone by themselves; it has so many left.
    Devices(AccountName, u32),
    /// Somebody tried to register, or a binding ended.
    Attempted(Option<AccountName>, SocketAddr, Outcome),
}

/// How much is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Registered {
    /// Accounts with a device.
    pub accounts: usize,
    /// Bindings, flows counted each.
    pub bindings: usize,
    /// Accounts whose devices change their address all the time.
    pub flapping: usize,
}

/// See the module's description: feed one input, drain all output.
#[derive(Debug)]
pub struct Registrations {
    authenticator: Authenticator,
    locations: Locations,
    gruus: Gruus,
    lockouts: Lockouts,
    pace: Pace,
    attempts: Attempts,
    stages: Stages,
    outputs: VecDeque<Output>,
    entropy: Entropy,
    profiles: Profiles,
    keep_alive: KeepAlive,
}

impl Registrations {
    /// Nobody yet. `keys` makes what nonces and GRUUs are known by.
    pub fn new(settings: &RegistrarSettings, mut entropy: Entropy, keys: &mut KeySource) -> Self {
        let mut made = Self {
            authenticator: Authenticator::new(settings.realm.clone().into(), &keys.octets()),
            locations: Locations::new(settings.limits, entropy.split()),
            gruus: Gruus::new(&keys.octets()),
            lockouts: Lockouts::default(),
            pace: Pace::default(),
            attempts: Attempts::default(),
            stages: Stages::default(),
            outputs: VecDeque::new(),
            entropy,
            profiles: Profiles::default(),
            keep_alive: KeepAlive::default(),
        };
        made.configure(settings);
        made
    }

    /// Takes other settings, the realm apart; bindings and locks that are there stay.
    pub fn configure(&mut self, settings: &RegistrarSettings) {
        self.authenticator.configure(&settings.algorithms);
        self.locations.configure(settings.limits);
        self.lockouts.configure(settings.lockouts);
        self.profiles.clone_from(&settings.profiles);
        self.keep_alive.configure(settings.keep_alive);
    }

    /// Feed one, then drain [`Registrations::poll_output`].
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Registering(registering) => self.on_registering(now, &registering),
            Input::Calling(invited) => self.on_calling(now, invited),
            Input::Answer(id, Answer::Password(password)) => self.on_password(now, id, password.as_ref()),
            Input::Answer(id, Answer::Caller(tenant)) => self.on_caller(now, id, tenant),
            Input::Answer(id, Answer::Enrolled(enrolled)) => self.on_enrolled(now, id, enrolled),
            Input::Stored(id, durability) => self.on_stored(now, id, durability),
            Input::Restore(account, bindings) => {
                self.locations.restore(now, &account, bindings);
                self.tell_devices(&account);
            }
            Input::Removed(account) => {
                self.attempts.forget(&account);
                self.pace.forget(&account);
                self.lockouts.forget(&account);
                if self.locations.remove(&account) > 0 {
                    self.outputs.push_back(Output::Store(None, account, Vec::new()));
                }
            }
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// What is to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come with [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let keep_alive = self.keep_alive.poll_timeout(&self.locations);
        let all = [self.stages.poll_timeout(), self.locations.poll_timeout(), keep_alive];
        all.into_iter().flatten().min()
    }

    /// How much is registered.
    pub fn registered(&self, now: Instant) -> Registered {
        Registered {
            accounts: self.locations.accounts(),
            bindings: self.locations.len(),
            flapping: self.attempts.flapping(now),
        }
    }

    /// Accounts that have registered, or tried to, behind `after`, by name.
    pub fn views(&self, now: Now, after: Option<&AccountName>, most: usize) -> Vec<RegistrationView> {
        let registered = self.locations.accounts_behind(after).take(most);
        let tried = self.attempts.accounts_behind(after).take(most);
        let known: BTreeSet<&AccountName> = registered.chain(tried).collect();
        known.into_iter().take(most).map(|account| self.view(now, account)).collect()
    }

    /// Where an account's devices are, and what became of its last attempts.
    pub fn view(&self, now: Now, account: &AccountName) -> RegistrationView {
        RegistrationView {
            account: account.clone(),
            bindings: self
                .locations
                .bindings(account)
                .map(|binding| BindingView::of(now.wall, binding))
                .collect(),
            attempts: self.attempts.of(account).cloned().collect(),
            moves: self.attempts.moves(now.mono, account),
            locked_seconds: self
                .lockouts
                .locked_until(now.mono, account)
                .map(|until| until.since(now.mono).as_secs().max(1)),
        }
    }

    /// The last attempts by names that nobody has.
    pub fn strangers(&self) -> StrangersView {
        StrangersView { attempts: self.attempts.strangers().cloned().collect() }
    }

    /// Where an account's devices are, the one that registered last at the end.
    pub fn bindings(&self, account: &AccountName) -> impl DoubleEndedIterator<Item = &Binding> {
        self.locations.bindings(account)
    }

    fn asker(&self, errand: Errand, source: SocketAddr, request: &Request) -> Asker {
        let is_old = self.profiles.has(request, Quirk::Md5Only);
        Asker { errand, source, asked_for: if is_old { AskedFor::Md5 } else { AskedFor::Everything } }
    }

    fn tell_devices(&mut self, account: &AccountName) {
        let devices = u32::try_from(self.locations.devices(account)).unwrap_or(u32::MAX);
        self.outputs.push_back(Output::Devices(account.clone(), devices));
    }

    fn tell(&mut self, now: Now, (account, source): (Option<AccountName>, SocketAddr), outcome: Outcome) {
        self.attempts.add(now, account.as_ref(), Attempt::new(now.wall, source, outcome.clone()));
        self.outputs.push_back(Output::Attempted(account, source, outcome));
    }
}

/// Who asks, and by what.
#[derive(Debug, Clone, Copy)]
struct Asker {
    errand: Errand,
    source: SocketAddr,
    asked_for: AskedFor,
}

/// By what somebody may prove that it knows its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskedFor {
    /// Whatever is configured.
    Everything,
    /// MD5, where that is among it ([`Quirk::Md5Only`]).
    Md5,
}
