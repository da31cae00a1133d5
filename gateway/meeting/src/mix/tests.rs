use proptest::prelude::*;
use terms::{LeaseEpoch, WorkerId};

use super::*;

const FRAME: usize = SampleRate::Hz8000.tick_samples();

fn meeting(number: u64) -> MeetingId {
    number.to_string().parse().expect("digits")
}

fn sit_at(mix: &mut Mix, serial: u64, rate: SampleRate) -> Seat {
    let tag = MeetingTag { meeting: mix.meeting(), epoch: LeaseEpoch(serial) };
    mix.seat(tag, PortId { worker: WorkerId(0), serial }, rate).expect("its own meeting")
}

fn sit(mix: &mut Mix, serial: u64) -> Seat {
    sit_at(mix, serial, SampleRate::Hz8000)
}

fn heard(mix: &Mix, seat: &Seat) -> (Heard, i16) {
    let mut frame = [0; FRAME];
    let heard = mix.hear(seat, &mut frame).expect("its own seat");
    assert!(frame.iter().all(|sample| *sample == frame[0]), "a constant in gives a constant out");
    (heard, frame[0])
}

#[test]
fn everybody_hears_the_others_and_not_themselves() {
    let mut mix = Mix::new(meeting(1));
    let seats: Vec<Seat> = (0..5).map(|serial| sit(&mut mix, serial)).collect();
    mix.begin_tick();
    for (seat, level) in seats[..4].iter().zip([1, 10, 100, 1_000]) {
        mix.contribute(seat, &[level; FRAME]).expect("its own seat");
    }
    let all: Vec<_> = seats.iter().map(|seat| heard(&mix, seat)).collect();
    let others = |sample| (Heard::Others, sample);
    assert_eq!(all, [others(1_110), others(1_101), others(1_011), others(111), (Heard::Everyone, 1_111)]);
}

#[test]
fn a_frame_is_heard_in_one_tick_and_counted_once() {
    let mut mix = Mix::new(meeting(1));
    let (ann, bob) = (sit(&mut mix, 1), sit(&mut mix, 2));
    mix.begin_tick();
    for level in [7, 8] {
        mix.contribute(&ann, &[level; FRAME]).expect("her seat");
    }
    assert_eq!(heard(&mix, &bob), (Heard::Everyone, 7));
    mix.begin_tick();
    assert_eq!(heard(&mix, &bob), (Heard::Nobody, 0));
}

#[test]
fn media_5_who_leaves_in_mid_sound_rings_out_unless_it_must_go_at_once() {
    for (leaving, talks) in [(Leaving::Softly, true), (Leaving::AtOnce, true), (Leaving::Softly, false)] {
        let mut mix = Mix::new(meeting(1));
        let (ann, bob) = (sit(&mut mix, 1), sit(&mut mix, 2));
        mix.begin_tick();
        if talks {
            mix.contribute(&ann, &[1_000; FRAME]).expect("her seat");
        }
        mix.leave(ann, leaving).expect("her seat");
        mix.begin_tick();
        let mut frame = [0; FRAME];
        let rings = mix.hear(&bob, &mut frame) == Ok(Heard::Everyone) && frame[0] > 950 && frame[40] == 0;
        assert_eq!(rings, leaving == Leaving::Softly && talks, "{leaving:?}, talks: {talks}");
        assert_eq!(mix.loudest().count(), 0);
        mix.begin_tick();
        assert_eq!(heard(&mix, &bob), (Heard::Nobody, 0));
        assert!(mix.participants[0].is_none(), "its place is free");
    }
}

#[test]
fn a_sum_beyond_the_range_is_clipped() {
    let mut mix = Mix::new(meeting(1));
    let seats: Vec<Seat> = (0..3).map(|serial| sit(&mut mix, serial)).collect();
    for level in [i16::MAX, i16::MIN] {
        mix.begin_tick();
        for seat in &seats[..2] {
            mix.contribute(seat, &[level; FRAME]).expect("its own seat");
        }
        assert_eq!(heard(&mix, &seats[2]), (Heard::Everyone, level));
        assert_eq!(heard(&mix, &seats[0]), (Heard::Others, level));
    }
}

