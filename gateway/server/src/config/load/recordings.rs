//! Whether what is to be spoken is there to be played.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use call::{Settings, self_test};
use dialplan::Step;
use terms::{Language, PromptName};

use crate::config::{
    Config,
    problem::{Place, Problem, Problems},
};

/// Every recording that callers can come to hear, with its language.
pub(crate) fn spoken(settings: &Settings) -> BTreeSet<(PromptName, Language)> {
    let mut spoken = BTreeSet::new();
    for access in settings.access_numbers.values().chain([&settings.rooms]) {
        spoken.extend(access.flow.spoken(&access.languages));
        for name in settings.words.prompts() {
            spoken.extend(access.languages.iter().map(|language| (name.clone(), language.clone())));
        }
    }
    for step in settings.dialplan.steps() {
        if let Step::Quality(languages) | Step::Digits(languages) = step {
            let in_each =
                |name: PromptName| languages.iter().map(move |language| (name.clone(), language.clone()));
            spoken.extend(self_test::prompts().flat_map(in_each));
        }
    }
    spoken
}

/// The recordings that are not in the folder.
pub(super) fn missing(config: &Config) -> Vec<PathBuf> {
    let file = |(name, language): (PromptName, Language)| {
        config.prompts.join(Path::new(language.as_str())).join(format!("{name}.wav"))
    };
    spoken(&config.call).into_iter().map(file).filter(|file| !file.exists()).collect()
}

pub(super) fn problems(file: &str, missing: &[PathBuf]) -> Problems {
    let problem = |recording: &PathBuf| Problem {
        place: Place::Line { file: file.to_owned(), line: 0 },
        key: "prompts".to_owned(),
        message: format!(
            "there is no {}, which an access number's flow, words.toml or a test number names; record it, or mend the name",
            recording.display()
        ),
    };
    Problems { found: missing.iter().map(problem).collect() }
}
