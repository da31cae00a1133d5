//! Legs whose media keys come of a handshake (MEDIA-2, RFC 5763), and RTCP by the way of RTP (MEDIA-3, RFC 5761).

use std::time::Duration;

use call::Event;
use terms::{
    Cause, Direction,
    media::{DtlsFault, Secrecy},
};
use tests::{
    Action::{Key, Talk},
    Conditions, PhoneEvent, Setup, Told, World,
    tone::{is_absent, is_heard},
};

const SECOND: Duration = Duration::from_secs(1);
const TONES: [u32; 2] = [440, 700];
const ZH: &str = "02153290005";
const ECHO: &str = "9001";
/// The second phone is the host of the trunk, which is offered handshakes.
const ONWARD: [(&str, &str); 4] = [
    ("dialplan.routes", "[\"55XX -> trunk:local\"]"),
    ("trunk.0.address", "127.0.1.2:5060"),
    ("trunk.0.encryption", "required"),
    ("trunk.0.keying", "dtls"),
];
const GUEST: [tests::Action; 3] = [Key("900100001#"), Key("1234#"), Talk(Duration::from_secs(120))];

fn world(overrides: &[(&str, &str)]) -> World {
    World::configured(Conditions::GOOD, 1, &TONES, overrides)
}

fn listen(world: &mut World, duration: Duration) -> Vec<Vec<i16>> {
    for phone in &mut world.phones {
        phone.heard.clear();
    }
    world.run(duration);
    world.phones.iter().map(|phone| phone.heard.clone()).collect()
}

fn unkeyed(world: &World) -> Vec<DtlsFault> {
    let fault = |(_, event): &(terms::CallId, Event)| match event {
        Event::Unkeyed(fault) => Some(*fault),
        _ => None,
    };
    world.gateway.events.iter().filter_map(fault).collect()
}

fn each_hears_the_other(world: &mut World, name: &str) {
    let heard = listen(world, 3 * SECOND);
    for (phone, own, other) in [(0, 440, 700), (1, 700, 440)] {
        assert!(is_heard(&heard[phone], other) && is_absent(&heard[phone], own), "{name}: phone {phone}");
    }
}

#[test]
fn rfc5763_who_shakes_hands_and_who_does_not_hear_each_other_in_one_meeting_whoever_begins() {
    for setup in [Setup::Active, Setup::Passive, Setup::ActPass] {
        let mut world = world(&[]);
        world.phones[0].shake_hands(setup, Told::ItsOwn);
        world.dial(0, ZH, &GUEST);
        world.dial(1, ZH, &GUEST);
        world.run(15 * SECOND);
        each_hears_the_other(&mut world, &format!("{setup:?}"));
        assert_eq!(unkeyed(&world), []);
        world.run(10 * SECOND);
        assert!(world.phones[0].muxed_reports > 1, "RFC 5761: reports come where the sound comes");
        world.hang_up(0);
        world.hang_up(1);
        world.run(SECOND);
        let secrecy: Vec<_> = world.gateway.records.iter().map(|record| record.secrecy).collect();
        assert_eq!(secrecy, [Some(Secrecy::FingerprintInClear), Some(Secrecy::NotOffered)]);
    }
}

#[test]
fn rfc5763_5_a_trunk_may_be_offered_a_handshake_and_its_host_chooses_who_begins() {
    for setup in [Setup::Active, Setup::Passive] {
        let mut world = world(&ONWARD);
        // Both are of the trunk: who calls has a handshake of its own.
        world.phones[0].shake_hands(Setup::ActPass, Told::ItsOwn);
        world.phones[1].shake_hands(setup, Told::ItsOwn);
        world.phones[1].will(&[Talk(60 * SECOND)]);
        world.dial(0, "5501", &[Talk(60 * SECOND)]);
        world.run(3 * SECOND);
        each_hears_the_other(&mut world, &format!("{setup:?}"));
        assert_eq!((unkeyed(&world), world.phones[1].handshakes()), (vec![], 1), "{setup:?}");
        world.hang_up(0);
        world.run(SECOND);
        let secrecy: Vec<_> = world.gateway.records.iter().map(|record| record.secrecy).collect();
        assert_eq!(secrecy, [Some(Secrecy::FingerprintInClear); 2], "{setup:?}");
        assert!(world.gateway.is_at_rest());
    }
}

