//! More calls than can be carried: those that there are must not notice, the others must be told at once.

use std::time::Duration;

use terms::media::Ptime;

use crate::{
    context::{Context, Fault},
    findings::{Findings, Row, Times, Verdict, millis},
    gateway::Gateway,
    line::Heard,
    loads::in_fives,
    phones::{Manner, Phones},
    process::ProcessError,
    sipp::{Rate, Storm},
};

/// In meetings all the while.
const RUNNING: usize = 100;
const PACE: u64 = 100;
/// More calls a second than a core can carry.
const TOO_MANY: usize = 7_000;
/// What is offered once it is known what is taken, in percent of that.
const OVER_PERCENT: u64 = 150;
/// Until the share of calls that are taken has settled, and for as long as it is looked at.
const SETTLING: Duration = Duration::from_secs(3);
const LOOKING: Duration = Duration::from_secs(2);
const SECONDS: u64 = 10;
/// Our own callers beside the storm, whose answers are timed: one in so many milliseconds.
const PROBE_MILLIS: u64 = 10;
const REFUSAL_BAR: Duration = Duration::from_millis(10);
const BACK_BAR: Duration = Duration::from_secs(10);
/// Between two questions whether all calls are taken again.
const ASKING: Duration = Duration::from_millis(100);
/// Pairs of ports, each of which rests for a second.
const PAIRS: usize = 12_000;

/// Half as many calls again as are taken, while others talk.
pub(crate) fn overload(context: &mut Context) -> Result<Findings, Fault> {
    let (guests, window) =
        (in_fives(context.callers(RUNNING), Ptime::MS_20, Manner::Hurried), context.window(SECONDS));
    let gateway = context.gateway_as_shipped(PAIRS, &["media.quarantine=1s"])?;
    let mut phones = Phones::new(gateway.sip, &mut context.entropy)?;
    phones.dial(&guests, PACE)?;
    phones.run_for(LOOKING);

    let admitted = admitted(&gateway, &mut phones)?;
    let mut findings = Findings::of("overload");
    if until_open(&gateway, &mut phones)?.is_none() {
        findings.faults.push("calls are held back long after the first storm".to_owned());
        return Ok(findings);
    }
    phones.take_refusals();
    let offered = usize::try_from(admitted * OVER_PERCENT / 100)?;
    let before = gateway.metrics()?;
    phones.crowd_mut().begin_measuring();
    let packets = phones.crowd().packets();
    let storm = Storm::begin(gateway.sip, rate(offered, window))?;
    let began = phones.now();
    let mut probed = began;
    while phones.now().since(began) < window {
        let now = phones.step();
        if now.since(probed) >= Duration::from_millis(PROBE_MILLIS) {
            phones.ring()?;
            probed = now;
        }
    }
    drop(storm);
    let late = phones.crowd().late();
    let back = until_open(&gateway, &mut phones)?;
    let (packets, after) = (phones.crowd().packets().since(packets), gateway.metrics()?);
    phones.crowd_mut().end_measuring();

    let refusals = Times::of(phones.take_refusals());
    let refused = after.of("sip_events", "Load") - before.of("sip_events", "Load");
    println!(
        "overload: {admitted} calls a second are taken of {TOO_MANY}; at {offered}/s for {} s {refused} were refused, 503 after \
         {refusals}; {packets:?}; all taken again {} after; callers late by {:.1} ms at most",
        window.as_secs(),
        back.map_or("never".to_owned(), |back| format!("{:.1} s", back.as_secs_f64())),
        millis(late),
    );
    findings.must_be_none("calls that failed", &phones.take_failures());
    findings.must_be("packets that running calls lost", packets.lost, 0);
    findings.must_be("foreign packets", packets.foreign, 0);
    findings.must_be("isolation violations", after.of("media_isolation_violations", ""), 0);
    let heard = phones.crowd().lines().filter(|(_, line)| line.heard() == Heard::Part).count();
    findings.must_be("heard the others of their meeting, and nothing else", heard, guests.len());
    if refused == 0 || refusals.count() == 0 {
        findings.faults.push(format!("overload: at {offered} calls a second none was refused"));
    }
    if back.is_none() {
        findings.faults.push("overload: calls are held back long after the storm".to_owned());
    }
    let name = format!("{} talk, {offered} calls/s of which {admitted} are taken: 503 after", guests.len());
    let verdict = Verdict::at_most(refusals.percentile(99), REFUSAL_BAR).if_punctual(late);
    findings.rows.push(Row::new(name, refusals.to_string()).bar("p99 ≤ 10 ms", verdict));
    let back = back.unwrap_or(Duration::MAX);
    findings.rows.push(
        Row::new("  all are taken again", format!("{:.1} s", back.as_secs_f64()))
            .bar("≤ 10 s", Verdict::at_most(back, BACK_BAR)),
    );
    findings.rows.push(
        Row::new("  packets that those who talk lost", packets.lost.to_string())
            .bar("0", Verdict::at_most(packets.lost, 0))
            .absolute(format!("of {}", packets.received)),
    );
    Ok(findings)
}

/// How many calls a second are taken when there are too many.
fn admitted(gateway: &Gateway, phones: &mut Phones) -> Result<u64, Fault> {
    let answered = || Ok::<_, ProcessError>(gateway.metrics()?.of("call_events", "\"answered\""));
    let storm = Storm::begin(gateway.sip, rate(TOO_MANY, SETTLING + LOOKING))?;
    phones.run_for(SETTLING);
    let (before, since) = (answered()?, phones.now());
    phones.run_for(LOOKING);
    let (after, took) = (answered()?, phones.now().since(since));
    drop(storm);
    Ok((after - before) * 1_000 / u64::try_from(took.as_millis())?.max(1))
}

/// How long it takes until all calls are taken; none, if much longer than may be.
fn until_open(gateway: &Gateway, phones: &mut Phones) -> Result<Option<Duration>, Fault> {
    let since = phones.now();
    while gateway.status()?["load"]["admission"]["state"] != "open" {
        let waited = phones.now().since(since);
        if waited > BACK_BAR * 3 {
            return Ok(None);
        }
        phones.run_for(ASKING);
    }
    Ok(Some(phones.now().since(since)))
}

fn rate(a_second: usize, window: Duration) -> Rate {
    let seconds = usize::try_from(window.as_secs() + 1).unwrap_or(1);
    Rate { calls: a_second * seconds, a_second }
}
