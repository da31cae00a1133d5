//! From the IVR's first word into a meeting, and out of it again.

use terms::{
    Cause, MeetingId, MeetingTag,
    media::{Command, PlayId, PlayItem, Route},
};

use super::{
    ANNOUNCEMENT_BOUND, Call, Context, Door, Joined, LegState, Pending, Program, Seek, Stage,
    in_meeting::{ENTRY_TONE, EXIT_TONE},
};
use crate::{
    core::{Participant, Presence},
    event::{Event, Keyed},
    guard::Suspect,
    ivr::{self, Finish, Ivr},
    outcome::Outcome,
    question::{Admission, Answer, Departure, Question, Role, Verdict, WaitingFor},
    snapshot::Membership,
};

/// The recording that is heard while waiting.
const MUSIC: &str = "music";

impl Call {
    /// What the call holds and is in, for core and lease service after a restore. Who is being admitted is no participant yet:
    /// the core is asked again.
    pub(crate) fn membership(&self) -> Membership {
        let (voice, kind) = (self.voice, self.arrival.kind);
        let participant =
            |role, presence| Participant { role, presence, voice, kind, ..Participant::default() };
        let inside = match &self.stage {
            Stage::Meeting(Joined { tag, welcome })
            | Stage::Announcing { joined: Some(Joined { tag, welcome }), .. }
            | Stage::Answering { program: Program::Join(Joined { tag, welcome }) } => {
                Some((tag.meeting, participant(welcome.role, Presence::In)))
            }
            Stage::Waiting { tag, reason, .. } | Stage::Answering { program: Program::Wait(tag, reason) } => {
                Some((tag.meeting, participant(Role::Guest, Presence::Waiting(*reason))))
            }
            Stage::Confirming { meeting, role, .. } => {
                Some((*meeting, participant(*role, Presence::Waiting(WaitingFor::Confirmation))))
            }
            _ => None,
        };
        let lease = self.lease.map(|(place, epoch)| (self.terminal(), place, epoch));
        Membership { leg: self.leg, lease, inside }
    }

    /// The meeting that the leg is in, waits for, or is being told that it is in.
    pub(crate) fn meeting(&self) -> Option<MeetingTag> {
        match &self.stage {
            Stage::Waiting { tag, .. } | Stage::Answering { program: Program::Wait(tag, _) } => Some(*tag),
            Stage::Meeting(joined)
            | Stage::Announcing { joined: Some(joined), .. }
            | Stage::Answering { program: Program::Join(joined) } => Some(joined.tag),
            _ => None,
        }
    }

    pub(crate) fn on_answer(&mut self, answer: Answer, context: &mut Context<'_>) {
        self.pending = None;
        let stage = std::mem::replace(&mut self.stage, Stage::Recorded);
        self.stage = match (stage, answer) {
            (Stage::Ivr(ivr), Answer::Entrance(entrance)) => {
                self.feed_ivr(ivr, ivr::Input::Entrance(entrance), context)
            }
            (Stage::Ivr(ivr), Answer::Password(verdict)) => self.hold_back(Door::Ivr(ivr), verdict, context),
            (Stage::Knocking { meeting }, Answer::Password(verdict)) => {
                self.hold_back(Door::Dialed(meeting), verdict, context)
            }
            (Stage::Knocking { meeting }, Answer::Entrance(entrance)) => {
                self.on_entrance(meeting, entrance, context)
            }
            (Stage::Locating { account }, Answer::Located(whereabouts)) => {
                self.on_located(account, whereabouts, context)
            }
            (Stage::Leasing { seek }, Answer::Lease(answer)) => self.on_lease(seek, answer, context),
            (stage @ Stage::Dialing { .. }, Answer::Lease(answer)) => {
                self.stage = stage;
                return self.on_callee_lease(answer, context);
            }
            (Stage::Confirming { .. }, Answer::Confirming(Err(outcome))) => self.turn_away(outcome, context),
            (Stage::Admitting { tag }, Answer::Admission(admission)) => {
                self.on_admission(tag, admission, context)
            }
            (Stage::Admitting { tag }, Answer::Unreachable) => {
                self.depart(tag, context);
                self.turn_away(Outcome::CoreUnreachable, context)
            }
            (Stage::Ivr(ivr), Answer::Unreachable) => self.leave_ivr(&ivr, Outcome::CoreUnreachable, context),
            (
                Stage::Leasing { .. }
                | Stage::Confirming { .. }
                | Stage::Knocking { .. }
                | Stage::Locating { .. },
                Answer::Unreachable,
            ) => self.turn_away(Outcome::CoreUnreachable, context),
            (stage @ Stage::Dialing { .. }, Answer::Unreachable) => {
                self.stage = stage;
                return self.end(Cause::TEMPORARY_FAILURE, context);
            }
            (stage @ Stage::Meeting(_), Answer::Control(controlled)) => {
                self.on_controlled(controlled, context);
                stage
            }
            // An answer of another kind than the question: nothing was asked of it.
            (stage, _) => stage,
        };
    }

