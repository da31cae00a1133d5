//! What is known of a stream that comes in (RFC 3550 §A.1, §A.3, §A.8).

use terms::{Instant, media::Ssrc};

use crate::{
    loss::{Loss, LossWindow},
    packet::{Header, SequenceNumber, Timestamp},
    rtcp::{CompactNtp, ReportBlock, SenderInfo},
};

/// RFC 3550 §A.1: a larger step forward is a jump.
const MAX_DROPOUT: i16 = 3_000;
/// RFC 3550 §A.1: a larger step back is a jump.
const MAX_MISORDER: i16 = 100;
/// RFC 3550 §6.4.1: the cumulative count is of 24 bits, signed.
const CUMULATIVE_LOST: core::ops::RangeInclusive<i64> = -0x80_0000..=0x7f_ffff;

/// What a packet was to its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// One of the stream.
    Valid,
    /// RFC 3550 §A.1: the source is not yet known to be one. It may be played; it isn't counted.
    Probation,
    /// RFC 3550 §A.1: the sequence jumped; it is dropped unless the next follows it.
    Jumped,
    /// The sender began anew, under this or another source; the totals go on.
    Restarted,
}

/// Counts what is received from one peer, through restarts and changes of source.
#[derive(Debug, Clone)]
pub struct Reception {
    clock_hz: u32,
    state: State,
    /// Of sources that are past.
    past: Totals,
    lately: LossWindow,
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    received: u64,
    lost: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Silent,
    /// RFC 3550 §A.1 with MIN_SEQUENTIAL 2: one packet came; the next must follow it.
    Probation {
        ssrc: Ssrc,
        sequence: SequenceNumber,
        jitter: Jitter,
    },
    Valid(Source),
}

/// A source that passed its probation.
#[derive(Debug, Clone, Copy)]
struct Source {
    ssrc: Ssrc,
    /// Extended sequence numbers: cycles in the upper half.
    base: u32,
    highest: u32,
    received: u64,
    /// The packet that would confirm a jump.
    after_jump: Option<SequenceNumber>,
    jitter: Jitter,
    /// At the last report block.
    prior: Prior,
    report: Option<LastReport>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Prior {
    expected: u64,
    received: u64,
}

/// The last sender report that came.
#[derive(Debug, Clone, Copy)]
struct LastReport {
    stamp: CompactNtp,
    arrival: Instant,
}

impl Reception {
    /// Nothing received yet; RTP timestamps run at `clock_hz`.
    pub fn new(clock_hz: u32) -> Self {
        Self { clock_hz, state: State::Silent, past: Totals::default(), lately: LossWindow::default() }
    }

    /// The stream goes on in a codec of another clock; the totals go on.
    pub fn change_clock(&mut self, clock_hz: u32) {
        if let State::Valid(source) = self.state {
            self.past = source.totals_after(self.past);
        }
        self.clock_hz = clock_hz;
        self.state = State::Silent;
    }

    /// Takes note of a packet.
    pub fn receive(&mut self, arrival: Instant, header: &Header) -> Received {
        let clock = clock_at(arrival, self.clock_hz);
        let (state, received) = match self.state {
            State::Silent => (State::probation(header, clock), Received::Probation),
            State::Probation { ssrc, .. } if ssrc != header.ssrc => {
                (State::probation(header, clock), Received::Restarted)
            }
            State::Probation { sequence, jitter, .. } if header.sequence == sequence.next() => {
                (State::Valid(Source::begin(header, jitter.heard(header.timestamp, clock))), Received::Valid)
            }
            State::Probation { .. } => (State::probation(header, clock), Received::Probation),
            State::Valid(source) if source.ssrc != header.ssrc => {
                self.past = source.totals_after(self.past);
                (State::probation(header, clock), Received::Restarted)
            }
            State::Valid(source) => self.follow(source, header, clock),
        };
        self.state = state;
        match received {
            Received::Valid | Received::Probation => {}
            Received::Restarted => self.lately.restart(),
            Received::Jumped => return received,
        }
        self.lately.take(arrival, header.ssrc, header.sequence);
        received
    }

