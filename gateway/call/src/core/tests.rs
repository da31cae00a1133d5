use super::*;
use crate::outcome::Outcome;
use crate::question::Welcome;
use terms::{LeaseEpoch, MeetingTag, WallTime};

const NOW: Now = Now { mono: Instant::from_nanos(1), wall: WallTime::from_unix_nanos(1) };
const FIRST: &str = "900100001";

fn core() -> Core {
    let mut core = Core::default();
    let passwords = Passwords::new(Secret::new("4321".into()), Secret::new("1234".into()));
    let meeting = Meeting::new(FIRST.parse().expect("digits"), TenantId::from("demo"), passwords);
    core.handle_input(NOW, Input::Put(Box::new(Meeting { capacity: 2, ..meeting })));
    let tenants = [(TenantId::from("demo"), Tenant::default())].into();
    core.handle_input(NOW, Input::Rules(Rules { tenants, ..Rules::default() }));
    while core.poll_output().is_some() {}
    core
}

fn ask(core: &mut Core, question: Question) -> Answer {
    core.handle_input(NOW, Input::Question(QuestionId(1), question));
    let outputs: Vec<_> = std::iter::from_fn(|| core.poll_output()).collect();
    match outputs.into_iter().next() {
        Some(Output::Answer(QuestionId(1), answer)) => answer,
        other => panic!("{other:?}"),
    }
}

fn verdict(meeting: &str, password: &str, scope: &str) -> Answer {
    let question = Question::CheckPassword {
        meeting: meeting.parse().ok(),
        password: Secret::new(password.into()),
        scope: (!scope.is_empty()).then(|| TenantId::from(scope)),
    };
    ask(&mut core(), question)
}

fn admit(core: &mut Core, leg: u64, role: Role) -> Answer {
    let tag = MeetingTag { meeting: FIRST.parse().expect("digits"), epoch: LeaseEpoch(leg) };
    ask(core, Question::Admit { leg: LegId(leg), tag, role, who: Who::default() })
}

#[test]
fn dial_4_one_verdict_for_all_that_is_wrong() {
    let right = |role| Answer::Password(Verdict::Right(role));
    let wrong = Answer::Password(Verdict::Wrong);
    let rows = [
        ("host", FIRST, "4321", "", right(Role::Host)),
        ("guest", FIRST, "1234", "demo", right(Role::Guest)),
        ("wrong password", FIRST, "9999", "", wrong.clone()),
        ("empty password", FIRST, "", "", wrong.clone()),
        ("unknown meeting", "900100009", "1234", "", wrong.clone()),
        ("unknown meeting, empty password", "900100009", "", "", wrong.clone()),
        ("no ID at all", "", "1234", "", wrong.clone()),
        ("another tenant's number", FIRST, "1234", "quiet", wrong),
    ];
    for (name, meeting, password, scope, expected) in rows {
        assert_eq!(verdict(meeting, password, scope), expected, "{name}");
    }
}

#[test]
fn meet_2_the_first_with_the_host_password_is_host_later_ones_are_ordinary() {
    let mut core = core();
    assert_eq!(
        admit(&mut core, 1, Role::Host),
        Answer::Admission(Admission::Admitted(Welcome::new(Role::Host)))
    );
    assert_eq!(
        admit(&mut core, 2, Role::Host),
        Answer::Admission(Admission::Admitted(Welcome::new(Role::Guest)))
    );
    assert_eq!(
        admit(&mut core, 1, Role::Host),
        Answer::Admission(Admission::Admitted(Welcome::new(Role::Host))),
        "again"
    );
}

#[test]
fn meet_4_a_full_meeting_admits_again_when_a_leg_left() {
    let mut core = core();
    admit(&mut core, 1, Role::Guest);
    admit(&mut core, 2, Role::Guest);
    assert_eq!(admit(&mut core, 3, Role::Guest), Answer::Admission(Admission::Full));
    let tag = MeetingTag { meeting: FIRST.parse().expect("digits"), epoch: LeaseEpoch(1) };
    core.handle_input(
        NOW,
        Input::Departure(Departure { leg: LegId(1), meeting: tag.meeting, identity: None }),
    );
    assert_eq!(
        admit(&mut core, 3, Role::Guest),
        Answer::Admission(Admission::Admitted(Welcome::new(Role::Guest)))
    );
}

#[test]
fn a_deleted_meeting_ends_for_everybody_once() {
    let mut core = core();
    admit(&mut core, 2, Role::Guest);
    let meeting = FIRST.parse().expect("digits");
    core.handle_input(NOW, Input::Delete(meeting));
    core.handle_input(NOW, Input::Delete(meeting));
    let put_out = Directive::PutOut(LegId(2), Outcome::MeetingEnded);
    let told: Vec<_> = std::iter::from_fn(|| core.poll_output()).collect();
    assert_eq!(
        told,
        [
            Output::Change(Change::Left(meeting, LegId(2))),
            Output::Directive(put_out),
            Output::Change(Change::Deleted(meeting)),
        ]
    );
    assert_eq!(admit(&mut core, 1, Role::Host), Answer::Admission(Admission::Ended));
}

#[test]
fn meet_4_a_tenant_that_the_operator_no_longer_names_may_use_nothing() {
    let mut core = core();
    core.handle_input(NOW, Input::Rules(Rules::default()));
    assert_eq!(admit(&mut core, 1, Role::Guest), Answer::Admission(Admission::NotEntitled));
}

#[test]
fn meet_3_other_settings_leave_a_hosts_lock_alone_unless_the_lock_is_among_them() {
    let mut core = core();
    let id = FIRST.parse().expect("digits");
    let lock = |core: &Core| core.view(id).map(|view| view.meeting.lock);
    let put = |core: &mut Core, capacity, lock| {
        let meeting = core.view(id).expect("it is there").meeting.clone();
        core.handle_input(NOW, Input::Put(Box::new(Meeting { capacity, lock, ..meeting })));
    };
    core.handle_input(NOW, Input::Control(id, Control::Lock));
    put(&mut core, 7, Lock::Open);
    assert_eq!(lock(&core), Some(Lock::Locked), "the capacity changed");
    put(&mut core, 7, Lock::Locked);
    put(&mut core, 7, Lock::Open);
    assert_eq!(lock(&core), Some(Lock::Open), "the lock changed");
}
