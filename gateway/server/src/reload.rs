//! Another configuration while calls go on.
//!
//! Trunks, dialplan, access numbers and the IVR's bounds change for calls that come from then on; the
//! guard, the keys of a meeting, waiting times, the bounds of silent and of bad streams, tenants and meetings for all. What is
//! bound, opened or counted at the start stays until the next one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use call::core::Meeting;
use terms::{MeetingId, TenantId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{config::Config, driver::Request, program, shard::Configuration};

/// The configuration that runs, and the way to change it.
#[derive(Debug)]
pub(crate) struct Reload {
    running: Config,
    shard: mpsc::Sender<Request>,
    tenants: watch::Sender<BTreeSet<TenantId>>,
}

impl Reload {
    pub(crate) fn new(
        running: Config,
        shard: mpsc::Sender<Request>,
    ) -> (Self, watch::Receiver<BTreeSet<TenantId>>) {
        let (tenants, seen) = watch::channel(running.rules.tenants.keys().cloned().collect());
        (Self { running, shard, tenants }, seen)
    }

    /// Takes `config`; yields the sections that it changes for the next start only.
    pub(crate) async fn apply(&mut self, config: Config) -> Vec<&'static str> {
        let at_next_start = fixed(&self.running, &config);
        let config = self.keep_fixed(config);
        let configuration = Configuration {
            sip: Arc::new(program::sip_settings(&config)),
            call: Arc::new(config.call.clone()),
            rules: config.rules.clone(),
            meetings: changed(&self.running.meetings, &config.meetings),
        };
        self.tenants.send_replace(config.rules.tenants.keys().cloned().collect());
        self.running = config;
        let (done, is_done) = oneshot::channel();
        let request = Request::Configure(Box::new(configuration), done);
        if self.shard.send(request).await.is_err() || is_done.await.is_err() {
            tracing::error!("the shard is gone; nothing was reloaded");
        }
        at_next_start
    }

    fn keep_fixed(&self, config: Config) -> Config {
        let running = &self.running;
        Config {
            node: running.node,
            state: running.state.clone(),
            log: running.log.clone(),
            listeners: running.listeners.clone(),
            sip: running.sip.clone(),
            media: running.media.clone(),
            http: running.http.clone(),
            prompts: running.prompts.clone(),
            records: running.records,
            call: call::Settings { workers: running.media.workers, ..config.call },
            trunks: config.trunks,
            rules: config.rules,
            meetings: config.meetings,
        }
    }
}

/// What differs and can't be changed while calls go on.
fn fixed(running: &Config, config: &Config) -> Vec<&'static str> {
    let sections = [
        ("node", running.node == config.node),
        ("state", running.state == config.state),
        ("log", running.log == config.log),
        ("listener", running.listeners == config.listeners),
        ("sip", running.sip == config.sip),
        ("media", running.media == config.media),
        ("http", running.http == config.http),
        ("records", running.records == config.records),
        ("prompts", running.prompts == config.prompts),
    ];
    sections.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

/// The meetings that are new or differ: to put the others again would undo a host's lock.
fn changed(running: &[Meeting], wanted: &[Meeting]) -> Vec<Meeting> {
    let known: BTreeMap<MeetingId, &Meeting> = running.iter().map(|meeting| (meeting.id, meeting)).collect();
    wanted.iter().filter(|meeting| known.get(&meeting.id) != Some(meeting)).cloned().collect()
}
