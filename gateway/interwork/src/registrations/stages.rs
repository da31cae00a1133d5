//! REGISTERs, and calls of accounts, that are under way: what each waits for, and until when.

use std::collections::{BTreeMap, BTreeSet};

use sip::{
    auth::Credentials,
    endpoint::{ExtraHeader, Invited},
    registrar::Registration,
    wire::StatusCode,
};
use terms::{AccountName, Instant};

use super::{Asker, Errand, Outcome};

/// How many may be under way; beyond it they get 503.
const MOST: usize = 20_000;

/// What a REGISTER or a call waits for.
#[derive(Debug)]
pub(super) enum Stage {
    /// The password of its account.
    Password(Box<Wanted>),
    /// Its turn: its account has registered too often of late.
    Turn(AccountName, Box<Registration>),
    /// Whether its account may.
    Enroll(AccountName, Box<Registration>),
    /// That its bindings are durable.
    Store(AccountName, Reply),
    /// The password of the account that calls.
    CallerPassword(Box<Calling>),
    /// Whether that account may call.
    Caller(AccountName, Box<Invited>),
}

/// Somebody who calls, and is to be known.
#[derive(Debug)]
pub(super) struct Calling {
    pub(super) account: AccountName,
    pub(super) credentials: Box<Credentials>,
    pub(super) invited: Box<Invited>,
}

/// Somebody who is to be known.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) account: AccountName,
    pub(super) credentials: Box<Credentials>,
    pub(super) registration: Registration,
}

/// An answer, and what it means.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<ExtraHeader>,
    /// What is told once it is sent.
    pub(super) outcome: Option<Outcome>,
}

/// All that are under way.
#[derive(Debug, Default)]
pub(super) struct Stages {
    by_id: BTreeMap<Errand, (Asker, Instant, Stage)>,
    by_due: BTreeSet<(Instant, Errand)>,
}

impl Stages {
    pub(super) fn is_full(&self) -> bool {
        self.by_id.len() >= MOST
    }

    /// It waits from here on, until `due` at most.
    pub(super) fn enter(&mut self, asker: Asker, due: Instant, stage: Stage) {
        self.by_due.insert((due, asker.errand));
        self.by_id.insert(asker.errand, (asker, due, stage));
    }

    /// What it waited for has come.
    pub(super) fn leave(&mut self, id: Errand) -> Option<(Asker, Stage)> {
        let (asker, due, stage) = self.by_id.remove(&id)?;
        self.by_due.remove(&(due, id));
        Some((asker, stage))
    }

    /// One whose time has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Asker, Stage)> {
        let (_, id) = *self.by_due.first().filter(|(due, _)| *due <= now)?;
        self.leave(id)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_due.first().map(|(due, _)| *due)
    }
}
