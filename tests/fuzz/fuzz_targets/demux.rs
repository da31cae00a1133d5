//! Any datagram from any source to ports of every kind: RTP, RTCP, STUN, DTLS or noise, in clear and under keys, by
//! themselves, in two meetings, two that hear each other, one that answers connectivity checks, and one that rests. No panic, no
//! packet of one meeting's talker is taken for another's, and nothing but the answer to a check is ever sent to a source that the
//! port may not take (ISO-3).
#![no_main]

use std::{net::{IpAddr, SocketAddr}, sync::Arc, time::Duration};

use libfuzzer_sys::fuzz_target;
use media::{Channel, Engine, EngineSettings, Input, Output, Prompts, Quarantine, Range, SlotId};
use terms::{
    Direction, Entropy, Instant, LeaseEpoch, MeetingTag, Now, PortId, WallTime, WorkerId,
    media::{
        Codec, Command, FirstSource, Format, IceCredentials, IceTerms, KeyStock, PayloadType, Prefix, Ptime, Route, Sources, SrtpKeys,
        SrtpSuite, Stream, Voice,
    },
};

/// The kinds of ports; the number of each is its slot's.
const LATCHING: u32 = 0;
const KEYED: u32 = 1;
const STRICT: u32 = 2;
const TRUNK: u32 = 3;
const BRIDGED: [u32; 2] = [4, 5];
const MEETINGS: [u32; 2] = [6, 7];
const RESTING: u32 = 8;
/// Nobody guesses its password: a check moves nobody.
const CHECKED: u32 = 9;
const PORTS: u32 = 10;

fuzz_target!(|bytes: &[u8]| {
    let mut now = Now { mono: Instant::from_nanos(1), wall: WallTime::from_unix_nanos(1 << 60) };
    let mut engine = engine(now);
    for number in 0..PORTS {
        open(&mut engine, now, number);
    }
    feed(&mut engine, now, Input::Command(Command::Close { port: port(RESTING) }));
    // Each chunk: port and channel, source and whether the peer offers again, how much time passes, how long it is.
    let (mut rest, mut fed) = (bytes, 0);
    while let [to, from, passes, length, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        let number = u32::from(*to) % PORTS;
        if from & 0x80 != 0 {
            let stream = Box::new(stream(number));
            feed(&mut engine, now, Input::Command(Command::Connect { port: port(number), stream }));
        }
        let channel = if to & 0x80 == 0 { Channel::Rtp } else { Channel::Rtcp };
        let source = source(from & 0x7f);
        feed(&mut engine, now, Input::Packet { slot: SlotId(number), channel, source, bytes: datagram });
        fed += 1;
        now.mono += Duration::from_millis(4 * u64::from(*passes));
        feed(&mut engine, now, Input::Timeout);
    }
    let counted = engine.counted();
    assert_eq!((counted.isolation_violations, counted.packets_received), (0, fed));
});

fn engine(now: Now) -> Engine {
    let pairs = u16::try_from(PORTS).expect("a few");
    let range = Range { zone: "trunk".into(), address: IpAddr::from([127, 0, 0, 1]), first: 10_000, pairs };
    let settings = EngineSettings {
        id: WorkerId(0),
        workers: 1,
        ranges: vec![range],
        quarantine: Quarantine::default(),
        prompts: Arc::new(Prompts::default()),
        identity: None,
    };
    Engine::new(now.mono, settings, Entropy::from_seed([1, 2, 3, 4]))
}

/// Peers, their neighbors in a trunk's network, and strangers.
fn source(number: u8) -> SocketAddr {
    match number {
        0..=9 => peer(number.into()),
        10..=15 => SocketAddr::from(([192, 0, 2, number], 4_002)),
        16..=23 => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)], 4_000)),
        _ => SocketAddr::from(([198, 51, 100, number], 4_000)),
    }
}

fn peer(number: u32) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, u8::try_from(number).expect("a few")], 4_000))
}

fn network() -> Prefix {
    Prefix::new(IpAddr::from([192, 0, 2, 0]), 28).expect("28 bits of 32")
}

fn port(number: u32) -> PortId {
    PortId { worker: WorkerId(0), serial: number.into() }
}

fn stream(number: u32) -> Stream {
    let format = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
    let key = |seed| KeyStock::new([seed; KeyStock::LEN]).key(SrtpSuite::Aes128CmSha1Tag80);
    let keys = || Box::new(SrtpKeys { send: key(1), receive: key(2) });
    Stream {
        remote: peer(number),
        remote_rtcp: peer(number),
        direction: Direction::SendReceive,
        send: format,
        ptime: Ptime::MS_20,
        receive: vec![format, Format { payload_type: PayloadType(0), codec: Codec::Pcmu }],
        receive_events: Some(PayloadType(101)),
        send_events: Some(PayloadType(101)),
        comfort_noise: Some(PayloadType(13)),
        opus: terms::media::OpusWish::default(),
        rtcp: terms::media::RtcpPath::Apart,
        srtp: (number == KEYED).then(keys),
        dtls: None,
        ice: (number == CHECKED).then(|| Box::new(IceTerms { ours: credentials("evtj"), theirs: credentials("h6vY") })),
    }
}

fn credentials(ufrag: &str) -> IceCredentials {
    IceCredentials::new(ufrag.into(), "VOkJxbRl1RmTxUk/WvJxBt".into()).expect("they fit")
}

fn open(engine: &mut Engine, now: Now, number: u32) {
    let sources = match number {
        STRICT | CHECKED => Sources { first: FirstSource::Known, within: Vec::new() },
        TRUNK => Sources { first: FirstSource::Known, within: vec![network()] },
        _ => Sources::default(),
    };
    let route = match number {
        LATCHING | KEYED | STRICT | TRUNK | RESTING | CHECKED => Route::Echo,
        number if MEETINGS.contains(&number) => {
            let meeting = format!("90010000{number}").parse().expect("digits");
            Route::Meeting { tag: MeetingTag { meeting, epoch: LeaseEpoch(number.into()) }, voice: Voice::Heard }
        }
        other => Route::Peer { port: port(BRIDGED[0] + BRIDGED[1] - other) },
    };
    let id = port(number);
    feed(engine, now, Input::Command(Command::Open { port: id, zone: "trunk".into(), sources }));
    feed(engine, now, Input::Bound(SlotId(number)));
    feed(engine, now, Input::Command(Command::Connect { port: id, stream: Box::new(stream(number)) }));
    feed(engine, now, Input::Command(Command::Route { port: id, route }));
}

fn feed(engine: &mut Engine, now: Now, input: Input<'_>) {
    engine.handle_input(now, input);
    while let Some(output) = engine.poll_output() {
        let Output::Transmit { slot, destination, channel, bytes } = output else { continue };
        if slot.0 == CHECKED && rtp::classify(bytes) == rtp::Datagram::Stun {
            continue;
        }
        let negotiated = destination == peer(slot.0);
        let is_permitted = match (slot.0, channel) {
            // Nobody has its keys.
            (KEYED | STRICT | RESTING | CHECKED, Channel::Rtp) => negotiated,
            (KEYED, Channel::Rtcp) => negotiated,
            (STRICT | RESTING | CHECKED, Channel::Rtcp) => destination.ip() == peer(slot.0).ip(),
            (TRUNK, _) => negotiated || network().contains(destination.ip()),
            _ => true,
        };
        assert!(is_permitted, "{slot:?} sends {channel:?} to {destination}");
    }
}
