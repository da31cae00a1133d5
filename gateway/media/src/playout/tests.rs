use super::*;

const MS: Duration = Duration::from_millis(1);

fn depth(now_ms: u32) -> Depth {
    Depth { now: now_ms * MS, wanted: 40 * MS }
}

fn quiet() -> Playout {
    let mut playout = Playout::new(SampleRate::Hz8000);
    playout.append(480, |sound| sound.len());
    playout
}

#[test]
fn within_its_band_the_depth_is_left_alone() {
    let mut playout = quiet();
    for now_ms in [40, 55, 47, 41].repeat(10) {
        assert_eq!(playout.judge(depth(now_ms)), None);
    }
}

#[test]
fn what_several_packets_say_is_done_and_a_tick_that_ran_late_says_nothing() {
    let mut playout = quiet();
    let verdicts =
        [90, 40, 90, 90, 90, 90, 30, 30, 90, 30, 30, 30].map(|now_ms| playout.judge(depth(now_ms)));
    let shorten = Some(Stretch::Shorten { excess: 35 * MS });
    let lengthen = Some(Stretch::Lengthen { lack: 10 * MS });
    let nothing = None;
    assert_eq!(
        verdicts,
        [
            nothing, nothing, nothing, nothing, shorten, shorten, nothing, nothing, nothing, nothing,
            nothing, lengthen
        ]
    );
}

#[test]
fn sound_rests_after_a_stretch_and_silence_need_not() {
    for (level, rests) in [(0, false), (8_000, true)] {
        let mut playout = Playout::new(SampleRate::Hz8000);
        playout.append(480, |sound| {
            sound.fill(level);
            sound.len()
        });
        for _ in 0..3 {
            playout.judge(depth(60));
        }
        playout.stretch(Stretch::Shorten { excess: 5 * MS });
        assert_eq!(playout.len() < 480, level == 0, "a pause is waited for");
        playout.stretch(Stretch::Shorten { excess: 20 * MS });
        assert!(playout.len() < 480);
        assert_eq!(playout.judge(depth(60)).is_none(), rests, "{level}");
    }
}
