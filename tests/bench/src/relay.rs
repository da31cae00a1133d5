//! Calls between two, beside rtpengine: the same packets through each in turns.
//!
//! ```text
//!   caller ── SIP, or SDP by ng ──▶ gateway | rtpengine ──▶ who is called
//!      ◀───────────── RTP, marked or tones ─────────────▶
//! ```

mod agent;
mod ends;
mod rtpengine;

use std::{net::UdpSocket, thread, time::Duration};

use media::SocketPlan;
use sdp::{Capabilities, LocalDescription};
use terms::media::{Codec, Encryption, KeyStock, Stream};

use crate::{
    context::{Context, Fault, SERVER_CORE},
    findings::{Findings, Row, Times, Verdict, count, median, millis},
    gateway::Gateway,
    process::{Cpu, KeptAwake, resident},
};
use agent::{Agents, PREFIX, Party};
use ends::{Ends, Flow, Says};
use rtpengine::Rtpengine;

const CALLS: usize = 500;
/// Milliseconds from a packet to the next.
const PERIOD: u64 = 20;
const RELAY_BAR: f64 = 0.75;
const SHARED_BAR: f64 = 0.57;
const DELAY_BAR: Duration = Duration::from_millis(2);
const TRANSCODING_BAR: f64 = 0.4;
/// rtpengine spends some percent of a core on one such call.
const WIDE_CALLS: usize = 20;
const OPUS_CALLS: usize = 8;
/// Packets a second of all sizes alike.
const FLOW: usize = 20_000;
const SIZES: [usize; 3] = [100, 1_000, 4_500];
/// The dearest packet of all sizes to the cheapest.
const FLAT_BAR: f64 = 1.2;
/// Kilobytes a call of two.
const MEMORY_BAR: f64 = 12.0;
/// Microseconds of a packet, one way.
const SRTP_BAR: f64 = 2.0;
const WARM_UP: Duration = Duration::from_secs(1);
/// From a call to the next, where what calls take of memory counts: what was needed to set them up alone is over by then, but
/// for some hundred.
const APART: Duration = Duration::from_millis(2);
const SHORT_T1: &str = "sip.t1=5ms";

/// How fast calls come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrivals {
    AtOnce,
    Paced,
}

/// Who calls whom, and what they speak.
#[derive(Debug, Clone)]
struct Load {
    name: String,
    calls: usize,
    period: u64,
    says: Says,
    caller: (Codec, Encryption),
    called: Codec,
    /// Of the gateway.
    sockets: SocketPlan,
    arrivals: Arrivals,
}

impl Load {
    fn relayed(calls: usize, period: u64) -> Self {
        let name = format!("{calls} calls, {} packets/s, passed on", calls * 2 * 1_000 / period as usize);
        let caller = (Codec::Pcma, Encryption::Off);
        let (sockets, arrivals) = (SocketPlan::Separate, Arrivals::AtOnce);
        Self { name, calls, period, says: Says::Marks, caller, called: Codec::Pcma, sockets, arrivals }
    }

    fn paced(self) -> Self {
        Self { arrivals: Arrivals::Paced, ..self }
    }

    fn by(self, sockets: SocketPlan) -> Self {
        let name = match sockets {
            SocketPlan::Separate => self.name,
            SocketPlan::Shared => format!("{}, shared sockets", self.name),
        };
        Self { name, sockets, ..self }
    }

    fn encrypted(self) -> Self {
        let name = format!("{}, SRTP on one side", self.name);
        Self { name, caller: (self.caller.0, Encryption::Required), ..self }
    }

    fn transcoded(calls: usize, called: Codec, codec_name: &str) -> Self {
        let name = format!("{calls} calls, G.711 and {codec_name}");
        Self { name, says: Says::Tones, called, ..Self::relayed(calls, PERIOD) }
    }
}

/// What stands between the two ends of each call.
enum Middle {
    Gateway(Box<(Gateway, Agents)>),
    Rtpengine(Rtpengine),
}

impl Middle {
    fn gateway(context: &mut Context, load: &Load) -> Result<Self, Fault> {
        let agents = Agents::new(&mut context.entropy)?;
        let address = format!("trunk.0.address={}", agents.called_at()?);
        let routes = format!("dialplan.routes=[\"{PREFIX}XXXX -> trunk:local\"]");
        let sockets = match load.sockets {
            SocketPlan::Separate => "media.sockets=separate",
            SocketPlan::Shared => "media.sockets=shared",
        };
        let mut settings = vec![address.as_str(), routes.as_str(), sockets];
        settings.extend((load.arrivals == Arrivals::Paced).then_some(SHORT_T1));
        let gateway = context.gateway(2 * load.calls + 16, &settings)?;
        Ok(Self::Gateway(Box::new((gateway, agents))))
    }

