use std::time::Duration;

use dialplan::Table;
use terms::{
    Digit, Direction, Language, MeetingTag, Pii, Secret, TrunkName, WallTime,
    media::{Codec, Format, PayloadType, PortRefusal, Ptime, Quality, Route, Secrecy, Stream, Voice},
};

use super::*;
use crate::{
    leg::{Caller, EndedBy, LocalMedia},
    outcome::Outcome,
    question::{Admission, Entrance, Place, Role, Verdict, Welcome},
};

mod rooms;

const LEG: LegId = LegId(1);
const SECOND: Duration = Duration::from_secs(1);

fn settings() -> Settings {
    let routes =
        ["021532900XX -> ivr", "9001 -> app:echo", "9002 -> app:ring(2s),tone(1kHz)", "9008 -> refuse(17)"];
    let access = Access { tenant: None, languages: vec![Language::from("zh")], flow: Arc::default() };
    Settings {
        dialplan: Table::parse(routes).expect("sound lines"),
        access_numbers: [("+862153290005".to_owned(), access)].into(),
        ..Settings::default()
    }
}

/// A switch on virtual time, with one leg.
struct Bench {
    switch: Switch,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        let now = Now { mono: Instant::from_nanos(5), wall: WallTime::from_unix_nanos(1 << 60) };
        Self { switch: Switch::new(Arc::new(settings())), now }
    }

    fn feed(&mut self, input: Input) -> Vec<Output> {
        self.switch.handle_input(self.now, input);
        std::iter::from_fn(|| self.switch.poll_output()).collect()
    }

    fn arrive(&mut self, called: &str) -> Vec<Output> {
        let arrival =
            Arrival { trunk: Some(TrunkName::from("local")), called: called.into(), ..Arrival::default() };
        self.feed(Input::Leg(LEG, LegEvent::Arrived(Box::new(arrival))))
    }

    fn wait(&mut self, duration: Duration) -> Vec<Output> {
        self.now.mono += duration;
        self.feed(Input::Timeout)
    }

    /// Answers the leg and acknowledges.
    fn establish(&mut self, called: &str) -> Vec<Output> {
        let port = opened(&self.arrive(called)).expect("a port is asked for");
        let address = "127.0.0.1:10000".parse().expect("an address");
        self.feed(Input::Media(Report::Opened { port, rtp: address, rtcp: address }));
        self.feed(Input::Leg(
            LEG,
            LegEvent::Negotiated { line: 0, stream: Box::new(stream()), secrecy: Secrecy::NotOffered },
        ));
        self.feed(Input::Leg(LEG, LegEvent::Established))
    }

    fn keys(&mut self, keys: &str) -> Vec<Output> {
        let press = |key| Input::Leg(LEG, LegEvent::Digit(Digit::try_from(key).expect("a key")));
        keys.chars().flat_map(|key| self.press(press(key))).collect()
    }

    /// The core wants a password of whoever keyed an ID.
    fn press(&mut self, key: Input) -> Vec<Output> {
        let mut outputs = self.feed(key);
        if let Some((asked, Question::LookUp { .. })) = question(&outputs) {
            outputs = self.feed(Input::Answer(asked, Answer::Entrance(Entrance::Password)));
        }
        outputs
    }

    /// Through the IVR up to the question for the lease.
    fn key_a_right_pair(&mut self) -> QuestionId {
        self.establish("02153290005");
        let asked = self.keys("900100001#1234#");
        let (check, _) = question(&asked).expect("the core is asked");
        let verdict = Answer::Password(Verdict::Right(Role::Guest));
        question(&self.feed(Input::Answer(check, verdict))).expect("the lease service is asked").0
    }
}

fn stream() -> Stream {
    let format = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
    let remote = "192.0.2.1:4000".parse().expect("an address");
    Stream {
        remote,
        remote_rtcp: remote,
        direction: Direction::SendReceive,
        send: format,
        ptime: Ptime::MS_20,
        receive: vec![format],
        receive_events: None,
        send_events: None,
        comfort_noise: None,
        opus: terms::media::OpusWish::default(),
        rtcp: terms::media::RtcpPath::Apart,
        srtp: None,
        dtls: None,
        ice: None,
    }
}

fn opened(outputs: &[Output]) -> Option<PortId> {
    outputs.iter().find_map(|output| match output {
        Output::Media(Command::Open { port, .. }) => Some(*port),
        _ => None,
    })
}

