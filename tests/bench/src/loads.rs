//! Meetings of five, one of five hundred, and thousands at 60 ms, each beside an echo of the same packets.

use std::time::Duration;

use terms::media::Ptime;

use crate::{
    compare::{Core, Load, compare},
    context::{Context, Fault},
    findings::{Findings, Row, Verdict, count},
    line::{Part, Voice},
    phones::{Guest, Manner},
    tones::{SET, Tone, Tones},
};

/// Calls a second until all are in.
const PACE: u64 = 200;
/// And of thousands: who is in shall cost more than who comes.
const SCALE_PACE: u64 = 100;
/// Who talks in the meeting of many.
const TALKERS: usize = 3;
const MEETINGS_BAR: f64 = 1.3;
const HALL_BAR: f64 = 1.1;
/// The dearest packet of all sizes to the cheapest.
const FLAT_BAR: f64 = 1.2;
const SIZES: [usize; 4] = [100, 1_000, 2_000, 4_000];

/// Callers in meetings of five, all talking.
pub(crate) fn in_fives(callers: usize, ptime: Ptime, manner: Manner) -> Vec<Guest> {
    let guest = |index: usize| {
        let (meeting, seat) = (index / SET, index % SET);
        let says = Tone::of_seat(meeting, seat);
        let all: Tones = (0..SET).map(|seat| Tone::of_seat(meeting, seat)).collect();
        Guest {
            meeting,
            part: Part { says: Some(Voice::Tone(says)), hears: all.without(says), ptime },
            manner,
        }
    };
    (0..callers.next_multiple_of(SET)).map(guest).collect()
}

/// Callers in one meeting, of whom three talk.
fn in_one(callers: usize) -> Vec<Guest> {
    let all: Tones = (0..TALKERS).map(|seat| Tone::of_seat(0, seat)).collect();
    let guest = |index: usize| {
        let says = (index < TALKERS).then(|| Tone::of_seat(0, index));
        let hears = says.map_or(all, |says| all.without(says));
        let part = Part { says: says.map(Voice::Tone), hears, ptime: Ptime::MS_20 };
        Guest { meeting: 0, part, manner: Manner::Patient }
    };
    (0..callers.max(TALKERS)).map(guest).collect()
}

/// Packets of 20 ms to a core that is kept awake.
fn awake(context: &Context, experiment: &'static str, (name, guests): (String, Vec<Guest>)) -> Load {
    let (window, turns) = (context.window(10), context.turns(3));
    Load { experiment, name, guests, ptime: Ptime::MS_20, pace: PACE, window, turns, core: Core::Awake }
}

/// 200 callers in meetings of five, all talking.
pub(crate) fn meetings(context: &mut Context) -> Result<Findings, Fault> {
    let guests = in_fives(context.callers(200), Ptime::MS_20, Manner::Patient);
    let name = format!("{} in meetings of {SET}, all talk", guests.len());
    let load = awake(context, "meetings", (name.clone(), guests));
    let comparison = compare(context, &load)?;
    let mut findings = Findings::default();
    findings.rows.push(comparison.cpu_row(&name, Some(MEETINGS_BAR)));
    findings.rows.push(comparison.gap_row("  longest gap of any caller"));
    findings.rows.push(comparison.late_row("  callers late"));
    findings.add(comparison.findings);
    let sleeping = compare(context, &Load { core: Core::Sleeps, turns: 1, ..load })?;
    findings.rows.push(sleeping.cpu_row("  on a core that sleeps between packets", None));
    findings.add(sleeping.findings);
    Ok(findings)
}

/// One meeting of 500 in which three talk.
pub(crate) fn hall(context: &mut Context) -> Result<Findings, Fault> {
    let guests = in_one(context.callers(500));
    let name = format!("{} in one meeting, {TALKERS} talk", guests.len());
    let load = awake(context, "hall", (name.clone(), guests));
    let comparison = compare(context, &load)?;
    let mut findings = Findings::default();
    findings.rows.push(comparison.cpu_row(&name, Some(HALL_BAR)));
    findings.rows.push(comparison.late_row("  callers late"));
    findings.add(comparison.findings);
    Ok(findings)
}

/// 100 to 4,000 callers with packets of 60 ms.
pub(crate) fn scale(context: &mut Context) -> Result<Findings, Fault> {
    let ptime = Ptime::nearest(60);
    let sizes = context.options.callers.map_or_else(|| SIZES.to_vec(), |callers| vec![callers]);
    let (mut findings, mut micros, mut late) = (Findings::default(), Vec::new(), Duration::ZERO);
    let mut echo_micros = 0.0;
    let mut carried = Verdict::Met;
    for callers in sizes {
        let guests = in_fives(callers, ptime, Manner::Hurried);
        let (window, turns) = (context.window(10), context.turns(1));
        let name = format!("{} at 60 ms", guests.len());
        let load = Load {
            experiment: "scale",
            name: name.clone(),
            guests,
            ptime,
            pace: SCALE_PACE,
            window,
            turns,
            core: Core::Awake,
        };
        let comparison = match compare(context, &load) {
            Ok(comparison) => comparison,
            // More than a core can carry is told, and the sizes below it stand.
            Err(fault) => {
                let row = Row::new(name, "not carried").bar("all join", Verdict::Missed);
                let echo = echo_micros * count(callers as u64) / f64::from(ptime.as_millis()) / 1e3;
                findings
                    .rows
                    .push(row.absolute(format!("{fault}; the echo alone would take {echo:.1} cores")));
                carried = Verdict::Missed;
                continue;
            }
        };
        let (gateway, echo) = comparison.micros();
        micros.push(gateway);
        echo_micros = echo;
        late = late.max(comparison.late());
        findings.rows.push(comparison.cpu_row(&name, None));
        findings.rows.push(comparison.late_row("  callers late"));
        findings.add(comparison.findings);
    }
    if micros.is_empty() {
        return Ok(findings);
    }
    let least = micros.iter().copied().fold(f64::INFINITY, f64::min);
    let most = micros.iter().copied().fold(0.0, f64::max);
    let flat = most / least;
    let row = Row::new("CPU a packet over these sizes", format!("{least:.2} to {most:.2} µs"));
    let verdict = match carried {
        Verdict::Met => Verdict::at_most(flat, FLAT_BAR).if_punctual(late),
        not_carried => not_carried,
    };
    findings.rows.push(Row { ratio: Some(flat), ..row.bar("within 20 %", verdict) });
    Ok(findings)
}
