//! Carries packets of one codec through two ports that hear each other, on virtual time, to a peer that speaks another.
//!
//! usage: `bridged_sound CODEC CODEC < packets > packets`
//!
//! CODEC is pcmu, pcma, g722, opus, l16 or l16-narrow: of who speaks, and of who hears. A packet of 20 ms is its length in two
//! octets, the lesser first, and its payload. Nothing of what is heard was made by who reads it: the encoder of the
//! one peer and the decoder of the other are somebody else's.

use std::{
    env,
    error::Error,
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use media::{Channel, Engine, EngineSettings, Input, Output, Prompts, Quarantine, Range, SlotId};
use rtp::{HEADER_LEN, Header, Packet, SequenceNumber, Timestamp, write_header};
use terms::{
    Direction, Entropy, Instant, Now, PortId, WallTime, WorkerId,
    media::{Codec, Command, Format, OpusWish, PayloadType, Ptime, Route, RtcpPath, Sources, Ssrc, Stream},
};

const TICK: Duration = Duration::from_millis(20);
/// From a tick of the gateway to the packet's arrival.
const PHASE: Duration = Duration::from_millis(7);
const SPEAKER: PortId = port(1);
const LISTENER: PortId = port(2);
/// What the jitter buffer holds comes out when the last packet is in.
const LAST: u32 = 10;

const fn port(serial: u64) -> PortId {
    PortId { worker: WorkerId(0), serial }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bridged_sound: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [speaks, hears] = arguments else { return Err("usage: bridged_sound CODEC CODEC".into()) };
    let mut said = Vec::new();
    io::stdin().read_to_end(&mut said)?;
    let mut bridge = Bridge::new(codec_of(speaks)?, codec_of(hears)?)?;
    let mut left = said.as_slice();
    while let [low, high, rest @ ..] = left {
        let (payload, rest) = rest
            .split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))
            .ok_or("a packet ends too soon")?;
        bridge.say(payload);
        left = rest;
    }
    (0..LAST).for_each(|_| bridge.tick());
    io::stdout().write_all(&bridge.heard)?;
    Ok(())
}

fn codec_of(name: &str) -> Result<Codec, String> {
    Ok(match name {
        "pcmu" => Codec::Pcmu,
        "pcma" => Codec::Pcma,
        "g722" => Codec::G722,
        "opus" => Codec::Opus,
        "l16" => Codec::L16,
        "l16-narrow" => Codec::L16Narrow,
        _ => return Err(format!("{name}: no such codec")),
    })
}

/// Two ports, and the time.
struct Bridge {
    engine: Engine,
    now: Now,
    speaks: Codec,
    sequence: u16,
    timestamp: u32,
    heard: Vec<u8>,
}

impl Bridge {
    fn new(speaks: Codec, hears: Codec) -> Result<Self, Box<dyn Error>> {
        let range = Range { zone: "trunk".into(), address: [127, 0, 0, 1].into(), first: 10_000, pairs: 2 };
        let settings = EngineSettings {
            id: WorkerId(0),
            workers: 1,
            ranges: vec![range],
            quarantine: Quarantine::default(),
            prompts: Arc::new(Prompts::default()),
            identity: None,
        };
        let now = Now { mono: Instant::from_nanos(1_000_000_000), wall: WallTime::from_unix_nanos(1 << 60) };
        let engine = Engine::new(now.mono, settings, Entropy::from_seed([1, 2, 3, 4]));
        let mut bridge = Self { engine, now, speaks, sequence: 0, timestamp: 0, heard: Vec::new() };
        for (port, codec) in [(SPEAKER, speaks), (LISTENER, hears)] {
            bridge.command(Command::Open { port, zone: "trunk".into(), sources: Sources::default() });
            bridge.command(Command::Connect { port, stream: Box::new(stream(codec)?) });
        }
        for (port, other) in [(SPEAKER, LISTENER), (LISTENER, SPEAKER)] {
            bridge.command(Command::Route { port, route: Route::Peer { port: other } });
        }
        Ok(bridge)
    }

    fn command(&mut self, command: Command) {
        self.feed(Input::Command(command));
    }

    fn feed(&mut self, input: Input<'_>) {
        self.engine.handle_input(self.now, input);
        let mut bound = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Bind { slot, .. } => bound.push(slot),
                Output::Transmit { slot: SlotId(1), channel: Channel::Rtp, bytes, .. } => {
                    let packet =
                        Packet::parse(bytes).map(|packet| packet.payload().to_vec()).unwrap_or_default();
                    let length = u16::try_from(packet.len()).unwrap_or(0);
                    self.heard.extend(length.to_le_bytes());
                    self.heard.extend(packet);
                }
                _ => {}
            }
        }
        for slot in bound {
            self.feed(Input::Bound(slot));
        }
    }

    /// A packet comes, and a tick goes by.
    fn say(&mut self, payload: &[u8]) {
        let mut bytes = vec![0; HEADER_LEN + payload.len()];
        let header = Header {
            payload_type: PayloadType(96),
            marker: self.sequence == 0,
            sequence: SequenceNumber(self.sequence),
            timestamp: Timestamp(self.timestamp),
            ssrc: Ssrc(7),
        };
        write_header(&mut bytes, &header);
        bytes[HEADER_LEN..].copy_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.speaks.clock_rate().hz() / 50);
        self.pass(PHASE);
        self.feed(Input::Packet {
            slot: SlotId(0),
            channel: Channel::Rtp,
            source: SocketAddr::from(([192, 0, 2, 1], 4_000)),
            bytes: &bytes,
        });
        self.pass(TICK.saturating_sub(PHASE));
    }

    fn tick(&mut self) {
        self.pass(TICK);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now.mono + time;
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= until) {
            self.now.mono = self.now.mono.max(at);
            self.feed(Input::Timeout);
        }
        self.now.mono = until;
    }
}

fn stream(codec: Codec) -> Result<Stream, Box<dyn Error>> {
    let format = Format { payload_type: PayloadType(96), codec };
    Ok(Stream {
        remote: "192.0.2.1:4000".parse()?,
        remote_rtcp: "192.0.2.1:4001".parse()?,
        direction: Direction::SendReceive,
        send: format,
        ptime: Ptime::MS_20,
        receive: vec![format],
        receive_events: None,
        send_events: None,
        comfort_noise: None,
        opus: OpusWish::default(),
        rtcp: RtcpPath::Apart,
        srtp: None,
        dtls: None,
        ice: None,
    })
}
