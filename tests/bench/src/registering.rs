//! Devices register with a digest, at the gateway and at Kamailio.

mod devices;

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    context::{Context, Fault, SERVER_CORE},
    findings::{Findings, Row, Verdict, count, median},
    gateway::own_address,
    process::{Process, ProcessError, cpu_of, not_started, on_core, resident},
};
pub(crate) use devices::Devices;
use devices::{PASSWORD, name};

/// Twice as many bindings are there in the end.
const DEVICES: usize = 25_000;
const START: Duration = Duration::from_secs(20);
/// An answer is kept for 64 * T1.
const ANSWERS_REST: Duration = Duration::from_secs(8);
const KAMAILIO: &str = "kamailio";
const KAMAILIO_PORT: u16 = 5_063;
/// As large as ours: what found no room would be sent again half a second later.
const RECEIVE_BUFFER: &str = "4194304";
const CPU_BAR: f64 = 0.65;
const RATE_BAR: f64 = 5_000.0;
/// Bytes a binding.
const MEMORY_BAR: f64 = 2_000.0;

/// One turn of either.
#[derive(Debug, Clone, Copy)]
struct Turn {
    cpu: Duration,
    took: Duration,
    registered: usize,
    resent: usize,
}

impl Turn {
    /// CPU seconds per 1,000.
    fn per_thousand(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / count(self.registered.max(1) as u64)
    }

    fn a_second(&self) -> f64 {
        count(self.registered as u64) / self.took.as_secs_f64()
    }

    fn tell(&self, who: &str) {
        println!(
            "registering, {who}: {} ms CPU, {} registered at {:.0}/s, {} requests sent again",
            self.cpu.as_millis(),
            self.registered,
            self.a_second(),
            self.resent,
        );
    }
}

/// REGISTER, 401, REGISTER, 200 of as many devices as fast as they are answered, at each in turn.
pub(crate) fn registering(context: &mut Context) -> Result<Findings, Fault> {
    let devices = context.callers(DEVICES);
    let accounts = write_accounts(context.folder(), devices)?;
    let (mut ours, mut theirs, mut findings) = (Vec::new(), Vec::new(), Findings::of("registering"));
    for _ in 0..context.turns(3) {
        let turn = gateway_turn(context, (devices, &accounts), &mut findings)?;
        turn.tell("gateway");
        ours.push(turn);
        let turn = kamailio_turn(context, devices)?;
        turn.tell(KAMAILIO);
        findings.must_be("devices that registered at Kamailio", turn.registered, devices);
        theirs.push(turn);
    }
    let of = |turns: &[Turn], figure: fn(&Turn) -> f64| median(turns.iter().map(figure).collect());
    let (gateway, kamailio) = (of(&ours, Turn::per_thousand), of(&theirs, Turn::per_thousand));
    let (rate, their_rate) = (of(&ours, Turn::a_second), of(&theirs, Turn::a_second));
    let memory = memory_a_binding(context, devices)?;
    let ratio = gateway / kamailio;
    findings.rows.extend([
        Row::new(format!("{devices} REGISTERs with digest, CPU per 1,000"), format!("{gateway:.3} s"))
            .beside(format!("{kamailio:.3} s (Kamailio)"), Some(ratio))
            .bar(format!("≤ {CPU_BAR} × Kamailio"), Verdict::at_most(ratio, CPU_BAR)),
        Row::new("  registrations a second", format!("{rate:.0}"))
            .beside(format!("{their_rate:.0} (Kamailio)"), None)
            .bar(format!("≥ {RATE_BAR}"), Verdict::at_most(RATE_BAR, rate)),
        Row::new("  memory a binding", format!("{:.2} kB", memory / 1e3))
            .bar(format!("≤ {} kB", MEMORY_BAR / 1e3), Verdict::at_most(memory, MEMORY_BAR)),
    ]);
    Ok(findings)
}

fn gateway_turn(
    context: &mut Context,
    (devices, accounts): (usize, &Path),
    findings: &mut Findings,
) -> Result<Turn, Fault> {
    let files = format!("registrar.accounts=[\"{}\"]", accounts.display());
    let settings = [files.as_str(), "licence=[]", "registrar.algorithms=[\"md5\"]"];
    let gateway = context.gateway(16, &settings)?;
    let turn = turn(gateway.process.id(), gateway.sip, devices)?;
    findings.must_be("devices that registered", turn.registered, devices);
    let bindings = gateway.status()?["load"]["registered"]["bindings"].as_u64();
    findings.must_be("bindings that are there", bindings, Some(devices as u64));
    Ok(turn)
}

