use terms::WallTime;

use super::*;

fn account(name: &str, tenant: &str, serial: Option<&str>) -> Account {
    Account {
        name: name.into(),
        display_name: "Room".to_owned(),
        tenant: tenant.into(),
        kind: AccountType::ThirdParty,
        password: HashedPassword { md5: [1; 16], sha256: [2; 32] },
        realm: "gateway".to_owned(),
        serial: serial.map(SerialNumber::from),
        life: Life::Lasting,
        kept: Kept::Store,
    }
}

fn accounts(licences: u32, all: &[Account]) -> Accounts {
    let mut accounts = Accounts::default();
    let licences = [(("acme".into(), AccountType::ThirdParty), licences)].into();
    accounts.configure(AccountRules { licences, ..AccountRules::default() });
    for account in all {
        assert_eq!(accounts.check(account), Ok(()));
        accounts.put(Instant::ZERO, account.clone());
    }
    accounts
}

fn enroll(accounts: &mut Accounts, name: &str, devices: u32) -> Result<(), Denial> {
    let question = Question::Enroll { account: name.into(), devices, serial: None };
    match accounts.answer(Now::default(), question) {
        Answer::Enrolled(enrolled) => enrolled,
        Answer::Password(_) | Answer::Caller(_) => panic!("another question"),
    }
}

#[test]
fn room_2_more_devices_than_licences_are_refused_and_who_is_in_stays_in() {
    let mut accounts = accounts(2, &[account("a", "acme", None), account("b", "acme", None)]);
    let none = || Err(Denial::NoLicence { licences: 2 });
    assert_eq!(enroll(&mut accounts, "a", 1), Ok(()));
    assert_eq!(enroll(&mut accounts, "b", 2), none());
    assert_eq!(enroll(&mut accounts, "b", 1), Ok(()));
    assert_eq!(enroll(&mut accounts, "a", 2), none());
    assert_eq!(accounts.licences()[0].in_use, 2);
    // One licence is taken away: refreshes go on, and no further device gets in.
    let licences = [(("acme".into(), AccountType::ThirdParty), 1)].into();
    accounts.configure(AccountRules { licences, ..AccountRules::default() });
    assert_eq!(enroll(&mut accounts, "a", 1), Ok(()));
    accounts.set_devices(&"b".into(), 0);
    assert_eq!(enroll(&mut accounts, "b", 1), Err(Denial::NoLicence { licences: 1 }));
    // Who goes gives its licence back, however it goes.
    accounts.delete(&"a".into());
    assert_eq!(enroll(&mut accounts, "b", 1), Ok(()));
    assert_eq!(enroll(&mut accounts, "a", 1), Err(Denial::NoAccount));
    assert_eq!(enroll(&mut accounts, "b", 0), Ok(()));
    assert_eq!(accounts.licences()[0].in_use, 0);
}

#[test]
fn room_2_a_serial_number_is_of_one_tenant_and_free_again_with_its_account() {
    let mut accounts = accounts(9, &[account("a", "acme", Some("SN1")), account("b", "other", None)]);
    let of_other = account("c", "other", Some("SN1"));
    assert_eq!(accounts.check(&of_other), Err(AccountFault::SerialElsewhere("acme".into())));
    let of_same = account("d", "acme", Some("SN1"));
    assert_eq!(accounts.check(&of_same), Err(AccountFault::SerialTaken("a".into())));
    assert_eq!(accounts.check(&account("a", "acme", Some("SN1"))), Ok(()));
    let device =
        |account: &str| Question::Enroll { account: account.into(), devices: 1, serial: Some("SN1".into()) };
    let refused = Answer::Enrolled(Err(Denial::SerialElsewhere("acme".into())));
    assert_eq!(accounts.answer(Now::default(), device("b")), refused);
    assert_eq!(accounts.answer(Now::default(), device("a")), Answer::Enrolled(Ok(())));
    accounts.delete(&"a".into());
    assert_eq!(accounts.check(&of_other), Ok(()));
    assert_eq!(accounts.answer(Now::default(), device("b")), Answer::Enrolled(Ok(())));
}

#[test]
fn ops_4_a_trial_ends_frozen_then_removed_and_its_serial_number_is_free() {
    const DAY: u64 = 86_400_000_000_000;
    let at = |days: u64| Now {
        mono: Instant::from_nanos(days * DAY),
        wall: WallTime::from_unix_nanos(1_800_000_000_000_000_000 + days * DAY),
    };
    let life = Life::Trial { since: at(0).wall };
    let trial = Account { life, ..account("a", "acme", Some("SN1")) };
    let mut accounts = accounts(9, &[trial.clone(), account("b", "acme", None)]);
    let asks = || Question::Enroll { account: "a".into(), devices: 1, serial: None };
    for (days, standing, enrolled) in [
        (0, Standing::Active, Ok(())),
        (179, Standing::Active, Ok(())),
        (180, Standing::Frozen, Err(Denial::Frozen)),
        (209, Standing::Frozen, Err(Denial::Frozen)),
    ] {
        accounts.on_time(at(days));
        assert_eq!(accounts.standing(at(days), &trial), standing, "day {days}");
        assert_eq!(accounts.answer(at(days), asks()), Answer::Enrolled(enrolled), "day {days}");
        assert_eq!(accounts.poll_removed(), None, "day {days}");
    }
    assert_eq!(accounts.poll_timeout(), Some(at(209).mono + HOUSEKEEPING));
    accounts.on_time(at(210));
    assert_eq!(accounts.poll_removed(), Some("a".into()));
    assert_eq!((accounts.len(), accounts.poll_timeout()), (1, None), "the other lasts");
    assert_eq!(accounts.check(&account("c", "other", Some("SN1"))), Ok(()));
}

#[test]
fn room_1_passwords_have_8_to_32_characters_of_two_classes() {
    let rows = [
        ("seven", "abc-123", Err(WeakPassword::Length)),
        ("eight", "abcd-123", Ok(())),
        ("thirty-two", &"ab".repeat(16).replacen('a', "A", 1), Ok(())),
        ("thirty-three", &"a1".repeat(17)[..33], Err(WeakPassword::Length)),
        ("digits alone", "12345678", Err(WeakPassword::OneClass)),
        ("lower case alone", "abcdefgh", Err(WeakPassword::OneClass)),
        ("both cases", "abcdEFGH", Ok(())),
        ("characters, not octets", "会议室密码一二三", Err(WeakPassword::OneClass)),
        ("with a digit", "会议室密码一二3", Ok(())),
        ("a line end", "abcd\n123", Err(WeakPassword::Unprintable)),
    ];
    for (name, password, expected) in rows {
        assert_eq!(check_password(password), expected, "{name}");
    }
}
