//! What a participant costs: callers in meetings of five, all talking, beside a plain UDP echo.
//!
//! ```text
//!  core 0                               core 1
//!  gateway ◀── 200 × 50 packets/s ──── this process: callers, each hears its meeting and measures it
//!  echo    ◀── the same packets ──────
//! ```
//!
//! Gateway and echo take turns; each turn's figure is the CPU time of that process over a window in
//! which every caller sends. The ratio of the medians travels between machines; the milliseconds do not.

mod crowd;
mod dial_in;
mod figures;
mod line;
mod server;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use crowd::Crowd;
use figures::{Comparison, Turn};
use media::Clock;
use server::{Echo, Gateway};
use terms::Entropy;

/// The processes under test run here, one at a time.
const SERVER_CORE: usize = 0;
/// And the callers here.
const CALLERS_CORE: usize = 1;
/// What the meetings settle in before the window.
const SETTLING: Duration = Duration::from_secs(2);

/// How much of everything.
#[derive(Debug, Clone, Copy)]
struct Size {
    callers: usize,
    window: Duration,
    turns: usize,
}

/// Measures the gateway beside foreign programs.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// What to measure; all unless said.
    #[arg(value_name = "NAME")]
    experiments: Vec<Experiment>,
    /// How many call.
    #[arg(long, default_value_t = 200)]
    callers: usize,
    /// How long each turn is measured.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How often each takes its turn.
    #[arg(long, default_value_t = 3)]
    turns: usize,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Experiment {
    /// Callers in meetings of five, all talking, beside a plain UDP echo.
    Meetings,
    /// Reading SIP, beside rsip.
    Parser,
}

impl Arguments {
    fn size(&self) -> Size {
        Size {
            callers: self.callers.next_multiple_of(crowd::MEETING),
            window: Duration::from_secs(self.seconds.max(1)),
            turns: self.turns.max(1),
        }
    }

    fn wants(&self, experiment: Experiment) -> bool {
        self.experiments.is_empty() || self.experiments.contains(&experiment)
    }
}

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if arguments.wants(Experiment::Parser) {
        let program = std::env::current_exe()?.with_file_name("parser_bench");
        if !Command::new(program).status()?.success() {
            return Err("parser_bench failed; it said above why".into());
        }
    }
    if arguments.wants(Experiment::Meetings) { meetings(arguments.size()) } else { Ok(()) }
}

fn meetings(size: Size) -> Result<(), Box<dyn Error>> {
    let folder = Folder(std::env::temp_dir().join(format!("gateway-bench-{}", std::process::id())));
    fs::create_dir_all(&folder.0)?;
    let echo_program = server::compile_echo(&folder.0)?;
    server::pin(std::process::id(), CALLERS_CORE)?;
    let mut entropy = ::server::program::entropy()?;
    println!(
        "{} callers in meetings of {}, all talking, 50 packets/s each; {} turns of {} s each way",
        size.callers,
        crowd::MEETING,
        size.turns,
        size.window.as_secs()
    );
    let mut comparison = Comparison::new(size.callers, size.window);
    for turn in 1..=size.turns {
        let gateway = gateway_turn(size, &folder.0.join(format!("state-{turn}")), &mut entropy)?;
        println!("gateway {turn}: {gateway}");
        let echo = echo_turn(size, &echo_program, &mut entropy)?;
        println!("echo    {turn}: {echo}");
        comparison.add(gateway, echo);
    }
    println!("\n{comparison}");
    if comparison.is_sound() { Ok(()) } else { Err("the figures are of calls that were not sound".into()) }
}

fn gateway_turn(size: Size, state: &Path, entropy: &mut Entropy) -> Result<Turn, Box<dyn Error>> {
    let gateway = Gateway::start(SERVER_CORE, state, size.callers)?;
    let clock = Clock::start();
    let mut dialled = dial_in::dial(gateway.sip, size.callers, clock, entropy)?;
    dialled.settle(SETTLING);
    let turn = measure(dialled.crowd_mut(), size, gateway.process.id())?;
    let (own, all) = (gateway.figures()?, dialled.crowd_mut().packets());
    Ok(turn.heard_by(&dialled.hang_up()).with_gateway(own, all))
}

fn echo_turn(size: Size, program: &Path, entropy: &mut Entropy) -> Result<Turn, Box<dyn Error>> {
    let echo = Echo::start(SERVER_CORE, program, size.callers)?;
    let mut crowd = Crowd::new(Clock::start());
    for index in 0..size.callers {
        crowd.add(line::Line::to_echo(index, echo.port_of(index)?, entropy)?);
    }
    crowd.run_for(SETTLING);
    let turn = measure(&mut crowd, size, echo.process.id())?;
    Ok(turn.with_echo(echo.stop()?))
}

/// The CPU time that the process under test takes while all callers send, and what is taken by others.
fn measure(crowd: &mut Crowd, size: Size, process: u32) -> Result<Turn, Box<dyn Error>> {
    let cpu = || -> Result<_, server::ServerError> {
        let (tested, callers) = (server::cpu_of(process)?, server::cpu_of(std::process::id())?);
        Ok((tested, server::machine_cpu()?.saturating_sub(tested + callers)))
    };
    let (packets, (tested, others)) = (crowd.packets(), cpu()?);
    crowd.run_for(size.window);
    let ((tested_after, others_after), packets) = (cpu()?, crowd.packets().since(packets));
    // What is on its way gets home before the servers are asked what they got.
    thread::sleep(Duration::from_millis(5));
    Ok(Turn::new(tested_after.saturating_sub(tested), others_after.saturating_sub(others), packets))
}

/// A folder that goes at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
