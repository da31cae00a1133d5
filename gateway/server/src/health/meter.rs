//! What the kernel and the workers say of how loaded the process is.

use std::{fs, io, path::PathBuf, time::Duration};

use terms::Instant;

use crate::{
    admission::{Loads, Percent},
    record::WorkerCounters,
};

/// The shard's thread; a worker's is `media-N` (see `media::worker`).
pub const SHARD: &str = "shard";
const WORKER: &str = "media-";
/// proc(5) of the process itself, which also a hardened unit can read.
const TASKS: &str = "/proc/self/task";

/// Reads loads.
#[derive(Debug)]
pub struct Meter {
    at: Instant,
    threads: Vec<Thread>,
    workers: WorkerCounters,
    lag: Duration,
    memory: Memory,
}

/// A thread whose time is limited: it has one core at most.
#[derive(Debug)]
struct Thread {
    role: Role,
    schedstat: PathBuf,
    /// Until the last measure.
    busy: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Shard,
    Worker,
}

impl Meter {
    /// Nothing measured yet.
    pub fn new(now: Instant, workers: WorkerCounters) -> Self {
        Self { at: now, threads: Vec::new(), workers, lag: Duration::ZERO, memory: Memory::find() }
    }

    /// How often each worker has waked.
    pub fn wakeups(&self) -> Vec<u64> {
        self.workers.iter().map(|worker| worker.strain().wakeups()).collect()
    }

    /// The loads since the last measure.
    pub fn measure(&mut self, now: Instant) -> Loads {
        if self.threads.len() <= self.workers.len() {
            self.threads = threads().unwrap_or_default();
        }
        let elapsed = now.since(self.at);
        self.at = now;
        let (mut shard, mut worker) = (0, 0);
        for thread in &mut self.threads {
            let percent = thread.busy_percent(elapsed);
            match thread.role {
                Role::Shard => shard = percent,
                Role::Worker => worker = worker.max(percent),
            }
        }
        let lag = self.workers.iter().map(|worker| worker.strain().take_lag()).max().unwrap_or_default();
        let ports = self.workers.iter().map(|worker| worker.strain().ports_taken_percent()).max();
        // One late tick is the machine's hiccup; ticks that are late for two measures on end are load.
        let tick_lag = lag.min(std::mem::replace(&mut self.lag, lag));
        Loads {
            shard_percent: shard,
            worker_percent: worker,
            tick_lag_ms: u64::try_from(tick_lag.as_millis()).unwrap_or(u64::MAX),
            ports_percent: ports.unwrap_or(0),
            memory_percent: self.memory.used_percent(),
        }
    }
}

impl Thread {
    /// The share of the time that it ran or waited for a core. A thread that has to wait for others is as much at its
    /// end as one that runs all the time.
    fn busy_percent(&mut self, elapsed: Duration) -> Percent {
        let Ok(busy) = fs::read_to_string(&self.schedstat).map(|text| of_schedstat(&text)) else { return 0 };
        let since = busy.saturating_sub(std::mem::replace(&mut self.busy, busy));
        percent(since.as_micros(), elapsed.as_micros())
    }
}

/// Linux, Documentation/scheduler/sched-stats.rst: nanoseconds on a core, nanoseconds waiting for one, time slices.
fn of_schedstat(text: &str) -> Duration {
    let numbers = text.split_whitespace().take(2).filter_map(|number| number.parse::<u64>().ok());
    Duration::from_nanos(numbers.sum())
}

/// The shard and the workers, as far as they have begun.
fn threads() -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(TASKS)? {
        let folder = entry?.path();
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        let role = match name.trim() {
            SHARD => Role::Shard,
            name if name.starts_with(WORKER) => Role::Worker,
            _ => continue,
        };
        let schedstat = folder.join("schedstat");
        let busy = fs::read_to_string(&schedstat).map(|text| of_schedstat(&text)).unwrap_or_default();
        threads.push(Thread { role, schedstat, busy });
    }
    Ok(threads)
}

/// The memory that the process has of what it may have.
#[derive(Debug)]
struct Memory {
    page: u64,
    /// Octets.
    limit: u64,
}

impl Memory {
    /// What the control groups allow, and what the machine has at most. A hardened unit sees no /proc/meminfo.
    fn find() -> Self {
        let machine = rustix::system::sysinfo();
        let total = u64::from(machine.mem_unit).saturating_mul(machine.totalram);
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let limit = of_control_groups(&groups).map_or(total, |limit| limit.min(total));
        Self { page: u64::try_from(rustix::param::page_size()).unwrap_or(4_096), limit }
    }

    fn used_percent(&self) -> Percent {
        // proc(5), statm: the second field is the resident set in pages.
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: u64 = statm.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
        percent(u128::from(pages) * u128::from(self.page), self.limit.into())
    }
}

/// The smallest `memory.max` on the way from our control group (cgroups(7), version 2) to the root.
fn of_control_groups(groups: &str) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let folder = PathBuf::from("/sys/fs/cgroup").join(group);
    let limits =
        folder.ancestors().take_while(|folder| folder.starts_with("/sys/fs/cgroup")).filter_map(|folder| {
            let text = fs::read_to_string(folder.join("memory.max")).ok()?;
            text.trim().parse().ok()
        });
    limits.min()
}

fn percent(part: u128, whole: u128) -> Percent {
    Percent::try_from(part * 100 / whole.max(1)).unwrap_or(Percent::MAX).min(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_on_a_core_and_time_waiting_for_one_are_both_load() {
        assert_eq!(of_schedstat("583874 32726 2\n"), Duration::from_nanos(616_600));
        assert_eq!(of_schedstat(""), Duration::ZERO);
        let cases = [(0, 200, 0), (170, 200, 85), (400, 200, 100), (1, 0, 100)];
        for (part, whole, expected) in cases {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
    }

    #[test]
    fn a_thread_by_the_shards_name_is_found_and_its_load_is_what_it_does() {
        let worker = std::thread::Builder::new().name(SHARD.to_owned());
        let (until, wait) = std::sync::mpsc::channel::<()>();
        let spins =
            worker.spawn(move || while wait.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {});
        let spins = spins.expect("a thread");
        let mut found = Vec::new();
        // Its name comes with its first instructions.
        for _ in 0..1_000 {
            found = threads().expect("proc(5)");
            if !found.is_empty() {
                break;
            }
            std::thread::yield_now();
        }
        let [thread] = &mut found[..] else { panic!("{found:?}") };
        assert_eq!(thread.role, Role::Shard);
        let before = thread.busy;
        while thread.busy == before {
            thread.busy_percent(Duration::from_millis(1));
        }
        until.send(()).ok();
        spins.join().expect("it ends");
    }

    #[test]
    fn this_process_has_some_memory_and_not_all() {
        let memory = Memory::find();
        assert!(memory.limit > 0 && memory.used_percent() < 100, "{memory:?}");
    }
}
