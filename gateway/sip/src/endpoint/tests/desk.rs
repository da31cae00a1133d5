//! One endpoint, whose peer is the test.

use crate::endpoint::*;
use crate::{
    transaction::Timers,
    wire::{Host, MaxForwards, NameAddr, Transport, Uri},
};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};
use bytes::Bytes;
use core::{net::SocketAddr, time::Duration};
use terms::{
    entropy::Entropy,
    id::{BootEpoch, NodeId, Origin, ShardId},
    time::{Instant, Now, WallTime},
};

pub(super) const LISTENER: ListenerId = ListenerId(1);
pub(super) const CALLED: DialogId = DialogId::outgoing(1);

/// An endpoint at 192.0.2.10 and its peer at 192.0.2.20.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) endpoint: Endpoint,
    pub(super) now: Instant,
}

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) sent: Vec<String>,
    pub(super) destinations: Vec<SocketAddr>,
    pub(super) events: Vec<Event>,
    pub(super) written: Vec<(ConnectionId, String)>,
    pub(super) connects: Vec<SocketAddr>,
    pub(super) closed: Vec<ConnectionId>,
}

pub(super) fn config(node: u16, host: [u8; 4]) -> EndpointConfig {
    EndpointConfig {
        origin: Origin { node: NodeId(node), shard: ShardId(0), boot: BootEpoch(1) },
        timers: Timers::RFC,
        session: SessionTimer::RFC,
        limits: Limits::DEFAULT,
        product: "gateway".into(),
        accept: "application/sdp".into(),
        listeners: vec![Listener {
            id: LISTENER,
            transport: Transport::Udp,
            host: Host::V4(host.into()),
            port: 5060,
            registers: Registers::No,
        }],
    }
}

pub(super) fn at(now: Instant) -> Now {
    Now { mono: now, wall: WallTime::default() }
}

pub(super) fn uri(text: &str) -> Uri {
    Uri::try_from(text).expect("a URI")
}

pub(super) fn sdp(text: &'static str) -> Option<Body> {
    Some(Body::sdp(Bytes::from_static(text.as_bytes())))
}

pub(super) fn invite_to(destination: &str) -> Command {
    Command::Invite(Box::new(Invite {
        dialog: CALLED,
        uri: uri("sip:callee@example.com"),
        hop: Hop::new(LISTENER, destination.parse().expect("an address")),
        from: NameAddr::new(uri("sip:caller@gateway.example")).named("Caller".into()),
        to: NameAddr::new(uri("sip:callee@example.com")),
        max_forwards: MaxForwards::INITIAL,
        body: sdp("v=0"),
        headers: vec![ExtraHeader { name: "X-Trace".into(), value: "a\r\nInjected: b".into() }],
    }))
}

impl Desk {
    pub(super) fn new() -> Self {
        Self::with(config(1, [192, 0, 2, 10]))
    }

    pub(super) fn with(config: EndpointConfig) -> Self {
        let endpoint = Endpoint::new(config, Entropy::from_seed([1, 2, 3, 4]));
        Self { endpoint, now: Instant::from_nanos(1_000_000_000) }
    }

    pub(super) fn feed(&mut self, text: &str) -> Seen {
        self.feed_from("192.0.2.20:5060", text)
    }

    pub(super) fn feed_from(&mut self, source: &str, text: &str) -> Seen {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let source = source.parse().expect("an address");
        self.input(Input::Datagram { listener: LISTENER, source, bytes })
    }

    pub(super) fn command(&mut self, command: Command) -> Seen {
        self.input(Input::Command(command))
    }

    pub(super) fn input(&mut self, input: Input) -> Seen {
        self.endpoint.handle_input(at(self.now), input);
        self.drain()
    }

    pub(super) fn drain(&mut self) -> Seen {
        let mut seen = Seen::default();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, destination, .. } => {
                    seen.sent.push(String::from_utf8_lossy(&bytes).into_owned());
                    seen.destinations.push(destination);
                }
                Output::Write { connection, bytes } => {
                    seen.written.push((connection, String::from_utf8_lossy(&bytes).into_owned()));
                }
                Output::Connect { destination, .. } => seen.connects.push(destination),
                Output::Disconnect { connection } => seen.closed.push(connection),
                Output::Event(event) => seen.events.push(event),
            }
        }
        seen
    }

    /// Lets time pass, each deadline met as it comes.
    pub(super) fn wait(&mut self, time: Duration) -> Seen {
        let end = self.now + time;
        let mut all = Seen::default();
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let seen = self.input(Input::Timeout);
            all.sent.extend(seen.sent);
            all.destinations.extend(seen.destinations);
            all.events.extend(seen.events);
            all.written.extend(seen.written);
            all.connects.extend(seen.connects);
            all.closed.extend(seen.closed);
        }
        self.now = end;
        all
    }

    /// An INVITE comes and is answered 200; what its ACK needs.
    pub(super) fn answered(&mut self) -> (DialogId, String) {
        let seen = self.feed(&Ask::invite().text());
        let dialog = seen.invited();
        let seen = self.command(Command::Answer { dialog, body: sdp("v=0"), headers: vec![] });
        (dialog, to_tag(&seen.sent[0]))
    }

    /// The same, and its ACK has come.
    pub(super) fn confirmed(&mut self) -> (DialogId, String) {
        let (dialog, tag) = self.answered();
        self.feed(&Ask::ack(&tag).text());
        (dialog, tag)
    }
}

