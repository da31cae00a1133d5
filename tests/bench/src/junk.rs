//! Noise from one source on the UDP listener, while others call and register (SEC-2): they must not notice.
//!
//! ```text
//!   50,000 datagrams/s ───────────────▶ ┌─────────┐
//!   from one address                    │ gateway │
//!   calls, from another ──────────────▶ │         │
//!   devices register, from a third ───▶ └─────────┘
//! ```

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    context::{Context, Fault},
    findings::{Findings, Row, Times, Verdict, count, median, millis},
    gateway::Gateway,
    phones::Phones,
    process::{cpu_of, udp_sockets},
    registering::{Devices, write_accounts},
};

/// Noise.
const A_MILLISECOND: usize = 50;
const NOISY: Ipv4Addr = Ipv4Addr::new(127, 66, 6, 6);
/// From where devices register; calls come from 127.0.0.1.
const ROOMS: Ipv4Addr = Ipv4Addr::new(127, 7, 7, 7);
/// Within what a stranger may say: a call is three messages, a registration two.
const CALLS_A_SECOND: u128 = 50;
const DEVICES_A_SECOND: u128 = 75;
const SECONDS: u64 = 10;
/// What the last answers take.
const CLEARING: Duration = Duration::from_secs(1);
const PAIRS: usize = 4_000;
/// Times what it takes in silence.
const BAR: f64 = 2.0;
/// Nobody here is a trunk: those are heard whatever they do.
const SETTINGS: [&str; 4] = [
    "trunk.0.peers=[\"192.0.2.0/24\"]",
    "media.quarantine=1s",
    "licence=[]",
    "registrar.algorithms=[\"md5\"]",
];

/// What those who are no noise found.
#[derive(Debug)]
struct Answered {
    set_ups: Times,
    registrations: Times,
    cpu: Duration,
}

/// In silence and under the noise, in turns.
pub(crate) fn junk(context: &mut Context) -> Result<Findings, Fault> {
    let (window, turns) = (context.window(SECONDS), context.turns(3));
    let devices =
        usize::try_from((window * u32::try_from(2 * turns)?).as_millis() * DEVICES_A_SECOND / 1_000)?;
    let accounts = write_accounts(context.folder(), devices + 2 * turns)?;
    let files = format!("registrar.accounts=[\"{}\"]", accounts.display());
    let gateway = context.gateway(PAIRS, &[&SETTINGS[..], &[files.as_str()]].concat())?;
    let mut phones = Phones::new(gateway.sip, &mut context.entropy)?;
    let mut rooms = Devices::new(ROOMS, gateway.sip, 0..devices + 2 * turns)?;
    let (mut silent, mut noisy, mut noise_sent) = (Vec::new(), Vec::new(), 0);
    let mut findings = Findings::of("junk");
    let dropped = || Ok::<_, Fault>(udp_sockets(address_of(gateway.sip), gateway.sip.port())?.dropped);
    let lost_before = dropped()?;
    for _ in 0..turns {
        silent.push(turn(&gateway, (&mut phones, &mut rooms), window, &mut findings)?);
        let noise = Noise::begin(gateway.sip)?;
        let begun = Instant::now();
        noisy.push(turn(&gateway, (&mut phones, &mut rooms), window, &mut findings)?);
        let sent = noise.end();
        println!("junk: {:.0} datagrams of noise a second", count(sent) / begun.elapsed().as_secs_f64());
        noise_sent += sent;
    }
    thread::sleep(CLEARING);
    let unheard = gateway.metrics()?.of("unheard", "budget");
    println!(
        "junk: {unheard} of {noise_sent} were dropped unread, {} by the kernel; {} calls' and {} devices' requests were sent again",
        dropped()? - lost_before,
        phones.retransmitted(),
        rooms.resent(),
    );
    // A source may say a little, and what the kernel dropped nobody has counted.
    findings.must_be_at_most("noise that was looked at, a tenth", noise_sent * 9 / 10, unheard);
    tell(&mut findings, &silent, &noisy);
    Ok(findings)
}

fn tell(findings: &mut Findings, silent: &[Answered], noisy: &[Answered]) {
    let cpu = |all: &[Answered]| median(all.iter().map(|answered| answered.cpu.as_secs_f64()).collect());
    let a_datagram = (cpu(noisy) - cpu(silent)) * 1e6 / count(1_000 * A_MILLISECOND as u64);
    findings.rows.extend([
        row("set-up of a call", (silent, noisy), |answered| &answered.set_ups),
        row("answer to a REGISTER", (silent, noisy), |answered| &answered.registrations),
        Row::new("  CPU a datagram of noise", format!("{a_datagram:.1} µs")),
    ]);
}

