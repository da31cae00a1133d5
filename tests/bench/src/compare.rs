//! The same packets to the gateway and to an echo, in turns; each turn's figure is the CPU time of that process over a
//! window in which every caller sends.

use std::{fmt, time::Duration};

use terms::media::Ptime;

use crate::{
    context::{Context, Fault, SERVER_CORE},
    crowd::{Crowd, LineId, Packets},
    echo::Echo,
    findings::{Findings, Row, TOO_LATE, Verdict, count, median, millis},
    line::{Heard, Line},
    phones::{Guest, Phones},
    process::{Cpu, KeptAwake},
    tones::Tone,
};

/// What the meetings settle in before the window.
const SETTLING: Duration = Duration::from_secs(2);
/// A gap may be so much longer than the echo's.
const MORE_GAP: Duration = Duration::from_millis(20);

/// What the core of the processes under test does between packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    /// Nothing, in time that is nobody's: what is measured is work, as on a core that has more of it.
    Awake,
    /// It sleeps, and has forgotten its caches when it is waked.
    Sleeps,
}

/// Who calls, and for how long it is measured.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) experiment: &'static str,
    pub(crate) name: String,
    pub(crate) guests: Vec<Guest>,
    pub(crate) ptime: Ptime,
    /// Calls a second until all are in.
    pub(crate) pace: u64,
    pub(crate) window: Duration,
    pub(crate) turns: usize,
    pub(crate) core: Core,
}

/// One turn of the gateway or of the echo.
#[derive(Debug)]
struct Turn {
    cpu: Cpu,
    packets: Packets,
    /// How late the callers were at most.
    late: Duration,
    /// The longest time that any caller had no packet.
    gap: Duration,
    heard: usize,
    callers: usize,
}

impl Turn {
    fn micros_per_packet(&self) -> f64 {
        self.cpu.tested.as_secs_f64() * 1e6 / count(self.packets.sent.max(1))
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Packets { sent, received, lost, foreign } = self.packets;
        write!(
            f,
            "{} ms CPU (others on this machine: {}), {sent} packets sent, {received} received, {lost} lost, {foreign} foreign, \
             {:.2} µs a packet in and out; {} of {} heard what they must; longest gap {:.1} ms; callers late by {:.1} ms at most",
            self.cpu.tested.as_millis(),
            self.cpu.others.as_millis(),
            self.micros_per_packet(),
            self.heard,
            self.callers,
            millis(self.gap),
            millis(self.late),
        )
    }
}

/// The turns side by side.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    gateway: Vec<Turn>,
    echo: Vec<Turn>,
    window: Duration,
    pub(crate) findings: Findings,
}

/// Gateway and echo take turns.
pub(crate) fn compare(context: &mut Context, load: &Load) -> Result<Comparison, Fault> {
    let findings = Findings::of(load.experiment);
    let _awake = match load.core {
        Core::Awake => Some(KeptAwake::begin(SERVER_CORE)?),
        Core::Sleeps => None,
    };
    let mut comparison = Comparison { window: load.window, findings, ..Comparison::default() };
    for turn in 1..=load.turns {
        let gateway = gateway_turn(context, load, &mut comparison.findings)?;
        println!("{}, gateway {turn}: {gateway}", load.name);
        let echo = echo_turn(context, load)?;
        println!("{}, echo {turn}: {echo}", load.name);
        comparison.gateway.push(gateway);
        comparison.echo.push(echo);
    }
    Ok(comparison)
}

fn gateway_turn(context: &mut Context, load: &Load, findings: &mut Findings) -> Result<Turn, Fault> {
    let gateway = context.gateway(load.guests.len() + 16, &[])?;
    let mut phones = Phones::new(gateway.sip, &mut context.entropy)?;
    phones.dial(&load.guests, load.pace)?;
    phones.run_for(SETTLING);
    let turn = measure(phones.crowd_mut(), load.window, gateway.process.id())?;
    let metrics = gateway.metrics()?;
    findings.must_be("callers who heard what they must, and nothing else", turn.heard, turn.callers);
    findings.must_be("packets lost", turn.packets.lost, 0);
    findings.must_be("foreign packets", turn.packets.foreign, 0);
    for figure in ["media_isolation_violations", "media_packets_foreign", "media_sends_failed"] {
        findings.must_be(figure, metrics.of(figure, ""), 0);
    }
    let missed = metrics.of("media_ticks_missed", "");
    if missed > 0 {
        println!("{}: the gateway missed {missed} ticks", load.name);
    }
    phones.hang_up_all();
    Ok(turn)
}

