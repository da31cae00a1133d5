//! Events as Prometheus metrics.

use std::fmt;

use call::{Event, gauge::StreamsSummary};
use interwork::{Gate, GateLimit, registrations::Outcome};
use media::Counted as MediaCounted;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Metric, Registry},
};
use sip::endpoint::Counted;

use super::{WorkerCounters, streams::Streams};
use crate::{
    admin::MediaStatus,
    admission::{AdmissionView, Resource},
    health::Measured,
    net::{Handshakes, defence::Defended},
    shard::Booked,
};

type Labels = Vec<(&'static str, String)>;

/// All metrics of the process. Counting takes no lock that a scrape holds for long.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: Family<Labels, Counter>,
    sip: Family<Labels, Counter>,
    sip_send_failures: Counter,
    records_lost: Counter,
    directory: Family<Labels, Counter>,
    registrations: Family<Labels, Counter>,
    calls_refused: Family<Labels, Counter>,
    loads: Family<Labels, Gauge>,
    admitted: Gauge,
    probes: Family<Labels, Counter>,
    handshakes: Family<Labels, Counter>,
    weak: Gauge,
    unheard: Family<Labels, Counter>,
    bans: Counter,
    workers: WorkerCounters,
    streams: Streams,
}

/// A figure that is scraped from here on.
fn put<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let figure = M::default();
    registry.register(name, help, figure.clone());
    figure
}

impl Metrics {
    /// Nothing counted yet; the workers' figures are read at each scrape.
    pub fn new(workers: WorkerCounters) -> Self {
        let mut registry = Registry::with_prefix("gateway");
        let of = &mut registry;
        let calls = put(of, "call_events", "What happened to calls, by event and Q.850 cause");
        let sip = put(of, "sip_events", "What SIP counts, by kind");
        let sip_send_failures = put(of, "sip_send_failures", "SIP datagrams that the kernel did not take");
        let records_lost = put(of, "records_lost", "Records that the journal could not take");
        let directory =
            put(of, "directory_answers", "Meetings that were looked up in the directory, by what it said");
        let registrations = put(
            of,
            "registration_attempts",
            "What became of attempts of devices to register; a first 401 is none (ROOM-3)",
        );
        let calls_refused =
            put(of, "calls_refused", "Calls beyond a limit of their trunk or listener, by limit");
        let loads =
            put(of, "load", "How loaded the gateway is: in percent, tick-lag in milliseconds (REL-1)");
        let admitted: Gauge =
            put(of, "admitted_percent", "How many of a hundred new calls are taken (REL-1)");
        admitted.set(100);
        let probes = put(
            of,
            "probe_questions",
            "Probes of reachability, by what was answered; limited and malformed ones get no answer",
        );
        let handshakes =
            put(of, "tls_handshakes", "Handshakes of TLS, by what came of them: done, or why not (SEC-4)");
        let weak = put(of, "tls_weak_listeners", "Listeners that speak TLS 1.0, which is weak (SEC-4)");
        let unheard =
            put(of, "unheard", "SIP that was not looked at: budget, scanner, banned, connections (SEC-2)");
        let bans = put(of, "bans", "Addresses that were banned for a while (SEC-2)");
        registry.register_collector(Box::new(Workers(workers.clone())));
        let streams = Streams::new(&mut registry);
        Self {
            registry,
            calls,
            sip,
            sip_send_failures,
            records_lost,
            directory,
            registrations,
            calls_refused,
            loads,
            admitted,
            probes,
            handshakes,
            weak,
            unheard,
            bans,
            workers,
            streams,
        }
    }

    /// So many listeners speak versions of TLS that are weak.
    pub fn set_weak(&self, listeners: usize) {
        self.weak.set(i64::try_from(listeners).unwrap_or(i64::MAX));
    }

    /// The text that a scrape gets.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }

