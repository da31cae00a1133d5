//! What a lease of a terminal costs (ISO-1), with so many claims in flight beside those that are held: of devices that are
//! nowhere, and of devices that are in another meeting and move.

use std::time::Duration;

use call::{
    lease::{Claim, Leases, Output, SecondJoin},
    question::{LeaseAnswer, Place, QuestionId},
    terminal::{Mark, Terminal},
};
use terms::{BootEpoch, CallId, LeaseEpoch, LegId};

use crate::{
    context::{Context, Fault},
    findings::{Findings, Row, Verdict, count, median},
    process::cpu_of,
};

const HELD: u64 = 10_000;
const IN_FLIGHT: u64 = 200;
const ROUNDS: u64 = 500;
/// Microseconds of CPU.
const BAR: f64 = 50.0;

pub(crate) fn leases(context: &mut Context) -> Result<Findings, Fault> {
    let (mut free, mut moved) = (Vec::new(), Vec::new());
    for _ in 0..context.turns(3) {
        free.push(micros_each(Desk::nowhere)?);
        moved.push(micros_each(Desk::elsewhere)?);
    }
    let row = |what: &str, all: Vec<f64>| {
        let micros = median(all);
        Row::new(format!("lease of a terminal that {what}, {IN_FLIGHT} in flight"), format!("{micros:.1} µs"))
            .bar(format!("≤ {BAR:.0} µs"), Verdict::at_most(micros, BAR))
    };
    let rows = vec![row("is nowhere", free), row("moves", moved)];
    Ok(Findings { rows, ..Findings::of("leases") })
}

fn micros_each(round: fn(&mut Desk) -> Result<(), Fault>) -> Result<f64, Fault> {
    let mut desk = Desk::new()?;
    let before = cpu_of(std::process::id())?;
    for _ in 0..ROUNDS {
        round(&mut desk)?;
    }
    let cpu: Duration = cpu_of(std::process::id())?.saturating_sub(before);
    Ok(cpu.as_secs_f64() * 1e6 / count(ROUNDS * IN_FLIGHT))
}

/// The service, and the calls that ask it.
struct Desk {
    leases: Leases,
    next: u64,
}

impl Desk {
    /// Others hold theirs all the time.
    fn new() -> Result<Self, Fault> {
        let mut desk = Self { leases: Leases::new(BootEpoch(1)), next: 0 };
        for device in 0..HELD {
            desk.take(u64::MAX - device);
        }
        match desk.granted() {
            granted if granted.len() as u64 == HELD => Ok(desk),
            granted => Err(format!("{} of {HELD} leases were granted", granted.len()).into()),
        }
    }

    /// Devices that are nowhere join and leave.
    fn nowhere(&mut self) -> Result<(), Fault> {
        (0..IN_FLIGHT).for_each(|device| self.take(device));
        self.release(IN_FLIGHT)
    }

    /// The same devices join, and then each joins another meeting.
    fn elsewhere(&mut self) -> Result<(), Fault> {
        (0..IN_FLIGHT).for_each(|device| self.take(device));
        let first = self.granted();
        (0..IN_FLIGHT).for_each(|device| self.take(device));
        let mut told_to_leave = 0;
        while let Some(Output::Revoke(..)) = self.leases.poll_output() {
            told_to_leave += 1;
        }
        if (first.len() as u64, told_to_leave) != (IN_FLIGHT, IN_FLIGHT) {
            return Err(format!("{} joined, {told_to_leave} were told to leave", first.len()).into());
        }
        first.into_iter().for_each(|epoch| self.leases.release(epoch));
        self.release(IN_FLIGHT)
    }

    fn take(&mut self, device: u64) {
        let number = self.next;
        self.next += 1;
        let marks = [
            Mark::Instance(format!("urn:uuid:00000000-0000-1000-8000-{device:012x}")),
            Mark::Serial(format!("8213390{device:x}CV").as_str().into()),
        ];
        let terminal = Terminal::of_account(&format!("{device}").as_str().into(), marks);
        let claim = Claim {
            leg: LegId(number),
            terminal,
            place: Place::Call(CallId(number)),
            second: SecondJoin::Move,
        };
        self.leases.take(QuestionId(number), claim);
    }

    /// Gives back what was granted since it was asked last: so many.
    fn release(&mut self, wanted: u64) -> Result<(), Fault> {
        let granted = self.granted();
        if granted.len() as u64 != wanted {
            return Err(format!("{} of {wanted} leases were granted", granted.len()).into());
        }
        granted.into_iter().for_each(|epoch| self.leases.release(epoch));
        Ok(())
    }

    fn granted(&mut self) -> Vec<LeaseEpoch> {
        let outputs = std::iter::from_fn(|| self.leases.poll_output());
        let epoch = |output| match output {
            Output::Answer(_, LeaseAnswer::Granted { epoch, .. }) => Some(epoch),
            Output::Answer(..) | Output::Revoke(..) => None,
        };
        outputs.filter_map(epoch).collect()
    }
}
