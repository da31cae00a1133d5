//! What the gateway costs and how fast it is, from outside.
//!
//! ```text
//!  core 0                                     core 1
//!  gateway       ◀── SIP, RTP, keys ──────── this process: callers, each hears its meeting and measures it
//!  counterpart   ◀── the same packets ─────
//! ```
//!
//! Gateway and counterpart take turns (A B A B), the figure of each is the median of its turns, and the ratio of the two is
//! what travels from machine to machine. What callers must hear, and no other, is verified: where it isn't so, the run
//! fails. A bar that is missed is told, and fails nothing: machines are noisy.

mod compare;
mod context;
mod crowd;
mod dial_ins;
mod echo;
mod findings;
mod gateway;
mod hearing;
mod isolation;
mod junk;
mod leases;
mod line;
mod loads;
mod marks;
mod memory;
mod mouth;
mod overload;
mod parser;
mod phones;
mod process;
mod reaction;
mod registering;
mod relay;
mod signalling;
mod sipp;
mod soak;
mod tones;
mod visits;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use context::{CALLERS_CORE, Context, Fault, Options};
use findings::{Findings, Table};

/// Measures the gateway beside foreign programs.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// What to measure; all but soak and isolation unless said.
    #[arg(value_name = "NAME")]
    experiments: Vec<Experiment>,
    /// How many call, other than usual.
    #[arg(long)]
    callers: Option<usize>,
    /// How long it is measured, other than usual.
    #[arg(long)]
    seconds: Option<u64>,
    /// How often gateway and counterpart take turns, other than usual.
    #[arg(long)]
    turns: Option<usize>,
    /// A setting of the gateway's configuration, on top of the demonstration's.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Experiment {
    /// 200 callers in meetings of five, all talking, beside a plain UDP echo.
    Meetings,
    /// One meeting of 500 in which three talk, beside the echo.
    Hall,
    /// INVITE, 200, ACK, BYE: 6,000 at 2,000 a second, beside SIPp.
    Signalling,
    /// How soon there is sound after the ACK, and the meeting after the last #.
    Reaction,
    /// 80 dial-ins a second for a minute.
    DialIns,
    /// What a call takes of memory.
    Memory,
    /// Half as many calls again as are taken, while 100 talk.
    Overload,
    /// 100, 1,000 and 4,000 callers with packets of 60 ms.
    Scale,
    /// 500 calls between two whose packets are passed on, beside rtpengine.
    Relay,
    /// Calls between G.711 and G.722, and G.711 and Opus, beside rtpengine.
    Transcoding,
    /// As many packets of 100, 1,000 and 4,500 calls between two.
    Sessions,
    /// What encryption adds to a packet that is passed on.
    Srtp,
    /// Devices that register with a digest, beside Kamailio.
    Registering,
    /// Noise from one source while others call and register.
    Junk,
    /// What a lease of a terminal costs.
    Leases,
    /// Reading SIP, beside rsip.
    Parser,
    /// Calls of all kinds; then nothing may be left of them.
    Soak,
    /// Streams that are marked with their owner: nobody may hear another call.
    Isolation,
}

impl Experiment {
    const USUAL: [Self; 16] = [
        Self::Meetings,
        Self::Hall,
        Self::Signalling,
        Self::Reaction,
        Self::DialIns,
        Self::Memory,
        Self::Overload,
        Self::Scale,
        Self::Relay,
        Self::Transcoding,
        Self::Sessions,
        Self::Srtp,
        Self::Registering,
        Self::Junk,
        Self::Leases,
        Self::Parser,
    ];

    fn run(self, context: &mut Context) -> Result<Findings, Fault> {
        match self {
            Self::Meetings => loads::meetings(context),
            Self::Hall => loads::hall(context),
            Self::Signalling => signalling::signalling(context),
            Self::Reaction => reaction::reaction(context),
            Self::DialIns => dial_ins::dial_ins(context),
            Self::Memory => memory::memory(context),
            Self::Overload => overload::overload(context),
            Self::Scale => loads::scale(context),
            Self::Relay => relay::relay(context),
            Self::Transcoding => relay::transcoding(context),
            Self::Sessions => relay::sessions(context),
            Self::Srtp => relay::srtp(context),
            Self::Soak => soak::soak(context),
            Self::Isolation => isolation::isolation(context),
            Self::Registering => registering::registering(context),
            Self::Junk => junk::junk(context),
            Self::Leases => leases::leases(context),
            Self::Parser => parser::parser(),
        }
    }
}

fn main() -> ExitCode {
    match bench(Arguments::parse()) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in faults {
                eprintln!("FAILED {fault}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints the table, and tells what was not as it must be.
fn bench(arguments: Arguments) -> Result<Vec<String>, Fault> {
    let Arguments { experiments, callers, seconds, turns, settings } = arguments;
    process::pin(std::process::id(), CALLERS_CORE)?;
    process::allow_descriptors()?;
    let entropy = ::server::program::entropy()?;
    let mut context = Context::new(Options { callers, seconds, turns, settings }, entropy)?;
    let wanted = if experiments.is_empty() { Experiment::USUAL.to_vec() } else { experiments };
    let mut findings = Findings::default();
    for experiment in wanted {
        match experiment.run(&mut context) {
            Ok(found) => findings.add(found),
            Err(fault) => findings.faults.push(format!("{experiment:?}: {fault}")),
        }
    }
    println!("\n{}", Table(&findings.rows));
    Ok(findings.faults)
}
