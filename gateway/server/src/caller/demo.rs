//! The demonstration: a gateway in this process, and callers who dial in and hear each other.

use std::{
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use call::core::Meeting;
use media::Clock;
use thiserror::Error;
use tokio::net::{TcpListener, UdpSocket};

use super::{CallError, Heard, Pair, Plan, call, route_to};
use crate::{
    config::{Config, Transport},
    program::{self, Gateway},
};

/// How long each caller talks.
const TALK: Duration = Duration::from_secs(5);
/// The access number that callers dial.
const ACCESS_NUMBER: &str = "02153290005";
/// The tones of the callers in the meetings.
const TONES: [u32; 3] = [440, 700, 1_000];

/// One caller of the demonstration.
#[derive(Debug)]
struct Role {
    name: &'static str,
    number: &'static str,
    /// Which of the two meetings it joins.
    meeting: Option<usize>,
    talks: Option<u32>,
    /// These tones, and no other of [`TONES`].
    hears: &'static [u32],
    meaning: &'static str,
}

/// A and B meet, C is in another meeting, D and E dial the test numbers.
const CAST: [Role; 5] = [
    Role {
        name: "A",
        number: ACCESS_NUMBER,
        meeting: Some(0),
        talks: Some(440),
        hears: &[700],
        meaning: "hears B and not itself",
    },
    Role {
        name: "B",
        number: ACCESS_NUMBER,
        meeting: Some(0),
        talks: Some(700),
        hears: &[440],
        meaning: "hears A and not itself",
    },
    Role {
        name: "C",
        number: ACCESS_NUMBER,
        meeting: Some(1),
        talks: Some(1_000),
        hears: &[],
        meaning: "hears neither, alone in another meeting",
    },
    Role {
        name: "D",
        number: "9001",
        meeting: None,
        talks: Some(440),
        hears: &[440],
        meaning: "hears itself, from the echo",
    },
    Role {
        name: "E",
        number: "9002",
        meeting: None,
        talks: None,
        hears: &[1_000],
        meaning: "hears the tone, after 2 s of ringing",
    },
];

/// Why there was no demonstration.
#[derive(Debug, Error)]
pub enum DemoError {
    /// Addresses are in use.
    #[error(
        "taken already, by another gateway perhaps: {}; stop it, or use other ports: {}",
        .0.iter().map(|taken| taken.address.to_string()).collect::<Vec<_>>().join(", "),
        .0.iter().map(|taken| format!("--set {}={}", taken.key, taken.elsewhere())).collect::<Vec<_>>().join(" ")
    )]
    Taken(Vec<Taken>),
    /// The configuration has too few meetings.
    #[error("the configuration has {0} meetings and the demonstration needs two; use conf/demo.toml")]
    Meetings(usize),
    /// The gateway did not start.
    #[error("the gateway did not start: {0:#}")]
    Start(anyhow::Error),
    /// The gateway did not end well.
    #[error("the gateway: {0:#}")]
    Stop(anyhow::Error),
    /// The system has no room, no way, no chance.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
}

/// An address that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    address: SocketAddr,
    /// Its key in the configuration.
    key: String,
}

