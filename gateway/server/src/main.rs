//! The command line.

use std::{
    convert::Infallible,
    io::{BufWriter, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use media::Clock;
use probe::Limits;
use server::{
    caller::{self, Pair, Plan},
    config::{self, Config, LogFormat, Ports},
    driver::State,
    journal::{self, Month},
    program,
    reach::{self, Standing, Target},
    status,
};
use terms::{MeetingId, Secret};
use tokio::sync::Notify;
use tracing_subscriber::EnvFilter;

/// A SIP, PSTN and H.323 interop gateway for cloud meetings.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run in the foreground until SIGTERM.
    Run(ConfigArgs),
    /// Read the configuration and tell everything that is wrong with it.
    Check(CheckArgs),
    /// Start a gateway here, have callers dial in, and tell who heard whom.
    Demo(ConfigArgs),
    /// Ask a running gateway how much it has to do.
    Status(StatusArgs),
    /// Have a running gateway take no new calls, and stop when the last that it has is over.
    Drain(DrainArgs),
    /// Follow the hash chain of the records, and tell where it was tampered with.
    VerifyCdr(VerifyCdrArgs),
    /// Write the records as CSV or as JSON lines.
    ExportCdr(ExportCdrArgs),
    /// Call a gateway as a telephone would, and tell what is heard there.
    Call(CallArgs),
    /// Tell whether a gateway's ports can be reached from here, and how well packets come through.
    Probe(ProbeArgs),
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration file.
    #[arg(long, default_value = "/etc/gateway/gateway.toml")]
    config: PathBuf,
    /// Lay a value over the file's, such as `http.address=127.0.0.1:8081`; lists by number: `listener.0.address=…`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CallArgs {
    /// What to dial: a number, or a SIP address.
    number: String,
    /// The gateway's SIP listener.
    #[arg(long, default_value = "127.0.0.1:5060")]
    gateway: SocketAddr,
    /// The number that calls.
    #[arg(long, default_value = "1000")]
    from: String,
    /// Key this meeting ID and the password in the IVR.
    #[arg(long, requires = "password")]
    meeting: Option<MeetingId>,
    /// The meeting's password.
    #[arg(long, requires = "meeting", value_parser = secret)]
    password: Option<Secret>,
    /// Talk with a tone of so many Hz; 0 is silent.
    #[arg(long, default_value_t = 440)]
    tone: u32,
    /// Listen for these frequencies, in Hz.
    #[arg(long, value_delimiter = ',', default_values_t = [440, 700, 1_000])]
    listen: Vec<u32>,
    /// Talk for so long.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Exits with 0 where calls will be good, 1 where they will not, 2 where nothing could be measured.
#[derive(Debug, Args)]
struct ProbeArgs {
    /// The gateway's SIP listener, HOST or HOST:PORT.
    #[arg(value_parser = target)]
    host: Target,
    /// Where its media is probed, a port of the same host; unless written, where the gateway says.
    #[arg(long, value_name = "PORT")]
    media: Option<u16>,
    /// How many packets, one each 20 ms as those of a voice.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=30_000))]
    packets: u32,
    /// Send as much as video with sharing takes, 4 Mb/s each way, for so many seconds.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "3",
          value_parser = clap::value_parser!(u64).range(1..=30))]
    video: Option<u64>,
    /// Judge as between countries: 400 ms in place of 150 ms.
    #[arg(long)]
    abroad: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct VerifyCdrArgs {
    /// The state folder, or one file of records.
    #[arg(default_value = "/var/lib/gateway")]
    records: PathBuf,
    /// A last hash that was told earlier; without it, an end that was cut off can't be found.
    #[arg(long, value_name = "HASH")]
    noted: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ExportCdrArgs {
    /// The state folder, or one file of records.
    #[arg(default_value = "/var/lib/gateway")]
    records: PathBuf,
    /// As what.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    format: ExportFormat,
    /// Only records of legs, or of meetings.
    #[arg(long, value_parser = ["leg", "meeting"])]
    kind: Option<String>,
    /// From this month on, such as 2026-11.
    #[arg(long)]
    from: Option<Month>,
    /// Up to this month.
    #[arg(long)]
    to: Option<Month>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExportFormat {
    Csv,
    Json,
}

#[derive(Debug, Args)]
struct DrainArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Take calls again.
    #[arg(long)]
    cancel: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct AdminArgs {
    /// The gateway's administration.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    http: String,
    /// The token that it asks for.
    #[arg(long, default_value = "demo-token", hide_default_value = true, value_parser = secret)]
    token: Secret,
}

impl CallArgs {
    fn plan(self) -> Result<Plan> {
        let local = caller::route_to(self.gateway).with_context(|| format!("no way to {}", self.gateway))?;
        let mut plan = Plan::new(self.gateway, local, self.number).from(self.from).listening(&self.listen);
        if let (Some(meeting), Some(password)) = (self.meeting, self.password) {
            plan = plan.joining(&Pair { meeting, password });
        }
        Ok(plan.talking((self.tone > 0).then_some(self.tone), Duration::from_secs(self.seconds)))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what clap wants of a parser")]
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text.to_owned()))
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, config::Problems> {
        config::load(&self.config, &self.set)
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn target(text: &str) -> Result<Target, &'static str> {
    Target::parse(text).ok_or("write HOST or HOST:PORT, such as gateway.example:5060 or [2001:db8::1]:5060")
}

fn main() -> ExitCode {
    match carry_out(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> Result<ExitCode> {
    let done = match command {
        // Whether the network is good is an answer, not an error.
        Command::Probe(args) => return probe(&args),
        Command::Check(args) => check(&args),
        Command::Run(args) => {
            let config = args.load()?;
            start_log(&config.log);
            runtime()?.block_on(program::run(config, || args.load()))
        }
        Command::Call(args) => call(args),
        Command::Demo(args) => demo(&args),
        Command::Status(args) => status(&args),
        Command::Drain(args) => drain(&args),
        Command::VerifyCdr(args) => verify_cdr(&args),
        Command::ExportCdr(args) => export_cdr(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn check(args: &CheckArgs) -> Result<()> {
    let loaded = args.config.load().map(|config| Ports::of(&config));
    if args.json {
        return match loaded {
            Ok(Ports { ranges, warnings }) => {
                say(serde_json::json!({ "problems": [], "media": ranges, "warnings": warnings }))
            }
            Err(problems) => {
                say(serde_json::json!({ "problems": problems.found }))?;
                bail!("{} problems", problems.found.len())
            }
        };
    }
    let ports = loaded?;
    say(format_args!("{}: no problems\n{ports}", args.config.config.display()))
}

fn call(args: CallArgs) -> Result<()> {
    let is_json = args.json;
    let (plan, entropy) = (args.plan()?, program::entropy()?);
    let heard = runtime()?.block_on(async {
        let stop = Notify::new();
        tokio::select! {
            heard = caller::call_until(plan, Clock::start(), entropy, &stop) => heard,
            never = stop_on_interrupt(&stop) => match never {},
        }
    });
    match (heard, is_json) {
        (Ok(heard), true) => say(serde_json::to_string(&heard)?),
        (Ok(heard), false) => say(heard),
        (Err(error), true) => {
            say(serde_json::json!({ "error": error.to_string() }))?;
            bail!("{error}");
        }
        (Err(error), false) => bail!("{error}"),
    }
}

fn probe(args: &ProbeArgs) -> Result<ExitCode> {
    let probed = runtime()?.block_on(async {
        let gateway = args.host.resolve().await?;
        let plan = reach::Plan {
            gateway,
            media: args.media.map(|port| SocketAddr::new(gateway.ip(), port)),
            packets: args.packets,
            video: args.video.map(Duration::from_secs),
            limits: if args.abroad { Limits::ABROAD } else { Limits::HOME },
        };
        Ok::<_, std::io::Error>(reach::probe(&plan).await)
    });
    let report = match probed {
        Ok(report) => report,
        Err(error) => {
            eprintln!("the host's address can't be found: {error}");
            return Ok(ExitCode::from(2));
        }
    };
    if args.json {
        say(serde_json::to_string(&report)?)?;
    } else {
        say(&report)?;
    }
    Ok(ExitCode::from(match report.standing {
        Standing::Good => 0,
        Standing::Bad => 1,
        Standing::Unknown => 2,
    }))
}

/// Whoever interrupts a call wants it hung up, not forgotten.
async fn stop_on_interrupt(stop: &Notify) -> Infallible {
    loop {
        // Without signals the process is ended by whoever sends them, as ever.
        if tokio::signal::ctrl_c().await.is_err() {
            return std::future::pending().await;
        }
        stop.notify_one();
    }
}

fn demo(args: &ConfigArgs) -> Result<()> {
    let config = args.load()?;
    // The callers tell what happens; the gateway only what should not.
    start_log(&config::Log { level: "warn".to_owned(), format: config.log.format });
    say("Five callers dial in; this takes about 20 s.\n")?;
    let demo = runtime()?.block_on(caller::demo(config))?;
    say(&demo)?;
    if demo.is_good() { Ok(()) } else { bail!("the demonstration failed") }
}

fn status(args: &StatusArgs) -> Result<()> {
    let status = runtime()?.block_on(status::ask(&args.admin.http, &args.admin.token))?;
    if args.json { say(serde_json::to_string(&status)?) } else { say(status) }
}

fn drain(args: &DrainArgs) -> Result<()> {
    let state = if args.cancel { State::Running } else { State::Draining };
    runtime()?.block_on(status::serve(&args.admin.http, &args.admin.token, state))?;
    if args.json {
        return say(serde_json::json!({ "state": state }));
    }
    say(match state {
        State::Draining => "no new calls from here on; it stops when the last is over",
        State::Running => "it takes calls again",
    })
}

fn verify_cdr(args: &VerifyCdrArgs) -> Result<()> {
    let verified = journal::verify(&record_files(&args.records)?, args.noted.as_deref())?;
    if args.json { say(serde_json::to_string(&verified)?) } else { say(verified) }
}

fn export_cdr(args: &ExportCdrArgs) -> Result<()> {
    let format = match args.format {
        ExportFormat::Csv => journal::Format::Csv,
        ExportFormat::Json => journal::Format::Json,
    };
    let filter = journal::Filter { kind: args.kind.clone(), from: args.from, to: args.to };
    let mut out = BufWriter::new(std::io::stdout().lock());
    match journal::export(&record_files(&args.records)?, (format, filter), &mut out) {
        Err(journal::ExportError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// A folder's journal, or the one file.
fn record_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = journal::files(path).with_context(|| path.display().to_string())?;
    if files.is_empty() {
        bail!("{}: there are no records", path.display());
    }
    Ok(files)
}

/// Who stops reading, as `head` does, has read enough.
fn say(text: impl std::fmt::Display) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("async runtime")
}

fn start_log(log: &config::Log) {
    let filter = EnvFilter::new(&log.level);
    let log_to = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => log_to.init(),
        LogFormat::Json => log_to.json().init(),
    }
}
