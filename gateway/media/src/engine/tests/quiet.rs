//! What is sent and mixed while nobody speaks.

use super::*;

#[test]
fn media_5_a_meeting_in_which_nobody_speaks_is_described_and_the_next_word_is_marked() {
    let mut bench = Bench::new(2);
    let meeting = |epoch| Route::Meeting { tag: tag("900100001", epoch), voice: Voice::Heard };
    bench.open(1, 20, meeting(1));
    bench.open(2, 20, meeting(2));
    let noise = PayloadType(13);
    bench.command(Command::Connect {
        port: port(1),
        stream: Box::new(Stream { comfort_noise: Some(noise), ..*stream(20) }),
    });
    let to_first = |said: &[Said]| {
        let first: Vec<Said> =
            said.iter().filter(|said| matches!(said, Said::Rtp(SlotId(0), ..))).cloned().collect();
        rtp(&first)
    };
    let before = to_first(&bench.wait(Duration::from_millis(200))).last().expect("silence").1;
    let said = bench.wait(Duration::from_secs(2));
    let described = to_first(&said);
    assert_eq!(described.len(), 10, "one in 200 ms");
    assert!(
        described
            .iter()
            .all(|(_, header, octets)| { header.payload_type == noise && !header.marker && *octets == 1 })
    );
    assert_eq!(rtp(&said).len() - described.len(), 100, "who didn't ask for it gets every packet");
    for sequence in 0..10 {
        bench.hear(1, PEER, sequence, 0x20);
        let Some((_, header, _)) = to_first(&bench.wait(MS_20)).into_iter().find(|sent| sent.2 > 1) else {
            continue;
        };
        assert!(header.marker && header.payload_type == PayloadType(8), "{header:?}");
        // One more was due meanwhile.
        assert_eq!(header.sequence.distance_from(before.sequence), 12);
        let ticks = 2_000 / 20 + i32::from(sequence) + 1;
        assert_eq!(header.timestamp.distance_from(before.timestamp), ticks * 160);
        return;
    }
    unreachable!("nothing was heard");
}

#[test]
fn media_5_who_no_longer_makes_noise_of_its_own_is_sent_the_silence_again() {
    let mut bench = Bench::new(2);
    bench.open(1, 20, Route::Meeting { tag: tag("900100001", 1), voice: Voice::Heard });
    let agree = |bench: &mut Bench, comfort_noise| {
        let stream = Box::new(Stream { comfort_noise, ..*stream(20) });
        bench.command(Command::Connect { port: port(1), stream });
        rtp(&bench.wait(Duration::from_secs(2))).len()
    };
    assert!(agree(&mut bench, Some(PayloadType(13))) < 25, "described");
    assert_eq!(agree(&mut bench, None), 100);
}

#[test]
fn meet_7_a_line_that_is_only_background_is_not_mixed() {
    let mut bench = Bench::new(2);
    for serial in 1..=2 {
        bench.open(serial, 20, Route::Meeting { tag: tag("900100001", serial), voice: Voice::Heard });
    }
    let mut entropy = Entropy::from_seed([1, 2, 3, 4]);
    let mut sequence = 0;
    let mut noise = |bench: &mut Bench, ticks: usize| {
        for _ in 0..ticks {
            // -57 dBov: A-law of some steps about zero.
            let payload = [0; 160].map(|_: u8| [0xd5, 0x55, 0xd4, 0x54, 0xd1][entropy.below(5) as usize]);
            bench.say_as(0, sequence, &payload);
            sequence += 1;
            bench.wait(MS_20);
        }
        bench.heard.remove(&SlotId(1)).expect("silence is sent too")
    };
    noise(&mut bench, 300);
    let heard = noise(&mut bench, 200);
    assert!(heard.iter().all(|sample| sample.abs() <= 8), "{:?}", heard.iter().max());
}
