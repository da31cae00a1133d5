//! What becomes of a REGISTER at each of its stages.

use std::time::Duration;

use call::accounts::Denial;
use sip::{
    auth::{Algorithm, Answered, hash_password},
    endpoint::{
        self, Endpoint, EndpointConfig, Event, Limits as EndpointLimits, Listener, ListenerId, Registers,
        SessionTimer,
    },
    transaction::Timers,
    wire::{Host, Transport},
};
use terms::{BootEpoch, HashedPassword, NodeId, Origin, ShardId, WallTime};

use super::*;

const SOURCE: &str = "192.0.2.20:5060";

/// A registrar behind an endpoint, whose core and store are the test.
struct Desk {
    endpoint: Endpoint,
    registrations: Registrations,
    now: Now,
    number: u32,
    nonce: String,
}

/// What a registrar said.
#[derive(Debug, Default)]
struct Said {
    sent: Vec<String>,
    asked: Vec<(Errand, Question)>,
    stored: Vec<(Option<Errand>, usize)>,
    outcomes: Vec<Outcome>,
}

impl Said {
    fn status(&self) -> Option<u16> {
        self.sent.last()?.split(' ').nth(1)?.parse().ok()
    }

    fn asks(&self) -> Errand {
        self.asked.last().expect("a question").0
    }
}

fn stored(id: Errand, durability: Durability) -> Input {
    let Errand::Register(request) = id else { panic!("a call stores nothing") };
    Input::Stored(request, durability)
}

fn settings(keep_alive: Duration) -> RegistrarSettings {
    RegistrarSettings {
        realm: "gateway".to_owned(),
        algorithms: Algorithm::ASKED.to_vec(),
        limits: Limits::DEFAULT,
        lockouts: LockoutSettings::default(),
        profiles: Profiles::default(),
        keep_alive,
    }
}

impl Desk {
    fn new() -> Self {
        let listener = Listener {
            id: ListenerId(0),
            transport: Transport::Udp,
            host: Host::V4([192, 0, 2, 10].into()),
            port: 5060,
            registers: Registers::Yes,
        };
        let config = EndpointConfig {
            origin: Origin { node: NodeId(1), shard: ShardId(0), boot: BootEpoch(1) },
            timers: Timers::RFC,
            limits: EndpointLimits::DEFAULT,
            session: SessionTimer::RFC,
            product: "gateway".into(),
            accept: "application/sdp".into(),
            listeners: vec![listener],
        };
        let settings = settings(Duration::ZERO);
        let mut keys = KeySource::from_seed([7; 32]);
        Self {
            endpoint: Endpoint::new(config, Entropy::from_seed([1; 4])),
            registrations: Registrations::new(&settings, Entropy::from_seed([2; 4]), &mut keys),
            now: Now {
                mono: Instant::from_nanos(1),
                wall: WallTime::from_unix_nanos(1_800_000_000_000_000_000),
            },
            number: 0,
            nonce: String::new(),
        }
    }

    /// A challenged one, whose next REGISTER carries credentials.
    fn challenged() -> Self {
        let mut desk = Self::new();
        let said = desk.register("");
        assert_eq!(said.status(), Some(401));
        let (_, nonce) = said.sent[0].split_once("nonce=\"").expect("a challenge");
        desk.nonce = nonce.split('"').next().expect("a nonce").to_owned();
        desk
    }

    fn register(&mut self, more: &str) -> Said {
        self.number += 1;
        let (number, credentials) = (self.number, self.credentials());
        let text = format!(
            "REGISTER sip:gw SIP/2.0\r\nVia: SIP/2.0/UDP {SOURCE};branch=z9hG4bK{number}\r\nFrom: <sip:room@gw>;tag=1\r\n\
             To: <sip:room@gw>\r\nCall-ID: 1\r\nCSeq: {number} REGISTER\r\nContact: <sip:room@{SOURCE}>\r\n{more}{credentials}\r\n"
        );
        let source = SOURCE.parse().expect("an address");
        let input = endpoint::Input::Datagram { listener: ListenerId(0), source, bytes: text.into() };
        self.endpoint.handle_input(self.now, input);
        self.settle()
    }

