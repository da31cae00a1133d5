//! Calls of all kinds for as long as one likes; then nothing of them may be left.

use std::{fs, path::Path, time::Duration};

use ::server::journal;
use terms::{Instant, media::Ptime};

use crate::{
    context::{Context, Fault},
    crowd::{LineId, Packets},
    findings::{Findings, Row, Verdict, count, millis},
    gateway::{FIRST_PORT, Gateway, Metrics, own_address},
    loads::in_fives,
    phones::{Guest, Manner, Phones},
    process::{Cpu, UdpSockets, descriptors, resident, udp_sockets},
    visits::{Does, Outcome, Visits, Wish},
};

const CALLERS: usize = 300;
const SECONDS: u64 = 30;
/// A new call at most so often; more often where so many call that these would not all be there at once.
const PACE: Duration = Duration::from_millis(12);
/// From one call of a seat to its next, about.
const VISIT: Duration = Duration::from_secs(7);
/// The shortest stay, and how much longer it may be.
const STAY: Duration = Duration::from_secs(3);
const LONGER: Duration = Duration::from_secs(7);
/// Of so many calls one gives up, and one mutes itself.
const ONE_IN: u32 = 6;
/// Memory is in use, and what is kept of calls that ended (64 × T1) has reached its height.
const WARM_UP: Duration = Duration::from_secs(20);
/// Timers are shortened so that all that a call leaves is over soon.
const SETTINGS: [&str; 2] = ["media.quarantine=2s", "sip.t1=200ms"];
/// From the last BYE until nothing is left: 64 × T1 and the quarantine.
const CLEARING: Duration = Duration::from_secs(16);
/// For so long an idle gateway is watched, and so much of that may it work.
const IDLE: Duration = Duration::from_secs(3);
const IDLE_CPU: Duration = Duration::from_millis(90);
/// Growth of memory between a quarter of the run and its end, in percent.
const GROWTH_BAR: f64 = 5.0;
const SAMPLE: Duration = Duration::from_millis(500);

/// What the gateway holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    descriptors: usize,
    media: UdpSockets,
}

impl Held {
    fn by(gateway: &Gateway) -> Result<Self, Fault> {
        let descriptors = descriptors(gateway.process.id())?;
        Ok(Self { descriptors, media: udp_sockets(own_address(), FIRST_PORT)? })
    }

    /// Descriptors that are no media sockets: those are kept once they are open, one pair a call at once.
    const fn others(&self) -> usize {
        self.descriptors - self.media.open
    }
}

/// Memory over time.
#[derive(Debug, Default)]
struct Memory(Vec<(Instant, u64)>);

impl Memory {
    /// What is resident after so many hundredths of the run, over a tenth of it.
    fn at(&self, percent: usize) -> f64 {
        let (from, to) = (self.0.len() * percent / 100, (self.0.len() * (percent + 10) / 100));
        let part = self.0.get(from..to.max(from + 1)).unwrap_or_default();
        count(part.iter().map(|(_, bytes)| bytes).sum()) / count(part.len().max(1) as u64)
    }

    /// The straight line that fits best from a quarter of the run on, in kB a minute.
    fn slope(&self) -> f64 {
        let part = self.0.get(self.0.len() / 4..).unwrap_or_default();
        let points: Vec<(f64, f64)> = part
            .iter()
            .map(|(at, bytes)| (at.since(Instant::ZERO).as_secs_f64() / 60.0, count(*bytes) / 1e3))
            .collect();
        let mean = |of: fn(&(f64, f64)) -> f64| {
            points.iter().map(of).sum::<f64>() / count(points.len().max(1) as u64)
        };
        let (minute, kilobytes) = (mean(|point| point.0), mean(|point| point.1));
        let rise: f64 = points.iter().map(|point| (point.0 - minute) * (point.1 - kilobytes)).sum();
        let run: f64 = points.iter().map(|point| (point.0 - minute).powi(2)).sum();
        if run > 0.0 { rise / run } else { 0.0 }
    }

    /// Percent, from a quarter of the run to its end.
    fn growth(&self) -> f64 {
        let quarter = self.at(25);
        (self.at(90) - quarter) / quarter.max(1.0) * 100.0
    }
}

/// A run: who calls, where, and what comes of it.
struct Run {
    phones: Phones,
    visits: Visits,
    /// Seats that nobody has.
    free: Vec<Guest>,
    taken: Vec<(LineId, Guest)>,
    pace: Duration,
    next_call: Instant,
    entropy: terms::Entropy,
}

