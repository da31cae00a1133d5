use std::time::Duration;

use terms::{Instant, LeaseEpoch, MeetingTag, Pii, Secret, TenantId, WallTime, media::Speaking};

use super::*;
use crate::{
    core::{Entry, Input, Meeting, Passwords, PhoneJoin, Rules, Tenant},
    leg::{Caller, Identity},
    question::{Answer, Departure, Question, QuestionId, Welcome, Who},
};

const NOW: Now = Now { mono: Instant::from_nanos(1), wall: WallTime::from_unix_nanos(1) };
const HOST: LegId = LegId(1);
const GUEST: LegId = LegId(2);
const OTHER: LegId = LegId(3);

fn meeting() -> MeetingId {
    "900100001".parse().expect("digits")
}

fn core(entry: Entry, capacity: u32) -> Core {
    let mut core = Core::default();
    let passwords = Passwords::new(Secret::new("4321".into()), Secret::new("1234".into()));
    let meeting = Meeting::new(meeting(), TenantId::from("demo"), passwords);
    core.handle_input(NOW, Input::Put(Box::new(Meeting { capacity, entry, ..meeting })));
    let tenants = [(TenantId::from("demo"), Tenant::default())].into();
    core.handle_input(NOW, Input::Rules(Rules { tenants, ..Rules::default() }));
    while core.poll_output().is_some() {}
    core
}

/// What the core says to a question: the answer, and what it tells others beside it.
fn ask(core: &mut Core, question: Question) -> (Answer, Vec<Directive>) {
    core.handle_input(NOW, Input::Question(QuestionId(1), question));
    let (mut answers, mut directives) = (Vec::new(), Vec::new());
    while let Some(output) = core.poll_output() {
        match output {
            Output::Answer(_, answer) => answers.push(answer),
            Output::Directive(directive) => directives.push(directive),
            Output::Change(_) | Output::Record(_) => {}
        }
    }
    assert_eq!(answers.len(), 1);
    (answers.remove(0), directives)
}

fn join(core: &mut Core, leg: LegId, role: Role) -> (Answer, Vec<Directive>) {
    join_as(core, leg, (role, Who::default()))
}

fn join_as(core: &mut Core, leg: LegId, (role, who): (Role, Who)) -> (Answer, Vec<Directive>) {
    let tag = MeetingTag { meeting: meeting(), epoch: LeaseEpoch(leg.0) };
    ask(core, Question::Admit { leg, tag, role, who })
}

fn press(core: &mut Core, leg: LegId, wish: Wish) -> (Controlled, Vec<Directive>) {
    match ask(core, Question::Control { leg, meeting: meeting(), wish }) {
        (Answer::Control(controlled), directives) => (controlled, directives),
        (answer, _) => panic!("{answer:?}"),
    }
}

fn order(core: &mut Core, control: Control) -> Vec<Directive> {
    core.handle_input(NOW, Input::Control(meeting(), control));
    std::iter::from_fn(|| core.poll_output())
        .filter_map(|output| match output {
            Output::Directive(directive) => Some(directive),
            Output::Change(_) | Output::Record(_) => None,
            answer @ Output::Answer(..) => panic!("{answer:?}"),
        })
        .collect()
}

/// A meeting with its host and two guests.
fn in_session() -> Core {
    let mut core = core(Entry::Open, 10);
    for (leg, role) in [(HOST, Role::Host), (GUEST, Role::Guest), (OTHER, Role::Guest)] {
        join(&mut core, leg, role);
    }
    core
}

#[test]
fn dial_8_a_guest_mutes_itself_and_unmutes_itself() {
    let mut core = in_session();
    for voice in [Voice::Muted, Voice::Heard] {
        let told = vec![Directive::SetVoice(GUEST, voice)];
        assert_eq!(press(&mut core, GUEST, Wish::ToggleVoice), (Controlled::Quietly, told));
    }
}

