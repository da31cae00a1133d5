//! Every file under conf/ is loaded, and says what the README says.

use std::path::{Path, PathBuf};

use call::{accounts::AccountType, ivr::Flow, words::Words};
use interwork::{Policy, profiles::Profiles};
use server::config::{self, Problems};
use terms::{Language, media::Encryption};

fn conf(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf").join(name)
}

#[test]
fn the_demonstration_keeps_its_contract() {
    let config = config::load(&conf("demo.toml"), &[]).expect("no problems");
    assert_eq!(config.listeners[0].address, "127.0.0.1:5060".parse().expect("an address"));
    assert_eq!(config.http.address, "127.0.0.1:8080".parse().expect("an address"));
    assert!(config.http.token.matches("demo-token"));
    let range = &config.media.ranges[0];
    assert_eq!((range.address.to_string(), range.first, range.pairs), ("127.0.0.1".into(), 10_000, 7_500));
    assert_eq!(config.media.probes[0].address, "127.0.0.1:25000".parse().expect("an address"));
    assert_eq!(config.call.access_numbers.len(), 2);
    let ids: Vec<String> = config.meetings.iter().map(|meeting| meeting.id.to_string()).collect();
    assert_eq!(
        (ids.len(), &ids[0], &ids[199], &ids[200], &ids[209]),
        (
            210,
            &"900100001".to_owned(),
            &"900100200".to_owned(),
            &"900200001".to_owned(),
            &"900200010".to_owned()
        )
    );
    for meeting in &config.meetings {
        let passwords = &meeting.passwords;
        assert!(passwords.guest_password.matches("1234") && passwords.host_password.matches("4321"));
        let tenant = if meeting.id.to_string().starts_with("9001") { "demo" } else { "quiet" };
        assert_eq!((meeting.tenant.as_str(), meeting.capacity), (tenant, 1_000));
    }
    let accounts: Vec<&str> = config.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!((accounts.len(), accounts[0], accounts[19]), (20, "1001", "1020"));
    for account in &config.accounts {
        let password = format!("Demo-{}", account.name);
        assert_eq!(account.password, sip::auth::hash_password(account.name.as_str(), "gateway", &password));
        assert_eq!((account.tenant.as_str(), account.kind), ("demo", AccountType::ThirdParty));
    }
    let licences: Vec<_> = config.account_rules.licences.into_iter().collect();
    assert_eq!(licences, [(("demo".into(), AccountType::ThirdParty), 15)]);
}

#[test]
fn the_demonstrations_secrets_open_nothing_beyond_loopback() {
    let beyond = |listener: &str| [(format!("listener.{listener}.address"), "192.0.2.10:5060".to_owned())];
    let found = config::load(&conf("demo.toml"), &beyond("0")).expect_err("everyone knows them").to_string();
    for key in ["http.token", "meetings.0.host_password", "meetings.1.guest_password", "account.19.password"]
    {
        assert!(found.contains(&format!("{key}: this is the demonstration's")), "{key}: {found}");
    }
    let token = [("http.token".to_owned(), "demo-token".to_owned())];
    let found = config::load(&conf("gateway.toml"), &token).expect_err("everyone knows it").to_string();
    assert!(found.contains("http.token: this is the demonstration's"), "{found}");
}

#[test]
fn the_public_zone_asks_for_accounts_and_takes_nothing_in_clear() {
    let text = "[[listener]]\nzone = \"public\"\ntransport = \"udp\"\naddress = \"127.0.0.1:5060\"\n[[media.range]]\nzone = \"public\"\n\
                address = \"127.0.0.1\"\nports = \"10000-10001\"\n[http]\naddress = \"127.0.0.1:8080\"\ntoken = \"long enough\"\n[rooms]\nlanguages = [\"zh\"]\n";
    let found = config::parse("x.toml", text, &[]).expect_err("it is in clear").to_string();
    assert!(found.contains("zone \"public\" speaks TLS alone"), "{found}");
    let text = text.replace("\"udp\"", "\"tls\"\nself_signed = \"on\"");
    let config = config::parse("x.toml", &text, &[]).expect("no problems");
    let listener = &config.listeners[0];
    assert_eq!((listener.policy, listener.encryption), (Policy::Accounts, Encryption::Required));
}

