//! What an endpoint makes of a message, and whether a verdict permits it.

use bytes::Bytes;
use sip::{
    endpoint::{
        Endpoint, EndpointConfig, Event, Input, Limits, Listener, ListenerId, Output, Registers, SessionTimer,
    },
    transaction::Timers,
    wire::{Host, Message, Transport},
};
use terms::{
    entropy::Entropy,
    id::{BootEpoch, NodeId, Origin, ShardId},
    time::Now,
};

/// What an endpoint makes of a datagram: a status, `told` for an INVITE that its owner is to answer,
/// or `ignore`.
pub(crate) fn outcome(bytes: Bytes) -> String {
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
pub(crate) fn fits(word: &str, seen: &str) -> bool {
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
        listeners: vec![Listener {
            id: ListenerId(0),
            transport: Transport::Udp,
            host,
            port,
            registers: Registers::No,
        }],
    }
}

pub(crate) fn kind_of(message: &Message) -> String {
    match message {
        Message::Request(request) => format!("request {}", request.method),
        Message::Response(response) => format!("response {}", response.status),
    }
}