fn question(outputs: &[Output]) -> Option<(QuestionId, Question)> {
    outputs.iter().find_map(|output| match output {
        Output::Question(id, question) => Some((*id, question.clone())),
        _ => None,
    })
}

fn to_leg(outputs: &[Output]) -> Vec<LegCommand> {
    let command = |output: &Output| match output {
        Output::Leg(_, command) => Some(command.clone()),
        _ => None,
    };
    outputs.iter().filter_map(command).collect()
}

fn departures(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Departure(_))).count()
}

fn granted(tag: MeetingTag) -> Answer {
    Answer::Lease(LeaseAnswer::Granted { place: Place::Meeting(tag.meeting), epoch: tag.epoch })
}

fn tag() -> MeetingTag {
    MeetingTag { meeting: "900100001".parse().expect("digits"), epoch: terms::LeaseEpoch(1) }
}

#[test]
fn dial_1_every_written_form_of_an_access_number_reaches_the_ivr() {
    for called in [
        "02153290005",
        "+862153290005",
        "021-53290005",
        "(021) 5329.0005",
        "53290005",
        "008602153290005",
        "862153290005",
    ] {
        let outputs = Bench::new().arrive(called);
        assert_eq!(to_leg(&outputs).len(), 0, "{called}: answered once the port is open");
        assert!(opened(&outputs).is_some(), "{called}: {outputs:?}");
    }
}

fn audio() -> LocalMedia {
    let address = "127.0.0.1:10000".parse().expect("an address");
    LocalMedia { rtp: address, rtcp: address }
}

#[test]
fn a_call_that_is_refused_is_recorded() {
    let rows = [
        ("no route", "5550404", Cause::UNALLOCATED_NUMBER),
        ("no access number behind the line", "02153290006", Cause::NO_ROUTE_TO_DESTINATION),
        ("the dialplan refuses", "9008", Cause::USER_BUSY),
    ];
    for (name, called, cause) in rows {
        let outputs = Bench::new().arrive(called);
        assert_eq!(to_leg(&outputs), [LegCommand::Refuse { cause, text: None }], "{name}");
        let record = outputs.iter().find_map(|output| match output {
            Output::Record(record) => Some((record.cause, record.by, record.answered)),
            _ => None,
        });
        assert_eq!(record, Some((cause, EndedBy::Gateway, None)), "{name}");
    }
}

#[test]
fn one_call_too_many_is_congestion() {
    let mut bench = Bench::new();
    bench.switch.settings = Arc::new(Settings { max_calls: 1, ..settings() });
    bench.arrive("9001");
    let arrival = Arrival { called: "9001".into(), ..Arrival::default() };
    let outputs = bench.feed(Input::Leg(LegId(2), LegEvent::Arrived(Box::new(arrival))));
    assert_eq!(to_leg(&outputs), [LegCommand::Refuse { cause: Cause::CONGESTION, text: None }]);
}

#[test]
fn dial_7_the_first_way_that_a_key_came_owns_the_leg() {
    let mut bench = Bench::new();
    bench.establish("02153290005");
    bench.keys("12");
    let port = PortId { worker: WorkerId(0), serial: 1 };
    for key in "12#".chars() {
        bench.feed(Input::Media(Report::Digit { port, digit: Digit::try_from(key).expect("a key") }));
    }
    let asked = bench.keys("#1234#");
    let Some((_, Question::CheckPassword { meeting, password, .. })) = question(&asked) else {
        panic!("{asked:?}")
    };
    assert_eq!((meeting, password), ("12".parse().ok(), Secret::new("1234".into())));
}

#[test]
fn core_2_a_core_that_does_not_answer_is_told_to_the_caller_and_ends_the_call() {
    let mut bench = Bench::new();
    bench.establish("02153290005");
    let asked = bench.keys("900100001#1234#");
    let (check, _) = question(&asked).expect("the core is asked");
    assert_eq!(bench.wait(2 * SECOND), []);
    let outputs = bench.wait(SECOND);
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Event(_, Event::Outcome(Outcome::CoreUnreachable))))
    );
    let late = bench.feed(Input::Answer(check, Answer::Password(Verdict::Right(Role::Host))));
    assert_eq!(late, [], "an answer that comes too late is void");
    let outputs = bench.wait(30 * SECOND);
    assert_eq!(to_leg(&outputs), [LegCommand::HangUp { cause: Cause::TEMPORARY_FAILURE, text: None }]);
}

