//! The IVR: leads a caller through the steps of a [`Flow`] to a verdict (DIAL-2 to DIAL-4).
//!
//! The standard flow:
//!
//! ```text
//!             ┌──────────┐ key or   ┌───────────┐ # or    ┌───────────┐ asks for  ┌──────────┐ # or    ┌──────────┐
//!  Start ───▶ │ Language ├────────▶ │ MeetingId ├───────▶ │ LookingUp ├─────────▶ │ Password ├───────▶ │ Checking │
//!             └──────────┘ time-out └───────────┘ pause   └─────┬─────┘ one       └──────────┘ pause   └────┬─────┘
//!                                         ▲                     │ asks for none                            │
//!                                         └── wrong, tries left ┼──────────────────────────────────────────┤
//!                                                               ▼                                          ▼
//!                                              Finished(Right, TooOften, NoPhonePassword, TimedOut)
//! ```

mod flow;

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};
use terms::{
    Digit, Digits, Instant, Language, MeetingId, PromptName, Secret,
    media::{PlayId, PlayItem},
};

pub use flow::{Flow, FlowError, Step, StepId, Then};

use crate::{
    question::{Entrance, Role, Verdict},
    settings::IvrSettings,
};

/// The longest ID is 18 digits; one more is kept, so that a longer entry is wrong and not cut.
const MAX_KEYED: usize = 32;

/// What the IVR is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Media flows.
    Start,
    /// A key.
    Digit(Digit),
    /// The prompts of this playing have ended.
    Played(PlayId),
    /// What the core wants of who keyed the ID.
    Entrance(Entrance),
    /// The core's word on the pair.
    Verdict(Verdict),
    /// Time passed.
    Timeout,
}

/// What the IVR wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Play these in place of what plays.
    Play(PlayId, Vec<PlayItem>),
    /// Be silent (barge-in).
    StopPlaying,
    /// Ask the core what the meeting wants of who joins.
    LookUp {
        /// What was keyed, where that can be an ID at all.
        meeting: Option<MeetingId>,
    },
    /// Ask the core about the pair.
    Check {
        /// What was keyed, where that can be an ID at all.
        meeting: Option<MeetingId>,
        /// What was keyed as password.
        password: Secret,
    },
    /// The IVR is done.
    Finished(Finish),
}

/// How the IVR ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finish {
    /// The pair was right.
    Right {
        /// Into this meeting.
        meeting: MeetingId,
        /// With this right.
        role: Role,
    },
    /// The tries are used up.
    TooOften,
    /// The meeting's passwords can't be keyed (DIAL-3).
    NoPhonePassword,
    /// The stage took too long.
    TimedOut,
}

/// What an entry waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Wait {
    /// The question is being spoken; its own time is bounded by the stage's.
    Prompt(PlayId),
    /// For a key, until then.
    Key(Instant),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Idle,
    Asking { step: StepId, keyed: Digits, wait: Wait },
    LookingUp { next: StepId, host: StepId },
    Checking { wrong: StepId },
    Over,
}

/// One caller in the IVR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ivr {
    settings: IvrSettings,
    flow: Arc<Flow>,
    /// Spoken one after the other; one once the caller has chosen.
    languages: Vec<Language>,
    state: State,
    /// Keyed last, where that can be an ID at all.
    meeting: Option<MeetingId>,
    /// Keyed before it was asked for; the question is not spoken then.
    ahead: VecDeque<Digit>,
    failures: u8,
    next_play: PlayId,
    ends_at: Instant,
    outputs: VecDeque<Output>,
}

