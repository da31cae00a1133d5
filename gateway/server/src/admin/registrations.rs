//! Who is registered, and what became of who tried: the registration doctor's data (OPS-4).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use interwork::registrations::{RegistrationView, StrangersView};
use terms::AccountName;

use super::{Admin, Refused, accounts::Part, ask_desk};
use crate::driver::DeskRequest;

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Query(part): Query<Part>,
) -> Result<Json<Vec<RegistrationView>>, Refused> {
    ask_desk(&admin, |answer| DeskRequest::Registrations(part.into(), answer)).await.map(Json)
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(account): Path<AccountName>,
) -> Result<Json<RegistrationView>, Refused> {
    let view = ask_desk(&admin, |answer| DeskRequest::Registration(account, answer)).await?;
    view.map(Json).ok_or(Refused::NoSuchAccount)
}

pub(super) async fn strangers(State(admin): State<Arc<Admin>>) -> Result<Json<StrangersView>, Refused> {
    ask_desk(&admin, DeskRequest::Strangers).await.map(Json)
}
