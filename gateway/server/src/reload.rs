//! Another configuration while calls go on.
//!
//! Trunks, the limits of listeners, dialplan, access numbers, the IVR's flows and bounds change for calls that come from then on; what callers are
//! told, certificates, the marks of admission, how much of probes is answered, who is heard, the guard, the keys of a meeting, waiting times, the bounds of silent and of bad streams, tenants and meetings for all. Accounts, licences and the registrar's bounds change for
//! who registers from then on; an account that the file has no more ends. What is
//! bound, opened or counted at the start stays until the next one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use call::{accounts::AccountRules, core::Meeting};
use interwork::{GateLimits, RegistrarSettings};
use terms::{ListenerName, MeetingId, TenantId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    config::{self, Config, Listener},
    driver::Request,
    program,
    shard::Configuration,
    tls::SideKeeper,
};

/// The configuration that runs, and the way to change it.
#[derive(Debug)]
pub(crate) struct Reload {
    running: Config,
    /// Those that were there at the start.
    recordings: Arc<media::Prompts>,
    shard: mpsc::Sender<Request>,
    tenants: watch::Sender<BTreeSet<TenantId>>,
    tls: SideKeeper,
}

impl Reload {
    pub(crate) fn new(
        running: Config,
        recordings: Arc<media::Prompts>,
        shard: mpsc::Sender<Request>,
        tls: SideKeeper,
    ) -> (Self, watch::Receiver<BTreeSet<TenantId>>) {
        let (tenants, seen) = watch::channel(running.rules.tenants.keys().cloned().collect());
        (Self { running, recordings, shard, tenants, tls }, seen)
    }

    /// Takes `config`; yields the sections that it changes for the next start only.
    pub(crate) async fn apply(&mut self, config: Config) -> Vec<&'static str> {
        let at_next_start = self.fixed(&config);
        let config = self.keep_fixed(config);
        let configuration = Configuration {
            sip: Arc::new(program::sip_settings(&config)),
            call: Arc::new(config.call.clone()),
            rules: config.rules.clone(),
            meetings: changed(&self.running.meetings, &config.meetings),
            registrar: config.registrar.clone(),
            account_rules: config.account_rules.clone(),
            accounts: config.accounts.clone(),
        };
        self.tls.take(&config);
        self.tenants.send_replace(config.rules.tenants.keys().cloned().collect());
        self.running = config;
        let (done, is_done) = oneshot::channel();
        let settings = (self.running.admission, self.running.probe, self.running.defence.clone());
        let request = Request::Configure(Box::new(configuration), settings, done);
        if self.shard.send(request).await.is_err() || is_done.await.is_err() {
            tracing::error!("the shard is gone; nothing was reloaded");
        }
        at_next_start
    }

    /// What differs and can't be changed while calls go on.
    fn fixed(&self, config: &Config) -> Vec<&'static str> {
        let running = &self.running;
        let wanted: BTreeSet<MeetingId> = config.meetings.iter().map(|meeting| meeting.id).collect();
        let spoken = &config::spoken(&config.call) - &config::spoken(&running.call);
        let sections = [
            ("node", running.node == config.node),
            ("state", running.state == config.state),
            ("log", running.log == config.log),
            ("listener", sockets(&running.listeners).eq(sockets(&config.listeners))),
            ("sip", running.sip == config.sip),
            ("media", running.media == config.media),
            ("http", running.http == config.http),
            ("records", running.records == config.records),
            ("directory", running.directory == config.directory),
            // It is hashed into each password.
            ("registrar.realm", running.registrar.realm == config.registrar.realm),
            // Those that were taken out stay until the next start: somebody may be in.
            ("meetings", running.meetings.iter().all(|meeting| wanted.contains(&meeting.id))),
            (
                "prompts",
                running.prompts == config.prompts
                    && spoken.iter().all(|(name, language)| self.recordings.has(name, language)),
            ),
        ];
        sections.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
    }

    fn keep_fixed(&self, config: Config) -> Config {
        let running = &self.running;
        let is_same_realm = running.registrar.realm == config.registrar.realm;
        Config {
            node: running.node,
            state: running.state.clone(),
            log: running.log.clone(),
            listeners: with_limits_of(&running.listeners, &config.listeners),
            trust: config.trust,
            sip: running.sip.clone(),
            media: running.media.clone(),
            http: running.http.clone(),
            prompts: running.prompts.clone(),
            records: running.records,
            directory: running.directory.clone(),
            admission: config.admission,
            probe: config.probe,
            defence: config.defence,
            call: call::Settings { workers: running.media.workers, ..config.call },
            trunks: config.trunks,
            rules: config.rules,
            registrar: RegistrarSettings { realm: running.registrar.realm.clone(), ..config.registrar },
            account_rules: AccountRules { realm: running.registrar.realm.clone(), ..config.account_rules },
            accounts: if is_same_realm { config.accounts } else { running.accounts.clone() },
            meetings: config.meetings,
        }
    }
}

/// What is bound at the start: all of a listener but its limits and what it shows under TLS.
fn sockets(listeners: &[Listener]) -> impl Iterator<Item = (ListenerName, Listener)> {
    let bound =
        |listener: &Listener| Listener { limits: GateLimits::default(), tls: None, ..listener.clone() };
    // The name says by which library TLS is spoken.
    listeners.iter().map(move |listener| (listener.name(), bound(listener)))
}

/// The listeners that run, with the limits and the certificates that `wanted` has for the same socket.
fn with_limits_of(running: &[Listener], wanted: &[Listener]) -> Vec<Listener> {
    let renewed = |listener: &Listener| {
        let same = wanted.iter().find(|other| other.name() == listener.name()).unwrap_or(listener);
        Listener { limits: same.limits, tls: same.tls.clone(), ..listener.clone() }
    };
    running.iter().map(renewed).collect()
}

/// The meetings that are new or differ: to put the others again would undo a host's lock.
fn changed(running: &[Meeting], wanted: &[Meeting]) -> Vec<Meeting> {
    let known: BTreeMap<MeetingId, &Meeting> = running.iter().map(|meeting| (meeting.id, meeting)).collect();
    wanted.iter().filter(|meeting| known.get(&meeting.id) != Some(meeting)).cloned().collect()
}
