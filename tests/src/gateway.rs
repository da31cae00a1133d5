//! The gateway under simulation: a shard and one media engine.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use call::{Event, LegRecord};
use media::{Channel, Engine, EngineSettings, Prompts};
use server::{
    config::{self, Config},
    program,
    shard::{self, Shard, Snapshot},
};
use sip::endpoint::ListenerId;
use terms::{
    BootEpoch, CallId, Entropy, LegId, Now, WorkerId,
    media::{Command, PortSnapshot},
};

use crate::network::{Datagram, Network};

/// Where the simulated gateway listens.
pub const ADDRESS: &str = "127.0.0.1:5060";

/// A configuration for simulations: what `conf/demo.toml` has, with a small port range.
const CONFIG: &str = r#"
[[listener]]
zone = "trunk"
transport = "udp"
address = "127.0.0.1:5060"
[media]
[[media.range]]
zone = "trunk"
address = "127.0.0.1"
ports = "10000-10399"
[http]
address = "127.0.0.1:8080"
token = "simulated"
[[tenant]]
name = "demo"
[[trunk]]
name = "local"
zone = "trunk"
peers = ["127.0.0.0/8"]
[[meetings]]
ids = "900100001-900100010"
tenant = "demo"
host_password = "4321"
guest_password = "1234"
capacity = 3
[[meetings]]
ids = "900100099"
tenant = "demo"
host_password = "4321"
guest_password = "1234"
lock = "locked"
[[access_number]]
number = "02153290005"
languages = ["zh"]
[[access_number]]
number = "02153290029"
languages = ["zh", "en"]
[dialplan]
routes = [
  "0215329000[5] -> ivr",
  "0215329002[9] -> ivr",
  "9001 -> app:echo",
  "9002 -> app:ring(2s),tone(1kHz)",
  "9003 -> app:ring(20s),echo",
]
"#;

/// A call's image: control and media together.
#[derive(Debug, Clone)]
pub struct Image {
    call: String,
    port: Option<String>,
}

/// Shard and engine, with what they told.
#[derive(Debug)]
pub struct Gateway {
    shard: Shard,
    engine: Engine,
    config: Config,
    prompts: Arc<Prompts>,
    starts: u64,
    /// What happened to calls, in order.
    pub events: Vec<(CallId, Event)>,
    /// The records of legs that are over.
    pub records: Vec<LegRecord>,
}

impl Gateway {
    /// A gateway that just started.
    pub fn start(now: Now) -> Self {
        Self::configured(now, &[])
    }

    /// A gateway with settings laid over the simulation's.
    pub fn configured(now: Now, overrides: &[(&str, &str)]) -> Self {
        let overrides: Vec<_> =
            overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let config = config::parse("simulation.toml", CONFIG, &overrides).expect("the simulation's own file");
        let prompts = Arc::new(prompts());
        let (shard, engine) = boot(now, &config, &prompts, 0);
        Self { shard, engine, config, prompts, starts: 0, events: Vec::new(), records: Vec::new() }
    }

    /// Crashes, and goes on from images of every call: all that the peers could see is kept.
    pub fn restart(&mut self, now: Now, network: &mut Network) {
        let legs = self.shard.legs();
        let images: Vec<Image> = legs.iter().filter_map(|leg| self.image(*leg)).collect();
        self.starts += 1;
        (self.shard, self.engine) = boot(now, &self.config, &self.prompts, self.starts);
        for image in images {
            let snapshot: Snapshot = serde_json::from_str(&image.call).expect("what was serialized");
            self.shard.restore(now, snapshot).expect("a name of its own");
            if let Some(port) = image.port {
                let port: PortSnapshot = serde_json::from_str(&port).expect("what was serialized");
                self.engine.restore(&port);
            }
        }
        self.drain(now, network);
    }

    /// A datagram came.
    pub fn receive(&mut self, now: Now, datagram: &Datagram, network: &mut Network) {
        if datagram.to == address() {
            let bytes = bytes::Bytes::copy_from_slice(&datagram.bytes);
            let listener = ListenerId(0);
            self.shard.handle_input(now, shard::Input::Datagram { listener, source: datagram.from, bytes });
        } else if let Some((slot, channel)) = self.slot(datagram.to) {
            let bytes = &datagram.bytes;
            self.engine
                .handle_input(now, media::Input::Packet { slot, channel, source: datagram.from, bytes });
        }
        self.drain(now, network);
    }

