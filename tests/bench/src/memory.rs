//! What a call takes of memory.

use std::time::Duration;

use terms::media::Ptime;

use crate::{
    context::{Context, Fault},
    findings::{Findings, Row, Verdict, count},
    loads::in_fives,
    phones::{Manner, Phones},
    process::resident,
};

const CALLERS: usize = 1_000;
const PACE: u64 = 100;
/// Kilobytes a call.
const BAR: f64 = 20.0;
const SETTLING: Duration = Duration::from_secs(3);

/// RSS with 1,000 joined, less RSS after one call that came and went.
pub(crate) fn memory(context: &mut Context) -> Result<Findings, Fault> {
    let guests = in_fives(context.callers(CALLERS), Ptime::MS_20, Manner::Hurried);
    let gateway = context.gateway(guests.len() + 16, &[])?;
    let process = gateway.process.id();
    let mut warm_up = Phones::new(gateway.sip, &mut context.entropy)?;
    warm_up.dial(&guests[..1], PACE)?;
    warm_up.run_for(SETTLING);
    warm_up.hang_up_all();
    let before = resident(process)?;
    let mut phones = Phones::new(gateway.sip, &mut context.entropy)?;
    phones.dial(&guests, PACE)?;
    phones.run_for(SETTLING);
    let after = resident(process)?;
    phones.hang_up_all();
    let a_call = count(after.saturating_sub(before)) / 1e3 / count(guests.len() as u64);
    println!("memory: {before} bytes resident after one call, {after} with {} joined", guests.len());
    let row = Row::new(format!("memory a call, {} joined", guests.len()), format!("{a_call:.1} kB"))
        .bar(format!("≤ {BAR} kB"), Verdict::at_most(a_call, BAR))
        .absolute(format!("{:.1} MB resident in all", count(after) / 1e6));
    Ok(Findings { rows: vec![row], ..Findings::of("memory") })
}