#[test]
fn dial_8_the_hosts_keys_are_the_hosts_alone() {
    let mut core = in_session();
    for wish in [Wish::ToggleLock, Wish::MuteAll, Wish::End] {
        assert_eq!(press(&mut core, GUEST, wish), (Controlled::HostOnly, vec![]), "{wish:?}");
        assert_eq!(press(&mut core, LegId(9), wish), (Controlled::NotIn, vec![]), "{wish:?}");
    }
    let (controlled, told) = press(&mut core, HOST, Wish::MuteAll);
    assert_eq!(controlled, Controlled::Done(Notice::AllMuted));
    assert_eq!(told, [GUEST, OTHER].map(|leg| Directive::SetVoice(leg, Voice::Muted)), "and not the host");
    let (controlled, told) = press(&mut core, HOST, Wish::End);
    assert_eq!(controlled, Controlled::Quietly);
    assert_eq!(told, [HOST, GUEST, OTHER].map(|leg| Directive::PutOut(leg, Outcome::MeetingEnded)));
}

#[test]
fn meet_3_nobody_joins_a_meeting_that_its_host_locked_until_it_is_unlocked() {
    let mut core = in_session();
    assert_eq!(press(&mut core, HOST, Wish::ToggleLock).0, Controlled::Done(Notice::Locked));
    let late = LegId(4);
    assert_eq!(join(&mut core, late, Role::Host).0, Answer::Admission(Admission::Locked));
    assert_eq!(press(&mut core, HOST, Wish::ToggleLock).0, Controlled::Done(Notice::Unlocked));
    assert_eq!(
        join(&mut core, late, Role::Host).0,
        Answer::Admission(Admission::Admitted(Welcome::new(Role::Guest)))
    );
}

#[test]
fn dial_6_who_waits_for_the_host_enters_with_it_as_far_as_there_are_places() {
    let mut core = core(Entry::WithHost, 2);
    let waiting = Answer::Admission(Admission::Waiting(WaitingFor::Host));
    assert_eq!(join(&mut core, GUEST, Role::Guest), (waiting.clone(), vec![]));
    assert_eq!(join(&mut core, OTHER, Role::Guest), (waiting, vec![]));
    let (answer, told) = join(&mut core, HOST, Role::Host);
    assert_eq!(answer, Answer::Admission(Admission::Admitted(Welcome::new(Role::Host))));
    let enter = Directive::Enter(GUEST, Admission::Admitted(Welcome::new(Role::Guest)));
    assert_eq!(told, [enter, Directive::Enter(OTHER, Admission::Full)]);
    assert_eq!(join(&mut core, OTHER, Role::Guest).0, Answer::Admission(Admission::Full));
}

#[test]
fn meet_6_the_waiting_room_lets_in_one_by_one_and_takes_no_place() {
    let mut core = core(Entry::WaitingRoom, 1);
    let waiting = Answer::Admission(Admission::Waiting(WaitingFor::Admission));
    for leg in [GUEST, OTHER] {
        assert_eq!(join(&mut core, leg, Role::Guest).0, waiting);
    }
    let entered = [Directive::Enter(OTHER, Admission::Admitted(Welcome::new(Role::Guest)))];
    assert_eq!(order(&mut core, Control::Admit { leg: OTHER }), entered);
    assert_eq!(order(&mut core, Control::Admit { leg: OTHER }), [], "it is in");
    assert_eq!(order(&mut core, Control::Admit { leg: GUEST }), [Directive::Enter(GUEST, Admission::Full)]);
}

#[test]
fn meet_6_from_outside_one_is_muted_put_out_and_its_hand_taken_down() {
    let mut core = in_session();
    press(&mut core, GUEST, Wish::RaiseHand);
    let hand = |core: &Core| core.view(meeting()).map(|view| view.participants[&GUEST].hand);
    assert_eq!(hand(&core), Some(Hand::Raised));
    assert_eq!(order(&mut core, Control::LowerHand { leg: GUEST }), []);
    assert_eq!(hand(&core), Some(Hand::Down));
    let muted = [Directive::SetVoice(GUEST, Voice::Muted)];
    assert_eq!(order(&mut core, Control::Mute { leg: GUEST }), muted);
    assert_eq!(order(&mut core, Control::Mute { leg: GUEST }), [], "it is muted");
    let removed = [Directive::PutOut(GUEST, Outcome::Removed)];
    assert_eq!(order(&mut core, Control::Remove { leg: GUEST }), removed);
    assert_eq!(order(&mut core, Control::Remove { leg: GUEST }), [], "it is out");
}