    /// The meeting is over, or the participant is put out of it.
    pub(crate) fn on_put_out(&mut self, outcome: Outcome, context: &mut Context<'_>) {
        if matches!(self.stage, Stage::Confirming { .. }) {
            self.pending = None;
            self.stage = self.turn_away(outcome, context);
        }
        if let Some(tag) = self.meeting() {
            if let Stage::Meeting(joined) = self.stage {
                self.chime(&joined, EXIT_TONE, context);
            }
            self.depart(tag, context);
            self.stage = self.announce(outcome, None, context);
        }
    }

    /// Who is locked out hears so in place of the questions.
    pub(super) fn begin_ivr(&mut self, ivr: Box<Ivr>, context: &mut Context<'_>) -> Stage {
        if context.guard.is_locked(context.now.mono, &Suspect::of(&self.arrival)) {
            // DIAL-10: they are the first words of the call.
            let lead_in = vec![PlayItem::Silence(context.settings.ivr.lead_in)];
            return self.announce_after(lead_in, (Outcome::LockedOut, None), context);
        }
        self.feed_ivr(ivr, ivr::Input::Start, context)
    }

    /// DIAL-5: right or wrong, the verdict is as late as the guard wants it.
    fn hold_back(&mut self, door: Door, verdict: Verdict, context: &mut Context<'_>) -> Stage {
        let suspect = Suspect::of(&self.arrival);
        let about = (&suspect, door.meeting());
        let delay = context.guard.delay(context.now.mono, &context.settings.guard, about);
        if delay.is_zero() {
            return self.on_verdict(door, verdict, context);
        }
        Stage::HeldBack { door, verdict, until: context.now.mono + delay }
    }

    pub(super) fn on_verdict(&mut self, door: Door, verdict: Verdict, context: &mut Context<'_>) -> Stage {
        // DIAL-5: calls of one number share its lock, though they began before it.
        if context.guard.is_locked(context.now.mono, &Suspect::of(&self.arrival)) {
            return self.leave(&door, Outcome::LockedOut, context);
        }
        if verdict != Verdict::Wrong {
            context.out.event(self.id, Event::Keyed(Keyed::Right));
            return self.open(door, verdict, context);
        }
        context.out.event(self.id, Event::Keyed(Keyed::Wrong));
        let (suspect, meeting) = (Suspect::of(&self.arrival), door.meeting());
        let about = (&suspect, meeting);
        let led_to = context.guard.on_failure(context.now.mono, &context.settings.guard, about);
        if let Some(meeting) = meeting.filter(|_| led_to.meeting_attacked) {
            context.out.event(self.id, Event::MeetingAttacked(meeting));
        }
        if led_to.caller_locked {
            context.out.event(self.id, Event::CallerLocked);
            return self.leave(&door, Outcome::LockedOut, context);
        }
        self.open(door, verdict, context)
    }

