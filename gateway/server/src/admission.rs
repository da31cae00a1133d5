//! Whether new calls are taken, by how loaded the gateway is (REL-1).
//!
//! ```text
//!          a load reaches its high mark: half of the calls are taken
//!   Open ────────────────────────────────────────────▶ HoldingBack
//!        ◀────────────────────────────────────────────
//!          the share has come back to all
//! ```
//!
//! While calls are held back, each measure halves the share where a load is at its high mark still. The loads that were at
//! theirs since calls are held back must all come down to their low marks before the share grows, by a fortieth a measure;
//! other loads have no say. So a load that stays too high finds the share that can be carried, and what was refused comes
//! back gradually. Calls that are there are never touched.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use sip::endpoint::Share;

/// What a quiet measure adds to the share, in thousandths: ten measures a second are 4 s from nothing to all.
const STEP: u16 = 25;
/// A share below this is none.
const LEAST: Share = Share::of_1000(30);

/// How full of its work something is, in percent.
pub type Percent = u8;

/// What can be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// The thread of signalling and calls.
    Shard,
    /// The busiest media worker.
    Worker,
    /// How late ticks of the media plane are.
    TickLag,
    /// The addresses of the fullest range.
    Ports,
    /// Memory.
    Memory,
}

impl Resource {
    /// All, the one that hurts callers first before others.
    pub const EACH: [Self; 5] = [Self::TickLag, Self::Worker, Self::Shard, Self::Ports, Self::Memory];

    /// Its name in settings, metrics and status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shard => "shard",
            Self::Worker => "worker",
            Self::TickLag => "tick-lag",
            Self::Ports => "ports",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Loads {
    /// Time that the shard's thread ran or waited for a core.
    pub shard_percent: Percent,
    /// The same of the busiest worker.
    pub worker_percent: Percent,
    /// How late a tick was, in whole milliseconds.
    pub tick_lag_ms: u64,
    /// Addresses of the fullest range that are in use or rest.
    pub ports_percent: Percent,
    /// Memory of the process, of what it may have.
    pub memory_percent: Percent,
}

impl Loads {
    /// The figure of one resource, in its own unit.
    pub const fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Shard => self.shard_percent as u64,
            Resource::Worker => self.worker_percent as u64,
            Resource::TickLag => self.tick_lag_ms,
            Resource::Ports => self.ports_percent as u64,
            Resource::Memory => self.memory_percent as u64,
        }
    }
}

/// Where calls are held back from, and where they are no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks<T> {
    /// From here on.
    pub high: T,
    /// Up to here they come back.
    pub low: T,
}

/// The marks of everything that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Of the shard and of each worker.
    pub cpu: Marks<Percent>,
    /// Of ticks.
    pub tick_lag: Marks<Duration>,
    /// Of each range.
    pub ports: Marks<Percent>,
    /// Of the process.
    pub memory: Marks<Percent>,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            cpu: Marks { high: 85, low: 70 },
            tick_lag: Marks { high: Duration::from_millis(15), low: Duration::from_millis(8) },
            ports: Marks { high: 95, low: 90 },
            memory: Marks { high: 90, low: 80 },
        }
    }
}

/// Whether new calls are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// All are.
    #[default]
    Open,
    /// Some are.
    HoldingBack {
        /// So many.
        share: Share,
        /// What was at its high mark last.
        reason: Resource,
        /// All that were since calls are held back.
        pressing: Resources,
    },
}

impl Standing {
    /// How many of those that come are taken.
    pub const fn share(self) -> Share {
        match self {
            Self::Open => Share::ALL,
            Self::HoldingBack { share, .. } => share,
        }
    }

    fn pressing(self) -> Resources {
        match self {
            Self::Open => Resources::default(),
            Self::HoldingBack { pressing, .. } => pressing,
        }
    }

    /// What holds them back, if anything does.
    pub const fn reason(self) -> Option<Resource> {
        match self {
            Self::Open => None,
            Self::HoldingBack { reason, .. } => Some(reason),
        }
    }
}

