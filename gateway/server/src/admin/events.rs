//! `GET /v1/events`: what changes in the meetings, as server-sent events.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{Query, State},
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use terms::MeetingId;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

use super::{Admin, Refused, ask};
use crate::{driver::Request, feed::Told};

/// What a watcher asks for.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Watched {
    /// One meeting alone.
    meeting: Option<MeetingId>,
}

/// First the meetings as they are (`snapshot`), then every change. Who reads too slowly is told how many changes it
/// lost (`lost`), and asks for the meetings anew.
pub(super) async fn watch(
    State(admin): State<Arc<Admin>>,
    Query(Watched { meeting }): Query<Watched>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let place = Arc::clone(&admin.watchers).try_acquire_owned().map_err(|_| Refused::TooManyWatchers)?;
    // Watched before it is looked at: what changes in between is told twice, not never.
    let told = admin.feed.watch();
    let mut meetings = ask(&admin, Request::List).await?;
    meetings.retain(|view| meeting.is_none_or(|meeting| meeting == view.summary.id));
    let snapshot = Event::default().event("snapshot").json_data(meetings);
    let snapshot = snapshot.map_err(|_| Refused::Unavailable)?;
    let changes = stream::unfold((told, meeting, place), next);
    let events = stream::once(async { snapshot }).chain(changes).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

type Watcher = (broadcast::Receiver<Told>, Option<MeetingId>, OwnedSemaphorePermit);

async fn next((mut told, meeting, place): Watcher) -> Option<(Event, Watcher)> {
    loop {
        let event = match told.recv().await {
            Ok(told) if meeting.is_some_and(|meeting| meeting != told.meeting()) => continue,
            Ok(told) => Event::default().event(told.name()).json_data(told),
            Err(broadcast::error::RecvError::Lagged(lost)) => {
                Event::default().event("lost").json_data(serde_json::json!({ "changes": lost }))
            }
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        if let Ok(event) = event {
            return Some((event, (told, meeting, place)));
        }
    }
}
