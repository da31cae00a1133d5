//! Calls that are answered and hung up at once, made by SIPp, to the gateway and to SIPp.

use std::{net::SocketAddr, thread, time::Duration};

use crate::{
    context::{Context, Fault},
    findings::{Findings, Row, Times, Verdict, count, median, millis},
    phones::Phones,
    process::Cpu,
    sipp::{self, Called, Rate},
};

const CALLS: usize = 6_000;
const A_SECOND: usize = 2_000;
/// CPU seconds per 1,000 calls.
const CPU_BAR: f64 = 0.25;
const SET_UP_BAR: Duration = Duration::from_millis(5);
/// What the last BYE and the records take.
const CLEARING: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Turn {
    cpu: Cpu,
    called: Called,
}

impl Turn {
    /// CPU seconds per 1,000 calls: of whom was called, and of the caller.
    fn per_thousand(&self) -> (f64, f64) {
        let thousands = count(self.called.successful.max(1)) / 1e3;
        (self.cpu.tested.as_secs_f64() / thousands, self.called.cpu.as_secs_f64() / thousands)
    }

    fn tell(&self, who: &str) {
        let Self { cpu, called } = self;
        println!(
            "signalling, {who}: {} ms CPU (others on this machine: {}), {} calls, {} failed, {} retransmissions, set-up {}; \
             the caller's own CPU {} ms",
            cpu.tested.as_millis(),
            cpu.others.saturating_sub(called.cpu).as_millis(),
            called.successful,
            called.failed,
            called.retransmissions,
            called.set_ups,
            called.cpu.as_millis(),
        );
    }
}

/// 6,000 calls at 2,000 a second from a fresh start.
pub(crate) fn signalling(context: &mut Context) -> Result<Findings, Fault> {
    let rate = Rate { calls: context.callers(CALLS), a_second: A_SECOND };
    let (mut ours, mut theirs, mut findings) = (Vec::new(), Vec::new(), Findings::of("signalling"));
    for _ in 0..context.turns(3) {
        ours.push(gateway_turn(context, rate, &mut findings)?);
        theirs.push(counterpart_turn(context, rate)?);
    }
    let of = |turns: &[Turn], figure: fn(&Turn) -> f64| median(turns.iter().map(figure).collect());
    let (gateway, sipp) =
        (of(&ours, |turn| turn.per_thousand().0), of(&theirs, |turn| turn.per_thousand().0));
    let caller = of(&theirs, |turn| turn.per_thousand().1);
    let (mut set_up_p99s, mut late) = (Vec::new(), Duration::ZERO);
    for _ in 0..context.turns(3) {
        let (times, lateness) = set_ups(context, rate, &mut findings)?;
        set_up_p99s.push(millis(times.percentile(99)));
        late = late.max(lateness);
    }
    let set_up = median(set_up_p99s);
    let name = format!("{} calls at {A_SECOND}/s, CPU per 1,000", rate.calls);
    findings.rows.push(
        Row::new(name, format!("{gateway:.3} s"))
            .beside(format!("{sipp:.3} s (SIPp)"), Some(gateway / sipp))
            .bar(format!("≤ {CPU_BAR} s"), Verdict::at_most(gateway, CPU_BAR))
            .absolute(format!(
                "{:.0} and {:.0} µs a call; SIPp's caller {:.0}",
                gateway * 1e3,
                sipp * 1e3,
                caller * 1e3
            )),
    );
    findings.rows.push(Row::new("  set-up p99", format!("{set_up:.2} ms")).bar(
        format!("≤ {} ms", SET_UP_BAR.as_millis()),
        Verdict::at_most(set_up, millis(SET_UP_BAR)).if_punctual(late),
    ));
    Ok(findings)
}

/// The same calls from this process, which has the kernel's time of each answer: SIPp's clock has steps of milliseconds.
fn set_ups(context: &mut Context, rate: Rate, findings: &mut Findings) -> Result<(Times, Duration), Fault> {
    let gateway = context.gateway(rate.calls * 5 / 4, &[])?;
    let mut phones = Phones::new(gateway.sip, &mut context.entropy)?;
    phones.crowd_mut().begin_measuring();
    let (began, mut called) = (phones.now(), 0);
    while called < rate.calls {
        let now = phones.step();
        let due = now.since(began).as_millis() * rate.a_second as u128 / 1_000;
        while called < rate.calls && (called as u128) < due {
            phones.ring()?;
            called += 1;
        }
    }
    let late = phones.crowd().late();
    phones.run_for(CLEARING);
    let times = Times::of(phones.set_ups().iter().copied());
    findings.must_be_none("calls that failed", &phones.take_failures());
    findings.must_be("calls that were answered", times.count(), rate.calls);
    findings.must_be("retransmissions by our own callers", phones.retransmitted(), 0);
    println!("signalling, our own callers: set-up {times}; late by {:.1} ms at most", millis(late));
    Ok((times, late))
}

fn gateway_turn(context: &mut Context, rate: Rate, findings: &mut Findings) -> Result<Turn, Fault> {
    // Each pair rests for longer than the run lasts.
    let gateway = context.gateway(rate.calls * 5 / 4, &[])?;
    let turn = turn(context, gateway.process.id(), gateway.sip, rate)?;
    turn.tell("gateway");
    let (called, metrics) = (&turn.called, gateway.metrics()?);
    findings.must_be("calls of SIPp that were good", called.successful, rate.calls as u64);
    findings.must_be("calls of SIPp that failed", called.failed, 0);
    findings.must_be("retransmissions by SIPp", called.retransmissions, 0);
    for kind in ["retransmission_absorbed", "\"retransmitted\""] {
        findings.must_be(kind, metrics.of("sip_events", kind), 0);
    }
    findings.must_be("calls that are left", gateway.status()?["load"]["calls"].as_u64(), Some(0));
    Ok(turn)
}

fn counterpart_turn(context: &Context, rate: Rate) -> Result<Turn, Fault> {
    let (process, address) = sipp::counterpart()?;
    let turn = turn(context, process.id(), address, rate)?;
    turn.tell("SIPp");
    Ok(turn)
}

fn turn(context: &Context, process: u32, callee: SocketAddr, rate: Rate) -> Result<Turn, Fault> {
    let before = Cpu::of(process)?;
    let called = sipp::call(callee, rate, context.folder())?;
    thread::sleep(CLEARING);
    Ok(Turn { cpu: Cpu::of(process)?.since(before), called })
}
