//! What the administration asks of accounts and registrations.

use call::accounts::{Account, AccountFault, LicenceView, Standing};
use interwork::registrations::{RegistrationView, StrangersView};
use terms::{AccountName, Now};
use tokio::sync::oneshot;

use super::{Driver, Existed};
use crate::shard::Input;

/// What the administration asks of accounts and registrations.
#[derive(Debug)]
pub enum DeskRequest {
    /// Whether there can be such an account.
    CheckAccount(Box<Account>, oneshot::Sender<Result<(), AccountFault>>),
    /// An account that is stored begins to exist, or is changed.
    PutAccount(Box<Account>, oneshot::Sender<()>),
    /// An account that is no longer stored ends.
    DeleteAccount(AccountName, oneshot::Sender<Existed>),
    /// One account, as it is kept and as it stands.
    Account(AccountName, oneshot::Sender<Option<(Account, Standing)>>),
    /// So many accounts behind that one.
    Accounts(Page, oneshot::Sender<Vec<(Account, Standing)>>),
    /// Licences and their use.
    Licences(oneshot::Sender<Vec<LicenceView>>),
    /// So many accounts that registered or tried to, behind that one.
    Registrations(Page, oneshot::Sender<Vec<RegistrationView>>),
    /// Where an account is, and what became of its last attempts; nobody has it: `None`.
    Registration(AccountName, oneshot::Sender<Option<RegistrationView>>),
    /// The last attempts by names that nobody has.
    Strangers(oneshot::Sender<StrangersView>),
}

/// A part of a list that is ordered by account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// It begins behind this one.
    pub after: Option<AccountName>,
    /// It has so many at most.
    pub most: usize,
}

impl Driver {
    pub(super) fn answer_desk(&mut self, now: Now, request: DeskRequest) {
        match request {
            DeskRequest::CheckAccount(account, answer) => {
                answer.send(self.shard.accounts().check(&account)).ok();
            }
            DeskRequest::PutAccount(account, answer) => {
                self.feed(now, Input::PutAccount(account));
                answer.send(()).ok();
            }
            DeskRequest::DeleteAccount(account, answer) => {
                let existed =
                    if self.shard.accounts().get(&account).is_some() { Existed::Yes } else { Existed::No };
                self.feed(now, Input::DeleteAccount(account));
                answer.send(existed).ok();
            }
            DeskRequest::Account(name, answer) => {
                let account = self.shard.accounts().get(&name);
                answer.send(account.map(|account| self.standing(now, account))).ok();
            }
            DeskRequest::Accounts(Page { after, most }, answer) => {
                let listed = self.shard.accounts().list(after.as_ref()).take(most);
                answer.send(listed.map(|account| self.standing(now, account)).collect()).ok();
            }
            DeskRequest::Licences(answer) => {
                answer.send(self.shard.accounts().licences()).ok();
            }
            DeskRequest::Registrations(Page { after, most }, answer) => {
                answer.send(self.shard.registrations().views(now, after.as_ref(), most)).ok();
            }
            DeskRequest::Registration(account, answer) => {
                let is_known = self.shard.accounts().get(&account).is_some();
                answer.send(is_known.then(|| self.shard.registrations().view(now, &account))).ok();
            }
            DeskRequest::Strangers(answer) => {
                answer.send(self.shard.registrations().strangers()).ok();
            }
        }
    }

    fn standing(&self, now: Now, account: &Account) -> (Account, Standing) {
        (account.clone(), self.shard.accounts().standing(now, account))
    }
}
