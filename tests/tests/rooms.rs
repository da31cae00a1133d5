//! Room systems call: by their accounts, into meetings, and to each other (ROOM-4, ROOM-12, ISO-1).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use call::{Event, core::Control};
use server::shard::Input;
use terms::{Cause, LegId, MeetingId};
use tests::{
    Action::{HangUp, Key, Talk, Wait},
    Conditions, Login, PhoneEvent, Provisioning, World,
    tone::{is_absent, is_heard},
};

const SECOND: Duration = Duration::from_secs(1);
const TONES: [u32; 6] = [440, 700, 1_000, 1_400, 1_800, 2_400];
const ONE: Login = Login { account: "room1", password: "secret-1" };
const TWO: Login = Login { account: "room2", password: "secret-2" };
const INSTANCE: &str = ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000000000001>\"";

/// Phones, the first of them room systems.
fn world(rooms: &[(Login, &str)], overrides: &[(&str, &str)]) -> World {
    let mut world = World::configured(Conditions::GOOD, 1, &TONES, overrides);
    for (number, (login, contact)) in rooms.iter().enumerate() {
        let address = format!("127.0.1.{}:5060", number + 1);
        let contact = (*contact).to_owned();
        let room = Provisioning { contact, ..Provisioning::of(login.account, login.password, &address) };
        let device = world.provision(room);
        world.register(device);
        world.phones[number].log_in(*login);
    }
    world.run(SECOND);
    world
}

fn two_rooms() -> World {
    world(&[(ONE, ""), (TWO, "")], &[])
}

fn refused(world: &World, phone: usize) -> Option<(u16, Option<Cause>)> {
    world.phones[phone].events.iter().rev().find_map(|(_, event)| match event {
        PhoneEvent::Refused(status, cause) => Some((*status, *cause)),
        _ => None,
    })
}

fn happened(world: &World, phone: usize, event: &PhoneEvent) -> bool {
    world.phones[phone].when(event).is_some()
}

fn listen(world: &mut World, duration: Duration) -> Vec<Vec<i16>> {
    for phone in &mut world.phones {
        phone.heard.clear();
    }
    world.run(duration);
    world.phones.iter().map(|phone| phone.heard.clone()).collect()
}

fn meeting(text: &str) -> MeetingId {
    text.parse().expect("digits")
}

/// Who is in a meeting, or waits to be.
fn inside(world: &World, text: &str) -> Vec<LegId> {
    let view = world.gateway.shard().core().view(meeting(text));
    view.into_iter().flat_map(|view| view.participants.keys().copied()).collect()
}

/// What the gateway wrote last that holds all of these.
fn said(world: &World, wanted: &[&str]) -> bool {
    let has = |bytes: &bytes::Bytes| {
        let text = String::from_utf8_lossy(bytes);
        wanted.iter().all(|wanted| text.contains(wanted))
    };
    world.gateway.sent.iter().any(has)
}

#[test]
fn room_4_two_rooms_dial_a_meeting_with_its_password_and_hear_each_other() {
    for (first, second) in [("900100001*1234", "900100001.1234"), ("900100001*4321", "900100001*1234")] {
        let mut world = two_rooms();
        for (room, dialed) in [first, second].into_iter().enumerate() {
            world.dial(room, dialed, &[Talk(60 * SECOND)]);
        }
        world.run(8 * SECOND);
        let heard = listen(&mut world, 2 * SECOND);
        for (room, own, other) in [(0, 440, 700), (1, 700, 440)] {
            assert!(is_heard(&heard[room], other) && is_absent(&heard[room], own), "room {room} by {first}");
        }
        for room in [0, 1] {
            world.hang_up(room);
        }
        world.run(SECOND);
        assert!(world.gateway.is_at_rest());
        let accounts: Vec<_> = world
            .gateway
            .records
            .iter()
            .filter_map(|record| Some((record.account.clone()?, record.meeting)))
            .collect();
        let in_meeting = Some(meeting("900100001"));
        assert_eq!(accounts, [("room1".into(), in_meeting), ("room2".into(), in_meeting)]);
    }
}

