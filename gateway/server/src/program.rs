//! Puts the program together and runs it until it is told to stop.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    thread,
};

use anyhow::{Context as _, Result, ensure};
use interwork::{KeySource, Peers, Signaling, SipSettings};
use media::{Clock, EngineSettings, Identity, Reports, Worker};
use sdp::Capabilities;
use sip::{
    endpoint::{EndpointConfig, Listener, ListenerId},
    wire::{Host, Text, Transport},
};
use terms::{BootEpoch, Entropy, ListenerName, Origin, ShardId, WorkerId};
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{SignalKind, signal},
    sync::{Notify, Semaphore, mpsc, oneshot},
    task::{JoinHandle, spawn_blocking, yield_now},
};

use crate::{
    admin::{self, Admin},
    config::{self, Config},
    directory::Directory,
    driver::{self, Driver},
    feed::Feed,
    health::{Health, SHARD},
    journal::Journal,
    net::{Defence, Guards, Net, Probing, Sockets},
    record::{Metrics, Recorder, WorkerCounters},
    recordings,
    reload::Reload,
    shard::{self, Booking, Shard},
    store::{SledStore, Store, StoreQueue},
    tls,
};

/// Requests of the administration that may wait for the shard.
const REQUESTS: usize = 256;
/// Bindings whose writes are done, and that the shard has not been told of.
const KEPT: usize = 4_096;
/// Who may watch the changes of meetings at once.
const WATCHERS: usize = 64;

/// A gateway that runs. Dropping it leaves it running; [`Gateway::stop`] ends it.
pub struct Gateway {
    stop: Arc<Notify>,
    shard: thread::JoinHandle<()>,
    admin: JoinHandle<()>,
    store: StoreQueue,
    workers: Vec<Worker>,
    reload: Reload,
    drained: Arc<Notify>,
    ended: Arc<Notify>,
}

impl Gateway {
    /// Starts everything; returns once calls and requests are taken.
    pub async fn start(config: Config) -> Result<Self> {
        let (store, boot, settings) = open_store(&config)?;
        let prompts = Arc::new(recordings::load(&config.prompts).context("prompts")?);
        let mut entropy = entropy()?;
        let clock = Clock::start();

        let reported = Arc::new(Notify::new());
        let reader = Arc::clone(&reported);
        let reports = Reports::new(config.media.reports, Arc::new(move || reader.notify_one()));
        let (identity, keys) = key_sources()?;
        let workers = start_workers(&config, (&prompts, &identity), &reports, clock, &mut entropy)?;
        let counters: WorkerCounters = workers.iter().map(|worker| Arc::clone(worker.counters())).collect();
        let metrics = metrics(&config, &counters);
        let journal = open_journal(&config, clock)?;

        let (requests, queue) = mpsc::channel(REQUESTS);
        let (kept, is_kept) = mpsc::channel(KEPT);
        let store = StoreQueue::start(store, kept)?;
        let (tls, keeper) = tls::sides(&config)?;
        let (reload, tenants) = Reload::new(config.clone(), Arc::clone(&prompts), requests.clone(), keeper);
        let (feed, drained) = (Feed::default(), Arc::new(Notify::new()));
        let admin = Arc::new(Admin {
            node: config.node,
            boot,
            token: config.http.token.clone(),
            timeout: config.http.timeout,
            shard: requests,
            tenants,
            realm: config.registrar.realm.clone(),
            making: Semaphore::new(1),
            store: store.clone(),
            metrics: Arc::clone(&metrics),
            started: std::time::Instant::now(),
            ports: config.media.ranges.iter().map(|range| u64::from(range.pairs)).sum(),
            weak: weak(&config),
            feed: feed.clone(),
            watchers: Arc::new(Semaphore::new(WATCHERS)),
        });
        let http = bind_http(config.http.address).await?;
        let (directory, booked) = config.directory.clone().map(Directory::start).unzip();
        let health = Health::new(clock.now().mono, config.admission, counters);
        let shard = Shard::new(clock.now(), settings, entropy.split(), keys);
        let commands = workers.iter().map(|worker| worker.commands().clone()).collect();
        let told = Arc::clone(&drained);
        let of_shard = store.clone();
        let driver = move |net| Driver {
            store: of_shard,
            kept: is_kept,
            directory,
            booked,
            shard,
            net,
            workers: commands,
            reports,
            reported,
            requests: queue,
            clock,
            recorder: Recorder::new(metrics, journal),
            feed,
            state: driver::State::Running,
            health,
            drained: told,
        };
        let (stop, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let guards = guards(&config, clock)?;
        let shard =
            start_shard((sockets(&config, tls), guards), driver, Arc::clone(&stop), Arc::clone(&ended))
                .await?;
        Ok(Self { stop, shard, admin: serve(http, admin), store, workers, reload, drained, ended })
    }

    /// Takes another configuration without touching calls. Yields the sections that differ and
    /// take effect at the next start only.
    pub async fn reload(&mut self, config: Config) -> Vec<&'static str> {
        self.reload.apply(config).await
    }

