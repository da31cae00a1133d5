//! The processes under test: started on a core of their own, and their CPU time.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use thiserror::Error;

/// Clock ticks a second in `/proc` (`getconf CLK_TCK`; 100 on every Linux that there is).
const TICKS: u64 = 100;
const START: Duration = Duration::from_secs(20);
const TOKEN: &str = "bench-token";

/// Why the bench can't be run.
#[derive(Debug, Error)]
pub(crate) enum ServerError {
    /// A program is not there or does not start.
    #[error("{program} does not start: {error}; {remedy}")]
    Start {
        /// Which.
        program: String,
        /// Why.
        error: io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// A program said no.
    #[error("{0} failed; it said above why")]
    Failed(&'static str),
    /// There is no room for its ports.
    #[error("no {0} free UDP ports in a row; stop what uses them")]
    NoPorts(usize),
    /// It came up and went, or did not come up.
    #[error("{0} did not come up")]
    NotUp(&'static str),
    /// A file or socket failed.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Ties a process to one core.
pub(crate) fn pin(process: u32, core: usize) -> Result<(), ServerError> {
    let done = Command::new("taskset")
        .args(["--cpu-list", "--pid", &core.to_string(), &process.to_string()])
        .stdout(Stdio::null())
        .status()
        .map_err(|error| no_taskset("taskset", error))?;
    if done.success() { Ok(()) } else { Err(ServerError::Failed("taskset")) }
}

fn no_taskset(program: &str, error: io::Error) -> ServerError {
    ServerError::Start { program: program.to_owned(), error, remedy: "install util-linux" }
}

/// `cc -O2` of the echo beside this program's source.
pub(crate) fn compile_echo(folder: &Path) -> Result<PathBuf, ServerError> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("echo.c");
    let program = folder.join("echo");
    let done =
        Command::new("cc").arg("-O2").arg("-o").arg(&program).arg(source).status().map_err(|error| {
            ServerError::Start { program: "cc".to_owned(), error, remedy: "install gcc and libc6-dev" }
        })?;
    if done.success() { Ok(program) } else { Err(ServerError::Failed("cc")) }
}

/// CPU time of the whole machine, interrupts and what a hypervisor took included, idleness not.
pub(crate) fn machine_cpu() -> Result<Duration, ServerError> {
    let stat = fs::read_to_string("/proc/stat")?;
    // proc(5): user nice system idle iowait irq softirq steal; guests are in user already.
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
    let busy = fields.enumerate().filter(|(at, _)| !matches!(at, 3 | 4));
    Ok(of_ticks(busy.filter_map(|(_, field)| field.parse::<u64>().ok()).sum()))
}

/// CPU time of a process, all its threads: utime + stime.
pub(crate) fn cpu_of(process: u32) -> Result<Duration, ServerError> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // proc(5): the name, in brackets, may hold anything; utime and stime are fields 14 and 15.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    Ok(of_ticks(fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()))
}

const fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1_000 / TICKS)
}

/// A child process that is killed when it is let go.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    fn is_up(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
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

/// What the gateway itself counts, since its start.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GatewayFigures {
    /// Datagrams that came to its media ports.
    pub(crate) received: u64,
    /// Ticks that it gave up.
    pub(crate) ticks_missed: u64,
}

impl Gateway {
    /// Starts the gateway that was built beside this program, with the demonstration's configuration.
    pub(crate) fn start(core: usize, state: &Path, callers: usize) -> Result<Self, ServerError> {
        let program = std::env::current_exe()?.with_file_name("gateway");
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf/demo.toml");
        let http = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        // SIP's and a spare one, then two ports a caller, and as many to rest in quarantine.
        let ports = 2 + callers * 4;
        let first = free_ports(ports)?;
        let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, first));
        let (media, last) = (first + 2, usize::from(first) + ports - 1);
        let settings = [
            format!("state={}", state.display()),
            format!("listener.0.address={sip}"),
            format!("listener.1.address={sip}"),
            format!("http.address={http}"),
            format!("http.token={TOKEN}"),
            format!("media.range.0.ports={media}-{last}"),
            "log.level=warn".to_owned(),
        ];
        let child = Command::new("taskset")
            .args(["--cpu-list", &core.to_string()])
            .arg(&program)
            .args(["run", "--config"])
            .arg(config)
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            .spawn()
            .map_err(|error| no_taskset("taskset", error))?;
        let mut gateway = Self { process: Process(child), sip, http };
        let until = Instant::now() + START;
        while gateway.get("/readyz").is_err() {
            if Instant::now() > until || !gateway.process.is_up() {
                return Err(ServerError::NotUp("target/ci/gateway"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(gateway)
    }

    /// Asks its metrics.
    pub(crate) fn figures(&self) -> Result<GatewayFigures, ServerError> {
        let text = self.get("/metrics")?;
        let figure = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("_total "));
            line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        Ok(GatewayFigures {
            received: figure("gateway_media_packets_received"),
            ticks_missed: figure("gateway_media_ticks_missed"),
        })
    }

    fn get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.http)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http)?;
        let mut answer = String::new();
        stream.take(1024 * 1024).read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(io::ErrorKind::NotConnected.into()) }
    }
}

/// The yardstick.
#[derive(Debug)]
pub(crate) struct Echo {
    /// Its process.
    pub(crate) process: Process,
    first: u16,
}

impl Echo {
    /// Starts it with one port a caller.
    pub(crate) fn start(core: usize, program: &Path, callers: usize) -> Result<Self, ServerError> {
        let first = free_ports(callers)?;
        let mut child = Command::new("taskset")
            .args(["--cpu-list", &core.to_string()])
            .arg(program)
            .args(["127.0.0.1", &first.to_string(), &callers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| no_taskset("taskset", error))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.as_mut() {
            // It says nothing more until it is stopped: nothing is lost in the reader's buffer.
            BufReader::new(out).read_line(&mut line)?;
        }
        let process = Process(child);
        if line.trim() == "ready" { Ok(Self { process, first }) } else { Err(ServerError::NotUp("the echo")) }
    }

    /// Where a caller's packets go.
    pub(crate) fn port_of(&self, index: usize) -> Result<SocketAddr, ServerError> {
        let port = u16::try_from(usize::from(self.first) + index).map_err(|_| ServerError::NoPorts(index))?;
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }

    /// Stops it; what it says of itself.
    pub(crate) fn stop(mut self) -> Result<String, ServerError> {
        drop(self.process.0.stdin.take());
        let mut said = String::new();
        if let Some(out) = self.process.0.stdout.as_mut() {
            out.read_to_string(&mut said)?;
        }
        Ok(said.trim().to_owned())
    }
}

/// The first of so many free UDP ports in a row, below those that the system gives by itself.
fn free_ports(count: usize) -> Result<u16, ServerError> {
    let is_free = |port: u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut first = 25_000;
    while first + count <= 32_768 {
        let run = first..first + count;
        let taken = run.filter_map(|port| u16::try_from(port).ok()).find(|port| !is_free(*port));
        match taken {
            None => return u16::try_from(first).map_err(|_| ServerError::NoPorts(count)),
            Some(port) => first = (usize::from(port) + 1).next_multiple_of(2),
        }
    }
    Err(ServerError::NoPorts(count))
}
