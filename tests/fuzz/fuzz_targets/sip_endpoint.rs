//! A whole user agent, fed with the mutated datagrams of dialogs. A NUL octet parts datagrams; its
//! successor says how much time passes and where the next comes from.
//!
//! Whatever comes: no panic, no growth past the limits, and once nothing comes any more, nothing is left.
#![no_main]

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip::{
    endpoint::{
        Body, Command, Endpoint, EndpointConfig, Event, Input, Limits, Listener, ListenerId, Output, Refusal, Reliability, Registers, SessionTimer,
    },
    transaction::Timers,
    wire::{Host, StatusCode, Text, Transport},
};
use terms::{BootEpoch, Entropy, Instant, NodeId, Now, Origin, ShardId, WallTime};

const LIMITS: Limits = Limits { dialogs: 20, transactions: 100, ..Limits::DEFAULT };

fuzz_target!(|bytes: &[u8]| {
    let mut agent = Agent::new();
    for (index, part) in bytes.split(|octet| *octet == 0).enumerate() {
        let (control, datagram) = if index == 0 { (0, part) } else { part.split_first().map_or((0, part), |(c, d)| (*c, d)) };
        agent.pass(Duration::from_millis(u64::from(control >> 2) * 250));
        let source = SocketAddr::from(([192, 0, 2, control & 3], 5060));
        let bytes = Bytes::copy_from_slice(datagram);
        agent.feed(Input::Datagram { listener: ListenerId(0), source, bytes });
        assert!(agent.endpoint.dialogs() <= LIMITS.dialogs);
        assert!(agent.endpoint.transactions() <= 2 * LIMITS.transactions);
    }
    agent.hang_up_all();
    agent.pass(Duration::from_secs(200));
    assert_eq!((agent.endpoint.dialogs(), agent.endpoint.transactions()), (0, 0), "something is left");
});

struct Agent {
    endpoint: Endpoint,
    now: Now,
    dialogs: Vec<sip::endpoint::DialogId>,
}

impl Agent {
    fn new() -> Self {
        let config = EndpointConfig {
            origin: Origin { node: NodeId(1), shard: ShardId(0), boot: BootEpoch(1) },
            timers: Timers::RFC,
            session: SessionTimer::RFC,
            limits: LIMITS,
            product: Text::from_static("fuzzed"),
            accept: Text::from_static("application/sdp"),
            listeners: vec![Listener {
                id: ListenerId(0),
                transport: Transport::Udp,
                host: Host::V4([192, 0, 2, 100].into()),
                port: 5060,
                registers: Registers::Yes,
            }],
        };
        let now = Now { mono: Instant::from_nanos(1), wall: WallTime::from_unix_nanos(1) };
        Self { endpoint: Endpoint::new(config, Entropy::from_seed([1, 2, 3, 4])), now, dialogs: Vec::new() }
    }

    fn feed(&mut self, input: Input) {
        self.endpoint.handle_input(self.now, input);
        while let Some(output) = self.endpoint.poll_output() {
            if let Output::Event(event) = output {
                self.react(event);
            }
        }
    }

    /// Answers every other call, refuses the rest; answers and refuses new offers in turn.
    fn react(&mut self, event: Event) {
        let command = match event {
            Event::Invited(invited) => {
                let dialog = invited.dialog;
                self.dialogs.push(dialog);
                let body = Some(Body::sdp(Bytes::from_static(b"v=0\r\n")));
                if dialog.as_u64() & 2 == 0 {
                    Command::Answer { dialog, body, headers: Vec::new() }
                } else {
                    Command::Progress { dialog, status: StatusCode::RINGING, body: None, reliability: Reliability::BestEffort, headers: Vec::new() }
                }
            }
            Event::Reoffered { dialog, request } if request.body.len() & 1 == 0 => {
                Command::AnswerReoffer { dialog, body: Some(Body::sdp(Bytes::from_static(b"v=0\r\n"))) }
            }
            Event::Reoffered { dialog, .. } => {
                Command::RefuseReoffer { dialog, refusal: Refusal::new(StatusCode::NOT_ACCEPTABLE_HERE) }
            }
            Event::Registering(registering) => {
                let status = if registering.source.port() & 1 == 0 { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
                Command::AnswerRegister { request: registering.id, status, headers: Vec::new() }
            }
            _ => return,
        };
        self.endpoint.handle_input(self.now, Input::Command(command));
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now.mono + time;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now.mono || at <= until, "a deadline that never passes");
            self.now.mono = self.now.mono.max(at);
            self.feed(Input::Timeout);
        }
        self.now.mono = until;
    }

    fn hang_up_all(&mut self) {
        for dialog in std::mem::take(&mut self.dialogs) {
            self.feed(Input::Command(Command::Hangup { dialog, reason: None }));
        }
    }
}
