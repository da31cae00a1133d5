//! Events as log lines. Numbers are masked (see `terms::Pii`); digits never come here.

use std::net::SocketAddr;

use call::{Event, doctor::Stopped, event::Keyed};
use interwork::{GateLimit, registrations::Outcome};
use sip::endpoint::{Counted, Limit};
use terms::{AccountName, CallId, Pii, media::Quality};
use tracing::{debug, info, warn};

use super::limits::Met;
use crate::{
    admission::Standing,
    health::Measured,
    net::{Failure, Handshakes, defence::Defended},
};

pub(super) fn event(call: CallId, event: &Event) {
    let call = call.0;
    match event {
        Event::Arrived { trunk, caller, called } => {
            let trunk = trunk.as_ref().map_or("-", |trunk| trunk.as_str());
            let caller = caller.as_ref().map_or_else(|| "withheld".to_owned(), ToString::to_string);
            info!(call, trunk, %caller, %called, "call arrived");
        }
        Event::Dialed { trunk, called } => {
            let trunk = trunk.as_ref().map_or("-", |trunk| trunk.as_str());
            info!(call, trunk, %called, "calls out");
        }
        Event::EarlyMedia => info!(call, "heard before the answer"),
        Event::Refused(cause) => info!(call, cause = cause.0, "call refused"),
        Event::Answered => info!(call, "call answered"),
        Event::Keyed(Keyed::Right) => debug!(call, "meeting ID and password are right"),
        Event::Keyed(Keyed::Wrong) => info!(call, "meeting ID or password is wrong"),
        Event::CallerLocked => warn!(call, "caller is locked out: too many wrong meeting IDs or passwords"),
        Event::MeetingAttacked(meeting) => {
            warn!(call, %meeting, "many wrong pairs for one meeting ID; its answers are slow now");
        }
        Event::Outcome(outcome) => info!(call, ?outcome, "told the caller"),
        Event::Joined { tag, role } => {
            info!(call, meeting = %tag.meeting, epoch = tag.epoch.0, ?role, "joined");
        }
        Event::Left { tag } => info!(call, meeting = %tag.meeting, epoch = tag.epoch.0, "left"),
        Event::MediaRefused(port) => warn!(call, port = port.serial, "no media port; the call ends"),
        Event::QuestionTimedOut => warn!(call, "the core did not answer in time"),
        Event::StreamStopped(Stopped { way, reason, silent_ms }) => {
            warn!(call, ?way, ?reason, silent_ms, "no stream");
        }
        Event::ProbeSent => info!(call, "no stream; the peer is asked whether it is there"),
        Event::ProbeAnswered => info!(call, "the peer is there"),
        Event::StreamResumed => info!(call, "the stream is back"),
        Event::StreamGivenUp(Stopped { way, reason, silent_ms }) => {
            warn!(call, ?way, ?reason, silent_ms, "no stream; the call ends");
        }
        Event::Unkeyed(fault) => warn!(call, ?fault, "no keys by DTLS; the call ends"),
        Event::RedBegan(way, fault) => warn!(call, ?way, ?fault, "the stream is red"),
        Event::RedEnded(way) => info!(call, ?way, "the stream is no longer red"),
        Event::SevereLoss(way) => warn!(call, ?way, "severe loss"),
        Event::FaxHeard => info!(call, "a fax machine calls"),
        Event::Ended { cause, by } => info!(call, cause = cause.0, ?by, "call ended"),
    }
}

pub(super) fn counted(counted: &Counted) {
    match counted {
        // Told together (see `met`).
        Counted::LimitMet(limit) => debug!(?limit, "a limit of SIP is met"),
        other => debug!(?other, "SIP"),
    }
}

/// The name of an account is masked as a number is; refreshes go without saying.
pub(super) fn attempted(account: Option<&AccountName>, source: SocketAddr, outcome: &Outcome) {
    let account = account.map_or_else(|| "-".to_owned(), |account| Pii(account.as_str()).to_string());
    let source = Pii(source.ip().to_string());
    match outcome {
        Outcome::Refreshed => debug!(account, %source, "registered on"),
        Outcome::Registered | Outcome::Moved | Outcome::Left => {
            info!(account, %source, outcome = outcome.name(), "registration changed");
        }
        Outcome::Locked { seconds } => {
            warn!(account, %source, seconds, "locked after too many wrong passwords");
        }
        // Anybody can bring these about.
        Outcome::WrongPassword | Outcome::NoAccount | Outcome::WrongParameters => {
            debug!(account, %source, outcome = outcome.name(), "not registered");
        }
        outcome => info!(account, %source, outcome = outcome.name(), "not registered"),
    }
}

pub(super) fn measured(measured: &Measured) {
    let Measured { loads, before, standing } = measured;
    match (before, standing) {
        (Standing::Open, Standing::HoldingBack { reason, .. }) => {
            warn!(%reason, ?loads, "new calls are held back: some are answered 503");
        }
        (Standing::HoldingBack { .. }, Standing::Open) => info!(?loads, "all new calls are taken again"),
        (Standing::Open, Standing::Open) | (Standing::HoldingBack { .. }, Standing::HoldingBack { .. }) => {}
    }
}

/// How often a limit was met since it was told of last.
pub(super) fn met(met: &Met, times: u64) {
    match met {
        // Whether calls are held back is told where it changes.
        Met::Sip(Limit::Load) => debug!(times, "calls were held back"),
        Met::Sip(limit @ (Limit::Dialogs | Limit::Transactions)) => {
            warn!(?limit, times, "a limit of SIP was met; requests were answered 503");
        }
        Met::Sip(Limit::Connections) => {
            warn!(times, "there are as many connections as may be; further ones were closed");
        }
        Met::Sip(limit @ (Limit::Forks | Limit::Waiting)) => {
            warn!(?limit, times, "a limit of SIP was met; messages were dropped");
        }
        Met::Gate(gate, limit) => {
            let (kind, name) = (gate.kind(), gate.name());
            match limit {
                GateLimit::Channels => {
                    warn!(times, "{kind} {name} has as many calls as it may; further ones were answered 503");
                }
                GateLimit::Rate => {
                    warn!(times, "calls of {kind} {name} come too fast; some were answered 503");
                }
            }
        }
    }
}

/// Strangers fail all day, and are counted; that they are too many shows to those who are refused.
pub(super) fn shaken(handshakes: &Handshakes) {
    if let Some(times) = handshakes.failed.get(&Failure::TooMany) {
        warn!(times, "too many handshakes of TLS went on; further connections were closed");
    }
}

/// Scanners that go by are counted alone. Who is banned is told, once a ban; whose budget is spent, once a minute.
pub(super) fn defended(defended: &Defended) {
    for (address, length) in &defended.banned {
        warn!(source = %Pii(address.to_string()), seconds = length.as_secs(), "nothing of this address is heard for a while");
    }
    for (address, dropped) in &defended.loud {
        warn!(source = %Pii(address.to_string()), dropped, "more comes of this address than is heard of it");
    }
}

pub(super) fn quality(call: CallId, quality: &Quality) {
    info!(
        call = call.0,
        received = quality.packets_received,
        sent = quality.packets_sent,
        lost = quality.packets_lost,
        discarded = quality.packets_discarded,
        gaps = quality.gaps,
        jitter_ms = quality.jitter_ms,
        foreign = quality.foreign_packets,
        srtp_failures = quality.srtp_failures,
        "media of the call"
    );
}
