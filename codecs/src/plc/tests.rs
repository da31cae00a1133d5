use super::*;
use crate::{Dbm0, Dtmf, Generator, dbov};
use proptest::prelude::*;
use terms::Digit;

fn largest_step(sound: &[i16]) -> i32 {
    sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
}

/// Ten good frames of a sound, `lost` made-up ones, ten good ones.
fn with_a_gap(rate: SampleRate, lost: usize, mut fill: impl FnMut(&mut [i16])) -> Vec<i16> {
    let mut concealment = Concealment::new(rate);
    let mut sound = vec![0; rate.tick_samples() * (20 + lost)];
    for (at, frame) in sound.chunks_exact_mut(rate.tick_samples()).enumerate() {
        fill(frame);
        if (10..10 + lost).contains(&at) {
            concealment.lost(frame);
        } else {
            concealment.good(frame);
        }
    }
    sound
}

#[test]
fn a_seam_never_clicks() {
    for rate in SampleRate::ALL {
        for hz in [70, 100, 150, 217, 440, 1_000] {
            for lost in [1, 2, 3, 5] {
                let mut generator = Generator::new(hz, Dbm0(-10.0), rate);
                let mut whole = vec![0; 20 * rate.tick_samples()];
                generator.clone().fill(&mut whole);
                let sound = with_a_gap(rate, lost, |frame| generator.fill(frame));
                let (own, heard) = (largest_step(&whole), largest_step(&sound));
                // A tone's own steps, and a fiftieth of the range.
                assert!(heard <= own * 3 / 2 + 650, "{rate:?} {hz} Hz {lost} lost: {own}, {heard}");
            }
        }
    }
}

#[test]
fn a_voiced_sound_goes_on_at_its_level_and_fades_within_60_ms() {
    let rate = SampleRate::Hz8000;
    let mut generator = Generator::new(125, Dbm0(-10.0), rate);
    let sound = with_a_gap(rate, 5, |frame| generator.fill(frame));
    let frame = |at: usize| dbov(&sound[at * 160..(at + 1) * 160]).0;
    assert!((frame(10) - frame(9)).abs() < 2.0, "{} {}", frame(10), frame(9));
    assert!(frame(11) < frame(10) - 2.0 && frame(12) < frame(11) - 6.0);
    assert_eq!((frame(13), frame(14)), (-127.0, -127.0));
    assert!((frame(16) - frame(9)).abs() < 0.1);
}

#[test]
fn one_lost_frame_of_a_tone_in_pitch_is_barely_changed() {
    let rate = SampleRate::Hz8000;
    let mut generator = Generator::new(160, Dbm0(-10.0), rate);
    let mut whole = vec![0; 21 * 160];
    generator.clone().fill(&mut whole);
    let sound = with_a_gap(rate, 1, |frame| generator.fill(frame));
    let off = |at: usize| i32::from(sound[at]) - i32::from(whole[at]);
    assert!((1600..1680).all(|at| off(at).abs() < 700), "{:?}", (1600..1680).map(off).collect::<Vec<_>>());
}

#[test]
fn good_sound_without_loss_is_untouched() {
    let mut tones = Dtmf::new(Digit::POUND, Dbm0(-10.0), SampleRate::Hz16000);
    let mut concealment = Concealment::new(SampleRate::Hz16000);
    for at in 0..10 {
        let mut frame = [0; 320];
        tones.fill(&mut frame);
        let sent = frame;
        concealment.good(&mut frame);
        // The first of all is led in.
        assert!(at == 0 || frame == sent);
    }
}

/// The largest change of slope, which is what is heard of a click.
fn bend(sound: &[i16]) -> i32 {
    let bend = |part: &[i16]| (i32::from(part[0]) - 2 * i32::from(part[1]) + i32::from(part[2])).abs();
    sound.windows(3).map(bend).max().unwrap_or(0)
}

