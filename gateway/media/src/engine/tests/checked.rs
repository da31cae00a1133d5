//! Connectivity checks (ICE, RFC 8445): who may choose where a port's peer is.

use terms::media::{IceCredentials, IceTerms};

use super::{
    sources::{close, talk, trunk},
    *,
};

const ELSEWHERE: &str = "198.51.100.9:7000";
/// RFC 5769 §2.1's credentials.
const UFRAG: &str = "evtj";
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
/// Written by Python's hmac and zlib: USERNAME `evtj:h6vY`, signed, the second with USE-CANDIDATE, the third by another password.
const CHECK: &str = "000100302112a442b7e7a701bc34d686fa87dfae000600096576746a3a68367659000000\
                     000800140382c46e3e4c413a025ec8c449f2c7694ab9c08c80280004d7f56696";
const NOMINATES: &str = "000100342112a442b7e7a701bc34d686fa87dfae000600096576746a3a6836765900000000250000\
                         000800145772543772b1b58329fb21257d1fa1b516114e9d8028000433a5cd6a";
const FORGED: &str = "000100342112a442b7e7a701bc34d686fa87dfae000600096576746a3a6836765900000000250000\
                      000800146b452496b1e15e37d49e69493d3713615f7aee7580280004dd3502e5";

fn checked() -> Box<Stream> {
    let credentials =
        |ufrag: &str, password: &str| IceCredentials::new(ufrag.into(), password.into()).expect("they fit");
    let theirs = credentials("h6vY", "asd88fgpdd777uzjYhagZg");
    Box::new(Stream {
        ice: Some(Box::new(IceTerms { ours: credentials(UFRAG, PASSWORD), theirs })),
        ..*stream(20)
    })
}

/// Sends a check; yields the type of each answer and where it went.
fn check(bench: &mut Bench, hex: &str, (channel, source): (Channel, &str)) -> Vec<(SocketAddr, u16)> {
    let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(pair).collect();
    let input = Input::Packet { slot: SlotId(0), channel, source: address(source), bytes: &bytes };
    bench.engine.handle_input(bench.now, input);
    let mut answers = Vec::new();
    while let Some(output) = bench.engine.poll_output() {
        if let Output::Transmit { channel: by, destination, bytes, .. } = output {
            assert_eq!(by, channel);
            answers.push((destination, u16::from_be_bytes([bytes[0], bytes[1]])));
        }
    }
    answers
}

#[test]
fn rfc8445_7_3_an_authentic_check_is_answered_and_nominates_the_only_source_there_is() {
    let mut bench = Bench::new(1);
    bench.open_from(1, trunk(), checked(), Route::Echo);
    let rtp = |source| (Channel::Rtp, source);
    assert_eq!(check(&mut bench, CHECK, rtp(ELSEWHERE)), [(address(ELSEWHERE), 0x0101)]);
    assert_eq!(talk(&mut bench, PEER, (7, 100)).last(), Some(&address(PEER)), "it has chosen nothing yet");
    assert_eq!(check(&mut bench, NOMINATES, rtp(ELSEWHERE)), [(address(ELSEWHERE), 0x0101)]);
    talk(&mut bench, PEER, (7, 120));
    assert_eq!(bench.engine.counted().packets_foreign, 20, "the old source is a stranger at once");
    assert_eq!(talk(&mut bench, ELSEWHERE, (7, 140)).last(), Some(&address(ELSEWHERE)));
    bench.wait(Duration::from_secs(30));
    bench.command(Command::Connect { port: port(1), stream: checked() });
    talk(&mut bench, PEER, (7, 160));
    let counted = bench.engine.counted();
    assert_eq!((counted.packets_foreign, counted.checks_answered), (40, 2), "however long it is silent");
    assert_eq!(check(&mut bench, NOMINATES, rtp(PEER)).len(), 1);
    assert_eq!(talk(&mut bench, PEER, (7, 180)).last(), Some(&address(PEER)), "it chose another");
    assert_eq!(close(&mut bench).foreign_packets, 40);
}

#[test]
fn rfc8445_7_3_a_forged_check_moves_nobody_and_is_counted() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    assert_eq!(check(&mut bench, NOMINATES, (Channel::Rtp, STRANGER)), [], "checks were not agreed on");
    assert_eq!(bench.engine.counted().packets_malformed, 1);
    bench.command(Command::Connect { port: port(1), stream: checked() });
    talk(&mut bench, PEER, (7, 100));
    assert_eq!(check(&mut bench, FORGED, (Channel::Rtp, STRANGER)), [(address(STRANGER), 0x0111)]);
    assert_eq!(talk(&mut bench, PEER, (7, 120)).last(), Some(&address(PEER)));
    let counted = bench.engine.counted();
    assert_eq!((counted.checks_answered, counted.checks_refused, counted.packets_foreign), (0, 1, 0));
}

#[test]
fn rfc8445_4_rtcp_by_itself_is_a_component_of_its_own() {
    let mut bench = Bench::new(1);
    bench.open_from(1, trunk(), checked(), Route::Echo);
    let rtcp = "198.51.100.9:7001";
    assert_eq!(check(&mut bench, NOMINATES, (Channel::Rtcp, rtcp)), [(address(rtcp), 0x0101)]);
    check(&mut bench, NOMINATES, (Channel::Rtp, ELSEWHERE));
    talk(&mut bench, ELSEWHERE, (7, 100));
    let said = bench.wait(Duration::from_secs(10));
    assert!(said.contains(&Said::Rtcp(SlotId(0), address(rtcp))), "reports go where the peer chose");
}