    fn process(&self) -> u32 {
        match self {
            Self::Gateway(gateway) => gateway.0.process.id(),
            Self::Rtpengine(rtpengine) => rtpengine.process.id(),
        }
    }

    fn connect(&mut self, caller: &Party, called: &Party) -> Result<(Stream, Stream), Fault> {
        match self {
            Self::Gateway(gateway) => {
                let (gateway, agents) = gateway.as_mut();
                agents.connect(gateway.sip, (caller, called))
            }
            Self::Rtpengine(rtpengine) => rtpengine.connect(caller, called),
        }
    }

    fn idle(&mut self) {
        if let Self::Gateway(gateway) = self {
            gateway.1.poll();
        }
    }
}

/// One turn.
#[derive(Debug)]
struct Turn {
    cpu: Cpu,
    flow: Flow,
    /// Of a call, in bytes.
    memory: f64,
}

impl Turn {
    fn micros(&self) -> f64 {
        self.cpu.tested.as_secs_f64() * 1e6 / count(self.flow.sent.max(1))
    }
}

/// Sets all calls up and has them talk.
fn turn(context: &mut Context, middle: &mut Middle, load: &Load) -> Result<Turn, Fault> {
    // Takes the reports, so that they meet no closed port.
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    let mut ends = Ends::every(load.period);
    let process = middle.process();
    let mut before = resident(process)?;
    for call in 0..load.calls {
        let (caller_rtp, called_rtp) = (ends::socket()?, ends::socket()?);
        let keys = (load.caller.1 == Encryption::Required).then(|| KeyStock::new(octets(context)));
        let caller = party(load.caller.0, (&caller_rtp, &sink), keys)?;
        let called = party(load.called, (&called_rtp, &sink), None)?;
        let (ours, theirs) = middle.connect(&caller, &called)?;
        ends.add([(caller_rtp, ours), (called_rtp, theirs)], load.says, &mut context.entropy);
        if call == 0 {
            before = resident(process)?;
        }
        if load.arrivals == Arrivals::Paced {
            thread::sleep(APART);
        }
    }
    ends.run(WARM_UP, || middle.idle());
    let cpu = Cpu::of(process)?;
    let flow = ends.run(context.window(10), || middle.idle());
    let cpu = Cpu::of(process)?.since(cpu);
    let memory = count(resident(process)?.saturating_sub(before)) / count(load.calls.max(2) as u64 - 1);
    Ok(Turn { cpu, flow, memory })
}

fn party(
    codec: Codec,
    (rtp, sink): (&UdpSocket, &UdpSocket),
    keys: Option<KeyStock>,
) -> Result<Party, Fault> {
    let encryption = if keys.is_some() { Encryption::Required } else { Encryption::Off };
    let capabilities =
        Capabilities { codecs: vec![codec], encryption, ..Capabilities::without_comfort_noise() };
    let local =
        LocalDescription { rtcp: sink.local_addr()?, keys, ..LocalDescription::new(rtp.local_addr()?) };
    Ok(Party { capabilities, local })
}

fn octets(context: &mut Context) -> [u8; KeyStock::LEN] {
    std::array::from_fn(|_| context.entropy.next_u32().to_be_bytes()[0])
}

/// The turns of both, side by side.
#[derive(Debug, Default)]
struct Comparison {
    gateway: Vec<Turn>,
    rtpengine: Vec<Turn>,
}

fn compare(context: &mut Context, load: &Load, findings: &mut Findings) -> Result<Comparison, Fault> {
    let _awake = KeptAwake::begin(SERVER_CORE)?;
    let mut comparison = Comparison::default();
    for number in 1..=context.turns(3) {
        comparison.gateway.push(gateway_turn(context, load, findings)?);
        if Rtpengine::is_there() {
            let mut middle = Middle::Rtpengine(Rtpengine::start(SERVER_CORE)?);
            let turn = turn(context, &mut middle, load)?;
            println!("{}, rtpengine {number}: {:.2} µs a packet, {}", load.name, turn.micros(), turn.flow);
            comparison.rtpengine.push(turn);
        }
    }
    if comparison.rtpengine.is_empty() {
        println!("{}: rtpengine is not installed: run tests/setup bench", load.name);
    }
    Ok(comparison)
}

