//! Room systems: what they dial, and where their device is (ROOM-4, ROOM-12, ISO-1).

use terms::{LeaseEpoch, media::Sources};

use super::*;
use crate::{
    lease::{Claim, SecondJoin},
    leg::{KeyMethod, Kind, Model, ReasonText, Way},
    question::{Place, Reached, WaitingFor, Whereabouts},
    terminal::{Mark, Terminal},
};

const OTHER: LegId = LegId(2);

fn room(called: &str) -> Arrival {
    let account = terms::AccountName::from("1001");
    let terminal = Terminal::of_account(&account, [Mark::Instance("urn:uuid:1".into())]);
    Arrival {
        called: called.into(),
        caller: Caller::Account(account.clone()),
        account: Some(account),
        tenant: Some("demo".into()),
        terminal: Some(Box::new(terminal)),
        kind: Kind::Hardware,
        ..Arrival::default()
    }
}

fn arrive(bench: &mut Bench, arrival: Arrival) -> Vec<Output> {
    bench.feed(Input::Leg(LEG, LegEvent::Arrived(Box::new(arrival))))
}

fn answer(bench: &mut Bench, asked: &[Output], answer: Answer) -> Vec<Output> {
    let (id, _) = question(asked).expect("something is asked");
    bench.feed(Input::Answer(id, answer))
}

fn open_port(bench: &mut Bench, outputs: &[Output]) -> Vec<Output> {
    let port = opened(outputs).expect("a port is asked for");
    let address = "127.0.0.1:10000".parse().expect("an address");
    bench.feed(Input::Media(Report::Opened { port, rtp: address, rtcp: address }))
}

fn right() -> Answer {
    Answer::Password(Verdict::Right(Role::Guest))
}

fn admitted() -> Answer {
    Answer::Admission(Admission::Admitted(Welcome::new(Role::Guest)))
}

/// What a refusal says.
fn refused(outputs: &[Output]) -> Option<(Cause, Option<ReasonText>)> {
    to_leg(outputs).into_iter().find_map(|command| match command {
        LegCommand::Refuse { cause, text } => Some((cause, text)),
        _ => None,
    })
}

#[test]
fn room_4_a_meeting_that_is_dialed_with_its_password_answers_once_it_lets_the_room_in() {
    let mut bench = Bench::new();
    let arrived = arrive(&mut bench, room("900100001*1234"));
    open_port(&mut bench, &arrived);
    let asked = question(&arrived).map(|(_, question)| question);
    let password = Secret::new("1234".to_owned());
    let meeting = Some(tag().meeting);
    assert_eq!(asked, Some(Question::CheckPassword { meeting, password, scope: None }));
    let leasing = answer(&mut bench, &arrived, right());
    let Some((_, Question::TakeLease(claim))) = question(&leasing) else { panic!("{leasing:?}") };
    let Claim { place, second, .. } = *claim;
    assert_eq!((place, second), (Place::Meeting(tag().meeting), SecondJoin::Reject));
    let admitting = answer(&mut bench, &leasing, granted(tag()));
    assert_eq!(to_leg(&admitting), [], "nothing is answered before the core has let it in");
    let answered = answer(&mut bench, &admitting, admitted());
    assert!(matches!(to_leg(&answered)[..], [LegCommand::Answer { .. }]), "{answered:?}");
    let greeted = bench.feed(Input::Leg(LEG, LegEvent::Established));
    let play = |output: &Output| match output {
        Output::Media(Command::Route { route: Route::Prompts { play, .. }, .. }) => Some(*play),
        _ => None,
    };
    let (port, play) =
        (opened(&arrived).expect("a port"), greeted.iter().find_map(play).expect("a greeting"));
    let inside = bench.feed(Input::Media(Report::Played { port, play }));
    let joins = |output: &Output| {
        matches!(output, Output::Media(Command::Route { route: Route::Meeting { .. }, .. }))
    };
    assert!(inside.iter().any(joins), "{inside:?}");
}

