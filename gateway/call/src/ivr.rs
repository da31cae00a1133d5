//! The IVR: language, meeting ID, password, verdict (DIAL-2 to DIAL-4).
//!
//! ```text
//!             ┌──────────┐ key or   ┌───────────┐ # or pause ┌──────────┐ # or pause ┌──────────┐
//!  Start ───▶ │ Language ├────────▶ │ MeetingId ├──────────▶ │ Password ├──────────▶ │ Checking │
//!             └──────────┘ time-out └───────────┘            └──────────┘            └────┬─────┘
//!                                         ▲     wrong, tries left                         │
//!                                         └───────────────────────────────────────────────┤
//!                                                        Finished(Right, TooOften, TimedOut)
//! ```

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use terms::{
    Digit, Digits, Instant, Language, MeetingId, PromptName, Secret,
    media::{PlayId, PlayItem},
};

use crate::{
    question::{Role, Verdict},
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
    /// The stage took too long.
    TimedOut,
}

/// What is being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Asked {
    Language,
    MeetingId,
    Password { meeting: Option<MeetingId> },
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
    Asking { asked: Asked, keyed: Digits, wait: Wait },
    Checking { meeting: Option<MeetingId> },
    Over,
}

/// One caller in the IVR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ivr {
    settings: IvrSettings,
    /// Spoken one after the other; one once the caller has chosen.
    languages: Vec<Language>,
    state: State,
    failures: u8,
    next_play: PlayId,
    ends_at: Instant,
    outputs: VecDeque<Output>,
}