#[test]
fn media_5_a_tone_stops_begins_and_gives_way_to_another_without_a_click() {
    for rate in SampleRate::ALL {
        let frame = rate.tick_samples();
        for cut in 0..frame {
            let mut tone = Generator::new(400, Dbm0(-10.0), rate);
            let mut sound = vec![0; 6 * frame];
            tone.fill(&mut vec![0; cut + 1]);
            tone.fill(&mut sound[..3 * frame]);
            let own = bend(&sound[..frame]);
            Generator::new(300, Dbm0(-10.0), rate).fill(&mut sound[4 * frame..5 * frame]);
            let mut concealment = Concealment::new(rate);
            for (at, frame) in sound.chunks_exact_mut(frame).enumerate() {
                if at > 2 {
                    concealment.cut();
                }
                concealment.good(frame);
            }
            let heard = bend(&sound);
            // The ramp itself bends by a 240th of the level at 48 kHz.
            assert!(heard <= 2 * own + 30, "{rate:?} {cut}: {own} {heard}");
            assert_eq!(sound[6 * frame - 1], 0);
        }
    }
}

#[test]
fn a_sound_that_ends_rings_out_for_5_ms() {
    let mut out = [1; 160];
    ring_out(&[1_000; 160], SampleRate::Hz8000, &mut out);
    assert!(out[0] > 900 && out[20] > 300 && out[39] < 50 && out[40..] == [0; 120], "{out:?}");
    ring_out(&[], SampleRate::Hz8000, &mut out);
    assert_eq!(out, [0; 160]);
}

#[test]
fn it_tells_when_it_has_faded_to_silence() {
    let mut concealment = Concealment::new(SampleRate::Hz8000);
    assert!(concealment.is_silent());
    concealment.good(&mut [500; 160]);
    let silent = [160, 160, 159, 1].map(|length| {
        concealment.lost(&mut vec![0; length]);
        concealment.is_silent()
    });
    assert_eq!(silent, [false, false, false, true]);
    concealment.good(&mut [500; 160]);
    assert!(!concealment.is_silent());
}

proptest! {
    /// Any sound, any losses, any frame length: nothing panics, and silence comes at last.
    #[test]
    fn any_pattern_of_loss_is_survived(frames in prop::collection::vec((0..4, 0usize..700, any::<i16>()), 0..20)) {
        let mut concealment = Concealment::new(SampleRate::Hz8000);
        for (kind, len, value) in frames {
            let mut frame = vec![value; len];
            match kind {
                0 => concealment.lost(&mut frame),
                1 => concealment.good(&mut frame),
                2 => concealment.pause(&mut frame),
                _ => {
                    let (gap, next) = frame.split_at_mut(len / 2);
                    concealment.bridge(gap, next);
                }
            }
        }
        let mut last = [1; 641];
        concealment.lost(&mut last);
        prop_assert_eq!(last[640], 0);
    }
}

#[test]
fn a_gap_with_both_sides_known_is_closed_without_a_trace_of_it() {
    let rate = SampleRate::Hz8000;
    for hz in [100, 160, 217, 440] {
        for lost in [80, 160, 320] {
            let mut generator = Generator::new(hz, Dbm0(-10.0), rate);
            let mut whole = vec![0; 800 + lost + 160];
            generator.fill(&mut whole);
            let mut sound = whole.clone();
            let mut concealment = Concealment::new(rate);
            concealment.good(&mut sound[..800]);
            let (gap, next) = sound[800..].split_at_mut(lost);
            gap.fill(0);
            concealment.bridge(gap, next);
            concealment.good(next);
            assert_eq!(sound[800 + lost..], whole[800 + lost..], "what is known is untouched");
            let (own, heard) = (largest_step(&whole), largest_step(&sound[160..]));
            assert!(heard <= own * 3 / 2 + 650, "{hz} Hz, {lost} lost: {own}, {heard}");
        }
    }
}

#[test]
fn a_pause_and_its_end_never_click() {
    let rate = SampleRate::Hz8000;
    let mut generator = Generator::new(217, Dbm0(-10.0), rate);
    let mut concealment = Concealment::new(rate);
    let mut sound = vec![0; 30 * 160];
    for (at, frame) in sound.chunks_exact_mut(160).enumerate() {
        generator.fill(frame);
        if (10..20).contains(&at) {
            frame.fill(0);
            concealment.pause(frame);
        } else {
            concealment.good(frame);
        }
    }
    assert!(largest_step(&sound) < 1_900, "{}", largest_step(&sound));
    assert!(sound[1_640..3_200].iter().all(|sample| *sample == 0), "silence is silent");
}