/// Some of what can be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resources([bool; Resource::EACH.len()]);

impl Resources {
    /// Those that `fits` says yes to.
    fn that(fits: impl Fn(Resource) -> bool) -> Self {
        Self(Resource::EACH.map(fits))
    }

    fn iter(self) -> impl Iterator<Item = Resource> {
        Resource::EACH.into_iter().zip(self.0).filter_map(|(resource, is_in)| is_in.then_some(resource))
    }

    fn has(self, wanted: Resource) -> bool {
        self.iter().any(|resource| resource == wanted)
    }
}

/// Where a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Low,
    Between,
    High,
}

/// Whether new calls are taken, as `GET /v1/status` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AdmissionView {
    /// In one word.
    pub state: AdmissionState,
    /// How many of those that come are taken.
    pub admitted_percent: Percent,
    /// What holds them back, if anything does.
    pub reason: Option<Resource>,
    /// What was measured last.
    #[serde(flatten)]
    pub loads: Loads,
}

/// A [`Standing`] in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdmissionState {
    /// All are taken.
    #[default]
    Open,
    /// Some are.
    HoldingBack,
    /// None is.
    Shut,
}

impl AdmissionView {
    /// What is measured and what comes of it.
    pub fn new(loads: Loads, standing: Standing) -> Self {
        let state = match standing {
            Standing::Open => AdmissionState::Open,
            Standing::HoldingBack { share: Share::NONE, .. } => AdmissionState::Shut,
            Standing::HoldingBack { .. } => AdmissionState::HoldingBack,
        };
        let admitted = standing.share().parts() / 10;
        let admitted_percent = Percent::try_from(admitted).unwrap_or(100);
        Self { state, admitted_percent, reason: standing.reason(), loads }
    }
}

/// Decides about new calls, a measure at a time.
#[derive(Debug)]
pub struct Admission {
    settings: AdmissionSettings,
    standing: Standing,
}

impl Admission {
    /// Takes all, to begin with.
    pub const fn new(settings: AdmissionSettings) -> Self {
        Self { settings, standing: Standing::Open }
    }

    /// Other marks, from the next measure on.
    pub const fn configure(&mut self, settings: AdmissionSettings) {
        self.settings = settings;
    }

    /// As of the last measure.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Takes what was measured; one comes ten times a second.
    pub fn measure(&mut self, loads: &Loads) -> Standing {
        let place = |resource| self.settings.place(resource, loads);
        let high = Resources::that(|resource| place(resource) == Place::High);
        self.standing = match (self.standing, high.iter().next()) {
            (Standing::Open, None) => Standing::Open,
            (standing, Some(reason)) => {
                let (half, before) = (standing.share().half(), standing.pressing());
                let share = if half < LEAST { Share::NONE } else { half };
                let pressing = Resources::that(|resource| before.has(resource) || high.has(resource));
                Standing::HoldingBack { share, reason, pressing }
            }
            (Standing::HoldingBack { share, reason, pressing }, None) => {
                let are_low = pressing.iter().all(|resource| place(resource) == Place::Low);
                match if are_low { share.plus(STEP) } else { share } {
                    Share::ALL => Standing::Open,
                    share => Standing::HoldingBack { share, reason, pressing },
                }
            }
        };
        self.standing
    }
}

impl AdmissionSettings {
    fn place(&self, resource: Resource, loads: &Loads) -> Place {
        match resource {
            Resource::Shard => self.cpu.place(loads.shard_percent),
            Resource::Worker => self.cpu.place(loads.worker_percent),
            Resource::TickLag => self.tick_lag.place(Duration::from_millis(loads.tick_lag_ms)),
            Resource::Ports => self.ports.place(loads.ports_percent),
            Resource::Memory => self.memory.place(loads.memory_percent),
        }
    }
}

