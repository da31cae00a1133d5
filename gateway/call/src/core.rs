//! The embedded meeting core: meetings, passwords, capacity, who is in.
//!
//! A remote core answers the same questions over HTTP; the calls can't tell them apart.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use terms::{LegId, MeetingId, Secret, TenantId};

use crate::question::{
    Admission, Answer, Departure, Directive, Entrance, Question, QuestionId, Role, Verdict, WaitingFor,
};

mod control;
mod participant;
mod passwords;
mod tenant;

pub use control::Control;
pub use participant::{Hand, Participant, Presence};
pub use passwords::{PasswordFault, Passwords, is_keyable};
use tenant::Tenants;
pub use tenant::{PhoneJoin, Tenant};

/// What a meeting is (MEET-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Its number.
    pub id: MeetingId,
    /// Who owns it.
    pub tenant: TenantId,
    /// What opens it.
    #[serde(flatten)]
    pub passwords: Passwords,
    /// Participants at once.
    pub capacity: u32,
    /// Nobody joins by themselves.
    #[serde(default)]
    pub lock: Lock,
    /// How guests get in.
    #[serde(default)]
    pub entry: Entry,
}

/// How guests get in (MEET-1, DIAL-6). Who has the host password is let in at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// At once.
    #[default]
    Open,
    /// Once there is a host.
    WithHost,
    /// One by one, as they are let in.
    WaitingRoom,
}

/// Whether a meeting is locked (MEET-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lock {
    /// The passwords open it.
    #[default]
    Open,
    /// Only who is invited gets in.
    Locked,
}

/// What the core is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// A call asks.
    Question(QuestionId, Question),
    /// A leg left.
    Departure(Departure),
    /// A restored call is in, as it was.
    Restored(LegId, MeetingId, Participant),
    /// A meeting begins to exist, or is changed.
    Put(Box<Meeting>),
    /// What the tenants may use; running participants stay.
    Tenants(BTreeMap<TenantId, Tenant>),
    /// A meeting ends for everybody and for good.
    Delete(MeetingId),
    /// Who runs the meeting from outside wants something (MEET-6).
    Control(MeetingId, Control),
}

/// What the core says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// To the call that asked.
    Answer(QuestionId, Answer),
    /// To the calls, unasked.
    Directive(Directive),
}

#[derive(Debug)]
struct Room {
    meeting: Meeting,
    participants: BTreeMap<LegId, Participant>,
}

/// A meeting and who is in it, for the API and the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<'a> {
    /// The meeting.
    pub meeting: &'a Meeting,
    /// Its legs and their roles.
    pub participants: &'a BTreeMap<LegId, Participant>,
}

/// All meetings of this node.
#[derive(Debug, Default)]
pub struct Core {
    rooms: BTreeMap<MeetingId, Room>,
    tenants: Tenants,
    outputs: VecDeque<Output>,
}

impl Core {
    /// Feed one, then drain [`Core::poll_output`]. Questions to other services are left alone.
    pub fn handle_input(&mut self, input: Input) {
        match input {
            Input::Question(id, Question::LookUp { meeting, scope }) => {
                let meeting = self.reachable(meeting, scope.as_ref());
                let entrance = meeting.map_or(Entrance::Password, |meeting| meeting.passwords.entrance());
                self.outputs.push_back(Output::Answer(id, Answer::Entrance(entrance)));
            }
            Input::Question(id, Question::CheckPassword { meeting, password, scope }) => {
                let verdict = self.check(meeting, &password, scope.as_ref());
                self.outputs.push_back(Output::Answer(id, Answer::Password(verdict)));
            }
            Input::Question(id, Question::Admit { leg, tag, role }) => {
                let admission = self.admit(leg, tag.meeting, role);
                self.outputs.push_back(Output::Answer(id, Answer::Admission(admission)));
                if admission == Admission::Admitted(Role::Host) {
                    self.let_in_who_waits(tag.meeting, WaitingFor::Host);
                }
            }
            Input::Question(id, Question::Control { leg, meeting, wish }) => {
                let controlled = self.grant(leg, meeting, wish);
                self.outputs.push_back(Output::Answer(id, Answer::Control(controlled)));
            }
            Input::Question(_, Question::TakeLease { .. }) => {}
            Input::Departure(departure) => {
                self.remove(departure.tag.meeting, departure.leg);
            }
            Input::Restored(leg, meeting, participant) => {
                self.insert(meeting, leg, participant);
            }
            Input::Tenants(tenants) => self.tenants.set(tenants),
            Input::Put(meeting) => self.put(*meeting),
            Input::Delete(meeting) => {
                self.end(meeting);
                self.rooms.remove(&meeting);
            }
            Input::Control(meeting, control) => self.control(meeting, control),
        }
    }

