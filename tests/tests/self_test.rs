//! Numbers that a caller tests the line with (MEDIA-8): what it hears is what the network did, and what it keyed.

use std::time::Duration;

use terms::Cause;
use tests::{
    Action::{Key, Talk, Wait},
    Conditions, PhoneEvent, World,
    spoken::Recordings,
    tone::is_heard,
};

const QUALITY: &str = "9004";
const DIGITS: &str = "9005";
const BOTH_TESTS: &str = "9006";
const SECOND: Duration = Duration::from_secs(1);

/// A call in which the phone's packets, and nothing else, meet `conditions`.
fn measured(conditions: Conditions, seed: u64) -> World {
    let mut world = World::new(Conditions::GOOD, seed, &[440]);
    let from = world.phones[0].media_address();
    world.network.impair(from, conditions);
    world.dial(0, QUALITY, &[Talk(1_000 * SECOND)]);
    world.run(60 * SECOND);
    world
}

/// What the phone heard, word by word: in Chinese, and in English.
fn words(world: &World) -> [String; 2] {
    let recordings = Recordings::shipped();
    let heard = recordings.in_sound(&world.phones[0].heard);
    ["zh/", "en/"].map(|language| {
        let of_it = heard.iter().filter_map(|name| name.strip_prefix(language));
        of_it.map(|name| name.strip_prefix("digit-").unwrap_or(name)).collect::<Vec<_>>().join(" ")
    })
}

/// The figure that follows a word.
fn figure(words: &str, after: &str) -> Option<f32> {
    let (_, rest) = words.split_once(after)?;
    let digits = rest.split_whitespace().take_while(|word| *word == "point" || word.len() == 1);
    digits.collect::<String>().replace("point", ".").parse().ok()
}

#[test]
fn media_8_the_loss_that_is_read_back_is_the_loss_that_there_was() {
    for (seed, loss_percent) in [(1, 0), (2, 3), (3, 10), (4, 30)] {
        let world = measured(Conditions { loss_percent, ..Conditions::GOOD }, seed);
        let all = u32::try_from(world.network.lost.len()).expect("few");
        for words in words(&world) {
            let told =
                figure(&words, "quality-loss-there").unwrap_or_else(|| panic!("{loss_percent}: {words}"));
            // Of some 500 packets that are drawn by lot.
            let injected = f32::from(u16::try_from(loss_percent).expect("a percentage"));
            let spread =
                if loss_percent == 0 { 0.0 } else { 3.0 * (injected * (100.0 - injected) / 500.0).sqrt() };
            assert!((told - injected).abs() <= spread, "{told} of {injected} %, {all} lost: {words}");
            assert_eq!(figure(&words, "quality-jitter"), Some(0.0), "{words}");
            assert!(words.starts_with("quality-begin") && words.ends_with("goodbye"), "{words}");
        }
        let hung_up = PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING));
        assert!(world.phones[0].when(&hung_up).is_some(), "{:?}", world.phones[0].events);
        assert!(world.gateway.is_at_rest());
    }
}

#[test]
fn media_8_the_jitter_that_is_read_back_is_what_rfc3550_makes_of_the_network() {
    // Two delays drawn evenly from 0 to 60 ms differ by 20 ms in the mean.
    let world = measured(Conditions { jitter: Duration::from_millis(60), ..Conditions::GOOD }, 1);
    let [_, words] = words(&world);
    let told = figure(&words, "quality-jitter").expect("told");
    assert!((14.0..=26.0).contains(&told), "{words}");
    // One that was overtaken at the very end has not come yet.
    assert!(figure(&words, "quality-loss-there").is_some_and(|lost| lost < 0.5), "{words}");
}

#[test]
fn media_8_a_caller_who_is_not_heard_hears_so() {
    let world = measured(Conditions { loss_percent: 100, ..Conditions::GOOD }, 1);
    assert_eq!(words(&world), ["quality-begin quality-nothing goodbye"; 2]);
}

#[test]
fn media_8_the_delay_and_the_way_back_are_read_where_the_phone_reports() {
    let mut world =
        World::new(Conditions { delay: Duration::from_millis(40), ..Conditions::GOOD }, 1, &[440]);
    world.phones[0].reports = Some(Vec::new());
    world.dial(0, QUALITY, &[Talk(1_000 * SECOND)]);
    world.run(60 * SECOND);
    let [_, words] = words(&world);
    assert_eq!(figure(&words, "quality-delay"), Some(40.0), "{words}");
    assert_eq!(figure(&words, "quality-loss-back"), Some(0.0), "{words}");
}

#[test]
fn media_8_the_caller_hears_itself_meanwhile() {
    let mut world = World::new(Conditions::GOOD, 1, &[440]);
    world.dial(0, QUALITY, &[Talk(1_000 * SECOND)]);
    // Both greetings take 7.4 s.
    world.run(9 * SECOND);
    world.phones[0].heard.clear();
    world.run(6 * SECOND);
    assert!(is_heard(&world.phones[0].heard, 440));
    world.run(4 * SECOND);
    world.phones[0].heard.clear();
    world.run(6 * SECOND);
    assert!(!is_heard(&world.phones[0].heard, 440), "what is told is told alone");
}

#[test]
fn media_8_each_key_is_read_back_in_both_languages_and_pound_ends() {
    let mut world = World::new(Conditions::GOOD, 1, &[440]);
    world.dial(
        0,
        DIGITS,
        &[Wait(12 * SECOND), Key("10*98765432"), Wait(30 * SECOND), Key("#"), Wait(60 * SECOND)],
    );
    world.run(80 * SECOND);
    assert_eq!(words(&world), ["digits-begin 1 0 star 9 8 7 6 5 4 3 2 goodbye"; 2]);
    let hung_up = PhoneEvent::HungUp(Some(Cause::NORMAL_CLEARING));
    assert!(world.phones[0].when(&hung_up).is_some(), "{:?}", world.phones[0].events);
    assert!(world.gateway.is_at_rest());
}

#[test]
fn media_8_tests_follow_each_other_and_go_on_after_a_restart() {
    let run = |moment: Option<u64>| {
        let mut world = World::new(Conditions::GOOD, 1, &[440]);
        world.dial(0, BOTH_TESTS, &[Talk(48 * SECOND), Key("42#"), Wait(60 * SECOND)]);
        if let Some(moment) = moment {
            world.run(Duration::from_millis(moment));
            world.restart_gateway();
        }
        world.run(100 * SECOND);
        world
    };
    let world = run(None);
    let told =
        ["digits-begin 4 2 goodbye", "quality-begin quality-loss-there 0 point 0 quality-jitter 0 goodbye"];
    assert_eq!(words(&world), told);
    for moment in (1_000..50_000).step_by(2_300) {
        let world = run(Some(moment));
        assert!(world.gateway.is_at_rest(), "{moment} ms: {:?}", world.gateway.events);
        let [chinese, english] = words(&world);
        assert!(
            english.ends_with("goodbye") && chinese.ends_with("4 2 goodbye"),
            "{moment} ms: {english}; {chinese}"
        );
    }
}