    fn credentials(&self) -> String {
        if self.nonce.is_empty() {
            return String::new();
        }
        let count = format!("{:08x}", self.number);
        let answered = Answered {
            algorithm: Algorithm::Md5,
            method: b"REGISTER",
            uri: b"sip:gw",
            nonce: self.nonce.as_bytes(),
            counted: Some((count.as_bytes(), b"c")),
        };
        format!(
            "Authorization: Digest username=\"room\", realm=\"gateway\", nonce=\"{}\", uri=\"sip:gw\", qop=auth, nc={count}, \
             cnonce=\"c\", response=\"{}\"\r\n",
            self.nonce,
            answered.digest(&password())
        )
    }

    fn input(&mut self, input: Input) -> Said {
        self.registrations.handle_input(self.now, input);
        self.settle()
    }

    fn pass(&mut self, time: Duration) -> Said {
        self.now.mono += time;
        self.input(Input::Timeout)
    }

    fn settle(&mut self) -> Said {
        let mut said = Said::default();
        loop {
            if let Some(output) = self.endpoint.poll_output() {
                match output {
                    endpoint::Output::Event(Event::Registering(registering)) => {
                        self.registrations.handle_input(self.now, Input::Registering(registering));
                    }
                    endpoint::Output::Transmit { bytes, .. } => {
                        said.sent.push(String::from_utf8_lossy(&bytes).into_owned());
                    }
                    _ => {}
                }
            } else if let Some(output) = self.registrations.poll_output() {
                match output {
                    Output::Sip(command) => {
                        self.endpoint.handle_input(self.now, endpoint::Input::Command(command));
                    }
                    Output::Ask(id, question) => said.asked.push((id, question)),
                    Output::Known(..) => {}
                    Output::Store(id, _, bindings) => {
                        said.stored.push((id.map(Errand::Register), bindings.len()));
                    }
                    Output::Attempted(_, _, outcome) => said.outcomes.push(outcome),
                    Output::Devices(..) => {}
                }
            } else {
                return said;
            }
        }
    }

    /// It has logged in, and waits for what the core says of its licence.
    fn known() -> (Self, Errand) {
        let mut desk = Self::challenged();
        let id = desk.register("").asks();
        let said = desk.input(Input::Answer(id, Answer::Password(Some(password()))));
        let wanted = Question::Enroll { account: "room".into(), devices: 1, serial: None };
        assert_eq!(said.asked, [(id, wanted)]);
        (desk, id)
    }

    /// It may, and waits for the store.
    fn granted() -> (Self, Errand) {
        let (mut desk, id) = Self::known();
        let said = desk.input(Input::Answer(id, Answer::Enrolled(Ok(()))));
        assert_eq!((said.stored, said.sent), (vec![(Some(id), 1)], vec![]));
        (desk, id)
    }
}

fn password() -> HashedPassword {
    hash_password("room", "gateway", "secret-1")
}

#[test]
fn rel_4_nothing_is_acknowledged_before_it_is_stored() {
    let (mut desk, id) = Desk::granted();
    let said = desk.input(stored(id, Durability::Durable));
    assert_eq!((said.status(), said.outcomes), (Some(200), vec![Outcome::Registered]));
    assert_eq!(desk.registrations.poll_timeout(), Some(desk.now.mono + Duration::from_secs(3_600)));
}