impl Ivr {
    /// An IVR for an access number that speaks `languages`; its playings are named from `first_play` on.
    pub fn new(settings: IvrSettings, languages: Vec<Language>, first_play: PlayId) -> Self {
        Self {
            settings,
            languages,
            state: State::Idle,
            failures: 0,
            next_play: first_play,
            ends_at: Instant::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// The languages that later prompts are spoken in.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// The ID whose pair the core is asked about, where it is one at all.
    pub const fn meeting(&self) -> Option<MeetingId> {
        match self.state {
            State::Checking { meeting } => meeting,
            State::Idle | State::Asking { .. } | State::Over => None,
        }
    }

    /// The name for the next playing after the IVR's own.
    pub const fn next_play(&self) -> PlayId {
        self.next_play
    }

    /// Feed one, drain all.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.state = match (state, input) {
            (State::Idle, Input::Start) => self.on_start(now),
            (State::Asking { .. } | State::Checking { .. }, _) if now >= self.ends_at => {
                self.finish(Finish::TimedOut)
            }
            (State::Asking { asked, keyed, wait }, Input::Digit(digit)) => {
                if matches!(wait, Wait::Prompt(_)) {
                    self.outputs.push_back(Output::StopPlaying);
                }
                self.on_digit(now, asked, keyed, digit)
            }
            (State::Asking { asked, keyed, wait: Wait::Prompt(play) }, Input::Played(played))
                if play == played =>
            {
                State::Asking { asked, keyed, wait: Wait::Key(now + self.settings.first_digit) }
            }
            (State::Asking { asked, keyed, wait: Wait::Key(until) }, Input::Timeout) if now >= until => {
                self.on_entry(&asked, &keyed)
            }
            (State::Checking { meeting: Some(meeting) }, Input::Verdict(Verdict::Right(role))) => {
                self.finish(Finish::Right { meeting, role })
            }
            (State::Checking { .. }, Input::Verdict(_)) => self.on_wrong(),
            // Late reports and keys pressed while the core is asked.
            (state, _) => state,
        };
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
            State::Asking { .. } | State::Checking { .. } => Some(self.ends_at),
        }
    }

    fn on_start(&mut self, now: Instant) -> State {
        self.ends_at = now + self.settings.bound;
        let mut items = vec![PlayItem::Silence(self.settings.lead_in)];
        if self.languages.len() <= 1 {
            items.extend(self.speak(&["welcome", "ask-meeting-id"]));
            return self.ask(Asked::MeetingId, items);
        }
        items.extend(self.speak(&["welcome"]));
        // The choice is one recording in all languages.
        items.extend(speak(&self.languages[..1], &["choose-language"]));
        self.ask(Asked::Language, items)
    }

    fn on_digit(&mut self, now: Instant, asked: Asked, mut keyed: Digits, digit: Digit) -> State {
        match (digit, &asked) {
            (Digit::POUND, Asked::MeetingId | Asked::Password { .. }) => {
                return self.on_entry(&asked, &keyed);
            }
            (Digit::STAR, _) => {
                keyed.clear();
                return State::Asking { asked, keyed, wait: Wait::Key(now + self.settings.first_digit) };
            }
            (_, Asked::Language) => return self.on_language(now, digit),
            (_, Asked::MeetingId | Asked::Password { .. }) if keyed.len() < MAX_KEYED => keyed.push(digit),
            (_, Asked::MeetingId | Asked::Password { .. }) => {}
        }
        State::Asking { asked, keyed, wait: Wait::Key(now + self.settings.between_digits) }
    }

    /// The key of a language chooses it. Any other is the first of an ID that a caller who knows
    /// the way keys at once, and the IVR goes on in all its languages.
    fn on_language(&mut self, now: Instant, digit: Digit) -> State {
        let chosen = digit.as_char().to_digit(10).and_then(|key| usize::try_from(key).ok()?.checked_sub(1));
        if let Some(language) = chosen.and_then(|index| self.languages.get(index)) {
            self.languages = vec![language.clone()];
            return self.ask_meeting_id();
        }
        if digit == Digit::POUND {
            return self.ask_meeting_id();
        }
        let wait = Wait::Key(now + self.settings.between_digits);
        let mut keyed = Digits::new();
        keyed.push(digit);
        State::Asking { asked: Asked::MeetingId, keyed, wait }
    }

    /// An entry was ended by `#` or by a pause.
    fn on_entry(&mut self, asked: &Asked, keyed: &Digits) -> State {
        match asked {
            Asked::Language => self.ask_meeting_id(),
            Asked::MeetingId | Asked::Password { .. } if keyed.is_empty() => self.on_wrong(),
            Asked::MeetingId => {
                let meeting = keyed.to_text().parse().ok();
                let items = self.speak(&["ask-password"]);
                self.ask(Asked::Password { meeting }, items)
            }
            Asked::Password { meeting } => {
                let (meeting, password) = (*meeting, Secret::new(keyed.to_text()));
                self.outputs.push_back(Output::Check { meeting, password });
                State::Checking { meeting }
            }
        }
    }

    fn on_wrong(&mut self) -> State {
        self.failures += 1;
        if self.failures >= self.settings.tries {
            return self.finish(Finish::TooOften);
        }
        let items = self.speak(&["wrong", "ask-meeting-id"]);
        self.ask(Asked::MeetingId, items)
    }

    fn ask_meeting_id(&mut self) -> State {
        let items = self.speak(&["ask-meeting-id"]);
        self.ask(Asked::MeetingId, items)
    }

    fn ask(&mut self, asked: Asked, items: Vec<PlayItem>) -> State {
        let play = self.next_play;
        self.next_play = PlayId(play.0 + 1);
        self.outputs.push_back(Output::Play(play, items));
        State::Asking { asked, keyed: Digits::new(), wait: Wait::Prompt(play) }
    }

    fn finish(&mut self, finish: Finish) -> State {
        self.outputs.push_back(Output::Finished(finish));
        State::Over
    }

    fn speak(&self, names: &[&str]) -> Vec<PlayItem> {
        speak(&self.languages, names)
    }
}

/// The recordings `names`, in one language after the other.
pub fn speak(languages: &[Language], names: &[&str]) -> Vec<PlayItem> {
    let in_language = |language: &Language| {
        let language = language.clone();
        names
            .iter()
            .map(move |name| PlayItem::Prompt { name: PromptName::from(*name), language: language.clone() })
    };
    languages.iter().flat_map(in_language).collect()
}

#[cfg(test)]
mod tests;
