//! Whether a port's stream flows, for each direction, and what there is in its place (MEDIA-4).

use std::time::Duration;

use terms::{
    Direction, Instant,
    media::{Silence, SilenceReason, Silences},
};

use crate::measure::REPORT_SPEAKS;

/// How often it is told.
const PERIOD: Duration = Duration::from_secs(1);
/// What is quiet for less is no silence: a packet holds 60 ms at most.
const QUIET: Duration = Duration::from_secs(1);
/// So long an ICMP message speaks for the present. Each datagram to a closed port is answered with
/// one, and hosts send one a second at least (RFC 1812 §4.3.2.8).
const ICMP_SPEAKS: Duration = Duration::from_secs(3);
/// Reports in a row without progress that are believed; one may have crossed a pause.
const REPORTS: u8 = 2;

/// What is noted of both directions of a port.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watch {
    inward: Inward,
    outward: Outward,
    comfort_noise: bool,
    /// Since when the peer should send sound.
    due_since: Option<Instant>,
    /// When it is told next.
    next: Option<Instant>,
    /// What was told last.
    told: Silences,
}

/// What came since the peer was heard last.
#[derive(Debug, Clone, Copy, Default)]
struct Inward {
    heard: Option<Instant>,
    /// RFC 3389 §4: after comfort noise nothing need come until there is sound.
    rests: bool,
    strangers: bool,
    unknown_types: bool,
    undecipherable: bool,
}

/// What the peer, and the network, say of what we send.
#[derive(Debug, Clone, Copy, Default)]
struct Outward {
    heard: Option<Heard>,
    refused: Option<Refused>,
}

/// What the peer's report blocks say.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// RFC 3550 §6.4.1, extended.
    highest_sequence: u32,
    /// When a block showed that more had come to it.
    progressed: Instant,
    /// Blocks since then.
    reports: u8,
    last_report: Instant,
    /// What we had sent by then.
    sent: u64,
}

/// ICMP messages without a long pause between them.
#[derive(Debug, Clone, Copy)]
struct Refused {
    first: Instant,
    last: Instant,
}

impl Watch {
    /// Sound of the peer came.
    pub(crate) fn on_sound(&mut self, now: Instant) {
        self.inward.rests = false;
        self.on_heard(now);
    }

    /// Something of the peer came: sound or keys or RTCP. The end of a silence is told at once.
    pub(crate) fn on_heard(&mut self, now: Instant) {
        self.inward = Inward { heard: Some(now), rests: self.inward.rests, ..Inward::default() };
        if self.told.inbound.is_some() {
            self.next = Some(now);
        }
    }

    /// Whether the peer ever did.
    pub(crate) const fn has_comfort_noise(&self) -> bool {
        self.comfort_noise
    }

    /// RFC 3389: the peer describes its silence.
    pub(crate) fn on_comfort_noise(&mut self, now: Instant) {
        self.comfort_noise = true;
        self.inward.rests = true;
        self.on_heard(now);
    }

    /// Something came from a source that is not the peer.
    pub(crate) fn on_stranger(&mut self) {
        self.inward.strangers = true;
    }

    /// RTP of the peer came, of a payload type that was not negotiated.
    pub(crate) fn on_unknown_type(&mut self) {
        self.inward.unknown_types = true;
    }

    /// Something from where the peer is could not be decrypted.
    pub(crate) fn on_undecipherable(&mut self) {
        self.inward.undecipherable = true;
    }

    /// A block of the peer's RTCP about us; we have sent so many packets.
    pub(crate) fn on_block(&mut self, now: Instant, highest_sequence: u32, sent: u64) {
        let same = self.outward.heard.filter(|heard| heard.highest_sequence == highest_sequence);
        self.outward.heard = Some(match same {
            // It hears nothing of what we sent meanwhile.
            Some(heard) if heard.sent < sent => {
                Heard { reports: heard.reports.saturating_add(1), last_report: now, sent, ..heard }
            }
            // The block came twice.
            Some(heard) if heard.reports > 0 => heard,
            _ => Heard { highest_sequence, progressed: now, reports: 0, last_report: now, sent },
        });
        let is_over = self.outward.heard.is_some_and(|heard| heard.reports == 0);
        if is_over && self.told.outbound.is_some() {
            self.next = Some(now);
        }
    }

    /// ICMP says that nobody listens where we send.
    pub(crate) fn on_unreachable(&mut self, now: Instant) {
        let refused = self.outward.refused.filter(|refused| refused.speaks(now));
        let first = refused.map_or(now, |refused| refused.first);
        self.outward.refused = Some(Refused { first, last: now });
    }

    /// What is to be told now, if it is time.
    pub(crate) fn due(&mut self, now: Instant, direction: Direction) -> Option<Silences> {
        let next = *self.next.get_or_insert(now + PERIOD);
        // A port that was just connected is waited for from here on.
        let heard = *self.inward.heard.get_or_insert(now);
        if now < next {
            return None;
        }
        self.next = Some(now + PERIOD);
        // Who holds may send music, and need not.
        let is_due = direction == Direction::SendReceive && !self.inward.rests;
        self.due_since = is_due.then(|| self.due_since.unwrap_or(now));
        let outbound = self.outward.silence(now).filter(|_| direction.sends());
        let refused = self.outward.refused.filter(|refused| refused.speaks(now));
        let is_silent = direction.receives() && now.since(heard) >= QUIET;
        let reason = refused.map_or(self.inward.reason(), |_| SilenceReason::Unreachable);
        let inbound = is_silent.then_some(Silence { since: heard, reason });
        self.told = Silences { inbound, outbound, comfort_noise: self.comfort_noise };
        Some(self.told)
    }

    /// Since when the peer should send sound, as of the last time that it was told.
    pub(crate) const fn due_since(&self) -> Option<Instant> {
        self.due_since
    }
}

impl Inward {
    const fn reason(self) -> SilenceReason {
        match (self.undecipherable, self.unknown_types, self.strangers) {
            (true, _, _) => SilenceReason::Undecipherable,
            (false, true, _) => SilenceReason::WrongPayloadType,
            (false, false, true) => SilenceReason::WrongSource,
            (false, false, false) => SilenceReason::NothingAtAll,
        }
    }
}

impl Outward {
    fn silence(&self, now: Instant) -> Option<Silence> {
        let refused = self.refused.filter(|refused| refused.speaks(now));
        let refused = refused.map(|Refused { first, .. }| (first, SilenceReason::Unreachable));
        let stuck = self.heard.filter(|heard| heard.is_stuck(now));
        let stuck = stuck.map(|Heard { progressed, .. }| (progressed, SilenceReason::NothingAtAll));
        let since = [refused, stuck].into_iter().flatten().map(|(since, _)| since).min()?;
        let (_, reason) = refused.or(stuck)?;
        Some(Silence { since, reason })
    }
}

impl Heard {
    fn is_stuck(&self, now: Instant) -> bool {
        self.reports >= REPORTS && now.since(self.last_report) <= REPORT_SPEAKS
    }
}

impl Refused {
    fn speaks(&self, now: Instant) -> bool {
        now.since(self.last) <= ICMP_SPEAKS
    }
}

#[cfg(test)]
mod tests;