    /// Takes note of a packet whose timestamp says nothing of when it was sent, as those of a key do (RFC 4733 §2.3): it
    /// is counted, and tells no jitter.
    pub fn receive_untimed(&mut self, arrival: Instant, header: &Header) -> Received {
        let before = match &self.state {
            State::Valid(source) => Some((source.ssrc, source.jitter)),
            State::Silent | State::Probation { .. } => None,
        };
        let received = self.receive(arrival, header);
        if let (Some((ssrc, jitter)), State::Valid(source)) = (before, &mut self.state)
            && source.ssrc == ssrc
        {
            source.jitter = jitter;
        }
        received
    }

    /// MEDIA-7: what was lost lately; the peer should send since `due_since`, if at all.
    pub fn loss(&self, now: Instant, due_since: Option<Instant>) -> Option<Loss> {
        self.lately.loss(now, due_since)
    }

    /// RFC 3550 §A.1, a packet of a known source.
    fn follow(&mut self, mut source: Source, header: &Header, clock: Timestamp) -> (State, Received) {
        let step = header.sequence.distance_from(source.highest_sequence());
        let received = if (-MAX_MISORDER..=0).contains(&step) {
            source.received += 1;
            Received::Valid
        } else if (1..MAX_DROPOUT).contains(&step) {
            source.received += 1;
            source.highest = source.highest.wrapping_add(u32::from(step.unsigned_abs()));
            Received::Valid
        } else if source.after_jump == Some(header.sequence) {
            self.past = source.totals_after(self.past);
            let jitter = Jitter { estimate: source.jitter.estimate, ..Jitter::default() };
            let report = source.report;
            source = Source::begin(header, jitter);
            source.report = report;
            Received::Restarted
        } else {
            source.after_jump = Some(header.sequence.next());
            return (State::Valid(source), Received::Jumped);
        };
        source.after_jump = None;
        source.jitter = source.jitter.heard(header.timestamp, clock);
        (State::Valid(source), received)
    }

    /// Takes note of a sender report, which the next report block refers to.
    pub fn on_sender_report(&mut self, arrival: Instant, ssrc: Ssrc, info: &SenderInfo) {
        if let State::Valid(source) = &mut self.state
            && source.ssrc == ssrc
        {
            source.report = Some(LastReport { stamp: info.ntp.compact(), arrival });
        }
    }

    /// RFC 3550 §6.4.1: what the next RTCP report says of the source; begins the next interval.
    pub fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let State::Valid(source) = &mut self.state else { return None };
        let lost = source.lost().clamp(*CUMULATIVE_LOST.start(), *CUMULATIVE_LOST.end());
        let (last_report, delay) = match source.report {
            Some(report) => (report.stamp, CompactNtp::from_duration(now.since(report.arrival))),
            None => (CompactNtp::NONE, CompactNtp::NONE),
        };
        Some(ReportBlock {
            ssrc: source.ssrc,
            fraction_lost: source.begin_interval(),
            cumulative_lost: i32::try_from(lost).expect("clamped to 24 bits"),
            highest_sequence: source.highest,
            jitter: source.jitter.estimate >> 4,
            last_report,
            delay,
        })
    }

    /// Who sends, once known.
    pub fn source(&self) -> Option<Ssrc> {
        match self.state {
            State::Silent => None,
            State::Probation { ssrc, .. } | State::Valid(Source { ssrc, .. }) => Some(ssrc),
        }
    }

    /// Packets received, over the whole call.
    pub fn packets_received(&self) -> u64 {
        self.totals().received
    }

    /// RFC 3550 §A.3: packets expected less packets received, over the whole call.
    pub fn packets_lost(&self) -> u64 {
        self.totals().lost
    }

    fn totals(&self) -> Totals {
        match self.state {
            State::Silent | State::Probation { .. } => self.past,
            State::Valid(source) => source.totals_after(self.past),
        }
    }

