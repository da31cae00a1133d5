//! Other processes: started on a core of their own, and what they take.

use std::{
    fs, io,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
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

/// CPU time of the whole machine, interrupts and what a hypervisor took included, idleness not.
pub(crate) fn machine_cpu() -> Result<Duration, ProcessError> {
    let stat = fs::read_to_string("/proc/stat")?;
    // proc(5): user nice system idle iowait irq softirq steal; guests are in user already.
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
    let busy = fields.enumerate().filter(|(at, _)| !matches!(at, 3 | 4));
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
