//! Reads each section of the file.

mod accounts;
mod admission;
mod customers;
mod defence;
mod demo;
mod devices;
mod dialing;
mod flow;
mod probing;
mod quality;
mod recordings;
mod sources;
mod tls;

pub(crate) use accounts::{ACCOUNT_NAME, is_account_name};
pub use devices::parse_profiles;
pub use flow::{parse_flow, parse_words};
pub(crate) use recordings::spoken;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::Uri;
use call::{core::Rules, leg::KeyMethod};
use dialplan::Table;
use interwork::{CalledNumber, EarlyMedia, GateLimits, Keying, Policy, Rate, Trunk, WayOut};
use ipnet::IpNet;
use media::{Quarantine, Range, SocketPlan};
use sip::{
    endpoint::{Hop, Limits, ListenerId, Oversize, Registers, SessionTimer},
    transaction::Timers,
};
use terms::{
    Dscp, NodeId, Secret, TrunkName, ZoneName,
    media::{Codec, Encryption, Ice},
};

use super::{
    Config, Directory, Http, Listener, Log, LogFormat, Media, MediaProbe, Records, Sip, Transport,
    problem::{Place, Problem, Problems},
    section::{Section, Text},
    source::Source,
};

/// A shorter token is guessed.
const MIN_TOKEN: usize = 8;

/// Reads a file and lays `overrides` (dotted key, value) over it.
pub fn load(path: &Path, overrides: &[(String, String)]) -> Result<Config, Problems> {
    let file = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => {
            let config = parse(&file, &text, overrides)?;
            let missing = recordings::missing(&config);
            if missing.is_empty() { Ok(config) } else { Err(recordings::problems(&file, &missing)) }
        }
        Err(error) => {
            let message = format!("can't be read: {error}");
            let problem = Problem { place: Place::Line { file, line: 0 }, key: String::new(), message };
            Err(Problems { found: vec![problem] })
        }
    }
}

/// Reads the text of the file `file`; `prompts` is relative to its folder.
pub fn parse(file: &str, text: &str, overrides: &[(String, String)]) -> Result<Config, Problems> {
    let source = Source::new(file, text);
    let tree = source.parse(overrides);
    let root = Section::root(&source, &tree);
    let folder = Path::new(file).parent().unwrap_or(Path::new("")).to_owned();
    let config = read(&root, &folder);
    root.finish();
    source.finish(config)
}

fn read(root: &Section<'_, '_>, folder: &Path) -> Option<Config> {
    // Every part is read before any is asked for: all problems are told at once.
    let node = root.number("node", 0..1 << 16, 0_u16);
    let state = root.text("state").map_or_else(|| PathBuf::from("state"), |text| PathBuf::from(text.value));
    let prompts = root.text("prompts").map_or_else(|| folder.join("prompts"), |text| folder.join(text.value));
    let (log, http) = (log(root.section("log")), http(root.section("http")));
    let listeners = listeners(root, folder);
    let records = records(root.section("records"));
    let directory = directory(root.section("directory"));
    let sip = sip(root.section("sip"));
    let media = media(root.section("media"));
    let admission = admission::admission(root.section("admission"));
    let probe = probing::probe(root.section("probe"));
    let (trunks, names) = trunks(root, &listeners);
    let defence = defence::defence(root.section("defence"), &trunks);
    let roots = tls::roots(root.section("tls"), folder);
    let trust = tls::trust(root, roots, (names, &listeners, &trunks));
    let tenants = customers::tenants(root);
    let meetings = customers::meetings(root, &tenants);
    let reach = demo::reach(&listeners);
    demo::refuse_secrets(root, reach);
    let registering = accounts::registering(root, (folder, &tenants), reach);
    let (mut call, host_grace) = dialing::calls(root, (folder, &tenants), media.workers);
    call.trunks = ways_out(&trunks);
    check_zones(root, &listeners, &media.ranges);
    probing::check(root, &listeners, &media);
    let takes_rooms = |listener: &Listener| matches!(listener.policy, Policy::Accounts | Policy::Connector);
    if call.rooms.languages.is_empty() && listeners.iter().any(takes_rooms) {
        root.report(
            "rooms are taken, and nobody says in what languages; write [rooms] languages = [\"zh\", \"en\"]",
        );
    }
    check_trunks(root, &listeners, &trunks, &call.dialplan);
    if directory.as_ref().is_some_and(|directory| directory.timeout >= call.question_timeout) {
        root.report(
            "`directory.timeout` may not reach `calls.question_timeout`: its answer would come too late",
        );
    }
    Some(Config {
        node: NodeId(node),
        state,
        log,
        listeners,
        trust,
        sip,
        media,
        admission,
        probe,
        defence,
        http: http?,
        trunks,
        rules: Rules { tenants, host_grace },
        registrar: registering.registrar,
        account_rules: registering.rules,
        accounts: registering.accounts,
        meetings,
        directory,
        records,
        prompts,
        call,
    })
}

