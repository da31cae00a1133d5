//! The way of one REGISTER.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use call::{
    accounts::{Denial, Question},
    lockouts::{Claimant, Leave, Locked},
};
use sip::{
    auth::{Algorithm, Shown, Staleness, Verdict},
    endpoint::{Command, ExtraHeader, Hop, Refusal, Registering, RequestId},
    registrar::{Answer, Change, Contacts, Plan, Refused, Registration},
    wire::{MinExpires, RetryAfter, StatusCode, Text, Warning},
};
use terms::{AccountName, HashedPassword, Now, SerialNumber};

use crate::profiles::Quirk;

use super::{
    AskedFor, Asker, Durability, Errand, Outcome, Output, Registrations,
    pace::Turn,
    stages::{Reply, Stage, Wanted},
};

/// How long the core, and the store, may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// When a device shall come again that found no room, or no store.
const AGAIN: RetryAfter = RetryAfter(30);
/// So much of an instance is remembered: `urn:uuid:` and its digits are 45.
const LONGEST_INSTANCE: usize = 128;
/// The longest name that an account may have, in octets; nobody has a longer one.
pub(crate) const LONGEST_NAME: usize = 64;

impl Registrations {
    pub(super) fn on_registering(&mut self, now: Now, registering: &Registering) {
        let Registering { id, listener, source, request } = registering;
        let asker = self.asker(Errand::Register(*id), *source, request);
        match self.authenticator.look((now.mono, source.ip()), request) {
            Shown::Nothing => self.challenge(now, asker, None),
            Shown::Stale(staleness) => self.challenge(now, asker, Some(staleness)),
            Shown::Malformed => self.refuse(now, asker, None, Outcome::WrongParameters),
            Shown::Credentials(credentials) => {
                let mut registration = match Registration::read(request, Hop::new(*listener, *source)) {
                    Ok(registration) => registration,
                    Err(refused) => return self.refuse_plan(now, (asker, None), refused),
                };
                if self.profiles.has(request, Quirk::NoGruu) {
                    registration.ignore_gruu();
                }
                if self.profiles.has(request, Quirk::NoOutbound) {
                    registration.ignore_outbound();
                }
                let account = account_of(credentials.username());
                if !self.may_try(now, asker, &claimant(&account, asker, &registration)) {
                    return;
                }
                let question = Question::Password(account.clone());
                let wanted = Wanted { account, credentials, registration };
                self.stages.enter(asker, now.mono + PATIENCE, Stage::Password(Box::new(wanted)));
                self.outputs.push_back(Output::Ask(asker.errand, question));
            }
        }
    }

    pub(super) fn on_password(&mut self, now: Now, id: Errand, password: Option<&HashedPassword>) {
        match self.stages.leave(id) {
            Some((asker, Stage::Password(wanted))) => {
                self.on_device_password(now, asker, (*wanted, password));
            }
            Some((asker, Stage::CallerPassword(calling))) => {
                self.on_caller_password(now, asker, (*calling, password));
            }
            _ => {}
        }
    }

    fn on_device_password(
        &mut self,
        now: Now,
        asker: Asker,
        (wanted, password): (Wanted, Option<&HashedPassword>),
    ) {
        let Wanted { account, credentials, registration } = wanted;
        let claimant = claimant(&account, asker, &registration);
        match self.authenticator.check(now.mono, &credentials, password) {
            Verdict::Stale(staleness) => self.challenge(now, asker, Some(staleness)),
            Verdict::Wrong => {
                let known = password.is_some().then_some(account);
                self.on_wrong(now, (asker, known), &claimant);
            }
            Verdict::Right => {
                self.lockouts.on_right(now.mono, &claimant);
                self.on_known(now, asker, (account, registration));
            }
        }
    }

    pub(super) fn on_enrolled(&mut self, now: Now, id: Errand, enrolled: Result<(), Denial>) {
        let Some((asker, Stage::Enroll(account, registration))) = self.stages.leave(id) else { return };
        if let Err(denial) = enrolled {
            return self.refuse(now, asker, Some(account), denial.into());
        }
        // Others may have registered since it was planned.
        let plan = match self.locations.plan(now, &account, &registration) {
            Ok(plan) => plan,
            Err(refused) => return self.refuse_plan(now, (asker, Some(account)), refused),
        };
        let outcome = outcome_of(&plan);
        self.locations.commit(&account, plan);
        let headers = self.answer(now, &account, &registration);
        let reply = Reply { status: StatusCode::OK, headers, outcome: Some(outcome) };
        let bindings = self.locations.bindings(&account).cloned().collect();
        self.stages.enter(asker, now.mono + PATIENCE, Stage::Store(account.clone(), reply));
        let Errand::Register(request) = asker.errand else { return };
        self.outputs.push_back(Output::Store(Some(request), account, bindings));
    }

    /// REL-4. What was not stored is there all the same until the next start: the device comes again before that.
    pub(super) fn on_stored(&mut self, now: Now, id: RequestId, durability: Durability) {
        let Some((asker, Stage::Store(account, reply))) = self.stages.leave(Errand::Register(id)) else {
            return;
        };
        match durability {
            Durability::Durable => self.send(now, (asker, Some(account)), reply),
            Durability::Failed => self.refuse(now, asker, Some(account), Outcome::Unavailable),
        }
    }

