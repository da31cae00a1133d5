//! Bindings as RFC 3261 §10.3, RFC 3327, RFC 5626 and RFC 5627 have them.

use super::*;
use crate::{
    endpoint::{ExtraHeader, Hop, ListenerId},
    wire::{self, Message, StatusCode, Text, Uri},
};
use alloc::{format, string::String, vec, vec::Vec};
use bytes::Bytes;
use core::time::Duration;
use terms::{
    AccountName,
    entropy::Entropy,
    time::{Instant, Now, WallTime},
};

const SECOND: Duration = Duration::from_secs(1);
const PHONE: &str = "192.0.2.20:5060";

/// A location service, one account and the time.
struct Office {
    locations: Locations,
    gruus: Gruus,
    entropy: Entropy,
    now: Now,
    account: AccountName,
    number: u32,
}

/// A REGISTER by the headers that differ.
#[derive(Clone)]
struct Ask {
    lines: Vec<String>,
    call_id: &'static str,
    number: Option<u32>,
    source: &'static str,
    from: &'static str,
    vias: usize,
}

fn ask(lines: &[&str]) -> Ask {
    let lines = lines.iter().map(|line| String::from(*line)).collect();
    Ask { lines, call_id: "call", number: None, source: PHONE, from: "tag=1", vias: 1 }
}

impl Office {
    fn new() -> Self {
        Self::with(Limits::DEFAULT)
    }

    fn with(limits: Limits) -> Self {
        let mut entropy = Entropy::from_seed([1, 2, 3, 4]);
        Self {
            locations: Locations::new(limits, entropy.split()),
            gruus: Gruus::new(&[9; 16]),
            entropy,
            now: Now {
                mono: Instant::from_nanos(7),
                wall: WallTime::from_unix_nanos(1_800_000_000_000_000_000),
            },
            account: "room".into(),
            number: 0,
        }
    }

    fn pass(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).expect("short");
        self.now.mono += time;
        self.now.wall = WallTime::from_unix_nanos(self.now.wall.as_unix_nanos() + nanos);
    }

    fn read(&mut self, ask: &Ask) -> Result<Registration, Refused> {
        self.number += 1;
        let number = ask.number.unwrap_or(self.number);
        let vias: String = (0..ask.vias)
            .map(|at| format!("Via: SIP/2.0/UDP 192.0.2.2{at};branch=z9hG4bK{number}\r\n"))
            .collect();
        let lines: String = ask.lines.iter().map(|line| format!("{line}\r\n")).collect();
        let text = format!(
            "REGISTER sip:gw.example.com SIP/2.0\r\n{vias}From: <sip:room@gw.example.com>;{}\r\n\
             To: <sip:room@gw.example.com>\r\nCall-ID: {}\r\nCSeq: {number} REGISTER\r\n{lines}\r\n",
            ask.from, ask.call_id
        );
        let Ok(Message::Request(request)) = wire::parse(Bytes::from(text)) else { panic!("no request") };
        Registration::read(&request, Hop::new(ListenerId(0), ask.source.parse().expect("an address")))
    }

    /// The headers of the 200, or why there is none.
    fn register(&mut self, ask: &Ask) -> Result<Vec<ExtraHeader>, Refused> {
        let registration = self.read(ask)?;
        let plan = self.locations.plan(self.now, &self.account, &registration)?;
        self.locations.commit(&self.account, plan);
        let answer = Answer { locations: &self.locations, gruus: &self.gruus, registration: &registration };
        Ok(answer.headers(self.now.mono, &self.account, &mut self.entropy))
    }

    /// The same, which must be carried out, of one header.
    fn told(&mut self, ask: &Ask, name: &str) -> Vec<String> {
        let headers = self.register(ask).unwrap_or_else(|refused| panic!("{refused:?}"));
        headers
            .iter()
            .filter(|header| header.name == name)
            .map(|header| format!("{}", header.value))
            .collect()
    }

    fn changes(&mut self, ask: &Ask) -> Vec<Change> {
        let registration = self.read(ask).expect("sound");
        let plan = self.locations.plan(self.now, &self.account, &registration).expect("carried out");
        let changes = plan.changes.clone();
        self.locations.commit(&self.account, plan);
        changes
    }

    fn contacts(&self) -> Vec<String> {
        self.locations.bindings(&self.account).map(|binding| format!("{}", binding.contact.uri)).collect()
    }
}

