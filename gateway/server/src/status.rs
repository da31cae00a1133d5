//! Asks a running gateway how it is, over its own HTTP API.

use std::{fmt, io, time::Duration};

use call::switch::Census;
use interwork::{GateView, gates::Refused, registrations::Registered};
use terms::Secret;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    admin::Status,
    admission::{AdmissionState, AdmissionView},
    driver::State,
    net::defence::{DefenceView, Unheard},
};

/// An answer takes a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer has some hundred octets, and some for each trunk.
const MAX_ANSWER: u64 = 1 << 20;

/// Why there is no answer, and what to do.
#[derive(Debug, Error)]
pub enum StatusError {
    /// It is no address that we can ask.
    #[error("\"{0}\" won't do; write --http http://HOST:PORT")]
    Address(String),
    /// Nobody is there.
    #[error("{address}: {error}; is the gateway running, and is that its `http.address`?")]
    Unreachable {
        /// Who was asked.
        address: String,
        /// Why not.
        error: io::Error,
    },
    /// It takes its time.
    #[error("{0} does not answer; its log says why")]
    Silent(String),
    /// The token is wrong.
    #[error("the gateway does not know the token; give its `http.token` by --token")]
    Unauthorized,
    /// It said something else than expected.
    #[error("{address} answered \"{line}\"; is that a gateway?")]
    Strange {
        /// Who was asked.
        address: String,
        /// Its first line.
        line: String,
    },
}

/// `GET /v1/status` of the gateway at `url` (`http://HOST:PORT`).
pub async fn ask(url: &str, token: &Secret) -> Result<Status, StatusError> {
    let (address, body) = request(url, token, "GET /v1/status").await?;
    let strange = || StatusError::Strange { address, line: "something else than a status".to_owned() };
    serde_json::from_str(&body).map_err(|_| strange())
}

/// Has the gateway at `url` take no new calls, and stop with the last; or take calls again.
pub async fn serve(url: &str, token: &Secret, state: State) -> Result<(), StatusError> {
    let request_line = match state {
        State::Draining => "POST /v1/drain",
        State::Running => "DELETE /v1/drain",
    };
    request(url, token, request_line).await.map(drop)
}

/// Who was asked, and what it answered.
async fn request(url: &str, token: &Secret, request: &str) -> Result<(String, String), StatusError> {
    let address = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let address = address.filter(|address| !address.is_empty() && !address.contains(['/', ' ']));
    let address = address.ok_or_else(|| StatusError::Address(url.to_owned()))?;
    let unreachable = |error| StatusError::Unreachable { address: address.to_owned(), error };
    let answer = timeout(PATIENCE, exchange(address, token, request)).await;
    let answer = answer.map_err(|_| StatusError::Silent(address.to_owned()))?.map_err(unreachable)?;
    Ok((address.to_owned(), read(address, &answer)?))
}

/// One request, one answer, one connection (RFC 9112 §9.6).
async fn exchange(address: &str, token: &Secret, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let token = token.reveal();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
    Ok(answer)
}

fn read(address: &str, answer: &str) -> Result<String, StatusError> {
    let line = answer.lines().next().unwrap_or_default();
    let strange = || StatusError::Strange { address: address.to_owned(), line: line.to_owned() };
    match line.split(' ').nth(1) {
        Some("200" | "202" | "204") => {
            let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(strange)?;
            Ok(body.to_owned())
        }
        Some("401") => Err(StatusError::Unauthorized),
        _ => Err(strange()),
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, node, boot, uptime_seconds, load, media, .. } = self;
        let state = match load.state {
            State::Running => "running",
            State::Draining => "draining: no new calls, stops with the last one",
        };
        writeln!(f, "gateway {version}, node {}, start {}, up {}", node.0, boot.0, Span(*uptime_seconds))?;
        writeln!(f, "state         {state}")?;
        let AdmissionView { state, admitted_percent, reason, loads } = &load.admission;
        match (state, reason) {
            (AdmissionState::Open, _) | (_, None) => writeln!(f, "admission     open")?,
            (AdmissionState::HoldingBack | AdmissionState::Shut, Some(reason)) => {
                writeln!(
                    f,
                    "admission     {admitted_percent} % of new calls are taken, because of {reason}"
                )?;
            }
        }
        writeln!(
            f,
            "load          shard {} %, worker {} %, tick lag {} ms, ports {} %, memory {} %",
            loads.shard_percent,
            loads.worker_percent,
            loads.tick_lag_ms,
            loads.ports_percent,
            loads.memory_percent
        )?;
        let Census {
            ringing,
            early_media,
            in_ivr,
            waiting,
            in_meetings,
            bridged,
            in_apps,
            clearing,
            by_trunk,
        } = &load.census;
        writeln!(
            f,
            "calls         {:>6}   {ringing} ringing, {early_media} heard before the answer, {in_ivr} in the IVR, {waiting} waiting, {in_meetings} in meetings, \
             {bridged} halves of calls between two, {in_apps} at apps, {clearing} ending",
            load.calls
        )?;
        writeln!(f, "  red         {:>6}", load.red)?;
        for (trunk, calls) in by_trunk {
            writeln!(f, "  {:<11} {calls:>6}", trunk.as_str())?;
        }
        for gate in &load.gates {
            write_gate(f, gate)?;
        }
        writeln!(f, "meetings      {:>6}   {} with somebody in", load.meetings, load.busy_meetings)?;
        writeln!(f, "participants  {:>6}", load.participants)?;
        let Registered { accounts, bindings, flapping } = load.registered;
        writeln!(
            f,
            "registered    {accounts:>6}   of {} accounts, {bindings} bindings, {flapping} flapping",
            load.accounts
        )?;
        write_defence(f, &load.defence)?;
        writeln!(f, "leases        {:>6}", load.leases)?;
        writeln!(f, "media ports   {:>6}   of {}", media.ports_open, media.ports)?;
        writeln!(f, "packets in    {:>6}   {} of strangers", media.packets_received, media.packets_foreign)?;
        write!(f, "packets out   {:>6}", media.packets_sent)?;
        self.write_warnings(f)
    }
}

