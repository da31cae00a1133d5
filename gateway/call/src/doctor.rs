//! What is done about a call whose stream stopped (MEDIA-4).
//!
//! ```text
//!                nothing comes         warn           probe           end
//!   ┌─────────┐              ┌────────┐     ┌────────┐    ┌─────────┐     ┌─────────┐
//!   │ Flowing ├────────────▶ │ Silent ├───▶ │ Warned ├──▶ │ Probing ├───▶ │ GivenUp │
//!   └─┬─────▲─┘              └───┬────┘     └───┬────┘    └──┬───┬──┘     └─────────┘
//!     │     └────────────────────┴──────────────┴────────────┘   │ answered, or quiet  ▲
//!  hold, un-hold                 something comes            ▲    ▼ for a reason        │
//!     ▼                                                     │ ┌─────────┐ end_answered │
//!   Held                                                    └─┤ Patient ├──────────────┘
//!                                                             └─────────┘
//! ```
//!
//! Media tells once a second what is silent, and at once when something comes again: a deadline
//! that is reached finds the last word not contradicted.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use terms::{
    Direction, Instant,
    media::{SilenceReason, Silences},
};

use crate::settings::NoStreamSettings;

/// Which direction of a call stopped, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoppedWay {
    /// What the peer sends.
    Inbound,
    /// What we send.
    Outbound,
    /// Both.
    Both,
}

/// A stream that stopped, for events and for the call's record (MEDIA-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Which direction.
    pub way: StoppedWay,
    /// Why, as far as can be seen.
    pub reason: SilenceReason,
    /// For how long, in milliseconds.
    pub silent_ms: u64,
}

/// What the doctor is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Both sides agree on who sends, at first or again; a peer without an address is `Inactive`.
    Agreed(Direction),
    /// Media may flow.
    Established,
    /// Media has measured.
    Measured(Silences),
    /// The peer has answered the probe.
    Answered,
    /// The call is over.
    Over,
    /// Time passed.
    Timeout,
}

/// What the doctor wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Output {
    /// Tell that nothing comes.
    Warn(Stopped),
    /// Ask the peer whether it is there.
    Probe,
    /// Tell that something comes again, after a warning.
    Resumed,
    /// End the call.
    End(Stopped),
}

/// A direction that is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stop {
    since: Instant,
    way: StoppedWay,
    reason: SilenceReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Media may not flow yet, or no more.
    Off,
    /// As far as is known.
    Flowing,
    /// Nobody need send.
    Held,
    Silent(Stop),
    Warned(Stop),
    Probing(Stop),
    /// The peer is there, or has said why it may be quiet.
    Patient(Stop),
    GivenUp(Stop),
}

/// Whether a peer has shown that it may be quiet and be there all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Habit {
    /// It sends as long as it is there.
    Steady,
    /// It sent comfort noise, or said that only one side would send.
    Quiet,
}

/// Watches over the streams of one call: feed one [`Input`], drain all [`Output`]s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Doctor {
    state: State,
    habit: Habit,
    agreed: Option<Direction>,
    /// Silence before this moment is nobody's fault.
    counts_from: Instant,
    /// As of the last input: a reload changes the bounds of silences that go on.
    settings: NoStreamSettings,
    outputs: VecDeque<Output>,
}