#[test]
fn rfc3261_10_3_a_binding_is_made_told_refreshed_and_ended() {
    let mut office = Office::new();
    let told =
        office.told(&ask(&["Contact: \"Room\" <sip:room@192.0.2.20>;q=0.5", "Expires: 600"]), "Contact");
    assert_eq!(told, ["<sip:room@192.0.2.20>;q=0.5;expires=600"]);
    office.pass(100 * SECOND);
    assert_eq!(office.told(&ask(&[]), "Contact"), ["<sip:room@192.0.2.20>;q=0.5;expires=500"], "a query");
    let refresh = ask(&["Contact: <sip:room@192.0.2.20>;expires=120", "Expires: 600"]);
    assert_eq!(office.told(&refresh, "Contact"), ["<sip:room@192.0.2.20>;expires=120"]);
    assert_eq!(office.told(&ask(&["Contact: <sip:room@192.0.2.20>;expires=0"]), "Contact"), [""; 0]);
    assert!(office.locations.is_empty());
    let two =
        ask(&["Contact: <sip:a@192.0.2.20>, <sip:b@192.0.2.20>", "Contact: <sip:c@192.0.2.20>;expires=0"]);
    assert_eq!(
        office.told(&two, "Contact"),
        ["<sip:a@192.0.2.20>;expires=3600", "<sip:b@192.0.2.20>;expires=3600"]
    );
    assert_eq!(office.told(&ask(&["Contact: *", "Expires: 0"]), "Contact"), [""; 0]);
    assert_eq!(office.locations.len(), 0);
}

#[test]
fn rfc3261_10_3_each_refusal_and_its_status() {
    let rows = [
        (
            "* beside another",
            ask(&["Contact: *", "Contact: <sip:a@192.0.2.20>", "Expires: 0"]),
            Refused::Star,
            400,
        ),
        ("* for some time", ask(&["Contact: *", "Expires: 60"]), Refused::Star, 400),
        ("* without Expires", ask(&["Contact: *"]), Refused::Star, 400),
        ("too brief", ask(&["Contact: <sip:a@192.0.2.20>", "Expires: 59"]), Refused::TooBrief(60), 423),
        (
            "one of two too brief",
            ask(&["Contact: <sip:a@192.0.2.20>, <sip:b@192.0.2.20>;expires=1"]),
            Refused::TooBrief(60),
            423,
        ),
        (
            "a contact that is none",
            ask(&["Contact: <sip:@>"]),
            Refused::Malformed(wire::Malformed::Header(wire::HeaderName::Contact)),
            400,
        ),
        (
            "a path that is none",
            ask(&["Contact: <sip:a@192.0.2.20>", "Path: nowhere at all"]),
            Refused::Malformed(wire::Malformed::Header(wire::HeaderName::Path)),
            400,
        ),
        (
            "the same number again",
            Ask { number: Some(1), ..ask(&["Contact: <sip:first@192.0.2.20>"]) },
            Refused::OutOfOrder,
            500,
        ),
        (
            "all gone by an old number",
            Ask { number: Some(1), ..ask(&["Contact: *", "Expires: 0"]) },
            Refused::OutOfOrder,
            500,
        ),
        (
            "too many",
            ask(&["Contact: <sip:a@192.0.2.20>, <sip:b@192.0.2.20>, <sip:c@192.0.2.20>"]),
            Refused::TooManyContacts,
            403,
        ),
    ];
    for (name, ask_for, refused, status) in rows {
        let mut office = Office::with(Limits { contacts: 3, ..Limits::DEFAULT });
        office.register(&ask(&["Contact: <sip:first@192.0.2.20>"])).expect("the first");
        assert_eq!(office.register(&ask_for).err(), Some(refused), "{name}");
        assert_eq!(StatusCode::new(status), Some(refused.status()), "{name}");
        assert_eq!(office.contacts(), ["sip:first@192.0.2.20"], "{name}: all or none");
    }
}

#[test]
fn rfc3261_10_3_step_7_times_have_bounds() {
    let mut office = Office::new();
    for (lines, seconds) in [
        (&["Contact: <sip:a@192.0.2.20>"][..], 3_600),
        (&["Contact: <sip:a@192.0.2.20>", "Expires: 7201"], 7_200),
        (&["Contact: <sip:a@192.0.2.20>", "Expires: 99999999999"], 7_200),
        (&["Contact: <sip:a@192.0.2.20>;expires=60"], 60),
        (&["Contact: <sip:a@192.0.2.20>;expires=soon", "Expires: soon"], 3_600),
    ] {
        assert_eq!(
            office.told(&ask(lines), "Contact"),
            [format!("<sip:a@192.0.2.20>;expires={seconds}")],
            "{lines:?}"
        );
    }
}