fn log(section: Section<'_, '_>) -> Log {
    let levels = ["error", "warn", "info", "debug", "trace"].map(|level| (level, level));
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let level = section.text("level").and_then(|text| text.one_of(&levels));
    let format = section.text("format").and_then(|text| text.one_of(&formats));
    section.finish();
    Log { level: level.unwrap_or("info").to_owned(), format: format.unwrap_or(LogFormat::Text) }
}

fn records(section: Section<'_, '_>) -> Records {
    let records = Records { keep_months: section.number("keep_months", 1..121, 12) };
    section.finish();
    records
}

/// Without a URL there is none, and meetings are booked here alone.
fn directory(section: Section<'_, '_>) -> Option<Directory> {
    let texts = section.texts("urls");
    let token = section.text("token").map_or("", |text| text.value);
    let timeout = section.pause("timeout", Duration::from_secs(2));
    if !texts.is_empty() && token.is_empty() {
        section.report("`token` is missing; write the bearer token that the directory knows us by");
    }
    let mut urls = Vec::new();
    for text in &texts {
        let url = text.value.trim_end_matches('/');
        let is_http = url.strip_prefix("http://").is_some_and(|rest| !rest.is_empty());
        if !is_http || url.parse::<Uri>().is_err() {
            text.report("write where it is asked, such as \"http://127.0.0.1:9090\"");
        }
        urls.push(url.to_owned());
    }
    section.finish();
    (!urls.is_empty()).then(|| Directory { urls, token: Secret::new(token.to_owned()), timeout })
}

fn http(section: Section<'_, '_>) -> Option<Http> {
    let listens = section.required("address", "127.0.0.1:8080").as_ref().and_then(address);
    let token = section.required("token", "a long random text");
    if let Some(token) = token.as_ref().filter(|token| token.value.len() < MIN_TOKEN) {
        token.report("too short to be a secret; write at least 8 characters");
    }
    let timeout = section.pause("timeout", Duration::from_secs(10));
    section.finish();
    Some(Http { address: listens?, token: Secret::new(token?.value.to_owned()), timeout })
}

/// The zone that faces the Internet (SEC-1).
const PUBLIC: &str = "public";

/// What a listener speaks, and a trunk is reached by.
const TRANSPORTS: [(&str, Transport); 3] =
    [("udp", Transport::Udp), ("tcp", Transport::Tcp), ("tls", Transport::Tls)];

fn listeners(root: &Section<'_, '_>, folder: &Path) -> Vec<Listener> {
    let sections = root.sections("listener");
    if sections.is_empty() {
        root.report("there is no [[listener]]; without one no call comes in");
    }
    let listeners = sections.into_iter().filter_map(|section| listener(section, folder)).collect::<Vec<_>>();
    tls::keep_keys_apart(root, &listeners);
    listeners
}

