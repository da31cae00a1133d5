//! What callers do once they are in a meeting, or wait to be.

use std::time::Duration;

use call::{core::Control, question::Role};
use server::shard;
use terms::{Cause, media::Speaking};
use tests::{
    Action::{Key, Talk, Wait},
    Conditions, PhoneEvent, World,
    tone::{is_absent, is_heard, level},
};

const ZH: &str = "02153290005";
const SECOND: Duration = Duration::from_secs(1);
const TONES: [u32; 2] = [440, 700];
const GUEST: [tests::Action; 2] = [Key("900100001#"), Key("1234#")];
const HOST: [tests::Action; 2] = [Key("900100001#"), Key("4321#")];

/// What each phone hears in the next `duration`.
fn listen(world: &mut World, duration: Duration) -> Vec<Vec<i16>> {
    for phone in &mut world.phones {
        phone.heard.clear();
    }
    world.run(duration);
    world.phones.iter().map(|phone| phone.heard.clone()).collect()
}

fn hung_up(world: &World, phone: usize) -> Option<Cause> {
    world.phones[phone].events.iter().find_map(|(_, event)| match event {
        PhoneEvent::HungUp(cause) => *cause,
        _ => None,
    })
}

#[test]
fn dial_8_who_mutes_itself_is_told_so_hears_on_and_is_heard_no_more_until_it_unmutes() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES);
    let muting = [Talk(20 * SECOND), Key("*6"), Talk(20 * SECOND), Key("*6"), Talk(60 * SECOND)];
    world.dial(0, ZH, &[&GUEST[..], &muting].concat());
    world.dial(1, ZH, &[&GUEST[..], &[Talk(120 * SECOND)]].concat());
    world.run(15 * SECOND);
    let before = listen(&mut world, 3 * SECOND);
    assert!(is_heard(&before[1], 440) && is_heard(&before[0], 700));
    world.run(12 * SECOND);
    let muted = listen(&mut world, 5 * SECOND);
    assert!(is_absent(&muted[1], 440), "it is heard though muted");
    assert!(is_heard(&muted[0], 700), "it hears on");
    world.run(20 * SECOND);
    let again = listen(&mut world, 3 * SECOND);
    assert!(is_heard(&again[1], 440), "it is heard again");
}

#[test]
fn dial_8_the_host_ends_the_meeting_for_all_and_a_guest_does_not() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES);
    world.dial(0, ZH, &[&HOST[..], &[Wait(40 * SECOND), Key("*8"), Wait(60 * SECOND)]].concat());
    world.dial(1, ZH, &[&GUEST[..], &[Wait(15 * SECOND), Key("*8"), Wait(90 * SECOND)]].concat());
    world.run(35 * SECOND);
    assert_eq!(world.gateway.shard().calls(), 2, "a guest's key ends nothing");
    world.run(30 * SECOND);
    for phone in 0..2 {
        assert_eq!(hung_up(&world, phone), Some(Cause::NORMAL_CLEARING), "phone {phone}");
    }
    assert!(world.gateway.is_at_rest());
}

#[test]
fn meet_2_where_guests_need_no_password_the_host_keys_its_own_and_who_keys_none_is_a_guest() {
    let open = [("meetings.0.guest_password", ""), ("meetings.0.entry", "with-host")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES, &open);
    world.dial(0, ZH, &[Key("900100001#"), Key("#"), Wait(5 * SECOND), Talk(60 * SECOND)]);
    world.dial(1, ZH, &[Key("900100001#"), Key("4321#"), Wait(5 * SECOND), Talk(60 * SECOND)]);
    world.run(20 * SECOND);
    let together = listen(&mut world, 5 * SECOND);
    assert!(is_heard(&together[0], 700) && is_heard(&together[1], 440));
    let view = world.gateway.shard().core().view("900100001".parse().expect("digits")).expect("it is there");
    let roles: Vec<Role> = view.participants.values().map(|participant| participant.role).collect();
    assert_eq!(roles, [Role::Guest, Role::Host]);
}