fn entitle(core: &mut Core, tenant: Tenant) {
    let tenants = [(TenantId::from("demo"), tenant)].into();
    core.handle_input(NOW, Input::Rules(Rules { tenants, ..Rules::default() }));
}

#[test]
fn meet_4_a_tenant_has_so_many_places_and_whoever_goes_gives_one_back() {
    let mut core = core(Entry::WaitingRoom, 10);
    entitle(&mut core, Tenant { participants: 2, ..Tenant::default() });
    let admitted = |role| Answer::Admission(Admission::Admitted(Welcome::new(role)));
    assert_eq!(join(&mut core, HOST, Role::Host).0, admitted(Role::Host));
    for leg in [GUEST, OTHER] {
        join(&mut core, leg, Role::Guest);
    }
    let enter = |leg, admission| [Directive::Enter(leg, admission)];
    let in_as_guest = Admission::Admitted(Welcome::new(Role::Guest));
    assert_eq!(
        order(&mut core, Control::Admit { leg: GUEST }),
        enter(GUEST, in_as_guest),
        "who waits took none"
    );
    assert_eq!(order(&mut core, Control::Admit { leg: OTHER }), enter(OTHER, Admission::Full));
    order(&mut core, Control::Remove { leg: GUEST });
    join(&mut core, OTHER, Role::Guest);
    assert_eq!(order(&mut core, Control::Admit { leg: OTHER }), enter(OTHER, in_as_guest));
    let tag = MeetingTag { meeting: meeting(), epoch: LeaseEpoch(1) };
    for leg in [HOST, HOST, OTHER] {
        core.handle_input(NOW, Input::Departure(Departure { leg, meeting: tag.meeting, identity: None }));
    }
    for leg in [HOST, GUEST] {
        let entered = join(&mut core, leg, Role::Host).0;
        assert_eq!(entered, admitted(Role::Guest), "the host's role is kept for it");
    }
}

#[test]
fn meet_4_phones_join_only_where_the_tenant_is_entitled_to_them() {
    let mut core = core(Entry::Open, 10);
    entitle(&mut core, Tenant { phone_join: PhoneJoin::NotEntitled, ..Tenant::default() });
    assert_eq!(join(&mut core, GUEST, Role::Guest).0, Answer::Admission(Admission::NotEntitled));
}

fn known(number: &str) -> Who {
    let identity = Identity { trunk: None, caller: Caller::Asserted(Pii(number.to_owned())) };
    Who { identity: Some(identity), ..Who::default() }
}

fn leave(core: &mut Core, leg: LegId, who: Who) {
    let tag = MeetingTag { meeting: meeting(), epoch: LeaseEpoch(leg.0) };
    core.handle_input(NOW, Input::Departure(Departure { leg, meeting: tag.meeting, identity: who.identity }));
    while core.poll_output().is_some() {}
}

fn role_of(answer: &Answer) -> Option<Role> {
    match answer {
        Answer::Admission(Admission::Admitted(welcome)) => Some(welcome.role),
        _ => None,
    }
}

#[test]
fn meet_2_the_role_of_a_host_who_drops_waits_60_s_for_the_same_caller_and_is_free_then() {
    let (host, other) = (known("13800138000"), known("13800138001"));
    let rows = [
        ("another, at once", other.clone(), 0, Role::Guest),
        ("another, at the last moment", other.clone(), 59_999, Role::Guest),
        ("another, after it", other, 60_000, Role::Host),
        ("the same, at once", host.clone(), 0, Role::Host),
        ("the same, after it", host.clone(), 60_000, Role::Host),
        ("a withheld number, at once", Who::default(), 0, Role::Guest),
    ];
    for (name, who, after_ms, role) in rows {
        let mut core = core(Entry::Open, 10);
        assert_eq!(role_of(&join_as(&mut core, HOST, (Role::Host, host.clone())).0), Some(Role::Host));
        leave(&mut core, HOST, host.clone());
        let tag = MeetingTag { meeting: meeting(), epoch: LeaseEpoch(2) };
        let question = Question::Admit { leg: OTHER, tag, role: Role::Host, who };
        let later = Now { mono: NOW.mono + Duration::from_millis(after_ms), ..NOW };
        core.handle_input(later, Input::Question(QuestionId(1), question));
        let Some(Output::Answer(_, answer)) = core.poll_output() else { panic!("{name}") };
        assert_eq!(role_of(&answer), Some(role), "{name}");
    }
}