/// Each row: a stage, what comes, and what the device is told of it.
#[test]
fn each_stage_and_what_may_come_of_it() {
    type Entered = fn() -> (Desk, Errand);
    let waits_for_password: Entered = || {
        let mut desk = Desk::challenged();
        let id = desk.register("").asks();
        (desk, id)
    };
    let denied = |denial: Denial| -> Box<dyn Fn(Errand) -> Input> {
        Box::new(move |id| Input::Answer(id, Answer::Enrolled(Err(denial.clone()))))
    };
    let stored = |durability| -> Box<dyn Fn(Errand) -> Input> { Box::new(move |id| stored(id, durability)) };
    let wrong = HashedPassword { md5: [0; 16], sha256: [0; 32] };
    type Row = (&'static str, Entered, Box<dyn Fn(Errand) -> Input>, Option<u16>, Vec<Outcome>);
    let rows: [Row; 10] = [
        (
            "a wrong password",
            waits_for_password,
            Box::new(move |id| Input::Answer(id, Answer::Password(Some(wrong.clone())))),
            Some(401),
            vec![Outcome::WrongPassword],
        ),
        (
            "nobody",
            waits_for_password,
            Box::new(|id| Input::Answer(id, Answer::Password(None))),
            Some(401),
            vec![Outcome::NoAccount],
        ),
        (
            "no licence",
            Desk::known,
            denied(Denial::NoLicence { licences: 0 }),
            Some(403),
            vec![Outcome::NoLicence { licences: 0 }],
        ),
        ("frozen", Desk::known, denied(Denial::Frozen), Some(403), vec![Outcome::Frozen]),
        (
            "of another tenant",
            Desk::known,
            denied(Denial::SerialElsewhere("acme".into())),
            Some(403),
            vec![Outcome::SerialElsewhere { tenant: "acme".into() }],
        ),
        ("removed meanwhile", Desk::known, denied(Denial::NoAccount), Some(403), vec![Outcome::NoAccount]),
        ("not stored", Desk::granted, stored(Durability::Failed), Some(503), vec![Outcome::Unavailable]),
        ("stored", Desk::granted, stored(Durability::Durable), Some(200), vec![Outcome::Registered]),
        ("stored, but it does not wait for that", Desk::known, stored(Durability::Durable), None, vec![]),
        (
            "a password, but it has that",
            Desk::granted,
            Box::new(|id| Input::Answer(id, Answer::Password(None))),
            None,
            vec![],
        ),
    ];
    for (name, enter, comes, status, outcomes) in rows {
        let (mut desk, id) = enter();
        let said = desk.input(comes(id));
        assert_eq!((said.status(), said.outcomes), (status, outcomes), "{name}");
    }
}

#[test]
fn a_question_and_a_write_that_nobody_answers_are_given_up_and_late_answers_are_void() {
    let password_asked = || {
        let mut desk = Desk::challenged();
        let id = desk.register("").asks();
        (desk, id)
    };
    for (name, (mut desk, id)) in
        [("password", password_asked()), ("licence", Desk::known()), ("store", Desk::granted())]
    {
        assert_eq!(desk.pass(Duration::from_millis(4_999)).status(), None, "{name}");
        let said = desk.pass(Duration::from_millis(1));
        assert_eq!((said.status(), said.outcomes), (Some(503), vec![Outcome::Unavailable]), "{name}");
        assert!(said.sent[0].contains("\r\nRetry-After: 30\r\n"), "{name}");
        for late in [
            Input::Answer(id, Answer::Password(Some(password()))),
            Input::Answer(id, Answer::Enrolled(Ok(()))),
            stored(id, Durability::Durable),
        ] {
            let said = desk.input(late);
            assert!(
                said.sent.is_empty() && said.asked.is_empty() && said.stored.is_empty(),
                "{name}: {said:?}"
            );
        }
    }
}

#[test]
fn what_a_device_asks_for_is_planned_again_once_it_may() {
    let (mut desk, first) = Desk::known();
    // Before the core has answered, a later request of the same device is through.
    let second = desk.register("").asks();
    desk.input(Input::Answer(second, Answer::Password(Some(password()))));
    desk.input(Input::Answer(second, Answer::Enrolled(Ok(()))));
    assert_eq!(desk.input(stored(second, Durability::Durable)).status(), Some(200));
    let said = desk.input(Input::Answer(first, Answer::Enrolled(Ok(()))));
    assert_eq!((said.status(), said.outcomes), (Some(500), vec![Outcome::OutOfOrder]));
    assert_eq!(desk.registrations.bindings(&"room".into()).count(), 1);
}

#[test]
fn ops_4_attempts_alike_are_one_and_few_are_kept() {
    let mut attempts = Attempts::default();
    let account = AccountName::from("room");
    let now = Now::default();
    let attempt =
        |port: u16, outcome| Attempt::new(now.wall, SocketAddr::from(([192, 0, 2, 1], port)), outcome);
    for _ in 0..1_000 {
        attempts.add(now, Some(&account), attempt(1, Outcome::Refreshed));
        attempts.add(now, None, attempt(1, Outcome::NoAccount));
    }
    assert_eq!(attempts.of(&account).map(|attempt| attempt.times).collect::<Vec<_>>(), [1_000]);
    for port in 0..1_000 {
        attempts.add(now, Some(&account), attempt(port, Outcome::WrongPassword));
        attempts.add(now, None, attempt(port, Outcome::NoAccount));
    }
    let ports: Vec<u16> = attempts.of(&account).map(|attempt| attempt.source.port()).collect();
    assert_eq!(ports, (992..1_000).collect::<Vec<_>>());
    assert_eq!((attempts.strangers().count(), attempts.accounts_behind(None).count()), (64, 1));
    attempts.forget(&account);
    assert_eq!(attempts.of(&account).count(), 0);
}

#[test]
fn room_11_a_device_that_knows_md5_alone_is_asked_for_nothing_else() {
    let asked = |agent: &str| {
        let said = Desk::new().register(&format!("User-Agent: {agent}\r\n"));
        said.sent[0].matches("WWW-Authenticate: Digest").count()
    };
    assert_eq!(asked("TANDBERG/529 (ce8.3.4.abcdef) Cisco-SX20"), 1);
    assert_eq!(asked("Linphone"), 2);
}

/// A device of account "room", under this instance, at this port.
fn bound(instance: &str, port: u16, now: Now) -> Binding {
    use sip::{
        endpoint::Hop,
        wire::{CallId, NameAddr, SequenceNumber, Uri},
    };
    let contact = format!("sip:room@192.0.2.20:{port}");
    Binding {
        contact: NameAddr::new(Uri::try_from(contact.as_str()).expect("a URI")),
        path: Vec::new(),
        source: Hop::new(ListenerId(0), ([192, 0, 2, 20], port).into()),
        instance: Some(format!("<urn:uuid:{instance}>").into()),
        flow: None,
        epid: None,
        user_agent: None,
        call_id: CallId(instance.into()),
        number: SequenceNumber(1),
        since: now.wall,
        refreshed: now.wall,
        expires: WallTime::from_unix_nanos(now.wall.as_unix_nanos() + 600_000_000_000),
        epoch: u64::from(port),
    }
}

#[test]
fn rfc5627_5_5_a_gruu_rings_the_device_that_it_names_and_no_flow_that_is_down_is_used() {
    let mut desk = Desk::new();
    let both = ["aa", "bb"].into_iter().zip([5_061, 5_062]);
    let both = both.map(|(instance, port)| bound(instance, port, desk.now)).collect();
    desk.input(Input::Restore("room".into(), both));
    let reached = |dialed: &str, down: u16| {
        let is_up = |hop: sip::endpoint::Hop| hop.destination.port() != down;
        let reached = desk.registrations.reached(&dialed.into(), is_up);
        reached.map(|(binding, _)| binding.source.destination.port())
    };
    assert_eq!(reached("room", 0), Some(5_062), "the one that registered last");
    assert_eq!(reached("room", 5_062), Some(5_061), "its flow is down");
    assert_eq!(reached("room;gr=urn:uuid:aa", 0), Some(5_061));
    assert_eq!(reached("room;gr=urn:uuid:aa", 5_061), None, "it means that device and no other");
    assert_eq!(reached("room;gr=urn:uuid:cc", 0), None);
    assert_eq!(desk.registrations.dialed(&"room;gr=urn:uuid:aa".into()), &"room".into());
    assert_eq!(desk.registrations.dialed(&"room".into()), &"room".into());
}

#[test]
fn room_1_devices_behind_a_translator_are_asked_once_in_the_pause_and_no_others() {
    let mut desk = Desk::new();
    desk.registrations.configure(&settings(Duration::from_secs(25)));
    let seen_at = |binding: Binding, port: u16| {
        let source = sip::endpoint::Hop::new(ListenerId(0), ([198, 51, 100, 7], port).into());
        Binding { source, ..binding }
    };
    let now = desk.now;
    let at_home = bound("aa", 5_061, now);
    let behind = |port| seen_at(bound("bb", 5_060, now), port);
    let of_itself = Binding { flow: Some(1), ..behind(40_001) };
    desk.input(Input::Restore("at-home".into(), vec![at_home]));
    desk.input(Input::Restore("of-itself".into(), vec![of_itself]));
    for number in 0..100 {
        desk.input(Input::Restore(format!("room{number}").as_str().into(), vec![behind(41_000 + number)]));
    }
    let mut pings = Vec::new();
    for _ in 0..25 {
        let said = desk.pass(Duration::from_secs(1));
        assert!(said.sent.len() <= 5, "{} at once", said.sent.len());
        pings.extend(said.sent);
    }
    assert_eq!(pings.len(), 100);
    assert!(
        pings.iter().all(|ping| ping.starts_with("OPTIONS sip:room@192.0.2.20:5060 SIP/2.0")),
        "{}",
        pings[0]
    );
    let again = (0..25).map(|_| desk.pass(Duration::from_secs(1)).sent.len()).sum::<usize>();
    assert_eq!(again, 100);
}
