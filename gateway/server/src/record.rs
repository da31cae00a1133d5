//! One stream of events, turned into log, metrics and records.

mod limits;
mod log;
mod metrics;
mod streams;

use std::{io, net::SocketAddr, sync::Arc};

use call::{Event, event::Record};
use interwork::{Gate, GateLimit, registrations::Outcome};
use media::Counters;
use sip::endpoint::Counted;
use terms::{AccountName, CallId};

use limits::{Limits, Met};
pub use metrics::Metrics;

use crate::{
    health::Measured,
    journal::{Journal, Lost},
    net::{Handshakes, defence::Defended},
    shard::Booked,
};

/// Where a driver tells what happened.
#[derive(Debug)]
pub struct Recorder {
    metrics: Arc<Metrics>,
    journal: Journal,
    limits: Limits,
}

impl Recorder {
    /// Writes records into `journal` and counts in `metrics`.
    pub fn new(metrics: Arc<Metrics>, journal: Journal) -> Self {
        Self { metrics, journal, limits: Limits::default() }
    }

    /// Something happened to a call.
    pub fn event(&self, call: CallId, event: &Event) {
        self.metrics.event(event);
        log::event(call, event);
    }

    /// SIP has something to count.
    pub fn counted(&mut self, counted: &Counted) {
        if let Counted::LimitMet(limit) = counted {
            self.limits.add(Met::Sip(*limit));
        }
        self.metrics.counted(counted);
        log::counted(counted);
    }

    /// A trunk or a listener was full, and a call was refused.
    pub fn full(&mut self, gate: Gate, limit: GateLimit) {
        self.metrics.full(&gate, limit);
        self.limits.add(Met::Gate(gate, limit));
    }

    /// Somebody tried to register, or a device is gone.
    pub fn attempted(&self, account: Option<&AccountName>, source: SocketAddr, outcome: &Outcome) {
        self.metrics.attempted(outcome);
        log::attempted(account, source, outcome);
    }

    /// The directory was asked for a meeting.
    pub fn looked_up(&self, booked: &Booked) {
        self.metrics.looked_up(booked);
    }

    /// The gateway looked how loaded it is.
    pub fn measured(&mut self, measured: &Measured) {
        self.metrics.measured(measured);
        log::measured(measured);
        for (met, times) in self.limits.take_due() {
            log::met(&met, times);
        }
    }

    /// Probes came.
    pub fn probed(&self, counted: &probe::Counted) {
        self.metrics.probed(counted);
    }

    /// Handshakes of TLS ended.
    pub fn shaken(&self, handshakes: &Handshakes) {
        self.metrics.shaken(handshakes);
        log::shaken(handshakes);
    }

    /// Somebody was not heard.
    pub fn defended(&self, defended: &Defended) {
        self.metrics.defended(defended);
        log::defended(defended);
    }

    /// A leg, or a sitting of a meeting, is over.
    pub fn record(&self, record: Record) {
        if let Record::Leg(leg) = &record {
            if let Some(quality) = &leg.quality {
                log::quality(leg.call, quality);
            }
            if let Some(streams) = &leg.streams {
                self.metrics.streams(streams);
            }
        }
        if self.journal.write(record) == Err(Lost) {
            self.metrics.record_lost();
            tracing::error!("the journal can't keep up; a record is lost");
        }
    }

    /// A datagram was not taken by the kernel.
    pub fn count_send_failure(&self, error: &io::Error) {
        self.metrics.send_failed();
        tracing::debug!(%error, "SIP datagram not sent");
    }

    /// Writes out what is queued.
    pub fn close(self) {
        self.journal.close();
    }
}

/// The media workers' counters, for the metrics.
pub type WorkerCounters = Vec<Arc<Counters>>;
