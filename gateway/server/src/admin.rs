//! The administration over HTTP: health, metrics, and the embedded core's meetings.

mod meetings;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request as HttpRequest, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use call::core::PasswordFault;
use serde::{Deserialize, Serialize};
use terms::{BootEpoch, NodeId, Secret, TenantId};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::{
    driver::{Load, Request},
    record::Metrics,
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

/// Why a request was not carried out, and what to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Unauthorized,
    NoSuchMeeting,
    MeetingExists,
    NoSuchTenant,
    BadCapacity,
    BadPasswords(PasswordFault),
    NotStored,
    Unavailable,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::BadPasswords(fault) => {
                let error = serde_json::json!({ "error": fault.to_string() });
                return (StatusCode::UNPROCESSABLE_ENTITY, Json(error)).into_response();
            }
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "send the token as Authorization: Bearer TOKEN"),
            Self::NoSuchMeeting => (StatusCode::NOT_FOUND, "there is no meeting of that ID"),
            Self::MeetingExists => (StatusCode::CONFLICT, "there is a meeting of that ID; delete it first"),
            Self::NoSuchTenant => {
                (StatusCode::UNPROCESSABLE_ENTITY, "there is no such tenant; the configuration names them")
            }
            Self::BadCapacity => (StatusCode::UNPROCESSABLE_ENTITY, "capacity is 1 to 100000"),
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
        .route("/v1/meetings", get(meetings::list).post(meetings::create))
        .route("/v1/meetings/{id}", get(meetings::show).delete(meetings::delete))
        .route("/v1/meetings/{id}/control", post(meetings::control))
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

async fn ask<T>(admin: &Admin, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Refused> {
    let (answer, answered) = oneshot::channel();
    admin.shard.send(request(answer)).await.map_err(|_| Refused::Unavailable)?;
    answered.await.map_err(|_| Refused::Unavailable)
}