#[test]
fn iso_1_a_lease_that_comes_after_the_call_is_given_back() {
    let mut bench = Bench::new();
    let lease = bench.key_a_right_pair();
    bench.feed(Input::Leg(LEG, LegEvent::Ended { cause: Cause::NORMAL_CLEARING, by: EndedBy::Peer }));
    let late = bench.feed(Input::Answer(lease, granted(tag())));
    assert!(late.contains(&Output::Release(tag().epoch)), "{late:?}");
}

#[test]
fn who_hangs_up_while_the_core_decides_gives_lease_and_seat_back() {
    let mut bench = Bench::new();
    let lease = bench.key_a_right_pair();
    bench.feed(Input::Answer(lease, granted(tag())));
    let outputs =
        bench.feed(Input::Leg(LEG, LegEvent::Ended { cause: Cause::NORMAL_CLEARING, by: EndedBy::Peer }));
    assert_eq!(departures(&outputs), 1);
}

#[test]
fn meet_6_a_mute_that_comes_during_the_announcement_holds_in_the_meeting() {
    let mut bench = Bench::new();
    let lease = bench.key_a_right_pair();
    let asked = bench.feed(Input::Answer(lease, granted(tag())));
    let (admit, _) = question(&asked).expect("the core is asked");
    bench.feed(Input::Answer(admit, Answer::Admission(Admission::Admitted(Welcome::new(Role::Guest)))));
    bench.feed(Input::Directive(Directive::SetVoice(LEG, Voice::Muted)));
    let outputs = bench.wait(30 * SECOND);
    let route = outputs.iter().find_map(|output| match output {
        Output::Media(Command::Route { route: Route::Meeting { voice, .. }, .. }) => Some(*voice),
        _ => None,
    });
    assert_eq!(route, Some(Voice::Muted));
}

#[test]
fn a_port_that_is_refused_ends_the_call_as_congestion() {
    let mut bench = Bench::new();
    let port = opened(&bench.arrive("9001")).expect("a port is asked for");
    let outputs = bench.feed(Input::Media(Report::Refused { port, reason: PortRefusal::RangeExhausted }));
    assert_eq!(to_leg(&outputs), [LegCommand::Refuse { cause: Cause::CONGESTION, text: None }]);
    assert!(bench.switch.is_empty());
}

#[test]
fn a_port_that_never_tells_its_figures_is_recorded_without_them() {
    let mut bench = Bench::new();
    bench.establish("9001");
    bench.feed(Input::Leg(LEG, LegEvent::Ended { cause: Cause::NORMAL_CLEARING, by: EndedBy::Peer }));
    let outputs = bench.wait(2 * SECOND);
    let quality = outputs.iter().find_map(|output| match output {
        Output::Record(record) => Some(record.quality),
        _ => None,
    });
    assert_eq!(quality, Some(None));
    assert!(bench.switch.is_empty());
    let port = PortId { worker: WorkerId(0), serial: 1 };
    assert_eq!(bench.feed(Input::Media(Report::Closed { port, quality: Box::new(Quality::default()) })), []);
}

#[test]
fn an_app_rings_first_and_is_answered_when_its_ring_is_over() {
    let mut bench = Bench::new();
    let outputs = bench.arrive("9002");
    assert_eq!(to_leg(&outputs), [LegCommand::Ring]);
    let port = opened(&outputs).expect("a port is asked for");
    let address = "127.0.0.1:10000".parse().expect("an address");
    assert_eq!(bench.feed(Input::Media(Report::Opened { port, rtp: address, rtcp: address })), []);
    assert_eq!(to_leg(&bench.wait(SECOND)), [LegCommand::Ring; 0]);
    assert_eq!(to_leg(&bench.wait(SECOND)), [LegCommand::Answer { audio: audio() }]);
}