fn row(name: &str, (silent, noisy): (&[Answered], &[Answered]), times: fn(&Answered) -> &Times) -> Row {
    let p99 = |answered: &Answered| millis(times(answered).percentile(99));
    let [idle, loud] = [silent, noisy].map(|turns| median(turns.iter().map(p99).collect()));
    Row::new(format!("{}/s of noise: p99 of the {name}", A_MILLISECOND * 1_000), format!("{loud:.2} ms"))
        .beside(format!("{idle:.2} ms (in silence)"), Some(loud / idle))
        .bar(format!("≤ {BAR} × in silence"), Verdict::at_most(loud / idle, BAR))
}

/// Calls and registrations for so long.
fn turn(
    gateway: &Gateway,
    (phones, rooms): (&mut Phones, &mut Devices),
    window: Duration,
    findings: &mut Findings,
) -> Result<Answered, Fault> {
    let (set_ups_before, registered_before) = (phones.set_ups().len(), rooms.registered());
    let (cpu, began) = (cpu_of(gateway.process.id())?, phones.now());
    let (mut called, mut registering) = (0, 0);
    loop {
        let passed = phones.step().since(began);
        if passed >= window {
            break;
        }
        while called * 1_000 <= passed.as_millis() * CALLS_A_SECOND {
            phones.ring()?;
            called += 1;
        }
        while registering * 1_000 <= passed.as_millis() * DEVICES_A_SECOND && rooms.begin()? {
            registering += 1;
        }
        rooms.poll()?;
    }
    let cpu = (cpu_of(gateway.process.id())? - cpu).div_f64(window.as_secs_f64());
    let until = phones.now() + CLEARING;
    while phones.step() < until {
        rooms.poll()?;
    }
    let set_ups = Times::of(phones.set_ups()[set_ups_before..].iter().copied());
    findings.must_be_none("calls that failed", &phones.take_failures());
    findings.must_be("calls that were answered", set_ups.count() as u128, called);
    let registered = (rooms.registered() - registered_before) as u128;
    findings.must_be("devices that registered", registered, registering);
    let registrations = Times::of(rooms.take_times());
    println!("junk: set-up {set_ups}; REGISTER {registrations}; {:.0} ms CPU/s", millis(cpu));
    Ok(Answered { set_ups, registrations, cpu })
}

const fn address_of(listener: SocketAddr) -> Ipv4Addr {
    match listener {
        SocketAddr::V4(address) => *address.ip(),
        SocketAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// A thread that makes noise until it is told to end.
#[derive(Debug)]
struct Noise {
    goes_on: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Noise {
    fn begin(listener: SocketAddr) -> Result<Self, Fault> {
        let socket = UdpSocket::bind((NOISY, 0))?;
        socket.connect(listener)?;
        let (goes_on, sent) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let of_thread = (Arc::clone(&goes_on), Arc::clone(&sent));
        let thread = thread::spawn(move || make_noise(&socket, &of_thread.0, &of_thread.1));
        Ok(Self { goes_on, sent, thread })
    }

    /// How much it made.
    fn end(self) -> u64 {
        self.goes_on.store(false, Ordering::Relaxed);
        // A thread that panicked has told so.
        self.thread.join().ok();
        self.sent.load(Ordering::Relaxed)
    }
}

/// Every second datagram is a request that could be answered.
fn make_noise(socket: &UdpSocket, goes_on: &AtomicBool, sent: &AtomicU64) {
    let request = b"OPTIONS sip:gateway SIP/2.0\r\nVia: SIP/2.0/UDP 127.66.6.6;branch=z9hG4bKnoise;rport\r\nMax-Forwards: 70\r\n\
        From: <sip:noise@127.66.6.6>;tag=1\r\nTo: <sip:gateway>\r\nCall-ID: noise\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let began = Instant::now();
    let mut total = 0;
    while goes_on.load(Ordering::Relaxed) {
        let due = usize::try_from(began.elapsed().as_millis()).unwrap_or(usize::MAX) * A_MILLISECOND;
        while total < due {
            let bytes = if total % 2 == 0 { &request[..] } else { &[0xff; 200] };
            // Lost is lost.
            socket.send(bytes).ok();
            total += 1;
        }
        sent.store(total as u64, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(1));
    }
}
