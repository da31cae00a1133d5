//! The gateway under simulation: a shard and its media engines.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc};

use bytes::Bytes;
use call::{
    Event, LegRecord,
    event::{MeetingRecord, Record},
};
use interwork::{
    Gate, GateLimit, KeySource,
    registrations::{Durability, Outcome},
};
use media::{Between, Channel, Counted, Engine, EngineSettings, Identity, Prompts, Range, SlotId};
use server::{
    config::{self, Config},
    program,
    shard::{self, Configuration, Shard, Snapshot},
    store::Write,
};
use sip::{
    endpoint::{Input, ListenerId, RequestId},
    registrar::Binding,
};
use terms::{
    AccountName, BootEpoch, CallId, Entropy, LegId, Now, PortId, WorkerId,
    media::{Command, PortSnapshot, Report},
};

use crate::network::{Datagram, Network};

/// Where the simulated gateway listens.
pub const ADDRESS: &str = "127.0.0.1:5060";
/// And on IPv6.
pub const ADDRESS_V6: &str = "[fd00::1]:5060";

/// A configuration for simulations: what `conf/demo.toml` has, with a small port range.
const CONFIG: &str = r#"
[[listener]]
zone = "trunk"
transport = "udp"
address = "127.0.0.1:5060"
registrar = "on"
[[listener]]
zone = "six"
transport = "udp"
address = "[fd00::1]:5060"
[media]
[[media.range]]
zone = "trunk"
address = "127.0.0.1"
ports = "10000-10399"
[[media.range]]
zone = "six"
address = "fd00::1"
ports = "10000-10039"
[http]
address = "127.0.0.1:8080"
token = "simulated"
[[tenant]]
name = "demo"
[[account]]
name = "room1"
tenant = "demo"
password = "secret-1"
serial = "SN1"
[[account]]
name = "room2"
tenant = "demo"
password = "secret-2"
[[licence]]
tenant = "demo"
type = "third-party"
count = 3
[[trunk]]
name = "local"
zone = "trunk"
peers = ["127.0.0.0/8"]
[[trunk]]
name = "six"
zone = "six"
peers = ["fd00::/16"]
address = "[fd00::2]:5060"
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
  "9004 -> app:quality",
  "9005 -> app:digits",
  "9006 -> app:quality(en),digits(zh)",
]
"#;

/// A call's image: control and media together.
#[derive(Debug, Clone)]
pub struct Image {
    call: String,
    port: Option<String>,
}

/// Shard and engines, with what they told.
#[derive(Debug)]
pub struct Gateway {
    shard: Shard,
    engines: Vec<Engine>,
    config: Config,
    prompts: Arc<Prompts>,
    starts: u64,
    /// What happened to calls, in order.
    pub events: Vec<(CallId, Event)>,
    /// The records of legs that are over.
    pub records: Vec<LegRecord>,
    /// The records of sittings that are over.
    pub meeting_records: Vec<MeetingRecord>,
    /// The limit of a trunk or a listener that each call beyond it met.
    pub full: Vec<(Gate, GateLimit)>,
    /// Every SIP message that it sent.
    pub sent: Vec<Bytes>,
    /// What became of attempts to register, in order.
    pub attempts: Vec<(Option<AccountName>, Outcome)>,
    /// What the store has of bindings.
    kept: Kept,
    /// Whether it takes writes.
    pub store: Durability,
}

/// Each account's bindings.
type Kept = BTreeMap<AccountName, Vec<Binding>>;

impl Gateway {
    /// A gateway that just started.
    pub fn start(now: Now) -> Self {
        Self::configured(now, &[])
    }

    /// A gateway with settings laid over the simulation's.
    pub fn configured(now: Now, overrides: &[(&str, &str)]) -> Self {
        let config = configuration(overrides);
        let prompts = Arc::new(prompts());
        let (shard, engines) = boot(now, (&config, Kept::new()), &prompts, 0);
        Self {
            shard,
            engines,
            config,
            prompts,
            starts: 0,
            events: Vec::new(),
            records: Vec::new(),
            meeting_records: Vec::new(),
            full: Vec::new(),
            sent: Vec::new(),
            attempts: Vec::new(),
            kept: Kept::new(),
            store: Durability::Durable,
        }
    }

