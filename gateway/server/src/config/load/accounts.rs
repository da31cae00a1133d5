//! The registrar, accounts and licences (ROOM-1 to ROOM-3).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use call::{
    accounts::{Account, AccountRules, AccountType, Kept, Life, check_password},
    lockouts::LockoutSettings,
};
use interwork::RegistrarSettings;
use sip::{
    auth::{Algorithm, hash_password},
    registrar::Limits,
    wire::{Text, Uri},
};
use terms::{AccountName, SerialNumber};

use super::{
    super::{
        problem::{Place, Problem, Problems},
        section::Section,
        source::Source,
    },
    customers::{Tenants, known_tenant},
    demo::{Reach, refuse_secrets},
    devices,
};

/// The types of accounts by the words of the configuration and the API.
pub(super) const TYPES: [(&str, AccountType); 4] = [
    ("third-party", AccountType::ThirdParty),
    ("professional", AccountType::Professional),
    ("board", AccountType::Board),
    ("rooms", AccountType::Rooms),
];

const DAY: u64 = 86_400;
/// Translators forget a way by UDP after 30 s and more (RFC 4787 §4.3 asks for two minutes).
const KEEP_ALIVE: Duration = Duration::from_secs(25);
const SHORTEST_KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What one file says of registering.
pub(super) struct Registering {
    pub(super) registrar: RegistrarSettings,
    pub(super) rules: AccountRules,
    pub(super) accounts: Vec<Account>,
}

pub(super) fn registering(
    root: &Section<'_, '_>,
    (folder, tenants): (&Path, &Tenants),
    reach: Reach,
) -> Registering {
    let section = root.section("registrar");
    let (registrar, rules) = (registrar(&section, folder), rules(&section));
    let files = section.texts("accounts");
    section.finish();
    let licences = licences(root, tenants);
    let mut reader =
        Reader { tenants, reach, realm: &registrar.realm, names: BTreeSet::new(), serials: BTreeMap::new() };
    let mut accounts = reader.accounts(root);
    for file in files {
        match reader.file(&folder.join(file.value)) {
            Ok(more) => accounts.extend(more),
            Err(problems) => root.absorb(problems),
        }
    }
    let rules = AccountRules { realm: registrar.realm.clone(), licences, ..rules };
    Registering { registrar, rules, accounts }
}

fn registrar(section: &Section<'_, '_>, folder: &Path) -> RegistrarSettings {
    let realm = section.text("realm");
    if let Some(realm) =
        realm.as_ref().filter(|realm| realm.value.is_empty() || realm.value.contains(['"', '\\']))
    {
        realm.report("write a name such as \"gateway.example.com\", without quotation marks in it");
    }
    let (limits, lockouts) = (Limits::DEFAULT, LockoutSettings::default());
    let settings = RegistrarSettings {
        realm: realm.map_or("gateway", |realm| realm.value).to_owned(),
        algorithms: algorithms(section),
        limits: Limits {
            contacts: section.number("contacts", 1..1_001, limits.contacts),
            bindings: section.number("bindings", 1..1_000_001, limits.bindings),
            shortest: section.pause("min_expires", limits.shortest),
            usual: section.pause("expires", limits.usual),
            longest: section.pause("max_expires", limits.longest),
        },
        lockouts: LockoutSettings {
            failures: section.number("failures", 1..10_001, lockouts.failures),
            window: section.pause("window", lockouts.window),
            lock: section.pause("lock", lockouts.lock),
            account_failures: section.number("account_failures", 1..100_001, lockouts.account_failures),
            account_lock: section.pause("account_lock", lockouts.account_lock),
        },
        profiles: devices::profiles(section, folder),
        keep_alive: section.duration("keep_alive", KEEP_ALIVE),
    };
    if !settings.keep_alive.is_zero() && settings.keep_alive < SHORTEST_KEEP_ALIVE {
        section.report("`keep_alive` is below 5s; write \"25s\", or \"0s\" for none");
    }
    let Limits { shortest, usual, longest, .. } = settings.limits;
    if shortest > usual || usual > longest || longest > Duration::from_secs(DAY) {
        section.report(
            "`min_expires` may not be above `expires`, nor that above `max_expires`, nor that above 24h",
        );
    }
    settings
}

/// All of them unless the file names some.
fn algorithms(section: &Section<'_, '_>) -> Vec<Algorithm> {
    let words = [("sha-256", Algorithm::Sha256), ("md5", Algorithm::Md5)];
    let mut algorithms = Vec::new();
    for text in section.texts("algorithms") {
        match text.one_of(&words) {
            Some(named) if algorithms.contains(&named) => text.report("it is there already; write each once"),
            Some(named) => algorithms.push(named),
            None => {}
        }
    }
    if algorithms.is_empty() { Algorithm::ASKED.to_vec() } else { algorithms }
}

