//! Accounts of room systems over HTTP (ROOM-2).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use call::accounts::{Account, AccountFault, AccountType, Kept, LicenceView, Life, Standing, check_password};
use serde::{Deserialize, Serialize};
use sip::auth::hash_password;
use terms::{AccountName, HashedPassword, Secret, SerialNumber, TenantId, WallTime};

use super::{Admin, Refused, ask_desk};
use crate::{
    config::is_account_name,
    driver::{DeskRequest, Existed, Page},
    store::Write,
};

/// What a list has at most, and what it has unless asked for less.
const MOST: usize = 1_000;

/// An account as `POST /v1/accounts` takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    name: AccountName,
    tenant: TenantId,
    password: Secret,
    #[serde(rename = "type", default = "NewAccount::usual_type")]
    kind: AccountType,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    serial: Option<SerialNumber>,
    #[serde(default)]
    life: NewLife,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum NewLife {
    #[default]
    Lasting,
    Trial,
}

impl NewAccount {
    const fn usual_type() -> AccountType {
        AccountType::ThirdParty
    }
}

/// What `PATCH /v1/accounts/NAME` changes; what is left out stays.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountChange {
    password: Option<Secret>,
    display_name: Option<String>,
    /// An empty one frees it.
    serial: Option<SerialNumber>,
    life: Option<NewLife>,
}

/// An account as it is shown: never its password, nor what was made of it.
#[derive(Debug, Serialize)]
pub(super) struct AccountView {
    name: AccountName,
    display_name: String,
    tenant: TenantId,
    #[serde(rename = "type")]
    kind: AccountType,
    serial: Option<SerialNumber>,
    life: NewLife,
    standing: Standing,
}

impl AccountView {
    fn of((account, standing): (Account, Standing)) -> Self {
        let Account { name, display_name, tenant, kind, serial, life, .. } = account;
        let life = if life == Life::Lasting { NewLife::Lasting } else { NewLife::Trial };
        Self { name, display_name, tenant, kind, serial, life, standing }
    }
}

/// Which part of a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    after: Option<AccountName>,
    limit: Option<usize>,
}

impl From<Part> for Page {
    fn from(part: Part) -> Self {
        Self { after: part.after, most: part.limit.unwrap_or(MOST).min(MOST) }
    }
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Query(part): Query<Part>,
) -> Result<Json<Vec<AccountView>>, Refused> {
    let accounts = ask_desk(&admin, |answer| DeskRequest::Accounts(part.into(), answer)).await?;
    Ok(Json(accounts.into_iter().map(AccountView::of).collect()))
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<AccountName>,
) -> Result<Json<AccountView>, Refused> {
    let account = ask_desk(&admin, |answer| DeskRequest::Account(name, answer)).await?;
    account.map(|account| Json(AccountView::of(account))).ok_or(Refused::NoSuchAccount)
}

pub(super) async fn licences(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<LicenceView>>, Refused> {
    ask_desk(&admin, DeskRequest::Licences).await.map(Json)
}

/// Answers once the account is on disk (REL-4).
pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    Json(new): Json<NewAccount>,
) -> Result<(StatusCode, Json<AccountView>), Refused> {
    if !is_account_name(new.name.as_str()) {
        return Err(Refused::BadAccountName);
    }
    if !admin.tenants.borrow().contains(&new.tenant) {
        return Err(Refused::NoSuchTenant);
    }
    let account = Account {
        password: hashed(&admin, &new.name, &new.password)?,
        name: new.name,
        display_name: new.display_name,
        tenant: new.tenant,
        kind: new.kind,
        realm: admin.realm.clone(),
        serial: some_serial(new.serial),
        life: life(new.life),
        kept: Kept::Store,
    };
    // A request that is given up meanwhile leaves no account half made.
    let made = tokio::spawn(async move { make(&admin, account).await });
    Ok((StatusCode::CREATED, Json(made.await.map_err(|_| Refused::Unavailable)??)))
}