    /// The media workers' figures, added up.
    pub fn media(&self) -> MediaStatus {
        let mut total = MediaStatus::default();
        for counted in self.workers.iter().map(|worker| worker.read()) {
            total.ports_open += counted.ports_open;
            total.packets_received += counted.packets_received;
            total.packets_sent += counted.packets_sent;
            total.packets_foreign += counted.packets_foreign;
            total.ticks_missed += counted.ticks_missed;
            total.isolation_violations += counted.isolation_violations;
        }
        total
    }

    /// Records that the journal could not take.
    pub fn records_lost(&self) -> u64 {
        self.records_lost.get()
    }

    pub(super) fn event(&self, event: &Event) {
        let (name, cause) = match event {
            Event::Arrived { .. } => ("arrived", None),
            Event::Dialed { .. } => ("dialed", None),
            Event::EarlyMedia => ("early_media", None),
            Event::Refused(cause) => ("refused", Some(cause)),
            Event::Answered => ("answered", None),
            Event::Keyed(call::event::Keyed::Right) => ("keyed_right", None),
            Event::Keyed(call::event::Keyed::Wrong) => ("keyed_wrong", None),
            Event::CallerLocked => ("caller_locked", None),
            Event::MeetingAttacked(_) => ("meeting_attacked", None),
            Event::Outcome(_) => ("outcome", None),
            Event::Joined { .. } => ("joined", None),
            Event::Left { .. } => ("left", None),
            Event::MediaRefused(_) => ("media_refused", None),
            Event::QuestionTimedOut => ("question_timed_out", None),
            Event::StreamStopped(_) => ("stream_stopped", None),
            Event::ProbeSent => ("probe_sent", None),
            Event::ProbeAnswered => ("probe_answered", None),
            Event::StreamResumed => ("stream_resumed", None),
            Event::StreamGivenUp(_) => ("stream_given_up", None),
            Event::Unkeyed(_) => ("unkeyed", None),
            Event::RedBegan(..) => ("red_began", None),
            Event::RedEnded(_) => ("red_ended", None),
            Event::SevereLoss(_) => ("severe_loss", None),
            Event::FaxHeard => ("fax_heard", None),
            Event::Ended { cause, .. } => ("ended", Some(cause)),
        };
        let mut labels = vec![("event", name.to_owned())];
        labels.extend(cause.map(|cause| ("cause", cause.0.to_string())));
        self.calls.get_or_create(&labels).inc();
    }

    pub(super) fn counted(&self, counted: &Counted) {
        let (kind, detail) = match counted {
            Counted::Dropped(_) => ("dropped", None),
            Counted::Malformed(_) => ("malformed", None),
            Counted::KeepAlive => ("keep_alive", None),
            Counted::RetransmissionAbsorbed => ("retransmission_absorbed", None),
            Counted::Retransmitted => ("retransmitted", None),
            Counted::StrayAck => ("stray_ack", None),
            Counted::StrayResponse => ("stray_response", None),
            Counted::PingAnswered => ("ping_answered", None),
            Counted::Refused(_, status) => ("refused", Some(status.to_string())),
            Counted::OptionsAnswered => ("options_answered", None),
            Counted::LimitMet(limit) => ("limit_met", Some(format!("{limit:?}"))),
            Counted::CommandIgnored(_) => ("command_ignored", None),
        };
        let mut labels = vec![("kind", kind.to_owned())];
        labels.extend(detail.map(|detail| ("detail", detail)));
        self.sip.get_or_create(&labels).inc();
    }

    /// A call is over.
    pub(super) fn streams(&self, summary: &StreamsSummary) {
        self.streams.observe(summary);
    }

    pub(super) fn send_failed(&self) {
        self.sip_send_failures.inc();
    }

    pub(super) fn looked_up(&self, booked: &Booked) {
        let said = match booked {
            Booked::Meeting(_) => "meeting",
            Booked::Nobody => "nobody",
            Booked::Unreachable => "unreachable",
        };
        self.directory.get_or_create(&vec![("said", said.to_owned())]).inc();
    }

    pub(super) fn full(&self, gate: &Gate, limit: GateLimit) {
        let labels = vec![(gate.kind(), gate.name().to_owned()), ("limit", limit.as_str().to_owned())];
        self.calls_refused.get_or_create(&labels).inc();
    }