impl Run {
    fn new(gateway: &Gateway, callers: usize, context: &mut Context) -> Result<Self, Fault> {
        let phones = Phones::new(gateway.sip, &mut context.entropy)?;
        let free = in_fives(callers, Ptime::MS_20, Manner::Hurried);
        let (next_call, entropy) = (phones.now(), context.entropy.split());
        let pace = PACE.min(VISIT / u32::try_from(callers.max(1)).unwrap_or(u32::MAX));
        Ok(Self { phones, visits: Visits::default(), free, taken: Vec::new(), pace, next_call, entropy })
    }

    /// Works off a millisecond; whoever has a seat calls again once it is free.
    fn step(&mut self) -> Result<(), Fault> {
        let now = self.phones.step();
        if now >= self.next_call && !self.free.is_empty() {
            let guest = self.free.swap_remove(self.entropy.next_u32() as usize % self.free.len());
            let wish = self.wish();
            let id = self.visits.begin(&mut self.phones, &guest, wish)?;
            self.taken.push((id, guest));
            self.next_call = now + self.pace;
        }
        self.go_on();
        Ok(())
    }

    fn go_on(&mut self) {
        for gone in self.visits.go_on(&mut self.phones) {
            if let Some(place) = self.taken.iter().position(|(id, _)| *id == gone) {
                self.free.push(self.taken.swap_remove(place).1);
            }
        }
    }

    fn wish(&mut self) -> Wish {
        let stay = STAY + LONGER * (self.entropy.next_u32() % 100) / 100;
        let does = match self.entropy.next_u32() % ONE_IN {
            0 => Does::GivesUp(Duration::from_millis(u64::from(self.entropy.next_u32() % 2_000))),
            1 => Does::Mutes,
            _ => Does::Talks,
        };
        Wish { stay, does }
    }

    /// Calls come and go for so long.
    fn go_on_for(&mut self, time: Duration, mut each: impl FnMut(Instant)) -> Result<(), Fault> {
        let until = self.phones.now() + time;
        while self.phones.now() < until {
            self.step()?;
            each(self.phones.now());
        }
        Ok(())
    }

    /// Nobody calls any more, and all leave.
    fn end(&mut self) {
        let until = self.phones.now() + STAY + LONGER + CLEARING;
        while self.visits.count() > 0 && self.phones.now() < until {
            self.phones.step();
            self.go_on();
        }
        self.phones.run_for(CLEARING);
    }
}

/// Dial-ins, joins, mutes and hang-ups; afterwards all is as it was before.
pub(crate) fn soak(context: &mut Context) -> Result<Findings, Fault> {
    let (callers, window) = (context.callers(CALLERS), context.window(SECONDS));
    let gateway = context.gateway(callers * 2, &SETTINGS)?;
    let process = gateway.process.id();
    let before = Held::by(&gateway)?;
    let mut run = Run::new(&gateway, callers, context)?;
    run.go_on_for(WARM_UP, |_| ())?;
    run.phones.crowd_mut().begin_measuring();
    let (cpu, began) = (Cpu::of(process)?, run.phones.now());
    let (mut memory, mut next) = (Memory::default(), began);
    run.go_on_for(window, |now| {
        if now >= next {
            memory.0.push((now, resident(process).unwrap_or(0)));
            next = now + SAMPLE;
        }
    })?;
    let cpu = Cpu::of(process)?.since(cpu);
    let late = run.phones.crowd().late();
    run.end();
    let idle = Cpu::of(process)?;
    run.phones.run_for(IDLE);
    let idle = Cpu::of(process)?.since(idle).tested;
    let (outcome, packets) = (run.visits.outcome(), run.phones.crowd().packets());
    println!(
        "soak: {outcome:?}, {packets:?}, {:.0} % of a core, {} retransmissions, callers late by {:.1} ms at most",
        cpu.tested.as_secs_f64() / window.as_secs_f64() * 100.0,
        run.phones.retransmitted(),
        millis(late)
    );

    let mut findings = Findings::of("soak");
    findings.must_be_none("calls that failed", &run.phones.take_failures());
    check_callers(outcome, packets, &mut findings);
    let after = Held::by(&gateway)?;
    check_left(&gateway, (before, after), &mut findings)?;
    findings.must_be_at_most("CPU of nothing to do (timers are left)", idle, IDLE_CPU);
    check_counters(&gateway.metrics()?, (outcome, packets), after.media.dropped, &mut findings);
    check_journal(&context.state_folder(), outcome, &mut findings)?;
    let growth = memory.growth();
    findings.must_be_at_most("growth of memory in percent", growth, GROWTH_BAR);
    let name = format!("soak of {} s, {callers} callers: memory grows", window.as_secs());
    findings.rows.push(
        Row::new(name, format!("{growth:.1} %"))
            .bar(format!("≤ {GROWTH_BAR} %"), Verdict::at_most(growth, GROWTH_BAR))
            .absolute(format!(
                "{:.1} to {:.1} MB resident, {:+.0} kB a minute; {} calls",
                memory.at(25) / 1e6,
                memory.at(90) / 1e6,
                memory.slope(),
                outcome.called
            )),
    );
    Ok(findings)
}

