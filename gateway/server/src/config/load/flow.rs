//! The IVR's flows and words: files of their own, one flow a file.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use call::{
    ivr::{Flow, Step, StepId, Then},
    outcome::Outcome,
    question::Notice,
    words::Words,
};
use terms::{Cause, Digit, PromptName};

use crate::config::{
    problem::Problems,
    section::{Section, Text},
    source::Source,
};

/// The file that tells outcomes and notices; every other is a flow.
const WORDS: &str = "words";
/// More steps than any caller would bear.
const MAX_STEPS: usize = 1_000;

/// What callers are asked, by the name of its file, and what they are told.
#[derive(Debug)]
pub(super) struct Flows {
    by_name: BTreeMap<String, Arc<Flow>>,
    pub(super) words: Words,
}

impl Default for Flows {
    fn default() -> Self {
        Self { by_name: [("standard".to_owned(), Arc::default())].into(), words: Words::default() }
    }
}

impl Flows {
    /// Reads the folder that `flows` of the section names. Where it names none and `ivr` is not there, what is shipped
    /// holds.
    pub(super) fn load(section: &Section<'_, '_>, folder: &Path) -> Self {
        let written = section.text("flows");
        let folder = folder.join(written.as_ref().map_or("ivr", |text| text.value));
        let files = match (files(&folder), written) {
            (Ok(files), _) => files,
            (Err(error), Some(text)) => {
                text.report(format!("{}: {error}", folder.display()));
                Vec::new()
            }
            (Err(_), None) => Vec::new(),
        };
        let mut flows = Self::default();
        for path in files {
            let file = path.display().to_string();
            match fs::read_to_string(&path) {
                Ok(text) => flows.take(section, &path, &text),
                Err(error) => section.report(format!("{file} can't be read: {error}")),
            }
        }
        flows
    }

    /// The flow that an access number names.
    pub(super) fn get(&self, text: Option<&Text<'_, '_>>) -> Option<Arc<Flow>> {
        let name = text.map_or("standard", |text| text.value);
        let flow = self.by_name.get(name).cloned();
        if let (None, Some(text)) = (&flow, text) {
            let known: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            text.report(format!("there is no flow \"{name}\"; known are {}", known.join(", ")));
        }
        flow
    }

