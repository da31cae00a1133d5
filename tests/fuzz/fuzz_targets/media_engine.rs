//! A media engine with two ports of two meetings, fed with any datagrams: no panic, and no packet of
//! one meeting's talker is ever taken for another's.
#![no_main]

use std::{net::{IpAddr, SocketAddr}, sync::Arc, time::Duration};

use libfuzzer_sys::fuzz_target;
use media::{Channel, Engine, EngineSettings, Input, Output, Prompts, Quarantine, Range, SlotId};
use terms::{
    Direction, Entropy, Instant, LeaseEpoch, MeetingTag, Now, PortId, WallTime, WorkerId,
    media::{Codec, Command, Format, PayloadType, Ptime, Route, Sources, Stream, Voice},
};

fuzz_target!(|bytes: &[u8]| {
    let mut now = Now { mono: Instant::from_nanos(1), wall: WallTime::from_unix_nanos(1 << 60) };
    let mut engine = engine(now);
    for meeting in 0..2_u8 {
        open(&mut engine, now, meeting);
    }
    // Each chunk: one octet says which port and channel and how much time passes, one how long it is.
    let mut rest = bytes;
    while let [control, length, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        let channel = if control & 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
        let source = peer(control & 1);
        let slot = SlotId(u32::from(control & 1));
        feed(&mut engine, now, Input::Packet { slot, channel, source, bytes: datagram });
        now.mono += Duration::from_millis(u64::from(control >> 2));
        feed(&mut engine, now, Input::Timeout);
    }
    assert_eq!(engine.counted().isolation_violations, 0);
});

fn engine(now: Now) -> Engine {
    let range = Range { zone: "trunk".into(), address: IpAddr::from([127, 0, 0, 1]), first: 10_000, pairs: 2 };
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

fn peer(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 4_000))
}

fn open(engine: &mut Engine, now: Now, number: u8) {
    let port = PortId { worker: WorkerId(0), serial: u64::from(number) };
    let format = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
    let stream = Box::new(Stream {
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
        srtp: None,
        dtls: None,
    });
    let meeting = format!("90010000{number}").parse().expect("digits");
    let tag = MeetingTag { meeting, epoch: LeaseEpoch(u64::from(number)) };
    feed(engine, now, Input::Command(Command::Open { port, zone: "trunk".into(), sources: Sources::default() }));
    feed(engine, now, Input::Bound(SlotId(u32::from(number))));
    feed(engine, now, Input::Command(Command::Connect { port, stream }));
    let route = Route::Meeting { tag, voice: Voice::Heard };
    feed(engine, now, Input::Command(Command::Route { port, route }));
}

fn feed(engine: &mut Engine, now: Now, input: Input<'_>) {
    engine.handle_input(now, input);
    while let Some(output) = engine.poll_output() {
        if let Output::Transmit { slot, destination, .. } = output {
            assert_eq!(destination, peer(u8::try_from(slot.0).expect("two slots")), "media goes to its owner");
        }
    }
}
