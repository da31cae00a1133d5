//! The way of an INVITE whose sender has to be known: the same digest, locks and accounts as for a REGISTER.

use call::{
    accounts::{Denial, Question},
    leg::Model,
    terminal::{Mark, Terminal},
};
use sip::{
    auth::{Shown, Verdict},
    endpoint::{Hop, Invited, ListenerId},
    registrar::{Binding, TEMPORARY},
    wire::{Contact, NameAddr, Request, Text, Uri},
};
use std::net::SocketAddr;
use terms::{AccountName, HashedPassword, Now, SerialNumber, TenantId};

use super::{
    Asker, Errand, Outcome, Output, Registrations,
    desk::{PATIENCE, account_of, claimant_by},
    stages::{Calling, Stage},
};

/// RFC 5627 §3.1.1: the parameter that makes a URI a GRUU.
const GR: &str = ";gr";

/// What was dialed, the device that a GRUU names included.
pub(crate) fn dialed_device(uri: &Uri, called: String) -> String {
    match uri.params().get("gr") {
        Some(device) if !device.is_empty() => format!("{called}{GR}={device}"),
        Some(_) | None => called,
    }
}

/// Who calls, logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// By which account.
    pub account: AccountName,
    /// Whose account that is.
    pub tenant: TenantId,
    /// By which device (ISO-1).
    pub terminal: Terminal,
}

/// What a device says of itself in a request.
struct Said {
    instance: Option<Text>,
    epid: Option<Text>,
    contact: Option<NameAddr>,
}

impl Said {
    fn of(request: &Request) -> Self {
        let contacts = request.headers.all::<Contact>().filter_map(Result::ok);
        let contact = contacts.into_iter().find_map(|contact| match contact {
            Contact::Address(address) => Some(address),
            Contact::All => None,
        });
        Self {
            instance: contact.as_ref().and_then(NameAddr::instance),
            epid: request.head.from.params.get("epid").filter(|epid| !epid.is_empty()),
            contact,
        }
    }
}

impl Registrations {
    /// Whether an INVITE is one of an account: it says so by credentials, or its sender registered from where it came.
    pub fn knows(&self, now: Now, invited: &Invited) -> bool {
        let Invited { listener, source, request, .. } = invited;
        let from = request.head.from.uri.dialed();
        let is_registered_here = || {
            let account = from.as_ref().map(account_of)?;
            self.bindings(&account).find(|binding| is_from(binding, *listener, *source))
        };
        self.authenticator.look((now.mono, source.ip()), request) != Shown::Nothing
            || is_registered_here().is_some()
    }

    /// The account that was dialed by its name, or by a GRUU of one of its devices.
    pub fn dialed<'a>(&'a self, dialed: &'a AccountName) -> &'a AccountName {
        self.by_gruu(dialed).map_or(dialed, |(account, _)| account)
    }

    /// The device of an account that calls reach: the one that a GRUU names, else the one that registered last, of those
    /// whose flow is up (RFC 5626 §5.3).
    pub fn reached(&self, dialed: &AccountName, is_up: impl Fn(Hop) -> bool) -> Option<(&Binding, Terminal)> {
        let (account, binding) = match self.by_gruu(dialed) {
            Some((account, binding)) => (account, Some(binding).filter(|binding| is_up(binding.source))),
            None => (dialed, self.bindings(dialed).rev().find(|binding| is_up(binding.source))),
        };
        let binding = binding?;
        Some((binding, Terminal::of_account(account, marks_of(binding))))
    }

    /// Of which model a device is, by what it called itself as it registered.
    pub fn model_of(&self, binding: &Binding) -> Option<Box<Model>> {
        self.profiles.model(binding.user_agent.as_ref())
    }

    fn by_gruu(&self, dialed: &AccountName) -> Option<(&AccountName, &Binding)> {
        let text = dialed.as_str();
        let (user, named) = text.split_at(text.find(GR).unwrap_or(text.len()));
        if named.is_empty() && !user.starts_with(TEMPORARY) {
            return None;
        }
        let uri = Uri::try_from(format!("sip:{user}@gateway{named}").as_str()).ok()?;
        self.locations.find_gruu(&self.gruus, &uri)
    }