    /// RFC 3550 §A.8, in milliseconds.
    pub fn jitter_ms(&self) -> f32 {
        let jitter = match self.state {
            State::Silent => return 0.0,
            State::Probation { jitter, .. } | State::Valid(Source { jitter, .. }) => jitter,
        };
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let units = jitter.estimate as f32 / 16.0;
        #[expect(clippy::cast_precision_loss, reason = "at most 90,000")]
        let per_ms = self.clock_hz as f32 / 1_000.0;
        units / per_ms
    }
}

impl State {
    fn probation(header: &Header, clock: Timestamp) -> Self {
        let jitter = Jitter::default().heard(header.timestamp, clock);
        Self::Probation { ssrc: header.ssrc, sequence: header.sequence, jitter }
    }
}

impl Source {
    /// A source whose second packet came.
    ///
    /// Deviation: RFC 3550 §A.1 forgets the packets of the probation; here they count, so that
    /// what was sent and what was received agree where nothing was lost.
    fn begin(header: &Header, jitter: Jitter) -> Self {
        // One cycle is added so that a packet before the first can't fall below zero.
        let highest = (1 << 16) | u32::from(header.sequence.0);
        Self {
            ssrc: header.ssrc,
            base: highest - 1,
            highest,
            received: 2,
            after_jump: None,
            jitter,
            prior: Prior::default(),
            report: None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
    const fn highest_sequence(&self) -> SequenceNumber {
        SequenceNumber(self.highest as u16)
    }

    fn expected(&self) -> u64 {
        u64::from(self.highest.wrapping_sub(self.base)) + 1
    }

    /// RFC 3550 §A.3; negative when packets came twice.
    const fn lost_of(expected: u64, received: u64) -> i64 {
        expected.cast_signed().saturating_sub(received.cast_signed())
    }

    fn lost(&self) -> i64 {
        Self::lost_of(self.expected(), self.received)
    }

    fn totals_after(&self, past: Totals) -> Totals {
        Totals {
            received: past.received + self.received,
            lost: past.lost + u64::try_from(self.lost()).unwrap_or(0),
        }
    }

    /// RFC 3550 §A.3: the fraction lost in the interval that ends here, in 256ths.
    fn begin_interval(&mut self) -> u8 {
        let expected = self.expected() - self.prior.expected;
        let received = self.received - self.prior.received;
        self.prior = Prior { expected: self.expected(), received: self.received };
        let lost = u64::try_from(Self::lost_of(expected, received)).unwrap_or(0);
        let fraction = (lost << 8).checked_div(expected).unwrap_or(0);
        u8::try_from(fraction).unwrap_or(u8::MAX)
    }
}

/// RFC 3550 §A.8: the interarrival jitter.
#[derive(Debug, Clone, Copy, Default)]
struct Jitter {
    /// In sixteenths of a timestamp unit.
    estimate: u32,
    last: Option<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    timestamp: Timestamp,
    transit: u32,
}

impl Jitter {
    /// A packet that has its predecessor's timestamp is one of an event (RFC 4733 §2.2) or of one
    /// picture: it says nothing of the transit.
    fn heard(self, timestamp: Timestamp, clock: Timestamp) -> Self {
        let transit = clock.0.wrapping_sub(timestamp.0);
        let last = Some(Heard { timestamp, transit });
        match self.last {
            None => Self { last, ..self },
            Some(heard) if heard.timestamp == timestamp => self,
            Some(heard) => {
                let change = transit.wrapping_sub(heard.transit).cast_signed().unsigned_abs();
                let estimate = self.estimate.saturating_add(change) - ((self.estimate + 8) >> 4);
                Self { estimate, last }
            }
        }
    }
}

/// The arrival on the stream's clock, from an arbitrary zero.
#[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
fn clock_at(arrival: Instant, clock_hz: u32) -> Timestamp {
    Timestamp((u128::from(arrival.as_nanos()) * u128::from(clock_hz) / 1_000_000_000) as u32)
}

#[cfg(test)]
mod tests;
