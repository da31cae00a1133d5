//! What the caller does, tick by tick.
//!
//! ```text
//!             pause        last key's rest     joined            time over
//!  Listening ───────▶ Keying ───────▶ … ─▶ Joining ──▶ Talking ──────────▶ Over
//!                                             │
//!                                             └─ asked again, silence ──▶ Failed
//! ```

use std::{collections::VecDeque, time::Duration};

use terms::{Digit, Instant};

use super::{
    ear::{Ear, Since},
    mouth::PRESS,
    plan::Step,
};

/// From one press to the next: as fast as people key, and the pause that Q.24 wants.
const KEY_TIME: Duration = PRESS.saturating_add(Duration::from_millis(80));
/// So long without sound after the joined prompt is the meeting.
const JOINED_PAUSE: Duration = Duration::from_secs(1);
/// The joined prompt is shorter (as shipped: 4.7 s in two languages), the verdict "wrong" with the
/// question that follows it is longer (5.1 s in one).
const JOINED_PROMPT: Duration = Duration::from_millis(4_900);

/// What to say in this tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// Silence.
    Nothing,
    /// A tone of so many Hz.
    Tone(u32),
    /// A key goes down.
    Press(Digit),
}

/// How far the script got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Say(Say),
    /// It is done: hang up.
    Over,
    /// The gateway asked again: the pair was wrong.
    AskedAgain,
    /// Nothing told that we are in a meeting.
    NotJoined,
}

/// When the gateway let us into the meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Milestones {
    /// The last `#` went down.
    pub pound: Option<Instant>,
    /// The first sound after it.
    pub sound: Option<Instant>,
    /// The joined prompt ended, or a tone began that only the meeting can have.
    pub joined: Option<Instant>,
    /// The first of the tones after the last `#`.
    pub tone: Option<Instant>,
}

#[derive(Debug, Clone)]
enum State {
    Between,
    Listening { pause: Duration, until: Instant },
    Keying { left: VecDeque<Digit>, next: Instant },
    Joining { until: Instant },
    Talking { hz: Option<u32>, until: Instant },
    Over(Progress),
}

/// Works through the steps.
#[derive(Debug, Clone)]
pub struct Script {
    steps: VecDeque<Step>,
    state: State,
    milestones: Milestones,
}

impl Script {
    /// A script that begins with its first tick.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), state: State::Between, milestones: Milestones::default() }
    }

    /// Whether the caller is talking: what is heard now is what counts.
    pub const fn is_talking(&self) -> bool {
        matches!(self.state, State::Talking { .. })
    }

    /// Whether it waits to be let into the meeting.
    pub const fn is_joining(&self) -> bool {
        matches!(self.state, State::Joining { .. })
    }

    /// What was reached, and when.
    pub const fn milestones(&self) -> Milestones {
        self.milestones
    }

    /// What to do in this tick of 20 ms.
    pub fn tick(&mut self, now: Instant, ear: &mut Ear) -> Progress {
        self.note(&ear.since_mark());
        loop {
            let state = std::mem::replace(&mut self.state, State::Between);
            let (state, progress) = match state {
                State::Between => (self.begin_next(now, ear), None),
                State::Listening { pause, until } if now >= until || is_pause(ear, now, pause) => {
                    (State::Between, None)
                }
                state @ State::Listening { .. } => (state, Some(Progress::Say(Say::Nothing))),
                State::Keying { left, next } => self.key(now, left, next, ear),
                State::Joining { until } => self.join(now, until, &ear.since_mark()),
                State::Talking { until, .. } if now >= until => (State::Between, None),
                state @ State::Talking { hz, .. } => {
                    (state, Some(Progress::Say(hz.map_or(Say::Nothing, Say::Tone))))
                }
                State::Over(progress) => (State::Over(progress), Some(progress)),
            };
            self.state = state;
            if let Some(progress) = progress {
                return progress;
            }
        }
    }

    fn begin_next(&mut self, now: Instant, ear: &mut Ear) -> State {
        match self.steps.pop_front() {
            None => State::Over(Progress::Over),
            Some(Step::Listen { pause, within }) => State::Listening { pause, until: now + within },
            Some(Step::Key(digits)) => State::Keying { left: digits.into(), next: now },
            Some(Step::Join { within }) => State::Joining { until: now + within },
            Some(Step::Talk { hz, duration }) => {
                ear.begin_measuring(now);
                State::Talking { hz, until: now + duration }
            }
        }
    }

    /// Presses the next key once the one before is up. What follows an ended entry is heard anew.
    fn key(
        &mut self,
        now: Instant,
        mut left: VecDeque<Digit>,
        next: Instant,
        ear: &mut Ear,
    ) -> (State, Option<Progress>) {
        if now < next {
            return (State::Keying { left, next }, Some(Progress::Say(Say::Nothing)));
        }
        let Some(digit) = left.pop_front() else { return (State::Between, None) };
        if digit == Digit::POUND {
            ear.mark();
            self.milestones = Milestones { pound: Some(now), ..Milestones::default() };
        }
        (State::Keying { left, next: now + KEY_TIME }, Some(Progress::Say(Say::Press(digit))))
    }

    /// Tells from outside whether the gateway let us in. The joined prompt is short and then the
    /// meeting is heard, or nothing; a wrong pair is told and asked for again, which takes longer.
    fn join(&mut self, now: Instant, until: Instant, since: &Since) -> (State, Option<Progress>) {
        let is_quiet = since.quiet_for(now).is_some_and(|quiet| quiet >= JOINED_PAUSE);
        let joined = since.first_tone.or(since.last_sound.filter(|_| is_quiet));
        if since.first_tone.is_none() && since.sounded_for() > JOINED_PROMPT {
            return (State::Over(Progress::AskedAgain), None);
        }
        if joined.is_some() {
            self.milestones.joined = joined;
            return (State::Between, None);
        }
        if now >= until {
            return (State::Over(Progress::NotJoined), None);
        }
        (State::Joining { until }, Some(Progress::Say(Say::Nothing)))
    }

    fn note(&mut self, since: &Since) {
        if self.milestones.pound.is_some() {
            self.milestones.sound = since.first_sound;
            self.milestones.tone = since.first_tone;
        }
    }
}

fn is_pause(ear: &Ear, now: Instant, pause: Duration) -> bool {
    ear.since_mark().quiet_for(now).is_some_and(|quiet| quiet >= pause)
}

#[cfg(test)]
mod tests;
