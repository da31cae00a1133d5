//! Where called numbers lead, and what callers meet there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use call::{
    Settings,
    core::Rules,
    keys::Keys,
    lease::SecondJoin,
    settings::{Access, GuardSettings, IvrSettings},
};
use dialplan::{Number, NumberPlan, Table};
use terms::Language;

use super::{
    customers::{Tenants, known_tenant},
    flow::Flows,
    quality,
};
use crate::config::section::Section;

/// The settings of calls, and how long the role of a host that dropped is kept.
pub(super) fn calls(
    root: &Section<'_, '_>,
    (folder, tenants): (&Path, &Tenants),
    workers: u8,
) -> (Settings, Duration) {
    let number_plan = number_plan(root.section("number_plan"));
    let (ivr, flows) = ivr(root.section("ivr"), folder);
    let access_numbers = access_numbers(root, (tenants, &flows), &number_plan);
    let Rooms { asked, second_join, confirmation } = rooms(root.section("rooms"), &flows, &access_numbers);
    let guard = guard(root.section("guard"));
    let keys = keys(root.section("keys"));
    let section = root.section("calls");
    let defaults = Settings::default();
    let settings = Settings {
        dialplan: dialplan(root.section("dialplan")),
        number_plan,
        trunk_plans: BTreeMap::new(),
        trunks: BTreeMap::new(),
        no_answer: section.pause("no_answer", defaults.no_answer),
        access_numbers,
        rooms: asked,
        second_join,
        confirmation,
        ivr,
        guard,
        words: flows.words,
        keys,
        no_stream: quality::no_stream(root.section("no_stream")),
        quality: quality::quality(root.section("quality")),
        waiting: section.pause("waiting", defaults.waiting),
        question_timeout: section.pause("question_timeout", defaults.question_timeout),
        workers,
        max_calls: section.number("max", 1..1_000_000, defaults.max_calls),
    };
    let host_grace = section.duration("host_grace", Rules::default().host_grace);
    section.finish();
    (settings, host_grace)
}

fn number_plan(section: Section<'_, '_>) -> NumberPlan {
    let digits = |key, default: &str| {
        let text = section.text(key);
        if let Some(text) = text.as_ref().filter(|text| !text.value.bytes().all(|byte| byte.is_ascii_digit()))
        {
            text.report("write digits only");
        }
        text.map_or(default, |text| text.value).to_owned()
    };
    let plan = NumberPlan {
        country: digits("country", "86"),
        area: digits("area", "21"),
        trunk_prefix: digits("trunk_prefix", "0"),
        international_prefix: digits("international_prefix", "00"),
    };
    section.finish();
    plan
}

fn access_numbers(
    root: &Section<'_, '_>,
    (tenants, flows): (&Tenants, &Flows),
    plan: &NumberPlan,
) -> BTreeMap<String, Access> {
    let mut taken = BTreeSet::new();
    let mut access = |section: Section<'_, '_>| {
        let number = section.required("number", "02153290005").and_then(|text| {
            let e164 = plan.to_e164(&Number::parse(text.value));
            if e164.as_ref().is_some_and(|number| !taken.insert(number.clone())) {
                text.report("this access number is there already");
            }
            if e164.is_none() {
                text.report("no number of this number plan; write it as it is dialled here, or with + and the country");
            }
            e164
        });
        let languages: Vec<Language> =
            section.texts("languages").iter().map(|text| Language::from(text.value)).collect();
        if languages.is_empty() {
            section.report("`languages` is empty; write for example languages = [\"zh\", \"en\"]");
        }
        let tenant = section.text("tenant").and_then(|text| known_tenant(&text, tenants));
        let flow = flows.get(section.text("flow").as_ref());
        section.finish();
        Some((number?, Access { tenant, languages, flow: flow? }))
    };
    root.sections("access_number").into_iter().filter_map(&mut access).collect()
}

/// What is said of room systems.
struct Rooms {
    asked: Access,
    second_join: SecondJoin,
    confirmation: Duration,
}

/// Rooms are spoken to as the access number that speaks most languages, unless the file says otherwise.
fn rooms(section: Section<'_, '_>, flows: &Flows, access: &BTreeMap<String, Access>) -> Rooms {
    let defaults = Settings::default();
    let named: Vec<Language> =
        section.texts("languages").iter().map(|text| Language::from(text.value)).collect();
    let usual = access.values().max_by_key(|access| access.languages.len());
    let languages = match usual {
        _ if !named.is_empty() => named,
        Some(access) => access.languages.clone(),
        None => Vec::new(),
    };
    let flow = flows.get(section.text("flow").as_ref()).unwrap_or(defaults.rooms.flow);
    let words = [("reject", SecondJoin::Reject), ("move", SecondJoin::Move), ("ask", SecondJoin::Ask)];
    let second_join = section.text("second_join").and_then(|text| text.one_of(&words)).unwrap_or_default();
    let confirmation = section.pause("confirmation", defaults.confirmation);
    section.finish();
    Rooms { asked: Access { tenant: None, languages, flow }, second_join, confirmation }
}

fn ivr(section: Section<'_, '_>, folder: &Path) -> (IvrSettings, Flows) {
    let flows = Flows::load(&section, folder);
    let defaults = IvrSettings::default();
    let ivr = IvrSettings {
        lead_in: section.duration("lead_in", defaults.lead_in),
        first_digit: section.pause("first_digit", defaults.first_digit),
        between_digits: section.pause("between_digits", defaults.between_digits),
        tries: section.number("tries", 1..100, defaults.tries),
        bound: section.pause("bound", defaults.bound),
    };
    section.finish();
    (ivr, flows)
}

fn guard(section: Section<'_, '_>) -> GuardSettings {
    let defaults = GuardSettings::default();
    let guard = GuardSettings {
        failures: section.number("failures", 1..1_000, defaults.failures),
        window: section.pause("window", defaults.window),
        lock: section.pause("lock", defaults.lock),
        meeting_failures: section.number("meeting_failures", 1..1_000, defaults.meeting_failures),
        meeting_window: section.pause("meeting_window", defaults.meeting_window),
    };
    section.finish();
    guard
}

/// What the operator leaves out keeps the keys that it is shipped with.
fn keys(section: Section<'_, '_>) -> Keys {
    let mut keys = Keys::none();
    for (name, shipped, purpose) in Keys::SHIPPED {
        let text = section.text(name);
        let pressed = text.as_ref().map_or(shipped, |text| text.value);
        match (keys.add(pressed, purpose), &text) {
            (Ok(()), _) => {}
            (Err(error), Some(text)) => text.report(error.to_string()),
            (Err(error), None) => section.report(format!("`{name}`, {shipped} as shipped: {error}")),
        }
    }
    section.finish();
    keys
}

fn dialplan(section: Section<'_, '_>) -> Table {
    let routes = section.texts("routes");
    let table = Table::parse(routes.iter().map(|text| text.value)).unwrap_or_else(|errors| {
        for error in errors {
            if let Some(route) = routes.get(error.line) {
                route.report(format!("column {}: {}", error.column, error.reason));
            }
        }
        Table::default()
    });
    section.finish();
    table
}
