use std::{sync::Arc, time::Duration};

use super::*;

const MEETING: &str = "900100001";

/// An IVR on virtual time; what it wants done is written down as short words.
struct Caller {
    ivr: Ivr,
    now: Instant,
    heard: Vec<String>,
    /// What the core wants of who keyed an ID; `None` as long as it has not answered.
    entrance: Option<Entrance>,
}

impl Caller {
    fn dials(languages: &[&str]) -> Self {
        Self::dials_into(Flow::standard(), languages)
    }

    fn dials_into(flow: Flow, languages: &[&str]) -> Self {
        let languages = languages.iter().map(|text| Language::from(*text)).collect();
        let ivr = Ivr::new(IvrSettings::default(), Arc::new(flow), languages);
        let mut caller =
            Self { ivr, now: Instant::from_nanos(1), heard: Vec::new(), entrance: Some(Entrance::Password) };
        caller.feed(Input::Start);
        caller
    }

    fn feed(&mut self, input: Input) {
        self.ivr.handle_input(self.now, input);
        while let Some(output) = self.ivr.poll_output() {
            self.heard.push(match output {
                Output::Play(_, items) => items.iter().map(spoken).collect::<Vec<_>>().join(" "),
                Output::StopPlaying => "stop".into(),
                Output::LookUp { .. } => {
                    let Some(entrance) = self.entrance else { continue };
                    self.ivr.handle_input(self.now, Input::Entrance(entrance));
                    continue;
                }
                Output::Check { meeting, password } => {
                    let meeting = meeting.map_or_else(|| "?".into(), |meeting| meeting.to_string());
                    format!("check {meeting}/{}", password.reveal())
                }
                Output::Finished(finish) => format!("{finish:?}"),
            });
        }
    }

    fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.chars() {
            self.feed(Input::Digit(Digit::try_from(key).expect("a key")));
        }
        self
    }

    fn hears_it_out(&mut self) -> &mut Self {
        self.feed(Input::Played(PlayId(self.ivr.next_play.0 - 1)));
        self
    }

    fn waits(&mut self, duration: Duration) -> &mut Self {
        let until = self.now + duration;
        while let Some(next) = self.ivr.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.feed(Input::Timeout);
        }
        self.now = until;
        self
    }

    fn verdict(&mut self, verdict: Verdict) -> &mut Self {
        self.feed(Input::Verdict(verdict));
        self
    }

    fn heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.heard)
    }
}

fn spoken(item: &PlayItem) -> String {
    match item {
        PlayItem::Prompt { name, language } => format!("{language}:{name}"),
        PlayItem::Music { name } => format!("music:{name}"),
        PlayItem::Silence(duration) => format!("{}ms", duration.as_millis()),
    }
}

#[test]
fn dial_3_id_and_password_each_ended_by_pound() {
    let mut caller = Caller::dials(&["zh"]);
    assert_eq!(caller.heard(), ["200ms zh:welcome zh:ask-meeting-id"]);
    caller.hears_it_out().keys("900100001#").hears_it_out().keys("1234#");
    assert_eq!(caller.heard(), ["zh:ask-password", "check 900100001/1234"]);
    caller.verdict(Verdict::Right(Role::Guest));
    assert_eq!(caller.heard(), ["Right { meeting: MeetingId(900100001), role: Guest }"]);
    assert_eq!(caller.ivr.poll_timeout(), None);
}

#[test]
fn dial_3_a_pause_ends_an_entry_after_5_s_and_not_before() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.keys(MEETING).waits(Duration::from_millis(4_999));
    assert_eq!(caller.heard(), ["stop"]);
    caller.waits(Duration::from_millis(2));
    assert_eq!(caller.heard(), ["zh:ask-password"]);
}

#[test]
fn dial_3_a_prompt_stops_at_the_first_digit_and_that_digit_counts() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.keys("12#").keys("34#");
    assert_eq!(caller.heard(), ["stop", "zh:ask-password", "stop", "check 12/34"]);
}

#[test]
fn dial_3_star_clears_the_entry() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.keys("999*12#").keys("0*34#");
    assert_eq!(caller.heard(), ["stop", "zh:ask-password", "stop", "check 12/34"]);
}

#[test]
fn dial_3_no_key_within_10_s_counts_as_a_try() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.hears_it_out().waits(Duration::from_secs(10));
    assert_eq!(caller.heard(), ["zh:wrong zh:ask-meeting-id"]);
}

#[test]
fn dial_4_three_tries_then_the_end() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    for _ in 0..2 {
        caller.keys("1#1#").verdict(Verdict::Wrong);
        assert_eq!(
            caller.heard(),
            ["stop", "zh:ask-password", "stop", "check 1/1", "zh:wrong zh:ask-meeting-id"]
        );
    }
    caller.keys("1#1#").verdict(Verdict::Wrong);
    assert_eq!(caller.heard().last().map(String::as_str), Some("TooOften"));
}

#[test]
fn dial_4_an_entry_that_can_be_no_id_is_asked_for_a_password_like_any_other() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.keys("1234567890123456789012345678901234567890#").keys("1#");
    assert_eq!(caller.heard(), ["stop", "zh:ask-password", "stop", "check ?/1"]);
    caller.verdict(Verdict::Right(Role::Host));
    assert_eq!(caller.heard(), ["zh:wrong zh:ask-meeting-id"], "no verdict makes an ID of it");
}

#[test]
fn dial_4_the_whole_stage_is_bound_even_when_no_prompt_ever_ends() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.waits(Duration::from_millis(119_999));
    assert_eq!(caller.heard(), [""; 0]);
    caller.waits(Duration::from_millis(1));
    assert_eq!(caller.heard(), ["TimedOut"]);
}

