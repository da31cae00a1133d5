//! Other processes: started on a core of their own, and what they take.

use std::{
    fs, io,
    net::Ipv4Addr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use thiserror::Error;

/// Clock ticks a second in `/proc` (`getconf CLK_TCK`; 100 on every Linux that there is).
const TICKS: u64 = 100;

/// Why the bench can't be run.
#[derive(Debug, Error)]
pub(crate) enum ProcessError {
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
    #[error("{0} failed: {1}")]
    Failed(&'static str, String),
    /// It came up and went, or did not come up.
    #[error("{0} did not come up")]
    NotUp(&'static str),
    /// A file or socket failed.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Ties a process to one core.
pub(crate) fn pin(process: u32, core: usize) -> Result<(), ProcessError> {
    run("taskset", &["--cpu-list", "--pid", &core.to_string(), &process.to_string()])
}

/// Lets this process and those that it starts have as many descriptors as they may.
pub(crate) fn allow_descriptors() -> Result<u64, ProcessError> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    let hard: u64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(1_024);
    run("prlimit", &[&format!("--pid={}", std::process::id()), &format!("--nofile={hard}:{hard}")])?;
    Ok(hard)
}

fn run(program: &'static str, arguments: &[&str]) -> Result<(), ProcessError> {
    let done = Command::new(program).args(arguments).stdout(Stdio::null()).status();
    let done = done.map_err(|error| not_started(program, error, "install util-linux"))?;
    if done.success() { Ok(()) } else { Err(ProcessError::Failed(program, done.to_string())) }
}

pub(crate) fn not_started(program: &str, error: io::Error, remedy: &'static str) -> ProcessError {
    ProcessError::Start { program: program.to_owned(), error, remedy }
}

/// A command that runs on one core.
pub(crate) fn on_core(core: usize) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]);
    command
}

/// CPU time of the whole machine, interrupts and what a hypervisor took included, idleness and nice processes not.
pub(crate) fn machine_cpu() -> Result<Duration, ProcessError> {
    let stat = fs::read_to_string("/proc/stat")?;
    // proc(5): user nice system idle iowait irq softirq steal; guests are in user already. Who is nice, as `KeptAwake` is,
    // runs where nobody else would.
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
    let busy = fields.enumerate().filter(|(at, _)| !matches!(at, 1 | 3 | 4));
    Ok(of_ticks(busy.filter_map(|(_, field)| field.parse::<u64>().ok()).sum()))
}

/// CPU time of a process, all its threads: utime + stime.
pub(crate) fn cpu_of(process: u32) -> Result<Duration, ProcessError> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // proc(5): the name, in brackets, may hold anything; utime and stime are fields 14 and 15.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    Ok(of_ticks(fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()))
}

/// Memory of a process that is resident, in bytes (`VmRSS`).
pub(crate) fn resident(process: u32) -> Result<u64, ProcessError> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kibibytes: u64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0);
    Ok(kibibytes * 1_024)
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(process: u32) -> Result<usize, ProcessError> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

/// UDP sockets at an address from a port on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UdpSockets {
    pub(crate) open: usize,
    /// Datagrams that found no room in them.
    pub(crate) dropped: u64,
}

/// Those of the whole machine (`/proc/net/udp`).
pub(crate) fn udp_sockets(address: Ipv4Addr, from: u16) -> Result<UdpSockets, ProcessError> {
    Ok(udp_sockets_in(&fs::read_to_string("/proc/net/udp")?, address, from))
}

/// proc(5): the second field is the local address, in the machine's byte order, and port, both in hexadecimal; the last is
/// what was dropped.
fn udp_sockets_in(text: &str, address: Ipv4Addr, from: u16) -> UdpSockets {
    let address = format!("{:08X}", u32::from_ne_bytes(address.octets()));
    let dropped = text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (at, port) = fields.nth(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok().filter(|port| *port >= from && at == address)?;
        fields.last()?.parse::<u64>().ok().filter(|_| port > 0)
    });
    dropped.fold(UdpSockets { open: 0, dropped: 0 }, |sum, dropped| UdpSockets {
        open: sum.open + 1,
        dropped: sum.dropped + dropped,
    })
}

const fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1_000 / TICKS)
}

/// CPU time of a process and of all that is neither it nor this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub(crate) tested: Duration,
    pub(crate) others: Duration,
}

impl Cpu {
    /// Up to now.
    pub(crate) fn of(process: u32) -> Result<Self, ProcessError> {
        let (tested, own) = (cpu_of(process)?, cpu_of(std::process::id())?);
        Ok(Self { tested, others: machine_cpu()?.saturating_sub(tested + own) })
    }

    /// Since then.
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            tested: self.tested.saturating_sub(before.tested),
            others: self.others.saturating_sub(before.others),
        }
    }
}

/// A core that never sleeps: a loop that runs when nothing else would (sched(7), SCHED_IDLE).
#[derive(Debug)]
pub(crate) struct KeptAwake {
    _process: Process,
}

impl KeptAwake {
    /// Until it is let go.
    pub(crate) fn begin(core: usize) -> Result<Self, ProcessError> {
        let mut command = on_core(core);
        command.args(["nice", "-n19", "chrt", "--idle", "0", "sh", "-c", "while :; do :; done"]);
        Ok(Self { _process: Process::start(&mut command)? })
    }
}

/// A child process that is killed when it is let go.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Self, ProcessError> {
        command.spawn().map(Self).map_err(|error| not_started("taskset", error, "install util-linux"))
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it still runs.
    pub(crate) fn is_up(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Whether it has ended; until it is let go, what it took can still be asked.
    pub(crate) fn has_ended(&self) -> Result<bool, ProcessError> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // proc(5): the state is behind the name.
        Ok(stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')))
    }

    /// Asks it to end, and waits for so long: one that is killed leaves its own children behind.
    pub(crate) fn ask_to_end(&mut self, patience: Duration) {
        run("kill", &["-TERM", &self.id().to_string()]).ok();
        let until = Instant::now() + patience;
        while self.is_up() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its ends of pipes.
    pub(crate) const fn pipes(&mut self) -> (&mut Option<ChildStdin>, &mut Option<ChildStdout>) {
        (&mut self.0.stdin, &mut self.0.stdout)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_counted_by_address_and_port_with_what_they_dropped() {
        let at = |address: Ipv4Addr, port: u16, drops: u64| {
            let address = u32::from_ne_bytes(address.octets());
            format!(
                "7: {address:08X}:{port:04X} 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 99 2 0 {drops}\n"
            )
        };
        let (ours, other) = (Ipv4Addr::new(127, 77, 1, 2), Ipv4Addr::LOCALHOST);
        let text =
            ["  sl local_address rem_address drops\n".to_owned(), at(ours, 10_000, 3), at(ours, 10_001, 4)];
        let text = text.concat() + &at(ours, 5_060, 50) + &at(other, 10_000, 60);
        assert_eq!(udp_sockets_in(&text, ours, 10_000), UdpSockets { open: 2, dropped: 7 });
    }
}