    fn open(&mut self, door: Door, verdict: Verdict, context: &mut Context<'_>) -> Stage {
        match (door, verdict) {
            (Door::Ivr(ivr), verdict) => self.feed_ivr(ivr, ivr::Input::Verdict(verdict), context),
            (Door::Dialed(Some(meeting)), Verdict::Right(role)) => {
                self.seek(Seek::Meeting { meeting, role }, context)
            }
            (Door::Dialed(_), _) => self.turn_away(Outcome::Wrong, context),
        }
    }

    fn leave(&mut self, door: &Door, outcome: Outcome, context: &mut Context<'_>) -> Stage {
        if let Door::Ivr(ivr) = door {
            self.keep_of(ivr);
        }
        self.turn_away(outcome, context)
    }

    /// Ends the questions before their own end.
    fn leave_ivr(&mut self, ivr: &Ivr, outcome: Outcome, context: &mut Context<'_>) -> Stage {
        self.keep_of(ivr);
        self.announce(outcome, None, context)
    }

    /// What the rest of the call needs of the IVR: the languages that the caller chose.
    fn keep_of(&mut self, ivr: &Ivr) {
        self.languages = ivr.languages().to_vec();
        self.next_play = ivr.next_play();
    }

    /// Who waited need not wait any longer.
    pub(crate) fn on_enter(&mut self, admission: Admission, context: &mut Context<'_>) {
        if let Stage::Waiting { tag, .. } = self.stage {
            self.stage = self.on_admission(tag, admission, context);
        }
    }

    pub(super) fn wait(
        &mut self,
        (tag, reason): (MeetingTag, WaitingFor),
        context: &mut Context<'_>,
    ) -> Stage {
        self.play_waiting(Outcome::of_admission(Admission::Waiting(reason)), context);
        Stage::Waiting { tag, reason, until: context.now.mono + context.settings.waiting }
    }

    /// Music follows the words until the wait is over.
    pub(super) fn play_waiting(&mut self, outcome: Outcome, context: &mut Context<'_>) {
        let mut items = ivr::speak(&self.languages, &context.settings.words.ending(outcome).say);
        items.push(PlayItem::Music { name: MUSIC.into() });
        let route = Route::Prompts { play: self.next_play(), items };
        context.out.media(Command::Route { port: self.port, route });
    }

    /// It hears as what it is in, then the meeting.
    pub(super) fn enter(&mut self, joined: Joined, context: &mut Context<'_>) -> Stage {
        let outcome = Outcome::of_admission(Admission::Admitted(joined.welcome));
        self.announce(outcome, Some(joined), context)
    }

    fn on_admission(&mut self, tag: MeetingTag, admission: Admission, context: &mut Context<'_>) -> Stage {
        let outcome = Outcome::of_admission(admission);
        context.out.event(self.id, Event::Outcome(outcome));
        if let Admission::Admitted(welcome) = admission {
            self.milestones.meeting = Some(tag);
            self.voice = welcome.voice;
            return self.go(Program::Join(Joined { tag, welcome }), context);
        }
        if let Admission::Waiting(reason) = admission {
            return self.go(Program::Wait(tag, reason), context);
        }
        self.depart(tag, context);
        self.turn_away(outcome, context)
    }

    /// Who is not answered yet is answered first.
    fn go(&mut self, program: Program, context: &mut Context<'_>) -> Stage {
        if self.leg_state == LegState::Offered {
            self.answer(program, context)
        } else {
            self.begin_program(program, context)
        }
    }

    pub(super) fn after_announcement(
        &mut self,
        outcome: Outcome,
        joined: Option<Joined>,
        context: &mut Context<'_>,
    ) -> Stage {
        let Some(joined) = joined else {
            self.stage = Stage::Recorded;
            let cause = context.settings.words.ending(outcome).cause;
            self.end(cause.unwrap_or(Cause::NORMAL_CLEARING), context);
            return std::mem::replace(&mut self.stage, Stage::Recorded);
        };
        self.milestones.joined = Some(context.now.wall);
        let Joined { tag, welcome } = joined;
        context.out.event(self.id, Event::Joined { tag, role: welcome.role });
        let route = Route::Meeting { tag, voice: self.voice };
        context.out.media(Command::Route { port: self.port, route });
        self.chime(&joined, ENTRY_TONE, context);
        self.greet(&joined, context);
        Stage::Meeting(joined)
    }

