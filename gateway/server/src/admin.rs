//! The administration over HTTP: health, metrics, and the embedded core's meetings.

mod accounts;
mod events;
mod meetings;
mod registrations;

pub(crate) use meetings::NewMeeting;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Path, Request as HttpRequest, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use call::{CallView, accounts::WeakPassword, core::PasswordFault};
use serde::{Deserialize, Serialize};
use terms::{AccountName, BootEpoch, ListenerName, MeetingId, NodeId, Secret, TenantId};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::{
    config::ACCOUNT_NAME,
    driver::{DeskRequest, Load, Request, State as Serves},
    feed::Feed,
    record::Metrics,
    shard::HostCheck,
    store::StoreQueue,
};

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
    /// What passwords are hashed for.
    pub realm: String,
    /// Held while a meeting or an account is made: of two at once with one ID, the second must see the first.
    pub making: Semaphore,
    /// The store.
    pub store: StoreQueue,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// When the gateway started.
    pub started: Instant,
    /// The ports that its ranges have.
    pub ports: u64,
    /// The listeners that speak versions of TLS that are weak.
    pub weak: Vec<ListenerName>,
    /// What changes.
    pub feed: Feed,
    /// A place for each who watches it.
    pub watchers: Arc<Semaphore>,
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
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// How much there is to do.
    pub load: Load,
    /// What the media plane does.
    pub media: MediaStatus,
    /// Records that found no room in the journal since the start: must be 0.
    pub records_lost: u64,
    /// The listeners that speak versions of TLS that are weak (SEC-4).
    #[serde(default)]
    pub weak: Vec<ListenerName>,
}

/// What the media plane does and has done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MediaStatus {
    /// Ports in use.
    pub ports_open: u64,
    /// Ports that the ranges have.
    pub ports: u64,
    /// Datagrams that came in.
    pub packets_received: u64,
    /// Datagrams that went out.
    pub packets_sent: u64,
    /// From sources that are not the peer: normal on the Internet.
    pub packets_foreign: u64,
    /// Ticks given up because a worker was held up.
    pub ticks_missed: u64,
    /// Something of one meeting was handed to another and refused: must be 0 (ISO-2).
    pub isolation_violations: u64,
}

/// Why a request was not carried out, and what to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refused {
    Unauthorized,
    NoSuchMeeting,
    NoSuchLeg,
    NoAccount,
    WrongHostPassword,
    HostThere,
    TriedTooOften,
    TooManyWatchers,
    MeetingExists,
    NoSuchTenant,
    NoSuchAccount,
    AccountExists,
    AccountOfFile,
    BadAccountName,
    WeakPassword(WeakPassword),
    SerialElsewhere(TenantId),
    SerialTaken(AccountName),
    BadCapacity,
    BadPasswords(PasswordFault),
    NobodyHosts,
    NotStored,
    Draining,
    Unavailable,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::BadPasswords(fault) => {
                return refusal(StatusCode::UNPROCESSABLE_ENTITY, &fault.to_string());
            }
            Self::WeakPassword(weak) => return refusal(StatusCode::UNPROCESSABLE_ENTITY, &weak.to_string()),
            // ROOM-2: who holds it, and nothing more.
            Self::SerialElsewhere(tenant) => {
                return refusal(StatusCode::CONFLICT, &format!("tenant {tenant} has this serial number"));
            }
            Self::SerialTaken(account) => {
                return refusal(StatusCode::CONFLICT, &format!("account {account} has this serial number"));
            }
            Self::NoSuchAccount => (StatusCode::NOT_FOUND, "there is no account of that name"),
            Self::AccountExists => {
                (StatusCode::CONFLICT, "there is an account of that name; delete it first")
            }
            Self::AccountOfFile => {
                (StatusCode::CONFLICT, "the account is of the configuration; change it there and reload")
            }
            Self::BadAccountName => (StatusCode::UNPROCESSABLE_ENTITY, ACCOUNT_NAME),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "send the token as Authorization: Bearer TOKEN; to run one meeting, its ID and host password by Basic will do",
            ),
            Self::NoSuchMeeting => (StatusCode::NOT_FOUND, "there is no meeting of that ID"),
            Self::NoSuchLeg => (StatusCode::NOT_FOUND, "there is no such leg in that meeting"),
            Self::NoAccount => (
                StatusCode::FORBIDDEN,
                "who joined without an account can't claim the role; a phone is host by joining with the host password",
            ),
            Self::WrongHostPassword => (StatusCode::FORBIDDEN, "the host password is another"),
            Self::HostThere => (StatusCode::CONFLICT, "there is a host; release the role first"),
            Self::TriedTooOften => (
                StatusCode::TOO_MANY_REQUESTS,
                "the host password of this meeting was wrong too often of late; wait some minutes",
            ),
            Self::TooManyWatchers => (StatusCode::SERVICE_UNAVAILABLE, "too many watch already; close one"),
            Self::MeetingExists => (StatusCode::CONFLICT, "there is a meeting of that ID; delete it first"),
            Self::NoSuchTenant => {
                (StatusCode::UNPROCESSABLE_ENTITY, "there is no such tenant; the configuration names them")
            }
            Self::BadCapacity => (StatusCode::UNPROCESSABLE_ENTITY, "capacity is 1 to 100000"),
            Self::NobodyHosts => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "entry is with-host and there is no host_password: guests would wait for nobody",
            ),
            Self::NotStored => {
                (StatusCode::SERVICE_UNAVAILABLE, "the store did not take it; nothing was changed")
            }
            Self::Draining => (StatusCode::SERVICE_UNAVAILABLE, "the gateway drains: it takes no new calls"),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "the gateway is stopping or overloaded; try again")
            }
        };
        let mut response = (status, Json(serde_json::json!({ "error": message }))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2.
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer, Basic"));
        }
        response
    }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(serde_json::json!({ "error": message }))).into_response()
}

