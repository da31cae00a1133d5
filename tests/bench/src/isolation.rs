//! Nobody hears another call (ISO-6): each stream is marked with its owner, and receivers count whose packets come.
//!
//! ```text
//!  a hundred meetings ── join ─ hold ─ take up ─ leave ─▶ and go on sending for a while
//!  pairs, by a trunk  ── call ─ hold ─ take up ─ leave ─▶ likewise
//! ```
//!
//! Ports are few, so that each serves one call after the other. They are used in two ways: as shipped, where a port rests
//! before it is used again and takes the first source that speaks; and without a rest, where it takes the negotiated
//! source alone.

use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

use terms::{Direction, Entropy, Instant, media::Ptime};

use crate::{
    context::{Context, Fault},
    crowd::LineId,
    findings::{Findings, Row, Verdict},
    gateway::{Gateway, Metrics},
    line::{Part, Voice},
    marks::{Counted, MEETINGS, Mark},
    phones::{Guest, Manner, ONWARD, Phones},
    tones::Tones,
};

/// Five of seven call a meeting, as far as there are seats; the others call each other.
const CALLERS: usize = 420;
const SECONDS: u64 = 60;
/// Seats of a meeting; who has one is there half of the time.
const SEATS: usize = 3;
const MOST_MEETINGS: usize = 100;
/// A meeting's talkers say the same tones. Where more than two are heard at once their sum is cut, and its mixtures are tones
/// of other meetings.
const MOST_SEATS: usize = SEATS * MOST_MEETINGS;
const _: () = assert!(MOST_MEETINGS <= MEETINGS, "each has a pair of tones");
/// From a call to its end, about: those of a kind come as far apart as keeps all of them busy, and no closer than they must.
const CALL: Duration = Duration::from_secs(8);
const SLOWEST_PACE: Duration = Duration::from_millis(25);
/// From joining until what is told to who joins is over.
const TOLD: Duration = Duration::from_secs(3);
const HELD: Duration = Duration::from_secs(1);
/// The shortest time until a call is held, and again until it is left, and how much longer it may be.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGER: Duration = Duration::from_secs(6);
/// Who left goes on sending for so long at most.
const LATE: Duration = Duration::from_secs(3);
/// From the last call to the end.
const CLEARING: Duration = Duration::from_secs(35);
/// Pairs of ports that rest, of calls that come and go at the slowest pace.
const RESTING: u32 = 220;
/// Of a hundred packets that were looked at so many must be of the same call, or the run shows nothing.
const LEAST_OWN_PERCENT: u64 = 50;

/// How ports are used.
#[derive(Debug, Clone, Copy)]
enum Ports {
    /// They rest, and latch.
    Resting,
    /// They are used again at once, and are strict.
    Strict,
}

impl Ports {
    const ALL: [Self; 2] = [Self::Resting, Self::Strict];

    const fn name(self) -> &'static str {
        match self {
            Self::Resting => "rest and latch",
            Self::Strict => "used at once, strict",
        }
    }

    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Resting => &["media.quarantine=1s"],
            Self::Strict => &[
                "media.quarantine=1s",
                "media.quarantine_share_percent=1",
                "trunk.0.sources=strict",
                // Not that of this machine, where all callers are.
                "trunk.0.media=[\"192.0.2.0/24\"]",
            ],
        }
    }

    fn pairs(self, who: Who) -> usize {
        // A pair takes two ports of the gateway.
        let at_once = who.seats + 2 * who.pairs;
        match self {
            Self::Resting => at_once + 2 * who.resting(),
            Self::Strict => at_once + at_once / 4,
        }
    }
}

/// How many there are.
#[derive(Debug, Clone, Copy)]
struct Who {
    /// Who call a meeting.
    seats: usize,
    /// Who call each other.
    pairs: usize,
}

impl Who {
    fn of(callers: usize) -> Self {
        let seats = (callers * 5 / 7).clamp(1, MOST_SEATS);
        Self { seats, pairs: callers.saturating_sub(seats) / 2 }
    }

    /// A new call of either kind comes so long after the one before.
    fn pace(self) -> Duration {
        let most = u32::try_from(self.seats.max(self.pairs)).unwrap_or(u32::MAX);
        (CALL / most.max(1)).min(SLOWEST_PACE)
    }

