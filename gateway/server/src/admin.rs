//! The administration over HTTP: health, metrics, and the embedded core's meetings.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Request as HttpRequest, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use call::core::{Control, Entry, Lock, Meeting};
use serde::{Deserialize, Serialize};
use terms::{BootEpoch, MeetingId, NodeId, Secret, TenantId};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::{
    driver::{Existed, Load, MeetingView, Request},
    record::Metrics,
    store::{StoreQueue, Write},
};

/// Participants that a meeting may have.
const MAX_CAPACITY: u32 = 100_000;

/// What the handlers work with.
#[derive(Debug)]
pub struct Admin {
    /// Which node this is.
    pub node: NodeId,
    /// Which start of it.
    pub boot: BootEpoch,
    /// The token that is asked for.
    pub token: Secret,
    /// A request that takes longer is given up.
    pub timeout: Duration,
    /// The shard.
    pub shard: mpsc::Sender<Request>,
    /// The tenants that there are; a reload changes them.
    pub tenants: watch::Receiver<BTreeSet<TenantId>>,
    /// Held while a meeting is made: of two at once with one ID, the second must see the first.
    pub making: Semaphore,
    /// The store.
    pub store: StoreQueue,
    /// The metrics.
    pub metrics: Arc<Metrics>,
}

/// How things stand, as `GET /v1/status` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// Which node.
    pub node: NodeId,
    /// Which start of it.
    pub boot: BootEpoch,
    /// How much there is to do.
    pub load: Load,
}

/// A meeting as `POST /v1/meetings` takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMeeting {
    id: MeetingId,
    tenant: TenantId,
    host_password: Secret,
    guest_password: Secret,
    #[serde(default = "NewMeeting::default_capacity")]
    capacity: u32,
    #[serde(default)]
    lock: Lock,
    #[serde(default)]
    entry: Entry,
}

impl NewMeeting {
    const fn default_capacity() -> u32 {
        1_000
    }
}

/// Why a request was not carried out, and what to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Unauthorized,
    NoSuchMeeting,
    MeetingExists,
    NoSuchTenant,
    BadCapacity,
    BadPassword,
    SamePasswords,
    NotStored,
    Unavailable,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "send the token as Authorization: Bearer TOKEN"),
            Self::NoSuchMeeting => (StatusCode::NOT_FOUND, "there is no meeting of that ID"),
            Self::MeetingExists => (StatusCode::CONFLICT, "there is a meeting of that ID; delete it first"),
            Self::NoSuchTenant => {
                (StatusCode::UNPROCESSABLE_ENTITY, "there is no such tenant; the configuration names them")
            }
            Self::BadCapacity => (StatusCode::UNPROCESSABLE_ENTITY, "capacity is 1 to 100000"),
            Self::BadPassword => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "phones can key digits only; passwords are 4 to 32 of them",
            ),
            Self::SamePasswords => {
                (StatusCode::UNPROCESSABLE_ENTITY, "host_password and guest_password must differ")
            }
            Self::NotStored => {
                (StatusCode::SERVICE_UNAVAILABLE, "the store did not take it; nothing was changed")
            }
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "the gateway is stopping or overloaded; try again")
            }
        };
        (status, Json(serde_json::json!({ "error": message }))).into_response()
    }
}

/// All routes.
pub fn router(admin: Arc<Admin>) -> Router {
    let guarded = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/meetings", get(list).post(create))
        .route("/v1/meetings/{id}", get(show).delete(delete))
        .route("/v1/meetings/{id}/control", post(control))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&admin), authorize));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(guarded)
        .with_state(admin)
}

async fn authorize(State(admin): State<Arc<Admin>>, request: HttpRequest, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer "));
    if token.is_some_and(|token| admin.token.matches(token)) {
        match tokio::time::timeout(admin.timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Refused::Unavailable.into_response(),
        }
    } else {
        Refused::Unauthorized.into_response()
    }
}

async fn ready(State(admin): State<Arc<Admin>>) -> Result<&'static str, Refused> {
    match tokio::time::timeout(admin.timeout, ask(&admin, Request::Status)).await {
        Ok(Ok(_)) => Ok("ready\n"),
        Ok(Err(_)) | Err(_) => Err(Refused::Unavailable),
    }
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Result<impl IntoResponse, Refused> {
    let text = admin.metrics.encode().map_err(|_| Refused::Unavailable)?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}

async fn status(State(admin): State<Arc<Admin>>) -> Result<Json<Status>, Refused> {
    let load = ask(&admin, Request::Status).await?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Json(Status { version, node: admin.node, boot: admin.boot, load }))
}

async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<MeetingView>>, Refused> {
    ask(&admin, Request::List).await.map(Json)
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<MeetingId>,
) -> Result<Json<MeetingView>, Refused> {
    let view = ask(&admin, |answer| Request::Get(id, answer)).await?;
    view.map(Json).ok_or(Refused::NoSuchMeeting)
}

/// Answers once the meeting is on disk (REL-4).
async fn create(
    State(admin): State<Arc<Admin>>,
    Json(new): Json<NewMeeting>,
) -> Result<(StatusCode, Json<MeetingView>), Refused> {
    let NewMeeting { id, tenant, host_password, guest_password, capacity, lock, entry } = new;
    if !is_phone_password(&host_password) || !is_phone_password(&guest_password) {
        return Err(Refused::BadPassword);
    }
    if host_password == guest_password {
        return Err(Refused::SamePasswords);
    }
    if !admin.tenants.borrow().contains(&tenant) {
        return Err(Refused::NoSuchTenant);
    }
    if !(1..=MAX_CAPACITY).contains(&capacity) {
        return Err(Refused::BadCapacity);
    }
    let _making = admin.making.acquire().await.map_err(|_| Refused::Unavailable)?;
    if ask(&admin, |answer| Request::Get(id, answer)).await?.is_some() {
        return Err(Refused::MeetingExists);
    }
    let meeting = Box::new(Meeting { id, tenant, host_password, guest_password, capacity, lock, entry });
    admin.store.write(Write::PutMeeting(meeting.clone())).await.map_err(|_| Refused::NotStored)?;
    ask(&admin, |answer| Request::Put(meeting, answer)).await?;
    let view = ask(&admin, |answer| Request::Get(id, answer)).await?;
    Ok((StatusCode::CREATED, Json(view.ok_or(Refused::NoSuchMeeting)?)))
}

async fn delete(State(admin): State<Arc<Admin>>, Path(id): Path<MeetingId>) -> Result<StatusCode, Refused> {
    admin.store.write(Write::DeleteMeeting(id)).await.map_err(|_| Refused::NotStored)?;
    match ask(&admin, |answer| Request::Delete(id, answer)).await? {
        Existed::Yes => Ok(StatusCode::NO_CONTENT),
        Existed::No => Err(Refused::NoSuchMeeting),
    }
}

async fn control(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<MeetingId>,
    Json(control): Json<Control>,
) -> Result<StatusCode, Refused> {
    match ask(&admin, |answer| Request::Control(id, control, answer)).await? {
        Existed::Yes => Ok(StatusCode::NO_CONTENT),
        Existed::No => Err(Refused::NoSuchMeeting),
    }
}

/// DIAL-3: phones need an all-digit password of at least 4.
fn is_phone_password(password: &Secret) -> bool {
    let text = password.reveal();
    (4..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

async fn ask<T>(admin: &Admin, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Refused> {
    let (answer, answered) = oneshot::channel();
    admin.shard.send(request(answer)).await.map_err(|_| Refused::Unavailable)?;
    answered.await.map_err(|_| Refused::Unavailable)
}
