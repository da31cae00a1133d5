use terms::Pii;

use super::*;
use crate::leg::Caller;

const START: Instant = Instant::from_nanos(1_000_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);

fn settings() -> GuardSettings {
    GuardSettings::default()
}

fn caller(caller: Caller) -> Suspect {
    Suspect::of(&Arrival { trunk: Some("carrier".into()), caller, ..Arrival::default() })
}

fn asserted(number: &str) -> Suspect {
    caller(Caller::Asserted(Pii(number.into())))
}

/// Fails `times` times, a second apart, each time against an ID of its own.
fn fail(guard: &mut Guard, suspect: &Suspect, times: u64) -> (Instant, Verdicts) {
    let mut last = (START, Verdicts::default());
    for at in 0..times {
        let now = START + Duration::from_secs(at);
        let meeting = format!("8{at:08}").parse().ok();
        last = (now, guard.on_failure(now, &settings(), (suspect, meeting)));
    }
    last
}

#[test]
fn dial_5_ten_failures_lock_a_caller_for_ten_minutes() {
    let mut guard = Guard::default();
    let suspect = asserted("13800138000");
    let (_, verdicts) = fail(&mut guard, &suspect, 9);
    assert!(!verdicts.caller_locked && !guard.is_locked(START, &suspect));
    let now = START + Duration::from_secs(9);
    let verdicts = guard.on_failure(now, &settings(), (&suspect, None));
    assert!(verdicts.caller_locked && guard.is_locked(now, &suspect));
    assert!(guard.is_locked(now + MINUTE * 9, &suspect));
    assert!(!guard.is_locked(now + MINUTE * 10, &suspect));
    assert_eq!(guard.delay(now + MINUTE * 10, &settings(), (&suspect, None)), Duration::ZERO);
}

#[test]
fn dial_5_failures_older_than_five_minutes_count_no_more() {
    let mut guard = Guard::default();
    let suspect = asserted("13800138000");
    fail(&mut guard, &suspect, 9);
    let later = START + MINUTE * 5 + Duration::from_secs(8);
    assert_eq!(guard.delay(later, &settings(), (&suspect, None)), Duration::ZERO);
    assert!(!guard.on_failure(later, &settings(), (&suspect, None)).caller_locked);
}

#[test]
fn dial_5_the_wait_grows_before_the_lock() {
    let mut guard = Guard::default();
    let suspect = asserted("13800138000");
    let mut waits = Vec::new();
    for _ in 0..10 {
        waits.push(guard.delay(START, &settings(), (&suspect, None)).as_secs());
        guard.on_failure(START, &settings(), (&suspect, None));
    }
    assert_eq!(waits, [0, 0, 0, 1, 2, 3, 4, 5, 5, 5]);
}

#[test]
fn dial_5_a_forged_number_locks_out_the_forgery_alone() {
    let mut guard = Guard::default();
    let forged = caller(Caller::Claimed(Pii("13800138000".into())));
    let (now, _) = fail(&mut guard, &forged, 10);
    assert!(guard.is_locked(now, &forged));
    let other_trunk = Suspect::of(&Arrival {
        trunk: Some("other".into()),
        caller: Caller::Claimed(Pii("13800138000".into())),
        ..Arrival::default()
    });
    for other in [asserted("13800138000"), other_trunk, caller(Caller::Withheld)] {
        assert!(!guard.is_locked(now, &other), "{other:?}");
        assert_eq!(guard.delay(now, &settings(), (&other, None)), Duration::ZERO, "{other:?}");
    }
}

#[test]
fn dial_5_withheld_numbers_are_slowed_and_never_locked() {
    let mut guard = Guard::default();
    let withheld = caller(Caller::Withheld);
    fail(&mut guard, &withheld, 9);
    let wait = |guard: &Guard| guard.delay(START, &settings(), (&withheld, None)).as_secs();
    assert_eq!(wait(&guard), 0);
    let (now, verdicts) = fail(&mut guard, &withheld, 200);
    assert!(!verdicts.caller_locked && !guard.is_locked(now, &withheld));
    assert_eq!(guard.delay(now, &settings(), (&withheld, None)).as_secs(), 5);
}

#[test]
fn dial_5_over_twenty_failures_slow_a_meetings_answers_whoever_asks() {
    let mut guard = Guard::default();
    let meeting = "900100009".parse().ok();
    let stranger = asserted("13900139000");
    let mut told = 0;
    for number in 0..21 {
        assert_eq!(
            guard.delay(START, &settings(), (&stranger, meeting)),
            Duration::ZERO,
            "{number} failures"
        );
        let suspect = asserted(&format!("1380013{number:04}"));
        told += u8::from(guard.on_failure(START, &settings(), (&suspect, meeting)).meeting_attacked);
    }
    assert_eq!(told, 1);
    assert_eq!(guard.delay(START, &settings(), (&stranger, meeting)), MEETING_DELAY);
    assert_eq!(guard.delay(START + MINUTE * 10, &settings(), (&stranger, meeting)), Duration::ZERO);
}

#[test]
fn sec_2_an_attacker_of_many_names_fills_no_memory() {
    let mut guard = Guard::default();
    for number in 0..MAX_REMEMBERED + 100 {
        let suspect = asserted(&number.to_string());
        let meeting = format!("{number:09}").parse().ok();
        guard.on_failure(START + Duration::from_millis(1), &settings(), (&suspect, meeting));
    }
    assert_eq!((guard.suspects.times.len(), guard.meetings.times.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
    assert_eq!(guard.suspects.by_last.len(), MAX_REMEMBERED);
}

#[test]
fn sec_2_when_too_many_are_locked_out_the_lock_that_ends_first_goes() {
    let mut guard = Guard::default();
    for number in 0..=MAX_REMEMBERED {
        let now = START + Duration::from_micros(u64::try_from(number).expect("small"));
        guard.lock(now, settings().lock, &asserted(&number.to_string()));
    }
    assert_eq!((guard.locks.len(), guard.by_end.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
    assert!(!guard.is_locked(START, &asserted("0")));
    assert!(guard.is_locked(START, &asserted("1")) && guard.is_locked(START, &asserted("65536")));
}