fn listener(section: Section<'_, '_>, folder: &Path) -> Option<Listener> {
    let zone = section.required("zone", "trunk").map(|text| ZoneName::from(text.value));
    let transport = section.required("transport", "udp").and_then(|text| text.one_of(&TRANSPORTS));
    let listens = section.required("address", "127.0.0.1:5060").as_ref().and_then(address);
    let tls = tls::of_listener(&section, transport, listens, folder);
    let advertised = section.text("advertised").as_ref().and_then(address);
    let policies = [
        ("trunks", Policy::Trunks),
        ("accounts", Policy::Accounts),
        ("connector", Policy::Connector),
        ("anybody", Policy::Anybody),
    ];
    let is_public = zone.as_ref().is_some_and(|zone| zone.as_str() == PUBLIC);
    let (usual_policy, usual_encryption) = if is_public {
        (Policy::Accounts, Encryption::Required)
    } else {
        (Policy::Trunks, Encryption::default())
    };
    if is_public && transport.is_some_and(|transport| transport != Transport::Tls) {
        section.report(
            "zone \"public\" speaks TLS alone; write transport = \"tls\", or name the zone otherwise",
        );
    }
    let policy = section.text("policy").map_or(Some(usual_policy), |text| text.one_of(&policies));
    let encryption = encryption(&section, usual_encryption);
    let sources = sources::of_listener(&section);
    let ice = ice(&section);
    let limits = limits(&section);
    let registers = [("off", Registers::No), ("on", Registers::Yes)];
    let registrar = section.text("registrar").and_then(|text| text.one_of(&registers)).unwrap_or_default();
    if listens.is_some_and(|listens| listens.ip().is_unspecified()) && advertised.is_none() {
        section.report("it listens on every address; say by `advertised` which one peers reach it by");
    }
    section.finish();
    let listens = listens?;
    Some(Listener {
        zone: zone?,
        transport: transport?,
        address: listens,
        advertised: advertised.unwrap_or(listens),
        tls,
        policy: policy?,
        encryption,
        sources,
        ice,
        limits,
        registrar,
    })
}

/// Of a trunk or of a listener (MEDIA-2).
fn encryption(section: &Section<'_, '_>, usual: Encryption) -> Encryption {
    let policies =
        [("required", Encryption::Required), ("preferred", Encryption::Preferred), ("off", Encryption::Off)];
    section.text("encryption").and_then(|text| text.one_of(&policies)).unwrap_or(usual)
}

/// Of a trunk: how what we offer to it is encrypted.
fn keying(section: &Section<'_, '_>, encryption: Encryption) -> Keying {
    let ways = [("sdes", Keying::Description), ("dtls", Keying::Handshake)];
    let keying = section.text("keying").and_then(|text| text.one_of(&ways)).unwrap_or_default();
    if keying == Keying::Handshake && encryption != Encryption::Required {
        section.report(
            "`keying` is of no use where calls to the trunk are in clear; write encryption = \"required\", or leave it out",
        );
    }
    keying
}

/// Of a trunk or of a listener (MEDIA-3).
fn ice(section: &Section<'_, '_>) -> Ice {
    section
        .text("ice")
        .and_then(|text| text.one_of(&[("lite", Ice::Lite), ("off", Ice::Off)]))
        .unwrap_or_default()
}

/// Of a trunk or of a listener; no bound unless written.
fn limits(section: &Section<'_, '_>) -> GateLimits {
    let channels = Some(section.number("channels", 1..1_000_001, 0)).filter(|channels| *channels > 0);
    let remedy = "write a number such as 5 or 0.5, from 0.001 to 100000";
    let rate = section.decimal("calls_per_second", remedy, |number| Rate::try_from(number).ok());
    GateLimits { channels, rate }
}

