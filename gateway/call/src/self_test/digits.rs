//! Which keys come, each read back.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};
use terms::{
    Digit, Instant,
    media::{PlayId, PlayItem},
};

use super::{GOODBYE, Input, Speaker, prompt_of};

pub(super) const GREETING: &str = "digits-begin";
/// A caller who keys nothing for so long has gone.
const PAUSE: Duration = Duration::from_secs(30);
/// The whole test.
const BOUND: Duration = Duration::from_secs(300);
/// Keys that may wait to be read; more are let go.
const MAX_WAITING: usize = 32;
/// Carriers clip the start of a call.
const LEAD_IN: Duration = Duration::from_millis(200);

/// Reads back what is keyed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DigitsTest {
    pub(super) speaker: Speaker,
    state: State,
    waiting: VecDeque<Digit>,
    ends_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum State {
    Idle,
    Greeting(PlayId),
    Waiting { until: Instant },
    Reading(PlayId),
    Leaving(PlayId),
    Over,
}

impl DigitsTest {
    pub(super) const fn new(speaker: Speaker) -> Self {
        Self { speaker, state: State::Idle, waiting: VecDeque::new(), ends_at: Instant::ZERO }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Idle | State::Greeting(_) | State::Reading(_) | State::Leaving(_) | State::Over => None,
        }
    }

    pub(super) fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.state = match (self.state, input) {
            (State::Idle, Input::Start) => {
                self.ends_at = now + BOUND;
                State::Greeting(self.speaker.say(vec![PlayItem::Silence(LEAD_IN)], &[GREETING.into()]))
            }
            (State::Greeting(_) | State::Waiting { .. }, Input::Digit(digit)) => {
                self.waiting.push_back(digit);
                self.read(now)
            }
            (State::Greeting(play), Input::Played(played)) if play == played => self.read(now),
            (State::Reading(play), Input::Digit(digit)) => {
                if self.waiting.len() < MAX_WAITING {
                    self.waiting.push_back(digit);
                }
                State::Reading(play)
            }
            (State::Reading(play), Input::Played(played)) if play == played => self.read(now),
            (State::Waiting { until }, Input::Timeout) if now >= until => self.leave(),
            (State::Leaving(play), Input::Played(played)) if play == played => {
                self.speaker.finish();
                State::Over
            }
            // Keys after the last, late reports, and figures.
            (state, _) => state,
        };
    }

    /// Reads the key that has waited longest: each is heard in whole, however fast they came.
    fn read(&mut self, now: Instant) -> State {
        match self.waiting.pop_front() {
            _ if now >= self.ends_at => self.leave(),
            Some(Digit::POUND) => self.leave(),
            Some(digit) => State::Reading(self.speaker.say(Vec::new(), &[prompt_of(digit.as_char())])),
            None => State::Waiting { until: self.ends_at.min(now + PAUSE) },
        }
    }

    fn leave(&mut self) -> State {
        State::Leaving(self.speaker.say(Vec::new(), &[GOODBYE.into()]))
    }
}