#[test]
fn room_4_the_id_alone_asks_for_the_password_and_the_access_number_for_both() {
    for (dialed, keys) in [("900100001", "1234#"), ("02153290005", "900100001#1234#")] {
        let mut world = two_rooms();
        world.dial(0, dialed, &[Wait(3 * SECOND), Key(keys), Talk(60 * SECOND)]);
        world.dial(1, "900100001*1234", &[Talk(60 * SECOND)]);
        world.run(20 * SECOND);
        let heard = listen(&mut world, 2 * SECOND);
        assert!(is_heard(&heard[0], 700) && is_heard(&heard[1], 440), "{dialed}");
    }
}

#[test]
fn room_4_a_room_that_may_not_in_is_told_why_before_anything_is_answered() {
    let rows = [
        ("900100001*9999", (403, Some(Cause::NOT_AUTHORIZED)), "会议号或密码错误"),
        ("900100077*1234", (403, Some(Cause::NOT_AUTHORIZED)), "meeting ID or password is wrong"),
        ("900100099*1234", (603, Some(Cause::CALL_REJECTED)), "呼叫被拒绝"),
        ("nobody", (404, Some(Cause::UNALLOCATED_NUMBER)), "用户不可达"),
    ];
    for (dialed, expected, words) in rows {
        let mut world = two_rooms();
        world.dial(0, dialed, &[]);
        world.run(3 * SECOND);
        assert_eq!(refused(&world, 0), Some(expected), "{dialed}");
        assert!(said(&world, &[words]), "{dialed}");
        assert!(!happened(&world, 0, &PhoneEvent::Answered) && world.gateway.is_at_rest(), "{dialed}");
    }
}

#[test]
fn meet_5_hardware_joins_muted_where_the_tenant_has_it_so_and_the_host_does_not() {
    let mut world = world(&[(ONE, ""), (TWO, "")], &[("tenant.0.auto_mute", "[\"hardware\"]")]);
    world.dial(0, "900100001*1234", &[Talk(60 * SECOND)]);
    world.dial(1, "900100001*4321", &[Talk(60 * SECOND)]);
    world.run(8 * SECOND);
    let heard = listen(&mut world, 2 * SECOND);
    assert!(is_heard(&heard[0], 700) && is_absent(&heard[1], 440));
    let leg = inside(&world, "900100001")[0];
    world.administer(Input::Control(meeting("900100001"), Control::Unmute { leg }));
    world.run(5 * SECOND);
    assert!(is_heard(&listen(&mut world, 2 * SECOND)[1], 440));
}

#[test]
fn sec_1_who_does_not_log_in_gets_no_further_where_accounts_are_asked_for() {
    let accounts = [("listener.0.policy", "accounts"), ("trunk.0.peers", "[\"192.0.2.0/24\"]")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES, &accounts);
    world.dial(0, "900100001*1234", &[]);
    let wrong = Login { password: "guess-12", ..ONE };
    world.phones[1].log_in(wrong);
    world.dial(1, "900100001*1234", &[]);
    world.phones[2].log_in(ONE);
    world.dial(2, "900100001*1234", &[]);
    world.run(3 * SECOND);
    assert_eq!(
        [refused(&world, 0), refused(&world, 1)].map(|refused| refused.map(|(status, _)| status)),
        [Some(401); 2]
    );
    assert!(happened(&world, 2, &PhoneEvent::Answered), "an account that is not registered may call");
    let outcomes: Vec<_> = world.gateway.attempts.iter().map(|(_, outcome)| outcome.name()).collect();
    assert_eq!(outcomes, ["wrong_password"], "a first 401 is no failure");
}