    /// Crashes, and goes on from images of every call: all that the peers could see is kept.
    pub fn restart(&mut self, now: Now, network: &mut Network) {
        let legs = self.shard.legs();
        let images: Vec<Image> = legs.iter().filter_map(|leg| self.image(*leg)).collect();
        self.starts += 1;
        (self.shard, self.engines) = boot(now, (&self.config, self.kept.clone()), &self.prompts, self.starts);
        for image in images {
            let snapshot: Snapshot = serde_json::from_str(&image.call).expect("what was serialized");
            self.shard.restore(now, snapshot).expect("a name of its own");
            if let Some(port) = image.port {
                let port: PortSnapshot = serde_json::from_str(&port).expect("what was serialized");
                self.engines[worker_of(port.port)].restore(now, &port);
            }
        }
        self.drain(now, network);
    }

    /// A datagram came.
    pub fn receive(&mut self, now: Now, datagram: &Datagram, network: &mut Network) {
        if let Some((listener, _)) = (0..).zip(addresses()).find(|(_, address)| *address == datagram.to) {
            let bytes = Bytes::copy_from_slice(&datagram.bytes);
            let input = Input::Datagram { listener: ListenerId(listener), source: datagram.from, bytes };
            self.shard.handle_input(now, shard::Input::Sip(input));
        } else if let Some((worker, slot, channel)) = self.slot(datagram.to) {
            let packet =
                media::Input::Packet { slot, channel, source: datagram.from, bytes: &datagram.bytes };
            self.engines[worker].handle_input(now, packet);
        }
        self.drain(now, network);
    }

    /// The administration speaks.
    pub fn administer(&mut self, now: Now, input: shard::Input, network: &mut Network) {
        self.shard.handle_input(now, input);
        self.drain(now, network);
    }

    /// The file is read again, with these settings laid over the simulation's.
    pub fn reload(&mut self, now: Now, overrides: &[(&str, &str)], network: &mut Network) {
        self.config = configuration(overrides);
        let configuration = Configuration {
            sip: Arc::new(program::sip_settings(&self.config)),
            call: Arc::new(self.config.call.clone()),
            rules: self.config.rules.clone(),
            meetings: Vec::new(),
            registrar: self.config.registrar.clone(),
            account_rules: self.config.account_rules.clone(),
            accounts: self.config.accounts.clone(),
        };
        self.administer(now, shard::Input::Configure(Box::new(configuration)), network);
    }

    /// When time is due.
    pub fn poll_timeout(&self) -> Option<terms::Instant> {
        self.engines.iter().filter_map(Engine::poll_timeout).chain(self.shard.poll_timeout()).min()
    }