    /// The administration speaks.
    pub fn administer(&mut self, now: Now, input: shard::Input, network: &mut Network) {
        self.shard.handle_input(now, input);
        self.drain(now, network);
    }

    /// When time is due.
    pub fn poll_timeout(&self) -> Option<terms::Instant> {
        [self.shard.poll_timeout(), self.engine.poll_timeout()].into_iter().flatten().min()
    }

    /// Time passed.
    pub fn on_time(&mut self, now: Now, network: &mut Network) {
        if self.shard.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.shard.handle_input(now, shard::Input::Timeout);
        }
        if self.engine.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.engine.handle_input(now, media::Input::Timeout);
        }
        self.drain(now, network);
    }

    /// The shard, to look into.
    pub const fn shard(&self) -> &Shard {
        &self.shard
    }

    /// The engine, to look into.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether nothing of any call is left: no call, lease, port or room.
    pub fn is_at_rest(&self) -> bool {
        let counted = self.engine.counted();
        self.shard.calls() == 0
            && self.shard.leases() == 0
            && counted.ports_open == 0
            && counted.rooms_open == 0
    }

    fn image(&self, leg: LegId) -> Option<Image> {
        let snapshot = self.shard.snapshot(leg)?;
        let port = self.engine.snapshot(snapshot.call.port());
        Some(Image {
            call: serde_json::to_string(&snapshot).expect("a snapshot serializes"),
            port: port.map(|port| serde_json::to_string(&port).expect("a snapshot serializes")),
        })
    }

    fn slot(&self, address: SocketAddr) -> Option<(media::SlotId, Channel)> {
        let range = self.config.media.ranges.first()?;
        let offset = address.port().checked_sub(range.first)?;
        let channel = if offset % 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
        Some((media::SlotId(u32::from(offset / 2)), channel))
    }

    fn address(&self, slot: media::SlotId, channel: Channel) -> SocketAddr {
        let first = self.config.media.ranges.first().map_or(0, |range| range.first);
        let offset = u16::try_from(slot.0 * 2).expect("a small range") + u16::from(channel == Channel::Rtcp);
        SocketAddr::new(IpAddr::from([127, 0, 0, 1]), first + offset)
    }

    fn drain(&mut self, now: Now, network: &mut Network) {
        loop {
            let mut reports = Vec::new();
            let mut bound = Vec::new();
            while let Some(output) = self.engine.poll_output() {
                match output {
                    media::Output::Bind { slot, .. } => bound.push(slot),
                    media::Output::Report(report) => reports.push(report),
                    media::Output::Transmit { slot, channel, destination, bytes } => {
                        let bytes = bytes.to_vec();
                        network.send(now.mono, self.address(slot, channel), destination, &bytes);
                    }
                }
            }
            let commands = self.drain_shard(now, network);
            if reports.is_empty() && bound.is_empty() && commands.is_empty() {
                return;
            }
            for slot in bound {
                self.engine.handle_input(now, media::Input::Bound(slot));
            }
            for command in commands {
                self.engine.handle_input(now, media::Input::Command(command));
            }
            for report in reports {
                self.shard.handle_input(now, shard::Input::Media(report));
            }
        }
    }

    fn drain_shard(&mut self, now: Now, network: &mut Network) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some(output) = self.shard.poll_output() {
            match output {
                shard::Output::Transmit { destination, bytes, .. } => {
                    network.send(now.mono, address(), destination, &bytes);
                }
                shard::Output::Media(command) => commands.push(command),
                shard::Output::Event(call, event) => self.events.push((call, event)),
                shard::Output::Record(record) => self.records.push(*record),
                shard::Output::Counted(_) => {}
            }
        }
        commands
    }
}

fn boot(now: Now, config: &Config, prompts: &Arc<Prompts>, start: u64) -> (Shard, Engine) {
    let mut entropy = Entropy::from_seed([7, 11, 13, start]);
    let boot = BootEpoch(u32::try_from(start + 1).expect("few starts"));
    let settings = program::shard_settings(config, boot);
    let engine = EngineSettings {
        ranges: config.media.ranges.iter().map(|range| range.share(WorkerId(0).0, 1)).collect(),
        quarantine: config.media.quarantine,
        prompts: Arc::clone(prompts),
    };
    (Shard::new(settings, entropy.split()), Engine::new(now.mono, engine, entropy))
}

/// The shipped recordings, so that prompts last as long as they do.
fn prompts() -> Prompts {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/prompts");
    server::recordings::load(&folder).expect("the shipped recordings")
}

fn address() -> SocketAddr {
    ADDRESS.parse().expect("an address")
}