#[test]
fn room_4_a_connector_takes_rooms_that_nobody_knows_into_meetings_alone() {
    let connector = [("listener.0.policy", "connector"), ("trunk.0.peers", "[\"192.0.2.0/24\"]")];
    for (dialed, expected) in [("900100001*1234", None), ("room1", Some(404)), ("900100001*1", Some(403))] {
        let mut world = World::configured(Conditions::GOOD, 1, &TONES, &connector);
        world.dial(0, dialed, &[]);
        world.run(3 * SECOND);
        assert_eq!(refused(&world, 0).map(|(status, _)| status), expected, "{dialed}");
        assert_eq!(happened(&world, 0, &PhoneEvent::Answered), expected.is_none(), "{dialed}");
    }
}

#[test]
fn room_12_an_account_calls_another_and_they_hear_each_other() {
    let mut world = two_rooms();
    world.phones[1].will(&[Talk(60 * SECOND)]);
    world.dial(0, "room2", &[Talk(20 * SECOND), HangUp]);
    world.run(2 * SECOND);
    assert!(happened(&world, 0, &PhoneEvent::Ringing) && happened(&world, 1, &PhoneEvent::Answered));
    let heard = listen(&mut world, 3 * SECOND);
    assert!(is_heard(&heard[0], 700) && is_heard(&heard[1], 440));
    assert!(said(&world, &["INVITE sip:room2@127.0.1.2:5060", "From: <sip:room1@"]));
    world.run(20 * SECOND);
    assert!(happened(&world, 1, &PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING))));
    assert!(world.gateway.is_at_rest());
    let [caller, callee] = &world.gateway.records[..] else { panic!("one a leg") };
    assert_eq!((&caller.account, &callee.account), (&Some("room1".into()), &Some("room2".into())));
    assert_eq!((caller.partner, callee.partner), (Some(callee.call), Some(caller.call)));
}

#[test]
fn room_12_a_room_in_a_meeting_is_busy_and_one_that_is_off_is_said_to_be() {
    let mut world = two_rooms();
    world.dial(1, "900100001*1234", &[Talk(60 * SECOND)]);
    world.run(3 * SECOND);
    world.dial(0, "room2", &[]);
    world.run(SECOND);
    assert_eq!(refused(&world, 0), Some((486, Some(Cause::USER_BUSY))));
    assert!(!happened(&world, 1, &PhoneEvent::Called), "it is not rung");

    let mut alone = self::world(&[(ONE, "")], &[]);
    alone.dial(0, "room2", &[]);
    alone.run(SECOND);
    assert_eq!(refused(&alone, 0), Some((480, Some(Cause::NO_ANSWER))));
    assert!(said(&alone, &["不在线，请稍后再拨"]));
}

#[test]
fn room_12_a_trunks_direct_number_rings_an_account() {
    let routes = [("dialplan.routes", "[\"55XX -> account\", \"0215329000[5] -> ivr\"]")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES, &routes);
    world.dial(0, "5501", &[]);
    world.run(SECOND);
    assert_eq!(refused(&world, 0), Some((404, Some(Cause::UNALLOCATED_NUMBER))), "no such account");
}

/// One device under two accounts, by two phones that stand for it.
fn one_device(second_join: &str) -> World {
    world(&[(ONE, INSTANCE), (TWO, INSTANCE)], &[("rooms.second_join", second_join)])
}

#[test]
fn iso_1_one_device_under_two_accounts_is_in_one_meeting() {
    let mut world = one_device("reject");
    world.dial(0, "900100001*1234", &[Talk(60 * SECOND)]);
    world.run(8 * SECOND);
    world.dial(1, "900100002*1234", &[]);
    world.run(SECOND);
    assert_eq!(refused(&world, 1), Some((486, Some(Cause::USER_BUSY))));
    assert!(said(&world, &["Warning: 399", "this device is in another meeting"]));
    world.hang_up(0);
    world.run(SECOND);
    world.dial(1, "900100002*1234", &[]);
    world.run(3 * SECOND);
    assert!(happened(&world, 1, &PhoneEvent::Answered), "it is free again");
}