impl Taken {
    /// Another address to try: the same ten thousand ports up, or down where there are no more.
    fn elsewhere(&self) -> SocketAddr {
        const STEP: u16 = 10_000;
        let port = self.address.port();
        let port = port.checked_add(STEP).unwrap_or_else(|| port.saturating_sub(STEP));
        SocketAddr::new(self.address.ip(), port)
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Demo {
    gateway: SocketAddr,
    meetings: [Meeting; 2],
    calls: Vec<(&'static Role, Result<Heard, CallError>)>,
}

/// Starts the gateway, has the callers call, stops it.
pub async fn demo(mut config: Config) -> Result<Demo, DemoError> {
    check_addresses(&config).await?;
    let [first, second, ..] = config.meetings.as_slice() else {
        return Err(DemoError::Meetings(config.meetings.len()));
    };
    let meetings = [first.clone(), second.clone()];
    let gateway = config.listeners.first().map(|listener| reachable(listener.address));
    let gateway = gateway.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 5060).into());
    let folder = Folder::create().map_err(|error| DemoError::System("no temporary folder", error))?;
    config.state = folder.0.join("state");
    let running = Gateway::start(config).await.map_err(DemoError::Start)?;
    let calls = call_all(gateway, &meetings).await;
    running.stop().await.map_err(DemoError::Stop)?;
    Ok(Demo { gateway, meetings, calls: calls? })
}

type Called = Vec<(&'static Role, Result<Heard, CallError>)>;

async fn call_all(gateway: SocketAddr, meetings: &[Meeting; 2]) -> Result<Called, DemoError> {
    let local = route_to(gateway).map_err(|error| DemoError::System("no way to the gateway", error))?;
    let mut entropy = program::entropy().map_err(DemoError::Start)?;
    let clock = Clock::start();
    let under_way: Vec<_> = CAST
        .iter()
        .map(|role| {
            let plan = role.plan(gateway, local, meetings);
            (role, tokio::spawn(call(plan, clock, entropy.split())))
        })
        .collect();
    let mut calls = Vec::new();
    for (role, call) in under_way {
        let heard = call.await.map_err(|error| DemoError::System("a caller", error.into()))?;
        calls.push((role, heard));
    }
    Ok(calls)
}

impl Role {
    fn plan(&self, gateway: SocketAddr, local: IpAddr, meetings: &[Meeting; 2]) -> Plan {
        let plan = Plan::new(gateway, local, self.number).from(format!("100{}", self.name)).listening(&TONES);
        let meeting = self.meeting.and_then(|which| meetings.get(which));
        let plan = match meeting {
            Some(meeting) => plan
                .joining(&Pair { meeting: meeting.id, password: meeting.passwords.guest_password.clone() }),
            None => plan,
        };
        plan.talking(self.talks, TALK)
    }

    fn is_as_it_must_be(&self, heard: &Heard) -> bool {
        TONES.iter().all(|hz| heard.hears(*hz) == self.hears.contains(hz))
            && self.meeting.is_some() == heard.join.is_some()
    }
}

/// A folder that goes when the demonstration is over.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("gateway-demo-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is in the system's temporary folder.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A socket of every address is opened and closed again: all that are taken are told at once.
async fn check_addresses(config: &Config) -> Result<(), DemoError> {
    let mut taken = Vec::new();
    for (index, listener) in config.listeners.iter().enumerate() {
        let is_taken = match listener.transport {
            Transport::Udp => is_taken(UdpSocket::bind(listener.address).await),
            Transport::Tcp | Transport::Tls => is_taken(TcpListener::bind(listener.address).await),
        };
        if is_taken {
            taken.push(Taken { address: listener.address, key: format!("listener.{index}.address") });
        }
    }
    if is_taken(TcpListener::bind(config.http.address).await) {
        taken.push(Taken { address: config.http.address, key: "http.address".to_owned() });
    }
    if taken.is_empty() { Ok(()) } else { Err(DemoError::Taken(taken)) }
}

fn is_taken<T>(bound: io::Result<T>) -> bool {
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// A listener on every address is reached by the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Demo {
    /// Whether everyone heard what it must, and nothing else.
    pub fn is_good(&self) -> bool {
        self.calls.iter().all(|(role, call)| call.as_ref().is_ok_and(|heard| role.is_as_it_must_be(heard)))
    }
}

impl fmt::Display for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<7}{:<13}{:<11}{:>7}{:>8}{:>9}   {:>8}{:>9}{:>9}{:>6}   must be",
            "caller", "dials", "meeting", "talks", "set-up", "joined", "440 Hz", "700 Hz", "1000 Hz", "lost"
        )?;
        for (role, call) in &self.calls {
            let meeting = role.meeting.and_then(|which| self.meetings.get(which));
            let meeting = meeting.map_or_else(|| "-".to_owned(), |meeting| meeting.id.to_string());
            let talks = role.talks.map_or_else(|| "-".to_owned(), |hz| format!("{hz} Hz"));
            write!(f, "{:<7}{:<13}{meeting:<11}{talks:>7}", role.name, role.number)?;
            match call {
                Ok(heard) => write_heard(f, role, heard)?,
                Err(error) => writeln!(f, "   FAILED: {error}")?,
            }
        }
        writeln!(
            f,
            "\nLevels are in dBm0; a dot is a tone that was not heard. Joined: after the last #, the joined prompt included.\n"
        )?;
        if self.is_good() {
            writeln!(f, "Everyone heard what it must, and nothing else.\n")?;
        } else {
            writeln!(f, "NOT everyone heard what it must: see the rows marked NO or FAILED.\n")?;
        }
        self.write_invitation(f)
    }
}

fn write_heard(f: &mut fmt::Formatter<'_>, role: &Role, heard: &Heard) -> fmt::Result {
    let joined = heard.join.map_or_else(|| "-".to_owned(), |join| format!("{} ms", join.joined.as_millis()));
    write!(f, "{:>8}{joined:>9}   ", format!("{} ms", heard.setup.as_millis()))?;
    for hz in TONES {
        let tone = heard.tones.iter().find(|tone| tone.hz == hz && tone.heard);
        let level = tone.map_or_else(|| "·".to_owned(), |tone| format!("{:.1}", tone.dbm0));
        write!(f, "{level:>8} ")?;
    }
    let verdict = if role.is_as_it_must_be(heard) { "yes" } else { "NO" };
    writeln!(f, "{:>5}   {verdict}: {}", heard.packets.lost, role.meaning)
}

impl Demo {
    fn write_invitation(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [meeting, _] = &self.meetings;
        writeln!(
            f,
            "Dial in yourself: `make run`, and a softphone on this machine, without an account, calls"
        )?;
        writeln!(
            f,
            "  sip:{ACCESS_NUMBER}@{}   and keys {}#, then {}# (as host {}#)",
            self.gateway,
            meeting.id,
            meeting.passwords.guest_password.reveal(),
            meeting.passwords.host_password.reveal()
        )?;
        writeln!(
            f,
            "  sip:9001@{}          to hear itself, sip:9002@{} to hear a tone",
            self.gateway, self.gateway
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_says_which_key_to_set() {
        let taken = |address: &str, key: &str| Taken {
            address: address.parse().expect("an address"),
            key: key.to_owned(),
        };
        let error = DemoError::Taken(vec![
            taken("127.0.0.1:5060", "listener.0.address"),
            taken("127.0.0.1:60000", "http.address"),
        ]);
        let text = error.to_string();
        assert!(
            text.contains("--set listener.0.address=127.0.0.1:15060 --set http.address=127.0.0.1:50000"),
            "{text}"
        );
    }
}