    /// What the core says, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// One meeting.
    pub fn view(&self, meeting: MeetingId) -> Option<View<'_>> {
        self.rooms.get(&meeting).map(Room::view)
    }

    /// Every meeting, by number.
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.rooms.values().map(Room::view)
    }

    fn put(&mut self, meeting: Meeting) {
        match self.rooms.get_mut(&meeting.id) {
            Some(room) => {
                self.tenants.move_places(room.inside(), (&room.meeting.tenant, &meeting.tenant));
                room.meeting = meeting;
            }
            None => {
                self.rooms.insert(meeting.id, Room { meeting, participants: BTreeMap::new() });
            }
        }
    }

    /// The meeting of that ID, if callers of that scope may know of it.
    fn reachable(&self, meeting: Option<MeetingId>, scope: Option<&TenantId>) -> Option<&Meeting> {
        let room = meeting.and_then(|meeting| self.rooms.get(&meeting))?;
        Some(&room.meeting).filter(|meeting| scope.is_none_or(|scope| *scope == meeting.tenant))
    }

    /// Both passwords are compared whether or not the meeting exists, so that the time tells nothing (DIAL-4).
    fn check(&self, meeting: Option<MeetingId>, password: &Secret, scope: Option<&TenantId>) -> Verdict {
        let nobodys = Passwords::default();
        let passwords = self.reachable(meeting, scope).map_or(&nobodys, |meeting| &meeting.passwords);
        passwords.role(password).map_or(Verdict::Wrong, Verdict::Right)
    }

    fn admit(&mut self, leg: LegId, meeting: MeetingId, role: Role) -> Admission {
        let Some(room) = self.rooms.get_mut(&meeting) else { return Admission::Ended };
        if let Some(known) = room.participants.get(&leg) {
            // Asked again after a restore.
            return known.admission();
        }
        if room.meeting.lock == Lock::Locked {
            return Admission::Locked;
        }
        // MEET-2: the first with the host password is host, later ones with it are ordinary.
        let presence = match (room.meeting.entry, role) {
            (Entry::Open, _) | (_, Role::Host) => Presence::In,
            (Entry::WithHost, Role::Guest) if room.has_host() => Presence::In,
            (Entry::WithHost, Role::Guest) => Presence::Waiting(WaitingFor::Host),
            (Entry::WaitingRoom, Role::Guest) => Presence::Waiting(WaitingFor::Admission),
        };
        let tenant = &room.meeting.tenant;
        if !self.tenants.may_phone(tenant) {
            return Admission::NotEntitled;
        }
        if presence == Presence::In && (room.is_full() || self.tenants.is_full(tenant)) {
            return Admission::Full;
        }
        let role = if room.has_host() { Role::Guest } else { role };
        let participant = Participant { role, presence, ..Participant::default() };
        self.insert(meeting, leg, participant);
        participant.admission()
    }

    /// MEET-4: who is in takes a place of its tenant, who waits takes none.
    fn insert(&mut self, meeting: MeetingId, leg: LegId, participant: Participant) {
        let Some(room) = self.rooms.get_mut(&meeting) else { return };
        let before = room.inside();
        room.participants.insert(leg, participant);
        self.tenants.changed(&room.meeting.tenant, (before, room.inside()));
    }

    fn remove(&mut self, meeting: MeetingId, leg: LegId) -> Option<Participant> {
        let room = self.rooms.get_mut(&meeting)?;
        let before = room.inside();
        let removed = room.participants.remove(&leg);
        self.tenants.changed(&room.meeting.tenant, (before, room.inside()));
        removed
    }
}

impl Room {
    fn has_host(&self) -> bool {
        self.participants.values().any(|participant| participant.role == Role::Host)
    }

    /// MEET-4: who waits takes no place.
    fn is_full(&self) -> bool {
        self.inside() >= usize::try_from(self.meeting.capacity).unwrap_or(usize::MAX)
    }

    fn inside(&self) -> usize {
        self.participants.values().filter(|participant| participant.presence == Presence::In).count()
    }

    const fn view(&self) -> View<'_> {
        View { meeting: &self.meeting, participants: &self.participants }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use terms::{LeaseEpoch, MeetingTag};

    const FIRST: &str = "900100001";

    fn core() -> Core {
        let mut core = Core::default();
        core.handle_input(Input::Put(Box::new(Meeting {
            id: FIRST.parse().expect("digits"),
            tenant: TenantId::from("demo"),
            passwords: Passwords {
                host_password: Secret::new("4321".into()),
                guest_password: Secret::new("1234".into()),
                ..Passwords::default()
            },
            capacity: 2,
            lock: Lock::Open,
            entry: Entry::Open,
        })));
        core
    }

    fn ask(core: &mut Core, question: Question) -> Answer {
        core.handle_input(Input::Question(QuestionId(1), question));
        match core.poll_output() {
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
        ask(core, Question::Admit { leg: LegId(leg), tag, role })
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
        assert_eq!(admit(&mut core, 1, Role::Host), Answer::Admission(Admission::Admitted(Role::Host)));
        assert_eq!(admit(&mut core, 2, Role::Host), Answer::Admission(Admission::Admitted(Role::Guest)));
        assert_eq!(
            admit(&mut core, 1, Role::Host),
            Answer::Admission(Admission::Admitted(Role::Host)),
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
        let terminal = crate::question::Terminal::PhoneCall(terms::CallId(1));
        core.handle_input(Input::Departure(Departure { leg: LegId(1), terminal, tag }));
        assert_eq!(admit(&mut core, 3, Role::Guest), Answer::Admission(Admission::Admitted(Role::Guest)));
    }

    #[test]
    fn a_deleted_meeting_ends_for_everybody_once() {
        let mut core = core();
        admit(&mut core, 2, Role::Guest);
        let meeting = FIRST.parse().expect("digits");
        core.handle_input(Input::Delete(meeting));
        core.handle_input(Input::Delete(meeting));
        let put_out = Directive::PutOut(LegId(2), Outcome::MeetingEnded);
        assert_eq!(core.poll_output(), Some(Output::Directive(put_out)));
        assert_eq!(core.poll_output(), None);
        assert_eq!(admit(&mut core, 1, Role::Host), Answer::Admission(Admission::Ended));
    }
}