#[test]
fn meet_2_a_host_who_withheld_its_number_is_not_taken_for_another_who_does() {
    let mut core = core(Entry::Open, 10);
    join(&mut core, HOST, Role::Host);
    leave(&mut core, HOST, Who::default());
    assert_eq!(role_of(&join(&mut core, OTHER, Role::Host).0), Some(Role::Guest));
}

#[test]
fn meet_2_a_released_role_is_free_at_once_and_passed_on_to_nobody() {
    let mut core = in_session();
    assert_eq!(order(&mut core, Control::Release), [Directive::SetRole(HOST, Role::Guest)]);
    assert_eq!(press(&mut core, HOST, Wish::ToggleLock).0, Controlled::HostOnly);
    assert_eq!(order(&mut core, Control::Release), [], "there is none");
    assert_eq!(role_of(&join(&mut core, LegId(4), Role::Host).0), Some(Role::Host));
}

#[test]
fn meet_2_who_has_an_account_claims_the_role_with_the_host_password_and_a_phone_does_not() {
    let mut core = in_session();
    let room = LegId(4);
    join_as(&mut core, room, (Role::Guest, Who { kind: Kind::Hardware, identity: None }));
    let claim = |leg, text: &str| Control::Claim { leg, host_password: Secret::new(text.into()) };
    let rows = [
        ("a phone", claim(GUEST, "4321"), Refusal::NoAccount),
        ("a wrong password", claim(room, "1234"), Refusal::WrongPassword),
        ("while there is a host", claim(room, "4321"), Refusal::HostThere),
        ("who is not there", claim(LegId(9), "4321"), Refusal::NoLeg),
    ];
    for (name, control, refusal) in rows {
        assert_eq!(core.may(meeting(), &control), Err(refusal), "{name}");
        assert_eq!(order(&mut core, control), [], "{name}");
    }
    order(&mut core, Control::Release);
    assert_eq!(order(&mut core, claim(room, "4321")), [Directive::SetRole(room, Role::Host)]);
}

#[test]
fn meet_5_what_a_tenant_mutes_by_kind_joins_muted_unless_it_is_the_host() {
    let voice = |kind, role| {
        let mut core = core(Entry::Open, 10);
        entitle(&mut core, Tenant { auto_mute: [Kind::Hardware].into(), ..Tenant::default() });
        match join_as(&mut core, GUEST, (role, Who { kind, identity: None })).0 {
            Answer::Admission(Admission::Admitted(welcome)) => welcome.voice,
            answer => panic!("{answer:?}"),
        }
    };
    assert_eq!(voice(Kind::Hardware, Role::Guest), Voice::Muted);
    assert_eq!(voice(Kind::Hardware, Role::Host), Voice::Heard);
    assert_eq!(voice(Kind::Phone, Role::Guest), Voice::Heard);
}

#[test]
fn every_change_is_told_once_to_whoever_watches() {
    let mut core = in_session();
    let changes = |core: &mut Core, input| {
        core.handle_input(NOW, input);
        std::iter::from_fn(|| core.poll_output())
            .filter_map(|output| match output {
                Output::Change(change) => Some(change),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    let guest = Participant::default();
    let muted = Participant { voice: Voice::Muted, ..guest };
    let speaking = Participant { speaking: Speaking::Yes, ..muted };
    let mut expect = |input: Input, expected: &[Change]| {
        assert_eq!(changes(&mut core, input.clone()), expected, "{input:?}");
    };
    let control = |control| Input::Control(meeting(), control);
    expect(control(Control::Lock), &[Change::Meeting(meeting())]);
    expect(control(Control::Lock), &[]);
    expect(control(Control::Mute { leg: GUEST }), &[Change::Participant(meeting(), GUEST, muted)]);
    expect(control(Control::Mute { leg: GUEST }), &[]);
    let speaks = || Input::Speaking(GUEST, meeting(), Speaking::Yes);
    expect(speaks(), &[Change::Participant(meeting(), GUEST, speaking)]);
    expect(speaks(), &[]);
    expect(control(Control::Remove { leg: GUEST }), &[Change::Left(meeting(), GUEST)]);
}