    pub(super) fn on_calling(&mut self, now: Now, invited: Box<Invited>) {
        let asker = self.asker(Errand::Call(invited.dialog), invited.source, &invited.request);
        match self.authenticator.look((now.mono, invited.source.ip()), &invited.request) {
            Shown::Nothing => self.challenge(now, asker, None),
            Shown::Stale(staleness) => self.challenge(now, asker, Some(staleness)),
            Shown::Malformed => self.refuse(now, asker, None, Outcome::WrongParameters),
            Shown::Credentials(credentials) => {
                let account = account_of(credentials.username());
                if !self.may_try(now, asker, &self.claims(&account, asker, &invited.request)) {
                    return;
                }
                let question = Question::Password(account.clone());
                let calling = Calling { account, credentials, invited };
                self.stages.enter(asker, now.mono + PATIENCE, Stage::CallerPassword(Box::new(calling)));
                self.outputs.push_back(Output::Ask(asker.errand, question));
            }
        }
    }

    pub(super) fn on_caller_password(
        &mut self,
        now: Now,
        asker: Asker,
        (calling, password): (Calling, Option<&HashedPassword>),
    ) {
        let Calling { account, credentials, invited } = calling;
        let claimant = self.claims(&account, asker, &invited.request);
        match self.authenticator.check(now.mono, &credentials, password) {
            Verdict::Stale(staleness) => self.challenge(now, asker, Some(staleness)),
            Verdict::Wrong => {
                let known = password.is_some().then_some(account);
                self.on_wrong(now, (asker, known), &claimant);
            }
            Verdict::Right => {
                self.lockouts.on_right(now.mono, &claimant);
                let question = Question::Calling(account.clone());
                self.stages.enter(asker, now.mono + PATIENCE, Stage::Caller(account, invited));
                self.outputs.push_back(Output::Ask(asker.errand, question));
            }
        }
    }

    pub(super) fn on_caller(&mut self, now: Now, id: Errand, tenant: Result<TenantId, Denial>) {
        let Some((asker, Stage::Caller(account, invited))) = self.stages.leave(id) else { return };
        match tenant {
            Err(denial) => self.refuse(now, asker, Some(account), denial.into()),
            Ok(tenant) => {
                let terminal = self.terminal(&account, &invited);
                let member = Box::new(Member { account, tenant, terminal });
                self.outputs.push_back(Output::Known(invited, member));
            }
        }
    }

    fn claims(&self, account: &AccountName, asker: Asker, request: &Request) -> call::lockouts::Claimant {
        let Said { instance, epid, .. } = Said::of(request);
        claimant_by(account, asker, instance.or(epid).as_ref())
    }

    /// ISO-1: a device is known by what it says in the INVITE, and by what it said as it registered: an INVITE rarely says
    /// all of it. It registered from where the INVITE came, or it is the account's only one.
    fn terminal(&self, account: &AccountName, invited: &Invited) -> Terminal {
        let Said { instance, epid, contact } = Said::of(&invited.request);
        let by_gruu = contact.and_then(|contact| self.locations.find_gruu(&self.gruus, &contact.uri));
        let by_gruu = by_gruu.filter(|(named, _)| *named == account).map(|(_, binding)| binding);
        let from_there = || {
            self.bindings(account).rev().find(|binding| is_from(binding, invited.listener, invited.source))
        };
        let only = || self.bindings(account).next().filter(|_| self.locations.devices(account) == 1);
        let registered = by_gruu.or_else(from_there).or_else(only);
        let said = marks(instance.as_ref(), epid.as_ref());
        Terminal::of_account(account, said.chain(registered.into_iter().flat_map(marks_of)))
    }
}

fn is_from(binding: &Binding, listener: ListenerId, source: SocketAddr) -> bool {
    (binding.source.listener, binding.source.destination) == (listener, source)
}

fn marks_of(binding: &Binding) -> impl Iterator<Item = Mark> {
    marks(binding.instance.as_ref(), binding.epid.as_ref())
}

/// What a device says of itself in a request, whether that is true or not.
pub(crate) fn said_marks(request: &Request) -> impl Iterator<Item = Mark> + use<> {
    let Said { instance, epid, .. } = Said::of(request);
    marks(instance.as_ref(), epid.as_ref())
}

/// Instances are compared without regard to case and brackets: devices write them in several ways.
fn marks(instance: Option<&Text>, epid: Option<&Text>) -> impl Iterator<Item = Mark> + use<> {
    let instance = instance.map(|instance| {
        let plain = instance.to_string().trim_matches(['<', '>', '"']).to_ascii_lowercase();
        Mark::Instance(plain)
    });
    let serial = epid.and_then(Text::as_str).map(|epid| Mark::Serial(SerialNumber::from(epid)));
    instance.into_iter().chain(serial)
}
