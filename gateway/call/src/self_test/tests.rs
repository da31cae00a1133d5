use std::time::Duration;

use terms::media::Figures;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A test, and the time.
struct Stand {
    test: SelfTest,
    now: Instant,
}

impl Stand {
    fn new(step: &Step) -> Self {
        let test = SelfTest::of(step, PlayId(5)).expect("a test");
        Self { test, now: Instant::from_nanos(7_000_000_000) }
    }

    fn feed(&mut self, input: Input<'_>) -> Vec<Output> {
        self.test.handle_input(self.now, input);
        std::iter::from_fn(|| self.test.poll_output()).collect()
    }

    /// What is said after the input, with its name; `echo` and `over` as such.
    fn says(&mut self, input: Input<'_>) -> String {
        let word = |output: Output| match output {
            Output::Hear(Route::Prompts { play, items }) => {
                let words: Vec<String> = items.iter().map(item).collect();
                format!("{}: {}", play.0, words.join(" "))
            }
            Output::Hear(Route::Echo) => "echo".to_owned(),
            Output::Hear(route) => panic!("{route:?}"),
            Output::Finished => "over".to_owned(),
        };
        self.feed(input).into_iter().map(word).collect::<Vec<_>>().join("; ")
    }

    fn keys(&mut self, key: char) -> String {
        self.says(Input::Digit(Digit::try_from(key).expect("a key")))
    }
}

fn item(item: &PlayItem) -> String {
    match item {
        PlayItem::Prompt { name, language } => format!("{language}/{name}"),
        PlayItem::Silence(_) => "-".to_owned(),
        PlayItem::Music { .. } => panic!("no music"),
    }
}

fn zh() -> Vec<Language> {
    vec!["zh".into()]
}

fn measured(loss: Option<f32>, jitter: Option<f32>, back: Option<(f32, f32)>) -> Measured {
    let delay_estimated_ms = back.map(|(_, delay)| delay);
    Measured {
        inbound: Figures { loss_percent: loss, jitter_ms: jitter, delay_estimated_ms, mos: None },
        outbound: Figures { loss_percent: back.map(|(loss, _)| loss), ..Figures::default() },
        ..Measured::default()
    }
}

/// What is told after ten seconds of such measures, one a second; the first six speak of before.
fn told(before: &Measured, after: &Measured) -> String {
    let mut stand = Stand::new(&Step::Quality(zh()));
    assert_eq!(stand.says(Input::Start), "5: - zh/quality-begin");
    assert_eq!(stand.says(Input::Played(PlayId(4))), "", "of another playing");
    assert_eq!(stand.says(Input::Played(PlayId(5))), "echo");
    for second in 1..=10 {
        stand.now += SECOND;
        let measured = if second < 6 { before } else { after };
        assert_eq!(stand.says(Input::Measured(measured)), "");
    }
    assert_eq!(stand.test.poll_timeout(), Some(stand.now));
    let words = stand.says(Input::Timeout);
    assert_eq!(stand.says(Input::Played(PlayId(6))), "over");
    words.replace("zh/", "").replace("digit-", "")
}

#[test]
fn media_8_loss_with_a_decimal_and_jitter_in_whole_milliseconds_are_told() {
    let (before, after) = (measured(Some(90.0), Some(90.0), None), measured(Some(12.34), Some(20.6), None));
    let wanted = "6: quality-loss-there 1 2 point 3 quality-jitter 2 1 goodbye";
    assert_eq!(told(&before, &after), wanted, "not of the greeting");
    let good = measured(Some(0.0), Some(0.2), None);
    assert_eq!(told(&good, &good), "6: quality-loss-there 0 point 0 quality-jitter 0 goodbye");
}

#[test]
fn media_8_the_other_way_and_the_delay_are_told_where_rtcp_tells_them() {
    let figures = measured(Some(1.0), Some(3.0), Some((4.0, 105.4)));
    let wanted = "6: quality-loss-there 1 point 0 quality-jitter 3 quality-loss-back 4 point 0 quality-delay 1 0 5 goodbye";
    assert_eq!(told(&figures, &figures), wanted);
}

#[test]
fn media_8_a_caller_who_is_not_heard_is_told_so() {
    let nothing = measured(Some(100.0), None, None);
    assert_eq!(told(&nothing, &nothing), "6: quality-nothing goodbye");
    let unknown = Measured::default();
    assert_eq!(told(&unknown, &unknown), "6: quality-nothing goodbye");
}

#[test]
fn media_8_each_key_is_read_back_in_whole_and_in_each_language() {
    let mut stand = Stand::new(&Step::Digits(vec!["zh".into(), "en".into()]));
    assert_eq!(stand.says(Input::Start), "5: - zh/digits-begin en/digits-begin");
    assert_eq!(stand.keys('7'), "6: zh/digit-7 en/digit-7", "nobody need hear the greeting");
    let later = ['*', 'B', '#'].map(|key| stand.keys(key));
    assert_eq!(later, ["", "", ""], "one after the other");
    assert_eq!(stand.says(Input::Played(PlayId(6))), "7: zh/digit-star en/digit-star");
    assert_eq!(stand.says(Input::Played(PlayId(7))), "8: zh/digit-other en/digit-other");
    assert_eq!(stand.says(Input::Played(PlayId(8))), "9: zh/goodbye en/goodbye");
    assert_eq!(stand.keys('1'), "", "it is over");
    assert_eq!(stand.says(Input::Played(PlayId(9))), "over");
    assert_eq!(stand.test.next_play(), PlayId(10));
}

#[test]
fn media_8_a_pause_ends_the_reading_and_so_does_its_bound() {
    let mut stand = Stand::new(&Step::Digits(zh()));
    stand.says(Input::Start);
    assert_eq!(stand.test.poll_timeout(), None, "the greeting has no bound of its own");
    stand.says(Input::Played(PlayId(5)));
    stand.now += 30 * SECOND;
    assert_eq!(
        (stand.test.poll_timeout(), stand.says(Input::Timeout)),
        (Some(stand.now), "6: zh/goodbye".to_owned())
    );

    let mut stand = Stand::new(&Step::Digits(zh()));
    stand.says(Input::Start);
    stand.says(Input::Played(PlayId(5)));
    let mut read = 0;
    for play in 6.. {
        stand.now += 20 * SECOND;
        if stand.keys('3').contains("goodbye") {
            break;
        }
        assert_eq!(stand.says(Input::Played(PlayId(play))), "");
        read += 1;
    }
    assert_eq!(read, 14, "five minutes");
}
