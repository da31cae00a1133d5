use super::{budgets::PLACES, known::REMEMBERED, *};

const SECOND: Duration = Duration::from_secs(1);

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn defence() -> Defence {
    let allowed = vec!["198.51.100.0/24".parse().expect("a network")];
    Defence::new(Settings {
        strangers: Budget { per_second: 10, burst: 20 },
        known: Budget { per_second: 100, burst: 200 },
        failures: 3,
        connections: 2,
        allowed,
        ..Settings::default()
    })
}

/// How many of so many datagrams are heard.
fn heard(defence: &mut Defence, now: Instant, source: &str, times: usize) -> usize {
    (0..times).filter(|_| defence.hears_datagram(now, at(source), b"OPTIONS sip:a SIP/2.0\r\n\r\n")).count()
}

#[test]
fn sec_2_a_source_has_a_budget_and_trunks_have_none() {
    let (mut defence, now) = (defence(), Instant::now());
    assert_eq!(heard(&mut defence, now, "192.0.2.1:5060", 50), 20);
    assert_eq!(heard(&mut defence, now, "192.0.2.1:6060", 50), 0, "ports are for the taking");
    assert_eq!(heard(&mut defence, now, "192.0.2.2:5060", 50), 20, "others have their own");
    assert_eq!(heard(&mut defence, now + SECOND, "192.0.2.1:5060", 50), 10);
    assert_eq!(heard(&mut defence, now, "198.51.100.9:5060", 50), 50, "a trunk");
    assert_eq!(heard(&mut defence, now, "[2001:db8::1]:5060", 50), 20);
    assert_eq!(heard(&mut defence, now, "[2001:db8::2]:5060", 50), 0, "one /64");
    assert_eq!(defence.take_defended(now).unheard[&Unheard::Budget], 30 + 50 + 30 + 40 + 30 + 50);
}

#[test]
fn sec_2_a_slow_trickle_fills_the_budget_however_it_is_cut() {
    for micros in [1, 70, 1_900, 100_000] {
        let (mut defence, now) = (defence(), Instant::now());
        heard(&mut defence, now, "192.0.2.1:5060", 20);
        let trickle = (1..=1_000_000 / micros).filter(|tick| {
            heard(&mut defence, now + Duration::from_micros(tick * micros), "192.0.2.1:5060", 1) == 1
        });
        assert!((9..=10).contains(&trickle.count()), "10 in the second, cut by {micros} µs");
    }
}

#[test]
fn sec_2_who_registered_well_is_neither_starved_nor_banned_with_its_neighbor() {
    let (mut defence, now) = (defence(), Instant::now());
    let (device, neighbor) = ("192.0.2.1:5070", "192.0.2.1:6666");
    defence.on_attempt(now, at(device), &Outcome::Registered);
    assert_eq!(heard(&mut defence, now, neighbor, 100), 20);
    assert_eq!(heard(&mut defence, now, device, 300), 200, "its budget is its own, and larger");
    for _ in 0..10 {
        defence.on_attempt(now, at(neighbor), &Outcome::WrongPassword);
    }
    assert!(defence.take_defended(now).banned.is_empty());
    assert_eq!(heard(&mut defence, now + 2 * SECOND, device, 5), 5);
    let next_day = now + Duration::from_secs(86_400);
    for _ in 0..3 {
        defence.on_attempt(next_day, at(neighbor), &Outcome::WrongPassword);
    }
    assert_eq!(defence.take_defended(next_day).banned.len(), 1, "it is known for a day");
}

#[test]
fn sec_2_forged_datagrams_spend_no_budget_of_connections() {
    let (mut defence, now) = (defence(), Instant::now());
    for source in ["192.0.2.1:5060", "192.0.2.1:5061"] {
        defence.on_known(now, at("192.0.2.1:5061"));
        assert!(heard(&mut defence, now, source, 1_000) < 1_000);
        assert!(defence.hears_stream(now, at(source), b"OPTIONS"), "{source}");
    }
}

