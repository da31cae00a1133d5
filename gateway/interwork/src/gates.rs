//! How many calls a trunk or a listener brings at once, and how fast (OUT-6).
//!
//! A call comes by its listener and, where the source is a trunk's, by that trunk: both count it, and
//! either may be full. What a call has taken it gives back with its leg (see `legs.rs`). What a gate refuses has taken
//! nothing; what is refused later, for its offer or its number, has used its token of the rate.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use terms::{Cause, Instant, ListenerName, TrunkName};

/// By what calls come in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// A carrier's trunk.
    Trunk(TrunkName),
    /// A socket of ours.
    Listener(ListenerName),
}

impl Gate {
    /// What it is, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Trunk(_) => "trunk",
            Self::Listener(_) => "listener",
        }
    }

    /// Which one.
    pub fn name(&self) -> &str {
        match self {
            Self::Trunk(name) => name.as_str(),
            Self::Listener(name) => name.as_str(),
        }
    }
}

/// Calls a second, to a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate {
    per_1000_s: u32,
}

impl Rate {
    /// The highest that a limit may say.
    pub const MAX: f64 = 100_000.0;
    const SECOND: Duration = Duration::from_secs(1);

    /// How much of a second a call takes.
    fn interval(self) -> Duration {
        Duration::from_secs(1_000) / self.per_1000_s
    }

    /// What may be taken at once: a second's worth of calls, and one at least.
    fn burst(self) -> Duration {
        self.interval().max(Self::SECOND)
    }
}

impl TryFrom<f64> for Rate {
    type Error = NoRate;

    fn try_from(per_second: f64) -> Result<Self, NoRate> {
        let per_1000_s = (per_second * 1_000.0).round();
        if !(per_1000_s >= 1.0 && per_second <= Self::MAX) {
            return Err(NoRate);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 10^8")]
        Ok(Self { per_1000_s: per_1000_s as u32 })
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        Self::from(rate.per_1000_s) / 1_000.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f64::from(*self).fmt(f)
    }
}

/// It is not above zero, or too high.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRate;

impl fmt::Display for NoRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calls a second are between 0.001 and {}", Rate::MAX)
    }
}

/// How much may come by a gate; no bound unless there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateLimits {
    /// Calls at once, from the INVITE to the end of the leg.
    pub channels: Option<u32>,
    /// New calls a second.
    pub rate: Option<Rate>,
}

impl GateLimits {
    /// Whether there is any.
    pub const fn is_some(&self) -> bool {
        self.channels.is_some() || self.rate.is_some()
    }
}

/// Which limit of a gate was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateLimit {
    /// As many calls as it may have.
    Channels,
    /// They come too fast.
    Rate,
}

impl GateLimit {
    /// Why the call is refused: no circuit is free, or there is too much at once.
    pub const fn cause(self) -> Cause {
        match self {
            Self::Channels => Cause::NO_CIRCUIT,
            Self::Rate => Cause::CONGESTION,
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Rate => "rate",
        }
    }
}

/// A token bucket as one instant: when it will be full again. The rate comes with the call, so that another rate
/// holds at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// The bucket less a call; `None` where it has no call left.
    fn less_one(&mut self, now: Instant, rate: Rate) -> Option<Self> {
        let burst = rate.burst();
        // An empty bucket is full a burst from now, whatever a lower rate or another clock made of it before.
        self.full_at = self.full_at.clamp(now, now + burst);
        let full_at = self.full_at + rate.interval();
        (full_at.since(now) <= burst).then_some(Self { full_at })
    }
}

/// What came by one gate.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    in_use: u32,
    bucket: Bucket,
    refused: Refused,
}

/// How many calls a gate refused, by limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Refused {
    /// As many as may be were there.
    pub channels: u64,
    /// They came too fast.
    pub rate: u64,
}

/// A gate as the administration sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateView {
    /// Which.
    #[serde(flatten)]
    pub gate: Gate,
    /// Calls that it has.
    pub in_use: u32,
    /// Calls that it may have.
    pub channels: Option<u32>,
    /// New calls a second that it may bring.
    pub calls_per_second: Option<Rate>,
    /// Those beyond, since the start.
    pub refused: Refused,
}

/// What came by each gate.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    counts: BTreeMap<Gate, Count>,
}

impl Gates {
    /// Whether one more call may come by all of `gates`; if so its token is taken of each, else of none.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        gates: &[(Gate, GateLimits)],
    ) -> Result<(), (Gate, GateLimit)> {
        let mut taken = Vec::with_capacity(gates.len());
        for (gate, limits) in gates {
            let count = self.counts.entry(gate.clone()).or_default();
            if limits.channels.is_some_and(|channels| count.in_use >= channels) {
                count.refused.channels += 1;
                return Err((gate.clone(), GateLimit::Channels));
            }
            let Some(rate) = limits.rate else { continue };
            let Some(bucket) = count.bucket.less_one(now, rate) else {
                count.refused.rate += 1;
                return Err((gate.clone(), GateLimit::Rate));
            };
            taken.push((gate, bucket));
        }
        for (gate, bucket) in taken {
            self.counts.entry(gate.clone()).or_default().bucket = bucket;
        }
        Ok(())
    }

    /// A leg begins, or is restored.
    pub(crate) fn enter(&mut self, gates: &[Gate]) {
        for gate in gates {
            self.counts.entry(gate.clone()).or_default().in_use += 1;
        }
    }

    /// A leg that entered is over.
    pub(crate) fn leave(&mut self, gates: &[Gate]) {
        for gate in gates {
            if let Some(count) = self.counts.get_mut(gate) {
                count.in_use -= 1;
            }
        }
    }

    /// Forgets those that no call is on and that `is_known` denies.
    pub(crate) fn retain(&mut self, is_known: impl Fn(&Gate) -> bool) {
        self.counts.retain(|gate, count| count.in_use > 0 || is_known(gate));
    }

    /// Those of `gates` that have a limit.
    pub(crate) fn views(&self, gates: impl Iterator<Item = (Gate, GateLimits)>) -> Vec<GateView> {
        let view = |(gate, limits): (Gate, GateLimits)| {
            let count = self.counts.get(&gate).copied().unwrap_or_default();
            GateView {
                gate,
                in_use: count.in_use,
                channels: limits.channels,
                calls_per_second: limits.rate,
                refused: count.refused,
            }
        };
        gates.filter(|(_, limits)| limits.is_some()).map(view).collect()
    }
}

#[cfg(test)]
mod tests;