#[test]
fn a_limit_of_all_bindings_holds_and_lets_refreshes_pass() {
    let mut office = Office::with(Limits { bindings: 1, ..Limits::DEFAULT });
    office.register(&ask(&["Contact: <sip:a@192.0.2.20>"])).expect("the first");
    office.register(&ask(&["Contact: <sip:a@192.0.2.20>"])).expect("a refresh");
    office.account = "other".into();
    assert_eq!(office.register(&ask(&["Contact: <sip:b@192.0.2.20>"])).err(), Some(Refused::Full));
    office.register(&ask(&[])).expect("a query");
}

#[test]
fn bindings_end_by_themselves_each_at_its_time() {
    let mut office = Office::new();
    office
        .register(&ask(&["Contact: <sip:a@192.0.2.20>;expires=60, <sip:b@192.0.2.20>;expires=90"]))
        .expect("sound");
    assert_eq!(office.locations.poll_timeout(), Some(office.now.mono + 60 * SECOND));
    office.pass(60 * SECOND - Duration::from_nanos(1));
    assert_eq!(office.locations.expire(office.now.mono), None);
    office.pass(SECOND);
    let expired = office.locations.expire(office.now.mono).expect("one");
    assert_eq!(
        expired.bindings.iter().map(|binding| format!("{}", binding.contact.uri)).collect::<Vec<_>>(),
        ["sip:a@192.0.2.20"]
    );
    assert_eq!(office.contacts(), ["sip:b@192.0.2.20"]);
    office.pass(40 * SECOND);
    assert!(office.locations.expire(office.now.mono).is_some() && office.locations.is_empty());
    assert_eq!((office.locations.poll_timeout(), office.locations.expire(office.now.mono)), (None, None));
}

const A: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-00000000000a>\"";
const B: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-00000000000b>\"";
const ELSEWHERE: &str = "198.51.100.7:1024";

/// Each row: how a device names itself, how it names itself when it comes back, and whether it is taken for the same.
#[test]
fn room_3_a_device_that_comes_back_from_elsewhere_replaces_its_binding_at_once() {
    let moved = Change::Moved { from: PHONE.parse().expect("an address") };
    let contact = |user: &str, more: &str| format!("Contact: <sip:room@{user}>{more}");
    let at_home = |more: &str| ask(&[&contact("192.0.2.20", more)]);
    let away = |more: &str| Ask {
        source: ELSEWHERE,
        call_id: "another",
        ..ask(&[&contact("198.51.100.7:1024", more)])
    };
    let epid = |ask: Ask| Ask { from: "tag=1;epid=8213270C2CBDCV", ..ask };
    let a = format!(";{A}");
    let b = format!(";{B}");
    let rows = [
        ("by its instance", at_home(&a), away(&a), moved, 1),
        ("another instance", at_home(&a), away(&b), Change::Added, 2),
        ("by its hardware", epid(at_home("")), epid(away("")), moved, 1),
        ("other hardware", epid(at_home("")), Ask { from: "tag=1;epid=X", ..away("") }, Change::Added, 2),
        ("by its Call-ID", at_home(""), Ask { call_id: "call", ..away("") }, moved, 1),
        ("nothing in common", at_home(""), away(""), Change::Added, 2),
        ("an instance is not left by hardware", epid(at_home(&a)), epid(away("")), Change::Added, 2),
        ("the same address, now with an instance", at_home(""), at_home(&a), Change::Refreshed, 1),
        (
            "the same contact behind another translator",
            at_home(""),
            Ask { source: ELSEWHERE, ..at_home("") },
            moved,
            1,
        ),
    ];
    for (name, first, second, change, bindings) in rows {
        let mut office = Office::new();
        assert_eq!(office.changes(&first), [Change::Added], "{name}");
        office.pass(SECOND);
        assert_eq!(office.changes(&second), [change], "{name}");
        assert_eq!(office.locations.len(), bindings, "{name}");
        let last = office.locations.bindings(&office.account).next_back().expect("one");
        assert_eq!(last.source.destination, second.source.parse().expect("an address"), "{name}");
    }
}