impl Doctor {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Off,
            habit: Habit::Steady,
            agreed: None,
            counts_from: Instant::ZERO,
            settings: NoStreamSettings::default(),
            outputs: VecDeque::new(),
        }
    }

    pub(crate) fn handle_input(&mut self, now: Instant, settings: &NoStreamSettings, input: Input) {
        self.settings = *settings;
        self.state = match (self.state, input) {
            (_, Input::Over) => State::Off,
            (state, Input::Agreed(direction)) => self.agree(now, state, direction),
            (State::Off, Input::Established) => {
                self.counts_from = now;
                if self.agreed == Some(Direction::Inactive) { State::Held } else { State::Flowing }
            }
            (state, Input::Measured(silences)) => self.measure(state, &silences),
            (State::Probing(stop), Input::Answered) => State::Patient(stop),
            (state, Input::Timeout | Input::Established | Input::Answered) => state,
        };
        while let Some(state) = self.next(now) {
            self.state = state;
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let NoStreamSettings { warn, probe, end, end_answered } = self.settings;
        match self.state {
            State::Off | State::Flowing | State::Held | State::GivenUp(_) => None,
            State::Silent(stop) => Some(stop.since + warn),
            State::Warned(stop) => Some(stop.since + probe),
            State::Probing(stop) => Some(stop.since + end),
            State::Patient(stop) => Some(stop.since + end_answered),
        }
    }

    /// What stopped and has not come again, once it was warned of.
    pub(crate) fn stopped(&self, now: Instant) -> Option<Stopped> {
        self.warned_of().map(|stop| stop.told(now))
    }

    /// Hold is not the peer's silence, and neither is what follows until its end (MEDIA-4).
    fn agree(&mut self, now: Instant, state: State, direction: Direction) -> State {
        let is_first = self.agreed.replace(direction).is_none();
        // Where nobody sends, nobody is seen to be one-way.
        if matches!(direction, Direction::SendOnly | Direction::ReceiveOnly) {
            self.habit = Habit::Quiet;
        }
        match (state, direction) {
            // An offer that begins one-way holds nobody.
            (State::Off, _) if is_first => State::Off,
            (State::Off | State::GivenUp(_), _) => state,
            (State::Held, Direction::SendReceive) => {
                self.counts_from = now;
                State::Flowing
            }
            (state, Direction::SendReceive) => state,
            (_, Direction::SendOnly | Direction::ReceiveOnly | Direction::Inactive) => State::Held,
        }
    }

    fn measure(&mut self, state: State, silences: &Silences) -> State {
        if silences.comfort_noise {
            self.habit = Habit::Quiet;
        }
        let stop = Stop::of(silences).map(|stop| Stop { since: stop.since.max(self.counts_from), ..stop });
        match (state, stop) {
            (state @ (State::Off | State::Held | State::GivenUp(_)), _) => state,
            (State::Flowing, None) => State::Flowing,
            (State::Flowing, Some(stop)) => State::Silent(stop),
            (State::Silent(before), Some(stop)) if stop.since <= before.since => State::Silent(stop),
            (State::Warned(before), Some(stop)) if stop.since <= before.since => State::Warned(stop),
            (State::Probing(before), Some(stop)) if stop.since <= before.since => State::Probing(stop),
            (State::Patient(before), Some(stop)) if stop.since <= before.since => State::Patient(stop),
            // Something came untold, or nobody knows any more what did: the silence begins anew.
            (_, Some(stop)) => State::Silent(stop),
            (_, None) => {
                if self.warned_of().is_some() {
                    self.outputs.push_back(Output::Resumed);
                }
                State::Flowing
            }
        }
    }

    /// What follows where a deadline is reached.
    fn next(&mut self, now: Instant) -> Option<State> {
        let is_due = self.poll_timeout().is_some_and(|at| now >= at);
        let (output, state) = match (self.state, self.habit) {
            (State::Probing(stop), Habit::Quiet) => return Some(State::Patient(stop)),
            _ if !is_due => return None,
            (State::Silent(stop), _) => (Output::Warn(stop.told(now)), State::Warned(stop)),
            (State::Warned(stop), _) => (Output::Probe, State::Probing(stop)),
            (State::Probing(stop), Habit::Steady) | (State::Patient(stop), _) => {
                (Output::End(stop.told(now)), State::GivenUp(stop))
            }
            (State::Off | State::Flowing | State::Held | State::GivenUp(_), _) => return None,
        };
        self.outputs.push_back(output);
        Some(state)
    }

    const fn warned_of(&self) -> Option<Stop> {
        match self.state {
            State::Off | State::Flowing | State::Held | State::Silent(_) => None,
            State::Warned(stop) | State::Probing(stop) | State::Patient(stop) | State::GivenUp(stop) => {
                Some(stop)
            }
        }
    }
}

impl Stop {
    /// Where both are silent, the one that was so first counts; why nothing comes says the most.
    fn of(silences: &Silences) -> Option<Self> {
        let (way, since, reason) = match (silences.inbound, silences.outbound) {
            (None, None) => return None,
            (Some(inbound), None) => (StoppedWay::Inbound, inbound.since, inbound.reason),
            (None, Some(outbound)) => (StoppedWay::Outbound, outbound.since, outbound.reason),
            (Some(inbound), Some(outbound)) => {
                (StoppedWay::Both, inbound.since.min(outbound.since), inbound.reason)
            }
        };
        Some(Self { since, way, reason })
    }

    fn told(self, now: Instant) -> Stopped {
        let silent_ms = u64::try_from(now.since(self.since).as_millis()).unwrap_or(u64::MAX);
        Stopped { way: self.way, reason: self.reason, silent_ms }
    }
}

#[cfg(test)]
mod tests;
