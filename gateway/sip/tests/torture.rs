//! The messages of RFC 4475 and RFC 5118, where they are at hand.

use bytes::Bytes;
use serde::Deserialize;
use sip::{
    endpoint::{Endpoint, EndpointConfig, Event, Input, Limits, Listener, ListenerId, Output, SessionTimer},
    transaction::Timers,
    wire::{Host, Message, Transport, parse},
};
use std::{fs, path::Path};
use terms::{
    entropy::Entropy,
    id::{BootEpoch, NodeId, Origin, ShardId},
    time::Now,
};

#[derive(Deserialize)]
struct Verdicts {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    file: String,
    title: String,
    kind: String,
    parses: Parses,
    outcome: Vec<String>,
    #[serde(default)]
    outcome_without_registrar: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Parses {
    Always(bool),
    Either(String),
}

#[test]
fn rfc4475_and_rfc5118_messages_parse_as_their_verdicts_say() {
    let mut wrong = Vec::new();
    for (case, bytes) in cases() {
        let parsed = parse(bytes);
        let is_right = match &case.parses {
            Parses::Always(expected) => *expected == parsed.is_ok(),
            Parses::Either(word) => word == "either",
        };
        if !is_right {
            let fault = parsed.as_ref().err().map_or_else(|| "parsed".into(), ToString::to_string);
            wrong.push(format!("{} ({}): {fault}", case.file, case.title));
        }
        if let Ok(message) = &parsed {
            assert_eq!(kind_of(message), case.kind, "{}", case.file);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rfc4475_and_rfc5118_messages_are_answered_as_their_verdicts_say() {
    let mut wrong = Vec::new();
    for (case, bytes) in cases() {
        let seen = outcome(bytes);
        let permitted = if case.outcome_without_registrar.is_empty() {
            &case.outcome
        } else {
            &case.outcome_without_registrar
        };
        if !permitted.iter().any(|word| fits(word, &seen)) {
            wrong.push(format!("{} ({}): {seen}, not one of {permitted:?}", case.file, case.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an endpoint makes of a datagram: a status, `told` for an INVITE that its owner is to answer,
/// or `ignore`.
fn outcome(bytes: Bytes) -> String {
    let mut endpoint = Endpoint::new(config(), Entropy::from_seed([1; 4]));
    let source = "192.0.2.99:5060".parse().expect("an address");
    endpoint.handle_input(Now::default(), Input::Datagram { listener: ListenerId(0), source, bytes });
    let mut seen = "ignore".to_owned();
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Event(Event::Invited(_)) => seen = "told".into(),
            Output::Transmit { bytes, .. } => {
                // An answer to a malformed request copies what is malformed: only its status is read.
                let code =
                    bytes.get("SIP/2.0 ".len()..).and_then(|rest| rest.get(..3)).expect("a status line");
                seen = String::from_utf8_lossy(code).into_owned();
            }
            Output::Event(_) | Output::Write { .. } | Output::Connect { .. } | Output::Disconnect { .. } => {}
        }
    }
    seen
}

/// Whether what was seen is what a verdict's word permits. A body that we cannot use, the owner refuses.
fn fits(word: &str, seen: &str) -> bool {
    const POLICY_EXCLUDES: [&str; 13] =
        ["400", "406", "414", "415", "416", "420", "481", "482", "483", "500", "501", "505", "513"];
    match word {
        "accept" => seen == "told" || seen == "200",
        "406" | "415" | "488" => seen == "told" || seen == word,
        "3xx-6xx" => {
            seen.parse::<u16>().is_ok_and(|status| status >= 300) && !POLICY_EXCLUDES.contains(&seen)
        }
        "error" => seen.parse::<u16>().is_ok_and(|status| status >= 400),
        word => seen == word,
    }
}

fn config() -> EndpointConfig {
    let (host, port) = (Host::V4([192, 0, 2, 10].into()), 5060);
    EndpointConfig {
        origin: Origin { node: NodeId(1), shard: ShardId(0), boot: BootEpoch(1) },
        timers: Timers::RFC,
        session: SessionTimer::RFC,
        limits: Limits::DEFAULT,
        product: "gateway".into(),
        accept: "application/sdp".into(),
        listeners: vec![Listener { id: ListenerId(0), transport: Transport::Udp, host, port }],
    }
}

fn kind_of(message: &Message) -> String {
    match message {
        Message::Request(request) => format!("request {}", request.method),
        Message::Response(response) => format!("response {}", response.status),
    }
}

/// The cases and their bytes; none where the data is not at hand.
#[expect(
    clippy::disallowed_methods,
    reason = "a test finds its data by the environment and reads it from files"
)]
fn cases() -> Vec<(Case, Bytes)> {
    let Ok(folder) = std::env::var("GATEWAY_TEST_DATA") else {
        println!("skipped: GATEWAY_TEST_DATA names no folder");
        return Vec::new();
    };
    let folder = Path::new(&folder);
    let text = fs::read_to_string(folder.join("verdicts.toml")).expect("verdicts.toml is there");
    let verdicts: Verdicts = toml::from_str(&text).expect("verdicts.toml reads");
    let with_bytes = |case: Case| {
        let bytes = fs::read(folder.join(&case.file)).expect("the data folder is whole");
        (case, Bytes::from(bytes))
    };
    verdicts.case.into_iter().map(with_bytes).collect()
}
