use proptest::prelude::*;
use terms::WallTime;

use super::*;

const BLOCK: ReportBlock = ReportBlock {
    ssrc: Ssrc(2),
    fraction_lost: 64,
    cumulative_lost: -5,
    highest_sequence: 0x0001_0203,
    jitter: 17,
    last_report: CompactNtp(0xb705_2000),
    delay: CompactNtp(0x0005_4000),
};
const INFO: SenderInfo =
    SenderInfo { ntp: Ntp(0xb44d_b705_2000_0000), timestamp: Timestamp(160), packets: 3, octets: 480 };

fn written(report: &Report<'_>) -> Vec<u8> {
    let mut out = [0; 1_500];
    let len = write(&mut out, report).expect("it fits");
    out[..len].to_vec()
}

#[test]
fn rfc3550_6_1_what_we_write_we_read() {
    let report = Report { ssrc: Ssrc(1), sender: Some(INFO), blocks: &[BLOCK], cname: "a@b", bye: true };
    let read = parse(&written(&report)).expect("RTCP");
    let expected = [
        Item::SenderReport { from: Ssrc(1), info: INFO, blocks: vec![BLOCK] },
        Item::Cname { of: Ssrc(1), cname: "a@b".into() },
        Item::Bye { sources: vec![Ssrc(1)] },
    ];
    assert_eq!(read, expected);
    let report = Report { sender: None, blocks: &[], bye: false, ..report };
    let expected = [
        Item::ReceiverReport { from: Ssrc(1), blocks: vec![] },
        Item::Cname { of: Ssrc(1), cname: "a@b".into() },
    ];
    assert_eq!(parse(&written(&report)).expect("RTCP"), expected);
}

#[test]
fn other_kinds_are_passed_over_and_their_neighbours_read() {
    let ours = written(&Report { ssrc: Ssrc(1), sender: None, blocks: &[], cname: "c", bye: false });
    let others: [(&str, &[u8]); 4] = [
        ("RFC 4585 feedback", &[0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]),
        ("RFC 3611 extended report", &[0x80, 207, 0, 1, 0, 0, 0, 1]),
        ("unknown", &[0x80, 223, 0, 0]),
        ("a report that holds less than it says", &[0x9f, 201, 0, 1, 0, 0, 0, 1]),
    ];
    for (name, other) in others {
        for datagram in [[other, &ours].concat(), [&ours, other].concat()] {
            assert_eq!(parse(&datagram).map(|items| items.len()), Ok(2), "{name}");
        }
    }
}

#[test]
fn rfc3550_a_2_lengths_and_version_are_checked() {
    let cases: [(&str, &[u8]); 4] = [
        ("empty", &[]),
        ("cut short", &[0x80, 201, 0, 1, 0, 0]),
        ("version 1", &[0x40, 201, 0, 1, 0, 0, 0, 1]),
        ("an octet too many", &[0x80, 201, 0, 1, 0, 0, 0, 1, 0]),
    ];
    for (name, datagram) in cases {
        assert_eq!(parse(datagram), Err(RtcpError::Malformed), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_not_written() {
    let long = "n".repeat(256);
    let report = Report { ssrc: Ssrc(1), sender: None, blocks: &[], cname: "c", bye: false };
    let cases = [
        ("short buffer", report, 12),
        ("long name", Report { cname: &long, ..report }, 1_500),
        ("32 blocks", Report { blocks: &[BLOCK; 32], ..report }, 1_500),
    ];
    for (name, report, room) in cases {
        assert_eq!(write(&mut vec![0; room], &report), Err(RtcpError::DoesNotFit), "{name}");
    }
}

/// The example of figure 2: 0xb710:8000 less 0x0005:4000 less 0xb705:2000 is 6.125 s.
#[test]
fn rfc3550_6_4_1_figure_2_round_trip() {
    assert_eq!(round_trip(Ntp(0xb44d_b710_8000_0000), &BLOCK), Some(Duration::from_millis(6_125)));
    assert_eq!(round_trip(Ntp(0xb44d_b705_2000_0000), &BLOCK), None, "before our report");
    // 0x0290 units are 10 ms.
    assert_eq!(round_trip(Ntp(0xb44d_b70a_5d71_0000), &BLOCK), Some(Duration::ZERO), "its clock is coarse");
    assert_eq!(round_trip(Ntp(0xb44d_b70a_5d6f_0000), &BLOCK), None, "more than a clock's step");
    let none = ReportBlock { last_report: CompactNtp::NONE, ..BLOCK };
    assert_eq!(round_trip(Ntp(0xb44d_b710_8000_0000), &none), None, "no report of ours");
}

#[test]
fn rfc3550_6_3_1_the_interval_is_randomized_around_5_s() {
    let seconds = [0, u32::MAX / 2, u32::MAX].map(|random| interval(random).as_secs_f64());
    for (seconds, expected) in seconds.into_iter().zip([2.052, 4.104, 6.156]) {
        assert!((seconds - expected).abs() < 0.001, "{seconds}");
    }
}

#[test]
fn rfc3550_4_ntp_counts_from_1900_and_the_compact_form_is_its_middle() {
    let ntp = Ntp::from(WallTime::from_unix_nanos(1_500_000_000));
    assert_eq!(ntp.0, (2_208_988_801 << 32) | 0x8000_0000);
    assert_eq!(ntp.compact().0, 0x7e81_8000);
    let second_and_a_half = Duration::from_millis(1_500);
    assert_eq!(CompactNtp::from_duration(second_and_a_half), CompactNtp(0x0001_8000));
    assert_eq!(CompactNtp(0x0001_8000).as_duration(), second_and_a_half);
    assert_eq!(CompactNtp::from_duration(Duration::MAX), CompactNtp(u32::MAX));
}

proptest! {
    #[test]
    fn any_octets_never_panic(datagram: Vec<u8>) {
        let _ = parse(&datagram);
    }

    #[test]
    fn any_octets_behind_a_good_header_never_panic(first: u8, kind in 190u8..212, body in prop::collection::vec(any::<u8>(), 0..120)) {
        let words = u8::try_from(body.len() / 4).expect("at most 30");
        let mut datagram = vec![0x80 | (first & 0x3f), kind, 0, words];
        datagram.extend(&body[..body.len() / 4 * 4]);
        prop_assert!(parse(&datagram).is_ok());
    }
}