#[test]
fn iso_1_a_device_that_moves_leaves_the_first_before_it_is_let_into_the_second() {
    let mut world = one_device("move");
    world.dial(0, "900100001*1234", &[Talk(60 * SECOND)]);
    world.run(8 * SECOND);
    world.dial(1, "900100002*1234", &[Talk(60 * SECOND)]);
    world.run(2 * SECOND);
    let left = world.phones[0]
        .when(&PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING)))
        .expect("it was told to leave");
    let answered = world.phones[1].when(&PhoneEvent::Answered).expect("it moved");
    assert!(left <= answered);
    assert!(said(&world, &["BYE ", "终端已加入其他会议"]));
    assert_eq!((inside(&world, "900100001").len(), inside(&world, "900100002").len()), (0, 1));
}

#[test]
fn iso_1_the_host_of_the_second_is_asked_and_says_yes_no_or_nothing() {
    let asked = || {
        let mut world = one_device("ask");
        world.dial(0, "900100001*1234", &[Talk(90 * SECOND)]);
        world.run(8 * SECOND);
        world.dial(1, "900100002*1234", &[Talk(60 * SECOND)]);
        world.run(SECOND);
        assert!(happened(&world, 1, &PhoneEvent::Ringing) && !happened(&world, 1, &PhoneEvent::Answered));
        world
    };
    let second = meeting("900100002");
    let mut yes = asked();
    let leg = inside(&yes, "900100002")[0];
    yes.administer(Input::Control(second, Control::Admit { leg }));
    yes.run(SECOND);
    assert!(happened(&yes, 1, &PhoneEvent::Answered));
    assert!(happened(&yes, 0, &PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING))));

    let mut no = asked();
    let leg = inside(&no, "900100002")[0];
    no.administer(Input::Control(second, Control::Remove { leg }));
    no.run(SECOND);
    assert_eq!(refused(&no, 1).map(|(status, _)| status), Some(603));

    let mut nothing = asked();
    nothing.run(30 * SECOND);
    assert_eq!(refused(&nothing, 1), Some((486, Some(Cause::USER_BUSY))));
    assert_eq!(inside(&nothing, "900100002").len(), 0);
    assert_eq!(inside(&nothing, "900100001").len(), 1, "it stayed where it was");
}

#[test]
fn iso_1_a_restarted_gateway_knows_which_meeting_a_device_is_in() {
    let mut world = one_device("reject");
    world.dial(0, "900100001*1234", &[Talk(60 * SECOND)]);
    world.run(8 * SECOND);
    world.restart_gateway();
    world.dial(1, "900100002*1234", &[]);
    world.run(SECOND);
    assert_eq!(refused(&world, 1), Some((486, Some(Cause::USER_BUSY))));
}

/// 1,000 calls of one device under two accounts, in and out of two meetings and to another room, at random times.
#[test]
fn iso_1_a_thousand_racing_joins_of_one_device_never_meet_and_it_never_hears_two() {
    let mut joins = 0;
    for (seed, second_join) in
        [(1, "move"), (2, "reject"), (3, "ask"), (4, "move"), (5, "reject"), (6, "ask")]
    {
        joins += race(second_join, seed);
    }
    assert!(joins >= 1_000, "only {joins}");
}

/// Where the device calls, and who talks there.
const RACED: [(&str, u32); 3] = [("900100001", 1_000), ("900100002", 1_400), ("900100003", 1_800)];
/// By whom the device is called.
const CALLER: (usize, u32) = (5, 2_400);

/// The accounts of the device, which a trunk's numbers ring.
const RACER: [Login; 2] =
    [Login { account: "5501", password: "secret-1" }, Login { account: "5502", password: "secret-2" }];

fn raced(second_join: &str) -> World {
    let overrides = [
        ("rooms.second_join", second_join),
        ("account.0.name", "\"5501\""),
        ("account.1.name", "\"5502\""),
        ("dialplan.routes", "[\"55XX -> account\", \"0215329000[5] -> ivr\"]"),
    ];
    world(&RACER.map(|login| (login, INSTANCE)), &overrides)
}