    pub(super) fn feed_ivr(
        &mut self,
        mut ivr: Box<Ivr>,
        input: ivr::Input,
        context: &mut Context<'_>,
    ) -> Stage {
        ivr.handle_input(context.now.mono, input);
        while let Some(output) = ivr.poll_output() {
            match output {
                ivr::Output::Play(play, items) => {
                    let route = Route::Prompts { play, items };
                    context.out.media(Command::Route { port: self.port, route });
                }
                ivr::Output::StopPlaying => {
                    let route = Route::Prompts { play: PlayId(u64::MAX), items: Vec::new() };
                    context.out.media(Command::Route { port: self.port, route });
                }
                ivr::Output::LookUp { meeting } => {
                    let scope = self.tenant.clone();
                    self.ask(Question::LookUp { meeting, scope }, context);
                }
                ivr::Output::Check { meeting, password } => {
                    let scope = self.tenant.clone();
                    self.ask(Question::CheckPassword { meeting, password, scope }, context);
                }
                ivr::Output::Finished(finish) => {
                    self.keep_of(&ivr);
                    return self.on_finish(finish, context);
                }
            }
        }
        Stage::Ivr(ivr)
    }

    fn on_finish(&mut self, finish: Finish, context: &mut Context<'_>) -> Stage {
        self.pending = None;
        match finish {
            Finish::Right { meeting, role } => self.seek(Seek::Meeting { meeting, role }, context),
            Finish::NoPhonePassword => self.announce(Outcome::NoPhonePassword, None, context),
            Finish::TooOften => self.announce(Outcome::WrongTooOften, None, context),
            Finish::TimedOut => self.announce(Outcome::TimedOut, None, context),
        }
    }

    /// Tells the caller how it ended; `joined` follows where it ended well.
    pub(super) fn announce(
        &mut self,
        outcome: Outcome,
        joined: Option<Joined>,
        context: &mut Context<'_>,
    ) -> Stage {
        self.announce_after(Vec::new(), (outcome, joined), context)
    }

    fn announce_after(
        &mut self,
        mut items: Vec<PlayItem>,
        (outcome, joined): (Outcome, Option<Joined>),
        context: &mut Context<'_>,
    ) -> Stage {
        if joined.is_none() {
            context.out.event(self.id, Event::Outcome(outcome));
        }
        let play = self.next_play();
        items.extend(ivr::speak(&self.languages, &context.settings.words.ending(outcome).say));
        context.out.media(Command::Route { port: self.port, route: Route::Prompts { play, items } });
        Stage::Announcing { play, outcome, joined, until: context.now.mono + ANNOUNCEMENT_BOUND }
    }

    pub(super) fn ask(&mut self, question: Question, context: &mut Context<'_>) {
        let id = context.ids.question();
        let until = context.now.mono + context.settings.question_timeout;
        context.out.question(id, question.clone());
        self.pending = Some(Box::new(Pending { id, question, until }));
    }

    pub(super) fn departure(&self, meeting: MeetingId) -> Departure {
        Departure { leg: self.leg, meeting, identity: self.arrival.identity() }
    }

    /// Tells the core that the meeting is left.
    pub(super) fn depart(&self, tag: MeetingTag, context: &mut Context<'_>) {
        context.out.departure(self.departure(tag.meeting));
        if self.milestones.joined.is_some() {
            context.out.event(self.id, Event::Left { tag });
        }
    }
}

impl Door {
    const fn meeting(&self) -> Option<MeetingId> {
        match self {
            Self::Ivr(ivr) => ivr.meeting(),
            Self::Dialed(meeting) => *meeting,
        }
    }
}
