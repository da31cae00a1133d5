use super::*;

const SECOND: Duration = Duration::from_secs(1);
const PEER_SENDS: Direction = Direction::SendReceive;

const fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

const fn silence(seconds: u64, reason: SilenceReason) -> Option<Silence> {
    Some(Silence { since: at(seconds), reason })
}

/// A port that was connected at 0 s.
fn connected() -> Watch {
    let mut watch = Watch::default();
    assert_eq!(watch.due(at(0), PEER_SENDS), None);
    watch
}

fn told(watch: &mut Watch, seconds: u64) -> Silences {
    watch.due(at(seconds), PEER_SENDS).expect("it is time")
}

#[test]
fn media_4_it_is_told_once_a_second_and_the_end_of_a_silence_at_once() {
    let mut watch = connected();
    watch.on_sound(at(1));
    assert_eq!(told(&mut watch, 1).inbound, None);
    assert_eq!(watch.due(at(1) + SECOND / 2, PEER_SENDS), None);
    assert_eq!(told(&mut watch, 3).inbound, silence(1, SilenceReason::NothingAtAll));
    let back = at(3) + SECOND / 10;
    watch.on_sound(back);
    assert_eq!(watch.due(back, PEER_SENDS).map(|told| told.inbound), Some(None));
    assert_eq!(watch.due(back, PEER_SENDS), None);
}

#[test]
fn media_4_why_nothing_comes_is_what_came_in_its_place() {
    type Case = (&'static str, &'static [fn(&mut Watch)], SilenceReason);
    let cases: [Case; 5] = [
        ("nothing", &[], SilenceReason::NothingAtAll),
        ("a stranger", &[Watch::on_stranger], SilenceReason::WrongSource),
        ("a type that was not negotiated", &[Watch::on_unknown_type], SilenceReason::WrongPayloadType),
        ("both", &[Watch::on_unknown_type, Watch::on_stranger], SilenceReason::WrongPayloadType),
        (
            "nobody listens",
            &[Watch::on_stranger, |watch| watch.on_unreachable(at(9))],
            SilenceReason::Unreachable,
        ),
    ];
    for (name, came, reason) in cases {
        let mut watch = connected();
        watch.on_stranger();
        watch.on_sound(at(5));
        for came in came {
            came(&mut watch);
        }
        assert_eq!(told(&mut watch, 10).inbound, silence(5, reason), "{name}");
    }
}

#[test]
fn media_4_a_direction_that_nobody_may_use_is_not_silent() {
    let rows = [
        (Direction::SendReceive, true, true),
        (Direction::SendOnly, false, true),
        (Direction::ReceiveOnly, true, false),
        (Direction::Inactive, false, false),
    ];
    for (direction, inbound, outbound) in rows {
        let mut watch = connected();
        watch.on_unreachable(at(8));
        let told = watch.due(at(9), direction).expect("it is time");
        assert_eq!((told.inbound.is_some(), told.outbound.is_some()), (inbound, outbound), "{direction:?}");
    }
}

#[test]
fn rfc3389_comfort_noise_is_remembered_and_is_no_silence() {
    let mut watch = connected();
    watch.on_comfort_noise(at(2));
    let now = told(&mut watch, 2);
    assert_eq!((now.inbound, now.comfort_noise), (None, true));
    assert_eq!(watch.due_since(), None, "nothing need come");
    watch.on_heard(at(5));
    assert_eq!((told(&mut watch, 5).inbound, watch.due_since()), (None, None));
    watch.on_sound(at(9));
    assert!(told(&mut watch, 9).comfort_noise);
    assert_eq!(watch.due_since(), Some(at(9)), "it talks");
}

#[test]
fn media_4_two_reports_without_progress_stop_the_way_out_until_one_shows_some() {
    let mut watch = connected();
    for (second, highest, sent, expected) in [
        (5, 250, 250, None),
        (10, 500, 500, None),
        (15, 500, 750, None),
        (20, 500, 1_000, silence(10, SilenceReason::NothingAtAll)),
        (25, 500, 1_250, silence(10, SilenceReason::NothingAtAll)),
        (30, 501, 1_500, None),
    ] {
        watch.on_block(at(second), highest, sent);
        assert_eq!(told(&mut watch, second).outbound, expected, "at {second} s");
    }
}

#[test]
fn media_4_what_was_not_sent_was_not_lost_and_a_block_that_came_twice_counts_once() {
    let mut watch = connected();
    for second in [5, 10, 15, 20] {
        watch.on_block(at(second), 250, 250);
    }
    assert_eq!(told(&mut watch, 20).outbound, None, "nothing was sent");
    watch.on_block(at(25), 250, 500);
    watch.on_block(at(25), 250, 500);
    assert_eq!(told(&mut watch, 25).outbound, None, "one report, which came twice");
    watch.on_block(at(30), 250, 750);
    assert_eq!(told(&mut watch, 30).outbound, silence(20, SilenceReason::NothingAtAll));
    assert_eq!(told(&mut watch, 51).outbound, None, "a peer that reports no more says nothing");
}

#[test]
fn media_4_a_port_that_opens_late_is_unreachable_only_until_then() {
    let mut watch = connected();
    for second in 1..5 {
        watch.on_unreachable(at(second));
    }
    assert_eq!(told(&mut watch, 5).outbound, silence(1, SilenceReason::Unreachable));
    assert_eq!(told(&mut watch, 8).outbound, None);
    watch.on_unreachable(at(9));
    assert_eq!(told(&mut watch, 10).outbound, silence(9, SilenceReason::Unreachable));
}