/// The device's calls, as many as were dialed. At every instant of the ledger it is in one meeting at most, and it hears one at
/// most, whichever of its legs it comes by.
fn race(second_join: &str, seed: u64) -> usize {
    let mut world = raced(second_join);
    let mut entropy = terms::Entropy::from_seed([seed, 2, 3, 4]);
    let (mut dialed, mut heard) = (0, BTreeSet::new());
    for (phone, (text, _)) in (2..).zip(RACED) {
        let keys: &'static str = [text, "#1234#"].concat().leak();
        world.dial(phone, "02153290005", &[Wait(3 * SECOND), Key(keys), Talk(3_600 * SECOND)]);
    }
    world.run(15 * SECOND);
    let talkers: BTreeSet<_> = world.gateway.events.iter().map(|(call, _)| *call).collect();
    while dialed < 180 {
        for phone in [0, 1] {
            if entropy.below(3) > 0 {
                let wanted = match usize::try_from(entropy.below(4)).expect("small") {
                    meeting @ 0..3 => [RACED[meeting].0, "*1234"].concat(),
                    _ => RACER[1 - phone].account.to_owned(),
                };
                world.dial(phone, &wanted, &[Talk(SECOND)]);
                dialed += 1;
            }
        }
        if entropy.below(3) == 0 {
            world.dial(CALLER.0, RACER[0].account, &[Talk(60 * SECOND)]);
        }
        heard.extend(pass(&mut world, Duration::from_millis(entropy.below(8_000))));
        if second_join == "ask" && entropy.below(2) == 0 {
            admit(&mut world);
            heard.extend(pass(&mut world, 3 * SECOND));
        }
        for phone in [0, 1, CALLER.0] {
            world.hang_up(phone);
        }
        heard.extend(pass(&mut world, Duration::from_millis(entropy.below(200))));
    }
    assert_eq!(
        heard.len(),
        RACED.len() + 1,
        "whom it never heard it could not hear beside another ({second_join})"
    );
    for phone in [2, 3, 4] {
        world.hang_up(phone);
    }
    world.run(40 * SECOND);
    let mut inside: BTreeMap<MeetingId, usize> = BTreeMap::new();
    let mut joined = 0;
    for (call, event) in world.gateway.events.iter().filter(|(call, _)| !talkers.contains(call)) {
        match event {
            Event::Joined { tag, .. } => {
                *inside.entry(tag.meeting).or_default() += 1;
                joined += 1;
            }
            Event::Left { tag } => *inside.entry(tag.meeting).or_default() -= 1,
            _ => {}
        }
        let at_once = inside.values().filter(|count| **count > 0).count();
        assert!(at_once <= 1, "{call:?} brings the device into {at_once} meetings ({second_join})");
    }
    assert!(joined > 20, "only {joined} came in");
    assert!(world.gateway.is_at_rest());
    dialed
}

/// Lets time pass; whom the device heard, one at a time.
fn pass(world: &mut World, duration: Duration) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    let until = world.now() + duration;
    while world.now() < until {
        // Ten packets, of which one or two may be of one call and the others of the next.
        let legs = listen(world, duration.min(SECOND / 5));
        let tones = RACED.iter().map(|(_, hz)| *hz).chain([CALLER.1]);
        let heard: BTreeSet<u32> =
            tones.filter(|hz| legs[..2].iter().any(|leg| is_heard(leg, *hz))).collect();
        assert!(heard.len() <= 1, "the device hears {heard:?} at once");
        all.extend(heard);
    }
    all
}

/// Hosts let in whoever asks.
fn admit(world: &mut World) {
    for (text, _) in RACED {
        for leg in inside(world, text) {
            world.administer(Input::Control(meeting(text), Control::Admit { leg }));
        }
    }
}