#[test]
fn room_4_a_room_that_may_not_in_is_refused_before_the_answer_in_the_services_words() {
    let dialed = |verdict: Option<Answer>, lease: Option<Answer>, admission: Option<Answer>| {
        let mut bench = Bench::new();
        let mut outputs = arrive(&mut bench, room("900100001*1234"));
        for said in [verdict, lease, admission].into_iter().flatten() {
            outputs = answer(&mut bench, &outputs, said);
        }
        refused(&outputs).expect("it is refused")
    };
    let admission =
        |admission| dialed(Some(right()), Some(granted(tag())), Some(Answer::Admission(admission)));
    let wrong = dialed(Some(Answer::Password(Verdict::Wrong)), None, None);
    let held = dialed(Some(right()), Some(Answer::Lease(LeaseAnswer::Held)), None);
    let text = |outcome| Some(ReasonText::Outcome(outcome));
    assert_eq!(wrong, (Cause::NOT_AUTHORIZED, text(Outcome::Wrong)));
    assert_eq!(held, (Cause::USER_BUSY, text(Outcome::InAnotherMeeting)));
    assert_eq!(admission(Admission::Locked), (Cause::CALL_REJECTED, text(Outcome::Locked)));
    assert_eq!(text(Outcome::Locked).map(ReasonText::words), Some("呼叫被拒绝"), "MEET-3");
    assert_eq!(admission(Admission::Full), (Cause::USER_BUSY, text(Outcome::Full)), "MEET-4");
    let away = dialed(Some(Answer::Unreachable), None, None);
    assert_eq!(away, (Cause::TEMPORARY_FAILURE, text(Outcome::CoreUnreachable)));
}

#[test]
fn iso_1_a_lease_is_given_back_when_the_media_is_closed_and_not_before() {
    let mut bench = Bench::new();
    let arrived = arrive(&mut bench, room("900100001*1234"));
    open_port(&mut bench, &arrived);
    let leasing = answer(&mut bench, &arrived, right());
    let admitting = answer(&mut bench, &leasing, granted(tag()));
    answer(&mut bench, &admitting, admitted());
    let revoked = bench.feed(Input::Directive(Directive::Revoke(LEG, tag().epoch)));
    assert!(matches!(
        to_leg(&revoked)[..],
        [LegCommand::HangUp { text: Some(ReasonText::Outcome(Outcome::MovedAway)), .. }]
    ));
    assert_eq!(departures(&revoked), 1, "the core knows at once");
    let release = Output::Release(tag().epoch);
    assert!(!revoked.contains(&release));
    let port = opened(&arrived).expect("a port");
    let closed = bench.feed(Input::Media(Report::Closed { port, quality: Box::default() }));
    assert!(closed.contains(&release), "{closed:?}");
    let stale = bench.feed(Input::Directive(Directive::Revoke(LEG, LeaseEpoch(99))));
    assert_eq!(stale, []);
}

#[test]
fn iso_1_where_the_host_is_asked_the_room_rings_until_the_host_has_spoken_or_not() {
    let asked = || {
        let mut bench = Bench::new();
        let arrived = arrive(&mut bench, room("900100001*1234"));
        let leasing = answer(&mut bench, &arrived, right());
        let confirming = answer(&mut bench, &leasing, Answer::Lease(LeaseAnswer::Contended));
        assert_eq!(to_leg(&confirming), [LegCommand::Ring]);
        answer(&mut bench, &confirming, Answer::Confirming(Ok(())));
        bench
    };
    let mut bench = asked();
    let confirmed = bench.feed(Input::Directive(Directive::Confirmed(LEG)));
    let Some((_, Question::TakeLease(claim))) = question(&confirmed) else { panic!("{confirmed:?}") };
    assert_eq!(claim.second, SecondJoin::Move, "it leaves the first, then joins");

    let mut bench = asked();
    let waited = bench.wait(30 * SECOND);
    assert_eq!(departures(&waited), 1);
    assert_eq!(refused(&waited).map(|(cause, _)| cause), Some(Cause::USER_BUSY));

    let mut bench = asked();
    let gone =
        bench.feed(Input::Leg(LEG, LegEvent::Ended { cause: Cause::NORMAL_CLEARING, by: EndedBy::Peer }));
    assert_eq!(departures(&gone), 1, "the host is asked no longer");
}

#[test]
fn room_4_who_dials_the_id_alone_comes_in_where_nothing_is_asked_and_keys_the_password_where_one_is() {
    let dialed = |entrance| {
        let mut bench = Bench::new();
        let arrived = arrive(&mut bench, room("900100001"));
        let looked = answer(&mut bench, &arrived, Answer::Located(Whereabouts::Nobody));
        open_port(&mut bench, &arrived);
        answer(&mut bench, &looked, Answer::Entrance(entrance))
    };
    let open = dialed(Entrance::Open);
    assert!(matches!(question(&open), Some((_, Question::TakeLease(_)))), "{open:?}");
    let asked = dialed(Entrance::Password);
    assert!(matches!(to_leg(&asked)[..], [LegCommand::Answer { .. }]), "{asked:?}");
    assert!(question(&asked).is_none());
}