#[test]
fn dial_2_a_bilingual_number_offers_the_choice() {
    let mut caller = Caller::dials(&["zh", "en"]);
    assert_eq!(caller.heard(), ["200ms zh:welcome en:welcome zh:choose-language"]);
    caller.keys("2");
    assert_eq!(caller.heard(), ["stop", "en:ask-meeting-id"]);
    assert_eq!(caller.ivr.languages(), [Language::from("en")]);
}

#[test]
fn dial_2_without_an_answer_it_goes_on_in_both_languages() {
    let mut caller = Caller::dials(&["zh", "en"]);
    caller.heard();
    caller.hears_it_out().waits(Duration::from_secs(10));
    assert_eq!(caller.heard(), ["zh:ask-meeting-id en:ask-meeting-id"]);
}

#[test]
fn dial_2_an_id_keyed_in_place_of_a_language_counts() {
    let mut caller = Caller::dials(&["zh", "en"]);
    caller.heard();
    caller.keys("900100001#");
    assert_eq!(caller.heard(), ["stop", "zh:ask-password en:ask-password"]);
}

#[test]
fn a_late_report_of_an_older_playing_starts_no_timer() {
    let mut caller = Caller::dials(&["zh"]);
    caller.hears_it_out().keys("12#");
    caller.feed(Input::Played(PlayId(0)));
    caller.waits(Duration::from_secs(20));
    caller.heard();
    assert!(matches!(caller.ivr.state, State::Asking { wait: Wait::Prompt(PlayId(1)), .. }));
}

#[test]
fn dial_3_a_meeting_that_wants_no_password_is_entered_without_the_question() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.entrance = Some(Entrance::Open);
    caller.keys("900100001#");
    assert_eq!(caller.heard(), ["stop", "Right { meeting: MeetingId(900100001), role: Guest }"]);
}

#[test]
fn meet_2_a_host_keys_its_password_where_guests_need_none_and_who_keys_none_is_a_guest() {
    for (keys, expected) in
        [("4321#", "check 900100001/4321"), ("#", "Right { meeting: MeetingId(900100001), role: Guest }")]
    {
        let mut caller = Caller::dials(&["zh"]);
        caller.heard();
        caller.entrance = Some(Entrance::HostPassword);
        caller.keys("900100001#").keys(keys);
        assert_eq!(caller.heard(), ["stop", "zh:ask-host-password", "stop", expected], "{keys}");
    }
    let mut caller = Caller::dials(&["zh"]);
    caller.entrance = Some(Entrance::HostPassword);
    caller.keys("900100001#").hears_it_out().waits(Duration::from_secs(10));
    let waited = "Right { meeting: MeetingId(900100001), role: Guest }";
    assert_eq!(caller.heard().last().map(String::as_str), Some(waited), "silence is a guest's");
}

#[test]
fn dial_3_who_can_key_no_password_of_the_meeting_hears_so() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.entrance = Some(Entrance::NoPhonePassword);
    caller.keys("900100001#");
    assert_eq!(caller.heard(), ["stop", "NoPhonePassword"]);
}

#[test]
fn dial_3_what_is_keyed_while_the_core_is_asked_counts_and_the_question_is_not_spoken() {
    let mut caller = Caller::dials(&["zh"]);
    caller.heard();
    caller.entrance = None;
    caller.keys("900100001#12");
    assert_eq!(caller.heard(), ["stop"]);
    caller.feed(Input::Entrance(Entrance::Password));
    caller.keys("34#");
    assert_eq!(caller.heard(), ["check 900100001/1234"]);
}

#[test]
fn dial_3_what_is_keyed_before_the_verdict_is_not_meant_for_another_try() {
    let mut caller = Caller::dials(&["zh"]);
    caller.keys("1#2#").keys("345").heard();
    caller.verdict(Verdict::Wrong);
    assert_eq!(caller.heard(), ["zh:wrong zh:ask-meeting-id"]);
    caller.keys("9#");
    assert_eq!(caller.heard(), ["stop", "zh:ask-password"]);
    assert_eq!(caller.ivr.meeting(), "9".parse().ok());
}

#[test]
fn an_operators_flow_has_menus_and_words_of_its_own() {
    let step = |name: &str, then| Step { say: vec![PromptName::from(name)], then };
    let [menu, hours, id, password] = [0, 1, 2, 3].map(StepId);
    let steps = vec![
        step("menu", Then::Menu { keys: [('1', id), ('*', hours)].into(), otherwise: menu }),
        step("hours", Then::Go(menu)),
        step("id", Then::MeetingId { next: password, host: password, wrong: id }),
        step("password", Then::Password { wrong: menu }),
    ];
    let flow = Flow::new(menu, steps).expect("a flow");
    let mut caller = Caller::dials_into(flow, &["zh"]);
    assert_eq!(caller.heard(), ["200ms zh:menu"]);
    caller.keys("*");
    assert_eq!(caller.heard(), ["stop", "zh:hours zh:menu"]);
    caller.keys("5");
    assert_eq!(caller.heard(), ["stop", "zh:menu"]);
    caller.hears_it_out().waits(Duration::from_secs(10));
    assert_eq!(caller.heard(), ["zh:menu"]);
    caller.keys("1").keys("12#").keys("34#").verdict(Verdict::Wrong);
    assert_eq!(caller.heard(), ["stop", "zh:id", "stop", "zh:password", "stop", "check 12/34", "zh:menu"]);
}