#[test]
fn dial_3_a_meeting_without_a_password_is_entered_by_its_id_alone() {
    let open = [("meetings.0.guest_password", ""), ("meetings.0.host_password", "")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES, &open);
    for phone in 0..2 {
        world.dial(phone, ZH, &[Key("900100001#"), Wait(5 * SECOND), Talk(60 * SECOND)]);
    }
    world.run(15 * SECOND);
    let together = listen(&mut world, 5 * SECOND);
    assert!(is_heard(&together[0], 700) && is_heard(&together[1], 440));
}

#[test]
fn dial_3_who_can_key_no_password_of_the_meeting_is_told_so_and_a_pin_stands_in_for_it() {
    let letters = [("meetings.0.guest_password", "abcd!"), ("meetings.0.host_password", "hijk!")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES[..1], &letters);
    world.dial(0, ZH, &[Key("900100001#"), Wait(60 * SECOND)]);
    world.run(25 * SECOND);
    assert_eq!(hung_up(&world, 0), Some(Cause::CALL_REJECTED));

    let with_pin = [letters[0], letters[1], ("meetings.0.guest_pin", "\"8888\"")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES[..1], &with_pin);
    world.dial(0, ZH, &[Key("900100001#"), Key("8888#"), Wait(60 * SECOND)]);
    world.run(25 * SECOND);
    assert_eq!(world.gateway.shard().leases(), 1);
}

#[test]
fn dial_6_who_waits_for_the_host_hears_music_and_enters_with_it() {
    let waits = [("meetings.0.entry", "with-host")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES, &waits);
    world.dial(0, ZH, &[&GUEST[..], &[Wait(5 * SECOND), Talk(120 * SECOND)]].concat());
    world.run(20 * SECOND);
    let waiting = listen(&mut world, 5 * SECOND);
    let loudest = waiting[0].iter().map(|sample| sample.unsigned_abs()).max();
    assert!(loudest > Some(1_000), "music: {loudest:?}");
    world.dial(1, ZH, &[&HOST[..], &[Wait(5 * SECOND), Talk(120 * SECOND)]].concat());
    world.run(15 * SECOND);
    let together = listen(&mut world, 5 * SECOND);
    assert!(is_heard(&together[0], 700) && is_absent(&together[0], 440));
    assert!(is_heard(&together[1], 440) && is_absent(&together[1], 700));
}

#[test]
fn dial_6_a_host_who_never_comes_ends_the_wait_after_a_quarter_of_an_hour() {
    let waits = [("meetings.0.entry", "with-host")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES[..1], &waits);
    world.dial(0, ZH, &[&GUEST[..], &[Wait(2_000 * SECOND)]].concat());
    world.run(880 * SECOND);
    assert_eq!(hung_up(&world, 0), None);
    world.run(60 * SECOND);
    assert_eq!(hung_up(&world, 0), Some(Cause::TIMER_EXPIRY));
    assert!(world.gateway.is_at_rest());
}

#[test]
fn meet_6_who_waits_in_the_waiting_room_is_let_in_from_outside() {
    let waits = [("meetings.0.entry", "waiting-room")];
    let mut world = World::configured(Conditions::GOOD, 1, &TONES, &waits);
    world.dial(0, ZH, &[&GUEST[..], &[Wait(5 * SECOND), Talk(120 * SECOND)]].concat());
    world.dial(1, ZH, &[&HOST[..], &[Wait(5 * SECOND), Talk(120 * SECOND)]].concat());
    world.run(20 * SECOND);
    let apart = listen(&mut world, 3 * SECOND);
    assert!(is_absent(&apart[1], 440), "who waits is not heard");
    let meeting = "900100001".parse().expect("digits");
    let waiting = world.gateway.shard().core().view(meeting).and_then(|view| {
        let waits = |participant: &call::core::Participant| participant.presence != call::core::Presence::In;
        view.participants.iter().find(|(_, participant)| waits(participant)).map(|(leg, _)| *leg)
    });
    let leg = waiting.expect("one waits");
    world.administer(server::shard::Input::Control(meeting, call::core::Control::Admit { leg }));
    world.run(6 * SECOND);
    let together = listen(&mut world, 3 * SECOND);
    assert!(is_heard(&together[1], 440) && is_heard(&together[0], 700));
}