impl Seen {
    pub(super) fn invited(&self) -> DialogId {
        let invited = self.events.iter().find_map(|event| match event {
            Event::Invited(invited) => Some(invited.dialog),
            _ => None,
        });
        invited.expect("an INVITE is told")
    }

    /// The start lines of what was sent.
    pub(super) fn lines(&self) -> Vec<&str> {
        self.sent.iter().map(|text| text.lines().next().unwrap_or_default()).collect()
    }

    /// The names of the events, those that only count apart.
    pub(super) fn told(&self) -> Vec<String> {
        let events = self.events.iter().filter(|event| !matches!(event, Event::Counted(_)));
        events.map(name_of).collect()
    }

    pub(super) fn counted(&self) -> Vec<Counted> {
        let counted = self.events.iter().filter_map(|event| match event {
            Event::Counted(counted) => Some(counted.clone()),
            _ => None,
        });
        counted.collect()
    }
}

pub(super) fn name_of(event: &Event) -> String {
    match event {
        Event::Failed { failure, .. } => format!("Failed {}", failure.status()),
        Event::Ended { ending, .. } => {
            format!("Ended {}", format!("{ending:?}").split('(').next().unwrap_or_default())
        }
        Event::Progressed { response, .. } => format!("Progressed {}", response.status),
        Event::Accepted { response, .. } => format!("Accepted {}", response.status),
        Event::ReofferAnswered { response, .. } => format!("ReofferAnswered {}", response.status),
        Event::Invited(_) => "Invited".into(),
        Event::ProgressAcknowledged { .. } => "ProgressAcknowledged".into(),
        Event::Acknowledged { .. } => "Acknowledged".into(),
        Event::Reoffered { .. } => "Reoffered".into(),
        Event::ReofferWithdrawn { .. } => "ReofferWithdrawn".into(),
        Event::Info { .. } => "Info".into(),
        Event::Probed { .. } => "Probed".into(),
        Event::Registering(_) => "Registering".into(),
        Event::Counted(_) => "Counted".into(),
    }
}

/// The value of a header of a message.
pub(super) fn header(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default().into()
}

pub(super) fn to_tag(text: &str) -> String {
    header(text, "To").split(";tag=").nth(1).unwrap_or_default().into()
}

/// A request of the test.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) uri: &'static str,
    pub(super) branch: String,
    pub(super) cseq: u32,
    pub(super) to_tag: String,
    pub(super) extra: String,
    pub(super) body: &'static str,
}

impl Ask {
    pub(super) fn new(method: &'static str, cseq: u32, to_tag: &str) -> Self {
        Self {
            method,
            uri: "sip:gateway@192.0.2.10",
            branch: format!("z9hG4bK-{method}-{cseq}"),
            cseq,
            to_tag: to_tag.into(),
            extra: "Contact: <sip:phone@192.0.2.20>\r\n".into(),
            body: "",
        }
    }

    pub(super) fn invite() -> Self {
        Self { body: "v=0", ..Self::new("INVITE", 1, "") }
    }

    pub(super) fn ack(tag: &str) -> Self {
        Self::new("ACK", 1, tag)
    }

    /// RFC 3261 §9.1.
    pub(super) fn cancel(self) -> Self {
        Self { method: "CANCEL", body: "", extra: "Reason: Q.850;cause=26\r\n".into(), ..self }
    }

    pub(super) fn with(self, extra: &str) -> Self {
        Self { extra: format!("{}{extra}\r\n", self.extra), ..self }
    }

    pub(super) fn text(&self) -> String {
        let Self { method, uri, branch, cseq, extra, body, .. } = self;
        let tag = if self.to_tag.is_empty() { String::new() } else { format!(";tag={}", self.to_tag) };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20;branch={branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:phone@192.0.2.20>;tag=phone\r\nTo: <sip:gateway@192.0.2.10>{tag}\r\nCall-ID: call\r\n\
             CSeq: {cseq} {method}\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// An answer of the test to a request that the endpoint sent.
pub(super) fn answer(request: &str, status: &str, tag: &str, body: &str) -> String {
    let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
    let (via, from, to) = (header(request, "Via"), header(request, "From"), header(request, "To"));
    let (call_id, cseq) = (header(request, "Call-ID"), header(request, "CSeq"));
    let to = to.split(";tag=").next().unwrap_or_default();
    format!(
        "SIP/2.0 {status} Phrase\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}{tag}\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq}\r\nContact: <sip:callee@192.0.2.20:5070>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