    pub(super) fn on_timeout(&mut self, now: Now) {
        while let Some((asker, stage)) = self.stages.pop_due(now.mono) {
            match stage {
                Stage::Turn(account, registration) => self.enroll(now, asker, (account, registration)),
                Stage::Enroll(account, _) | Stage::Store(account, _) => {
                    self.refuse(now, asker, Some(account), Outcome::Unavailable);
                }
                Stage::Password(_) | Stage::CallerPassword(_) | Stage::Caller(..) => {
                    self.refuse(now, asker, None, Outcome::Unavailable);
                }
            }
        }
        while let Some(expired) = self.locations.expire(now.mono) {
            let account = expired.account;
            for binding in &expired.bindings {
                self.tell(now, (Some(account.clone()), binding.source.destination), Outcome::Expired);
            }
            let left = self.locations.bindings(&account).cloned().collect();
            self.outputs.push_back(Output::Store(None, account.clone(), left));
            self.tell_devices(&account);
        }
        let pings = self.keep_alive.due(now.mono, &self.locations).into_iter();
        self.outputs.extend(pings.map(|(hop, uri)| Output::Sip(Command::Ping { hop, uri })));
    }

    /// Whether a password is looked at; who may not try is told so.
    pub(super) fn may_try(&mut self, now: Now, asker: Asker, claimant: &Claimant) -> bool {
        let account = claimant.account.clone();
        match self.lockouts.leave(now.mono, claimant) {
            Leave::Free if self.stages.is_full() => self.refuse(now, asker, None, Outcome::Full),
            Leave::Free => return true,
            Leave::Slowed { until } => self.put_off(now, (asker, Some(account)), until.since(now.mono)),
            Leave::Locked { until } => {
                let seconds = until.since(now.mono).as_secs().max(1);
                self.refuse_locked(now, asker, account, seconds);
            }
        }
        false
    }

    /// The first 401, and one for a nonce that serves no more, count for nothing (ROOM-3).
    pub(super) fn challenge(&mut self, now: Now, asker: Asker, stale: Option<Staleness>) {
        let mut challenges = self.authenticator.challenges((now.mono, asker.source.ip()), stale);
        let md5 = Some(Text::from_static(Algorithm::Md5.as_str()));
        if asker.asked_for == AskedFor::Md5 && challenges.iter().any(|challenge| challenge.algorithm == md5) {
            challenges.retain(|challenge| challenge.algorithm == md5);
        }
        let headers = challenges.iter().map(ExtraHeader::of).collect();
        self.send(now, (asker, None), Reply { status: StatusCode::UNAUTHORIZED, headers, outcome: None });
    }

    /// An account that nobody has and a wrong password look alike: a 401, at once.
    pub(super) fn on_wrong(
        &mut self,
        now: Now,
        (asker, known): (Asker, Option<AccountName>),
        claimant: &Claimant,
    ) {
        let locked = self.lockouts.on_wrong(now.mono, claimant);
        let outcome = if known.is_some() { Outcome::WrongPassword } else { Outcome::NoAccount };
        self.tell(now, (known.clone(), asker.source), outcome);
        if locked != Locked::Nobody
            && let Leave::Locked { until } = self.lockouts.leave(now.mono, claimant)
        {
            let seconds = until.since(now.mono).as_secs();
            self.tell(now, (known, asker.source), Outcome::Locked { seconds });
        }
        self.challenge(now, asker, None);
    }

    /// Somebody logged in.
    fn on_known(&mut self, now: Now, asker: Asker, (account, registration): (AccountName, Registration)) {
        let wanted = registration.address_of_record.dialed();
        if wanted.as_ref().and_then(Text::as_str) != Some(account.as_str()) {
            return self.refuse(now, asker, Some(account), Outcome::OtherAddress);
        }
        if registration.contacts == Contacts::Query {
            let headers = self.answer(now, &account, &registration);
            return self.send(now, (asker, None), Reply { status: StatusCode::OK, headers, outcome: None });
        }
        match self.pace.take(now.mono, &account) {
            Turn::Now => self.enroll(now, asker, (account, Box::new(registration))),
            Turn::Later(at) => self.stages.enter(asker, at, Stage::Turn(account, Box::new(registration))),
            Turn::Again(after) => self.put_off(now, (asker, Some(account)), after),
        }
    }

    fn put_off(&mut self, now: Now, to: (Asker, Option<AccountName>), pause: Duration) {
        let again = ExtraHeader::of(&RetryAfter::from(pause + Duration::from_secs(1)));
        self.send(now, to, Reply { headers: vec![again], ..refusal(Outcome::TooFrequent) });
    }

