//! Any REGISTER: its credentials are looked at and checked, and whoever sent it is taken for known. A NUL octet parts datagrams.
//!
//! Whatever comes: no panic, no binding beyond the limits, and once time has passed none at all.
#![no_main]

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip::{
    auth::{Authenticator, Shown, hash_password},
    endpoint::{Hop, ListenerId},
    registrar::{Answer, Gruus, Limits, Locations, Registration},
    wire::{self, Message},
};
use terms::{AccountName, Entropy, Instant, Now, WallTime};

const LIMITS: Limits = Limits { contacts: 4, bindings: 6, ..Limits::DEFAULT };

fuzz_target!(|bytes: &[u8]| {
    let mut entropy = Entropy::from_seed([1, 2, 3, 4]);
    let mut locations = Locations::new(LIMITS, entropy.split());
    let mut authenticator = Authenticator::new("gateway".into(), &[7; 32]);
    let gruus = Gruus::new(&[9; 16]);
    let password = hash_password("room", "gateway", "secret-1");
    let mut now = Now { mono: Instant::from_nanos(1), wall: WallTime::from_unix_nanos(1) };
    for (index, part) in bytes.split(|octet| *octet == 0).enumerate() {
        let Ok(Message::Request(request)) = wire::parse(Bytes::copy_from_slice(part)) else { continue };
        let source = SocketAddr::from(([192, 0, 2, u8::try_from(index & 3).unwrap_or(0)], 5060));
        if let Shown::Credentials(credentials) = authenticator.look((now.mono, source.ip()), &request) {
            authenticator.check(now.mono, &credentials, Some(&password));
        }
        let Ok(registration) = Registration::read(&request, Hop::new(ListenerId(0), source)) else { continue };
        let account = AccountName::from(if index & 1 == 0 { "a" } else { "b" });
        if let Ok(plan) = locations.plan(now, &account, &registration) {
            locations.commit(&account, plan);
        }
        assert!(locations.len() <= LIMITS.bindings && locations.bindings(&account).count() <= LIMITS.contacts);
        let answer = Answer { locations: &locations, gruus: &gruus, registration: &registration };
        answer.headers(now.mono, &account, &mut entropy);
        locations.find_gruu(&gruus, &request.uri);
        now.mono += Duration::from_secs(1);
    }
    now.mono += LIMITS.longest;
    while locations.expire(now.mono).is_some() {}
    assert!(locations.is_empty() && locations.poll_timeout().is_none(), "something is left");
});
