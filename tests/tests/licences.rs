//! Every crate that is linked has a licence that deny.toml allows, and comes from the one registry.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

#[test]
fn every_dependency_has_a_licence_that_we_allow() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let policy: toml::Table =
        std::fs::read_to_string(root.join("deny.toml")).expect("a policy").parse().expect("a policy");
    let allowed = policy["licenses"]["allow"].as_array().expect("a list");
    let allowed: BTreeSet<&str> = allowed.iter().filter_map(toml::Value::as_str).collect();
    let banned = policy["bans"]["deny"].as_array().expect("a list");
    let banned: BTreeSet<&str> = banned
        .iter()
        .filter_map(|ban| ban.as_str().or_else(|| ban.get("crate").or_else(|| ban.get("name"))?.as_str()))
        .collect();
    let mut wrong = Vec::new();
    for package in packages(&root) {
        let name = package["name"].as_str().expect("a name");
        let from_registry = package["source"].as_str().is_none_or(|source| source.starts_with("registry+"));
        // rsip has its licence in a file, which says MIT; only tests use it.
        let licence =
            package["license"].as_str().unwrap_or(if name.starts_with("rsip") { "MIT" } else { "none" });
        if !is_allowed(licence, &allowed) || banned.contains(name) || !from_registry {
            wrong.push(format!("{name}: {licence}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// SPDX: one of an `OR` will do, all of an `AND` must.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let licence =
        |text: &str| allowed.contains(text.trim_matches(|c: char| c.is_whitespace() || "()".contains(c)));
    let all = |text: &str| text.split(" AND ").all(|part| part.split(" OR ").any(licence));
    expression.replace('/', " OR ").split(" OR ").any(licence) || all(expression)
}

fn packages(root: &Path) -> Vec<Value> {
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
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("a list").clone()
}