#[test]
fn rfc5763_5_a_trunk_whose_host_shows_another_certificate_is_not_heard() {
    let mut world = world(&ONWARD);
    world.phones[0].shake_hands(Setup::ActPass, Told::ItsOwn);
    world.phones[1].shake_hands(Setup::Active, Told::Another);
    world.phones[1].will(&[Talk(60 * SECOND)]);
    world.dial(0, "5501", &[Talk(60 * SECOND)]);
    world.run(3 * SECOND);
    assert_eq!(unkeyed(&world), [DtlsFault::WrongCertificate]);
    let heard: Vec<usize> = world.phones.iter().map(|phone| phone.heard.len()).collect();
    assert_eq!(heard, [0, 0]);
    assert!(world.gateway.is_at_rest());
}

#[test]
fn rfc8842_4_a_call_that_holds_and_goes_on_keeps_its_keys() {
    let mut world = world(&[]);
    world.phones[0].shake_hands(Setup::ActPass, Told::ItsOwn);
    world.dial(0, ECHO, &[Talk(60 * SECOND)]);
    world.run(2 * SECOND);
    assert!(is_heard(&listen(&mut world, SECOND)[0], 440));
    world.offer_again(0, Direction::Inactive);
    world.run(SECOND);
    assert!(listen(&mut world, 2 * SECOND)[0].is_empty(), "it is held");
    world.offer_again(0, Direction::SendReceive);
    world.run(SECOND);
    assert!(is_heard(&listen(&mut world, 2 * SECOND)[0], 440));
    assert_eq!(world.phones[0].handshakes(), 1);
}

#[test]
fn rfc5763_5_a_certificate_that_is_not_the_one_of_the_offer_ends_the_call() {
    for setup in [Setup::Active, Setup::Passive] {
        let mut world = world(&[]);
        world.phones[0].shake_hands(setup, Told::Another);
        world.dial(0, ECHO, &[Talk(60 * SECOND)]);
        world.run(5 * SECOND);
        assert_eq!(unkeyed(&world), [DtlsFault::WrongCertificate], "{setup:?}");
        let ended = PhoneEvent::HungUp(Some(Cause::INCOMPATIBLE_DESTINATION));
        assert!(world.phones[0].when(&ended).is_some(), "{setup:?}: {:?}", world.phones[0].events);
        assert!(world.phones[0].heard.is_empty() && world.gateway.is_at_rest());
    }
}

#[test]
fn media_2_the_policy_of_a_trunk_decides_on_handshakes_too() {
    let rows = [
        ("required", true, None),
        ("required", false, Some(488)),
        ("off", true, Some(488)),
        ("off", false, None),
    ];
    for (policy, shakes, refused) in rows {
        let mut world = world(&[("trunk.0.encryption", policy)]);
        if shakes {
            world.phones[0].shake_hands(Setup::ActPass, Told::ItsOwn);
        }
        world.dial(0, ECHO, &[Talk(60 * SECOND)]);
        world.run(3 * SECOND);
        let status = world.phones[0].events.iter().find_map(|(_, event)| match event {
            PhoneEvent::Refused(status, _) => Some(*status),
            _ => None,
        });
        assert_eq!(status, refused, "{policy} {shakes}");
        assert_eq!(world.phones[0].heard.is_empty(), refused.is_some(), "{policy} {shakes}");
    }
}

#[test]
fn rel_1_a_restored_call_goes_on_under_its_keys() {
    let mut world = world(&[]);
    world.phones[0].shake_hands(Setup::Active, Told::ItsOwn);
    world.dial(0, ECHO, &[Talk(60 * SECOND)]);
    world.run(3 * SECOND);
    world.restart_gateway();
    world.run(SECOND);
    assert!(is_heard(&listen(&mut world, 2 * SECOND)[0], 440));
    assert_eq!(world.phones[0].handshakes(), 1);
    assert_eq!(unkeyed(&world), []);
}

#[test]
fn rfc6347_4_2_4_a_handshake_gets_over_a_bad_network() {
    for seed in 0..8 {
        let mut world =
            World::configured(Conditions { loss_percent: 20, ..Conditions::GOOD }, seed, &TONES, &[]);
        world.phones[0].shake_hands(Setup::ActPass, Told::ItsOwn);
        world.dial(0, ECHO, &[Talk(60 * SECOND)]);
        world.run(20 * SECOND);
        assert_eq!(unkeyed(&world), [], "{seed}");
        assert!(!world.phones[0].heard.is_empty(), "{seed}");
    }
}
