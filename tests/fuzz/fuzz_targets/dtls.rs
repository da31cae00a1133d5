//! Any records to a port that is to shake hands: it sends nothing but records, and reports no more than that it has no keys.
#![no_main]

use std::{cell::OnceCell, sync::Arc, time::Duration};

use libfuzzer_sys::fuzz_target;
use media::{Channel, Engine, EngineSettings, Identity, Input, Output, Prompts, Quarantine, Range, SlotId};
use terms::{
    Direction, Entropy, Instant, Now, PortId, WallTime, WorkerId,
    media::{
        Codec, Command, DtlsRole, DtlsTerms, Fingerprint, FingerprintHash, Format, PayloadType, Ptime,
        Report, Route, RtcpPath, Sources, Stream,
    },
};

const PORT: PortId = PortId { worker: WorkerId(0), serial: 1 };
const TICK: Duration = Duration::from_millis(20);

thread_local! {
    static IDENTITY: OnceCell<Arc<Identity>> = const { OnceCell::new() };
}

fn identity() -> Arc<Identity> {
    IDENTITY.with(|cell| Arc::clone(cell.get_or_init(|| Arc::new(Identity::of(&[7; 32]).expect("a key")))))
}

fn engine(now: Now) -> Engine {
    let zone = "trunk".into();
    let settings = EngineSettings {
        id: WorkerId(0),
        workers: 1,
        ranges: vec![Range { zone, address: [127, 0, 0, 1].into(), first: 10_000, pairs: 2 }],
        quarantine: Quarantine::default(),
        prompts: Arc::new(Prompts::default()),
        identity: Some(identity()),
    };
    Engine::new(now.mono, settings, Entropy::from_seed([1, 2, 3, 4]))
}

fn stream(role: DtlsRole, rtcp: RtcpPath) -> Box<Stream> {
    let format = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
    let theirs = Fingerprint::new(FingerprintHash::Sha256, vec![7; 32]).into_iter().collect();
    Box::new(Stream {
        remote: ([192, 0, 2, 1], 4_000).into(),
        remote_rtcp: ([192, 0, 2, 1], 4_001).into(),
        direction: Direction::SendReceive,
        send: format,
        ptime: Ptime::MS_20,
        receive: vec![format],
        receive_events: None,
        send_events: None,
        comfort_noise: None,
        opus: terms::media::OpusWish::default(),
        rtcp,
        srtp: None,
        dtls: Some(Box::new(DtlsTerms { role, theirs })),
        ice: None,
    })
}

fn feed(engine: &mut Engine, now: Now, input: Input<'_>) {
    engine.handle_input(now, input);
    while let Some(output) = engine.poll_output() {
        match output {
            Output::Transmit { bytes, .. } => {
                assert_eq!(rtp::classify(bytes), rtp::Datagram::Dtls, "in clear")
            }
            Output::Report(Report::Digit { .. } | Report::Played { .. }) => {
                panic!("it heard or said something")
            }
            _ => {}
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let role = if first & 1 == 0 { DtlsRole::Passive } else { DtlsRole::Active };
    let path = if first & 2 == 0 { RtcpPath::Muxed } else { RtcpPath::Apart };
    let mut now = Now { mono: Instant::from_nanos(1_000_000_000), wall: WallTime::from_unix_nanos(1 << 60) };
    let mut engine = engine(now);
    feed(
        &mut engine,
        now,
        Input::Command(Command::Open { port: PORT, zone: "trunk".into(), sources: Sources::default() }),
    );
    feed(&mut engine, now, Input::Bound(SlotId(0)));
    feed(&mut engine, now, Input::Command(Command::Connect { port: PORT, stream: stream(role, path) }));
    feed(&mut engine, now, Input::Command(Command::Route { port: PORT, route: Route::Tone { hz: 400 } }));
    let channel = if path == RtcpPath::Muxed { Channel::Rtp } else { Channel::Rtcp };
    let source = if channel == Channel::Rtp { 4_000 } else { 4_001 };
    // Each record behind its length in two octets.
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(behind.len());
        let (record, behind) = behind.split_at(length);
        rest = behind;
        let source = ([192, 0, 2, 1], source).into();
        feed(&mut engine, now, Input::Packet { slot: SlotId(0), channel, source, bytes: record });
        now.mono += TICK;
        feed(&mut engine, now, Input::Timeout);
    }
});
