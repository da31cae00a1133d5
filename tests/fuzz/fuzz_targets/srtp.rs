//! Any packet under any suite: nothing that we did not encrypt is taken, and what we encrypt comes back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::srtp::{Inbound, MAX_OVERHEAD, Outbound};
use terms::media::{KeyStock, Mki, Ssrc, SrtpKey, SrtpSuite};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, packet)) = bytes.split_first() else { return };
    let suite = SrtpSuite::ALL[usize::from(*first) % SrtpSuite::ALL.len()];
    let mki = if first & 0x80 == 0 { None } else { Mki::new(vec![*first]) };
    let key = SrtpKey { mki, ..KeyStock::new([7; KeyStock::LEN]).key(suite) };
    let mut inbound = Inbound::new(&key);
    assert!(inbound.unprotect_rtp(&mut packet.to_vec()).is_err(), "a forged packet");
    assert!(inbound.unprotect_rtcp(&mut packet.to_vec()).is_err(), "a forged report");
    let ssrc = |at| {
        let octets = packet.get(at..)?.first_chunk()?;
        Some(Ssrc(u32::from_be_bytes(*octets)))
    };
    let mut wire = packet.to_vec();
    wire.resize(packet.len() + MAX_OVERHEAD, 0);
    if let Some(ssrc) = ssrc(8)
        && let Ok(len) = Outbound::new(&key, ssrc).protect_rtp(&mut wire, packet.len())
    {
        assert_eq!(inbound.unprotect_rtp(&mut wire[..len]), Ok(packet.len()));
        assert_eq!(&wire[..packet.len()], packet);
    }
    let mut wire = packet.to_vec();
    wire.resize(packet.len() + MAX_OVERHEAD, 0);
    if let Some(ssrc) = ssrc(4)
        && let Ok(len) = Outbound::new(&key, ssrc).protect_rtcp(&mut wire, packet.len())
    {
        assert_eq!(inbound.unprotect_rtcp(&mut wire[..len]), Ok(packet.len()));
        assert_eq!(&wire[..packet.len()], packet);
    }
});