async fn make(admin: &Admin, account: Account) -> Result<AccountView, Refused> {
    let _making = admin.making.acquire().await.map_err(|_| Refused::Unavailable)?;
    let name = account.name.clone();
    if ask_desk(admin, |answer| DeskRequest::Account(name, answer)).await?.is_some() {
        return Err(Refused::AccountExists);
    }
    put(admin, account).await
}

pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<AccountName>,
    Json(change): Json<AccountChange>,
) -> Result<Json<AccountView>, Refused> {
    let changed = tokio::spawn(async move { apply(&admin, name, change).await });
    changed.await.map_err(|_| Refused::Unavailable)?.map(Json)
}

async fn apply(admin: &Admin, name: AccountName, change: AccountChange) -> Result<AccountView, Refused> {
    let _making = admin.making.acquire().await.map_err(|_| Refused::Unavailable)?;
    let mut account = of_store(admin, name).await?;
    if let Some(password) = &change.password {
        account.password = hashed(admin, &account.name, password)?;
        account.realm.clone_from(&admin.realm);
    }
    if let Some(display_name) = change.display_name {
        account.display_name = display_name;
    }
    if change.serial.is_some() {
        account.serial = some_serial(change.serial);
    }
    if let Some(wanted) = change.life {
        account.life = life(wanted);
    }
    put(admin, account).await
}

pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<AccountName>,
) -> Result<StatusCode, Refused> {
    // What is taken out of the store ends, whoever has hung up meanwhile.
    let removed = tokio::spawn(async move { remove(&admin, name).await });
    removed.await.map_err(|_| Refused::Unavailable)?
}

async fn remove(admin: &Admin, name: AccountName) -> Result<StatusCode, Refused> {
    let _making = admin.making.acquire().await.map_err(|_| Refused::Unavailable)?;
    let account = of_store(admin, name).await?;
    let name = account.name;
    admin.store.write(Write::DeleteAccount(name.clone())).await.map_err(|_| Refused::NotStored)?;
    match ask_desk(admin, |answer| DeskRequest::DeleteAccount(name, answer)).await? {
        Existed::Yes => Ok(StatusCode::NO_CONTENT),
        Existed::No => Err(Refused::NoSuchAccount),
    }
}

/// One that the API may change: what the file has would be back at the next start.
async fn of_store(admin: &Admin, name: AccountName) -> Result<Account, Refused> {
    let account = ask_desk(admin, |answer| DeskRequest::Account(name, answer)).await?;
    let (account, _) = account.ok_or(Refused::NoSuchAccount)?;
    if account.kept == Kept::File { Err(Refused::AccountOfFile) } else { Ok(account) }
}

async fn put(admin: &Admin, account: Account) -> Result<AccountView, Refused> {
    let account = Box::new(account);
    let checked = ask_desk(admin, |answer| DeskRequest::CheckAccount(account.clone(), answer)).await?;
    checked.map_err(|fault| match fault {
        AccountFault::SerialElsewhere(tenant) => Refused::SerialElsewhere(tenant),
        AccountFault::SerialTaken(account) => Refused::SerialTaken(account),
    })?;
    let name = account.name.clone();
    admin.store.write(Write::PutAccount(account.clone())).await.map_err(|_| Refused::NotStored)?;
    ask_desk(admin, |answer| DeskRequest::PutAccount(account, answer)).await?;
    let account = ask_desk(admin, |answer| DeskRequest::Account(name, answer)).await?;
    account.map(AccountView::of).ok_or(Refused::NoSuchAccount)
}

fn hashed(admin: &Admin, name: &AccountName, password: &Secret) -> Result<HashedPassword, Refused> {
    check_password(password.reveal()).map_err(Refused::WeakPassword)?;
    Ok(hash_password(name.as_str(), &admin.realm, password.reveal()))
}

fn some_serial(serial: Option<SerialNumber>) -> Option<SerialNumber> {
    serial.filter(|serial| !serial.as_str().is_empty())
}

/// A trial begins when it is granted.
fn life(wanted: NewLife) -> Life {
    match wanted {
        NewLife::Lasting => Life::Lasting,
        NewLife::Trial => {
            let since =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            Life::Trial {
                since: WallTime::from_unix_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)),
            }
        }
    }
}