#[test]
fn the_production_example_asks_for_a_token_and_for_nothing_else() {
    let Problems { found } = config::load(&conf("gateway.toml"), &[]).expect_err("it has no secrets");
    let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["http.token"]);
    let token = [("http.token".to_owned(), "a long random text".to_owned())];
    config::load(&conf("gateway.toml"), &token).expect("no problems");
}

#[test]
fn sec_2_a_trunk_is_heard_from_its_peers_and_from_where_calls_to_it_go() {
    let settings = [
        ("trunk.0.peers", "[\"192.0.2.0/24\"]"),
        ("trunk.0.address", "198.51.100.7:5060"),
        ("defence.allowed", "[\"203.0.113.9\"]"),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let allowed = config::load(&conf("demo.toml"), &settings).expect("no problems").defence.allowed;
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    assert_eq!(allowed, ["192.0.2.0/24", "198.51.100.7/32", "203.0.113.9/32"]);
}

#[test]
fn every_recording_that_the_ivr_can_ask_for_is_shipped_in_both_languages() {
    let (words, flow) = (Words::default(), Flow::standard());
    let languages = ["zh", "en"].map(Language::from);
    let told =
        words.prompts().flat_map(|name| languages.iter().map(|language| (name.clone(), language.clone())));
    let tests = call::self_test::prompts()
        .flat_map(|name| languages.clone().map(|language| (name.clone(), language)));
    for (name, language) in told.chain(tests).chain(flow.spoken(&languages)) {
        let file = conf(&format!("prompts/{language}/{name}.wav"));
        assert!(file.exists(), "{}", file.display());
    }
    server::recordings::load(&conf("prompts")).expect("all are 16 kHz mono");
}

#[test]
fn the_flow_and_the_words_that_are_shipped_are_those_that_hold_without_a_file() {
    let text = |name: &str| std::fs::read_to_string(conf(name)).expect("shipped");
    let flow = config::parse_flow("standard.toml", &text("ivr/standard.toml")).expect("no problems");
    let words = config::parse_words("words.toml", &text("ivr/words.toml")).expect("no problems");
    assert_eq!((flow, words), (Flow::standard(), Words::default()));
}

#[test]
fn the_profiles_that_are_shipped_are_those_that_hold_without_a_file() {
    let text = std::fs::read_to_string(conf("devices.toml")).expect("shipped");
    assert_eq!(config::parse_profiles("devices.toml", &text).expect("no problems"), Profiles::default());
    let wrong = "[[profile]]\nname = \"a\"\nagents = [\"x\"]\n[[profile]]\nname = \"a\"\nquirks = [\"odd\"]\ncolor = 1\n";
    let found = config::parse_profiles("devices.toml", wrong).expect_err("nearly all is wrong").to_string();
    for told in [
        "devices.toml:3: profile.0.agents.0: too short",
        "profile.1.name: there is a profile of that name",
        "profile.1: `agents` is empty",
        "\"md5-only\", \"keys-in-sound\", \"no-gruu\", \"no-outbound\"",
        "profile.1.color",
    ] {
        assert!(found.contains(told), "{told}: {found}");
    }
}

#[test]
fn all_problems_are_told_at_once_each_with_its_line_and_remedy() {
    let text = "[[listener]]\nzone = 5\ntransport = \"carrier pigeon\"\naddress = \"nowhere\"\n\n[http]\naddress = \"127.0.0.1:8080\"\ntoken = \"short\"\ntokn = \"\"\n[dialplan]\nroutes = [\n  \"9001 -> app:eco\",\n]\n";
    let overrides = [("http.adress".to_owned(), "1".to_owned())];
    let problems = config::parse("x.toml", text, &overrides).expect_err("nearly all is wrong");
    insta::assert_snapshot!(problems);
}

#[test]
fn what_is_wrong_with_a_flow_or_with_words_is_told_with_its_line_and_remedy() {
    let flow = "begin = \"welcom\"\n[step.welcome]\nsay = [1]\nnext = \"id\"\n[step.id]\nask = \"meeting\"\n[step.menu]\nask = \"key\"\nkeys = { 12 = \"id\", 1 = \"nowhere\" }\notherwise = \"id\"\ncolour = 1\n";
    let words = "[outcome.joined-as-guest]\nsay = []\ncause = 16\n[outcome.lost]\n[notice.muted]\nsay = \"muted\"\n[words]\n";
    let circle = "begin = \"a\"\n[step.a]\nnext = \"b\"\n[step.b]\nnext = \"a\"\n[step.c]\nask = \"password\"\nwrong = \"a\"\n";
    let problems = [
        config::parse_flow("flow.toml", flow).expect_err("nearly all is wrong"),
        config::parse_words("words.toml", words).expect_err("nearly all is wrong"),
        config::parse_flow("circle.toml", circle).expect_err("it never asks"),
    ];
    insta::assert_snapshot!(problems.map(|problems| problems.to_string()).join("\n\n"));
}

#[test]
fn a_recording_that_is_missing_is_told_before_a_caller_hears_nothing() {
    let french = [("access_number.0.languages".to_owned(), "[\"fr\"]".to_owned())];
    let found = config::load(&conf("demo.toml"), &french).expect_err("nobody recorded French").to_string();
    assert!(
        found.contains("prompts/fr/welcome.wav") && found.contains("prompts/fr/meeting-full.wav"),
        "{found}"
    );
    assert!(!found.contains("choose-language"), "one language is no choice: {found}");
}

/// A key, and a value that it can't have.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("keys.mute", "61"),
    ("keys.mute", "*7"),
    ("keys.end", "*61"),
    ("media.codecs", "[\"g723\"]"),
    ("media.codecs", "[\"pcma\", \"pcma\"]"),
    ("media.range.0.probe", "10000"),
    ("media.range.0.probe", "80"),
    ("probe.answer", "sometimes"),
    ("probe.per_second", "0"),
    ("probe.per_source", "many"),
    ("trunk.0.oversize", "sctp"),
    ("listener.0.self_signed", "on"),
    ("listener.0.client_certificates", "ask"),
    ("listener.2.self_signed", "off"),
    ("listener.2.self_signed", "sometimes"),
    ("listener.2.client_certificates", "demand"),
    ("listener.2.certificates", "[{ chain = \"nowhere.pem\", key = \"nowhere.pem\" }]"),
    ("listener.0.tls", "legacy"),
    ("listener.0.allowed", "[\"192.0.2.0/28\"]"),
    ("listener.2.tls", "ancient"),
    ("listener.2.tls", "legacy"),
    ("listener.2.allowed", "[\"192.0.2.0/28\"]"),
    ("listener.2.allowed", "[\"192.0.2.0/33\"]"),
    ("listener.2.allowed", "[\"0.0.0.0/0\"]"),
    ("tls.roots", "nowhere.pem"),
    ("trunk.0.tls_name", "no domain"),
    ("trunk.0.encryption", "sometimes"),
    ("listener.0.encryption", "yes"),
    ("trunk.0.sources", "anywhere"),
    ("trunk.0.media", "[\"192.0.2.0/33\"]"),
    ("listener.0.sources", "negotiated"),
    ("listener.0.ice", "full"),
    ("trunk.0.ice", "yes"),
    ("trunk.0.early_media", "true"),
    ("trunk.0.keying", "zrtp"),
    ("trunk.0.keying", "dtls"),
    ("sip.dscp", "64"),
    ("media.dscp", "ef"),
    ("media.sockets", "one"),
    ("trunk.0.channels", "0"),
    ("trunk.0.calls_per_second", "0"),
    ("listener.0.channels", "many"),
    ("listener.0.calls_per_second", "-1.5"),
    ("listener.0.calls_per_second", "nan"),
    ("meetings.0.entry", "closed"),
    ("tenant.0.participants", "0"),
    ("tenant.0.phone_join", "maybe"),
    ("guard.failures", "0"),
    ("guard.window", "0s"),
    ("calls.waiting", "0s"),
    ("calls.no_answer", "0s"),
    ("trunk.0.address", "carrier"),
    ("trunk.0.transport", "sctp"),
    ("calls.host_grace", "soon"),
    ("ivr.flows", "nowhere"),
    ("access_number.0.flow", "nowhere"),
    ("trunk.0.kind", "fax"),
    ("trunk.0.dtmf", "sometimes"),
    ("trunk.0.called_number", "from"),
    ("tenant.0.auto_mute", "phone"),
    ("meetings.0.tones", "loud"),
    ("meetings.0.recording_notice", "maybe"),
    ("meetings.0.guest_pin", "\"12\""),
    ("meetings.0.host_password", ""),
    ("records.keep_months", "0"),
    ("directory.urls", "[\"ftp://192.0.2.30\"]"),
    ("directory.timeout", "0s"),
    ("no_stream.warn", "0s"),
    ("no_stream.warn", "30s"),
    ("no_stream.probe", "40s"),
    ("no_stream.end", "121s"),
    ("no_stream.end_answered", "39s"),
    ("no_stream.ende", "40s"),
    ("admission.cpu_high_percent", "70"),
    ("admission.cpu_low_percent", "101"),
    ("admission.tick_lag_high", "8ms"),
    ("admission.ports_high_percent", "102"),
    ("admission.memory_low_percent", "lots"),
    ("quality.red_delay", "0ms"),
    ("quality.red_loss_percent", "101"),
    ("quality.icon_yellow_percent", "5"),
    ("quality.icon_red_percent", "1"),
    ("quality.severe_after", "soon"),
    ("listener.0.policy", "everybody"),
    ("rooms.flow", "nowhere"),
    ("rooms.second_join", "both"),
    ("rooms.confirmation", "0s"),
    ("defence.per_second", "0"),
    ("defence.burst", "many"),
    ("defence.known_per_second", "199"),
    ("defence.known_burst", "0"),
    ("defence.connections", "0"),
    ("defence.failures", "0"),
    ("defence.window", "0s"),
    ("defence.ban", "2h"),
    ("defence.longest_ban", "10s"),
    ("defence.scanners", "[\"ab\"]"),
    ("defence.allowed", "[\"everybody\"]"),
];