/// A call of `caller` that keys `pairs`, each wrong; yields what the last caller hears of it, and
/// how long the answers took in all.
fn guess(bench: &mut Bench, (leg, caller): (u64, Caller), pairs: usize) -> (Option<Outcome>, Duration) {
    let arrival = Arrival { called: "02153290005".into(), caller, ..Arrival::default() };
    let leg = LegId(leg);
    let port = opened(&bench.feed(Input::Leg(leg, LegEvent::Arrived(Box::new(arrival))))).expect("a port");
    let address = "127.0.0.1:10000".parse().expect("an address");
    bench.feed(Input::Media(Report::Opened { port, rtp: address, rtcp: address }));
    let mut outputs = bench.feed(Input::Leg(leg, LegEvent::Established));
    let began = bench.now.mono;
    for _ in 0..pairs {
        let press = |key| Input::Leg(leg, LegEvent::Digit(Digit::try_from(key).expect("a key")));
        let asked: Vec<Output> = "900100009#9999#".chars().flat_map(|key| bench.press(press(key))).collect();
        let Some((check, _)) = question(&asked) else { break };
        outputs = bench.feed(Input::Answer(check, Answer::Password(Verdict::Wrong)));
        while !outputs.iter().any(|output| matches!(output, Output::Event(_, Event::Keyed(_)))) {
            outputs = bench.wait(SECOND);
        }
    }
    let took = bench.now.mono.since(began);
    let outcome = outputs.iter().find_map(|output| match output {
        Output::Event(_, Event::Outcome(outcome)) => Some(*outcome),
        _ => None,
    });
    bench.feed(Input::Leg(leg, LegEvent::Ended { cause: Cause::NORMAL_CLEARING, by: EndedBy::Peer }));
    (outcome, took)
}

#[test]
fn dial_5_a_guesser_waits_longer_is_locked_out_and_locks_nobody_else_out() {
    let mut bench = Bench::new();
    let number = || Pii("13800138000".to_owned());
    let thief = Caller::Claimed(number());
    let calls = [(); 4].map(|()| 3);
    let told: Vec<(Option<Outcome>, u64)> = (1..)
        .zip(calls)
        .map(|(leg, pairs)| guess(&mut bench, (leg, thief.clone()), pairs))
        .map(|(outcome, took)| (outcome, took.as_secs()))
        .collect();
    let too_often = Some(Outcome::WrongTooOften);
    assert_eq!(
        told,
        [(too_often, 0), (too_often, 1 + 2 + 3), (too_often, 4 + 5 + 5), (Some(Outcome::LockedOut), 5)]
    );
    assert_eq!(guess(&mut bench, (5, thief), 0).0, Some(Outcome::LockedOut), "the next call is told at once");
    for (leg, caller) in (6..).zip([Caller::Asserted(number()), Caller::Withheld]) {
        assert_eq!(guess(&mut bench, (leg, caller), 0), (None, Duration::ZERO), "the number's owner may try");
    }
}

#[test]
fn dial_5_a_call_that_began_before_its_number_was_locked_out_is_locked_out_too() {
    let mut bench = Bench::new();
    let caller = Caller::Claimed(Pii("13800138000".to_owned()));
    let arrival = Arrival { called: "02153290005".into(), caller: caller.clone(), ..Arrival::default() };
    let port = opened(&bench.feed(Input::Leg(LEG, LegEvent::Arrived(Box::new(arrival))))).expect("a port");
    let address = "127.0.0.1:10000".parse().expect("an address");
    bench.feed(Input::Media(Report::Opened { port, rtp: address, rtcp: address }));
    bench.feed(Input::Leg(LEG, LegEvent::Established));
    for leg in 11..15 {
        guess(&mut bench, (leg, caller.clone()), 3);
    }
    let (check, _) = question(&bench.keys("900100001#1234#")).expect("the core is asked");
    let told = bench.feed(Input::Answer(check, Answer::Password(Verdict::Right(Role::Guest))));
    let outcome = Output::Event(CallId(1), Event::Outcome(Outcome::LockedOut));
    assert!(told.contains(&outcome) && question(&told).is_none(), "{told:?}");
}

#[test]
fn dial_5_a_right_pair_is_held_back_as_long_as_a_wrong_one() {
    let mut bench = Bench::new();
    let caller = Caller::Claimed(Pii("13800138000".to_owned()));
    guess(&mut bench, (7, caller.clone()), 3);
    let arrival = Arrival { called: "02153290005".into(), caller, ..Arrival::default() };
    let port = opened(&bench.feed(Input::Leg(LEG, LegEvent::Arrived(Box::new(arrival))))).expect("a port");
    let address = "127.0.0.1:10000".parse().expect("an address");
    bench.feed(Input::Media(Report::Opened { port, rtp: address, rtcp: address }));
    bench.feed(Input::Leg(LEG, LegEvent::Established));
    let (check, _) = question(&bench.keys("900100001#1234#")).expect("the core is asked");
    let right = Answer::Password(Verdict::Right(Role::Guest));
    assert_eq!(bench.feed(Input::Answer(check, right)), []);
    assert_eq!(bench.wait(SECOND - Duration::from_nanos(1)), []);
    assert!(question(&bench.wait(Duration::from_nanos(1))).is_some(), "the lease service is asked");
}