    pub(super) fn attempted(&self, outcome: &Outcome) {
        self.registrations.get_or_create(&vec![("outcome", outcome.name().to_owned())]).inc();
    }

    pub(super) fn measured(&self, measured: &Measured) {
        let AdmissionView { admitted_percent, loads, .. } =
            AdmissionView::new(measured.loads, measured.standing);
        self.admitted.set(admitted_percent.into());
        for resource in Resource::EACH {
            let load = i64::try_from(loads.of(resource)).unwrap_or(i64::MAX);
            self.loads.get_or_create(&vec![("of", resource.as_str().to_owned())]).set(load);
        }
    }

    pub(super) fn probed(&self, counted: &probe::Counted) {
        let probe::Counted { cookies, echoes, limited, malformed } = *counted;
        let counts = [("cookie", cookies), ("echo", echoes), ("limited", limited), ("malformed", malformed)];
        for (answer, count) in counts {
            self.probes.get_or_create(&vec![("answer", answer.to_owned())]).inc_by(count);
        }
    }

    pub(super) fn shaken(&self, handshakes: &Handshakes) {
        let failed = handshakes.failed.iter().map(|(failure, count)| (failure.as_str(), *count));
        for (result, count) in failed.chain([("done", handshakes.done)]) {
            self.handshakes.get_or_create(&vec![("result", result.to_owned())]).inc_by(count);
        }
    }

    pub(super) fn defended(&self, defended: &Defended) {
        for (unheard, count) in &defended.unheard {
            self.unheard.get_or_create(&vec![("reason", unheard.as_str().to_owned())]).inc_by(*count);
        }
        self.bans.inc_by(defended.banned.len() as u64);
    }

    pub(super) fn record_lost(&self) {
        self.records_lost.inc();
    }
}

/// A metric's name, its help, and where its figure stands.
type Figure = (&'static str, &'static str, fn(&MediaCounted) -> u64);

/// The media workers' figures, added up.
#[derive(Debug)]
struct Workers(WorkerCounters);

impl Collector for Workers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let read: Vec<MediaCounted> = self.0.iter().map(|worker| worker.read()).collect();
        let counters: [Figure; 12] = [
            ("media_packets_received", "Datagrams that came in", |counted| counted.packets_received),
            ("media_packets_sent", "Datagrams that went out", |counted| counted.packets_sent),
            ("media_packets_malformed", "No RTP or RTCP of what was negotiated", |counted| {
                counted.packets_malformed
            }),
            ("media_packets_foreign", "From a source that is not the peer", |counted| {
                counted.packets_foreign
            }),
            ("media_packets_undecipherable", "Encrypted, with a wrong tag, or that came before", |counted| {
                counted.packets_undecipherable
            }),
            ("media_checks_answered", "Connectivity checks of peers", |counted| counted.checks_answered),
            ("media_checks_refused", "Connectivity checks of strangers", |counted| counted.checks_refused),
            ("media_packets_late", "To a port that nobody uses", |counted| counted.packets_late),
            ("media_isolation_violations", "Must be 0", |counted| counted.isolation_violations),
            ("media_ticks_missed", "Given up because a worker was held up", |counted| counted.ticks_missed),
            ("media_sends_failed", "Datagrams that the kernel did not take", |counted| counted.sends_failed),
            ("media_reports_dropped", "Reports that found no room", |counted| counted.reports_dropped),
        ];
        for (name, help, figure) in counters {
            let counter = ConstCounter::new(read.iter().map(figure).sum::<u64>());
            let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        let gauges: [Figure; 3] = [
            ("media_ports_open", "Ports in use", |counted| counted.ports_open),
            ("media_rooms_open", "Meetings with a port, by worker", |counted| counted.rooms_open),
            ("media_sockets_shared", "Sockets that serve a whole range of ports", |counted| {
                counted.sockets_shared
            }),
        ];
        for (name, help, figure) in gauges {
            let total = read.iter().map(figure).sum::<u64>();
            let gauge = ConstGauge::new(i64::try_from(total).unwrap_or(i64::MAX));
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