#[test]
fn iso_2_a_seat_of_another_meeting_or_of_an_earlier_sitting_is_refused() {
    let (mut one, mut other) = (Mix::new(meeting(1)), Mix::new(meeting(2)));
    let (here, there) = (sit(&mut one, 1), sit(&mut other, 1));
    let tag = there.tag();
    assert_eq!(one.seat(tag, PortId { worker: WorkerId(0), serial: 9 }, SampleRate::Hz8000), Err(Foreign));
    one.begin_tick();
    assert_eq!(one.contribute(&there, &[1; FRAME]), Err(Foreign));
    assert_eq!(one.hear(&there, &mut [0; FRAME]), Err(Foreign));
    assert_eq!(one.leave(there, Leaving::AtOnce), Err(Foreign));
    let forged = Seat { tag: here.tag, rate: here.rate, index: here.index, sitting: here.sitting };
    one.leave(here, Leaving::AtOnce).expect("its own seat");
    sit(&mut one, 2);
    assert_eq!(one.contribute(&forged, &[1; FRAME]), Err(Foreign), "the place is somebody else's");
}

#[test]
fn iso_2_a_partial_of_another_meeting_is_refused() {
    let mut mix = Mix::new(meeting(1));
    let mut partial = Partial::new(meeting(2), SampleRate::Hz8000);
    assert_eq!(mix.partial(&mut partial), Err(Foreign));
    assert_eq!(mix.merge(&partial), Err(Foreign));
}

#[test]
fn a_meeting_over_two_workers_sounds_like_one_over_one() {
    let mut parts = [Mix::new(meeting(1)), Mix::new(meeting(1))];
    let ann = sit(&mut parts[0], 1);
    let bob = sit(&mut parts[1], 2);
    let cleo = sit(&mut parts[1], 3);
    let mut partials = [(); 2].map(|()| Partial::new(meeting(1), SampleRate::Hz8000));
    parts.iter_mut().for_each(Mix::begin_tick);
    parts[0].contribute(&ann, &[1; FRAME]).expect("her seat");
    parts[1].contribute(&bob, &[10; FRAME]).expect("his seat");
    for (part, partial) in parts.iter().zip(&mut partials) {
        part.partial(partial).expect("its meeting");
    }
    parts[0].merge(&partials[1]).expect("its meeting");
    parts[1].merge(&partials[0]).expect("its meeting");
    assert_eq!(heard(&parts[0], &ann), (Heard::Others, 10));
    assert_eq!(heard(&parts[1], &bob), (Heard::Others, 1));
    assert_eq!(heard(&parts[1], &cleo), (Heard::Everyone, 11));
    let loudest: Vec<u64> = parts[0].loudest().map(|talker| talker.port.serial).collect();
    assert_eq!(loudest, [2, 1]);
}

#[test]
fn a_g711_meeting_has_one_bus_and_a_wide_band_listener_adds_one() {
    let mut mix = Mix::new(meeting(1));
    let narrow = sit(&mut mix, 1);
    assert_eq!(mix.rates().collect::<Vec<_>>(), [SampleRate::Hz8000]);
    let wide = sit_at(&mut mix, 2, SampleRate::Hz16000);
    assert_eq!(mix.rates().collect::<Vec<_>>(), [SampleRate::Hz8000, SampleRate::Hz16000]);
    let mut out = [0; 320];
    for _ in 0..5 {
        mix.begin_tick();
        mix.contribute(&narrow, &[1_000; FRAME]).expect("its seat");
        assert_eq!(mix.hear(&wide, &mut out), Ok(Heard::Everyone));
    }
    assert!(out.iter().all(|sample| (990..=1_010).contains(sample)), "a constant stays one: {out:?}");
    mix.leave(wide, Leaving::Softly).expect("its seat");
    mix.begin_tick();
    mix.begin_tick();
    assert_eq!(mix.rates().collect::<Vec<_>>(), [SampleRate::Hz8000]);
}

proptest! {
    #[test]
    fn what_each_hears_is_the_sum_less_its_own(levels in prop::collection::vec(prop::option::of(-800_i16..800), 1..40)) {
        let mut mix = Mix::new(meeting(1));
        let seats: Vec<Seat> = (0..levels.len() as u64).map(|serial| sit(&mut mix, serial)).collect();
        mix.begin_tick();
        for (seat, level) in seats.iter().zip(&levels) {
            if let Some(level) = level {
                mix.contribute(seat, &[*level; FRAME]).expect("its own seat");
            }
        }
        let sum: i32 = levels.iter().flatten().map(|level| i32::from(*level)).sum();
        for (seat, level) in seats.iter().zip(&levels) {
            let expected = sum - i32::from(level.unwrap_or(0));
            prop_assert_eq!(i32::from(heard(&mix, seat).1), expected.clamp(-32_768, 32_767));
        }
    }
}