    /// It is planned with the bindings that there are by now.
    fn enroll(&mut self, now: Now, asker: Asker, (account, registration): (AccountName, Box<Registration>)) {
        let plan = match self.locations.plan(now, &account, &registration) {
            Ok(plan) => plan,
            Err(refused) => return self.refuse_plan(now, (asker, Some(account)), refused),
        };
        let devices = u32::try_from(plan.devices()).unwrap_or(u32::MAX);
        let serial = registration.epid.as_ref().and_then(Text::as_str).map(SerialNumber::from);
        let question = Question::Enroll { account: account.clone(), devices, serial };
        self.stages.enter(asker, now.mono + PATIENCE, Stage::Enroll(account, registration));
        self.outputs.push_back(Output::Ask(asker.errand, question));
    }

    fn answer(&mut self, now: Now, account: &AccountName, registration: &Registration) -> Vec<ExtraHeader> {
        let answer = Answer { locations: &self.locations, gruus: &self.gruus, registration };
        answer.headers(now.mono, account, &mut self.entropy)
    }

    pub(super) fn refuse(&mut self, now: Now, asker: Asker, account: Option<AccountName>, outcome: Outcome) {
        self.send(now, (asker, account), refusal(outcome));
    }

    fn refuse_locked(&mut self, now: Now, asker: Asker, account: AccountName, seconds: u64) {
        let again = RetryAfter(u32::try_from(seconds).unwrap_or(u32::MAX));
        let reply = refusal(Outcome::Locked { seconds });
        let known = self.attempts.knows(&account).then_some(account);
        self.send(now, (asker, known), Reply { headers: vec![ExtraHeader::of(&again)], ..reply });
    }

    fn refuse_plan(&mut self, now: Now, (asker, account): (Asker, Option<AccountName>), refused: Refused) {
        let headers = match refused {
            Refused::TooBrief(shortest) => vec![ExtraHeader::of(&MinExpires(shortest))],
            Refused::Full => vec![ExtraHeader::of(&AGAIN)],
            Refused::Malformed(_)
            | Refused::Star
            | Refused::OutOfOrder
            | Refused::FirstHopLacksOutbound
            | Refused::TooManyContacts => Vec::new(),
        };
        let reply = Reply { status: refused.status(), headers, outcome: Some(refused.into()) };
        self.send(now, (asker, account), reply);
    }

    fn send(&mut self, now: Now, (asker, account): (Asker, Option<AccountName>), reply: Reply) {
        let Reply { status, headers, outcome } = reply;
        if let Some(outcome) = outcome {
            self.tell(now, (account, asker.source), outcome);
        }
        let command = match asker.errand {
            Errand::Register(request) => Command::AnswerRegister { request, status, headers },
            Errand::Call(dialog) => {
                Command::Refuse { dialog, refusal: Refusal { headers, ..Refusal::new(status) } }
            }
        };
        self.outputs.push_back(Output::Sip(command));
    }
}

/// A refusal whose words are in a Warning (RFC 3261 §20.43): what the device's own log shows of it.
fn refusal(outcome: Outcome) -> Reply {
    let (status, header) = match &outcome {
        Outcome::WrongParameters => (StatusCode::BAD_REQUEST, warning(&outcome)),
        Outcome::TooFrequent => (StatusCode::SERVER_INTERNAL_ERROR, ExtraHeader::of(&AGAIN)),
        Outcome::Full | Outcome::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, ExtraHeader::of(&AGAIN)),
        _ => (StatusCode::FORBIDDEN, warning(&outcome)),
    };
    Reply { status, headers: vec![header], outcome: Some(outcome) }
}

fn warning(outcome: &Outcome) -> ExtraHeader {
    // RFC 3261 §20.43: 399 is for whatever has no code of its own.
    let (agent, text) = (Text::from_static("gateway"), Text::from_static(outcome.advice()));
    ExtraHeader::of(&Warning { code: 399, agent, text })
}

/// What the whole of a request came to.
fn outcome_of(plan: &Plan) -> Outcome {
    let has = |wanted: fn(&Change) -> bool| plan.changes.iter().any(wanted);
    if has(|change| matches!(change, Change::Moved { .. })) {
        Outcome::Moved
    } else if has(|change| *change == Change::Added) {
        Outcome::Registered
    } else if has(|change| *change == Change::Refreshed) {
        Outcome::Refreshed
    } else {
        Outcome::Left
    }
}

fn claimant(account: &AccountName, asker: Asker, registration: &Registration) -> Claimant {
    claimant_by(account, asker, registration.instance().or(registration.epid.as_ref()))
}

pub(super) fn claimant_by(account: &AccountName, asker: Asker, instance: Option<&Text>) -> Claimant {
    Claimant {
        account: account.clone(),
        source: network(asker.source.ip()),
        instance: instance
            .map(|instance| instance.to_string().chars().take(LONGEST_INSTANCE).collect::<String>().into()),
    }
}

/// Who has one address of a /64 of IPv6 has them all.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// The account that a user name means; one that is too long is nobody's, and is remembered by its beginning.
pub(super) fn account_of(username: &Text) -> AccountName {
    let text = username.to_string();
    let end = (0..=LONGEST_NAME.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    if text.len() <= LONGEST_NAME {
        text.as_str().into()
    } else {
        format!("{}…", &text[..end]).as_str().into()
    }
}