#[test]
fn room_4_the_ivr_asks_for_the_password_alone_of_who_dialed_the_id() {
    let mut bench = Bench::new();
    let arrived = arrive(&mut bench, room("900100001"));
    let looked = answer(&mut bench, &arrived, Answer::Located(Whereabouts::Nobody));
    open_port(&mut bench, &arrived);
    answer(&mut bench, &looked, Answer::Entrance(Entrance::Password));
    let asked = bench.feed(Input::Leg(LEG, LegEvent::Established));
    let asks = question(&asked).map(|(_, question)| question);
    assert_eq!(asks, Some(Question::LookUp { meeting: Some(tag().meeting), scope: None }));
    let spoken = answer(&mut bench, &asked, Answer::Entrance(Entrance::Password));
    let prompts = format!("{spoken:?}");
    assert!(prompts.contains("ask-password") && !prompts.contains("ask-meeting-id"), "{prompts}");
    let keyed = bench.keys("1234#");
    assert!(matches!(question(&keyed), Some((_, Question::CheckPassword { .. }))), "{keyed:?}");
}

fn reached() -> Reached {
    Reached {
        zone: "public".into(),
        sources: Sources::default(),
        keys: KeyMethod::Auto,
        terminal: Terminal::of_account(&"1002".into(), [Mark::Instance("urn:uuid:2".into())]),
        model: Some(Box::new(Model { profile: "cisco-ce".to_owned(), quirks: Vec::new() })),
    }
}

#[test]
fn room_12_an_account_calls_another_and_both_devices_are_leased_before_anything_rings() {
    let mut bench = Bench::new();
    let arrived = arrive(&mut bench, room("1002"));
    let located = question(&arrived).map(|(_, question)| question);
    assert_eq!(located, Some(Question::Locate { account: "1002".into(), of: Some("demo".into()) }));
    let leasing = answer(&mut bench, &arrived, Answer::Located(Whereabouts::At(Box::new(reached()))));
    let Some((_, Question::TakeLease(claim))) = question(&leasing) else { panic!("{leasing:?}") };
    let place = claim.place;
    assert_eq!(place, Place::Call(CallId(1)));
    let lease = |epoch| Answer::Lease(LeaseAnswer::Granted { place, epoch: LeaseEpoch(epoch) });
    let onward = answer(&mut bench, &leasing, lease(1));
    open_port(&mut bench, &onward);
    let dialed = answer(&mut bench, &onward, lease(2));
    let [LegCommand::Dial(dial)] = &to_leg(&dialed)[..] else { panic!("{dialed:?}") };
    assert_eq!((&dial.way, dial.number.as_str()), (&Way::Account("1002".into()), "1002"));
    assert_eq!(dial.caller, Caller::Account("1001".into()));
}

#[test]
fn room_12_a_device_that_is_elsewhere_is_busy_and_is_not_rung() {
    let mut bench = Bench::new();
    let arrived = arrive(&mut bench, room("1002"));
    let leasing = answer(&mut bench, &arrived, Answer::Located(Whereabouts::At(Box::new(reached()))));
    let place = Place::Call(CallId(1));
    let onward =
        answer(&mut bench, &leasing, Answer::Lease(LeaseAnswer::Granted { place, epoch: LeaseEpoch(1) }));
    let busy = answer(&mut bench, &onward, Answer::Lease(LeaseAnswer::Held));
    assert_eq!(refused(&busy), Some((Cause::USER_BUSY, None)));
    assert!(!to_leg(&busy).iter().any(|command| matches!(command, LegCommand::Dial(_))));
}

#[test]
fn out_4_an_account_that_is_not_there_is_told_in_the_services_words() {
    let called = |called: &str, whereabouts| {
        let mut bench = Bench::new();
        let arrived = arrive(&mut bench, room(called));
        refused(&answer(&mut bench, &arrived, Answer::Located(whereabouts))).expect("it is refused")
    };
    assert_eq!(called("1002", Whereabouts::Offline), (Cause::NO_ANSWER, Some(ReasonText::Offline)));
    assert_eq!(called("nobody", Whereabouts::Nobody), (Cause::UNALLOCATED_NUMBER, Some(ReasonText::Nobody)));
}

#[test]
fn room_4_who_has_no_account_reaches_meetings_and_no_account() {
    let mut bench = Bench::new();
    let stranger = Arrival { account: None, tenant: None, terminal: None, ..room("900100001") };
    let arrived = arrive(&mut bench, stranger.clone());
    assert!(matches!(question(&arrived), Some((_, Question::LookUp { .. }))), "{arrived:?}");
    let arrived = bench.feed(Input::Leg(
        OTHER,
        LegEvent::Arrived(Box::new(Arrival { called: "room-2".into(), ..stranger })),
    ));
    assert_eq!(refused(&arrived), Some((Cause::UNALLOCATED_NUMBER, None)));
    let waiting = Outcome::of_admission(Admission::Waiting(WaitingFor::Confirmation));
    assert_eq!(waiting, Outcome::InWaitingRoom);
}
