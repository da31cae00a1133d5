use proptest::prelude::*;
use terms::media::{MasterKey, Mki, SrtpKey, SrtpProgress, SrtpSuite, Ssrc};

use super::{
    keys::{MAX_KEY, SessionKeys, Use},
    transform::{Place, Transform},
    *,
};
use crate::{Header, SequenceNumber, Timestamp, write_header};

/// RFC 7714 §16: "Gallia est omnis divisa in partes tres".
const GALLIA: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 \
                      61727465 73207472 6573";
const GALLIA_AES_128: &str = "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f \
                              42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce";
const GALLIA_AES_256: &str = "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 \
                              b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13";
/// RFC 7714 §17.
const REPORT: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef \
                      deadbeef deadbeef deadbeef";
const REPORT_AES_128: &str = "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 \
                              730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4";
const REPORT_AES_256: &str = "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 \
                              110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4";
const REPORT_TAGGED_128: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef \
                                 deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4";
const REPORT_TAGGED_256: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef \
                                 deadbeef deadbeef deadbeef deadbeef 91db4afb feee5a97 8fab4393 ed2615fe 000005d4";

const SSRC: Ssrc = Ssrc(0x1234_5678);

#[test]
fn rfc7714_16_gcm_of_rtp() {
    for (suite, expected) in [(SrtpSuite::Aes128Gcm, GALLIA_AES_128), (SrtpSuite::Aes256Gcm, GALLIA_AES_256)]
    {
        let place = Place { ssrc: Ssrc(0x5501_a0b2), index: 0xf17b };
        let mut buffer = octets(GALLIA);
        let len = buffer.len();
        buffer.resize(len + MAX_OVERHEAD, 0);
        let sealed = gcm(suite, Use::Rtp).seal_rtp(place, &mut buffer, (12, len), &[]).expect("room");
        assert_eq!(buffer[..sealed], octets(expected), "{suite:?}");
        let mut inbound = Inbound::of(gcm(suite, Use::Rtp), gcm(suite, Use::Rtcp));
        assert_eq!(inbound.unprotect_rtp(&mut buffer[..sealed]), Ok(len));
        assert_eq!(buffer[..len], octets(GALLIA), "{suite:?}");
    }
}

#[test]
fn rfc7714_17_gcm_of_rtcp() {
    let rows = [
        (SrtpSuite::Aes128Gcm, REPORT_AES_128, REPORT_TAGGED_128),
        (SrtpSuite::Aes256Gcm, REPORT_AES_256, REPORT_TAGGED_256),
    ];
    for (suite, encrypted, tagged) in rows {
        let place = Place { ssrc: Ssrc(0x4d61_7273), index: 0x5d4 };
        let mut buffer = octets(REPORT);
        let len = buffer.len();
        buffer.resize(len + MAX_OVERHEAD, 0);
        let sealed = gcm(suite, Use::Rtcp).seal_rtcp(place, &mut buffer, len, &[]).expect("room");
        assert_eq!(buffer[..sealed], octets(encrypted), "{suite:?}");
        for wire in [encrypted, tagged] {
            let mut inbound = Inbound::of(gcm(suite, Use::Rtp), gcm(suite, Use::Rtcp));
            let mut wire = octets(wire);
            assert_eq!(inbound.unprotect_rtcp(&mut wire), Ok(len), "{suite:?}");
            assert_eq!(wire[..len], octets(REPORT), "{suite:?}");
        }
    }
}