fn echo_turn(context: &mut Context, load: &Load) -> Result<Turn, Fault> {
    let program = context.echo_program()?;
    let echo = Echo::start(SERVER_CORE, &program, load.guests.len())?;
    let clock = media::Clock::start();
    let mut crowd = Crowd::new(clock);
    for index in 0..load.guests.len() {
        let voice = (Tone::of_seat(index, index), load.ptime);
        let line = Line::to_echo(voice, echo.port_of(index), (clock.now().mono, &mut context.entropy))?;
        crowd.add(LineId(index as u64), line);
    }
    crowd.run_for(SETTLING);
    let turn = measure(&mut crowd, load.window, echo.process.id())?;
    echo.stop()?;
    Ok(turn)
}

/// The CPU time that the process under test takes while all callers send, and what is taken by others.
fn measure(crowd: &mut Crowd, window: Duration, process: u32) -> Result<Turn, Fault> {
    crowd.begin_measuring();
    let (packets, cpu) = (crowd.packets(), Cpu::of(process)?);
    crowd.run_for(window);
    let (cpu, packets) = (Cpu::of(process)?.since(cpu), crowd.packets().since(packets));
    crowd.end_measuring();
    let heard = crowd.lines().filter(|(_, line)| line.heard() == Heard::Part).count();
    let gap = crowd.lines().map(|(_, line)| line.largest_gap()).max().unwrap_or_default();
    Ok(Turn { cpu, packets, late: crowd.late(), gap, heard, callers: crowd.lines().count() })
}

impl Comparison {
    /// The median of each, in µs a packet in and out.
    pub(crate) fn micros(&self) -> (f64, f64) {
        let of = |turns: &[Turn]| median(turns.iter().map(Turn::micros_per_packet).collect());
        (of(&self.gateway), of(&self.echo))
    }

    /// How late the callers were at most.
    pub(crate) fn late(&self) -> Duration {
        self.turns().map(|turn| turn.late).max().unwrap_or_default()
    }

    fn turns(&self) -> impl Iterator<Item = &Turn> {
        self.gateway.iter().chain(&self.echo)
    }

    /// Percent of the machine that others took, at most: two cores are in use; caches and interrupts are shared with
    /// whatever else runs.
    fn disturbed_percent(&self) -> f64 {
        let share = |turn: &Turn| turn.cpu.others.as_secs_f64() / self.window.as_secs_f64() / 2.0 * 100.0;
        self.turns().map(share).fold(0.0, f64::max)
    }

    /// The CPU of both, beside each other.
    pub(crate) fn cpu_row(&self, name: &str, bar: Option<f64>) -> Row {
        let (ours, theirs) = self.micros();
        let ratio = ours / theirs;
        let a_participant = |turns: &[Turn]| {
            let cost = |turn: &Turn| {
                millis(turn.cpu.tested) / self.window.as_secs_f64() / count(turn.callers.max(1) as u64)
            };
            median(turns.iter().map(cost).collect())
        };
        let (gateway, echo) = (a_participant(&self.gateway), a_participant(&self.echo));
        let row = Row::new(name, format!("{gateway:.3} ms/s each"))
            .beside(format!("{echo:.3} (echo)"), Some(ratio))
            .absolute(format!(
                "{ours:.2} and {theirs:.2} µs a packet in and out; others took up to {:.0} % of the machine",
                self.disturbed_percent()
            ));
        match bar {
            Some(bar) => {
                row.bar(format!("≤ {bar} × echo"), Verdict::at_most(ratio, bar).if_punctual(self.late()))
            }
            None => row.bar("", Verdict::Told.if_punctual(self.late())),
        }
    }

    /// The longest gap of both.
    pub(crate) fn gap_row(&self, name: &str) -> Row {
        let of = |turns: &[Turn]| median(turns.iter().map(|turn| millis(turn.gap)).collect());
        let (ours, theirs) = (of(&self.gateway), of(&self.echo));
        Row::new(name, format!("{ours:.1} ms"))
            .beside(format!("{theirs:.1} ms (echo)"), None)
            .bar("≤ echo + 20 ms", Verdict::at_most(ours, theirs + millis(MORE_GAP)).if_punctual(self.late()))
    }

    /// What is to be known of the callers themselves.
    pub(crate) fn late_row(&self, name: &str) -> Row {
        let late = self.late();
        Row::new(name, format!("{:.1} ms", millis(late)))
            .bar(format!("≤ {} ms", TOO_LATE.as_millis()), Verdict::Told.if_punctual(late))
    }
}
