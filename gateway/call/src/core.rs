//! The embedded meeting core: meetings, passwords, capacity, who is in.
//!
//! A remote core answers the same questions over HTTP; the calls can't tell them apart.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use terms::{
    Instant, LegId, MeetingId, Now, Secret, TenantId,
    media::{Quality, Speaking},
};

use crate::{
    event::MeetingRecord,
    leg::Kind,
    outcome::Outcome,
    question::{
        Admission, Answer, Departure, Directive, Entrance, Question, QuestionId, Role, Verdict, WaitingFor,
        Who,
    },
};

mod control;
mod meeting;
mod participant;
mod passwords;
mod room;
mod session;
mod tenant;

pub use control::{Control, Refusal};
pub use meeting::{Entry, Lock, Meeting, RecordingNotice, Tones};
pub use participant::{Hand, Participant, Presence};
pub use passwords::{PasswordFault, Passwords, is_keyable};
use room::{Kept, Room};
use session::Sessions;
use tenant::Tenants;
pub use tenant::{PhoneJoin, Tenant};

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
    /// The operator's rules; running participants stay.
    Rules(Rules),
    /// A meeting ends for everybody and for good.
    Delete(MeetingId),
    /// Who runs the meeting from outside wants something that [`Core::may`] allows (MEET-6).
    Control(MeetingId, Control),
    /// A leg that may have been in is over; it had this quality.
    Over(LegId, Option<Box<Quality>>),
    /// A leg is one of the loudest, or is no longer.
    Speaking(LegId, MeetingId, Speaking),
}

/// What holds for all meetings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// What each tenant may use; one that is not named may use nothing.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// How long the role of a host that dropped is kept for the same terminal (MEET-2).
    pub host_grace: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self { tenants: BTreeMap::new(), host_grace: Duration::from_secs(60) }
    }
}

/// What the core says.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// To the call that asked.
    Answer(QuestionId, Answer),
    /// To the calls, unasked.
    Directive(Directive),
    /// To whoever watches.
    Change(Change),
    /// To the journal.
    Record(MeetingRecord),
}

/// Something about a meeting is another than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The meeting itself: it is new, or its settings or lock are others.
    Meeting(MeetingId),
    /// The meeting is no more.
    Deleted(MeetingId),
    /// A participant came, or is another than before.
    Participant(MeetingId, LegId, Participant),
    /// A participant is gone.
    Left(MeetingId, LegId),
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
    rules: Rules,
    sessions: Sessions,
    outputs: VecDeque<Output>,
}

