//! Room systems register: digests, addresses that change, licences, lockouts, and a store that fails (ROOM-1 to ROOM-3).

use std::time::Duration;

use interwork::registrations::{Durability, Outcome};
use server::shard;
use sip::{auth::Algorithm, wire::Contact};
use terms::AccountName;
use tests::{Conditions, Provisioning, World};

const SECOND: Duration = Duration::from_secs(1);
const HOME: &str = "127.0.0.21:5060";
const AWAY: &str = "127.0.0.99:1024";
const INSTANCE: &str = ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000000000001>\"";

fn world() -> World {
    World::new(Conditions::GOOD, 1, &[])
}

/// A room system registers, and time passes until it is answered, one challenge included.
fn register(world: &mut World, device: usize) -> Vec<u16> {
    let before = world.devices[device].answers.len();
    world.register(device);
    world.run(SECOND / 10);
    world.devices[device].statuses().split_off(before)
}

fn room(account: &'static str, password: &'static str, address: &str) -> Provisioning {
    Provisioning::of(account, password, address)
}

fn bindings(world: &World, account: &str) -> Vec<String> {
    let registrations = world.gateway.shard().registrations();
    registrations.bindings(&account.into()).map(|binding| binding.source.destination.to_string()).collect()
}

fn outcomes(world: &World) -> Vec<Outcome> {
    world.gateway.attempts.iter().map(|(_, outcome)| outcome.clone()).collect()
}

#[test]
fn room_1_a_device_registers_by_either_algorithm_refreshes_without_a_challenge_and_leaves() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let mut world = world();
        let device = world.provision(Provisioning { algorithm, ..room("room1", "secret-1", HOME) });
        assert_eq!(register(&mut world, device), [401, 200], "{algorithm:?}");
        let Some(Contact::Address(contact)) = world.devices[device].told() else { panic!("no contact") };
        assert_eq!(contact.expires().map(|expires| expires.0), Some(600));
        world.run(120 * SECOND);
        assert_eq!(register(&mut world, device), [200], "the nonce serves on");
        world.run(300 * SECOND);
        assert_eq!(register(&mut world, device), [401, 200], "it is old");
        assert_eq!(bindings(&world, "room1"), [HOME]);
        world.devices[device].provisioning.expires = 0;
        assert_eq!(register(&mut world, device), [200]);
        assert_eq!(bindings(&world, "room1"), [""; 0]);
        let expected = [Outcome::Registered, Outcome::Refreshed, Outcome::Refreshed, Outcome::Left];
        assert_eq!(outcomes(&world), expected, "no challenge is an attempt");
    }
}

#[test]
fn room_1_a_replayed_count_is_refused_as_stale_and_harms_nobody() {
    let mut world = world();
    let device = world.provision(room("room1", "secret-1", HOME));
    register(&mut world, device);
    world.replay(device);
    world.run(SECOND / 10);
    assert_eq!(world.devices[device].statuses(), [401, 200, 401]);
    let challenge = world.devices[device].told::<sip::wire::WwwAuthenticate>().expect("a challenge");
    assert_eq!(challenge.stale, Some("true".into()));
    assert_eq!(outcomes(&world), [Outcome::Registered]);
}

#[test]
fn room_1_what_a_request_asks_for_has_bounds() {
    let mut world = world();
    let device = world.provision(Provisioning { expires: 10, ..room("room1", "secret-1", HOME) });
    assert_eq!(register(&mut world, device), [401, 423]);
    assert_eq!(world.devices[device].shortest(), Some(60));
    world.devices[device].provisioning.expires = 60;
    assert_eq!(register(&mut world, device), [200]);
    world.run(59 * SECOND);
    assert_eq!(bindings(&world, "room1"), [HOME]);
    world.run(SECOND);
    assert_eq!(bindings(&world, "room1"), [""; 0], "it ends by itself");
    assert_eq!(outcomes(&world), [Outcome::TooBrief, Outcome::Registered, Outcome::Expired]);
}

#[test]
fn rfc5626_outbound_over_datagrams_is_granted() {
    let mut world = world();
    let contact = format!("{INSTANCE};reg-id=1");
    let lines = vec!["Supported: path, outbound, gruu"];
    let device = world.provision(Provisioning { contact, lines, ..room("room1", "secret-1", HOME) });
    assert_eq!(register(&mut world, device), [401, 200]);
    let text = String::from_utf8_lossy(world.gateway.sent.last().expect("an answer")).into_owned();
    for header in [
        "Require: outbound\r\n",
        "Flow-Timer: 120\r\n",
        ";temp-gruu=\"sip:tgruu.",
        ";pub-gruu=\"sip:room1@gw;gr=urn:uuid:",
    ] {
        assert!(text.contains(header), "{header} in {text}");
    }
}