fn kamailio_turn(context: &Context, devices: usize) -> Result<Turn, Fault> {
    let (kamailio, address) = Kamailio::start(context)?;
    turn(kamailio.0.id(), address, devices)
}

/// A process with children, which end when it is asked to.
#[derive(Debug)]
struct Kamailio(Process);

impl Drop for Kamailio {
    fn drop(&mut self) {
        self.0.ask_to_end(START);
    }
}

impl Kamailio {
    fn start(context: &Context) -> Result<(Self, SocketAddr), Fault> {
        let address = SocketAddr::from((own_address(), KAMAILIO_PORT));
        let config = context.folder().join("kamailio.cfg");
        fs::write(&config, KAMAILIO_CONFIG.replace("ADDRESS", &address.to_string()))?;
        let mut command = on_core(SERVER_CORE);
        command
            .args([KAMAILIO, "-DD", "-E", "-m", "512", "-M", "64", "-b", RECEIVE_BUFFER, "-Y"])
            .arg(context.folder())
            .arg("-f")
            .arg(&config);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command)
            .map_err(|error| not_started(KAMAILIO, std::io::Error::other(error), "install kamailio"))?;
        let mut kamailio = Self(process);
        let until = Instant::now() + START;
        while UdpSocket::bind(address).is_ok() {
            if Instant::now() > until || !kamailio.0.is_up() {
                return Err(ProcessError::NotUp(KAMAILIO).into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok((kamailio, address))
    }
}

/// One process takes what comes, as ours does; others keep the time.
const KAMAILIO_CONFIG: &str = r#"#!KAMAILIO
debug=-1
log_stderror=yes
children=1
listen=udp:ADDRESS
auto_aliases=no
dns=no
rev_dns=no
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "hash_size", 14)
modparam("auth", "nonce_expire", 300)
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (!is_method("REGISTER")) { sl_send_reply("405", "Method Not Allowed"); exit; }
    $var(password) = "Bench-1234";
    if (!pv_www_authenticate("gateway", "$var(password)", "0")) { www_challenge("gateway", "1"); exit; }
    if (!save("location")) { sl_reply_error(); }
    exit;
}
"#;

/// Bytes. Of a second crowd: what the answers to the first have taken, and given back, is there for those to the second.
fn memory_a_binding(context: &mut Context, devices: usize) -> Result<f64, Fault> {
    let accounts = write_accounts(context.folder(), 2 * devices)?;
    let files = format!("registrar.accounts=[\"{}\"]", accounts.display());
    let settings = [files.as_str(), "licence=[]", "registrar.algorithms=[\"md5\"]", "sip.t1=100ms"];
    let gateway = context.gateway(16, &settings)?;
    let process = gateway.process.id();
    Devices::new(Ipv4Addr::LOCALHOST, gateway.sip, 0..devices)?.run()?;
    thread::sleep(ANSWERS_REST);
    let before = resident(process)?;
    Devices::new(Ipv4Addr::LOCALHOST, gateway.sip, devices..2 * devices)?.run()?;
    thread::sleep(ANSWERS_REST);
    let after = resident(process)?;
    println!("registering: {before} bytes resident with {devices} bindings, {after} with twice as many");
    Ok(count(after.saturating_sub(before)) / count(devices.max(1) as u64))
}

fn turn(process: u32, server: SocketAddr, devices: usize) -> Result<Turn, Fault> {
    let (cpu, began) = (cpu_of_family(process)?, Instant::now());
    let mut crowd = Devices::new(Ipv4Addr::LOCALHOST, server, 0..devices)?;
    crowd.run()?;
    let took = began.elapsed();
    let cpu = cpu_of_family(process)?.saturating_sub(cpu);
    Ok(Turn { cpu, took, registered: crowd.registered(), resent: crowd.resent() })
}

/// CPU time of a process and of those that it started.
fn cpu_of_family(process: u32) -> Result<Duration, ProcessError> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let children = children.split_whitespace().filter_map(|child| child.parse::<u32>().ok());
    children.map(cpu_of_family).try_fold(cpu_of(process)?, |sum, child| Ok(sum + child?))
}

/// A file of as many accounts.
pub(crate) fn write_accounts(folder: &Path, devices: usize) -> Result<PathBuf, Fault> {
    let path = folder.join("accounts.toml");
    let mut file = std::io::BufWriter::new(fs::File::create(&path)?);
    for number in 0..devices {
        let name = name(number);
        writeln!(file, "[[account]]\nname = \"{name}\"\ntenant = \"demo\"\npassword = \"{PASSWORD}\"")?;
    }
    file.flush()?;
    Ok(path)
}