fn rules(section: &Section<'_, '_>) -> AccountRules {
    let usual = AccountRules::default();
    let days = |key, usual: Duration| {
        Duration::from_secs(DAY * section.number(key, 1..3_651, usual.as_secs() / DAY))
    };
    AccountRules {
        trial: days("trial_days", usual.trial),
        frozen: days("frozen_days", usual.frozen),
        ..usual
    }
}

type Licences = BTreeMap<(terms::TenantId, AccountType), u32>;

fn licences(root: &Section<'_, '_>, tenants: &Tenants) -> Licences {
    let mut licences = Licences::new();
    for section in root.sections("licence") {
        let tenant = section.required("tenant", "acme").and_then(|text| known_tenant(&text, tenants));
        let kind = section.required("type", "third-party").and_then(|text| text.one_of(&TYPES));
        if !section.has("count") {
            section.report(
                "`count` is missing; write how many devices may be registered at once, such as count = 20",
            );
        }
        let count = section.number("count", 0..1_000_001, 0);
        let twice = tenant.zip(kind).and_then(|key| licences.insert(key, count));
        if twice.is_some() {
            section.report("there is a [[licence]] of this tenant and type already; write one with the sum");
        }
        section.finish();
    }
    licences
}

/// Reads accounts of several files: names and serial numbers are taken once over all.
struct Reader<'r> {
    tenants: &'r Tenants,
    reach: Reach,
    realm: &'r str,
    names: BTreeSet<AccountName>,
    serials: BTreeMap<SerialNumber, AccountName>,
}

impl Reader<'_> {
    /// A file of `[[account]]` and nothing else.
    fn file(&mut self, path: &Path) -> Result<Vec<Account>, Problems> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| {
            let message = format!("can't be read: {error}");
            let problem =
                Problem { place: Place::Line { file: file.clone(), line: 0 }, key: String::new(), message };
            Problems { found: vec![problem] }
        })?;
        let source = Source::new(&file, &text);
        let tree = source.parse(&[]);
        let root = Section::root(&source, &tree);
        let accounts = self.accounts(&root);
        refuse_secrets(&root, self.reach);
        root.finish();
        source.finish(Some(accounts))
    }

    fn accounts(&mut self, root: &Section<'_, '_>) -> Vec<Account> {
        root.sections("account").into_iter().filter_map(|section| self.account(section)).collect()
    }

    fn account(&mut self, section: Section<'_, '_>) -> Option<Account> {
        let name = section.required("name", "room1").and_then(|text| match AccountName::from(text.value) {
            name if !is_account_name(text.value) => {
                text.report(ACCOUNT_NAME);
                (!self.names.contains(&name)).then_some(name)
            }
            name if !self.names.insert(name.clone()) => {
                text.report(format!("there is an account \"{name}\" already; give each a name of its own"));
                None
            }
            name => Some(name),
        });
        let tenant = section.required("tenant", "acme").and_then(|text| known_tenant(&text, self.tenants));
        let kind = section.text("type").map_or(Some(AccountType::ThirdParty), |text| text.one_of(&TYPES));
        let password = section.required("password", "8 to 32 characters of two classes");
        if let Some(password) = &password
            && let Err(weak) = check_password(password.value)
        {
            password.report(format!("{weak}; write another"));
        }
        let display_name = section.text("display_name").map_or("", |text| text.value).to_owned();
        let serial = section.text("serial").filter(|text| !text.value.is_empty());
        let taken = serial.as_ref().zip(name.clone());
        let other = taken.and_then(|(text, name)| self.serials.insert(text.value.into(), name));
        if let Some((text, other)) = serial.as_ref().zip(other) {
            text.report(format!("account \"{other}\" has this serial number; a device is of one account"));
        }
        let serial = serial.map(|text| SerialNumber::from(text.value));
        section.finish();
        let (name, password) = (name?, password?.value);
        Some(Account {
            password: hash_password(name.as_str(), self.realm, password),
            name,
            display_name,
            tenant: tenant?,
            kind: kind?,
            realm: self.realm.to_owned(),
            serial,
            life: Life::Lasting,
            kept: Kept::File,
        })
    }
}

/// What is said of a name that won't do.
pub(crate) const ACCOUNT_NAME: &str = "write 1 to 64 letters, digits, or any of - . _ +, not beginning with \"tgruu.\", and no number with separators";

/// Whether an account may be called so: what stands in a URI without escapes, and means no temporary address.
pub(crate) fn is_account_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte);
    // Digits with separators between them are dialed without these.
    let dialed = || Uri::try_from(format!("sip:{text}@gateway").as_str()).ok()?.dialed();
    (1..=64).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.starts_with(sip::registrar::TEMPORARY)
        && dialed().as_ref().and_then(Text::as_str) == Some(text)
}