/// RFC 5626 §6: what has no reg-id is gone through by its URI.
#[test]
fn rfc5626_6_who_ends_the_contact_that_it_has_left_keeps_the_new_one() {
    let (old, new) = (format!("<sip:room@192.0.2.20>;{A}"), format!("<sip:room@192.0.2.99>;{A}"));
    let ended = format!("{old};expires=0");
    for (name, lines) in [
        ("in a request of its own", vec![format!("Contact: {new}"), format!("Contact: {ended}")]),
        ("behind the new one", vec![format!("Contact: {new}, {ended}")]),
        ("before the new one", vec![format!("Contact: {ended}, {new}")]),
        ("twice the same", vec![format!("Contact: {new}, {new}")]),
    ] {
        let mut office = Office::new();
        office.changes(&ask(&[&format!("Contact: {old}")]));
        for line in &lines {
            office.changes(&ask(&[line]));
        }
        assert_eq!(office.contacts(), ["sip:room@192.0.2.99"], "{name}");
    }
}

#[test]
fn several_contacts_of_one_request_do_not_push_each_other_out() {
    let mut office = Office::new();
    let two = ask(&["Contact: <sip:a@192.0.2.20>, <sip:b@192.0.2.20>"]);
    assert_eq!(office.changes(&two), [Change::Added, Change::Added]);
    assert_eq!(office.changes(&two), [Change::Refreshed, Change::Refreshed]);
    assert_eq!(office.contacts().len(), 2);
}

#[test]
fn rfc3327_path_is_kept_and_told_back() {
    let mut office = Office::new();
    let asked = ask(&[
        "Contact: <sip:a@10.0.0.1>",
        "Supported: path",
        "Path: <sip:edge1.example.com;lr>, <sip:edge2.example.com;lr>",
        "Path: <sip:edge3.example.com;lr;ob>",
    ]);
    let told = office.told(&asked, "Path");
    assert_eq!(
        told,
        ["<sip:edge1.example.com;lr>", "<sip:edge2.example.com;lr>", "<sip:edge3.example.com;lr;ob>"]
    );
    let binding = office.locations.bindings(&office.account).next().expect("one");
    assert_eq!(binding.path.len(), 3);
}

#[test]
fn rfc5626_6_flows_of_a_device_stand_beside_each_other_and_count_as_one() {
    let mut office = Office::new();
    let flow = |number: u32, source: &'static str| Ask {
        source,
        ..ask(&[&format!("Contact: <sip:room@192.0.2.20>;{A};reg-id={number}"), "Supported: path, outbound"])
    };
    assert_eq!(office.told(&flow(1, PHONE), "Require"), ["outbound"]);
    assert_eq!(office.told(&flow(1, PHONE), "Flow-Timer"), ["120"]);
    assert_eq!(office.told(&flow(2, ELSEWHERE), "Require"), ["outbound"]);
    assert_eq!((office.locations.len(), office.locations.devices(&office.account)), (2, 1));
    // A flow that broke is opened anew from elsewhere.
    let moved = Change::Moved { from: ELSEWHERE.parse().expect("an address") };
    assert_eq!(office.changes(&flow(2, "198.51.100.8:1024")), [moved]);
    assert_eq!(office.locations.len(), 2);
    // A device that forgot of flows replaces them all.
    let plain = ask(&[&format!("Contact: <sip:room@192.0.2.20>;{A}")]);
    assert_eq!(office.told(&plain, "Require"), [""; 0]);
    assert_eq!(office.locations.len(), 1);
}

#[test]
fn rfc5626_6_outbound_is_granted_where_flows_are_kept_apart_and_439_where_not() {
    let contact = format!("Contact: <sip:room@192.0.2.20>;{A};reg-id=1");
    let outbound = "Supported: outbound";
    let rows = [
        ("direct", 1, &[contact.as_str(), outbound][..], Some(true)),
        ("behind a proxy that says nothing", 2, &[contact.as_str(), outbound], None),
        (
            "behind one that knows it",
            2,
            &[contact.as_str(), outbound, "Path: <sip:e.example.com;lr;ob>"],
            Some(true),
        ),
        (
            "the first hop counts, not the last",
            3,
            &[contact.as_str(), outbound, "Path: <sip:e1.example.com;lr;ob>, <sip:e2.example.com;lr>"],
            None,
        ),
        ("the device does not know it", 2, &[contact.as_str()], Some(false)),
        ("no reg-id", 2, &["Contact: <sip:room@192.0.2.20>", outbound], Some(false)),
    ];
    for (name, vias, lines, granted) in rows {
        let told = Office::new().register(&Ask { vias, ..ask(lines) });
        let told = told.map(|headers| headers.iter().any(|header| header.name == "Require"));
        assert_eq!(told, granted.ok_or(Refused::FirstHopLacksOutbound), "{name}");
    }
    assert_eq!(Refused::FirstHopLacksOutbound.status().code(), 439);
}