fn sip(section: Section<'_, '_>) -> Sip {
    let (timers, limits, session) = (Timers::RFC, Limits::DEFAULT, SessionTimer::RFC);
    let sip = Sip {
        session: SessionTimer {
            interval: section.pause("session_expires", session.interval),
            minimum: section.pause("min_se", session.minimum),
        },
        timers: Timers {
            t1: section.pause("t1", timers.t1),
            t2: section.pause("t2", timers.t2),
            t4: section.pause("t4", timers.t4),
        },
        limits: Limits {
            dialogs: section.number("max_dialogs", 1..1_000_000, limits.dialogs),
            transactions: section.number("max_transactions", 1..4_000_000, limits.transactions),
            connections: section.number("max_connections", 1..1_000_000, limits.connections),
            retry_after: section.duration("retry_after", limits.retry_after),
            ..limits
        },
        dscp: dscp(&section, Dscp::CLASS_SELECTOR_3),
    };
    if sip.session.interval < sip.session.minimum || sip.session.minimum < SessionTimer::RFC.minimum {
        section.report("`session_expires` may not be below `min_se`, nor `min_se` below 90s (RFC 4028 §4)");
    }
    section.finish();
    sip
}

const SOCKET_PLANS: [(&str, SocketPlan); 2] =
    [("separate", SocketPlan::Separate), ("shared", SocketPlan::Shared)];

fn media(section: Section<'_, '_>) -> Media {
    let quarantine = Quarantine::default();
    let (ranges, probes): (Vec<_>, Vec<_>) = section.sections("range").into_iter().filter_map(range).unzip();
    let media = Media {
        workers: section.number("workers", 1..65, 1),
        codecs: codecs(&section),
        ranges,
        probes: probes.into_iter().flatten().collect(),
        quarantine: Quarantine {
            rest: section.duration("quarantine", quarantine.rest),
            bound: section.duration("quarantine_bound", quarantine.bound),
            share_percent: section.number("quarantine_share_percent", 1..101, quarantine.share_percent),
        },
        dscp: dscp(&section, Dscp::EXPEDITED_FORWARDING),
        sockets: section.text("sockets").and_then(|text| text.one_of(&SOCKET_PLANS)).unwrap_or_default(),
        commands: section.number("max_commands", 16..1_000_000, 4_096),
        reports: section.number("max_reports", 16..1_000_000, 16_384),
    };
    section.finish();
    media
}

/// RFC 2474 §3: six bits.
fn dscp(section: &Section<'_, '_>, usual: Dscp) -> Dscp {
    Dscp::new(section.number("dscp", 0..64, usual.value())).unwrap_or(usual)
}

/// All of them unless the file names some.
fn codecs(section: &Section<'_, '_>) -> Vec<Codec> {
    let words: [(&str, &[Codec]); 5] = [
        ("opus", &[Codec::Opus]),
        ("g722", &[Codec::G722]),
        ("pcma", &[Codec::Pcma]),
        ("pcmu", &[Codec::Pcmu]),
        ("l16", &[Codec::L16, Codec::L16Narrow]),
    ];
    let mut codecs = Vec::new();
    for text in section.texts("codecs") {
        let Some(named) = text.one_of(&words) else { continue };
        if named.iter().any(|codec| codecs.contains(codec)) {
            text.report("it is there already; write each codec once");
        }
        codecs.extend_from_slice(named);
    }
    if codecs.is_empty() { Codec::ALL.to_vec() } else { codecs }
}

/// With where its zone's media is probed, if anywhere.
fn range(section: Section<'_, '_>) -> Option<(Range, Option<MediaProbe>)> {
    let zone = section.required("zone", "trunk").map(|text| ZoneName::from(text.value));
    let remedy = "write an IP address that this machine has, such as 192.0.2.10";
    let address = section.required("address", "127.0.0.1").and_then(|text| text.parse::<IpAddr>(remedy));
    if address.is_some_and(|address| address.is_unspecified()) {
        section.report("`address` stands in every answer: write the one that peers reach, not 0.0.0.0 or ::");
    }
    let ports = section.required("ports", "10000-24999");
    let span = ports.as_ref().and_then(|text| port_range(text.value));
    let range = span.clone().and_then(|span| Some(Range::new(zone?, address?, &span)));
    if let Some(text) = ports
        && (range.as_ref().is_some_and(|range| range.pairs == 0) || span.is_none())
    {
        text.report(
            "write the first and the last port, such as \"10000-24999\", with an even one and the next in it",
        );
    }
    let probe = probing::beside(&section, span.as_ref());
    section.finish();
    let range = range?;
    let beside = probe
        .map(|port| MediaProbe { zone: range.zone.clone(), address: SocketAddr::new(range.address, port) });
    Some((range, beside))
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first >= 1_024 && last > first).then_some(first..=last)
}

