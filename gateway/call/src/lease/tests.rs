use terms::{CallId, MeetingId};

use super::*;

fn meeting(text: &str) -> MeetingId {
    text.parse().expect("digits")
}

/// A service, and the questions that it was asked.
struct Bench {
    leases: Leases,
    asked: u64,
}

impl Bench {
    fn new() -> Self {
        Self { leases: Leases::new(BootEpoch(7)), asked: 0 }
    }

    fn take(&mut self, leg: u64, terminal: &Terminal, wanted: &str, second: SecondJoin) -> Vec<Output> {
        self.asked += 1;
        let place = Place::Meeting(meeting(wanted));
        let claim = Claim { leg: LegId(leg), terminal: terminal.clone(), place, second };
        self.leases.take(QuestionId(self.asked), claim);
        self.said()
    }

    fn said(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.leases.poll_output()).collect()
    }
}

fn granted(outputs: &[Output]) -> LeaseEpoch {
    match outputs {
        [Output::Answer(_, LeaseAnswer::Granted { epoch, .. })] => *epoch,
        other => panic!("not granted: {other:?}"),
    }
}

fn room(account: &str) -> Terminal {
    Terminal::of_account(&account.into(), [Mark::Instance("urn:uuid:1".into())])
}

const A: &str = "900100001";
const B: &str = "900100002";

#[test]
fn iso_1_a_terminal_holds_one_meeting_and_each_grant_is_higher() {
    let mut bench = Bench::new();
    let phone = Terminal::of_call(CallId(1));
    let first = granted(&bench.take(1, &phone, A, SecondJoin::Reject));
    let second = granted(&bench.take(1, &phone, A, SecondJoin::Reject));
    assert!(second > first, "asked again after a restore");
    bench.leases.release(first);
    assert_eq!(bench.leases.len(), 1, "an older epoch frees nothing");
    bench.leases.release(second);
    assert!(bench.leases.is_empty() && bench.leases.by_mark.is_empty());
}

#[test]
fn iso_1_a_second_join_is_refused_moved_or_asked_about_whatever_account_it_comes_by() {
    let mut bench = Bench::new();
    let first = granted(&bench.take(1, &room("1001"), A, SecondJoin::Reject));
    let held = bench.take(2, &room("1002"), B, SecondJoin::Reject);
    assert!(matches!(held[..], [Output::Answer(_, LeaseAnswer::Held)]), "{held:?}");
    let asked = bench.take(3, &room("1002"), B, SecondJoin::Ask);
    assert!(matches!(asked[..], [Output::Answer(_, LeaseAnswer::Contended)]), "{asked:?}");
    let moving = bench.take(4, &room("1002"), B, SecondJoin::Move);
    assert_eq!(moving, [Output::Revoke(LegId(1), first)], "it is granted only when the first has left");
    let third = bench.take(5, &room("1001"), A, SecondJoin::Move);
    assert_eq!(third, [], "the first was told already");
    bench.leases.release(first);
    let said = bench.said();
    let [
        Output::Answer(QuestionId(4), LeaseAnswer::Granted { epoch, .. }),
        Output::Revoke(LegId(4), revoked),
    ] = said[..]
    else {
        panic!("{said:?}")
    };
    assert_eq!(epoch, revoked, "and the next in line has it moved on");
    bench.leases.release(epoch);
    assert!(granted(&bench.said()) > epoch);
}

#[test]
fn iso_1_a_device_that_calls_its_meeting_again_takes_the_place_of_its_first_leg() {
    let mut bench = Bench::new();
    let first = granted(&bench.take(1, &room("1001"), A, SecondJoin::Reject));
    assert_eq!(bench.take(2, &room("1001"), A, SecondJoin::Reject), [Output::Revoke(LegId(1), first)]);
}

#[test]
fn iso_1_a_hint_evicts_nobody_and_keeps_nobody_out() {
    let stranger = Terminal::of_stranger(LegId(9), [Mark::Instance("urn:uuid:1".into())]);
    let mut bench = Bench::new();
    granted(&bench.take(1, &room("1001"), A, SecondJoin::Reject));
    let refused = bench.take(2, &stranger, B, SecondJoin::Move);
    assert!(matches!(refused[..], [Output::Answer(_, LeaseAnswer::Held)]), "{refused:?}");

    let mut bench = Bench::new();
    let squatted = granted(&bench.take(2, &stranger, B, SecondJoin::Reject));
    assert_eq!(bench.take(1, &room("1001"), A, SecondJoin::Reject), [Output::Revoke(LegId(2), squatted)]);
}

#[test]
fn iso_1_a_later_boot_grants_higher_epochs_and_a_restored_lease_holds() {
    let first_of = |boot| {
        let mut bench = Bench { leases: Leases::new(BootEpoch(boot)), asked: 0 };
        granted(&bench.take(1, &room("1001"), A, SecondJoin::Reject))
    };
    assert!(first_of(8) > first_of(7));
    let mut bench = Bench::new();
    bench.leases.adopt((LegId(1), room("1001")), Place::Meeting(meeting(A)), LeaseEpoch(u64::MAX - 5));
    let held = bench.take(2, &room("1002"), B, SecondJoin::Reject);
    assert!(matches!(held[..], [Output::Answer(_, LeaseAnswer::Held)]), "{held:?}");
}