    /// Returns once it takes no calls and the last is over.
    pub async fn drained(&self) {
        self.drained.notified().await;
    }

    /// Returns once the shard is over, which only a panic ends before [`Gateway::stop`].
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Hangs up, writes out what is queued, ends the threads; an error, if the shard had ended by a panic.
    pub async fn stop(self) -> Result<()> {
        self.stop.notify_one();
        let shard = spawn_blocking(|| self.shard.join()).await;
        self.admin.abort();
        self.store.close().await;
        for worker in self.workers {
            worker.stop();
        }
        ensure!(matches!(shard, Ok(Ok(()))), "the shard ended by a panic");
        Ok(())
    }
}

async fn bind_http(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("HTTP on {address}"))
}

fn serve(http: TcpListener, admin: Arc<Admin>) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = axum::serve(http, admin::router(admin)).await {
            tracing::error!(%error, "administration ended");
        }
    })
}

/// The shard has a thread of its own, which it alone keeps busy: its load is the thread's, and a scrape or a slow request
/// of the administration does not hold up a call. Returns once its listeners are bound.
async fn start_shard(
    (sockets, guards): (Sockets, Guards),
    driver: impl FnOnce(Net) -> Driver + Send + 'static,
    stop: Arc<Notify>,
    ended: Arc<Notify>,
) -> Result<thread::JoinHandle<()>> {
    let (tell, told) = oneshot::channel();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().context("shard's runtime")?;
    let run = move || {
        let _guard = TellsAtItsEnd(ended);
        runtime.block_on(async {
            match Net::bind(&sockets, guards) {
                Ok(net) => {
                    tell.send(Ok(())).ok();
                    driver(net).run(stop).await;
                    // The last answers by TCP are their writers' to send.
                    yield_now().await;
                }
                Err(error) => {
                    tell.send(Err(error)).ok();
                }
            }
        });
    };
    let thread = thread::Builder::new().name(SHARD.to_owned()).spawn(run).context("shard's thread")?;
    told.await.context("shard ended")??;
    Ok(thread)
}

/// Notifies when it is let go, also by a panic.
struct TellsAtItsEnd(Arc<Notify>);

