use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn defence() -> Defence {
    let allowed = vec!["198.51.100.0/24".parse().expect("a network")];
    Defence::new(Settings {
        per_second: 10,
        burst: 20,
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
    assert_eq!(defence.take_defended().unheard[&Unheard::Budget], 30 + 50 + 30 + 40 + 30 + 50);
}

#[test]
fn sec_2_a_slow_trickle_fills_the_budget_by_the_millisecond() {
    let (mut defence, now) = (defence(), Instant::now());
    heard(&mut defence, now, "192.0.2.1:5060", 20);
    let trickle = (1..=10_000_u64).filter(|tick| {
        heard(&mut defence, now + Duration::from_micros(tick * 100), "192.0.2.1:5060", 1) == 1
    });
    assert_eq!(trickle.count(), 10, "10 in the second, however finely it is cut");
}

#[test]
fn sec_2_who_registered_well_is_neither_starved_nor_banned_with_its_neighbor() {
    let (mut defence, now) = (defence(), Instant::now());
    let (device, neighbor) = ("192.0.2.1:5070", "192.0.2.1:6666");
    defence.on_attempt(now, at(device), &Outcome::Registered);
    assert_eq!(heard(&mut defence, now, neighbor, 100), 20);
    assert_eq!(heard(&mut defence, now, device, 20), 20, "its budget is its own");
    for _ in 0..10 {
        defence.on_attempt(now, at(neighbor), &Outcome::WrongPassword);
    }
    assert!(defence.take_defended().banned.is_empty());
    assert_eq!(heard(&mut defence, now + 2 * SECOND, device, 5), 5);
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
        assert_eq!(defence.take_defended().banned, [(at(guesser).ip(), length)]);
        assert_eq!(heard(&mut defence, now + length - SECOND, guesser, 1), 0);
        assert!(!defence.takes_connection(now, at(guesser)), "nor by a connection");
        now += length;
    }
    let scan = b"OPTIONS sip:100@a SIP/2.0\r\nVia: x\r\nuser-agent: Friendly-Scanner\r\n\r\n";
    assert!(!defence.hears_datagram(now, at("192.0.2.9:5060"), scan));
    assert!(defence.take_defended().banned.is_empty(), "that source may be forged");
    assert!(!defence.hears_stream(now, at("192.0.2.9:5060"), scan));
    assert_eq!(defence.take_defended().banned.len(), 1, "a connection's is not");
}

#[test]
fn sec_2_a_scanners_name_counts_in_its_header_alone() {
    let names = Settings::default().scanners;
    let message = |head: &str| format!("REGISTER sip:a SIP/2.0\r\n{head}\r\n\r\nUser-Agent: sipvicious\r\n");
    for (head, expected) in [
        ("User-Agent: friendly-scanner", true),
        ("USER-AGENT:SIPVicious/0.3", true),
        ("User-Agent: Polycom/sipv", false),
        ("Subject: sipvicious", false),
        ("", false),
    ] {
        assert_eq!(is_scanner(message(head).as_bytes(), &names), expected, "{head}");
    }
    for odd in [&b""[..], b"\n", b"User-Agent:", b"\xff\xfe\r\nuser-agent:\r\n"] {
        assert!(!is_scanner(odd, &names));
    }
}

#[test]
fn sec_2_one_address_has_so_many_connections() {
    let (mut defence, now) = (defence(), Instant::now());
    let peer = at("192.0.2.1:5060");
    assert_eq!([(); 3].map(|()| defence.takes_connection(now, peer)), [true, true, false]);
    defence.on_disconnected(peer);
    assert!(defence.takes_connection(now, peer));
    assert_eq!(defence.take_defended().unheard, [(Unheard::Connections, 1)].into());
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
    assert_eq!(defence.buckets.len(), PLACES);
}