#[test]
fn dial_8_the_others_hear_who_comes_and_who_goes_where_the_meeting_wants_it() {
    for (tones, expected) in [("on", true), ("off", false)] {
        let mut world = World::configured(
            Conditions::GOOD,
            1,
            &TONES,
            &[("meetings.0.tones", tones), ("media.workers", "2")],
        );
        world.dial(0, ZH, &[&GUEST[..], &[Wait(120 * SECOND)]].concat());
        world.run(20 * SECOND);
        world.dial(1, ZH, &[&GUEST[..], &[Wait(120 * SECOND)]].concat());
        let came = listen(&mut world, 15 * SECOND);
        assert_eq!(has_note(&came[0], 523), expected, "{tones}: who comes");
        world.hang_up(1);
        let went = listen(&mut world, 2 * SECOND);
        assert_eq!(has_note(&went[0], 659), expected, "{tones}: who goes");
        assert!(world.gateway.counted().all(|counted| counted.isolation_violations == 0));
    }
}

/// Whether a note sounds in any tenth of a second.
fn has_note(heard: &[i16], hz: u32) -> bool {
    heard.chunks_exact(800).any(|chunk| level(chunk, hz) > -40.0)
}

#[test]
fn meet_2_a_host_who_releases_the_role_is_told_so_and_has_its_keys_no_longer() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES[..1]);
    world.dial(0, ZH, &[&HOST[..], &[Wait(20 * SECOND), Key("*8"), Wait(120 * SECOND)]].concat());
    world.run(15 * SECOND);
    let meeting = "900100001".parse().expect("digits");
    world.administer(shard::Input::Control(meeting, Control::Release));
    world.run(30 * SECOND);
    assert_eq!(hung_up(&world, 0), None, "its *8 ends nothing");
    let view = world.gateway.shard().core().view(meeting).expect("it is there");
    assert!(view.participants.values().all(|participant| participant.role == Role::Guest));
}

#[test]
fn meet_7_who_speaks_is_shown_while_it_does() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES);
    world.dial(0, ZH, &[&GUEST[..], &[Wait(5 * SECOND), Talk(20 * SECOND), Wait(60 * SECOND)]].concat());
    world.dial(1, ZH, &[&GUEST[..], &[Wait(90 * SECOND)]].concat());
    let speaking = |world: &World| {
        let view =
            world.gateway.shard().core().view("900100001".parse().expect("digits")).expect("it is there");
        let loud = view.participants.values().filter(|participant| participant.speaking == Speaking::Yes);
        loud.count()
    };
    let mut most = 0;
    for _ in 0..60 {
        world.run(SECOND);
        most = most.max(speaking(&world));
    }
    assert_eq!((most, speaking(&world)), (1, 0));
}

#[test]
fn rel_5_a_sitting_of_a_meeting_is_recorded_once_its_last_leg_is_over() {
    let mut world = World::new(Conditions::GOOD, 1, &TONES);
    for phone in 0..2 {
        world.dial(phone, ZH, &[&GUEST[..], &[Talk(60 * SECOND)]].concat());
    }
    world.run(30 * SECOND);
    world.hang_up(0);
    world.run(5 * SECOND);
    assert_eq!(world.gateway.meeting_records, [], "one is in");
    world.hang_up(1);
    world.run(5 * SECOND);
    let [record] = &world.gateway.meeting_records[..] else { panic!("{:?}", world.gateway.meeting_records) };
    assert_eq!((record.legs, record.most_at_once), (2, 2));
    let legs: u64 = world
        .gateway
        .records
        .iter()
        .filter_map(|leg| leg.quality)
        .map(|quality| quality.packets_received)
        .sum();
    assert_eq!(record.media.packets_received, legs);
    assert!(record.began < record.ended);
}
