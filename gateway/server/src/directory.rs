//! Meetings that are booked elsewhere (CORE-1): looked up over HTTP.
//!
//! ```text
//!   GET URL/v1/meetings/ID   Authorization: Bearer TOKEN
//!     200  the meeting, as `POST /v1/meetings` of our own API takes it
//!     404  no meeting has this ID
//! ```
//!
//! Of several URLs the one that answered last is asked first; who does not answer is passed over (CORE-2). Anything else
//! is no answer: the caller hears that the service can't be reached, and the next one asks again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::{self, Request, StatusCode, header};
use bytes::Bytes;
use call::{
    core::{Meeting, PasswordFault},
    question::QuestionId,
};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use terms::{MeetingId, Secret};
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use crate::{admin::NewMeeting, config, shard::Booked};

/// Questions that may wait; a further one has no answer.
const QUEUE: usize = 1_024;
/// Questions that are asked at once.
const IN_FLIGHT: usize = 64;
/// A meeting has some hundred octets.
const MAX_ANSWER: usize = 64 * 1024;

/// The way to the directory.
#[derive(Debug)]
pub struct Directory(mpsc::Sender<(QuestionId, MeetingId)>);

/// What it answers; each question once.
pub type Answers = mpsc::Receiver<(QuestionId, Booked)>;

/// Too many questions wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Directory {
    /// Makes the client; nothing is asked before [`Directory::ask`].
    pub fn start(settings: config::Directory) -> (Self, Answers) {
        let (questions, queue) = mpsc::channel(QUEUE);
        let (answers, answered) = mpsc::channel(QUEUE);
        tokio::spawn(serve(Arc::new(Lookups::new(settings)), queue, answers));
        (Self(questions), answered)
    }

    /// Asks which meeting has this ID.
    pub fn ask(&self, id: QuestionId, meeting: MeetingId) -> Result<(), Full> {
        self.0.try_send((id, meeting)).map_err(|_| Full)
    }
}

async fn serve(
    lookups: Arc<Lookups>,
    mut questions: mpsc::Receiver<(QuestionId, MeetingId)>,
    answers: mpsc::Sender<(QuestionId, Booked)>,
) {
    let mut flying = JoinSet::new();
    loop {
        tokio::select! {
            asked = questions.recv(), if flying.len() < IN_FLIGHT => {
                let Some((id, meeting)) = asked else { return };
                let (lookups, answers) = (Arc::clone(&lookups), answers.clone());
                flying.spawn(async move {
                    let booked = lookups.look_up(meeting).await;
                    // The shard is gone only when the gateway stops.
                    answers.send((id, booked)).await.ok();
                });
            }
            Some(_) = flying.join_next(), if !flying.is_empty() => {}
        }
    }
}

/// Why a URL gave no answer.
#[derive(Debug, Error)]
enum LookupError {
    #[error("{0}")]
    Request(#[from] http::Error),
    #[error("{0}")]
    Connection(#[from] legacy::Error),
    #[error("does not answer")]
    TimedOut,
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("its answer breaks off, or is longer than {MAX_ANSWER} octets")]
    Body,
    #[error("what it answered is no meeting: {0}")]
    Meeting(#[from] serde_json::Error),
    #[error("the meeting's passwords won't do: {0:?}")]
    Passwords(PasswordFault),
    #[error("it was asked for one meeting and told of another")]
    Another,
}

#[derive(Debug)]
struct Lookups {
    client: Client<HttpConnector, Empty<Bytes>>,
    urls: Vec<String>,
    token: Secret,
    timeout: Duration,
    /// Which URL answered last.
    good: AtomicUsize,
    /// Whether none did: it is logged once.
    is_away: AtomicBool,
}

impl Lookups {
    fn new(settings: config::Directory) -> Self {
        let config::Directory { urls, token, timeout } = settings;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, urls, token, timeout, good: AtomicUsize::new(0), is_away: AtomicBool::new(false) }
    }

    async fn look_up(&self, meeting: MeetingId) -> Booked {
        let first = self.good.load(Ordering::Relaxed);
        let count = self.urls.len();
        for (index, url) in self.urls.iter().enumerate().cycle().skip(first).take(count) {
            let share = self.timeout / u32::try_from(count).unwrap_or(1);
            let asked = timeout(share, self.ask(url, meeting)).await;
            match asked.unwrap_or(Err(LookupError::TimedOut)) {
                Ok(booked) => {
                    self.good.store(index, Ordering::Relaxed);
                    if self.is_away.swap(false, Ordering::Relaxed) {
                        tracing::info!(%url, "the directory answers again");
                    }
                    return booked;
                }
                Err(error) if self.is_away.load(Ordering::Relaxed) => {
                    tracing::debug!(%url, %error, "the directory");
                }
                Err(error) => tracing::warn!(%url, %error, "the directory"),
            }
        }
        self.is_away.store(true, Ordering::Relaxed);
        Booked::Unreachable
    }

    async fn ask(&self, url: &str, meeting: MeetingId) -> Result<Booked, LookupError> {
        let request = Request::get(format!("{url}/v1/meetings/{meeting}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.reveal()))
            .body(Empty::new())?;
        let response = self.client.request(request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Booked::Nobody),
            status => return Err(LookupError::Status(status)),
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|_| LookupError::Body)?.to_bytes();
        read(&body, meeting).map(|meeting| Booked::Meeting(Box::new(meeting)))
    }
}

fn read(body: &[u8], asked: MeetingId) -> Result<Meeting, LookupError> {
    let meeting = serde_json::from_slice::<NewMeeting>(body)?.meeting();
    meeting.passwords.check().map_err(LookupError::Passwords)?;
    if meeting.id == asked { Ok(meeting) } else { Err(LookupError::Another) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "900100001";

    fn answer(body: &str) -> Result<Meeting, LookupError> {
        read(body.as_bytes(), ID.parse().expect("digits"))
    }

    #[test]
    fn core_1_a_meeting_is_told_as_our_own_api_takes_it() {
        let body =
            r#"{"id": "900100001", "tenant": "demo", "host_password": "4321", "guest_password": "1234"}"#;
        let meeting = answer(body).expect("a meeting");
        assert_eq!((meeting.id.to_string(), meeting.tenant.as_str()), (ID.to_owned(), "demo"));
    }

    #[test]
    fn what_is_no_such_meeting_is_no_answer() {
        for (name, body) in [
            ("no JSON", "<html>"),
            ("another meeting", r#"{"id": "900100002", "tenant": "demo", "guest_password": "1234"}"#),
            ("a key that nobody knows", r#"{"id": "900100001", "tenant": "demo", "pasword": "1234"}"#),
            (
                "one password for two",
                r#"{"id": "900100001", "tenant": "demo", "host_password": "1234", "guest_password": "1234"}"#,
            ),
        ] {
            assert!(answer(body).is_err(), "{name}");
        }
    }
}
