//! The messages of the RFCs themselves, where they are at hand.

use crate::judge::{fits, kind_of, outcome};
use bytes::Bytes;
use serde::Deserialize;
use sip::wire::parse;
use std::{fs, path::Path};

#[derive(Deserialize)]
struct Verdicts {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    file: String,
    title: String,
    kind: String,
    parses: Parses,
    outcome: Vec<String>,
    #[serde(default)]
    outcome_without_registrar: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Parses {
    Always(bool),
    Either(String),
}

#[test]
fn rfc4475_and_rfc5118_messages_parse_as_their_verdicts_say() {
    let mut wrong = Vec::new();
    for (case, bytes) in cases() {
        let parsed = parse(bytes);
        let is_right = match &case.parses {
            Parses::Always(expected) => *expected == parsed.is_ok(),
            Parses::Either(word) => word == "either",
        };
        if !is_right {
            let fault = parsed.as_ref().err().map_or_else(|| "parsed".into(), ToString::to_string);
            wrong.push(format!("{} ({}): {fault}", case.file, case.title));
        }
        if let Ok(message) = &parsed {
            assert_eq!(kind_of(message), case.kind, "{}", case.file);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rfc4475_and_rfc5118_messages_are_answered_as_their_verdicts_say() {
    let mut wrong = Vec::new();
    for (case, bytes) in cases() {
        let seen = outcome(bytes);
        let permitted = if case.outcome_without_registrar.is_empty() {
            &case.outcome
        } else {
            &case.outcome_without_registrar
        };
        if !permitted.iter().any(|word| fits(word, &seen)) {
            wrong.push(format!("{} ({}): {seen}, not one of {permitted:?}", case.file, case.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cases and their bytes; none where the data is not at hand.
#[expect(
    clippy::disallowed_methods,
    reason = "a test finds its data by the environment and reads it from files"
)]
fn cases() -> Vec<(Case, Bytes)> {
    let Ok(folder) = std::env::var("GATEWAY_TEST_DATA") else {
        println!("skipped: GATEWAY_TEST_DATA names no folder");
        return Vec::new();
    };
    let folder = Path::new(&folder);
    let text = fs::read_to_string(folder.join("verdicts.toml")).expect("verdicts.toml is there");
    let verdicts: Verdicts = toml::from_str(&text).expect("verdicts.toml reads");
    let with_bytes = |case: Case| {
        let bytes = fs::read(folder.join(&case.file)).expect("the data folder is whole");
        (case, Bytes::from(bytes))
    };
    verdicts.case.into_iter().map(with_bytes).collect()
}