/// What the callers saw.
fn check_callers(outcome: Outcome, packets: Packets, findings: &mut Findings) {
    let Outcome { called, joined, heard, strange, untold, muted, given_up, not_let_in, left, .. } = outcome;
    findings.must_be("not let in", not_let_in, 0);
    findings.must_be("joined or gave up", joined + given_up, called);
    findings.must_be("left", left, joined);
    findings.must_be("heard what is not of their meeting", strange, 0);
    findings.must_be_at_most("in a thousand, of whom it can't be told", untold * 1_000 / joined.max(1), 10);
    // A run that is too short shows nothing.
    findings.must_be_at_most("of each kind of call one", 1, heard.min(muted).min(given_up));
    findings.must_be("foreign packets", packets.foreign, 0);
    findings.must_be("packets to the callers lost", packets.lost, 0);
}

/// What the gateway still holds when all are gone.
fn check_left(
    gateway: &Gateway,
    (before, after): (Held, Held),
    findings: &mut Findings,
) -> Result<(), Fault> {
    let (status, metrics) = (gateway.status()?, gateway.metrics()?);
    for what in ["calls", "participants", "leases", "busy_meetings"] {
        findings.must_be(what, status["load"][what].as_u64(), Some(0));
    }
    for what in ["media_ports_open", "media_rooms_open", "media_isolation_violations", "records_lost"] {
        findings.must_be(what, metrics.of(what, ""), 0);
    }
    findings.must_be("descriptors beside those of media", after.others(), before.others());
    Ok(())
}

/// Whether what the gateway counts is what was done to it.
fn check_counters(
    metrics: &Metrics,
    (outcome, packets): (Outcome, Packets),
    dropped: u64,
    findings: &mut Findings,
) {
    for event in ["arrived", "ended"] {
        findings.must_be(event, metrics.of("call_events", &format!("event=\"{event}\"")), outcome.called);
    }
    let received = metrics.of("media_packets_received", "");
    findings.must_be("packets received, and dropped by the kernel", received + dropped, packets.sent);
}

/// Whether each call has its record.
fn check_journal(folder: &Path, outcome: Outcome, findings: &mut Findings) -> Result<(), Fault> {
    let files = journal::files(folder)?;
    let verified = journal::verify(&files, None)?;
    let mut legs = 0;
    for file in &files {
        legs += fs::read_to_string(file)?.matches("\"kind\":\"leg\"").count() as u64;
    }
    findings.must_be("records of legs", legs, outcome.called);
    findings.must_be_at_most("of all records", legs, verified.records);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_line_that_fits() {
        const MINUTE: u64 = 60_000_000_000;
        let memory = |a_minute: u64| {
            Memory((0..8).map(|at| (Instant::from_nanos(at * MINUTE), 9_000 + at * a_minute)).collect())
        };
        assert!(memory(0).slope().abs() < 1e-6);
        assert!((memory(5_000).slope() - 5.0).abs() < 1e-6);
        assert!(Memory::default().slope().abs() < 1e-6);
    }

    #[test]
    fn growth_is_from_a_quarter_to_the_end() {
        let memory = |bytes: fn(u64) -> u64| {
            Memory((0..100).map(|sample| (Instant::from_nanos(sample), bytes(sample))).collect())
        };
        assert!(memory(|_| 1_000).growth().abs() < 0.01);
        assert!(memory(|sample| if sample < 20 { 500 } else { 1_000 }).growth().abs() < 0.01);
        assert!((memory(|sample| 1_000 + 10 * sample).growth() - 50.0).abs() < 2.0);
    }
}