impl Core {
    /// Feed one, then drain [`Core::poll_output`]. Questions to other services are left alone.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Question(id, question) => {
                if let Some(answer) = self.answer(now, question) {
                    // The answer goes before what it brings about for others.
                    self.outputs.push_front(Output::Answer(id, answer));
                }
            }
            Input::Departure(departure) => self.on_departure(now.mono, departure),
            Input::Restored(leg, meeting, participant) => self.insert(now, (leg, meeting), participant),
            Input::Over(leg, quality) => {
                if let Some(record) = self.sessions.on_over(now.wall, leg, quality.as_deref()) {
                    self.outputs.push_back(Output::Record(record));
                }
            }
            Input::Rules(rules) => {
                self.tenants.set(rules.tenants.clone());
                self.rules = rules;
            }
            Input::Put(meeting) => self.put(*meeting),
            Input::Delete(meeting) => {
                self.end(meeting);
                if self.rooms.remove(&meeting).is_some() {
                    self.outputs.push_back(Output::Change(Change::Deleted(meeting)));
                }
            }
            Input::Control(meeting, control) => self.control(now, meeting, &control),
            Input::Speaking(leg, meeting, speaking) => {
                self.update(meeting, leg, |participant| participant.speaking = speaking);
            }
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

    fn answer(&mut self, now: Now, question: Question) -> Option<Answer> {
        Some(match question {
            Question::LookUp { meeting, scope } => {
                let meeting = self.reachable(meeting, scope.as_ref());
                let entrance = meeting.map_or(Entrance::Password, |meeting| meeting.passwords.entrance());
                Answer::Entrance(entrance)
            }
            Question::CheckPassword { meeting, password, scope } => {
                Answer::Password(self.check(meeting, &password, scope.as_ref()))
            }
            Question::Admit { leg, tag, role, who } => {
                let admission = self.admit(now, (leg, tag.meeting), (role, &who));
                if matches!(admission, Admission::Admitted(welcome) if welcome.role == Role::Host) {
                    self.let_in_who_waits(now, tag.meeting, WaitingFor::Host);
                }
                Answer::Admission(admission)
            }
            Question::Control { leg, meeting, wish } => Answer::Control(self.grant(leg, meeting, wish)),
            Question::Confirm { leg, meeting, who } => {
                Answer::Confirming(self.ask_host(now, (leg, meeting), who.kind))
            }
            Question::TakeLease(_) | Question::Locate { .. } => return None,
        })
    }

    /// MEET-2: the role of a host who drops is kept for a while.
    fn on_departure(&mut self, now: Instant, departure: Departure) {
        let Departure { leg, meeting, identity } = departure;
        let left = self.remove(meeting, leg);
        if left.is_some_and(|participant| participant.role == Role::Host)
            && let Some(room) = self.rooms.get_mut(&meeting)
        {
            room.kept = Some(Kept { identity, until: now + self.rules.host_grace });
        }
    }

    fn put(&mut self, meeting: Meeting) {
        self.outputs.push_back(Output::Change(Change::Meeting(meeting.id)));
        match self.rooms.get_mut(&meeting.id) {
            Some(room) => {
                self.tenants.move_places(room.inside(), (&room.meeting.tenant, &meeting.tenant));
                room.become_of(meeting);
            }
            None => {
                self.rooms.insert(meeting.id, Room::new(meeting));
            }
        }
    }

    /// The meeting of that ID, if callers of that scope may know of it.
    fn reachable(&self, meeting: Option<MeetingId>, scope: Option<&TenantId>) -> Option<&Meeting> {
        let room = meeting.and_then(|meeting| self.rooms.get(&meeting))?;
        Some(&room.meeting).filter(|meeting| scope.is_none_or(|scope| *scope == meeting.tenant))
    }

    /// One verdict for all that is wrong (DIAL-4).
    fn check(&self, meeting: Option<MeetingId>, password: &Secret, scope: Option<&TenantId>) -> Verdict {
        let nobodys = Passwords::default();
        let passwords = self.reachable(meeting, scope).map_or(&nobodys, |meeting| &meeting.passwords);
        passwords.role(password).map_or(Verdict::Wrong, Verdict::Right)
    }

    fn admit(
        &mut self,
        now: Now,
        (leg, meeting): (LegId, MeetingId),
        (asked, who): (Role, &Who),
    ) -> Admission {
        let Some(room) = self.rooms.get(&meeting) else { return Admission::Ended };
        if let Some(known) = room.participants.get(&leg) {
            // Asked again after a restore.
            return room.admission(known);
        }
        if room.meeting.lock == Lock::Locked {
            return Admission::Locked;
        }
        let presence = room.presence_of(asked);
        let tenant = self.tenants.of(&room.meeting.tenant);
        if !tenant.admits(who.kind) {
            return Admission::NotEntitled;
        }
        if presence == Presence::In && (room.is_full() || self.tenants.is_full(&room.meeting.tenant)) {
            return Admission::Full;
        }
        // MEET-2: the first with the host password is host, later ones with it are ordinary.
        let role = if room.may_be_hosted_by(now.mono, who) { asked } else { Role::Guest };
        let voice = tenant.first_voice(who.kind, role);
        let participant = Participant { role, presence, voice, kind: who.kind, ..Participant::default() };
        let admission = room.admission(&participant);
        self.insert(now, (leg, meeting), participant);
        admission
    }

    /// ISO-1: who is in another meeting waits until the host lets it in, and takes no place meanwhile.
    fn ask_host(&mut self, now: Now, (leg, meeting): (LegId, MeetingId), kind: Kind) -> Result<(), Outcome> {
        let room = self.rooms.get(&meeting).ok_or(Outcome::MeetingEnded)?;
        if room.meeting.lock == Lock::Locked {
            return Err(Outcome::Locked);
        }
        let presence = Presence::Waiting(WaitingFor::Confirmation);
        self.insert(now, (leg, meeting), Participant { presence, kind, ..Participant::default() });
        Ok(())
    }

    /// MEET-4: who is in takes a place of its tenant, who waits takes none.
    fn insert(&mut self, now: Now, (leg, meeting): (LegId, MeetingId), participant: Participant) {
        let Some(room) = self.rooms.get_mut(&meeting) else { return };
        let before = room.inside();
        room.participants.insert(leg, participant);
        if participant.role == Role::Host {
            room.kept = None;
        }
        let (tenant, inside) = (&room.meeting.tenant, room.inside());
        if participant.presence == Presence::In {
            self.sessions.on_in(now.wall, leg, (meeting, tenant, inside));
        }
        self.tenants.changed(tenant, (before, inside));
        self.outputs.push_back(Output::Change(Change::Participant(meeting, leg, participant)));
    }

    fn remove(&mut self, meeting: MeetingId, leg: LegId) -> Option<Participant> {
        let room = self.rooms.get_mut(&meeting)?;
        let before = room.inside();
        let removed = room.participants.remove(&leg)?;
        self.tenants.changed(&room.meeting.tenant, (before, room.inside()));
        self.outputs.push_back(Output::Change(Change::Left(meeting, leg)));
        Some(removed)
    }

    /// Changes a participant, but not whether it is in; yields it if that made it another.
    fn update(
        &mut self,
        meeting: MeetingId,
        leg: LegId,
        change: impl FnOnce(&mut Participant),
    ) -> Option<Participant> {
        let participant = self.rooms.get_mut(&meeting)?.participants.get_mut(&leg)?;
        let before = *participant;
        change(participant);
        let after = *participant;
        if after == before {
            return None;
        }
        self.outputs.push_back(Output::Change(Change::Participant(meeting, leg, after)));
        Some(after)
    }
}

#[cfg(test)]
mod tests;
