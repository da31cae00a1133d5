//! What a probe found, in words and as JSON.

use std::{fmt, io, net::SocketAddr};

use probe::{Course, Fault, Figures, Limits};
use serde::Serialize;

use super::plan::Plan;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Where the gateway is.
    pub gateway: SocketAddr,
    /// All in all.
    pub standing: Standing,
    /// What was good enough.
    pub limits: Limits,
    /// Each port that was probed.
    pub legs: Vec<Leg>,
}

/// All in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Calls will be good.
    Good,
    /// They will not.
    Bad,
    /// Nothing could be measured.
    Unknown,
}

/// One port, and what came of probing it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leg {
    /// What it is for.
    pub what: What,
    /// Where.
    pub address: SocketAddr,
    /// What came back.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What is not good enough of it.
    pub faults: Vec<Fault>,
}

/// What a port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// SIP by UDP.
    Signalling,
    /// SIP by TCP.
    Stream,
    /// RTP.
    Media,
    /// As much of it as video with sharing takes.
    Video,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Answers.
    Measured(Figures),
    /// Nothing.
    Silent,
    /// Nobody listens there, the host says.
    Refused,
    /// Something else was in the way.
    Failed(String),
}

impl Outcome {
    pub(super) fn of(course: io::Result<Course>) -> Self {
        match course {
            Ok(course) => Self::Measured(course.figures()),
            Err(error) => match error.kind() {
                io::ErrorKind::TimedOut => Self::Silent,
                io::ErrorKind::ConnectionRefused => Self::Refused,
                _ => Self::Failed(error.to_string()),
            },
        }
    }

    const fn is_measured(&self) -> bool {
        matches!(self, Self::Measured(_))
    }
}

impl Leg {
    /// Calls go by UDP: SIP over TCP may be lacking.
    fn is_needed(&self) -> bool {
        self.what != What::Stream
    }

    fn is_good(&self) -> bool {
        self.outcome.is_measured() && self.faults.is_empty()
    }
}

impl Report {
    pub(super) fn new(plan: &Plan, legs: Vec<Leg>) -> Self {
        let standing = if !legs.iter().any(|leg| leg.outcome.is_measured()) {
            Standing::Unknown
        } else if legs.iter().filter(|leg| leg.is_needed()).all(Leg::is_good) {
            Standing::Good
        } else {
            Standing::Bad
        };
        Self { gateway: plan.gateway, standing, limits: plan.limits, legs }
    }

    fn measured(&self, what: What) -> bool {
        self.legs.iter().any(|leg| leg.what == what && leg.outcome.is_measured())
    }

    fn has(&self, what: What) -> bool {
        self.legs.iter().any(|leg| leg.what == what)
    }

    /// What to do about it.
    fn hints(&self) -> Vec<String> {
        let Self { gateway, .. } = self;
        let (udp, tcp) = (self.measured(What::Signalling), self.measured(What::Stream));
        let mut hints = Vec::new();
        if !udp && tcp {
            hints.push(format!(
                "TCP comes through and UDP does not: a firewall drops UDP on the way to {gateway}."
            ));
        } else if !udp {
            hints.push(format!(
                "Nothing comes back from {gateway}: is that the gateway's SIP address, does it run, is `probe.answer` \"on\", and \
                 does a firewall stand between?"
            ));
        }
        if udp && !tcp {
            hints.push("SIP over TCP can't be used from here; over UDP it can.".to_owned());
        }
        if udp && !self.has(What::Media) {
            hints.push(
                "The gateway tells no port for media to be probed at: set `probe` of its [[media.range]], or say one by --media."
                    .to_owned(),
            );
        }
        if udp && self.has(What::Media) && !self.measured(What::Media) {
            hints.push(
                "Signalling comes through and media does not: calls would be set up and silent. Open the media ports in \
                 the firewall."
                    .to_owned(),
            );
        }
        if self
            .legs
            .iter()
            .any(|leg| matches!(&leg.outcome, Outcome::Measured(figures) if figures.limited > 0))
        {
            hints.push(
                "The gateway answers no more than `probe.per_source` to one address; others behind it may be probing too."
                    .to_owned(),
            );
        }
        hints
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for leg in &self.legs {
            writeln!(f, "{leg}")?;
        }
        for hint in self.hints() {
            writeln!(f, "{hint}")?;
        }
        let Limits { delay_ms, jitter_ms, loss_percent } = self.limits;
        let limits = format!("{delay_ms} ms one way, {jitter_ms} ms of jitter, {loss_percent} % of loss");
        match self.standing {
            Standing::Good => write!(f, "Good: within {limits}."),
            Standing::Bad => write!(f, "Bad: calls bear up to {limits}."),
            Standing::Unknown => f.write_str("Nothing could be measured."),
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Signalling => "signalling, UDP",
            What::Stream => "signalling, TCP",
            What::Media => "media, UDP",
            What::Video => "video at 4 Mb/s, UDP",
        };
        write!(f, "{what} {}: ", self.address)?;
        match &self.outcome {
            Outcome::Silent => f.write_str("nothing comes back"),
            Outcome::Refused => f.write_str("refused, nobody listens there"),
            Outcome::Failed(error) => f.write_str(error),
            Outcome::Measured(figures) if self.faults.is_empty() => {
                f.write_str("good; ")?;
                tell(figures, f)
            }
            Outcome::Measured(figures) => {
                let words: Vec<&str> = self.faults.iter().map(|fault| words(*fault)).collect();
                write!(f, "bad: {}; ", words.join(", "))?;
                tell(figures, f)
            }
        }
    }
}

const fn words(fault: Fault) -> &'static str {
    match fault {
        Fault::Silent => "nothing comes back",
        Fault::Delay => "it takes too long",
        Fault::Jitter => "it comes unevenly",
        Fault::Loss => "too much is lost",
        Fault::Rate => "video with sharing does not come through",
    }
}

fn tell(figures: &Figures, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Figures { sent, answered, lost_percent, .. } = figures;
    write!(f, "{answered} of {sent} came back, {lost_percent:.1} % lost")?;
    if let (Some(there), Some(back)) = (figures.lost_there_percent, figures.lost_back_percent) {
        write!(f, " ({there:.1} % there, {back:.1} % back)")?;
    }
    if let Some(trip) = figures.round_trip {
        write!(
            f,
            ", round trip {:.1} ms (from {:.1}, 95 % within {:.1})",
            trip.median_ms, trip.min_ms, trip.p95_ms
        )?;
    }
    if let (Some(mean), Some(worst)) = (figures.jitter_ms, figures.jitter_worst_ms) {
        write!(f, ", jitter {mean:.1} ms (at worst {worst:.1})")?;
    }
    match figures.reordered {
        0 => Ok(()),
        count => write!(f, ", {count} out of order"),
    }
}
