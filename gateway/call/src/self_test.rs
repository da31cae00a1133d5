//! Numbers that a caller tests the line with (MEDIA-8): what is measured of it, and which keys come, read back by voice.
//!
//! ```text
//!  quality   Greeting ──▶ Listening, an echo meanwhile ──▶ Telling ──▶ over
//!  digits    Greeting ──▶ Waiting ⇄ Reading ──▶ Leaving ──▶ over          # or a long pause
//! ```
//!
//! Feed one input, drain all output.

mod digits;
mod quality;

use std::collections::VecDeque;

use dialplan::Step;
use serde::{Deserialize, Serialize};
use terms::{
    Digit, Instant, Language, PromptName,
    media::{Measured, PlayId, PlayItem, Route},
};

use crate::ivr::speak;
use digits::DigitsTest;
use quality::QualityTest;

/// What ends both.
const GOODBYE: &str = "goodbye";

/// What a test is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Input<'a> {
    /// Media flows.
    Start,
    /// A key.
    Digit(Digit),
    /// The prompts of this playing have ended.
    Played(PlayId),
    /// How the caller's stream fares.
    Measured(&'a Measured),
    /// Time passed.
    Timeout,
}

/// What a test wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Output {
    /// The caller hears this.
    Hear(Route),
    /// The test is over.
    Finished,
}

/// One caller at a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum SelfTest {
    Quality(QualityTest),
    Digits(DigitsTest),
}

impl SelfTest {
    /// The test of a dialplan's step, if it is one; its playings are named from `next_play` on.
    pub(crate) fn of(step: &Step, next_play: PlayId) -> Option<Self> {
        let speaker = |languages: &[Language]| Speaker {
            languages: languages.to_vec(),
            next_play,
            outputs: VecDeque::new(),
        };
        match step {
            Step::Quality(languages) => Some(Self::Quality(QualityTest::new(speaker(languages)))),
            Step::Digits(languages) => Some(Self::Digits(DigitsTest::new(speaker(languages)))),
            Step::Answer | Step::Ring(_) | Step::Echo | Step::Tone { .. } | Step::Silence(_) => None,
        }
    }

    pub(crate) fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match self {
            Self::Quality(test) => test.handle_input(now, input),
            Self::Digits(test) => test.handle_input(now, input),
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.speaker_mut().outputs.pop_front()
    }

    pub(crate) const fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Quality(test) => test.poll_timeout(),
            Self::Digits(test) => test.poll_timeout(),
        }
    }

    /// The name for the next playing after the test's own.
    pub(crate) const fn next_play(&self) -> PlayId {
        match self {
            Self::Quality(test) => test.speaker.next_play,
            Self::Digits(test) => test.speaker.next_play,
        }
    }

    const fn speaker_mut(&mut self) -> &mut Speaker {
        match self {
            Self::Quality(test) => &mut test.speaker,
            Self::Digits(test) => &mut test.speaker,
        }
    }
}

/// What a test says, in which languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Speaker {
    languages: Vec<Language>,
    next_play: PlayId,
    outputs: VecDeque<Output>,
}

impl Speaker {
    /// Says it in one language after the other, behind `before`.
    fn say(&mut self, mut before: Vec<PlayItem>, names: &[PromptName]) -> PlayId {
        let play = self.next_play;
        self.next_play = PlayId(play.0 + 1);
        before.extend(speak(&self.languages, names));
        self.outputs.push_back(Output::Hear(Route::Prompts { play, items: before }));
        play
    }

    fn hear(&mut self, route: Route) {
        self.outputs.push_back(Output::Hear(route));
    }

    fn finish(&mut self) {
        self.outputs.push_back(Output::Finished);
    }
}

/// The recording of a digit, of `*`, or of a key that has none of its own.
fn prompt_of(key: char) -> PromptName {
    let name = match key {
        '0' => "digit-0",
        '1' => "digit-1",
        '2' => "digit-2",
        '3' => "digit-3",
        '4' => "digit-4",
        '5' => "digit-5",
        '6' => "digit-6",
        '7' => "digit-7",
        '8' => "digit-8",
        '9' => "digit-9",
        '.' => "digit-point",
        '*' => "digit-star",
        _ => "digit-other",
    };
    name.into()
}

/// Every recording that a test may need.
pub fn prompts() -> impl Iterator<Item = PromptName> {
    let keys = "0123456789.*A".chars().map(prompt_of);
    keys.chain(quality::PROMPTS.into_iter().chain([digits::GREETING, GOODBYE]).map(PromptName::from))
}

#[cfg(test)]
mod tests;
