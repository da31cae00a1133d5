//! A rush: dial-ins one after the other, each through the prompts with keys, into its meeting and out again.

use std::time::Duration;

use terms::media::Ptime;

use crate::{
    context::{Context, Fault},
    findings::{Findings, Row, Times, Verdict, millis},
    loads::in_fives,
    phones::{Manner, Phones},
    process::Cpu,
    visits::{Does, Visits, Wish},
};

const A_SECOND: usize = 80;
const SECONDS: u64 = 60;
const STAY: Duration = Duration::from_secs(4);
const SET_UP_BAR: Duration = Duration::from_millis(20);
/// From the last call to the end of its stay.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a call lasts at most and its ports rest, in seconds of calls that come meanwhile.
const PORTS_SECONDS: usize = 60;
/// Meetings that there are; the first is empty again when the last was used.
const MEETINGS: usize = 1_000;

/// 80 dial-ins a second for a minute, each staying for four seconds.
pub(crate) fn dial_ins(context: &mut Context) -> Result<Findings, Fault> {
    let a_second = context.callers(A_SECOND);
    let window = context.window(SECONDS);
    let calls = a_second * usize::try_from(window.as_secs())?;
    let mut guests = in_fives(calls, Ptime::MS_20, Manner::Hurried);
    guests.iter_mut().for_each(|guest| guest.meeting %= MEETINGS);
    let gateway = context.gateway(a_second * PORTS_SECONDS, &[])?;
    let mut phones = Phones::new(gateway.sip, &mut context.entropy)?;
    let (mut visits, mut late, mut until) = (Visits::default(), Duration::ZERO, phones.now() + PATIENCE);
    let (began, cpu) = (phones.now(), Cpu::of(gateway.process.id())?);
    phones.crowd_mut().begin_measuring();
    let mut coming = guests.iter();
    while (visits.count() > 0 || coming.len() > 0) && phones.now() < until {
        let now = phones.step();
        let due = now.since(began).as_millis() * a_second as u128 / 1_000;
        while u128::from(visits.outcome().called) < due
            && let Some(guest) = coming.next()
        {
            visits.begin(&mut phones, guest, Wish { stay: STAY, does: Does::Talks })?;
            until = now + PATIENCE;
        }
        visits.go_on(&mut phones);
        late = late.max(phones.crowd().late());
    }
    let cpu = Cpu::of(gateway.process.id())?.since(cpu);
    let (outcome, took, packets) = (visits.outcome(), phones.now().since(began), phones.crowd().packets());
    let set_ups = Times::of(phones.set_ups().iter().copied());
    println!(
        "dial-ins: {outcome:?}, set-up {set_ups}, {} retransmissions, {packets:?}, {} ms CPU (others on this machine: {}) in \
         {} s; callers late by {:.1} ms at most",
        phones.retransmitted(),
        cpu.tested.as_millis(),
        cpu.others.as_millis(),
        took.as_secs(),
        millis(late),
    );

    let (mut findings, called) = (Findings::of("dial-ins"), guests.len() as u64);
    findings.must_be_none("calls that failed", &phones.take_failures());
    findings.must_be("joined", outcome.joined, called);
    findings.must_be("not let in", outcome.not_let_in, 0);
    findings.must_be("left", outcome.left, called);
    findings.must_be("heard the others of their meeting, and nothing else", outcome.heard, called);
    findings.must_be("foreign packets", packets.foreign, 0);
    let violations = gateway.metrics()?.of("media_isolation_violations", "");
    findings.must_be("isolation violations", violations, 0);

    let name = format!("{a_second} dial-ins/s for {} s: in the right mix", window.as_secs());
    findings.rows.push(
        Row::new(name, format!("{} of {called}", outcome.heard))
            .bar("all", Verdict::at_most(called, outcome.heard))
            .absolute(format!("{:.1} ms CPU a dial-in", millis(cpu.tested) / set_ups.count().max(1) as f64)),
    );
    let verdict = Verdict::at_most(set_ups.percentile(99), SET_UP_BAR).if_punctual(late);
    findings.rows.push(Row::new("  set-up", set_ups.to_string()).bar("p99 ≤ 20 ms", verdict));
    Ok(findings)
}
