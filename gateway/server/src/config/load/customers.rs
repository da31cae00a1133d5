//! Tenants and their meetings.

use std::collections::{BTreeMap, BTreeSet};

use call::{
    core::{Entry, Lock, Meeting, Passwords, PhoneJoin, RecordingNotice, Tenant, Tones},
    leg::Kind,
};
use terms::{MeetingId, Secret, TenantId};

use crate::config::section::{Section, Text};

/// The most meetings that one `[[meetings]]` may make.
const MAX_MEETINGS: u64 = 100_000;

/// What a leg leads to, as trunks and tenants name it.
pub(super) const KINDS: [(&str, Kind); 2] = [("phone", Kind::Phone), ("hardware", Kind::Hardware)];

/// The tenants by name.
pub(super) type Tenants = BTreeMap<TenantId, Tenant>;

pub(super) fn tenants(root: &Section<'_, '_>) -> Tenants {
    let tenant = |section: Section<'_, '_>| {
        let name = section.required("name", "acme").map(|text| TenantId::from(text.value));
        let defaults = Tenant::default();
        let participants = section.number("participants", 1..10_000_000, defaults.participants);
        let words = [("entitled", PhoneJoin::Entitled), ("not-entitled", PhoneJoin::NotEntitled)];
        let phone_join = section.text("phone_join").and_then(|text| text.one_of(&words)).unwrap_or_default();
        let kinds = section.texts("auto_mute");
        let auto_mute = kinds.iter().filter_map(|text| text.one_of(&KINDS)).collect();
        section.finish();
        Some((name?, Tenant { participants, phone_join, auto_mute }))
    };
    root.sections("tenant").into_iter().filter_map(tenant).collect()
}

pub(super) fn known_tenant(text: &Text<'_, '_>, tenants: &Tenants) -> Option<TenantId> {
    let tenant = TenantId::from(text.value);
    if tenants.contains_key(&tenant) {
        return Some(tenant);
    }
    text.report(format!("there is no tenant \"{tenant}\"; add a [[tenant]] of that name"));
    None
}

pub(super) fn meetings(root: &Section<'_, '_>, tenants: &Tenants) -> Vec<Meeting> {
    let mut taken = BTreeSet::new();
    let mut all = Vec::new();
    for section in root.sections("meetings") {
        let ids = section
            .required("ids", "900100001-900100200")
            .and_then(|text| meeting_ids(&text))
            .unwrap_or_default();
        let tenant = section.required("tenant", "acme").and_then(|text| known_tenant(&text, tenants));
        let passwords = passwords(&section);
        let capacity = section.number("capacity", 1..100_001, 1_000);
        let locks = [("open", Lock::Open), ("locked", Lock::Locked)];
        let lock = section.text("lock").and_then(|text| text.one_of(&locks)).unwrap_or_default();
        let entries =
            [("open", Entry::Open), ("with-host", Entry::WithHost), ("waiting-room", Entry::WaitingRoom)];
        let entry = section.text("entry").and_then(|text| text.one_of(&entries)).unwrap_or_default();
        let tones = [("off", Tones::Off), ("on", Tones::On)];
        let tones = section.text("tones").and_then(|text| text.one_of(&tones)).unwrap_or_default();
        let notices = [("off", RecordingNotice::Off), ("on", RecordingNotice::On)];
        let recording_notice =
            section.text("recording_notice").and_then(|text| text.one_of(&notices)).unwrap_or_default();
        let is_hosted =
            passwords.as_ref().is_none_or(|passwords| !passwords.host_password.reveal().is_empty());
        if entry == Entry::WithHost && !is_hosted {
            section.report(
                "`entry` is \"with-host\" and there is no `host_password`: guests would wait for nobody",
            );
        }
        if let Some(twice) = ids.iter().find(|id| !taken.insert(**id)) {
            section.report(format!(
                "meeting {twice} is there already (MEET-1: never two live ones with one ID)"
            ));
        }
        let Some((tenant, passwords)) = tenant.zip(passwords) else { continue };
        all.extend(ids.into_iter().map(|id| Meeting {
            id,
            tenant: tenant.clone(),
            passwords: passwords.clone(),
            capacity,
            lock,
            entry,
            tones,
            recording_notice,
        }));
        section.finish();
    }
    all
}

/// One ID, or the first and the last of a run.
fn meeting_ids(text: &Text<'_, '_>) -> Option<Vec<MeetingId>> {
    const REMEDY: &str =
        "write one meeting ID or a run of them of one length, such as \"900100001-900100200\"";
    let (first, last) = text.value.split_once('-').unwrap_or((text.value, text.value));
    let number = |digits: &str| digits.parse::<MeetingId>().ok().and_then(|_| digits.parse::<u64>().ok());
    let run = number(first)
        .zip(number(last))
        .filter(|(from, to)| first.len() == last.len() && from <= to && to - from < MAX_MEETINGS);
    let Some((from, to)) = run else {
        text.report(REMEDY);
        return None;
    };
    let width = first.len();
    Some((from..=to).filter_map(|id| format!("{id:0width$}").parse().ok()).collect())
}

/// DIAL-3: whatever they are made of; phones key those of digits alone, or the PINs.
fn passwords(section: &Section<'_, '_>) -> Option<Passwords> {
    let secret = |text: Option<Text<'_, '_>>| {
        text.map_or_else(Secret::default, |text| Secret::new(text.value.to_owned()))
    };
    let passwords = Passwords {
        host_password: secret(section.text("host_password")),
        guest_password: secret(section.text("guest_password")),
        host_pin: secret(section.text("host_pin")),
        guest_pin: secret(section.text("guest_pin")),
    };
    match passwords.check() {
        Err(fault) => {
            section.report(fault.to_string());
            None
        }
        Ok(()) => Some(passwords),
    }
}
