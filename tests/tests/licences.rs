//! Every crate that is linked has a licence that deny.toml allows, and comes from the one registry.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

#[test]
fn every_dependency_has_a_licence_that_we_allow() {
    let policy = policy();
    let allowed = policy["licenses"]["allow"].as_array().expect("a list");
    let allowed: BTreeSet<&str> = allowed.iter().filter_map(toml::Value::as_str).collect();
    let mut wrong = Vec::new();
    for package in packages(&metadata()) {
        let name = package["name"].as_str().expect("a name");
        let from_registry = package["source"].as_str().is_none_or(|source| source.starts_with("registry+"));
        // rsip has its licence in a file, which says MIT; only tests use it.
        let licence =
            package["license"].as_str().unwrap_or(if name.starts_with("rsip") { "MIT" } else { "none" });
        if !is_allowed(licence, &allowed) || !from_registry {
            wrong.push(format!("{name}: {licence}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_crate_that_is_banned_is_linked_by_its_wrappers_alone() {
    let (policy, metadata) = (policy(), metadata());
    let banned = policy["bans"]["deny"].as_array().expect("a list");
    let banned: BTreeMap<&str, BTreeSet<&str>> = banned.iter().map(ban).collect();
    let packages = packages(&metadata);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let names: BTreeMap<String, String> =
        packages.iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let mut wrong = Vec::new();
    for node in metadata["resolve"]["nodes"].as_array().expect("a list") {
        let user = &names[&text(&node["id"])];
        for used in node["dependencies"].as_array().expect("a list") {
            let used = &names[&text(used)];
            if banned.get(used.as_str()).is_some_and(|wrappers| !wrappers.contains(user.as_str())) {
                wrong.push(format!("{user}: {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A crate, and who may have it all the same.
fn ban(entry: &toml::Value) -> (&str, BTreeSet<&str>) {
    let name = entry.as_str().or_else(|| entry.get("crate").or_else(|| entry.get("name"))?.as_str());
    let wrappers = entry.get("wrappers").and_then(toml::Value::as_array).into_iter().flatten();
    (name.expect("a crate"), wrappers.filter_map(toml::Value::as_str).collect())
}

/// SPDX: one of an `OR` will do, all of an `AND` must.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let licence =
        |text: &str| allowed.contains(text.trim_matches(|c: char| c.is_whitespace() || "()".contains(c)));
    let all = |text: &str| text.split(" AND ").all(|part| part.split(" OR ").any(licence));
    expression.replace('/', " OR ").split(" OR ").any(licence) || all(expression)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn policy() -> toml::Table {
    std::fs::read_to_string(root().join("deny.toml")).expect("a policy").parse().expect("a policy")
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().expect("a list")
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
