//! What was measured, in words.

use std::{fmt, time::Duration};

use crate::{
    crowd::{Crowd, Packets},
    server::GatewayFigures,
};

/// One turn of the gateway or of the echo.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    cpu: Duration,
    /// Of everything on the machine but the process under test and the callers.
    others: Duration,
    packets: Packets,
    of: Of,
}

/// Of whom, and what else is known of it.
#[derive(Debug, Clone)]
enum Of {
    Unknown,
    /// So many callers heard the four others alone, of so many.
    Meetings {
        heard: usize,
        callers: usize,
        sent: u64,
        own: GatewayFigures,
    },
    /// What the echo says of itself.
    Echo(String),
}

impl Turn {
    /// What the process took, and what others took, came and went meanwhile.
    pub(crate) const fn new(cpu: Duration, others: Duration, packets: Packets) -> Self {
        Self { cpu, others, packets, of: Of::Unknown }
    }

    /// Adds what the callers of the meetings heard.
    #[must_use]
    pub(crate) fn heard_by(mut self, crowd: &Crowd) -> Self {
        let heard = crowd.lines().filter(|line| line.heard_the_others_alone()).count();
        let callers = crowd.lines().count();
        self.of = Of::Meetings { heard, callers, sent: 0, own: GatewayFigures::default() };
        self
    }

    /// Adds what the gateway counted when `sent` packets had been sent to it.
    #[must_use]
    pub(crate) fn with_gateway(mut self, figures: GatewayFigures, all: Packets) -> Self {
        if let Of::Meetings { sent, own, .. } = &mut self.of {
            (*sent, *own) = (all.sent, figures);
        }
        self
    }

    /// Adds what the echo says of itself.
    #[must_use]
    pub(crate) fn with_echo(mut self, said: String) -> Self {
        self.of = Of::Echo(said);
        self
    }

    fn micros_per_packet(&self) -> f64 {
        micros(self.cpu) / count(self.packets.sent.max(1))
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Packets { sent, received, lost } = self.packets;
        write!(
            f,
            "{} ms CPU (others on this machine: {}), {sent} packets sent, {received} received, {lost} lost, {:.2} µs a packet in and out",
            self.cpu.as_millis(),
            self.others.as_millis(),
            self.micros_per_packet()
        )?;
        match &self.of {
            Of::Unknown => Ok(()),
            Of::Echo(said) => write!(f, " (the echo: {said})"),
            Of::Meetings { heard, callers, sent, own } => write!(
                f,
                "; {heard} of {callers} heard the other four and not themselves; since its start {} of {sent} came in, \
                 {} ticks missed",
                own.received, own.ticks_missed
            ),
        }
    }
}

/// The turns side by side.
#[derive(Debug)]
pub(crate) struct Comparison {
    callers: usize,
    window: Duration,
    gateway: Vec<Turn>,
    echo: Vec<Turn>,
}

impl Comparison {
    /// Nothing measured yet.
    pub(crate) const fn new(callers: usize, window: Duration) -> Self {
        Self { callers, window, gateway: Vec::new(), echo: Vec::new() }
    }

    /// Adds a turn of each.
    pub(crate) fn add(&mut self, gateway: Turn, echo: Turn) {
        self.gateway.push(gateway);
        self.echo.push(echo);
    }

    /// Milliseconds of CPU a second and participant.
    fn cost(&self, turn: &Turn) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let callers = self.callers as f64;
        micros(turn.cpu) / 1_000.0 / self.window.as_secs_f64() / callers
    }

    fn median(&self, turns: &[Turn]) -> f64 {
        let mut costs: Vec<f64> = turns.iter().map(|turn| self.cost(turn)).collect();
        costs.sort_by(f64::total_cmp);
        let middle = costs.len() / 2;
        match costs.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => costs[middle],
            _ => f64::midpoint(costs[middle - 1], costs[middle]),
        }
    }

    /// Two cores are in use; caches and interrupts are shared with whatever else runs.
    fn is_disturbed(&self) -> bool {
        self.gateway.iter().chain(&self.echo).any(|turn| turn.others > self.window * 2 / 10)
    }

    /// Whether every caller of every turn heard the others alone, and nothing was lost.
    pub(crate) fn is_sound(&self) -> bool {
        let is_sound = |turn: &Turn| match &turn.of {
            Of::Meetings { heard, callers, .. } => heard == callers && turn.packets.lost == 0,
            Of::Unknown | Of::Echo(_) => true,
        };
        self.gateway.iter().all(is_sound)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gateway, echo) = (self.median(&self.gateway), self.median(&self.echo));
        writeln!(f, "CPU ms per second and participant, median of {}:", self.gateway.len())?;
        writeln!(f, "  gateway {gateway:.3}   echo {echo:.3}   ratio {:.2}", gateway / echo)?;
        if self.is_disturbed() {
            writeln!(
                f,
                "  Other programs took more than a tenth of the machine: measure again when it is idle."
            )?;
        }
        if !self.is_sound() {
            writeln!(
                f,
                "  NOT SOUND: packets were lost or somebody did not hear what it must; see the turns above"
            )?;
        }
        Ok(())
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a few million")]
fn count(number: u64) -> f64 {
    number as f64
}
