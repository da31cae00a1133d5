//! The configuration: from TOML to values without holes.
//!
//! A [`Source`](source::Source) parses the file; [`load`] reads it section by section and tells
//! everything that is wrong at once, each with its line and what to write.

mod load;
mod ports;
pub mod problem;
mod section;
mod source;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use call::{
    accounts::{Account, AccountRules},
    core::{Meeting, Rules},
};
use interwork::{GateLimits, Policy, RegistrarSettings, Trunk};
use media::{Quarantine, Range, SocketPlan};
use sip::{
    endpoint::{Limits, Registers, SessionTimer},
    transaction::Timers,
};
use terms::{
    Dscp, ListenerName, NodeId, Secret, ZoneName,
    media::{Codec, Encryption, Ice, Sources},
};

use crate::{
    admission::AdmissionSettings,
    tls::{Identity, Tls, Trust, Versions},
};

pub(crate) use load::{ACCOUNT_NAME, is_account_name, spoken};
pub use load::{load, parse, parse_flow, parse_profiles, parse_words};
pub use ports::{Ports, RangePorts};
pub(crate) use ports::{certificate_warnings, weak_warnings};
pub use problem::Problems;

/// Everything that the operator set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which node of a cluster this is.
    pub node: NodeId,
    /// Where state is kept; relative to the working folder, as systemd sets it.
    pub state: PathBuf,
    /// The log's form and level.
    pub log: Log,
    /// Where SIP is spoken.
    pub listeners: Vec<Listener>,
    /// Whom we trust where we connect by TLS.
    pub trust: Trust,
    /// Timers and limits of SIP.
    pub sip: Sip,
    /// Where media flows.
    pub media: Media,
    /// From which load on new calls are held back.
    pub admission: AdmissionSettings,
    /// Whether probes are answered, and how many.
    pub probe: Probe,
    /// How much is heard of whom.
    pub defence: crate::net::defence::Settings,
    /// The administration's address.
    pub http: Http,
    /// The carriers' trunks.
    pub trunks: Vec<Trunk>,
    /// Whose meetings there can be, and what holds for all.
    pub rules: Rules,
    /// How devices register.
    pub registrar: RegistrarSettings,
    /// What holds for all accounts.
    pub account_rules: AccountRules,
    /// The accounts of the file; those of the store come besides.
    pub accounts: Vec<Account>,
    /// The meetings that there are from the start.
    pub meetings: Vec<Meeting>,
    /// Where meetings are booked besides, if anywhere.
    pub directory: Option<Directory>,
    /// The journal of records.
    pub records: Records,
    /// The folder of the recordings.
    pub prompts: PathBuf,
    /// Dialplan, access numbers, IVR.
    pub call: call::Settings,
}

/// A directory of meetings (CORE-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it is asked, without a slash at the end; one at least. A further one stands in for those before.
    pub urls: Vec<String>,
    /// What we show there.
    pub token: Secret,
    /// How long all of them may take together.
    pub timeout: Duration,
}

/// The journal of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records {
    /// Older ones are deleted.
    pub keep_months: u16,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
    /// Connections under TLS.
    Tls,
}

/// A socket that SIP is spoken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its zone.
    pub zone: ZoneName,
    /// What it speaks.
    pub transport: Transport,
    /// Where it listens.
    pub address: SocketAddr,
    /// What peers are told, where that is another.
    pub advertised: SocketAddr,
    /// What it shows and asks, where it speaks TLS.
    pub tls: Option<Tls>,
    /// Whose calls it takes.
    pub policy: Policy,
    /// Whether the sound of calls is encrypted that come by no trunk.
    pub encryption: Encryption,
    /// From where that sound is taken.
    pub sources: Sources,
    /// Whether connectivity checks of such calls are answered.
    pub ice: Ice,
    /// How much may come by it.
    pub limits: GateLimits,
    /// Whether room systems register by it.
    pub registrar: Registers,
}

impl Listener {
    /// By what log, metrics and status tell of it.
    pub fn name(&self) -> ListenerName {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls if self.is_legacy() => "tls-legacy",
            Transport::Tls => "tls",
        };
        ListenerName::from(format!("{transport}:{}", self.address).as_str())
    }

    /// The certificates of ours that it shows, where they were read.
    pub fn identities(&self) -> &[Identity] {
        self.tls.as_ref().map_or(&[], |tls| tls.shown.identities())
    }

    /// Whether it speaks versions of TLS that are weak.
    pub fn is_legacy(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| matches!(tls.versions, Versions::Legacy { .. }))
    }
}

/// SIP's timers and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sip {
    /// RFC 3261 table 4.
    pub timers: Timers,
    /// How long a call lives without a refresh (RFC 4028).
    pub session: SessionTimer,
    /// How much of everything.
    pub limits: Limits,
    /// What its packets are marked with (RFC 2474).
    pub dscp: Dscp,
}

/// The media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Threads.
    pub workers: u8,
    /// What is offered and taken, the best first.
    pub codecs: Vec<Codec>,
    /// Each zone's addresses.
    pub ranges: Vec<Range>,
    /// Where each zone's media is probed.
    pub probes: Vec<MediaProbe>,
    /// How addresses rest.
    pub quarantine: Quarantine,
    /// What its packets are marked with (RFC 2474).
    pub dscp: Dscp,
    /// How many sockets a worker has.
    pub sockets: SocketPlan,
    /// Commands that may wait for a worker.
    pub commands: usize,
    /// Reports that may wait for the shard.
    pub reports: usize,
}

/// Where the media of a zone is probed (MEDIA-8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaProbe {
    /// Whose media.
    pub zone: ZoneName,
    /// A port beside those of a range.
    pub address: SocketAddr,
}

/// The answers to probes (MEDIA-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Whether there are any.
    pub state: ProbeState,
    /// How many.
    pub settings: probe::Settings,
}

/// Whether probes are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeState {
    /// They are.
    On,
    /// They are not; nobody can tell that we know them.
    Off,
}

/// The administration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Where it listens.
    pub address: SocketAddr,
    /// The bearer token that it asks for.
    pub token: Secret,
    /// A request that takes longer is given up.
    pub timeout: Duration,
}