/// All routes.
pub fn router(admin: Arc<Admin>) -> Router {
    let guarded = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/drain", post(drain).delete(take_calls))
        .route("/v1/calls", get(calls))
        .route("/v1/meetings", get(meetings::list).post(meetings::create))
        .route("/v1/meetings/{id}", get(meetings::show).delete(meetings::delete))
        .route("/v1/accounts", get(accounts::list).post(accounts::create))
        .route("/v1/accounts/{name}", get(accounts::show).patch(accounts::change).delete(accounts::delete))
        .route("/v1/licences", get(accounts::licences))
        .route("/v1/registrations", get(registrations::list))
        .route("/v1/registrations/{account}", get(registrations::show))
        .route("/v1/strangers", get(registrations::strangers))
        .route("/v1/events", get(events::watch))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&admin), authorize));
    let hosts = Router::new()
        .route("/v1/meetings/{id}/control", post(meetings::control))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&admin), authorize_host));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(guarded)
        .merge(hosts)
        .with_state(admin)
}

async fn authorize(State(admin): State<Arc<Admin>>, request: HttpRequest, next: Next) -> Response {
    if bears_token(&admin, request.headers()) {
        in_time(&admin, next.run(request)).await
    } else {
        Refused::Unauthorized.into_response()
    }
}

/// MEET-2: with the token, or with the meeting's ID and host password as user and password (RFC 7617).
async fn authorize_host(
    State(admin): State<Arc<Admin>>,
    Path(meeting): Path<MeetingId>,
    request: HttpRequest,
    next: Next,
) -> Response {
    if bears_token(&admin, request.headers()) {
        return in_time(&admin, next.run(request)).await;
    }
    let Some(password) = host_password(request.headers(), meeting) else {
        return Refused::Unauthorized.into_response();
    };
    let checked = async {
        match ask(&admin, |answer| Request::CheckHost(meeting, password, answer)).await {
            Ok(HostCheck::Right) => next.run(request).await,
            Ok(HostCheck::Wrong) => Refused::Unauthorized.into_response(),
            Ok(HostCheck::TooOften) => Refused::TriedTooOften.into_response(),
            Err(refused) => refused.into_response(),
        }
    };
    in_time(&admin, checked).await
}

fn bears_token(admin: &Admin, headers: &HeaderMap) -> bool {
    credentials(headers, "Bearer").is_some_and(|token| admin.token.matches(token))
}

/// RFC 9110 §11.4: the name of a scheme has no case.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (name, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then_some(credentials)
}

/// The password of whoever says by its user name that it is about this meeting.
fn host_password(headers: &HeaderMap, meeting: MeetingId) -> Option<Secret> {
    let decoded = BASE64_STANDARD.decode(credentials(headers, "Basic")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    (user.parse() == Ok(meeting)).then(|| Secret::new(password.to_owned()))
}

async fn in_time(admin: &Admin, response: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(admin.timeout, response).await {
        Ok(response) => response,
        Err(_) => Refused::Unavailable.into_response(),
    }
}

async fn ready(State(admin): State<Arc<Admin>>) -> Result<&'static str, Refused> {
    match tokio::time::timeout(admin.timeout, ask(&admin, Request::Status)).await {
        Ok(Ok(load)) if load.state == Serves::Running => Ok("ready\n"),
        Ok(Ok(_)) => Err(Refused::Draining),
        Ok(Err(_)) | Err(_) => Err(Refused::Unavailable),
    }
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Result<impl IntoResponse, Refused> {
    let text = admin.metrics.encode().map_err(|_| Refused::Unavailable)?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}

async fn calls(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<CallView>>, Refused> {
    ask(&admin, Request::Calls).await.map(Json)
}

async fn status(State(admin): State<Arc<Admin>>) -> Result<Json<Status>, Refused> {
    let load = ask(&admin, Request::Status).await?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Json(Status {
        version,
        node: admin.node,
        boot: admin.boot,
        uptime_seconds: admin.started.elapsed().as_secs(),
        load,
        media: MediaStatus { ports: admin.ports, ..admin.metrics.media() },
        records_lost: admin.metrics.records_lost(),
        weak: admin.weak.clone(),
    }))
}

/// REL-3: no new calls; the gateway stops once the last is over.
async fn drain(State(admin): State<Arc<Admin>>) -> Result<StatusCode, Refused> {
    ask(&admin, |answer| Request::Serve(Serves::Draining, answer)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Takes calls again.
async fn take_calls(State(admin): State<Arc<Admin>>) -> Result<StatusCode, Refused> {
    ask(&admin, |answer| Request::Serve(Serves::Running, answer)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn ask_desk<T>(
    admin: &Admin,
    request: impl FnOnce(oneshot::Sender<T>) -> DeskRequest,
) -> Result<T, Refused> {
    ask(admin, |answer| Request::Desk(request(answer))).await
}

async fn ask<T>(admin: &Admin, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Refused> {
    let (answer, answered) = oneshot::channel();
    admin.shard.send(request(answer)).await.map_err(|_| Refused::Unavailable)?;
    answered.await.map_err(|_| Refused::Unavailable)
}