fn alone(context: &mut Context, load: &Load, findings: &mut Findings) -> Result<Comparison, Fault> {
    let _awake = KeptAwake::begin(SERVER_CORE)?;
    let turns = (0..context.turns(3)).map(|_| gateway_turn(context, load, findings));
    Ok(Comparison { gateway: turns.collect::<Result<_, _>>()?, rtpengine: Vec::new() })
}

fn gateway_turn(context: &mut Context, load: &Load, findings: &mut Findings) -> Result<Turn, Fault> {
    let mut middle = Middle::gateway(context, load)?;
    let turn = turn(context, &mut middle, load)?;
    println!("{}, gateway: {:.2} µs a packet, {}", load.name, turn.micros(), turn.flow);
    findings.must_be("foreign packets", turn.flow.foreign, 0);
    findings.must_be("ends who heard the other alone", turn.flow.heard, turn.flow.ends);
    match load.says {
        Says::Marks => findings.must_be("packets lost", turn.flow.lost(), 0),
        // The first fills the jitter buffer.
        Says::Tones => {
            findings.must_be_at_most(
                "packets lost in a thousand",
                turn.flow.lost() * 1_000 / turn.flow.sent.max(1),
                5,
            );
        }
    }
    Ok(turn)
}

impl Comparison {
    fn micros(turns: &[Turn]) -> f64 {
        median(turns.iter().map(Turn::micros).collect())
    }

    fn late(&self) -> Duration {
        self.gateway.iter().chain(&self.rtpengine).map(|turn| turn.flow.late).max().unwrap_or_default()
    }

    fn row(&self, load: &Load, bar: f64) -> Row {
        let (ours, theirs) = (Self::micros(&self.gateway), Self::micros(&self.rtpengine));
        let row = Row::new(load.name.clone(), format!("{ours:.2} µs a packet"));
        if self.rtpengine.is_empty() {
            return row;
        }
        let ratio = ours / theirs;
        let a_call = |micros: f64| micros * 2.0 * 1_000.0 / count(load.period) / 1e4;
        row.beside(format!("{theirs:.2} (rtpengine)"), Some(ratio))
            .bar(format!("≤ {bar} × rtpengine"), Verdict::at_most(ratio, bar).if_punctual(self.late()))
            .absolute(format!("{:.2} and {:.2} % of a core a call", a_call(ours), a_call(theirs)))
    }

    fn delay_row(&self, load: &Load) -> Row {
        let of = |turns: &[Turn]| {
            median(
                turns
                    .iter()
                    .map(|turn| millis(Times::of(turn.flow.delays.iter().copied()).percentile(99)))
                    .collect(),
            )
        };
        let lost = |turns: &[Turn]| turns.iter().map(|turn| turn.flow.lost()).sum::<u64>();
        let ours = of(&self.gateway);
        let bar = millis(DELAY_BAR);
        Row::new(format!("{}: delay, p99", load.name), format!("{ours:.2} ms"))
            .beside(format!("{:.2} ms (rtpengine)", of(&self.rtpengine)), None)
            .bar(format!("≤ {bar} ms"), Verdict::at_most(ours, bar).if_punctual(self.late()))
            .absolute(format!("{} and {} packets lost", lost(&self.gateway), lost(&self.rtpengine)))
    }
}

/// What can be had here of one socket a port, and one a range.
fn plans(context: &mut Context) -> Result<Vec<SocketPlan>, Fault> {
    let gateway = context.gateway(16, &["media.sockets=shared"])?;
    if gateway.metrics()?.of("media_sockets_shared", "") > 0 {
        return Ok(vec![SocketPlan::Separate, SocketPlan::Shared]);
    }
    println!("shared sockets: not measured; CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW are needed");
    Ok(vec![SocketPlan::Separate])
}

/// 500 calls whose packets are passed on.
pub(crate) fn relay(context: &mut Context) -> Result<Findings, Fault> {
    let mut findings = Findings::of("relay");
    for plan in plans(context)? {
        let load = Load::relayed(context.callers(CALLS), PERIOD).by(plan);
        let comparison = compare(context, &load, &mut findings)?;
        let bar = match plan {
            SocketPlan::Separate => RELAY_BAR,
            SocketPlan::Shared => SHARED_BAR,
        };
        findings.rows.extend([comparison.row(&load, bar), comparison.delay_row(&load)]);
    }
    Ok(findings)
}