#[test]
fn sec_2_who_says_too_much_is_closed_and_banned_if_it_persists() {
    let (mut defence, now) = (defence(), Instant::now());
    let peer = at("192.0.2.1:40000");
    let closed = (0..20 + 3).filter(|_| !defence.hears_stream(now, peer, b"x"));
    assert_eq!(closed.count(), 3);
    assert_eq!(defence.take_defended(now).banned, [(peer.ip(), 60 * SECOND)]);
    assert!(defence.banned(now).has(now, peer.ip()) && !defence.banned(now).has(now, at("192.0.2.2:1").ip()));
    assert!(!defence.banned(now).has(now + 60 * SECOND, peer.ip()), "a ban ends by itself");
    let rules = Settings { allowed: vec!["192.0.2.1/32".parse().expect("a network")], ..Settings::default() };
    defence.configure(rules);
    assert!(!defence.banned(now).has(now, peer.ip()), "whom the operator allows is let in at once");
}

#[test]
fn sec_2_it_is_told_how_it_stands_and_who_is_loud_once_a_minute() {
    let (mut defence, now) = (defence(), Instant::now());
    defence.on_known(now, at("192.0.2.9:5060"));
    for number in 0..40 {
        heard(&mut defence, now, &format!("192.0.2.{number}:5060"), 21);
    }
    heard(&mut defence, now, "192.0.2.0:5060", 4);
    assert!(!defence.hears_stream(now, at("192.0.2.50:5060"), b"OPTIONS\r\nUser-Agent: sipsak"));
    let unheard = [(Unheard::Budget, 39 + 4), (Unheard::Scanner, 1)].into();
    assert_eq!(defence.view(now), DefenceView { banned: 1, known: 1, unheard });
    assert_eq!(defence.take_defended(now + 59 * SECOND).loud, []);
    let loud = defence.take_defended(now + 60 * SECOND).loud;
    assert_eq!((loud[0], loud.len()), ((at("192.0.2.0:1").ip(), 5), 16), "so many at most");
    assert_eq!(defence.take_defended(now + 120 * SECOND).loud, []);
}

#[test]
fn sec_2_bans_grow_and_are_for_those_whose_address_is_proved() {
    let (mut defence, mut now) = (defence(), Instant::now());
    let guesser = "192.0.2.1:5060";
    for minutes in [1, 2, 4] {
        for _ in 0..3 {
            assert_eq!(heard(&mut defence, now, guesser, 1), 1);
            defence.on_attempt(now, at(guesser), &Outcome::NoAccount);
        }
        let length = minutes * 60 * SECOND;
        assert_eq!(defence.take_defended(now).banned, [(at(guesser).ip(), length)]);
        assert_eq!(heard(&mut defence, now + length - SECOND, guesser, 1), 0);
        assert!(!defence.takes_connection(now, at(guesser)), "nor by a connection");
        now += length;
    }
    now += Duration::from_secs(86_400);
    (0..3).for_each(|_| defence.on_attempt(now, at(guesser), &Outcome::Locked { seconds: 9 }));
    assert_eq!(defence.take_defended(now).banned[0].1, 60 * SECOND, "after a day it is forgotten");
    let scan = b"OPTIONS sip:100@a SIP/2.0\r\nVia: x\r\nuser-agent: Friendly-Scanner\r\n\r\n";
    assert!(!defence.hears_datagram(now, at("192.0.2.9:5060"), scan));
    assert!(defence.take_defended(now).banned.is_empty(), "that source may be forged");
    assert!(!defence.hears_stream(now, at("192.0.2.9:5060"), scan));
    assert_eq!(defence.take_defended(now).banned.len(), 1, "a connection's is not");
}

#[test]
fn sec_2_one_address_has_so_many_connections() {
    let (mut defence, now) = (defence(), Instant::now());
    let peer = at("192.0.2.1:5060");
    assert_eq!([(); 3].map(|()| defence.takes_connection(now, peer)), [true, true, false]);
    defence.on_disconnected(peer);
    assert!(defence.takes_connection(now, peer));
    assert_eq!(defence.take_defended(now).unheard, [(Unheard::Connections, 1)].into());
    defence.on_known(now, at("192.0.2.1:5061"));
    assert!(defence.takes_connection(now, peer), "those that have logged in don't count");
}

#[test]
fn r10_nobody_makes_it_remember_without_bound() {
    let (mut defence, now) = (defence(), Instant::now());
    for number in 0..200_000_u32 {
        let source = SocketAddr::from((std::net::Ipv4Addr::from_bits(number), 5060));
        defence.hears_datagram(now, source, b"x");
        defence.on_attempt(
            now,
            source,
            if number % 2 == 0 { &Outcome::NoAccount } else { &Outcome::Registered },
        );
    }
    assert!(defence.known.len() <= REMEMBERED && defence.offenders.len() <= REMEMBERED);
    assert_eq!(defence.budgets.len(), PLACES);
}
