//! SIPp, as a foreign caller and as the counterpart that answers it.

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    context::SERVER_CORE,
    findings::Times,
    gateway::own_address,
    process::{Process, ProcessError, not_started, on_core},
};

/// The number that answers at once (conf/demo.toml).
const ANSWERS: &str = "9001";
/// Where the counterpart answers.
const COUNTERPART_PORT: u16 = 5_062;
const START: Duration = Duration::from_secs(5);
/// Beyond the time that the calls take at their rate.
const PATIENCE: Duration = Duration::from_secs(40);
const REMEDY: &str = "install sip-tester";

/// What the caller says of its calls.
#[derive(Debug)]
pub(crate) struct Called {
    /// Its own CPU time.
    pub(crate) cpu: Duration,
    pub(crate) successful: u64,
    pub(crate) failed: u64,
    pub(crate) retransmissions: u64,
    /// From each INVITE to its 200, in whole milliseconds.
    pub(crate) set_ups: Times,
}

/// How many calls, and how many a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) calls: usize,
    pub(crate) a_second: usize,
}

/// Makes calls that are hung up once they are answered.
pub(crate) fn call(callee: SocketAddr, rate: Rate, folder: &Path) -> Result<Called, ProcessError> {
    let statistics = folder.join("sipp.csv");
    fs::remove_file(&statistics).ok();
    let mut command = sipp("call.xml");
    command.current_dir(folder).args(["-i", "127.0.0.1", "-s", ANSWERS, "-fd", "1", "-rtt_freq", "1"]);
    command.args([
        "-m",
        &rate.calls.to_string(),
        "-r",
        &rate.a_second.to_string(),
        "-l",
        &rate.calls.to_string(),
    ]);
    command.args(["-trace_stat", "-trace_rtt", "-stf"]).arg(&statistics).arg(callee.to_string());
    let process = Process::start(&mut command).map_err(|_| not_started("sipp", missing(), REMEDY))?;
    let number = process.id();
    let expected = Duration::from_secs((rate.calls / rate.a_second.max(1)) as u64);
    let until = Instant::now() + expected + PATIENCE;
    while !process.has_ended()? {
        if Instant::now() > until {
            return Err(ProcessError::Failed("sipp", "it does not end".to_owned()));
        }
        thread::sleep(Duration::from_millis(20));
    }
    let cpu = crate::process::cpu_of(number)?;
    let read = |column: &str| last_of(&statistics, column);
    let round_trips = folder.join(format!("call_{number}_rtt.csv"));
    let called = Called {
        cpu,
        successful: read("SuccessfulCall(C)")?,
        failed: read("FailedCall(C)")?,
        retransmissions: read("Retransmissions(C)")?,
        set_ups: Times::of(set_ups(&fs::read_to_string(&round_trips)?)),
    };
    fs::remove_file(round_trips)?;
    Ok(called)
}

/// Calls without end in sight, whose caller minds no 503. Ends when it is let go.
#[derive(Debug)]
pub(crate) struct Storm {
    _process: Process,
}

impl Storm {
    /// On this process's core, at a lower priority than it: the storm may come late, its measure may not.
    pub(crate) fn begin(callee: SocketAddr, rate: Rate) -> Result<Self, ProcessError> {
        let sipp = sipp("storm.xml");
        let mut command = Command::new("nice");
        command.arg("-n5").arg(sipp.get_program()).args(sipp.get_args());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.args(["-i", "127.0.0.1", "-s", ANSWERS, "-max_retrans", "1"]);
        for (option, number) in [("-m", rate.calls), ("-r", rate.a_second), ("-l", rate.calls)] {
            command.args([option, &number.to_string()]);
        }
        command.arg(callee.to_string());
        let process = Process::start(&mut command).map_err(|_| not_started("sipp", missing(), REMEDY))?;
        Ok(Self { _process: process })
    }
}

/// SIPp that answers, in the gateway's place.
pub(crate) fn counterpart() -> Result<(Process, SocketAddr), ProcessError> {
    let address = SocketAddr::from((own_address(), COUNTERPART_PORT));
    let mut command = on_core(SERVER_CORE);
    let sipp = sipp("answer.xml");
    command.arg(sipp.get_program()).args(sipp.get_args()).stdout(Stdio::null()).stderr(Stdio::null());
    command.args(["-i", &address.ip().to_string(), "-p", &address.port().to_string()]);
    let mut process = Process::start(&mut command)?;
    let until = Instant::now() + START;
    while UdpSocket::bind(address).is_ok() {
        if Instant::now() > until || !process.is_up() {
            return Err(ProcessError::NotUp("sipp"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok((process, address))
}

fn sipp(scenario: &str) -> Command {
    let mut command = Command::new("sipp");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(scenario);
    command.arg("-sf").arg(scenario).arg("-nostdin").stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn missing() -> std::io::Error {
    std::io::ErrorKind::NotFound.into()
}

/// A column of the last line.
fn last_of(statistics: &Path, column: &str) -> Result<u64, ProcessError> {
    let text = fs::read_to_string(statistics)?;
    let (Some(head), Some(last)) = (text.lines().next(), text.lines().last()) else {
        return Err(ProcessError::Failed("sipp", "it tells no statistics".to_owned()));
    };
    let figure = head.split(';').zip(last.split(';')).find(|(name, _)| *name == column);
    let figure = figure.and_then(|(_, figure)| figure.parse().ok());
    figure.ok_or_else(|| ProcessError::Failed("sipp", format!("its statistics have no {column}")))
}

/// The second column, milliseconds, of all lines but the head.
fn set_ups(text: &str) -> Vec<Duration> {
    let millis = text.lines().skip(1).filter_map(|line| line.split(';').nth(1)?.parse::<f64>().ok());
    millis.map(|millis| Duration::from_secs_f64(millis / 1e3)).collect()
}