impl Ivr {
    /// An IVR for an access number that speaks `languages`; its playings are named from 0 on.
    pub fn new(settings: IvrSettings, flow: Arc<Flow>, languages: Vec<Language>) -> Self {
        Self {
            settings,
            flow,
            languages,
            state: State::Idle,
            meeting: None,
            ahead: VecDeque::new(),
            failures: 0,
            next_play: PlayId(0),
            ends_at: Instant::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// For a caller whose meeting is known: it is asked for the password at once.
    pub fn with_meeting(self, meeting: MeetingId) -> Self {
        Self { meeting: Some(meeting), ..self }
    }

    /// The languages that later prompts are spoken in.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// The ID that was keyed last, where it is one at all.
    pub const fn meeting(&self) -> Option<MeetingId> {
        self.meeting
    }

    /// The name for the next playing after the IVR's own.
    pub const fn next_play(&self) -> PlayId {
        self.next_play
    }

    /// Feed one, drain all.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.state = self.on_input(now, state, input);
        while let Some(digit) = self.next_ahead() {
            let state = std::mem::replace(&mut self.state, State::Over);
            self.state = self.on_input(now, state, Input::Digit(digit));
        }
    }

    /// What is to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come with [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle | State::Over => None,
            State::Asking { wait: Wait::Key(until), .. } => Some(self.ends_at.min(*until)),
            State::Asking { .. } | State::LookingUp { .. } | State::Checking { .. } => Some(self.ends_at),
        }
    }

    fn on_input(&mut self, now: Instant, state: State, input: Input) -> State {
        match (state, input) {
            (State::Idle, Input::Start) => self.on_start(now),
            (State::Asking { .. } | State::LookingUp { .. } | State::Checking { .. }, _)
                if now >= self.ends_at =>
            {
                self.finish(Finish::TimedOut)
            }
            (State::Asking { step, keyed, wait }, Input::Digit(digit)) => {
                if matches!(wait, Wait::Prompt(_)) {
                    self.outputs.push_back(Output::StopPlaying);
                }
                self.on_digit(now, step, keyed, digit)
            }
            (State::Asking { step, keyed, wait: Wait::Prompt(play) }, Input::Played(played))
                if play == played =>
            {
                State::Asking { step, keyed, wait: Wait::Key(now + self.settings.first_digit) }
            }
            (State::Asking { step, keyed, wait: Wait::Key(until) }, Input::Timeout) if now >= until => {
                self.on_entry(now, step, &keyed)
            }
            (State::LookingUp { next, host }, Input::Entrance(entrance)) => {
                self.on_entrance(now, (next, host), entrance)
            }
            (state @ State::LookingUp { .. }, Input::Digit(digit)) => {
                if self.ahead.len() < MAX_KEYED {
                    self.ahead.push_back(digit);
                }
                state
            }
            (State::Checking { wrong }, Input::Verdict(Verdict::Right(role))) => {
                self.on_right(now, wrong, role)
            }
            (State::Checking { wrong }, Input::Verdict(Verdict::Wrong)) => self.on_wrong(now, wrong),
            // Late reports, and keys pressed before the caller knows whether the pair is right.
            (state, _) => state,
        }
    }

    fn next_ahead(&mut self) -> Option<Digit> {
        if matches!(self.state, State::Asking { .. }) { self.ahead.pop_front() } else { None }
    }

    fn on_start(&mut self, now: Instant) -> State {
        self.ends_at = now + self.settings.bound;
        if let (Some(meeting), Some((next, host))) = (self.meeting, self.flow.after_meeting_id()) {
            self.outputs.push_back(Output::LookUp { meeting: Some(meeting) });
            return State::LookingUp { next, host };
        }
        let lead_in = PlayItem::Silence(self.settings.lead_in);
        self.enter(now, self.flow.begin(), vec![lead_in])
    }

    /// Goes to the first step from `step` on that asks; the words on the way come before its own.
    fn enter(&mut self, now: Instant, mut step: StepId, mut items: Vec<PlayItem>) -> State {
        let flow = Arc::clone(&self.flow);
        let say = loop {
            let Step { say, then } = flow.step(step);
            match then {
                Then::Language { next } if self.languages.len() <= 1 => step = *next,
                Then::Go(next) => {
                    items.extend(speak(&self.languages, say));
                    step = *next;
                }
                // The choice is one recording in all languages.
                Then::Language { .. } => break speak(&self.languages[..1], say),
                Then::Menu { .. }
                | Then::MeetingId { .. }
                | Then::HostPassword { .. }
                | Then::Password { .. } => {
                    break speak(&self.languages, say);
                }
            }
        };
        if !self.ahead.is_empty() {
            return State::Asking {
                step,
                keyed: Digits::new(),
                wait: Wait::Key(now + self.settings.first_digit),
            };
        }
        items.extend(say);
        let play = self.next_play;
        self.next_play = PlayId(play.0 + 1);
        self.outputs.push_back(Output::Play(play, items));
        State::Asking { step, keyed: Digits::new(), wait: Wait::Prompt(play) }
    }

    fn on_digit(&mut self, now: Instant, step: StepId, mut keyed: Digits, digit: Digit) -> State {
        let flow = Arc::clone(&self.flow);
        match (&flow.step(step).then, digit) {
            (Then::Menu { keys, otherwise }, key) => {
                return self.enter(now, *keys.get(&key.as_char()).unwrap_or(otherwise), Vec::new());
            }
            (_, Digit::STAR) => {
                keyed.clear();
                return State::Asking { step, keyed, wait: Wait::Key(now + self.settings.first_digit) };
            }
            (Then::Language { next }, key) => return self.on_language(now, *next, key),
            (_, Digit::POUND) => return self.on_entry(now, step, &keyed),
            (_, digit) if keyed.len() < MAX_KEYED => keyed.push(digit),
            (_, _) => {}
        }
        State::Asking { step, keyed, wait: Wait::Key(now + self.settings.between_digits) }
    }

    /// The key of a language chooses it. Any other is the first of an ID that a caller who knows
    /// the way keys at once, and the IVR goes on in all its languages.
    fn on_language(&mut self, now: Instant, next: StepId, digit: Digit) -> State {
        let chosen = digit.as_char().to_digit(10).and_then(|key| usize::try_from(key).ok()?.checked_sub(1));
        if let Some(language) = chosen.and_then(|index| self.languages.get(index)) {
            self.languages = vec![language.clone()];
        } else if digit != Digit::POUND {
            self.ahead.push_front(digit);
        }
        self.enter(now, next, Vec::new())
    }

    /// An entry was ended by `#` or by a pause.
    fn on_entry(&mut self, now: Instant, step: StepId, keyed: &Digits) -> State {
        let flow = Arc::clone(&self.flow);
        match &flow.step(step).then {
            Then::Go(next) | Then::Language { next } | Then::Menu { otherwise: next, .. } => {
                self.enter(now, *next, Vec::new())
            }
            Then::HostPassword { wrong } if keyed.is_empty() => self.on_right(now, *wrong, Role::Guest),
            Then::MeetingId { wrong, .. } | Then::Password { wrong } if keyed.is_empty() => {
                self.on_wrong(now, *wrong)
            }
            Then::MeetingId { next, host, .. } => {
                self.meeting = keyed.to_text().parse().ok();
                self.outputs.push_back(Output::LookUp { meeting: self.meeting });
                State::LookingUp { next: *next, host: *host }
            }
            Then::HostPassword { wrong } | Then::Password { wrong } => {
                let password = Secret::new(keyed.to_text());
                self.outputs.push_back(Output::Check { meeting: self.meeting, password });
                State::Checking { wrong: *wrong }
            }
        }
    }

    fn on_entrance(&mut self, now: Instant, (next, host): (StepId, StepId), entrance: Entrance) -> State {
        match entrance {
            Entrance::Password => self.enter(now, next, Vec::new()),
            Entrance::HostPassword => self.enter(now, host, Vec::new()),
            Entrance::Open => self.on_right(now, next, Role::Guest),
            Entrance::NoPhonePassword => self.finish(Finish::NoPhonePassword),
        }
    }

    /// A core that opens what has no ID is not believed.
    fn on_right(&mut self, now: Instant, wrong: StepId, role: Role) -> State {
        match self.meeting {
            Some(meeting) => self.finish(Finish::Right { meeting, role }),
            None => self.on_wrong(now, wrong),
        }
    }

    /// What was keyed ahead was not meant for another try.
    fn on_wrong(&mut self, now: Instant, wrong: StepId) -> State {
        self.ahead.clear();
        self.failures += 1;
        if self.failures >= self.settings.tries {
            return self.finish(Finish::TooOften);
        }
        self.enter(now, wrong, Vec::new())
    }

    fn finish(&mut self, finish: Finish) -> State {
        self.outputs.push_back(Output::Finished(finish));
        State::Over
    }
}

/// The recordings `names`, in one language after the other.
pub fn speak(languages: &[Language], names: &[PromptName]) -> Vec<PlayItem> {
    let in_language = |language: &Language| {
        let language = language.clone();
        names.iter().map(move |name| PlayItem::Prompt { name: name.clone(), language: language.clone() })
    };
    languages.iter().flat_map(in_language).collect()
}

#[cfg(test)]
mod tests;