impl Status {
    /// What somebody should look at.
    fn write_warnings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media, records_lost, weak, .. } = self;
        if media.ticks_missed > 0 {
            write!(f, "\nWARNING       {:>6} ticks missed: a media worker was held up", media.ticks_missed)?;
        }
        for listener in weak {
            write!(f, "\nWARNING       {listener} is weak: it speaks TLS 1.0")?;
        }
        if *records_lost > 0 {
            write!(
                f,
                "\nERROR         {records_lost:>6} records lost: the journal can't keep up, or its disk is full"
            )?;
        }
        if media.isolation_violations > 0 {
            write!(f, "\nERROR         {:>6} isolation violations: report this", media.isolation_violations)?;
        }
        Ok(())
    }
}

/// What came by a trunk or a listener that has a limit.
fn write_gate(f: &mut fmt::Formatter<'_>, view: &GateView) -> fmt::Result {
    let GateView { gate, in_use, channels, calls_per_second, refused } = view;
    let channels = channels.map(|channels| format!("of {channels}"));
    let rate = calls_per_second.map(|rate| format!("{rate} a second"));
    let limits = channels.into_iter().chain(rate).collect::<Vec<_>>().join(", ");
    let name = format!("{} {}", gate.kind(), gate.name());
    let Refused { channels, rate } = refused;
    writeln!(f, "{name:<13} {in_use:>6}   {limits}; refused {channels} over channels, {rate} over rate")
}

/// Who was not heard, and why.
fn write_defence(f: &mut fmt::Formatter<'_>, view: &DefenceView) -> fmt::Result {
    let DefenceView { banned, known, unheard } = view;
    let of = |reason| unheard.get(&reason).copied().unwrap_or(0);
    writeln!(
        f,
        "banned        {banned:>6}   {known} known; unheard {} over budget, {} of scanners, {} of who is banned, {} connections too many",
        of(Unheard::Budget),
        of(Unheard::Scanner),
        of(Unheard::Banned),
        of(Unheard::Connections)
    )
}

/// Seconds, as people say them.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds @ 0..60 => write!(f, "{seconds} s"),
            seconds @ 60..3_600 => write!(f, "{} min", seconds / 60),
            seconds @ 3_600..86_400 => write!(f, "{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
            seconds => write!(f, "{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
        }
    }
}

#[cfg(test)]
mod tests {
    use interwork::{Gate, Rate};
    use terms::{BootEpoch, NodeId};

    use super::*;
    use crate::{admin::MediaStatus, driver::Load};

    #[test]
    fn an_answer_is_a_status_or_says_what_to_do() {
        let gates = vec![GateView {
            gate: Gate::Trunk("carrier".into()),
            in_use: 12,
            channels: Some(30),
            calls_per_second: Rate::try_from(2.5).ok(),
            refused: Refused { channels: 3, rate: 1 },
        }];
        let unheard = [(Unheard::Budget, 7), (Unheard::Scanner, 3)].into();
        let defence = DefenceView { banned: 2, known: 5, unheard };
        let load = Load { calls: 2, gates, defence, ..Load::default() };
        let status = Status {
            version: "0.1.0".to_owned(),
            node: NodeId(1),
            boot: BootEpoch(7),
            uptime_seconds: 7_300,
            load,
            media: MediaStatus { isolation_violations: 1, ..MediaStatus::default() },
            records_lost: 0,
            weak: vec!["tls-legacy:192.0.2.10:5063".into()],
        };
        let body = serde_json::to_string(&status).expect("JSON");
        let good = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{body}");
        let body = read("127.0.0.1:8080", &good).expect("a status");
        let status: Status = serde_json::from_str(&body).expect("a status");
        let told = status.to_string();
        assert!(told.contains("start 7, up 2 h 1 min") && told.contains("1 isolation violations"), "{told}");
        assert!(!told.contains("records lost"), "{told}");
        let weak = "WARNING       tls-legacy:192.0.2.10:5063 is weak: it speaks TLS 1.0";
        assert!(told.lines().any(|line| line == weak), "{told}");
        let unheard = "banned             2   5 known; unheard 7 over budget, 3 of scanners, 0 of who is banned, 0 connections too many";
        assert!(told.lines().any(|line| line == unheard), "{told}");
        let limited = "12   of 30, 2.5 a second; refused 3 over channels, 1 over rate";
        assert!(
            told.lines().any(|line| line.starts_with("trunk carrier ") && line.ends_with(limited)),
            "{told}"
        );
        let cases = [
            ("HTTP/1.1 401 Unauthorized\r\n\r\n", "--token"),
            ("HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found"),
            ("", "is that a gateway"),
        ];
        for (answer, remedy) in cases {
            let error = read("127.0.0.1:8080", answer).expect_err("no status").to_string();
            assert!(error.contains(remedy), "{error}");
        }
    }
}
