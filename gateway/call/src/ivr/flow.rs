//! What a caller is asked, step by step, as the operator wrote it (DIAL-1 to DIAL-4).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use terms::{Language, PromptName};

/// Names a step of a flow: its place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId(pub u16);

/// A step: words, and what follows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Spoken in order.
    pub say: Vec<PromptName>,
    /// What follows.
    pub then: Then,
}

/// What follows the words of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// The words of the next step: nothing is asked.
    Go(StepId),
    /// Which language: its key is its place among those of the access number. Where that speaks one only, the step is
    /// passed over in silence.
    Language {
        /// With the language chosen, or with all.
        next: StepId,
    },
    /// One key.
    Menu {
        /// Where each leads.
        keys: BTreeMap<char, StepId>,
        /// Where any other leads, and silence.
        otherwise: StepId,
    },
    /// The meeting's ID.
    MeetingId {
        /// Where the meeting asks for a password, and where there is none of that ID.
        next: StepId,
        /// Where only its host has a password.
        host: StepId,
        /// Where nothing was keyed.
        wrong: StepId,
    },
    /// The password of the host of the meeting whose ID was keyed; who keys none is a guest.
    HostPassword {
        /// Where it does not fit.
        wrong: StepId,
    },
    /// The password of the meeting whose ID was keyed.
    Password {
        /// Where it does not fit.
        wrong: StepId,
    },
}

impl Then {
    /// Every step that may come next.
    fn targets(&self) -> Vec<StepId> {
        match self {
            Self::Go(next)
            | Self::Language { next }
            | Self::HostPassword { wrong: next }
            | Self::Password { wrong: next } => vec![*next],
            Self::Menu { keys, otherwise } => keys.values().chain([otherwise]).copied().collect(),
            Self::MeetingId { next, host, wrong } => vec![*next, *host, *wrong],
        }
    }

    /// Where it goes on by itself: through silence, where nothing need be keyed.
    const fn by_itself(&self) -> Option<StepId> {
        match self {
            Self::Go(next) | Self::Language { next } => Some(*next),
            Self::Menu { .. }
            | Self::MeetingId { .. }
            | Self::HostPassword { .. }
            | Self::Password { .. } => None,
        }
    }
}

/// Why steps are no flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowError {
    /// There is no such step.
    NoStep(StepId),
    /// From this step on nothing is ever asked: the words would go in a circle.
    NeverAsks(StepId),
    /// No step leads here.
    Unreachable(StepId),
    /// A caller can come here who has not been asked for an ID.
    NoIdYet(StepId),
}

impl FlowError {
    /// The step that it is about.
    pub const fn step(self) -> StepId {
        match self {
            Self::NoStep(step) | Self::NeverAsks(step) | Self::Unreachable(step) | Self::NoIdYet(step) => {
                step
            }
        }
    }
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoStep(_) => "there is no such step",
            Self::NeverAsks(_) => {
                "it leads back to itself and asks nothing on the way; let a step that asks come between"
            }
            Self::Unreachable(_) => "no step leads here; take it out, or name it as `next` of another",
            Self::NoIdYet(_) => {
                "a caller can come here without having been asked for a meeting ID; ask = \"meeting-id\" goes before"
            }
        })
    }
}

impl std::error::Error for FlowError {}

/// The steps of an IVR. Every step can be reached, and none speaks for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    begin: StepId,
    steps: Vec<Step>,
}

impl Flow {
    /// A flow of `steps` that begins at `begin`, or everything that is wrong with it.
    pub fn new(begin: StepId, steps: Vec<Step>) -> Result<Self, Vec<FlowError>> {
        let flow = Self { begin, steps };
        let named = flow.steps.iter().flat_map(|step| step.then.targets()).chain([begin]);
        let missing: Vec<_> = named.filter(|id| flow.get(*id).is_none()).map(FlowError::NoStep).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let found = flow.faults();
        if found.is_empty() { Ok(flow) } else { Err(found) }
    }

    /// The flow that is shipped as `conf/ivr/standard.toml`.
    pub fn standard() -> Self {
        // In the order of their names, as a file is read.
        let [host_password, language, meeting_id, password, welcome, wrong] = [0, 1, 2, 3, 4, 5].map(StepId);
        let say = |name: &str| vec![PromptName::from(name)];
        let steps = vec![
            Step { say: say("ask-host-password"), then: Then::HostPassword { wrong } },
            Step { say: say("choose-language"), then: Then::Language { next: meeting_id } },
            Step {
                say: say("ask-meeting-id"),
                then: Then::MeetingId { next: password, host: host_password, wrong },
            },
            Step { say: say("ask-password"), then: Then::Password { wrong } },
            Step { say: say("welcome"), then: Then::Go(language) },
            Step { say: say("wrong"), then: Then::Go(meeting_id) },
        ];
        Self { begin: welcome, steps }
    }

