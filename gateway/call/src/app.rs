//! The steps of a dialplan line's `app:` target.

use std::{collections::VecDeque, time::Duration};

use dialplan::Step;
use serde::{Deserialize, Serialize};
use terms::media::Route;

/// The steps that are still to be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct App {
    steps: VecDeque<Step>,
}

/// Whether the caller hears us yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Unanswered,
    Established,
}

/// How far an [`App`] got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Ring for so long, then come again.
    Ring(Duration),
    /// The call must be answered first.
    Answer,
    /// The caller hears this, for so long or until it hangs up.
    Hear { route: Route, duration: Option<Duration> },
    /// The caller tests the line.
    Test(Step),
    /// No step is left.
    Done,
}

impl App {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Self { steps: steps.into() }
    }

    /// Takes the next step. A step that is heard waits until the call is established.
    pub(crate) fn advance(&mut self, phase: Phase) -> Progress {
        match self.steps.front() {
            None => Progress::Done,
            Some(Step::Ring(duration)) => {
                let duration = *duration;
                self.steps.pop_front();
                if phase == Phase::Established { self.advance(phase) } else { Progress::Ring(duration) }
            }
            Some(_) if phase == Phase::Unanswered => Progress::Answer,
            Some(step) => {
                let hear = |route, duration| Some(Progress::Hear { route, duration });
                let progress = match step {
                    Step::Answer | Step::Ring(_) => None,
                    Step::Echo => hear(Route::Echo, None),
                    Step::Tone { hz } => hear(Route::Tone { hz: *hz }, None),
                    Step::Silence(duration) => hear(Route::Drop, Some(*duration)),
                    Step::Quality(_) | Step::Digits(_) => Some(Progress::Test(step.clone())),
                };
                self.steps.pop_front();
                progress.unwrap_or_else(|| self.advance(phase))
            }
        }
    }
}
