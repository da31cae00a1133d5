//! A connection's bytes, cut anywhere: what is answered does not depend on where. The first octet
//! says how long the pieces are. Nobody answers the INVITEs: an owner's answer would come between.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip::{
    endpoint::{
        ConnectionId, Endpoint, EndpointConfig, Input, Limits, Listener, ListenerId, Output, Registers, SessionTimer,
    },
    transaction::Timers,
    wire::{Host, Text, Transport},
};
use terms::{BootEpoch, Entropy, Instant, NodeId, Now, Origin, ShardId, WallTime};

fuzz_target!(|bytes: &[u8]| {
    let Some((length, bytes)) = bytes.split_first() else { return };
    let whole = answers(bytes, bytes.len().max(1));
    let pieces = answers(bytes, usize::from(*length).max(1));
    assert!(whole == pieces, "{}\n---\n{}", String::from_utf8_lossy(&whole.0), String::from_utf8_lossy(&pieces.0));
});

/// Everything that is written back, and whether the connection was closed.
fn answers(bytes: &[u8], length: usize) -> (Vec<u8>, bool) {
    let now = Now { mono: Instant::from_nanos(1), wall: WallTime::from_unix_nanos(1) };
    let (listener, connection) = (ListenerId(0), ConnectionId(1));
    let mut endpoint = endpoint(listener);
    let peer = "192.0.2.1:40000".parse().expect("an address");
    endpoint.handle_input(now, Input::Connected { listener, connection, peer });
    let (mut written, mut closed) = (Vec::new(), false);
    for piece in bytes.chunks(length) {
        if closed {
            break;
        }
        endpoint.handle_input(now, Input::Stream { connection, bytes: Bytes::copy_from_slice(piece) });
        while let Some(output) = endpoint.poll_output() {
            match output {
                Output::Write { bytes, .. } => written.extend_from_slice(&bytes),
                Output::Disconnect { .. } => closed = true,
                Output::Transmit { .. } | Output::Connect { .. } | Output::Event(_) => {}
            }
        }
    }
    (written, closed)
}

fn endpoint(listener: ListenerId) -> Endpoint {
    let config = EndpointConfig {
        origin: Origin { node: NodeId(1), shard: ShardId(0), boot: BootEpoch(1) },
        timers: Timers::RFC,
        session: SessionTimer::RFC,
        limits: Limits::DEFAULT,
        product: Text::from_static("fuzzed"),
        accept: Text::from_static("application/sdp"),
        listeners: vec![Listener {
            id: listener,
            transport: Transport::Tcp,
            host: Host::V4([192, 0, 2, 100].into()),
            port: 5060,
            registers: Registers::Yes,
        }],
    };
    Endpoint::new(config, Entropy::from_seed([1, 2, 3, 4]))
}