#[test]
fn rfc3711_b_2_and_rfc6188_7_1_counter_mode() {
    let rows = [
        (
            SrtpSuite::Aes128CmSha1Tag80,
            "2B7E151628AED2A6ABF7158809CF4F3C",
            [
                (
                    0,
                    "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0",
                ),
                (
                    0xfeff,
                    "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44",
                ),
            ],
        ),
        (
            SrtpSuite::Aes256CmSha1Tag80,
            "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98",
            [
                (
                    0,
                    "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac63c4868b7096d88421b563b8c94c9a31",
                ),
                (1, "9da71b2378a854f67050756ded165bac"),
            ],
        ),
    ];
    for (suite, key, blocks) in rows {
        let transform = keyed(suite, Use::Rtp, key, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
        let mut buffer = vec![0; 1_044_512 + 10];
        let place = Place { ssrc: Ssrc(0), index: 0 };
        transform.seal_rtp(place, &mut buffer, (0, 1_044_512), &[]).expect("room");
        for (block, expected) in blocks {
            let (expected, at) = (octets(expected), 16 * block);
            assert_eq!(buffer[at..at + expected.len()], expected, "{suite:?} {block:x}");
        }
    }
}

/// The vector of libsrtp's own test program, and the one of its 256-bit suite.
#[test]
fn rfc3711_4_1_and_4_2_a_packet_of_libsrtps_own_test() {
    let plain = format!("800f1234decafbadcafebabe{}", "ab".repeat(16));
    let rows = [
        (
            SrtpSuite::Aes128CmSha1Tag80,
            "E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6",
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
        ),
        (
            SrtpSuite::Aes256CmSha1Tag80,
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b63b04803de51ee7c96423ab5b78d2",
            "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b",
        ),
    ];
    for (suite, key, wire) in rows {
        let key = SrtpKey { suite, master: MasterKey::new(suite, octets(key)).expect("fits"), mki: None };
        let mut outbound = Outbound::new(&key, Ssrc(0xcafe_babe));
        assert_eq!(sent(|buffer, len| outbound.protect_rtp(buffer, len), &octets(&plain)), octets(wire));
    }
}

/// What libsrtp sends is what we send, and is taken: sources, extension, a roll-over, no payload, RTCP.
#[test]
fn rfc3711_libsrtp_and_we_write_the_same_packets() {
    let mut senders: Vec<(SrtpKey, Outbound, Inbound)> = Vec::new();
    for line in include_str!("tests/libsrtp.txt").lines() {
        let [name, kind, key, packet, wire] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("five words: {line}")
        };
        let suite = SrtpSuite::ALL.into_iter().find(|suite| suite.name() == name).expect("a suite of ours");
        let master = MasterKey::new(suite, octets(key)).expect("fits");
        let key = SrtpKey { suite, master, mki: None };
        if senders.last().is_none_or(|(last, ..)| *last != key) {
            // Like libsrtp, we have counted SRTCP from 1 on.
            let outbound = Outbound::at(&key, SSRC, (None, 1));
            let inbound = Inbound::new(&key);
            senders.push((key, outbound, inbound));
        }
        let (_, outbound, inbound) = senders.last_mut().expect("just pushed");
        let (packet, mut wire) = (octets(packet), octets(wire));
        let (ours, len) = if kind == "rtp" {
            let ours = sent(|buffer, len| outbound.protect_rtp(buffer, len), &packet);
            (ours, inbound.unprotect_rtp(&mut wire.clone()))
        } else {
            let ours = sent(|buffer, len| outbound.protect_rtcp(buffer, len), &packet);
            (ours, inbound.unprotect_rtcp(&mut wire.clone()))
        };
        assert_eq!(ours, wire, "{name} {kind}");
        assert_eq!(len, Ok(packet.len()), "{name} {kind}");
        let again =
            if kind == "rtp" { inbound.unprotect_rtp(&mut wire) } else { inbound.unprotect_rtcp(&mut wire) };
        assert_eq!(again, Err(SrtpError::Replayed), "{name} {kind}");
    }
    assert_eq!(senders.len(), 4);
}

#[test]
fn rfc3711_3_1_a_master_key_index_is_carried_and_checked() {
    for suite in SrtpSuite::ALL {
        let named = |octets: &[u8]| SrtpKey { mki: Mki::new(octets.to_vec()), ..key(suite, 3) };
        let mut outbound = Outbound::new(&named(&[0, 1]), SSRC);
        let wire = sent(|buffer, len| outbound.protect_rtp(buffer, len), &rtp(1));
        let report = sent(|buffer, len| outbound.protect_rtcp(buffer, len), &octets(&rtcp()));
        for (octets, expected) in [(&[0, 1][..], true), (&[0, 2], false), (&[], false)] {
            let mut inbound = Inbound::new(&named(octets));
            assert_eq!(inbound.unprotect_rtp(&mut wire.clone()).is_ok(), expected, "{suite:?} {octets:?}");
            assert_eq!(inbound.unprotect_rtcp(&mut report.clone()).is_ok(), expected, "{suite:?} {octets:?}");
        }
    }
}

