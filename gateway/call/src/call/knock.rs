//! A meeting that is dialed by its ID (ROOM-4): who calls is told before the answer whether it may in.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use terms::{AccountName, Cause, LeaseEpoch, MeetingId, MeetingTag, Secret, TenantId};

use super::{Beginning, Call, Context, LegState, Program, Stage, Told, bridge::Onward};
use crate::{
    event::Event,
    guard::Suspect,
    ivr::Ivr,
    lease::{Claim, SecondJoin},
    leg::{Kind, LegCommand, ReasonText},
    outcome::Outcome,
    question::{Entrance, LeaseAnswer, Place, Question, Role, Whereabouts, Who},
    terminal::Terminal,
};

/// A meeting as it was dialed: `ID`, `ID*password` or `ID.password`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Knock {
    /// What was dialed, where that can be an ID at all.
    meeting: Option<MeetingId>,
    password: Option<Secret>,
}

impl Knock {
    /// `ID*password` or `ID.password`; a number that is neither: `None`.
    pub(crate) fn read(called: &str) -> Option<Self> {
        let (id, password) = called.split_once(['*', '.'])?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then(|| Self { meeting: id.parse().ok(), password: Some(Secret::new(password.to_owned())) })
    }

    /// The ID alone.
    pub(crate) const fn of(meeting: MeetingId) -> Self {
        Self { meeting: Some(meeting), password: None }
    }
}

/// What a call does first.
#[derive(Debug)]
pub(crate) enum First {
    /// It is answered.
    Program(Program),
    /// It wants into a meeting.
    Knock(Knock),
    /// It wants to an account, or to the meeting of that ID.
    Locate(AccountName),
    /// It goes on.
    Onward(Box<Onward>),
}

/// What a lease is wanted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Seek {
    Meeting { meeting: MeetingId, role: Role },
    Onward(Box<Onward>),
}

impl Call {
    /// A call that came in.
    pub(crate) fn begin(
        beginning: Beginning,
        (first, tenant): (First, Option<TenantId>),
        context: &mut Context<'_>,
    ) -> Self {
        let mut call = Self::new(beginning, LegState::Offered, context);
        call.tenant = tenant;
        call.stage = match first {
            First::Program(Program::App(app)) => call.run(app, context),
            First::Program(program) => call.answer(program, context),
            First::Knock(knock) => call.knock(knock, context),
            First::Locate(account) => {
                let of = call.arrival.tenant.clone();
                call.ask(Question::Locate { account: account.clone(), of }, context);
                Stage::Locating { account }
            }
            First::Onward(onward) => call.seek(Seek::Onward(onward), context),
        };
        call
    }

    /// The guard goes before the core: who is locked out learns nothing (DIAL-5).
    fn knock(&mut self, Knock { meeting, password }: Knock, context: &mut Context<'_>) -> Stage {
        self.languages.clone_from(&context.settings.rooms.languages);
        if context.guard.is_locked(context.now.mono, &Suspect::of(&self.arrival)) {
            return self.turn_away(Outcome::LockedOut, context);
        }
        let scope = self.tenant.clone();
        let question = match password {
            Some(password) => Question::CheckPassword { meeting, password, scope },
            None => Question::LookUp { meeting, scope },
        };
        self.ask(question, context);
        Stage::Knocking { meeting }
    }

    /// Who dialed the ID alone comes in where nothing is asked; else it is asked.
    pub(super) fn on_entrance(
        &mut self,
        meeting: Option<MeetingId>,
        entrance: Entrance,
        context: &mut Context<'_>,
    ) -> Stage {
        match (meeting, entrance) {
            (Some(meeting), Entrance::Open) => {
                self.seek(Seek::Meeting { meeting, role: Role::Guest }, context)
            }
            (_, Entrance::NoPhonePassword) => self.turn_away(Outcome::NoPhonePassword, context),
            (None, _) => self.turn_away(Outcome::Wrong, context),
            (Some(meeting), Entrance::Password | Entrance::HostPassword) => {
                let settings = context.settings;
                let rooms = &settings.rooms;
                let ivr = Ivr::new(settings.ivr, Arc::clone(&rooms.flow), rooms.languages.clone());
                self.answer(Program::Ivr(Box::new(ivr.with_meeting(meeting))), context)
            }
        }
    }

    /// ISO-1: the lease comes before all else. Who leads to no device that could be elsewhere needs none for a call.
    pub(super) fn seek(&mut self, seek: Seek, context: &mut Context<'_>) -> Stage {
        match (&seek, &self.arrival.terminal) {
            (Seek::Onward(_), None) => self.on_sought(seek, context),
            (Seek::Onward(_), Some(_)) => self.claim(Place::Call(self.id), seek, context),
            (Seek::Meeting { meeting, .. }, _) => self.claim(Place::Meeting(*meeting), seek, context),
        }
    }

    fn claim(&mut self, place: Place, seek: Seek, context: &mut Context<'_>) -> Stage {
        self.claim_as(context.settings.second_join, place, context);
        Stage::Leasing { seek }
    }

    pub(super) fn claim_as(&mut self, second: SecondJoin, place: Place, context: &mut Context<'_>) {
        let claim = Claim { leg: self.leg, terminal: self.terminal(), place, second };
        self.ask(Question::TakeLease(Box::new(claim)), context);
    }

    pub(super) fn terminal(&self) -> Terminal {
        self.arrival.terminal.as_deref().cloned().unwrap_or_else(|| Terminal::of_call(self.id))
    }