impl<T: PartialOrd + Copy> Marks<T> {
    fn place(&self, load: T) -> Place {
        if load >= self.high {
            Place::High
        } else if load <= self.low {
            Place::Low
        } else {
            Place::Between
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Loads =
        Loads { shard_percent: 0, worker_percent: 0, tick_lag_ms: 0, ports_percent: 0, memory_percent: 0 };

    #[test]
    fn rel_1_each_load_holds_calls_back_at_its_high_mark_and_says_so() {
        let rows = [
            (Resource::Shard, Loads { shard_percent: 85, ..IDLE }),
            (Resource::Worker, Loads { worker_percent: 100, ..IDLE }),
            (Resource::TickLag, Loads { tick_lag_ms: 15, ..IDLE }),
            (Resource::Ports, Loads { ports_percent: 95, ..IDLE }),
            (Resource::Memory, Loads { memory_percent: 90, ..IDLE }),
        ];
        for (resource, loads) in rows {
            let standing = admission().measure(&loads);
            assert_eq!((standing.share(), standing.reason()), (Share::of_1000(500), Some(resource)));
        }
        let just_below = Loads {
            shard_percent: 84,
            worker_percent: 84,
            tick_lag_ms: 14,
            ports_percent: 94,
            memory_percent: 89,
        };
        assert_eq!(admission().measure(&just_below), Standing::Open);
    }

    #[test]
    fn rel_1_a_load_that_stays_high_ends_in_no_call_within_a_second() {
        let busy = Loads { worker_percent: 97, ..IDLE };
        assert_eq!(parts(&mut admission(), &busy, 7), [500, 250, 125, 62, 31, 0, 0]);
    }

    #[test]
    fn rel_1_between_the_marks_the_share_stays_and_below_them_it_comes_back_in_4_s() {
        let mut admission = admission();
        let (busy, between) = (Loads { shard_percent: 90, ..IDLE }, Loads { shard_percent: 71, ..IDLE });
        parts(&mut admission, &busy, 2);
        assert_eq!(parts(&mut admission, &between, 100), [250; 100], "one mark alone would swing");
        let back = parts(&mut admission, &IDLE, 30);
        assert_eq!((back[0], back[28], back[29]), (275, 975, 1_000));
        assert_eq!(admission.standing(), Standing::Open);
        assert_eq!(parts(&mut admission, &between, 1), [1_000]);
        parts(&mut admission, &busy, 10);
        assert_eq!(parts(&mut admission, &IDLE, 40).last(), Some(&1_000), "from nothing in 40 measures");
    }

    #[test]
    fn rel_1_a_load_that_was_never_high_does_not_keep_calls_back_nor_does_one_that_is_not_looked_at() {
        let memory = Loads { memory_percent: 85, ..IDLE };
        let unwatched =
            AdmissionSettings { memory: Marks { high: 101, low: 80 }, ..AdmissionSettings::default() };
        for settings in [AdmissionSettings::default(), unwatched] {
            let mut admission = Admission::new(settings);
            parts(&mut admission, &Loads { tick_lag_ms: 40, ..memory }, 10);
            assert_eq!(parts(&mut admission, &memory, 40).last(), Some(&1_000));
        }
    }

    #[test]
    fn rel_1_all_that_were_high_must_come_down() {
        let mut admission = admission();
        parts(&mut admission, &Loads { memory_percent: 90, ..IDLE }, 1);
        parts(&mut admission, &Loads { memory_percent: 85, shard_percent: 90, ..IDLE }, 1);
        assert_eq!(admission.standing().reason(), Some(Resource::Shard));
        assert_eq!(parts(&mut admission, &Loads { memory_percent: 81, ..IDLE }, 3), [250; 3]);
        assert_eq!(parts(&mut admission, &Loads { memory_percent: 80, ..IDLE }, 1), [275]);
    }

    fn admission() -> Admission {
        Admission::new(AdmissionSettings::default())
    }

    fn parts(admission: &mut Admission, loads: &Loads, measures: usize) -> Vec<u16> {
        (0..measures).map(|_| admission.measure(loads).share().parts()).collect()
    }
}
