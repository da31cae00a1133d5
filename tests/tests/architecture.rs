//! The layering that ARCHITECTURE.md states, held against the manifests, and the pure crates held
//! against what they may not touch.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which of our crates each may import (`terms` besides). `server` and `tests` may import all.
const MAY_IMPORT: [(&str, &str, &[&str]); 13] = [
    ("terms", "gateway/terms", &[]),
    ("sip", "gateway/sip", &[]),
    ("sdp", "gateway/sdp", &[]),
    ("rtp", "gateway/rtp", &[]),
    ("codecs", "codecs", &[]),
    ("dialplan", "dialplan", &[]),
    ("probe", "gateway/probe", &[]),
    ("call", "gateway/call", &["dialplan"]),
    ("meeting", "gateway/meeting", &["codecs"]),
    ("interwork", "gateway/interwork", &["sip", "sdp", "call"]),
    ("media", "gateway/media", &["rtp", "codecs", "meeting"]),
    (
        "server",
        "gateway/server",
        &["sip", "sdp", "rtp", "call", "interwork", "meeting", "media", "probe", "codecs", "dialplan"],
    ),
    ("bench", "tests/bench", &["sip", "sdp", "rtp", "media", "codecs", "call", "server"]),
];

/// The crates that are values only.
const PURE: [&str; 10] =
    ["terms", "sip", "sdp", "rtp", "codecs", "dialplan", "probe", "call", "meeting", "interwork"];

/// What a value never does; clippy.toml forbids the same to the compiler's eye.
const IMPURE: [&str; 12] = [
    "std::net::UdpSocket",
    "std::net::Tcp",
    "std::fs",
    "std::thread",
    "std::env",
    "std::process",
    "std::time::Instant",
    "SystemTime",
    "Mutex",
    "RwLock",
    "HashMap",
    "async fn",
];

#[test]
fn each_crate_imports_only_what_it_may() {
    let ours: BTreeSet<&str> = MAY_IMPORT.iter().map(|(name, ..)| *name).collect();
    for (name, folder, may) in MAY_IMPORT {
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        let manifest: toml::Table = manifest.parse().expect("a manifest");
        let imports = manifest["dependencies"].as_table().expect("a table").keys().map(String::as_str);
        let imports: BTreeSet<&str> =
            imports.filter(|import| ours.contains(import) && *import != "terms").collect();
        let may: BTreeSet<&str> = may.iter().copied().collect();
        assert!(imports.is_subset(&may), "{name} imports {:?}", imports.difference(&may).collect::<Vec<_>>());
    }
}

#[test]
fn pure_crates_touch_no_world() {
    let mut found = Vec::new();
    for (name, folder, _) in MAY_IMPORT.iter().filter(|(name, ..)| PURE.contains(name)) {
        for file in sources(&root().join(folder).join("src")) {
            for (number, line) in (1..).zip(production(&read(&file)).lines()) {
                let code = line.split("//").next().unwrap_or_default();
                if let Some(word) = IMPURE.iter().find(|word| code.contains(**word)) {
                    found.push(format!("{name}: {}:{number}: {word}", file.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_packet_path_has_no_async_and_no_lock() {
    let mut found = Vec::new();
    for file in sources(&root().join("gateway/media/src")) {
        let text = read(&file);
        for word in ["async ", "Mutex", "RwLock", "println!"] {
            if production(&text).contains(word) {
                found.push(format!("{}: {word}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_file_is_over_800_lines() {
    let long: Vec<String> = all_sources()
        .into_iter()
        .map(|file| (production(&read(&file)).lines().count(), file))
        .filter(|(lines, _)| *lines > 800)
        .map(|(lines, file)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_work_is_left_without_an_owner() {
    let mut found = Vec::new();
    for file in all_sources() {
        let text = read(&file);
        for (number, line) in (1..).zip(text.lines()) {
            let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
            if marks.iter().any(|mark| line.contains(mark)) || line.trim() == concat!("#[", "ignore]") {
                found.push(format!("{}:{number}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_crate_of_the_workspace_is_on_the_map() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let is_missing = |folder: &&str| !map.contains(&format!("(`{folder}`)"));
    let missing: Vec<&str> = MAY_IMPORT.iter().map(|(_, folder, _)| *folder).filter(is_missing).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:?}");
    let dependencies: toml::Table = read(&root().join("Cargo.toml")).parse().expect("a manifest");
    let dependencies: BTreeMap<String, toml::Value> =
        dependencies["workspace"]["dependencies"].as_table().expect("a table").clone().into_iter().collect();
    let foreign = dependencies.iter().filter(|(_, value)| value.get("path").is_none());
    let unexplained: Vec<&String> =
        foreign.map(|(name, _)| name).filter(|name| !map.contains(name.as_str())).collect();
    assert!(unexplained.is_empty(), "ARCHITECTURE.md does not say why there is {unexplained:?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn all_sources() -> Vec<PathBuf> {
    ["gateway", "codecs", "dialplan", "tests"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .collect()
}

/// Every Rust file below a folder, build output apart.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() && entry.file_name().is_some_and(|name| name != "target") {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

/// A file less its tests.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or_default()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file of this repository")
}
