//! The figures of both directions of a port (MEDIA-7).

use std::time::Duration;

use rtp::{
    Reception,
    e_model::{Impairment, Rating},
    loss::Loss,
    rtcp::ReportBlock,
};
use terms::{
    Instant,
    media::{Codec, Figures, Stream},
};

/// So long a report of the peer's speaks for the present: four mean intervals (RFC 3550 §6.2).
pub(crate) const REPORT_SPEAKS: Duration = Duration::from_secs(20);

/// What the peer's last report says of us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reported {
    at: Instant,
    loss: Loss,
    /// In timestamp units.
    jitter: u32,
    round_trip: Option<Duration>,
}

impl Reported {
    pub(crate) fn new(at: Instant, block: &ReportBlock, round_trip: Option<Duration>) -> Self {
        Self { at, loss: Loss::of_fraction(block.fraction_lost), jitter: block.jitter, round_trip }
    }

    pub(crate) fn speaks(&self, now: Instant) -> bool {
        now.since(self.at) <= REPORT_SPEAKS
    }

    /// The way of a packet, one like the other.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.round_trip.map(|round_trip| round_trip / 2)
    }

    /// Of what we send, if we may send.
    pub(crate) fn outbound(&self, stream: &Stream) -> Figures {
        if !stream.flow().sends() {
            return Figures::default();
        }
        let codec = stream.send.codec;
        let clock = f64::from(codec.clock_rate().hz());
        #[expect(clippy::cast_possible_truncation, reason = "a figure for people")]
        let jitter_ms = (f64::from(self.jitter) * 1_000.0 / clock) as f32;
        Figures { jitter_ms: Some(jitter_ms), ..figures(codec, Some(self.loss), self.delay()) }
    }
}

/// Of what the peer sends, which it should since `due_since`, if at all.
pub(crate) fn inbound(
    (now, due_since): (Instant, Option<Instant>),
    reception: &Reception,
    stream: &Stream,
    delay: Option<Duration>,
) -> Figures {
    let codec = stream.receive.first().map_or(stream.send.codec, |format| format.codec);
    let loss = reception.loss(now, due_since);
    let jitter_ms = loss.filter(|loss| loss.lost < loss.expected).map(|_| reception.jitter_ms());
    Figures { jitter_ms, ..figures(codec, loss, delay) }
}

fn figures(codec: Codec, loss: Option<Loss>, delay: Option<Duration>) -> Figures {
    Figures {
        loss_percent: loss.map(Loss::percent),
        jitter_ms: None,
        delay_estimated_ms: delay.map(|delay| delay.as_secs_f32() * 1_000.0),
        mos: loss.map(|loss| Rating::new(Impairment::of(codec), delay, loss).mos()),
    }
}