    fn resting(self) -> usize {
        let resting = SLOWEST_PACE.as_micros() * u128::from(RESTING) / self.pace().as_micros().max(1);
        usize::try_from(resting).unwrap_or(usize::MAX)
    }
}

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Coming,
    Told { until: Instant },
    Talking { until: Instant },
    Held { until: Instant },
    TakenUp { until: Instant },
    Late { until: Instant },
    Gone,
}

#[derive(Debug)]
struct Visit {
    id: LineId,
    at: At,
    /// Who calls a meeting; a pair: `None`.
    seat: Option<usize>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    called: u64,
    talked: u64,
    held: u64,
    left: u64,
    /// Whom the prompts did not let in.
    not_let_in: u64,
}

struct Run {
    phones: Phones,
    entropy: Entropy,
    visits: Vec<Visit>,
    /// Seats that nobody has.
    free: Vec<usize>,
    meetings: usize,
    who: Who,
    pairs: usize,
    next_call: Instant,
    done: Done,
}

impl Run {
    fn new(phones: Phones, who: Who, entropy: Entropy) -> Self {
        let next_call = phones.now();
        Self {
            phones,
            entropy,
            visits: Vec::new(),
            free: (0..who.seats).collect(),
            meetings: (who.seats / SEATS).clamp(1, MOST_MEETINGS),
            who,
            pairs: 0,
            next_call,
            done: Done::default(),
        }
    }

    fn go_on_for(&mut self, time: Duration) -> Result<(), Fault> {
        let until = self.phones.now() + time;
        while self.phones.now() < until {
            let now = self.phones.step();
            if now >= self.next_call {
                self.next_call = now + self.who.pace();
                self.call()?;
            }
            self.go_on(now);
        }
        Ok(())
    }

    /// Nobody calls any more, and all leave.
    fn end(&mut self) {
        let until = self.phones.now() + CLEARING;
        while !self.visits.is_empty() && self.phones.now() < until {
            let now = self.phones.step();
            self.go_on(now);
        }
    }

    /// One more of each kind, where there is one.
    fn call(&mut self) -> Result<(), Fault> {
        if !self.free.is_empty() {
            let seat = self.free.swap_remove(self.entropy.next_u32() as usize % self.free.len());
            let meeting = seat % self.meetings;
            let says = Some(Voice::Mark(Mark::Meeting(meeting)));
            let part = Part { says, hears: Tones::NONE, ptime: Ptime::MS_20 };
            let id = self.phones.invite(&Guest { meeting, part, manner: Manner::Hurried })?;
            self.visits.push(Visit { id, at: At::Coming, seat: Some(seat) });
            self.done.called += 1;
        }
        if self.pairs < self.who.pairs {
            let id = self.phones.call_each_other()?;
            self.visits.push(Visit { id, at: At::Coming, seat: None });
            self.pairs += 1;
            self.done.called += 1;
        }
        Ok(())
    }

    fn go_on(&mut self, now: Instant) {
        for id in self.phones.take_over() {
            let until = now + self.some(LATE);
            self.visits.push(Visit { id, at: At::Late { until }, seat: None });
        }
        let mut visits = std::mem::take(&mut self.visits);
        for visit in &mut visits {
            visit.at = self.next(visit, now);
        }
        visits.retain(|visit| visit.at != At::Gone);
        visits.append(&mut self.visits);
        self.visits = visits;
    }

    fn next(&mut self, visit: &Visit, now: Instant) -> At {
        let id = visit.id;
        match visit.at {
            At::Coming => self.come(visit, now),
            At::Told { until } if now >= until => {
                self.phones.crowd_mut().begin_measuring_of(id);
                self.done.talked += 1;
                At::Talking { until: now + self.stay() }
            }
            At::Talking { until } if now >= until => {
                self.phones.offer_again(id, Direction::SendOnly);
                self.done.held += 1;
                At::Held { until: now + HELD }
            }
            At::Held { until } if now >= until => {
                self.phones.offer_again(id, Direction::SendReceive);
                At::TakenUp { until: now + self.stay() }
            }
            At::TakenUp { until } if now >= until => {
                self.phones.hang_up(id);
                self.done.left += 1;
                match visit.seat {
                    Some(seat) => self.free.push(seat),
                    None => self.pairs -= 1,
                }
                At::Late { until: now + self.some(LATE) }
            }
            At::Late { until } if now >= until => {
                self.phones.crowd_mut().remove(id);
                At::Gone
            }
            at => at,
        }
    }

