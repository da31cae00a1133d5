//! What callers are told: the recordings of each outcome and notice, and the causes that calls end with (DIAL-6, DIAL-8).

use std::collections::BTreeMap;

use terms::{Cause, PromptName};

use crate::{outcome::Outcome, question::Notice};

/// How an outcome is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The recordings, in order.
    pub say: Vec<PromptName>,
    /// The Q.850 cause of the BYE, or `None` where the call goes on.
    pub cause: Option<Cause>,
}

/// The operator's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    endings: BTreeMap<Outcome, Ending>,
    notices: BTreeMap<Notice, Vec<PromptName>>,
}

impl Default for Words {
    /// Those that are shipped as `conf/ivr/words.toml`.
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| PromptName::from(*name)).collect::<Vec<_>>();
        let ending = |outcome: Outcome| {
            let (say, cause) = outcome.shipped();
            (outcome, Ending { say: names(say), cause })
        };
        Self {
            endings: Outcome::ALL.map(ending).into(),
            notices: Notice::ALL.map(|notice| (notice, names(&[notice.name()]))).into(),
        }
    }
}

impl Words {
    /// How `outcome` is told.
    pub fn ending(&self, outcome: Outcome) -> &Ending {
        self.endings.get(&outcome).expect("every outcome is in ALL")
    }

    /// The recordings of a notice.
    pub fn notice(&self, notice: Notice) -> &[PromptName] {
        self.notices.get(&notice).expect("every notice is in ALL")
    }

    /// Tells `outcome` by other recordings, and ends the call with another cause. Whether the call ends is not the
    /// operator's to say: a cause where it goes on is left out.
    pub fn set_ending(&mut self, outcome: Outcome, say: Vec<PromptName>, cause: Option<Cause>) {
        let shipped = self.ending(outcome).cause;
        self.endings.insert(outcome, Ending { say, cause: shipped.map(|shipped| cause.unwrap_or(shipped)) });
    }

    /// Tells `notice` by other recordings.
    pub fn set_notice(&mut self, notice: Notice, say: Vec<PromptName>) {
        self.notices.insert(notice, say);
    }

    /// Every recording that is named.
    pub fn prompts(&self) -> impl Iterator<Item = &PromptName> {
        self.endings.values().flat_map(|ending| &ending.say).chain(self.notices.values().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dial_6_words_and_cause_are_the_operators_whether_the_call_ends_is_not() {
        let mut words = Words::default();
        let full = || vec![PromptName::from("come-later")];
        words.set_ending(Outcome::Full, full(), Some(Cause::CONGESTION));
        assert_eq!(words.ending(Outcome::Full), &Ending { say: full(), cause: Some(Cause::CONGESTION) });
        words.set_ending(Outcome::Full, full(), None);
        assert_eq!(words.ending(Outcome::Full).cause, Some(Cause::CONGESTION), "as it was");
        words.set_ending(Outcome::JoinedAsGuest, full(), Some(Cause::CONGESTION));
        assert_eq!(words.ending(Outcome::JoinedAsGuest).cause, None, "who joined is not put out");
    }
}