#[test]
fn room_3_a_device_with_another_address_replaces_its_binding_at_once() {
    let mut world = world();
    let device =
        world.provision(Provisioning { contact: INSTANCE.to_owned(), ..room("room1", "secret-1", HOME) });
    register(&mut world, device);
    let moved = Provisioning {
        address: AWAY.parse().expect("an address"),
        ..world.devices[device].provisioning.clone()
    };
    let moved = world.provision(moved);
    assert_eq!(register(&mut world, moved), [401, 200]);
    assert_eq!(bindings(&world, "room1"), [AWAY]);
    // To and fro: it is counted and shown, and never refused.
    for _ in 0..3 {
        register(&mut world, device);
        assert_eq!(register(&mut world, moved).last(), Some(&200));
        world.run(30 * SECOND);
    }
    let view = world.gateway.shard().registrations().view(world.clocks(), &"room1".into());
    assert_eq!(view.moves, 7);
    assert_eq!(world.gateway.shard().registrations().registered(world.now()).flapping, 1);
}

#[test]
fn room_2_the_device_beyond_the_licences_is_refused_with_the_reason() {
    let mut world = world();
    let rooms = [("room1", "secret-1"), ("room1", "secret-1"), ("room2", "secret-2"), ("room2", "secret-2")];
    let devices: Vec<usize> = (1_u8..)
        .zip(rooms)
        .map(|(number, (account, password))| {
            let contact = format!(";+sip.instance=\"<urn:uuid:{number}>\"");
            let address = format!("127.0.0.{}:5060", 20 + number);
            world.provision(Provisioning { contact, ..room(account, password, &address) })
        })
        .collect();
    for device in &devices[..3] {
        assert_eq!(register(&mut world, *device), [401, 200]);
    }
    assert_eq!(register(&mut world, devices[3]), [401, 403]);
    assert_eq!(outcomes(&world).last(), Some(&Outcome::NoLicence { licences: 3 }));
    let view = world.gateway.shard().registrations().view(world.clocks(), &"room2".into());
    assert_eq!(view.attempts.last().map(|attempt| attempt.outcome.words()), Some("许可数量不足"));
    // One that goes, by itself or not, gives its licence back.
    world.devices[devices[0]].provisioning.expires = 0;
    assert_eq!(register(&mut world, devices[0]), [200]);
    assert_eq!(register(&mut world, devices[3]), [200]);
    world.run(601 * SECOND);
    assert_eq!(world.gateway.shard().accounts().licences()[0].in_use, 0);
}

#[test]
fn room_2_a_serial_number_of_another_tenant_is_refused_with_that_tenant() {
    let other = r#"[{ name = "other", tenant = "elsewhere", password = "secret-3" }, { name = "room1", tenant = "demo", password = "secret-1", serial = "SN1" }]"#;
    let tenants = r#"[{ name = "demo" }, { name = "elsewhere" }]"#;
    let mut world = World::configured(Conditions::GOOD, 1, &[], &[("account", other), ("tenant", tenants)]);
    let device = world.provision(Provisioning { from: ";epid=SN1", ..room("other", "secret-3", HOME) });
    assert_eq!(register(&mut world, device), [401, 403]);
    assert_eq!(outcomes(&world), [Outcome::SerialElsewhere { tenant: "demo".into() }]);
}

/// Answers of somebody who tries `times` passwords, one a second.
fn guess(world: &mut World, device: usize, times: usize) -> Vec<u16> {
    (0..times)
        .flat_map(|_| {
            world.run(SECOND);
            register(world, device).into_iter().next_back()
        })
        .collect()
}

#[test]
fn room_3_guessing_locks_the_guesser_and_never_the_owner() {
    let mut world = world();
    let owner =
        world.provision(Provisioning { contact: INSTANCE.to_owned(), ..room("room1", "secret-1", HOME) });
    let guesser = world.provision(room("room1", "guess-99", AWAY));
    register(&mut world, owner);
    assert_eq!(guess(&mut world, guesser, 10), [401; 10]);
    assert_eq!(guess(&mut world, guesser, 2), [403; 2]);
    let again = world.devices[guesser].told::<sip::wire::RetryAfter>().expect("a time").0;
    assert!((590..=600).contains(&again), "{again}");
    assert_eq!(register(&mut world, owner), [200]);
    world.run(Duration::from_secs(601));
    assert_eq!(guess(&mut world, guesser, 1), [401]);

    // The owner mistypes its own: it is never locked, and gets in as soon as it has it right.
    world.devices[owner].provisioning.password = "secret-2";
    assert_eq!(guess(&mut world, owner, 12)[..9], [401; 9]);
    world.devices[owner].provisioning.password = "secret-1";
    world.run(10 * SECOND);
    assert_eq!(register(&mut world, owner).last(), Some(&200));
}

