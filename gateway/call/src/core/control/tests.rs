use terms::{LeaseEpoch, MeetingTag, Secret, TenantId};

use super::*;
use crate::core::Passwords;
use crate::{
    core::{Entry, Input, Meeting, PhoneJoin, Tenant},
    question::{Answer, Departure, Question, QuestionId, Terminal},
};

const HOST: LegId = LegId(1);
const GUEST: LegId = LegId(2);
const OTHER: LegId = LegId(3);

fn meeting() -> MeetingId {
    "900100001".parse().expect("digits")
}

fn core(entry: Entry, capacity: u32) -> Core {
    let mut core = Core::default();
    core.handle_input(Input::Put(Box::new(Meeting {
        id: meeting(),
        tenant: TenantId::from("demo"),
        passwords: Passwords {
            host_password: Secret::new("4321".into()),
            guest_password: Secret::new("1234".into()),
            ..Passwords::default()
        },
        capacity,
        lock: Lock::Open,
        entry,
    })));
    core
}

/// What the core says to a question: the answer, and what it tells others beside it.
fn ask(core: &mut Core, question: Question) -> (Answer, Vec<Directive>) {
    core.handle_input(Input::Question(QuestionId(1), question));
    let (mut answers, mut directives) = (Vec::new(), Vec::new());
    while let Some(output) = core.poll_output() {
        match output {
            Output::Answer(_, answer) => answers.push(answer),
            Output::Directive(directive) => directives.push(directive),
        }
    }
    assert_eq!(answers.len(), 1);
    (answers.remove(0), directives)
}

fn join(core: &mut Core, leg: LegId, role: Role) -> (Answer, Vec<Directive>) {
    let tag = MeetingTag { meeting: meeting(), epoch: LeaseEpoch(leg.0) };
    ask(core, Question::Admit { leg, tag, role })
}

fn press(core: &mut Core, leg: LegId, wish: Wish) -> (Controlled, Vec<Directive>) {
    match ask(core, Question::Control { leg, meeting: meeting(), wish }) {
        (Answer::Control(controlled), directives) => (controlled, directives),
        (answer, _) => panic!("{answer:?}"),
    }
}

fn order(core: &mut Core, control: Control) -> Vec<Directive> {
    core.handle_input(Input::Control(meeting(), control));
    std::iter::from_fn(|| core.poll_output())
        .map(|output| match output {
            Output::Directive(directive) => directive,
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
    assert_eq!(join(&mut core, late, Role::Host).0, Answer::Admission(Admission::Admitted(Role::Guest)));
}

#[test]
fn dial_6_who_waits_for_the_host_enters_with_it_as_far_as_there_are_places() {
    let mut core = core(Entry::WithHost, 2);
    let waiting = Answer::Admission(Admission::Waiting(WaitingFor::Host));
    assert_eq!(join(&mut core, GUEST, Role::Guest), (waiting.clone(), vec![]));
    assert_eq!(join(&mut core, OTHER, Role::Guest), (waiting, vec![]));
    let (answer, told) = join(&mut core, HOST, Role::Host);
    assert_eq!(answer, Answer::Admission(Admission::Admitted(Role::Host)));
    let enter = Directive::Enter(GUEST, Admission::Admitted(Role::Guest));
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
    let entered = [Directive::Enter(OTHER, Admission::Admitted(Role::Guest))];
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
    core.handle_input(Input::Tenants([(TenantId::from("demo"), tenant)].into()));
}

#[test]
fn meet_4_a_tenant_has_so_many_places_and_whoever_goes_gives_one_back() {
    let mut core = core(Entry::WaitingRoom, 10);
    entitle(&mut core, Tenant { participants: 2, ..Tenant::default() });
    let admitted = |role| Answer::Admission(Admission::Admitted(role));
    assert_eq!(join(&mut core, HOST, Role::Host).0, admitted(Role::Host));
    for leg in [GUEST, OTHER] {
        join(&mut core, leg, Role::Guest);
    }
    let enter = |leg, admission| [Directive::Enter(leg, admission)];
    let in_as_guest = Admission::Admitted(Role::Guest);
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
        let terminal = Terminal::PhoneCall(terms::CallId(leg.0));
        core.handle_input(Input::Departure(Departure { leg, terminal, tag }));
    }
    for leg in [HOST, GUEST] {
        assert_eq!(
            join(&mut core, leg, Role::Host).0.clone(),
            admitted(if leg == HOST { Role::Host } else { Role::Guest })
        );
    }
}

#[test]
fn meet_4_phones_join_only_where_the_tenant_is_entitled_to_them() {
    let mut core = core(Entry::Open, 10);
    entitle(&mut core, Tenant { phone_join: PhoneJoin::NotEntitled, ..Tenant::default() });
    assert_eq!(join(&mut core, GUEST, Role::Guest).0, Answer::Admission(Admission::NotEntitled));
}
