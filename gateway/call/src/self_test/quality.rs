//! How the caller's stream fares: measured while it hears itself, then told.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::{
    Instant, PromptName,
    media::{Figures, Measured, PlayId, PlayItem, Route},
};

use super::{GOODBYE, Input, Speaker, prompt_of};

const GREETING: &str = "quality-begin";
const LOSS_THERE: &str = "quality-loss-there";
const JITTER: &str = "quality-jitter";
const LOSS_BACK: &str = "quality-loss-back";
const DELAY: &str = "quality-delay";
const NOTHING: &str = "quality-nothing";
/// All that it says besides digits.
pub(super) const PROMPTS: [&str; 6] = [GREETING, LOSS_THERE, JITTER, LOSS_BACK, DELAY, NOTHING];

/// How long the caller is listened to.
const LISTENS: Duration = Duration::from_secs(10);
/// So far each measure looks back, by the service's rule: until then it speaks of the greeting too.
const LOOKS_BACK: Duration = Duration::from_secs(6);
/// Carriers clip the start of a call.
const LEAD_IN: Duration = Duration::from_millis(200);

/// Measures, and tells what it measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QualityTest {
    pub(super) speaker: Speaker,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum State {
    Idle,
    Greeting(PlayId),
    Listening { since: Instant, heard: Heard },
    Telling(PlayId),
    Over,
}

/// What was measured while the caller was listened to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Heard {
    loss_there: Mean,
    jitter: Mean,
    loss_back: Mean,
    /// The newest.
    delay_ms: Option<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Mean {
    count: u16,
    sum: f32,
}

impl QualityTest {
    pub(super) const fn new(speaker: Speaker) -> Self {
        Self { speaker, state: State::Idle }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Listening { since, .. } => Some(ends(since)),
            State::Idle | State::Greeting(_) | State::Telling(_) | State::Over => None,
        }
    }

    pub(super) fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.state = match (self.state, input) {
            (State::Idle, Input::Start) => {
                State::Greeting(self.speaker.say(vec![PlayItem::Silence(LEAD_IN)], &[GREETING.into()]))
            }
            (State::Greeting(play), Input::Played(played)) if play == played => {
                self.speaker.hear(Route::Echo);
                State::Listening { since: now, heard: Heard::default() }
            }
            (State::Listening { since, mut heard }, Input::Measured(measured)) => {
                heard.take(measured, now.since(since));
                State::Listening { since, heard }
            }
            (State::Listening { since, heard }, Input::Timeout) if now >= ends(since) => {
                State::Telling(self.speaker.say(Vec::new(), &heard.words()))
            }
            (State::Telling(play), Input::Played(played)) if play == played => {
                self.speaker.finish();
                State::Over
            }
            // Keys are not for it, and measures of other times say nothing.
            (state, _) => state,
        };
    }
}

const fn ends(since: Instant) -> Instant {
    Instant::from_nanos(since.as_nanos().saturating_add(LISTENS.as_secs() * 1_000_000_000))
}

impl Heard {
    fn take(&mut self, measured: &Measured, listened: Duration) {
        let Measured { inbound, outbound, .. } = measured;
        let Figures { delay_estimated_ms, .. } = inbound;
        self.delay_ms = delay_estimated_ms.or(self.delay_ms);
        self.loss_back.take(outbound.loss_percent);
        if listened >= LOOKS_BACK {
            self.loss_there.take(inbound.loss_percent);
            self.jitter.take(inbound.jitter_ms);
        }
    }

    /// What is not known is not told.
    fn words(&self) -> Vec<PromptName> {
        let mut words = Vec::new();
        match self.jitter.value() {
            Some(jitter) => {
                told(&mut words, LOSS_THERE, self.loss_there.value().map(one_decimal));
                told(&mut words, JITTER, Some(whole(jitter)));
            }
            // There is no jitter of what does not come.
            None => words.push(NOTHING.into()),
        }
        told(&mut words, LOSS_BACK, self.loss_back.value().map(one_decimal));
        told(&mut words, DELAY, self.delay_ms.map(whole));
        words.push(GOODBYE.into());
        words
    }
}

fn told(words: &mut Vec<PromptName>, what: &str, figure: Option<String>) {
    let Some(figure) = figure else { return };
    words.push(what.into());
    words.extend(figure.chars().map(prompt_of));
}

fn one_decimal(figure: f32) -> String {
    format!("{figure:.1}")
}

fn whole(figure: f32) -> String {
    format!("{figure:.0}")
}

impl Mean {
    fn take(&mut self, figure: Option<f32>) {
        if let Some(figure) = figure {
            self.count = self.count.saturating_add(1);
            self.sum += figure;
        }
    }

    fn value(&self) -> Option<f32> {
        (self.count > 0).then(|| self.sum / f32::from(self.count))
    }
}