    fn take(&mut self, section: &Section<'_, '_>, path: &Path, text: &str) {
        let file = path.display().to_string();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let read = if name == WORDS {
            parse_words(&file, text).map(|words| self.words = words)
        } else {
            parse_flow(&file, text).map(|flow| {
                self.by_name.insert(name.into_owned(), Arc::new(flow));
            })
        };
        if let Err(problems) = read {
            section.absorb(problems);
        }
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads the text of a flow's file.
pub fn parse_flow(file: &str, text: &str) -> Result<Flow, Problems> {
    let source = Source::new(file, text);
    let tree = source.parse(&[]);
    let root = Section::root(&source, &tree);
    let flow = flow(&root);
    root.finish();
    source.finish(flow)
}

fn flow(root: &Section<'_, '_>) -> Option<Flow> {
    let sections: Vec<_> = root.named("step").into_iter().take(MAX_STEPS).collect();
    let names: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    let begin = root.required("begin", "welcome").and_then(|text| step_id(&text, &names));
    let steps: Vec<_> = sections.iter().map(|(_, section)| step(section, &names)).collect();
    let flow = steps.into_iter().collect::<Option<Vec<_>>>().zip(begin).and_then(|(steps, begin)| {
        let report = |fault: call::ivr::FlowError| match sections.get(usize::from(fault.step().0)) {
            Some((_, section)) => section.report(fault.to_string()),
            None => root.report(fault.to_string()),
        };
        Flow::new(begin, steps).map_err(|faults| faults.into_iter().for_each(report)).ok()
    });
    sections.into_iter().for_each(|(_, section)| section.finish());
    flow
}

fn step(section: &Section<'_, '_>, names: &[&str]) -> Option<Step> {
    let goes = |key| section.required(key, "meeting-id").and_then(|text| step_id(&text, names));
    let kinds = [
        ("language", Ask::Language),
        ("key", Ask::Key),
        ("host-password", Ask::HostPassword),
        ("meeting-id", Ask::MeetingId),
        ("password", Ask::Password),
    ];
    let say = prompts(section);
    let then = match section.text("ask").map(|text| text.one_of(&kinds)) {
        Some(None) => None,
        None => goes("next").map(Then::Go),
        Some(Some(Ask::Language)) => goes("next").map(|next| Then::Language { next }),
        Some(Some(Ask::Key)) => {
            let (keys, otherwise) = (keys(section, names), goes("otherwise"));
            otherwise.map(|otherwise| Then::Menu { keys, otherwise })
        }
        Some(Some(Ask::MeetingId)) => {
            let (next, host, wrong) = (goes("next"), goes("host"), goes("wrong"));
            next.zip(host).zip(wrong).map(|((next, host), wrong)| Then::MeetingId { next, host, wrong })
        }
        Some(Some(Ask::HostPassword)) => goes("wrong").map(|wrong| Then::HostPassword { wrong }),
        Some(Some(Ask::Password)) => goes("wrong").map(|wrong| Then::Password { wrong }),
    };
    Some(Step { say, then: then? })
}

/// What a step asks for.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Language,
    Key,
    HostPassword,
    MeetingId,
    Password,
}

fn keys(section: &Section<'_, '_>, names: &[&str]) -> BTreeMap<char, StepId> {
    let mut keys = BTreeMap::new();
    for (name, text) in section.named_texts("keys") {
        let mut characters = name.chars();
        let key = characters.next().filter(|_| characters.as_str().is_empty()).map(Digit::try_from);
        match (key, step_id(&text, names)) {
            (Some(Ok(key)), Some(step)) => {
                keys.insert(key.as_char(), step);
            }
            (Some(Ok(_)), None) => {}
            _ => text.report("a key is one of 0-9 * # A-D"),
        }
    }
    if keys.is_empty() {
        section.report("`keys` leads nowhere; write for example keys = { 1 = \"meeting-id\" }");
    }
    keys
}

fn step_id(text: &Text<'_, '_>, names: &[&str]) -> Option<StepId> {
    let place = names.iter().position(|name| *name == text.value).and_then(|place| u16::try_from(place).ok());
    if place.is_none() {
        text.report(format!("there is no [step.{}]; known are {}", text.value, names.join(", ")));
    }
    place.map(StepId)
}

fn prompts(section: &Section<'_, '_>) -> Vec<PromptName> {
    section.texts("say").iter().map(|text| PromptName::from(text.value)).collect()
}

/// Reads the text of the file of outcomes and notices; what it leaves out is told as shipped.
pub fn parse_words(file: &str, text: &str) -> Result<Words, Problems> {
    let source = Source::new(file, text);
    let tree = source.parse(&[]);
    let root = Section::root(&source, &tree);
    let mut words = Words::default();
    for (name, section) in root.named("outcome") {
        match Outcome::ALL.iter().find(|outcome| outcome.name() == name) {
            Some(outcome) => ending(&section, *outcome, &mut words),
            None => section.report(unknown("outcome", &Outcome::ALL.map(Outcome::name))),
        }
        section.finish();
    }
    for (name, section) in root.named("notice") {
        match Notice::ALL.iter().find(|notice| notice.name() == name) {
            Some(notice) => {
                if let Some(say) = section.has("say").then(|| prompts(&section)) {
                    words.set_notice(*notice, say);
                }
            }
            None => section.report(unknown("notice", &Notice::ALL.map(Notice::name))),
        }
        section.finish();
    }
    root.finish();
    source.finish(Some(words))
}

fn ending(section: &Section<'_, '_>, outcome: Outcome, words: &mut Words) {
    let cause = match section.number("cause", 1..128, 0_u8) {
        0 => None,
        cause => Some(Cause(cause)),
    };
    if cause.is_some() && words.ending(outcome).cause.is_none() {
        section.report("the call goes on after it; take `cause` out");
    }
    let say = prompts(section);
    let say = if section.has("say") { say } else { words.ending(outcome).say.clone() };
    words.set_ending(outcome, say, cause);
}

fn unknown(what: &str, known: &[&str]) -> String {
    format!("there is no such {what}; known are {}", known.join(", "))
}