/// Every zone that takes calls must have addresses for their media.
fn check_zones(root: &Section<'_, '_>, listeners: &[Listener], ranges: &[Range]) {
    let zones: BTreeSet<&ZoneName> = listeners.iter().map(|listener| &listener.zone).collect();
    for zone in zones {
        if ranges.iter().all(|range| range.zone != *zone) {
            root.report(format!(
                "zone \"{zone}\" has a [[listener]] and no [[media.range]]; its calls would be refused"
            ));
        }
    }
}

/// What calls must know of the trunks that they may go out by.
fn ways_out(trunks: &[Trunk]) -> BTreeMap<TrunkName, call::settings::WayOut> {
    let out = trunks.iter().filter(|trunk| trunk.out.is_some());
    out.map(|trunk| {
        let (zone, sources) = (trunk.zone.clone(), trunk.sources.clone());
        (trunk.name.clone(), call::settings::WayOut { zone, sources, keys: trunk.keys })
    })
    .collect()
}

/// A name that nobody has is a line that never holds.
fn check_trunks(root: &Section<'_, '_>, listeners: &[Listener], trunks: &[Trunk], dialplan: &Table) {
    for trunk in trunks {
        if listeners.iter().all(|listener| listener.zone != trunk.zone) {
            let Trunk { name, zone, .. } = trunk;
            root.report(format!(
                "trunk \"{name}\" is of zone \"{zone}\", which has no [[listener]]; nothing comes in by it"
            ));
        }
    }
    for name in dialplan.trunks().filter(|name| trunks.iter().all(|trunk| trunk.name != **name)) {
        root.report(format!("the dialplan names trunk \"{name}\"; there is no [[trunk]] of that name"));
    }
    let has_no_way =
        |name: &&TrunkName| trunks.iter().any(|trunk| trunk.name == **name && trunk.out.is_none());
    for name in dialplan.destinations().filter(has_no_way) {
        root.report(format!(
            "the dialplan leads to trunk \"{name}\", which has no `address`; write where calls to it go"
        ));
    }
}