#[test]
fn rfc4568_6_2_2_the_short_tag_is_of_rtp_alone() {
    let mut outbound = Outbound::new(&key(SrtpSuite::Aes128CmSha1Tag32, 1), SSRC);
    let (packet, report) = (rtp(1), octets(&rtcp()));
    assert_eq!(sent(|buffer, len| outbound.protect_rtp(buffer, len), &packet).len(), packet.len() + 4);
    assert_eq!(sent(|buffer, len| outbound.protect_rtcp(buffer, len), &report).len(), report.len() + 14);
}

#[test]
fn rfc3711_9_1_an_index_is_never_used_twice() {
    for suite in SrtpSuite::ALL {
        let mut outbound = Outbound::new(&key(suite, 1), SSRC);
        let mut used = std::collections::BTreeSet::new();
        let mut highest = None;
        // Any order of sequence numbers: resets, repeats, jumps over the roll-over.
        let mut state = 1u32;
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let sequence = (state >> 16) as u16;
            let mut buffer = [0; 256];
            let packet = rtp(sequence);
            buffer[..packet.len()].copy_from_slice(&packet);
            if outbound.protect_rtp(&mut buffer, packet.len()).is_ok() {
                let index =
                    super::window::estimate(highest.unwrap_or(sequence.into()), sequence).expect("rises");
                assert!(used.insert(index) && highest.is_none_or(|highest| highest < index), "{index:x}");
                highest = Some(index);
            }
        }
        let other = Header { ssrc: Ssrc(1), ..header(1) };
        let mut buffer = [0; 256];
        write_header(&mut buffer, &other);
        assert_eq!(outbound.protect_rtp(&mut buffer, 172), Err(SrtpError::WrongSource));
    }
}

#[test]
fn rfc3711_9_2_a_key_is_used_up() {
    let key = key(SrtpSuite::Aes128CmSha1Tag80, 1);
    let mut outbound = Outbound::at(&key, SSRC, (Some((1 << 48) - 2), (1 << 31) - 1));
    let mut buffer = [0; 256];
    for (sequence, expected) in [(0xffff, Ok(182)), (0, Err(SrtpError::KeyExhausted))] {
        write_header(&mut buffer, &header(sequence));
        assert_eq!(outbound.protect_rtp(&mut buffer, 172), expected);
    }
    for expected in [true, false] {
        let report = octets(&rtcp());
        buffer[..report.len()].copy_from_slice(&report);
        assert_eq!(outbound.protect_rtcp(&mut buffer, report.len()).is_ok(), expected);
    }
}

#[test]
fn a_peer_may_change_its_source_but_not_without_end() {
    let key = key(SrtpSuite::Aes128Gcm, 1);
    let mut inbound = Inbound::new(&key);
    for source in 0..=MAX_SOURCES {
        let ssrc = Ssrc(u32::try_from(source).expect("few"));
        let mut packet = rtp(7);
        write_header(&mut packet, &Header { ssrc, ..header(7) });
        let mut outbound = Outbound::new(&key, ssrc);
        let mut wire = sent(|buffer, len| outbound.protect_rtp(buffer, len), &packet);
        let expected = if source < MAX_SOURCES { Ok(172) } else { Err(SrtpError::WrongSource) };
        assert_eq!(inbound.unprotect_rtp(&mut wire), expected, "{source}");
    }
}