impl Drop for TellsAtItsEnd {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn metrics(config: &Config, counters: &WorkerCounters) -> Arc<Metrics> {
    let metrics = Metrics::new(counters.clone());
    metrics.set_weak(weak(config).len());
    Arc::new(metrics)
}

/// SEC-4: the listeners that speak versions of TLS that are weak.
fn weak(config: &Config) -> Vec<ListenerName> {
    let weak = config.listeners.iter().filter(|listener| listener.is_legacy());
    weak.map(config::Listener::name).collect()
}

fn sockets(config: &Config, tls: BTreeMap<ListenerId, tls::Watched>) -> Sockets {
    let listeners = config.listeners.iter().map(|listener| (listener.transport, listener.address));
    Sockets {
        listeners: listeners.collect(),
        tls,
        handshakes_on: runtime::Handle::current(),
        dscp: config.sip.dscp,
        probes: config.media.probes.iter().map(|probe| probe.address).collect(),
        media_dscp: config.media.dscp,
    }
}

/// Where the media of each listener's zone is probed.
fn media_probes(config: &Config) -> BTreeMap<ListenerId, Vec<SocketAddr>> {
    let of = |listener: &config::Listener| {
        let probes = config.media.probes.iter().filter(|probe| probe.zone == listener.zone);
        probes.map(|probe| probe.address).collect()
    };
    (0..).map(ListenerId).zip(config.listeners.iter().map(of)).collect()
}

/// Runs until SIGTERM or SIGINT; at SIGHUP the configuration is loaded anew.
pub async fn run(config: Config, load: impl Fn() -> Result<Config, config::Problems>) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let http = config.http.address;
    let listeners: Vec<SocketAddr> = config.listeners.iter().map(|listener| listener.address).collect();
    let mut gateway = Gateway::start(config).await?;
    tracing::info!(?listeners, %http, "gateway is ready");
    // Under systemd the unit is told; elsewhere there is nobody to tell.
    sd_notify::notify(&[sd_notify::NotifyState::Ready]).ok();
    loop {
        tokio::select! {
            _ = terminate.recv() => break tracing::info!("SIGTERM: hanging up"),
            () = gateway.ended() => break tracing::error!("the shard is gone: nothing is left but to end"),
            () = gateway.drained() => break tracing::info!("drained: the last call is over"),
            _ = interrupt.recv() => break tracing::info!("SIGINT: hanging up"),
            _ = hang_up.recv() => match load() {
                Ok(config) => tell_reloaded(&gateway.reload(config).await),
                Err(problems) => tracing::error!(%problems, "configuration refused; the old one stays"),
            },
        }
    }
    sd_notify::notify(&[sd_notify::NotifyState::Stopping]).ok();
    gateway.stop().await
}

fn tell_reloaded(at_next_start: &[&str]) {
    tracing::info!("configuration reloaded");
    if !at_next_start.is_empty() {
        tracing::warn!(sections = at_next_start.join(", "), "changed, and in effect at the next start only");
    }
}

/// What is shown in handshakes, made anew at each start, and what the keys of descriptions are drawn from.
fn key_sources() -> Result<(Arc<Identity>, KeySource)> {
    let identity = Arc::new(Identity::of(&random()?)?);
    let keys = KeySource::from_seed(random()?).with_certificate(identity.fingerprint().clone());
    Ok((identity, keys))
}

fn start_workers(
    config: &Config,
    (prompts, identity): (&Arc<media::Prompts>, &Arc<Identity>),
    reports: &Reports,
    clock: Clock,
    entropy: &mut Entropy,
) -> Result<Vec<Worker>> {
    let count = config.media.workers;
    let worker = |index| media::Settings {
        engine: EngineSettings {
            id: WorkerId(index),
            workers: count,
            ranges: config.media.ranges.iter().map(|range| range.share(index, count)).collect(),
            quarantine: config.media.quarantine,
            prompts: Arc::clone(prompts),
            identity: Some(Arc::clone(identity)),
        },
        entropy: entropy.split(),
        commands: config.media.commands,
        clock,
        dscp: config.media.dscp,
        sockets: config.media.sockets,
    };
    Worker::start_all((0..count).map(worker).collect(), reports).context("media workers")
}

/// And what the store has besides the configuration.
fn with_stored(settings: shard::Settings, store: &impl Store) -> Result<shard::Settings> {
    let (mut meetings, mut accounts) = (settings.meetings, store.accounts()?);
    meetings.extend(store.meetings()?);
    // Where both have a name, the file's holds.
    accounts.extend(settings.accounts);
    Ok(shard::Settings { meetings, accounts, bindings: store.bindings()?, ..settings })
}