/// What stands in quotes behind `name=`.
fn param(contact: &str, name: &str) -> Option<Uri> {
    let (_, rest) = contact.split_once(&format!("{name}=\""))?;
    Uri::try_from(rest.split_once('"')?.0).ok()
}

#[test]
fn rfc5627_gruus_lead_to_the_device_and_the_temporary_ones_tell_nobody_whose_they_are() {
    let mut office = Office::new();
    let registers = |call_id| Ask {
        call_id,
        ..ask(&[&format!("Contact: <sip:room@192.0.2.20>;{A}"), "Supported: gruu"])
    };
    let first = office.told(&registers("1"), "Contact").remove(0);
    let second = office.told(&registers("1"), "Contact").remove(0);
    let (public, temporary) =
        (param(&first, "pub-gruu").expect("one"), param(&first, "temp-gruu").expect("one"));
    assert_eq!(
        public,
        Uri::try_from("sip:room@gw.example.com;gr=urn:uuid:00000000-0000-1000-8000-00000000000a")
            .expect("a URI")
    );
    assert_eq!(param(&second, "pub-gruu"), Some(public.clone()));
    let later = param(&second, "temp-gruu").expect("one");
    assert!(later != temporary && !format!("{later}").contains("room@"), "{later}");
    let leads = |office: &Office, uri: &Uri| {
        office.locations.find_gruu(&office.gruus, uri).map(|(account, _)| account.clone())
    };
    for gruu in [&public, &temporary, &later] {
        assert_eq!(leads(&office, gruu), Some(office.account.clone()), "{gruu}");
    }
    // RFC 5627 §5.3: another Call-ID voids them, the public one goes on.
    office.told(&registers("2"), "Contact");
    assert_eq!((leads(&office, &temporary), leads(&office, &later)), (None, None));
    assert_eq!(leads(&office, &public), Some(office.account.clone()));
    for forged in [
        "sip:tgruu.00000000000000000000000000000000@gw.example.com;gr",
        "sip:tgruu.0@gw.example.com;gr",
        "sip:room@gw.example.com;gr",
        "sip:room@gw.example.com;gr=urn:uuid:other",
        "sip:other@gw.example.com;gr=urn:uuid:00000000-0000-1000-8000-00000000000a",
    ] {
        assert_eq!(leads(&office, &Uri::try_from(forged).expect("a URI")), None, "{forged}");
    }
    let without = office.told(&ask(&[&format!("Contact: <sip:room@192.0.2.20>;{A}")]), "Contact").remove(0);
    assert!(!without.contains("gruu"), "{without}");
}

#[test]
fn rel_4_bindings_come_back_from_the_store_for_the_time_that_they_had_left() {
    let mut office = Office::new();
    office
        .register(&ask(&["Contact: <sip:a@192.0.2.20>;expires=100, <sip:b@192.0.2.20>;expires=1000"]))
        .expect("sound");
    let kept: Vec<Binding> = office.locations.bindings(&office.account).cloned().collect();
    let image = serde_json::to_string(&kept).expect("it serializes");
    let mut restarted = Office::new();
    restarted.now.wall = WallTime::from_unix_nanos(restarted.now.wall.as_unix_nanos() + 400_000_000_000);
    let account = restarted.account.clone();
    let bindings: Vec<Binding> = serde_json::from_str(&image).expect("what was serialized");
    assert_eq!(bindings, kept);
    restarted.locations.restore(restarted.now, &account, bindings);
    restarted.number = 9;
    assert_eq!(restarted.told(&ask(&[]), "Contact"), ["<sip:b@192.0.2.20>;expires=600"]);
    // It goes on where it was: an old request is still old.
    let old = Ask { number: Some(1), ..ask(&["Contact: <sip:b@192.0.2.20>"]) };
    assert_eq!(restarted.register(&old).err(), Some(Refused::OutOfOrder));
}

#[test]
fn what_is_kept_holds_no_datagram() {
    let mut office = Office::new();
    let padding = format!("X-Padding: {}", "x".repeat(10_000));
    office
        .register(&ask(&["Contact: <sip:a@192.0.2.20>;expires=100", &padding, "User-Agent: Room"]))
        .expect("sound");
    let binding = office.locations.bindings(&office.account).next().expect("one");
    let texts: [&Text; 3] =
        [binding.contact.uri.as_text(), binding.user_agent.as_ref().expect("one"), &binding.call_id.0];
    let places = texts.map(|text| text.as_bytes().as_ptr().addr());
    let span = places.iter().max().zip(places.iter().min()).map(|(last, first)| last - first);
    assert!(span.is_some_and(|octets| octets < 100), "{span:?} octets apart");
}