#[test]
fn room_3_an_account_that_nobody_has_looks_and_lasts_like_a_wrong_password() {
    let mut seen = Vec::new();
    for account in ["room1", "nobody"] {
        let mut world = world();
        let device = world.provision(room(account, "guess-99", HOME));
        let began = world.now();
        let statuses: Vec<u16> = guess(&mut world, device, 12);
        let times: Vec<Duration> =
            world.devices[device].answers.iter().map(|(at, ..)| at.since(began)).collect();
        let shapes: Vec<Vec<String>> = world.devices[device]
            .answers
            .iter()
            .map(|(.., response)| response.headers.iter().map(|(name, _)| name.to_string()).collect())
            .collect();
        seen.push((statuses, times, shapes));
        let known = (account == "room1").then(|| AccountName::from(account));
        assert_eq!(world.gateway.attempts[0].0, known, "who is nobody's is not remembered by name");
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn room_3_who_registers_too_often_is_answered_late_then_told_to_wait_and_never_banned() {
    let mut world = world();
    let device = world.provision(room("room1", "secret-1", HOME));
    assert_eq!(register(&mut world, device), [401, 200]);
    for _ in 0..9 {
        assert_eq!(register(&mut world, device), [200]);
    }
    assert_eq!(register(&mut world, device), [0; 0], "its answer is held back");
    world.run(4 * SECOND);
    assert_eq!(world.devices[device].statuses().last(), Some(&200));
    let (mut late, mut told) = (0, 0);
    for _ in 0..6 {
        match register(&mut world, device)[..] {
            [500] => told += 1,
            [] => late += 1,
            _ => {}
        }
    }
    assert!(late >= 1 && told >= 1, "{late} late, {told} told to wait");
    world.run(60 * SECOND);
    assert_eq!(register(&mut world, device).last(), Some(&200));
}

#[test]
fn rel_4_what_is_not_stored_is_not_acknowledged_and_what_is_outlives_a_crash() {
    let mut world = world();
    let device = world.provision(room("room1", "secret-1", HOME));
    world.gateway.store = Durability::Failed;
    assert_eq!(register(&mut world, device), [401, 503]);
    assert_eq!(outcomes(&world), [Outcome::Unavailable]);
    world.gateway.store = Durability::Durable;
    assert_eq!(register(&mut world, device), [200]);
    world.run(100 * SECOND);
    world.restart_gateway();
    assert_eq!(bindings(&world, "room1"), [HOME]);
    assert_eq!(world.gateway.shard().accounts().licences()[0].in_use, 1, "it counts again");
    assert_eq!(register(&mut world, device), [401, 200], "a nonce of the start before is stale");
    world.run(601 * SECOND);
    assert_eq!(bindings(&world, "room1"), [""; 0]);
}

#[test]
fn an_account_that_ends_takes_its_bindings_along_and_a_reload_changes_passwords() {
    let mut world = world();
    let (first, second) =
        (world.provision(room("room1", "secret-1", HOME)), world.provision(room("room2", "secret-2", AWAY)));
    register(&mut world, first);
    register(&mut world, second);
    world.administer(shard::Input::DeleteAccount("room1".into()));
    assert_eq!(bindings(&world, "room1"), [""; 0]);
    assert_eq!(register(&mut world, first).last(), Some(&401));
    world.reload(&[("account", r#"[{ name = "room1", tenant = "demo", password = "secret-1" }]"#)]);
    assert_eq!(register(&mut world, first).last(), Some(&200), "it is there again");
    assert_eq!(bindings(&world, "room2"), [""; 0], "the file has it no more");
}

#[test]
fn who_logs_in_by_another_account_than_its_address_is_refused() {
    let mut world = world();
    let device = world.provision(room("room1", "secret-1", HOME));
    world.provision(room("room2", "secret-2", AWAY));
    register(&mut world, device);
    // The credentials of room1, the address of room2.
    let text = world.devices[device].forged("room2");
    let (from, to) =
        (HOME.parse().expect("an address"), tests::gateway::ADDRESS.parse().expect("an address"));
    world.network.send(world.now(), from, to, text.as_bytes());
    world.run(SECOND / 10);
    assert_eq!(world.devices[device].statuses(), [401, 200, 403]);
    assert_eq!(outcomes(&world).last(), Some(&Outcome::OtherAddress));
    assert_eq!(bindings(&world, "room2"), [""; 0]);
}

#[test]
fn a_listener_without_a_registrar_takes_no_register() {
    let mut world = World::configured(Conditions::GOOD, 1, &[], &[("listener.0.registrar", "off")]);
    let device = world.provision(room("room1", "secret-1", HOME));
    assert_eq!(register(&mut world, device), [405]);
}

#[test]
fn devices_whose_messages_overtake_each_other_are_registered_once_each() {
    let mut world =
        World::new(Conditions { delay: SECOND / 50, jitter: SECOND / 30, ..Conditions::GOOD }, 7, &[]);
    let devices: Vec<usize> = (0..3)
        .map(|number| {
            let contact = format!(";+sip.instance=\"<urn:uuid:{number}>\"");
            world.provision(Provisioning {
                contact,
                ..room("room1", "secret-1", &format!("127.0.0.{}:5060", 21 + number))
            })
        })
        .collect();
    for device in &devices {
        world.register(*device);
    }
    world.run(SECOND);
    assert_eq!(bindings(&world, "room1").len(), 3);
}