#[test]
fn a_setting_that_cannot_be_meant_is_refused_by_its_name() {
    each_is_refused(IMPOSSIBLE);
}

#[test]
fn a_setting_of_the_registrar_that_cannot_be_meant_is_refused_by_its_name() {
    let rows = [
        ("listener.0.registrar", "perhaps"),
        ("registrar.keep_alive", "1s"),
        ("registrar.realm", ""),
        ("registrar.algorithms", "[\"sha-1\"]"),
        ("registrar.algorithms", "[\"md5\", \"md5\"]"),
        ("registrar.accounts", "[\"nowhere.toml\"]"),
        ("registrar.profiles", "nowhere.toml"),
        ("registrar.contacts", "0"),
        ("registrar.bindings", "many"),
        ("registrar.expires", "3h"),
        ("registrar.min_expires", "2h"),
        ("registrar.max_expires", "25h"),
        ("registrar.failures", "0"),
        ("registrar.window", "0s"),
        ("registrar.lock", "soon"),
        ("registrar.account_failures", "0"),
        ("registrar.account_lock", "0s"),
        ("registrar.trial_days", "0"),
        ("registrar.frozen_days", "4000"),
        ("account", "[{ tenant = \"demo\", password = \"secret-1\" }]"),
        ("account", "[{ name = \"a b\", tenant = \"demo\", password = \"secret-1\" }]"),
        ("account", "[{ name = \"021-5329\", tenant = \"demo\", password = \"secret-1\" }]"),
        ("account", "[{ name = \"tgruu.a\", tenant = \"demo\", password = \"secret-1\" }]"),
        ("account", "[{ name = \"a\", tenant = \"nobody\", password = \"secret-1\" }]"),
        ("account", "[{ name = \"a\", tenant = \"demo\", password = \"secrets\" }]"),
        ("account", "[{ name = \"a\", tenant = \"demo\", password = \"secret-1\", type = \"phone\" }]"),
        ("licence", "[{ tenant = \"demo\", type = \"rooms\" }]"),
        ("licence", "[{ tenant = \"nobody\", type = \"rooms\", count = 1 }]"),
    ];
    each_is_refused(&rows);
}

