//! Any body: what parses prints, what we print reads as it was printed, and it is answered or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sdp::{Capabilities, LocalDescription, SessionDescription};
use terms::media::{Encryption, KeyStock};

fuzz_target!(|bytes: &[u8]| {
    let Ok(offer) = SessionDescription::parse(bytes) else { return };
    let again = SessionDescription::parse(offer.print().as_bytes()).expect("what we print parses");
    assert_eq!(again.print(), offer.print());
    let mut local = LocalDescription::new("192.0.2.1:4000".parse().expect("an address"));
    local.keys = Some(KeyStock::new([7; KeyStock::LEN]));
    let required = Capabilities { encryption: Encryption::Required, ..Capabilities::default() };
    if let Ok(answered) = sdp::answer(&offer, &required, &local) {
        assert!(answered.stream.srtp.is_some(), "what must be encrypted is");
    }
    if let Ok(answered) = sdp::answer(&offer, &Capabilities::default(), &local) {
        let lines = answered.description.media().count();
        assert_eq!(lines, offer.media().count(), "RFC 3264 §6: a line for each line");
    }
    for capabilities in [Capabilities::default(), required] {
        let ours = sdp::offer(&capabilities, &local);
        let _ = sdp::accept(&offer, &ours);
    }
});