/// Calls whose ends speak different codecs.
pub(crate) fn transcoding(context: &mut Context) -> Result<Findings, Fault> {
    let mut findings = Findings::of("transcoding");
    for (calls, codec, name) in [(WIDE_CALLS, Codec::G722, "G.722"), (OPUS_CALLS, Codec::Opus, "Opus")] {
        let load = Load::transcoded(context.callers(calls), codec, name);
        let comparison = compare(context, &load, &mut findings)?;
        findings.rows.push(comparison.row(&load, TRANSCODING_BAR));
    }
    Ok(findings)
}

/// As many packets of ever more calls, and what a call takes of memory.
pub(crate) fn sessions(context: &mut Context) -> Result<Findings, Fault> {
    let mut findings = Findings::of("sessions");
    for plan in plans(context)? {
        sessions_by(plan, context, &mut findings)?;
    }
    Ok(findings)
}

fn sessions_by(plan: SocketPlan, context: &mut Context, findings: &mut Findings) -> Result<(), Fault> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for calls in SIZES {
        let load = Load::relayed(calls, (2 * calls * 1_000 / FLOW).max(1) as u64).by(plan).paced();
        let Comparison { gateway, rtpengine } = match plan {
            SocketPlan::Separate => compare(context, &load, findings)?,
            SocketPlan::Shared => alone(context, &load, findings)?,
        };
        let memory = |turns: &[Turn]| median(turns.iter().map(|turn| turn.memory / 1e3).collect());
        let (micros, kilobytes) = (Comparison::micros(&gateway), memory(&gateway));
        let mut costs = Row::new(load.name.clone(), format!("{micros:.2} µs a packet"));
        let name = format!("memory a call of two, {calls} calls");
        let mut takes = Row::new(name, format!("{kilobytes:.1} kB"))
            .bar(format!("≤ {MEMORY_BAR} kB"), Verdict::at_most(kilobytes, MEMORY_BAR));
        ours.push(micros);
        if !rtpengine.is_empty() {
            let (micros, kilobytes) = (Comparison::micros(&rtpengine), memory(&rtpengine));
            costs = costs.beside(format!("{micros:.2} (rtpengine)"), ours.last().map(|ours| ours / micros));
            takes = takes.beside(format!("{kilobytes:.1} kB (rtpengine)"), None);
            theirs.push(micros);
        }
        findings.rows.extend([costs, takes]);
    }
    let spread = |costs: &[f64]| {
        let dearest = costs.iter().copied().fold(f64::MIN, f64::max);
        dearest / costs.iter().copied().fold(f64::MAX, f64::min)
    };
    let mut row = Row::new("dearest to cheapest of these", format!("{:.2}", spread(&ours)))
        .bar(format!("≤ {FLAT_BAR}"), Verdict::at_most(spread(&ours), FLAT_BAR));
    if !theirs.is_empty() {
        row = row.beside(format!("{:.2} (rtpengine)", spread(&theirs)), None);
    }
    findings.rows.push(row);
    Ok(())
}

/// What encryption adds to a packet that is passed on.
pub(crate) fn srtp(context: &mut Context) -> Result<Findings, Fault> {
    let _awake = KeptAwake::begin(SERVER_CORE)?;
    let mut findings = Findings::of("srtp");
    let plain = Load::relayed(context.callers(CALLS / 2), PERIOD);
    let encrypted = plain.clone().encrypted();
    let (mut clear, mut secret) = (Vec::new(), Vec::new());
    for _ in 0..context.turns(3) {
        clear.push(gateway_turn(context, &plain, &mut findings)?);
        secret.push(gateway_turn(context, &encrypted, &mut findings)?);
    }
    let (clear, secret) = (Comparison::micros(&clear), Comparison::micros(&secret));
    let row =
        Row::new(format!("{}: over plain", encrypted.name), format!("{:.2} µs a packet", secret - clear))
            .bar(format!("≤ {SRTP_BAR} µs"), Verdict::at_most(secret - clear, SRTP_BAR))
            .absolute(format!("{secret:.2} and {clear:.2} µs a packet"));
    findings.rows.push(row);
    Ok(findings)
}