    fn come(&mut self, visit: &Visit, now: Instant) -> At {
        let Some(line) = self.phones.crowd_mut().line_mut(visit.id) else { return At::Coming };
        match (visit.seat, line.failure(), line.times().joined) {
            // Who is answered is in, and was measured from the first packet on.
            (None, ..) => {
                self.done.talked += 1;
                At::Talking { until: now + self.stay() }
            }
            (Some(seat), Some(_), _) => {
                self.phones.hang_up(visit.id);
                self.done.not_let_in += 1;
                self.free.push(seat);
                At::Late { until: now }
            }
            (Some(_), None, Some(joined)) => At::Told { until: joined + TOLD },
            (Some(_), None, None) => At::Coming,
        }
    }

    fn stay(&mut self) -> Duration {
        SHORTEST + self.some(LONGER)
    }

    /// Up to so long.
    fn some(&mut self, most: Duration) -> Duration {
        most * (self.entropy.next_u32() % 100) / 100
    }
}

/// Marked streams through both uses of ports.
pub(crate) fn isolation(context: &mut Context) -> Result<Findings, Fault> {
    let (who, window) = (Who::of(context.callers(CALLERS)), context.window(SECONDS) / 2);
    let mut findings = Findings::of("isolation");
    let mut sum = Counted::default();
    for ports in Ports::ALL {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let gateway = start(context, (ports, who), &socket)?;
        let phones = Phones::on(socket, gateway.sip, &mut context.entropy)?;
        let mut run = Run::new(phones, who, context.entropy.split());
        run.go_on_for(window)?;
        run.end();
        let counted = run.phones.crowd().marks();
        check(&gateway.metrics()?, &mut run, ports, &mut findings);
        sum = sum.and(counted);
    }
    let Who { seats, pairs } = who;
    let name = format!("packets of others among those of {seats} who call meetings, and of {pairs} pairs");
    let row = Row::new(name, sum.foreign.to_string()).bar("0", Verdict::at_most(sum.foreign, 0));
    findings.rows.push(row.absolute(format!("{} of their own call, {} of nobody", sum.own, sum.nobody)));
    Ok(findings)
}

fn start(context: &mut Context, (ports, who): (Ports, Who), socket: &UdpSocket) -> Result<Gateway, Fault> {
    let routes = format!("dialplan.routes=[\"02153290005 -> ivr\", \"{ONWARD}XXXXXXXXXX -> trunk:local\"]");
    let back = format!("trunk.0.address={}", socket.local_addr()?);
    let mut settings = vec!["sip.t1=200ms", routes.as_str(), back.as_str()];
    settings.extend(ports.settings());
    Ok(context.gateway(ports.pairs(who), &settings)?)
}

fn check(metrics: &Metrics, run: &mut Run, ports: Ports, findings: &mut Findings) {
    let (counted, packets, done) = (run.phones.crowd().marks(), run.phones.crowd().packets(), run.done);
    let of = |name: &str| metrics.of(name, "");
    let (late, foreign) = (of("media_packets_late"), of("media_packets_foreign"));
    println!(
        "isolation, ports {}: {done:?}, {counted:?}, {packets:?}; the gateway refused {late} late packets and {foreign} of strangers",
        ports.name(),
    );
    findings.must_be_none("calls that failed", &run.phones.take_failures());
    findings.must_be("not let in", done.not_let_in, 0);
    findings.must_be("packets of another call", counted.foreign, 0);
    findings.must_be("packets from another port than was negotiated", packets.foreign, 0);
    findings.must_be("isolation violations", of("media_isolation_violations"), 0);
    findings.must_be("ports that are left open", of("media_ports_open"), 0);
    findings.must_be("callers that are left", run.visits.len(), 0);
    let looked_at = counted.own + counted.foreign + counted.nobody;
    findings.must_be_at_most(
        "packets, of which most are marked",
        looked_at * LEAST_OWN_PERCENT / 100,
        counted.own,
    );
    // A run in which nobody sent late, or nobody was held, shows nothing of that.
    let refused = match ports {
        Ports::Resting => late,
        Ports::Strict => foreign,
    };
    findings.must_be_at_most(
        "of late packets, of calls held and left one",
        1,
        refused.min(done.held).min(done.left),
    );
}
