//! From the IVR's first word into a meeting, and out of it again.

use terms::{
    Cause, MeetingTag,
    media::{Command, PlayId, PlayItem, Route},
};

use super::{
    ANNOUNCEMENT_BOUND, Call, Context, Joined, Pending, Stage,
    in_meeting::{ENTRY_TONE, EXIT_TONE},
};
use crate::{
    core::{Participant, Presence},
    event::{Event, Keyed},
    guard::Suspect,
    ivr::{self, Finish, Ivr},
    outcome::Outcome,
    question::{
        Admission, Answer, Departure, LeaseAnswer, Question, Role, Terminal, Verdict, WaitingFor, Who,
    },
};

/// The recording that is heard while waiting.
const MUSIC: &str = "music";

impl Call {
    /// Who holds which meeting as what, for core and lease service after a restore. Who is being admitted holds its lease,
    /// and is no participant yet: the core is asked again.
    pub(crate) fn membership(&self) -> Option<(Departure, Option<Participant>)> {
        let (tag, role, presence) = match &self.stage {
            Stage::Meeting(joined) | Stage::Announcing { joined: Some(joined), .. } => {
                (joined.tag, joined.welcome.role, Presence::In)
            }
            Stage::Waiting { tag, reason, .. } => (*tag, Role::Guest, Presence::Waiting(*reason)),
            Stage::Admitting { tag } => return Some((self.departure(*tag), None)),
            _ => return None,
        };
        let (voice, kind) = (self.voice, self.arrival.kind);
        let participant = Participant { role, presence, voice, kind, ..Participant::default() };
        Some((self.departure(tag), Some(participant)))
    }

    /// The meeting that the leg is in, waits for, or is being told that it is in.
    pub(crate) fn meeting(&self) -> Option<MeetingTag> {
        match &self.stage {
            Stage::Waiting { tag, .. } => Some(*tag),
            Stage::Meeting(joined) | Stage::Announcing { joined: Some(joined), .. } => Some(joined.tag),
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
            (Stage::Ivr(ivr), Answer::Password(verdict)) => self.hold_back(ivr, verdict, context),
            (Stage::Leasing { role }, Answer::Lease(LeaseAnswer::Granted { tag, .. })) => {
                let who = Who { kind: self.arrival.kind, identity: self.arrival.identity() };
                self.ask(Question::Admit { leg: self.leg, tag, role, who }, context);
                Stage::Admitting { tag }
            }
            (Stage::Leasing { .. }, Answer::Lease(LeaseAnswer::Held)) => {
                self.announce(Outcome::InAnotherMeeting, None, context)
            }
            (Stage::Admitting { tag }, Answer::Admission(admission)) => {
                self.on_admission(tag, admission, context)
            }
            (Stage::Admitting { tag }, Answer::Unreachable) => {
                self.depart(tag, context);
                self.announce(Outcome::CoreUnreachable, None, context)
            }
            (Stage::Ivr(ivr), Answer::Unreachable) => self.leave_ivr(&ivr, Outcome::CoreUnreachable, context),
            (Stage::Leasing { .. }, Answer::Unreachable) => {
                self.announce(Outcome::CoreUnreachable, None, context)
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
    fn hold_back(&mut self, ivr: Box<Ivr>, verdict: Verdict, context: &mut Context<'_>) -> Stage {
        let suspect = Suspect::of(&self.arrival);
        let about = (&suspect, ivr.meeting());
        let delay = context.guard.delay(context.now.mono, &context.settings.guard, about);
        if delay.is_zero() {
            return self.on_verdict(ivr, verdict, context);
        }
        Stage::HeldBack { ivr, verdict, until: context.now.mono + delay }
    }

    pub(super) fn on_verdict(&mut self, ivr: Box<Ivr>, verdict: Verdict, context: &mut Context<'_>) -> Stage {
        // DIAL-5: calls of one number share its lock, though they began before it.
        if context.guard.is_locked(context.now.mono, &Suspect::of(&self.arrival)) {
            return self.leave_ivr(&ivr, Outcome::LockedOut, context);
        }
        if verdict != Verdict::Wrong {
            context.out.event(self.id, Event::Keyed(Keyed::Right));
            return self.feed_ivr(ivr, ivr::Input::Verdict(verdict), context);
        }
        context.out.event(self.id, Event::Keyed(Keyed::Wrong));
        let (suspect, meeting) = (Suspect::of(&self.arrival), ivr.meeting());
        let about = (&suspect, meeting);
        let led_to = context.guard.on_failure(context.now.mono, &context.settings.guard, about);
        if let Some(meeting) = meeting.filter(|_| led_to.meeting_attacked) {
            context.out.event(self.id, Event::MeetingAttacked(meeting));
        }
        if led_to.caller_locked {
            context.out.event(self.id, Event::CallerLocked);
            return self.leave_ivr(&ivr, Outcome::LockedOut, context);
        }
        self.feed_ivr(ivr, ivr::Input::Verdict(verdict), context)
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

    /// Music follows the words until the wait is over.
    fn wait(&mut self, (tag, reason): (MeetingTag, WaitingFor), context: &mut Context<'_>) -> Stage {
        let outcome = Outcome::of_admission(Admission::Waiting(reason));
        let mut items = ivr::speak(&self.languages, &context.settings.words.ending(outcome).say);
        items.push(PlayItem::Music { name: MUSIC.into() });
        let route = Route::Prompts { play: self.next_play(), items };
        context.out.media(Command::Route { port: self.port, route });
        Stage::Waiting { tag, reason, until: context.now.mono + context.settings.waiting }
    }

    fn on_admission(&mut self, tag: MeetingTag, admission: Admission, context: &mut Context<'_>) -> Stage {
        let outcome = Outcome::of_admission(admission);
        context.out.event(self.id, Event::Outcome(outcome));
        if let Admission::Admitted(welcome) = admission {
            self.milestones.meeting = Some(tag);
            self.voice = welcome.voice;
            return self.announce(outcome, Some(Joined { tag, welcome }), context);
        }
        if let Admission::Waiting(reason) = admission {
            return self.wait((tag, reason), context);
        }
        self.depart(tag, context);
        self.announce(outcome, None, context)
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
            Finish::Right { meeting, role } => {
                self.ask(Question::TakeLease { terminal: self.terminal(), meeting }, context);
                Stage::Leasing { role }
            }
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
        self.pending = Some(Pending { id, question, until });
    }

    const fn terminal(&self) -> Terminal {
        Terminal::PhoneCall(self.id)
    }

    fn departure(&self, tag: MeetingTag) -> Departure {
        let identity = self.arrival.identity();
        Departure { leg: self.leg, terminal: self.terminal(), tag, identity }
    }

    /// Tells core and lease service that the meeting is left.
    pub(super) fn depart(&self, tag: MeetingTag, context: &mut Context<'_>) {
        context.out.departure(self.departure(tag));
        if self.milestones.joined.is_some() {
            context.out.event(self.id, Event::Left { tag });
        }
    }
}