    pub(super) fn on_lease(&mut self, seek: Seek, answer: LeaseAnswer, context: &mut Context<'_>) -> Stage {
        match (answer, seek) {
            (LeaseAnswer::Granted { place, epoch }, seek) => {
                self.lease = Some((place, epoch));
                self.on_sought(seek, context)
            }
            (LeaseAnswer::Contended, Seek::Meeting { meeting, role }) => {
                let who = Who { kind: self.arrival.kind, identity: self.arrival.identity() };
                self.ask(Question::Confirm { leg: self.leg, meeting, who }, context);
                if self.leg_state == LegState::Offered {
                    context.out.leg(self.leg, LegCommand::Ring);
                } else {
                    self.play_waiting(Outcome::InWaitingRoom, context);
                }
                Stage::Confirming { meeting, role, until: context.now.mono + context.settings.confirmation }
            }
            (LeaseAnswer::Held, _) | (LeaseAnswer::Contended, Seek::Onward(_)) => {
                self.turn_away(Outcome::InAnotherMeeting, context)
            }
        }
    }

    fn on_sought(&mut self, seek: Seek, context: &mut Context<'_>) -> Stage {
        match (seek, self.lease) {
            (Seek::Meeting { meeting, role }, Some((_, epoch))) => {
                let tag = MeetingTag { meeting, epoch };
                let who = Who { kind: self.arrival.kind, identity: self.arrival.identity() };
                self.ask(Question::Admit { leg: self.leg, tag, role, who }, context);
                Stage::Admitting { tag }
            }
            (Seek::Meeting { .. }, None) => self.turn_away(Outcome::CoreUnreachable, context),
            (Seek::Onward(onward), _) => {
                context.out.onward(self.id, *onward);
                Stage::Reaching { told: Told::Nothing }
            }
        }
    }

    /// The host lets in a device that is elsewhere: it leaves that first.
    pub(crate) fn on_confirmed(&mut self, context: &mut Context<'_>) {
        if let Stage::Confirming { meeting, role, .. } = self.stage {
            self.claim_as(SecondJoin::Move, Place::Meeting(meeting), context);
            self.stage = Stage::Leasing { seek: Seek::Meeting { meeting, role } };
        }
    }

    /// The host does not.
    pub(super) fn on_unconfirmed(&mut self, meeting: MeetingId, context: &mut Context<'_>) -> Stage {
        self.pending = None;
        context.out.departure(self.departure(meeting));
        self.turn_away(Outcome::InAnotherMeeting, context)
    }

    /// The lease is wanted elsewhere: the call ends, and gives it back when its media is closed.
    pub(crate) fn on_revoked(&mut self, epoch: LeaseEpoch, context: &mut Context<'_>) {
        let is_over = matches!(self.stage, Stage::Clearing { .. } | Stage::Recorded);
        if !is_over && self.lease.is_some_and(|(_, held)| held == epoch) {
            context.out.event(self.id, Event::Outcome(Outcome::MovedAway));
            let text = Some(ReasonText::Outcome(Outcome::MovedAway));
            self.end_with(Cause::NORMAL_CLEARING, text, context);
        }
    }

    pub(super) fn on_located(
        &mut self,
        account: AccountName,
        whereabouts: Whereabouts,
        context: &mut Context<'_>,
    ) -> Stage {
        match whereabouts {
            Whereabouts::At(reached) => {
                let onward = Onward::to_account(account, *reached);
                self.seek(Seek::Onward(Box::new(onward)), context)
            }
            Whereabouts::Offline => self.give_up(Cause::NO_ANSWER, ReasonText::Offline, context),
            // No account: then it may be a meeting.
            Whereabouts::Nobody => match account.as_str().parse() {
                Ok(meeting) if self.arrival.kind == Kind::Hardware => self.knock(Knock::of(meeting), context),
                _ => self.give_up(Cause::UNALLOCATED_NUMBER, ReasonText::Nobody, context),
            },
        }
    }

    /// Tells who calls how its attempt ended: by words where it was answered, by the refusal where not.
    pub(super) fn turn_away(&mut self, outcome: Outcome, context: &mut Context<'_>) -> Stage {
        if self.leg_state != LegState::Offered {
            return self.announce(outcome, None, context);
        }
        context.out.event(self.id, Event::Outcome(outcome));
        let cause = context.settings.words.ending(outcome).cause.unwrap_or(Cause::NORMAL_CLEARING);
        self.give_up(cause, ReasonText::Outcome(outcome), context)
    }

    fn give_up(&mut self, cause: Cause, text: ReasonText, context: &mut Context<'_>) -> Stage {
        self.stage = Stage::Recorded;
        self.end_with(cause, Some(text), context);
        std::mem::replace(&mut self.stage, Stage::Recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_4_an_id_and_a_password_are_parted_by_a_star_or_a_dot() {
        let read = |called: &str| {
            Knock::read(called).map(|knock| {
                (
                    knock.meeting.map(|id| id.to_string()),
                    knock.password.map(|password| password.reveal().to_owned()),
                )
            })
        };
        let pair = |id: &str, password: &str| Some((Some(id.to_owned()), Some(password.to_owned())));
        assert_eq!(read("900100001*1234"), pair("900100001", "1234"));
        assert_eq!(read("900100001.S3cret.x"), pair("900100001", "S3cret.x"));
        assert_eq!(read("900100001*"), pair("900100001", ""));
        assert_eq!(read("1234567890123456789*1"), Some((None, Some("1".to_owned()))), "no ID is so long");
        for other in ["900100001", "*21#", "room.one", "+86215*1", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
