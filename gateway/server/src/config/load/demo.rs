//! The demonstration's secrets are known to everyone: beyond loopback they open nothing.

use crate::config::{Listener, section::Section};

const TOKEN: &str = "demo-token";
/// Its meetings, and their passwords.
const MEETINGS: [&str; 2] = ["900100001-900100200", "900200001-900200010"];
const HOST_PASSWORD: &str = "4321";
const GUEST_PASSWORD: &str = "1234";
const REMEDY: &str = "this is the demonstration's, which everyone knows; write a secret of your own";

/// How far it is to the gateway's listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Programs of this machine alone reach them.
    Loopback,
    /// Others do.
    Beyond,
}

pub(super) fn reach(listeners: &[Listener]) -> Reach {
    let is_near = |listener: &Listener| listener.address.ip().is_loopback();
    if listeners.iter().all(is_near) { Reach::Loopback } else { Reach::Beyond }
}

/// Those of a file, the main one or one of accounts.
pub(super) fn refuse_secrets(root: &Section<'_, '_>, reach: Reach) {
    if reach == Reach::Loopback {
        return;
    }
    let refuse = |section: &Section<'_, '_>, key: &'static str, known: &str| {
        if let Some(text) = section.text(key).filter(|text| text.value == known) {
            text.report(REMEDY);
        }
    };
    refuse(&root.section("http"), "token", TOKEN);
    let is_of_demo =
        |meetings: &Section<'_, '_>| meetings.text("ids").is_some_and(|text| MEETINGS.contains(&text.value));
    for meetings in root.sections("meetings").into_iter().filter(is_of_demo) {
        refuse(&meetings, "host_password", HOST_PASSWORD);
        refuse(&meetings, "guest_password", GUEST_PASSWORD);
    }
    for account in root.sections("account") {
        if let Some(name) = account.text("name") {
            // As the demonstration's accounts have it.
            refuse(&account, "password", &format!("Demo-{}", name.value));
        }
    }
}