/// With the domains of those that are reached by TLS.
fn trunks(root: &Section<'_, '_>, listeners: &[Listener]) -> (Vec<Trunk>, tls::Names) {
    let (mut names, mut domains) = (BTreeSet::new(), tls::Names::new());
    let mut trunk = |section: Section<'_, '_>| {
        let name = section.required("name", "carrier").map(|text| TrunkName::from(text.value));
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            section.report(format!("there is a trunk \"{name}\" already; give each a name of its own"));
        }
        let zone = section.required("zone", "trunk").map(|text| ZoneName::from(text.value));
        let peers: Vec<IpNet> =
            section.texts("peers").into_iter().filter_map(|text| network(&text)).collect();
        if peers.is_empty() {
            section.report(
                "`peers` is empty; write the addresses that the trunk sends from, such as [\"192.0.2.0/28\"]",
            );
        }
        let places = [
            ("request-uri", CalledNumber::RequestUri),
            ("to", CalledNumber::To),
            ("p-called-party-id", CalledNumber::PCalledPartyId),
            ("diversion", CalledNumber::Diversion),
            ("history-info", CalledNumber::HistoryInfo),
        ];
        let called = section.text("called_number").and_then(|text| text.one_of(&places));
        let kind = section.text("kind").and_then(|text| text.one_of(&customers::KINDS)).unwrap_or_default();
        let methods = [
            ("auto", KeyMethod::Auto),
            ("rfc4733", KeyMethod::Events),
            ("in-band", KeyMethod::Sound),
            ("info", KeyMethod::Signaling),
        ];
        let keys = section.text("dtmf").and_then(|text| text.one_of(&methods)).unwrap_or_default();
        let oversize = zone.as_ref().map_or(Oversize::Same, |zone| oversize(&section, zone, listeners));
        let (encryption, limits) = (encryption(&section, Encryption::default()), limits(&section));
        let keying = keying(&section, encryption);
        let (sources, ice) = (sources::of_trunk(&section, &peers), ice(&section));
        let out = zone.as_ref().and_then(|zone| way_out(&section, zone, listeners));
        let states = [("on", EarlyMedia::Heard), ("off", EarlyMedia::Ignored)];
        let early_media =
            section.text("early_media").and_then(|text| text.one_of(&states)).unwrap_or_default();
        tls::name(&section, out.as_ref(), &mut domains);
        section.finish();
        let called_number = called.unwrap_or_default();
        Some(Trunk {
            name: name?,
            zone: zone?,
            peers,
            called_number,
            kind,
            keys,
            oversize,
            encryption,
            sources,
            ice,
            limits,
            out,
            early_media,
            keying,
        })
    };
    let trunks = root.sections("trunk").into_iter().filter_map(&mut trunk).collect();
    (trunks, domains)
}

/// Where calls to a trunk go, and by which of the zone's listeners.
fn way_out(section: &Section<'_, '_>, zone: &ZoneName, listeners: &[Listener]) -> Option<WayOut> {
    let transport =
        section.text("transport").map_or(Some(Transport::Udp), |text| text.one_of(&TRANSPORTS))?;
    let text = section.text("address")?;
    let destination = address(&text)?;
    let fits = |listener: &Listener| {
        listener.zone == *zone
            && listener.transport == transport
            && !listener.is_legacy()
            && listener.address.is_ipv4() == destination.is_ipv4()
    };
    let found = (0..).map(ListenerId).zip(listeners).find(|(_, listener)| fits(listener));
    if found.is_none() {
        text.report(format!(
            "zone \"{zone}\" has no [[listener]] of this transport and kind of address that may connect, as a legacy one may not; add one"
        ));
    }
    found.map(|(id, listener)| WayOut { hop: Hop::new(id, destination), here: listener.advertised })
}

/// RFC 3261 §18.1.1, where the operator wants it: most carriers' trunks take datagrams only.
fn oversize(section: &Section<'_, '_>, zone: &ZoneName, listeners: &[Listener]) -> Oversize {
    let ways = [("udp", Transport::Udp), ("tcp", Transport::Tcp)];
    let Some(text) = section.text("oversize") else { return Oversize::Same };
    if text.one_of(&ways) != Some(Transport::Tcp) {
        return Oversize::Same;
    }
    let is_stream = |listener: &Listener| listener.zone == *zone && listener.transport == Transport::Tcp;
    let stream = (0..).map(ListenerId).zip(listeners).find(|(_, listener)| is_stream(listener));
    stream.map_or_else(
        || {
            text.report(format!("zone \"{zone}\" has no [[listener]] of transport \"tcp\"; add one"));
            Oversize::Same
        },
        |(id, _)| Oversize::Stream(id),
    )
}

/// An address alone is a network of one.
fn network(text: &Text<'_, '_>) -> Option<IpNet> {
    let alone = text.value.parse::<IpAddr>().ok().map(IpNet::from);
    alone.or_else(|| text.parse("write an address or a network, such as \"192.0.2.1\" or \"192.0.2.0/28\""))
}

fn address(text: &Text<'_, '_>) -> Option<SocketAddr> {
    let example = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
    text.parse(&format!("write an address and a port, such as \"{example}\""))
}
