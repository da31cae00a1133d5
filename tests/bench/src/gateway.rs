//! The gateway under test, and what it says of itself.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::process::{Process, ProcessError, on_core};

const START: Duration = Duration::from_secs(20);
const TOKEN: &str = "bench-token";
pub(crate) const FIRST_PORT: u16 = 10_000;
/// Meetings that there are.
const MEETINGS: &str = "900100001-900101000";

/// How a gateway shall be.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// The core that it runs on.
    pub(crate) core: usize,
    /// The folder of its state.
    pub(crate) state: PathBuf,
    /// Pairs of media ports.
    pub(crate) pairs: usize,
    /// More settings, as `--set` takes them.
    pub(crate) settings: &'a [String],
}

/// A gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// Its process.
    pub(crate) process: Process,
    /// Its SIP listener.
    pub(crate) sip: SocketAddr,
    http: SocketAddr,
}

/// An address of the loopback interface that is this bench's own, so that no port on it is anybody else's.
pub(crate) fn own_address() -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 77, high, low)
}

impl Gateway {
    /// Starts the gateway that was built beside this program, with the demonstration's configuration.
    pub(crate) fn start(wanted: &Wanted<'_>) -> Result<Self, ProcessError> {
        let program = std::env::current_exe()?.with_file_name("gateway");
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf/demo.toml");
        let address = own_address();
        let (sip, http) = (SocketAddr::from((address, 5_060)), SocketAddr::from((address, 8_080)));
        let settings = [
            format!("state={}", wanted.state.display()),
            format!("listener.0.address={sip}"),
            format!("listener.1.address={sip}"),
            format!("listener.2.address={}", SocketAddr::from((address, 5_061))),
            format!("http.address={http}"),
            format!("http.token={TOKEN}"),
            format!("media.range.0.address={address}"),
            format!("media.range.0.ports={FIRST_PORT}-{}", usize::from(FIRST_PORT) + 2 * wanted.pairs - 1),
            "media.range.0.probe=0".to_owned(),
            format!("meetings.0.ids={MEETINGS}"),
            "log.level=warn".to_owned(),
        ];
        let mut command = on_core(wanted.core);
        command.arg(&program).args(["run", "--config"]).arg(config);
        command.args(settings.iter().chain(wanted.settings).flat_map(|setting| ["--set", setting]));
        let mut gateway = Self { process: Process::start(&mut command)?, sip, http };
        let until = Instant::now() + START;
        while gateway.get("/readyz").is_err() {
            if Instant::now() > until || !gateway.process.is_up() {
                return Err(ProcessError::NotUp("target/ci/gateway"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(gateway)
    }

    /// What it counts.
    pub(crate) fn metrics(&self) -> Result<Metrics, ProcessError> {
        Ok(Metrics(self.get("/metrics")?))
    }

    /// What `GET /v1/status` tells.
    pub(crate) fn status(&self) -> Result<Value, ProcessError> {
        let answer = self.get("/v1/status")?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body)
            .map_err(|error| ProcessError::Failed("the gateway's status", error.to_string()))
    }

    fn get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.http)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n",
            self.http
        )?;
        let mut answer = String::new();
        stream.take(1024 * 1024).read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(io::ErrorKind::NotConnected.into()) }
    }
}

/// The text of a scrape.
#[derive(Debug)]
pub(crate) struct Metrics(String);

impl Metrics {
    /// A figure; of one with labels, the sum of those that say `label` (all, where it is empty).
    pub(crate) fn of(&self, name: &str, label: &str) -> u64 {
        let lines = self.0.lines().filter_map(|line| line.strip_prefix("gateway_")?.strip_prefix(name));
        let figures = lines.filter_map(|rest| {
            let rest = rest.strip_prefix("_total").unwrap_or(rest);
            let is_whole = rest.starts_with(' ') || rest.starts_with('{');
            let (labels, number) = rest.rsplit_once(' ')?;
            number.parse::<u64>().ok().filter(|_| is_whole && labels.contains(label))
        });
        figures.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_sum_of_what_its_label_says() {
        let text = "# TYPE gateway_sip_events counter\n\
            gateway_sip_events_total{kind=\"retransmitted\"} 3\ngateway_sip_events_total{kind=\"malformed\"} 4\n\
            gateway_media_packets_sent_total 7\ngateway_media_packets_sent_twice_total 9\ngateway_media_ports_open 2\n";
        let metrics = Metrics(text.to_owned());
        let cases = [
            ("sip_events", "retransmitted", 3),
            ("sip_events", "", 7),
            ("media_packets_sent", "", 7),
            ("media_ports_open", "", 2),
            ("nothing", "", 0),
        ];
        for (name, label, figure) in cases {
            assert_eq!(metrics.of(name, label), figure, "{name} {label}");
        }
    }
}
