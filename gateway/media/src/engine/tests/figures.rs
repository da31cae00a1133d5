//! What is measured of both directions (MEDIA-7).

use rtp::rtcp::{CompactNtp, Ntp, Report as RtcpReport, ReportBlock};
use terms::media::{Figures, Mos, MosScale};

use super::*;

/// The peer reports on us: a quarter lost, 10 ms of jitter, and a round trip of 200 ms.
fn report(bench: &mut Bench, ssrc: Ssrc) {
    let now = Ntp(bench.now.wall.as_ntp()).compact();
    let block = ReportBlock {
        ssrc,
        fraction_lost: 64,
        cumulative_lost: 25,
        highest_sequence: 100,
        jitter: 80,
        last_report: CompactNtp(now.0.wrapping_sub(CompactNtp::from_duration(Duration::from_millis(300)).0)),
        delay: CompactNtp::from_duration(Duration::from_millis(100)),
    };
    let report = RtcpReport { ssrc: Ssrc(7), sender: None, blocks: &[block], cname: "peer", bye: false };
    let mut bytes = [0; 128];
    let length = rtp::rtcp::write(&mut bytes, &report).expect("it fits");
    let bytes = &bytes[..length];
    bench.feed(Input::Packet { slot: SlotId(0), channel: Channel::Rtcp, source: address(PEER), bytes });
}

/// What was told last of two seconds in which every tenth packet was lost.
fn talk(bench: &mut Bench) -> (Measured, Ssrc) {
    let mut said = Vec::new();
    for sequence in (1..=120).filter(|sequence| sequence % 10 != 5) {
        bench.hear(0, PEER, sequence, SILENT_PCMA);
        said.extend(bench.wait(MS_20));
    }
    let ssrc = rtp(&said).first().map(|(_, header, _)| header.ssrc).expect("it sends");
    let told = reports(said);
    let (_, measured) =
        told.iter().rev().find_map(|report| measured(std::slice::from_ref(report))).expect("it tells");
    (measured, ssrc)
}

fn round(figure: Option<f32>) -> Option<f32> {
    figure.map(|figure| figure.round())
}

#[test]
fn media_7_the_figures_of_both_directions() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    let (first, ssrc) = talk(&mut bench);
    assert_eq!(round(first.inbound.loss_percent), Some(10.0));
    assert_eq!(
        (first.inbound.delay_estimated_ms, first.outbound),
        (None, Figures::default()),
        "unknown, not 0"
    );
    let Some(Mos { score, scale: MosScale::NarrowBand }) = first.inbound.mos else { panic!("{first:?}") };
    assert!((3.2..3.5).contains(&score), "{score}");

    report(&mut bench, ssrc);
    let told = reports(bench.wait(Duration::from_secs(1)));
    let (_, second) = measured(&told).expect("it tells");
    assert_eq!(round(second.inbound.delay_estimated_ms), Some(100.0));
    let outbound = second.outbound;
    assert_eq!(
        (outbound.loss_percent, outbound.jitter_ms, round(outbound.delay_estimated_ms)),
        (Some(25.0), Some(10.0), Some(100.0))
    );
    assert!(outbound.mos.is_some_and(|mos| mos.score < 2.7), "{outbound:?}");

    let told = reports(bench.wait(Duration::from_secs(25)));
    let last = told.iter().rev().find_map(|report| measured(std::slice::from_ref(report)));
    let (_, last) = last.expect("it tells");
    assert_eq!((last.inbound.loss_percent, last.inbound.jitter_ms), (Some(100.0), None), "nothing while due");
    assert_eq!((last.inbound.delay_estimated_ms, last.outbound), (None, Figures::default()), "too old");
}

#[test]
fn media_7_on_hold_nothing_is_due() {
    let nowhere = Stream { remote: address("0.0.0.0:4000"), ..*stream(20) };
    let inactive = Stream { direction: Direction::Inactive, ..*stream(20) };
    // Who holds by sendonly may send music, and its silence is for the doctor of the call to judge.
    let held_by_the_peer = Stream { direction: Direction::ReceiveOnly, ..*stream(20) };
    for (stream, is_silent) in [(nowhere, false), (inactive, false), (held_by_the_peer, true)] {
        let mut bench = Bench::new(1);
        bench.open(1, 20, Route::Echo);
        talk(&mut bench);
        bench.command(Command::Connect { port: port(1), stream: Box::new(stream) });
        let told = reports(bench.wait(Duration::from_secs(20)));
        let last = told.iter().rev().find_map(|report| measured(std::slice::from_ref(report)));
        let (_, Measured { inbound, silences, .. }) = last.expect("it tells");
        assert_eq!((inbound, silences.inbound.is_some()), (Figures::default(), is_silent));
    }
}
