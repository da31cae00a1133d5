//! Models of room systems and their quirks: a file of its own (ROOM-11).

use std::{collections::BTreeSet, fs, io, path::Path};

use interwork::profiles::{Profile, Profiles, Quirk};

use crate::config::{problem::Problems, section::Section, source::Source};

/// Where it is looked for unless said.
const FILE: &str = "devices.toml";

/// The file that `profiles` of the section names. Where it names none and there is none beside the configuration, what is
/// shipped holds.
pub(super) fn profiles(section: &Section<'_, '_>, folder: &Path) -> Profiles {
    let written = section.text("profiles");
    let path = folder.join(written.as_ref().map_or(FILE, |text| text.value));
    match (fs::read_to_string(&path), written) {
        (Ok(text), _) => match parse_profiles(&path.display().to_string(), &text) {
            Ok(profiles) => profiles,
            Err(problems) => {
                section.absorb(problems);
                Profiles::default()
            }
        },
        (Err(error), None) if error.kind() == io::ErrorKind::NotFound => Profiles::default(),
        (Err(error), None) => {
            section.report(format!("{} can't be read: {error}", path.display()));
            Profiles::default()
        }
        (Err(error), Some(text)) => {
            text.report(format!("{} can't be read: {error}", path.display()));
            Profiles::default()
        }
    }
}

/// Reads the text of such a file.
pub fn parse_profiles(file: &str, text: &str) -> Result<Profiles, Problems> {
    let source = Source::new(file, text);
    let tree = source.parse(&[]);
    let root = Section::root(&source, &tree);
    let mut names = BTreeSet::new();
    let mut profiles = Vec::new();
    for section in root.sections("profile") {
        profiles.extend(profile(&section, &mut names));
        section.finish();
    }
    root.finish();
    source.finish(Some(Profiles(profiles)))
}

fn profile(section: &Section<'_, '_>, names: &mut BTreeSet<String>) -> Option<Profile> {
    let words = Quirk::ALL.map(|quirk| (quirk.name(), quirk));
    let name = section.required("name", "cisco-ce").map(|text| {
        if !names.insert(text.value.to_owned()) {
            text.report("there is a profile of that name already; give each its own");
        }
        text.value.to_owned()
    });
    let mut agents = Vec::new();
    for text in section.texts("agents") {
        if text.value.trim().len() < 4 {
            text.report("too short: it would be found in many names; write 4 characters at least");
        }
        agents.push(text.value.trim().to_ascii_lowercase());
    }
    if agents.is_empty() {
        section
            .report("`agents` is empty; write a part of the User-Agent, such as agents = [\"tandberg/529\"]");
    }
    let quirks = section.texts("quirks").iter().filter_map(|text| text.one_of(&words)).collect();
    Some(Profile { name: name?, agents, quirks })
}
