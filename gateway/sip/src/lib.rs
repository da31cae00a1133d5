//! SIP as values: messages, transactions, dialogs, endpoint. No socket, clock or random source.
//!
//! ```text
//!   datagrams, connections           commands, events
//!            │ ▲                         │ ▲
//!  ┌─────────▼─┴─────────────────────────▼─┴───────┐
//!  │ endpoint     one INVITE usage: stage machine  │
//!  │    │    │                                     │
//!  │    │  dialog        ids, routes, CSeq (§12)   │
//!  │    │                                          │
//!  │  transaction        four machines (§17)       │
//!  └────┬──────────────────────────────────────────┘
//!     wire                cut streams, parse once, write header by header
//! ```
//!
//! The contract: feed one [`Input`](endpoint::Input), drain all [`Output`](endpoint::Output), wait
//! until [`poll_timeout`](endpoint::Endpoint::poll_timeout), in that order.
//!
//! - The endpoint names the calls that come in; whoever commands a call names it with
//!   [`DialogId::outgoing`](endpoint::DialogId::outgoing).
//! - A call ends with exactly one `Failed` or `Ended`, its last event. What the wire still needs after
//!   it (CANCEL, ACK and BYE for a late 2xx, retransmissions) goes on inside.
//! - All that a peer can see of a call is in its [`DialogSnapshot`](endpoint::DialogSnapshot).
//! - Input never panics, and every limit has a name and a counter.
//!
//! ```
//! use sip::endpoint::{Command, Endpoint, Event, Input, Output};
//! # use sip::{endpoint::*, transaction::Timers, wire::{Host, Transport}};
//! # use terms::{entropy::Entropy, id::*, time::Now};
//! # let origin = Origin { node: NodeId(1), shard: ShardId(0), boot: BootEpoch(1) };
//! # let (id, transport, host) = (ListenerId(0), Transport::Udp, Host::V4([192, 0, 2, 1].into()));
//! # let config = EndpointConfig {
//! #     origin, timers: Timers::RFC, session: SessionTimer::RFC, limits: Limits::DEFAULT, product: "gateway".into(),
//! #     accept: "application/sdp".into(), listeners: vec![Listener { id, transport, host, port: 5060, registers: Registers::No }],
//! # };
//! # let invite = "INVITE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\
//! #     From: <sip:b@192.0.2.9>;tag=b\r\nTo: <sip:a@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
//! #     Contact: <sip:b@192.0.2.9>\r\n\r\n";
//! # let (listener, source) = (ListenerId(0), "192.0.2.9:5060".parse().expect("an address"));
//! # let (now, mut sent) = (Now::default(), Vec::new());
//! let mut endpoint = Endpoint::new(config, Entropy::from_seed([1, 2, 3, 4]));
//! endpoint.handle_input(now, Input::Datagram { listener, source, bytes: invite.into() });
//! while let Some(output) = endpoint.poll_output() {
//!     match output {
//!         Output::Transmit { bytes, .. } => sent.push(bytes),
//!         Output::Event(Event::Invited(invited)) => {
//!             let answer = Command::Answer { dialog: invited.dialog, body: None, headers: vec![] };
//!             endpoint.handle_input(now, Input::Command(answer));
//!         }
//!         Output::Write { .. } | Output::Connect { .. } | Output::Disconnect { .. } => {} // streams
//!         Output::Event(_) => {}
//!     }
//! }
//! assert!(sent[0].starts_with(b"SIP/2.0 100 Trying") && sent[1].starts_with(b"SIP/2.0 200 OK"));
//! assert!(endpoint.poll_timeout().is_some(), "the 200 is sent until its ACK comes");
//! ```
#![no_std]
#![warn(missing_docs)]

extern crate alloc;

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod registrar;
pub mod transaction;
pub mod wire;
