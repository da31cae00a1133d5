//! Asks a running gateway how it is, over its own HTTP API.

use std::{fmt, io, time::Duration};

use terms::Secret;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::admin::Status;

/// An answer takes a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer has two hundred octets.
const MAX_ANSWER: u64 = 64 * 1024;

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
    let address = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let address = address.filter(|address| !address.is_empty() && !address.contains(['/', ' ']));
    let address = address.ok_or_else(|| StatusError::Address(url.to_owned()))?;
    let unreachable = |error| StatusError::Unreachable { address: address.to_owned(), error };
    let answer = timeout(PATIENCE, exchange(address, token)).await;
    let answer = answer.map_err(|_| StatusError::Silent(address.to_owned()))?.map_err(unreachable)?;
    read(address, &answer)
}

/// One request, one answer, one connection (RFC 9112 §9.6).
async fn exchange(address: &str, token: &Secret) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let token = token.reveal();
    let request = format!(
        "GET /v1/status HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
    Ok(answer)
}

fn read(address: &str, answer: &str) -> Result<Status, StatusError> {
    let line = answer.lines().next().unwrap_or_default();
    let strange = || StatusError::Strange { address: address.to_owned(), line: line.to_owned() };
    match line.split(' ').nth(1) {
        Some("200") => {
            let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(strange)?;
            serde_json::from_str(body).map_err(|_| strange())
        }
        Some("401") => Err(StatusError::Unauthorized),
        _ => Err(strange()),
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, node, boot, load } = self;
        writeln!(f, "gateway {version}, node {}, start {}", node.0, boot.0)?;
        writeln!(f, "calls         {:>6}", load.calls)?;
        writeln!(f, "  red         {:>6}", load.red)?;
        writeln!(f, "meetings      {:>6}", load.meetings)?;
        writeln!(f, "participants  {:>6}", load.participants)?;
        write!(f, "leases        {:>6}", load.leases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_or_says_what_to_do() {
        let body = r#"{"version":"0.1.0","node":1,"boot":7,"load":{"calls":2,"red":1,"meetings":3,"participants":1,"leases":1}}"#;
        let good = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{body}");
        let status = read("127.0.0.1:8080", &good).expect("a status");
        assert!(status.to_string().contains("start 7") && status.load.calls == 2, "{status}");
        let cases = [
            ("HTTP/1.1 401 Unauthorized\r\n\r\n", "--token"),
            ("HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found"),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", "is that a gateway"),
            ("", "is that a gateway"),
        ];
        for (answer, remedy) in cases {
            let error = read("127.0.0.1:8080", answer).expect_err("no status").to_string();
            assert!(error.contains(remedy), "{error}");
        }
    }
}