fn open_journal(config: &Config, clock: Clock) -> Result<Journal> {
    Journal::open(&config.state, config.records.keep_months, clock.now().wall).context("journal of records")
}

/// The store, the number of this start, and what the shard is made with of what is stored.
fn open_store(config: &Config) -> Result<(SledStore, BootEpoch, shard::Settings)> {
    fs::create_dir_all(&config.state).with_context(|| format!("state folder {}", config.state.display()))?;
    let mut store = SledStore::open(&config.state)?;
    let boot = store.next_boot()?;
    let settings = with_stored(shard_settings(config, boot), &store)?;
    Ok((store, boot, settings))
}

/// What the shard is made with.
pub fn shard_settings(config: &Config, boot: BootEpoch) -> shard::Settings {
    let numbered = || (0..).map(ListenerId).zip(&config.listeners);
    let listener = |(id, listener): (ListenerId, &config::Listener)| Listener {
        id,
        transport: match listener.transport {
            config::Transport::Udp => Transport::Udp,
            config::Transport::Tcp => Transport::Tcp,
            config::Transport::Tls => Transport::Tls,
        },
        host: host(listener.advertised.ip()),
        port: listener.advertised.port(),
        registers: listener.registrar,
    };
    shard::Settings {
        booking: if config.directory.is_some() { Booking::Elsewhere } else { Booking::Here },
        endpoint: EndpointConfig {
            origin: Origin { node: config.node, shard: ShardId(0), boot },
            timers: config.sip.timers,
            session: config.sip.session,
            limits: config.sip.limits,
            product: Text::from_static(concat!("gateway/", env!("CARGO_PKG_VERSION"))),
            accept: Text::from_static("application/sdp, application/dtmf-relay, application/dtmf"),
            listeners: numbered().map(listener).collect(),
        },
        sip: Arc::new(sip_settings(config)),
        call: Arc::new(config.call.clone()),
        rules: config.rules.clone(),
        meetings: config.meetings.clone(),
        registrar: config.registrar.clone(),
        account_rules: config.account_rules.clone(),
        accounts: config.accounts.clone(),
        bindings: Vec::new(),
    }
}

/// Who may call, and what we offer.
pub fn sip_settings(config: &Config) -> SipSettings {
    let listeners = (0..).map(ListenerId).zip(&config.listeners);
    SipSettings {
        peers: Peers {
            listeners: listeners.map(|(id, listener)| (id, peer_side(listener))).collect(),
            trunks: config.trunks.clone(),
        },
        capabilities: Capabilities { codecs: config.media.codecs.clone(), ..Capabilities::default() },
        profiles: config.registrar.profiles.clone(),
    }
}

fn peer_side(listener: &config::Listener) -> interwork::Listener {
    interwork::Listener {
        name: listener.name(),
        zone: listener.zone.clone(),
        here: listener.advertised,
        signaling: match listener.transport {
            config::Transport::Tls => Signaling::Encrypted,
            config::Transport::Udp | config::Transport::Tcp => Signaling::InClear,
        },
        policy: listener.policy,
        encryption: listener.encryption,
        sources: listener.sources.clone(),
        ice: listener.ice,
        limits: listener.limits,
    }
}

fn host(address: IpAddr) -> Host {
    match address {
        IpAddr::V4(address) => Host::V4(address),
        IpAddr::V6(address) => Host::V6(address),
    }
}

fn guards(config: &Config, clock: Clock) -> Result<Guards> {
    Ok(Guards {
        probing: Probing::new(config.probe, random()?, clock, media_probes(config)),
        defence: Defence::new(config.defence.clone()),
    })
}

/// The operating system's own randomness seeds everything that must not be guessed.
pub fn entropy() -> Result<Entropy> {
    let bytes = random()?;
    let mut words =
        bytes.chunks_exact(8).map(|word| word.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    Ok(Entropy::from_seed([(); 4].map(|()| words.next().unwrap_or(0))))
}

/// Of the operating system.
fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("/dev/urandom")?;
    Ok(bytes)
}