    /// Time passed.
    pub fn on_time(&mut self, now: Now, network: &mut Network) {
        if self.shard.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.shard.handle_input(now, shard::Input::Timeout);
        }
        for engine in &mut self.engines {
            if engine.poll_timeout().is_some_and(|at| at <= now.mono) {
                engine.handle_input(now, media::Input::Timeout);
            }
        }
        self.drain(now, network);
    }

    /// The shard, to look into.
    pub const fn shard(&self) -> &Shard {
        &self.shard
    }

    /// What the engines counted.
    pub fn counted(&self) -> impl Iterator<Item = Counted> {
        self.engines.iter().map(Engine::counted)
    }

    /// Whether nothing of any call is left: no call, lease, port or room.
    pub fn is_at_rest(&self) -> bool {
        let idle = |counted: Counted| counted.ports_open == 0 && counted.rooms_open == 0;
        self.shard.calls() == 0 && self.shard.leases() == 0 && self.counted().all(idle)
    }

    fn image(&self, leg: LegId) -> Option<Image> {
        let snapshot = self.shard.snapshot(leg)?;
        let port = snapshot.call.port();
        let port = self.engines[worker_of(port)].snapshot(port);
        Some(Image {
            call: serde_json::to_string(&snapshot).expect("a snapshot serializes"),
            port: port.map(|port| serde_json::to_string(&port).expect("a snapshot serializes")),
        })
    }

    /// A worker's part of each range, with the slot of its first pair.
    fn ranges(&self, worker: usize) -> impl Iterator<Item = (u32, Range)> {
        let index = u8::try_from(worker).expect("few workers");
        let mut base = 0;
        self.config.media.ranges.iter().map(move |range| {
            let range = range.share(index, self.config.media.workers);
            let first = base;
            base += u32::from(range.pairs);
            (first, range)
        })
    }

    fn slot(&self, address: SocketAddr) -> Option<(usize, SlotId, Channel)> {
        let mut all =
            (0..self.engines.len()).flat_map(|worker| self.ranges(worker).map(move |of| (worker, of)));
        let is_within = |range: &Range| {
            let ports = range.first..range.first + 2 * range.pairs;
            range.address == address.ip() && ports.contains(&address.port())
        };
        let (worker, (base, range)) = all.find(|(_, (_, range))| is_within(range))?;
        let offset = address.port() - range.first;
        let channel = if offset.is_multiple_of(2) { Channel::Rtp } else { Channel::Rtcp };
        Some((worker, SlotId(base + u32::from(offset / 2)), channel))
    }

    fn address(&self, worker: usize, slot: SlotId, channel: Channel) -> SocketAddr {
        let has = |(base, range): &(u32, Range)| (*base..*base + u32::from(range.pairs)).contains(&slot.0);
        let (base, range) = self.ranges(worker).find(has).expect("a pair of some range");
        let offset = u16::try_from((slot.0 - base) * 2).expect("a small range");
        SocketAddr::new(range.address, range.first + offset + u16::from(channel == Channel::Rtcp))
    }

    fn drain(&mut self, now: Now, network: &mut Network) {
        loop {
            let told = self.drain_engines(now, network);
            let commands = self.drain_shard(now, network);
            if told.is_empty() && commands.is_empty() {
                return;
            }
            for command in commands {
                self.engines[worker_of(command.port())].handle_input(now, media::Input::Command(command));
            }
            for (worker, told) in told {
                match told {
                    Told::Bound(slot) => self.engines[worker].handle_input(now, media::Input::Bound(slot)),
                    Told::Peer(message) => {
                        self.engines[worker].handle_input(now, media::Input::Peer(message));
                    }
                    Told::Report(report) => self.shard.handle_input(now, shard::Input::Media(report)),
                }
            }
        }
    }

    /// As the store's thread does, at once.
    fn keep(&mut self, now: Now, request: Option<RequestId>, write: Write) {
        if self.store == Durability::Durable {
            match write {
                Write::PutBindings(account, bindings) if bindings.is_empty() => {
                    self.kept.remove(&account);
                }
                Write::PutBindings(account, bindings) => {
                    // As they are written and read again.
                    let image = serde_json::to_string(&bindings).expect("bindings serialize");
                    self.kept.insert(account, serde_json::from_str(&image).expect("what was serialized"));
                }
                Write::PutMeeting(_)
                | Write::DeleteMeeting(_)
                | Write::PutAccount(_)
                | Write::DeleteAccount(_) => {}
            }
        }
        if let Some(request) = request {
            self.shard.handle_input(now, shard::Input::Kept(request, self.store));
        }
    }

    /// What engines say that is not for the network, each with the engine that it is for or of.
    fn drain_engines(&mut self, now: Now, network: &mut Network) -> Vec<(usize, Told)> {
        let mut told = Vec::new();
        for worker in 0..self.engines.len() {
            let mut packets = Vec::new();
            while let Some(output) = self.engines[worker].poll_output() {
                match output {
                    // Packets are fed as they come: no socket has to be waited on.
                    media::Output::Read { .. } => {}
                    media::Output::Bind { slot, .. } => told.push((worker, Told::Bound(slot))),
                    media::Output::Peer { to, message } => {
                        told.push((usize::from(to.0), Told::Peer(message)));
                    }
                    media::Output::Report(report) => told.push((worker, Told::Report(report))),
                    media::Output::Transmit { slot, channel, destination, bytes } => {
                        packets.push((slot, channel, destination, bytes.to_vec()));
                    }
                }
            }
            for (slot, channel, destination, bytes) in packets {
                network.send(now.mono, self.address(worker, slot, channel), destination, &bytes);
            }
        }
        told
    }

    fn drain_shard(&mut self, now: Now, network: &mut Network) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some(output) = self.shard.poll_output() {
            match output {
                shard::Output::Transmit { destination, bytes, .. } => {
                    let [four, six] = addresses();
                    let from = if destination.is_ipv4() { four } else { six };
                    network.send(now.mono, from, destination, &bytes);
                    self.sent.push(bytes);
                }
                shard::Output::Media(command) => commands.push(command),
                shard::Output::Event(call, event) => self.events.push((call, event)),
                shard::Output::Full(gate, limit) => self.full.push((gate, limit)),
                shard::Output::Record(Record::Leg(record)) => self.records.push(*record),
                // Nobody is there: what is not booked here can't be reached.
                shard::Output::LookUp(id, _) => {
                    let unreachable = shard::Input::LookedUp(id, shard::Booked::Unreachable);
                    self.shard.handle_input(now, unreachable);
                }
                shard::Output::Record(Record::Meeting(record)) => self.meeting_records.push(record),
                shard::Output::Keep(request, write) => self.keep(now, request, write),
                shard::Output::Attempted(account, _, outcome) => self.attempts.push((account, outcome)),
                // The simulation's listeners are of datagrams.
                shard::Output::Write(..)
                | shard::Output::Connect(..)
                | shard::Output::Disconnect(_)
                | shard::Output::Change(_)
                | shard::Output::Known(_)
                | shard::Output::Counted(_) => {}
            }
        }
        commands
    }
}