fn each_is_refused(rows: &[(&str, &str)]) {
    for (key, value) in rows {
        let found = config::load(&conf("demo.toml"), &[((*key).to_owned(), (*value).to_owned())]);
        let found = found.expect_err(key).found;
        // A section reports what is wrong of its keys together, a list its elements.
        let is_it = |told: &str| key.starts_with(told) || told.starts_with(key);
        assert!(found.iter().any(|problem| is_it(&problem.key)), "{key}: {found:?}");
    }
}

#[test]
fn accounts_of_all_files_have_names_and_serial_numbers_of_their_own() {
    let folder = std::env::temp_dir().join(format!("gateway-accounts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let account = |name: &str, more: &str| {
        format!("[[account]]\nname = \"{name}\"\ntenant = \"demo\"\npassword = \"secret-1\"\n{more}\n")
    };
    let text = std::fs::read_to_string(conf("demo.toml")).expect("shipped");
    let main = format!("{text}\n{}", account("a", "serial = \"SN1\""));
    let main = main.replace("[registrar]\n", "[registrar]\naccounts = [\"more.toml\"]\n");
    let file = folder.join("gateway.toml");
    let parse = |more: &str| {
        std::fs::write(folder.join("more.toml"), more).expect("own folder");
        config::parse(&file.display().to_string(), &main, &[])
    };
    let config = parse(&account("b", "serial = \"SN2\"\ntype = \"board\"\ndisplay_name = \"B\""))
        .expect("no problems");
    let (_, added) = config.accounts.split_at(20);
    let names: Vec<&str> = added.iter().map(|account| account.name.as_str()).collect();
    assert_eq!((names, added[1].display_name.as_str()), (vec!["a", "b"], "B"));
    for (more, told) in [
        (account("a", ""), "more.toml:2: account.0.name: there is an account \"a\" already"),
        (account("b", "serial = \"SN1\""), "account \"a\" has this serial number"),
        (format!("{}[http]\n", account("b", "")), "unknown key"),
    ] {
        let found = parse(&more).expect_err(told).to_string();
        assert!(found.contains(told), "{found}");
    }
    let licences = [("licence".to_owned(), "[{ tenant = \"demo\", type = \"rooms\", count = 1 }, { tenant = \"demo\", type = \"rooms\", count = 2 }]".to_owned())];
    let found = config::load(&conf("demo.toml"), &licences).expect_err("twice").to_string();
    assert!(found.contains("of this tenant and type already"), "{found}");
    std::fs::remove_dir_all(&folder).expect("own folder");
}

#[test]
fn settings_that_cannot_be_meant_together_are_refused() {
    let nobody_hosts = [("entry", "with-host"), ("host_password", ""), ("guest_password", "")];
    let nobody_hosts = nobody_hosts.map(|(key, value)| (format!("meetings.0.{key}"), value.to_owned()));
    let found = config::load(&conf("demo.toml"), &nobody_hosts).expect_err("nobody could host").to_string();
    assert!(found.contains("guests would wait for nobody"), "{found}");
    let taken = [("media.range.0.probe".to_owned(), "5060".to_owned())];
    let found = config::load(&conf("demo.toml"), &taken).expect_err("SIP is there").to_string();
    assert!(found.contains("127.0.0.1:5060, which a [[listener]]"), "{found}");
    let public = [("listener.2.address".to_owned(), "192.0.2.1:5061".to_owned())];
    let found = config::load(&conf("demo.toml"), &public).expect_err("nobody vouches for it").to_string();
    assert!(found.contains("listener.2.self_signed: nobody vouches"), "{found}");
    let streams = [("trunk.0.oversize".to_owned(), "tcp".to_owned())];
    config::load(&conf("demo.toml"), &streams).expect("the zone has a TCP listener");
    let without = [streams[0].clone(), ("listener.1.transport".to_owned(), "udp".to_owned())];
    let found = config::load(&conf("demo.toml"), &without).expect_err("no TCP listener").to_string();
    assert!(found.contains("no [[listener]] of transport \"tcp\""), "{found}");
}
