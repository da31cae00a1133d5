//! Devices register with a digest, at the gateway and at Kamailio.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    ops::Range,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use sip::auth::{Algorithm, Answered, hash_password};
use terms::HashedPassword;

use crate::{
    context::{Context, Fault, SERVER_CORE},
    findings::{Findings, Row, Verdict, count, median},
    gateway::own_address,
    process::{Process, ProcessError, cpu_of, not_started, on_core, resident},
};

const DEVICES: usize = 20_000;
/// Registrations that are under way at once.
const AT_ONCE: usize = 400;
/// A request that was not answered is sent again after so long.
const AGAIN: Duration = Duration::from_millis(500);
/// All of them take no longer.
const PATIENCE: Duration = Duration::from_secs(120);
const START: Duration = Duration::from_secs(20);
/// An answer is kept for 64 * T1.
const ANSWERS_REST: Duration = Duration::from_secs(8);
const PASSWORD: &str = "Bench-1234";
const KAMAILIO: &str = "kamailio";
const KAMAILIO_PORT: u16 = 5_063;
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
    let address = SocketAddr::from((own_address(), KAMAILIO_PORT));
    let config = context.folder().join("kamailio.cfg");
    fs::write(&config, KAMAILIO_CONFIG.replace("ADDRESS", &address.to_string()))?;
    let mut command = on_core(SERVER_CORE);
    command
        .args([KAMAILIO, "-DD", "-E", "-m", "512", "-M", "64", "-Y"])
        .arg(context.folder())
        .arg("-f")
        .arg(&config);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Process::start(&mut command)
        .map_err(|error| not_started(KAMAILIO, std::io::Error::other(error), "install kamailio"))?;
    let until = Instant::now() + START;
    while UdpSocket::bind(address).is_ok() {
        if Instant::now() > until || !process.is_up() {
            return Err(ProcessError::NotUp(KAMAILIO).into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    turn(process.id(), address, devices)
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
    Devices::new(gateway.sip, 0..devices)?.run()?;
    thread::sleep(ANSWERS_REST);
    let before = resident(process)?;
    Devices::new(gateway.sip, devices..2 * devices)?.run()?;
    thread::sleep(ANSWERS_REST);
    let after = resident(process)?;
    println!("registering: {before} bytes resident with {devices} bindings, {after} with twice as many");
    Ok(count(after.saturating_sub(before)) / count(devices.max(1) as u64))
}

fn turn(process: u32, server: SocketAddr, devices: usize) -> Result<Turn, Fault> {
    let (cpu, began) = (cpu_of_family(process)?, Instant::now());
    let mut crowd = Devices::new(server, 0..devices)?;
    crowd.run()?;
    let took = began.elapsed();
    let cpu = cpu_of_family(process)?.saturating_sub(cpu);
    Ok(Turn { cpu, took, registered: crowd.registered, resent: crowd.resent })
}

/// CPU time of a process and of those that it started.
fn cpu_of_family(process: u32) -> Result<Duration, ProcessError> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let children = children.split_whitespace().filter_map(|child| child.parse::<u32>().ok());
    children.map(cpu_of_family).try_fold(cpu_of(process)?, |sum, child| Ok(sum + child?))
}

fn name(number: usize) -> String {
    format!("u{number:06}")
}

/// A file of as many accounts.
fn write_accounts(folder: &Path, devices: usize) -> Result<PathBuf, Fault> {
    let path = folder.join("accounts.toml");
    let mut file = std::io::BufWriter::new(fs::File::create(&path)?);
    for number in 0..devices {
        let name = name(number);
        writeln!(file, "[[account]]\nname = \"{name}\"\ntenant = \"demo\"\npassword = \"{PASSWORD}\"")?;
    }
    file.flush()?;
    Ok(path)
}

/// How far a device is.
#[derive(Debug, Clone)]
enum Stage {
    Unknown,
    /// It answers this nonce.
    Challenged(String),
    Registered,
}

/// Devices behind one socket.
#[derive(Debug)]
struct Devices {
    socket: UdpSocket,
    host: SocketAddr,
    /// The number of the first.
    first: usize,
    stages: Vec<Stage>,
    /// Those under way, and when each was sent last.
    under_way: Vec<(usize, Instant)>,
    next: usize,
    registered: usize,
    resent: usize,
}

impl Devices {
    fn new(server: SocketAddr, devices: Range<usize>) -> Result<Self, Fault> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        let host = socket.local_addr()?;
        let (first, stages) = (devices.start, vec![Stage::Unknown; devices.len()]);
        Ok(Self { socket, host, first, stages, under_way: Vec::new(), next: 0, registered: 0, resent: 0 })
    }

    fn run(&mut self) -> Result<(), Fault> {
        let until = Instant::now() + PATIENCE;
        let mut buffer = [0; 65_535];
        while self.registered < self.stages.len() {
            if Instant::now() > until {
                return Err(format!("{} of {} registered in time", self.registered, self.stages.len()).into());
            }
            while self.under_way.len() < AT_ONCE && self.next < self.stages.len() {
                let device = self.next;
                self.next += 1;
                self.under_way.push((device, Instant::now()));
                self.send(device)?;
            }
            match self.socket.recv(&mut buffer) {
                Ok(length) => self.on_answer(&buffer[..length])?,
                Err(_) => self.send_again()?,
            }
        }
        Ok(())
    }

    fn on_answer(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(bytes)?;
        let device = text.split_once("Call-ID: u").and_then(|(_, rest)| rest.get(..6)?.parse::<usize>().ok());
        let device = device.and_then(|device| device.checked_sub(self.first));
        let status = text.get(8..11).unwrap_or_default();
        let Some(device) = device.filter(|device| *device < self.stages.len()) else {
            return Err(format!("an answer of nobody's: {text}").into());
        };
        match (status, &self.stages[device]) {
            ("401", Stage::Unknown) => {
                self.stages[device] = Stage::Challenged(nonce_of(text)?);
                self.send(device)?;
            }
            // The nonce serves no more.
            ("401", Stage::Challenged(before)) if text.contains("CSeq: 2 ") => {
                let nonce = nonce_of(text)?;
                if *before != nonce {
                    self.stages[device] = Stage::Challenged(nonce);
                    self.send(device)?;
                }
            }
            ("200", Stage::Challenged(_)) => {
                self.stages[device] = Stage::Registered;
                self.registered += 1;
                self.under_way.retain(|(other, _)| *other != device);
            }
            // What was sent twice is answered twice.
            ("401" | "200", _) => {}
            _ => return Err(format!("device {device}: {text}").into()),
        }
        Ok(())
    }

    fn send_again(&mut self) -> Result<(), Fault> {
        let now = Instant::now();
        let late = self.under_way.iter_mut().filter(|(_, sent)| now.duration_since(*sent) >= AGAIN);
        let late: Vec<usize> = late
            .map(|(device, sent)| {
                *sent = now;
                *device
            })
            .collect();
        self.resent += late.len();
        late.into_iter().try_for_each(|device| self.send(device))
    }

    fn send(&self, device: usize) -> Result<(), Fault> {
        let (name, host, serial) = (name(self.first + device), self.host, self.first + device);
        let (number, credentials) = match &self.stages[device] {
            Stage::Unknown => (1, String::new()),
            Stage::Challenged(nonce) => (2, authorization(&name, nonce)),
            Stage::Registered => return Ok(()),
        };
        let text = format!(
            "REGISTER sip:gateway SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bK{name}-{number};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{name}@gateway>;tag={name}\r\nTo: <sip:{name}@gateway>\r\nCall-ID: {name}\r\nCSeq: {number} REGISTER\r\n\
             Contact: <sip:{name}@{host}>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000000{serial:06}>\"\r\nExpires: 3600\r\n\
             User-Agent: TANDBERG/529 (ce9.2.1) Cisco-SX20\r\n{credentials}Content-Length: 0\r\n\r\n"
        );
        // Lost is lost: it is sent again.
        self.socket.send(text.as_bytes()).ok();
        Ok(())
    }
}

fn nonce_of(challenge: &str) -> Result<String, Fault> {
    let behind = challenge.split_once("nonce=\"").and_then(|(_, rest)| rest.split_once('"'));
    Ok(behind.ok_or("a challenge without a nonce")?.0.to_owned())
}

fn authorization(name: &str, nonce: &str) -> String {
    let answered = Answered {
        algorithm: Algorithm::Md5,
        method: b"REGISTER",
        uri: b"sip:gateway",
        nonce: nonce.as_bytes(),
        counted: Some((b"00000001", b"bench")),
    };
    let password: HashedPassword = hash_password(name, "gateway", PASSWORD);
    format!(
        "Authorization: Digest username=\"{name}\", realm=\"gateway\", nonce=\"{nonce}\", uri=\"sip:gateway\", algorithm=MD5, \
         response=\"{}\", qop=auth, nc=00000001, cnonce=\"bench\"\r\n",
        answered.digest(&password)
    )
}