#[test]
fn what_came_before_a_snapshot_is_not_taken_after_it() {
    let key = key(SrtpSuite::Aes128CmSha1Tag80, 1);
    let (mut outbound, mut inbound) = (Outbound::new(&key, SSRC), Inbound::new(&key));
    let wires: Vec<Vec<u8>> = [0xfffe, 0xffff, 0, 1]
        .map(|sequence| sent(|buffer, len| outbound.protect_rtp(buffer, len), &rtp(sequence)))
        .to_vec();
    for wire in &wires[..3] {
        inbound.unprotect_rtp(&mut wire.clone()).expect("in order");
    }
    let progress: Vec<SrtpProgress> = inbound.progress().collect();
    assert_eq!(progress, [SrtpProgress { ssrc: SSRC, rtp: Some(0x1_0000), rtcp: None }]);
    let mut restored = Inbound::restored(&key, &progress);
    let taken = wires.iter().map(|wire| restored.unprotect_rtp(&mut wire.clone()).is_ok());
    assert_eq!(taken.collect::<Vec<_>>(), [false, false, false, true]);
}

proptest! {
    #[test]
    fn any_octets_never_panic(wire: Vec<u8>, suite in 0usize..5, named: bool) {
        let suite = SrtpSuite::ALL[suite];
        let mki = if named { Mki::new(vec![1]) } else { None };
        let key = SrtpKey { mki, ..key(suite, 1) };
        let (mut inbound, mut outbound) = (Inbound::new(&key), Outbound::new(&key, SSRC));
        prop_assert!(inbound.unprotect_rtp(&mut wire.clone()).is_err());
        prop_assert!(inbound.unprotect_rtcp(&mut wire.clone()).is_err());
        let mut buffer = wire.clone();
        let _ = (outbound.protect_rtp(&mut buffer, wire.len()), outbound.protect_rtcp(&mut buffer, wire.len()));
    }

    #[test]
    fn a_packet_that_was_changed_is_not_taken(suite in 0usize..5, at in 0usize..172, bit in 0u32..8, report: bool) {
        let key = key(SrtpSuite::ALL[suite], 1);
        let (mut inbound, mut outbound) = (Inbound::new(&key), Outbound::new(&key, SSRC));
        let mut wire = if report {
            sent(|buffer, len| outbound.protect_rtcp(buffer, len), &octets(&rtcp()))
        } else {
            sent(|buffer, len| outbound.protect_rtp(buffer, len), &rtp(1))
        };
        let at = at % wire.len();
        wire[at] ^= 1 << bit;
        let taken = if report { inbound.unprotect_rtcp(&mut wire) } else { inbound.unprotect_rtp(&mut wire) };
        prop_assert!(taken.is_err());
    }
}

fn header(sequence: u16) -> Header {
    Header {
        payload_type: terms::media::PayloadType(8),
        marker: false,
        sequence: SequenceNumber(sequence),
        timestamp: Timestamp(160),
        ssrc: SSRC,
    }
}

fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0xd5; 172];
    write_header(&mut packet, &header(sequence));
    packet
}

/// A receiver report without blocks.
fn rtcp() -> String {
    "80c90001 12345678".to_owned()
}

fn key(suite: SrtpSuite, seed: u8) -> SrtpKey {
    let octets = (seed..).take(suite.key_len() + suite.salt_len()).collect();
    SrtpKey { suite, master: MasterKey::new(suite, octets).expect("fits"), mki: None }
}

fn gcm(suite: SrtpSuite, of: Use) -> Transform {
    let key: String = (0..suite.key_len()).map(|octet| format!("{octet:02x}")).collect();
    keyed(suite, of, &key, "517569642070726f2071756f")
}

fn keyed(suite: SrtpSuite, of: Use, key: &str, salt: &str) -> Transform {
    let mut keys = SessionKeys { cipher: [0; MAX_KEY], mac: [0; 20], salt: [0; 14] };
    let (key, salt) = (octets(key), octets(salt));
    keys.cipher[..key.len()].copy_from_slice(&key);
    keys.salt[..salt.len()].copy_from_slice(&salt);
    Transform::keyed(suite, of, &keys)
}

fn sent(protect: impl FnOnce(&mut [u8], usize) -> Result<usize, SrtpError>, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_OVERHEAD, 0);
    let len = protect(&mut buffer, packet.len()).expect("there is room");
    buffer.truncate(len);
    buffer
}

pub(super) fn octets(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    (0..digits.len()).step_by(2).map(pair).collect()
}