    /// Where it begins.
    pub const fn begin(&self) -> StepId {
        self.begin
    }

    /// Where a caller goes on whose meeting is known: where it asks for a password, and where only its host has one.
    pub(super) fn after_meeting_id(&self) -> Option<(StepId, StepId)> {
        self.steps.iter().find_map(|step| match step.then {
            Then::MeetingId { next, host, .. } => Some((next, host)),
            _ => None,
        })
    }

    /// A step of this flow.
    pub fn step(&self, id: StepId) -> &Step {
        self.get(id).expect("new() has seen every step that a step names")
    }

    /// Every recording that callers hear of it whose access number speaks these languages.
    pub fn spoken<'a>(
        &'a self,
        languages: &'a [Language],
    ) -> impl Iterator<Item = (PromptName, Language)> + 'a {
        self.steps.iter().flat_map(move |step| {
            let heard = match step.then {
                // One recording in all languages, where there is a choice.
                Then::Language { .. } if languages.len() <= 1 => &languages[..0],
                Then::Language { .. } => &languages[..1],
                _ => languages,
            };
            let in_each = move |name: &'a PromptName| {
                heard.iter().map(move |language| (name.clone(), language.clone()))
            };
            step.say.iter().flat_map(in_each)
        })
    }

    fn get(&self, id: StepId) -> Option<&Step> {
        self.steps.get(usize::from(id.0))
    }

    fn faults(&self) -> Vec<FlowError> {
        let all = || (0..).map(StepId).take(self.steps.len());
        let reached = self.reached(|_| true);
        let without_id = self.reached(|then| !matches!(then, Then::MeetingId { .. }));
        let asks_password =
            |id: &StepId| matches!(self.step(*id).then, Then::Password { .. } | Then::HostPassword { .. });
        let unreachable = all().filter(|id| !reached.contains(id)).map(FlowError::Unreachable);
        let never_asks = all().filter(|id| self.never_asks(*id)).map(FlowError::NeverAsks);
        let no_id_yet = without_id.iter().copied().filter(asks_password).map(FlowError::NoIdYet);
        unreachable.chain(never_asks).chain(no_id_yet).collect()
    }

    /// The steps that a caller can come to through steps that are as `passes` wants them.
    fn reached(&self, passes: impl Fn(&Then) -> bool) -> Vec<StepId> {
        let mut reached = vec![self.begin];
        let mut looked_at = 0;
        while let Some(id) = reached.get(looked_at).copied() {
            looked_at += 1;
            let then = &self.step(id).then;
            for target in if passes(then) { then.targets() } else { Vec::new() } {
                if !reached.contains(&target) {
                    reached.push(target);
                }
            }
        }
        reached
    }

    fn never_asks(&self, from: StepId) -> bool {
        let mut at = from;
        for _ in &self.steps {
            match self.step(at).then.by_itself() {
                Some(next) => at = next,
                None => return false,
            }
        }
        true
    }
}

impl Default for Flow {
    fn default() -> Self {
        Self::standard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(steps: Vec<Then>) -> Result<Flow, Vec<FlowError>> {
        Flow::new(StepId(0), steps.into_iter().map(|then| Step { say: Vec::new(), then }).collect())
    }

    #[test]
    fn the_standard_flow_has_no_fault() {
        let Flow { begin, steps } = Flow::standard();
        assert_eq!(Flow::new(begin, steps), Ok(Flow::standard()));
    }

    #[test]
    fn every_fault_of_a_flow_is_told() {
        let id = StepId;
        let menu = |key, to| Then::Menu { keys: [(key, to)].into(), otherwise: id(0) };
        let rows = [
            ("no steps at all", vec![], vec![FlowError::NoStep(id(0))]),
            ("a step that is not there", vec![Then::Go(id(7))], vec![FlowError::NoStep(id(7))]),
            (
                "words in a circle",
                vec![Then::Language { next: id(1) }, Then::Go(id(0))],
                vec![FlowError::NeverAsks(id(0)), FlowError::NeverAsks(id(1))],
            ),
            (
                "a step that nobody comes to",
                vec![Then::MeetingId { next: id(0), host: id(0), wrong: id(0) }, Then::Go(id(0))],
                vec![FlowError::Unreachable(id(1))],
            ),
            (
                "a password before the ID, by a key",
                vec![menu('1', id(1)), Then::Password { wrong: id(0) }],
                vec![FlowError::NoIdYet(id(1))],
            ),
        ];
        for (name, steps, expected) in rows {
            assert_eq!(flow(steps), Err(expected), "{name}");
        }
    }
}