/// What an engine says to somebody else than the network.
enum Told {
    Bound(SlotId),
    Peer(Between),
    Report(Report),
}

fn configuration(overrides: &[(&str, &str)]) -> Config {
    let overrides: Vec<_> =
        overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    config::parse("simulation.toml", CONFIG, &overrides).expect("the simulation's own file")
}

fn boot(
    now: Now,
    (config, kept): (&Config, Kept),
    prompts: &Arc<Prompts>,
    start: u64,
) -> (Shard, Vec<Engine>) {
    let mut entropy = Entropy::from_seed([7, 11, 13, start]);
    // Each start has a seed of its own, or it would give keys that were used.
    let keys = KeySource::from_seed([u8::try_from(start).expect("few starts"); 32]);
    // Its peers know it again by its certificate.
    let identity = Arc::new(Identity::of(&[0x77; 32]).expect("a key"));
    let keys = keys.with_certificate(identity.fingerprint().clone());
    let boot = BootEpoch(u32::try_from(start + 1).expect("few starts"));
    let settings =
        shard::Settings { bindings: kept.into_iter().collect(), ..program::shard_settings(config, boot) };
    let shard = Shard::new(now, settings, entropy.split(), keys);
    let workers = config.media.workers;
    let engine = |index| {
        let settings = EngineSettings {
            id: WorkerId(index),
            workers,
            ranges: config.media.ranges.iter().map(|range| range.share(index, workers)).collect(),
            quarantine: config.media.quarantine,
            prompts: Arc::clone(prompts),
            identity: Some(Arc::clone(&identity)),
        };
        Engine::new(now.mono, settings, entropy.split())
    };
    (shard, (0..workers).map(engine).collect())
}

const fn worker_of(port: PortId) -> usize {
    port.worker.0 as usize
}

/// The shipped recordings, so that prompts last as long as they do.
fn prompts() -> Prompts {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/prompts");
    server::recordings::load(&folder).expect("the shipped recordings")
}

/// Of the listeners, in their order.
fn addresses() -> [SocketAddr; 2] {
    [ADDRESS, ADDRESS_V6].map(|address| address.parse().expect("an address"))
}
