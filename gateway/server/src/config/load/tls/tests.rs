use std::path::PathBuf;

use crate::config::{self, Config, Ports, Problems};

#[test]
fn sec_4_a_legacy_listener_is_known_as_weak_by_its_name_and_a_warning() {
    let config = of_legacy(&[("listener.2.certificates", &pair("rsa"))]).expect("no problems");
    assert_eq!(config.listeners[2].name().as_str(), "tls-legacy:127.0.0.1:5061");
    let warned = Ports::of(&config).warnings;
    assert!(warned.iter().any(|warning| warning.contains("tls-legacy:127.0.0.1:5061 is WEAK")), "{warned:?}");
}

#[test]
fn sec_4_a_legacy_listener_has_a_certificate_of_its_own_and_an_allow_list() {
    let (rsa, ecdsa) = (pair("rsa"), pair("ecdsa"));
    let own = ("listener.2.certificates", rsa.as_str());
    type Row<'a> = (&'static str, &'a [(&'static str, &'a str)], &'static str);
    let rows: [Row<'_>; 7] = [
        ("no certificate", &[], "needs one certificate of its own"),
        ("one of ECDSA", &[("listener.2.certificates", &ecdsa)], "its own, of RSA"),
        (
            "one that nobody vouches for",
            &[("listener.2.self_signed", "on")],
            "needs one certificate of its own",
        ),
        ("nobody is allowed", &[own, ("listener.2.allowed", "[]")], "write where they are: allowed = ["),
        ("everybody is", &[own, ("listener.2.allowed", "[\"::/0\"]")], "this is everybody"),
        (
            "a key that another listener has",
            &[own, ("listener.1.transport", "tls"), ("listener.1.certificates", &rsa)],
            "make another key",
        ),
        (
            "a trunk by it",
            &[own, ("trunk.0.transport", "tls"), ("trunk.0.address", "127.0.0.1:5071")],
            "as a legacy one may not",
        ),
    ];
    for (name, more, expected) in rows {
        let found = of_legacy(more).expect_err(name).to_string();
        assert!(found.contains(expected), "{name}: {found}");
    }
}

/// The demonstration, with a legacy listener in place of its TLS.
fn of_legacy(more: &[(&str, &str)]) -> Result<Config, Problems> {
    let usual = [
        ("listener.2.tls", "legacy"),
        ("listener.2.self_signed", "off"),
        ("listener.2.allowed", "[\"192.0.2.0/28\"]"),
    ];
    let settings = usual.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    config::load(&beside("../../conf/demo.toml"), &settings.collect::<Vec<_>>())
}

fn pair(name: &str) -> String {
    let file = |end: &str| beside(&format!("src/tls/testing/{name}.{end}")).display().to_string();
    format!("[{{ chain = \"{}\", key = \"{}\" }}]", file("pem"), file("key.pem"))
}

fn beside(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
