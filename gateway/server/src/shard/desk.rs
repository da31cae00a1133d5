//! The registrar and the accounts that it asks about, joined.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use call::{
    accounts::{Account, AccountRules, Accounts, Kept},
    terminal::{Mark, Terminal},
};
use interwork::{
    KeySource, Member, RegistrarSettings, Registrations,
    registrations::{self, Durability, Outcome},
};
use sip::{
    endpoint::{Command, ConnectionId, Hop, Invited, ListenerId, Registering, RequestId},
    registrar::Binding,
};
use terms::{AccountName, Entropy, Instant, Now, TenantId};

use super::Settings;
use crate::store::Write;

/// Where devices register.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) accounts: Accounts,
    pub(super) registrations: Registrations,
    pub(super) certificates: Certificates,
}

/// Certificates that devices have shown, by the connection.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    by_way: BTreeMap<(ListenerId, SocketAddr), String>,
    ways: BTreeMap<ConnectionId, (ListenerId, SocketAddr)>,
}

impl Certificates {
    pub(super) fn note(
        &mut self,
        connection: ConnectionId,
        way: (ListenerId, SocketAddr),
        certificate: String,
    ) {
        self.ways.insert(connection, way);
        self.by_way.insert(way, certificate);
    }

    pub(super) fn forget(&mut self, connection: ConnectionId) {
        if let Some(way) = self.ways.remove(&connection) {
            self.by_way.remove(&way);
        }
    }

    /// ISO-1: a device is known by its certificate too.
    fn mark(&self, terminal: Terminal, way: (ListenerId, SocketAddr)) -> Terminal {
        match self.by_way.get(&way) {
            Some(certificate) => terminal.also(Mark::Certificate(certificate.clone())),
            None => terminal,
        }
    }
}

/// Nobody has an account of that name, or it is not for who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoAccount;

/// What the desk wants done.
#[derive(Debug)]
pub(super) enum Output {
    Sip(Command),
    Known(Box<Invited>, Box<Member>),
    Keep(Option<RequestId>, Write),
    Attempted(Option<AccountName>, SocketAddr, Outcome),
}

impl Desk {
    /// With the accounts that there are, and their devices where they were.
    pub(super) fn new(now: Now, settings: Settings, entropy: Entropy, keys: &mut KeySource) -> Self {
        let Settings { registrar, account_rules, accounts: mut given, bindings, .. } = settings;
        // The file's come first: of two with one serial number that of the store is left out.
        given.sort_by_key(|account| account.kept != Kept::File);
        let (mut accounts, mut registrations) =
            (Accounts::default(), Registrations::new(&registrar, entropy, keys));
        accounts.configure(account_rules);
        for account in given {
            put_if_fitting(&mut accounts, now.mono, account);
        }
        for (account, bindings) in bindings {
            if accounts.get(&account).is_some() {
                registrations.handle_input(now, registrations::Input::Restore(account, bindings));
            }
        }
        let mut desk = Self { accounts, registrations, certificates: Certificates::default() };
        // Devices that were restored take their licences; nothing else is said of them.
        while desk.poll_output(now).is_some() {}
        desk
    }

    pub(super) fn configure(
        &mut self,
        now: Now,
        registrar: &RegistrarSettings,
        rules: AccountRules,
        of_file: Vec<Account>,
    ) {
        self.registrations.configure(registrar);
        self.accounts.configure(rules);
        let wanted: BTreeSet<&AccountName> = of_file.iter().map(|account| &account.name).collect();
        let known = self.accounts.list(None).filter(|account| account.kept == Kept::File);
        let gone: Vec<AccountName> =
            known.map(|account| account.name.clone()).filter(|name| !wanted.contains(name)).collect();
        for name in gone {
            self.delete(now, name);
        }
        // Two that change places give up their serial numbers before either takes the other's.
        for account in &of_file {
            if self.accounts.get(&account.name).is_some_and(|before| before.serial != account.serial) {
                let bare = Account { serial: None, ..account.clone() };
                self.revoke(now, &bare);
                self.accounts.put(now.mono, bare);
            }
        }
        for account in of_file {
            self.revoke(now, &account);
            put_if_fitting(&mut self.accounts, now.mono, account);
        }
    }

    pub(super) fn put(&mut self, now: Now, account: Account) {
        self.revoke(now, &account);
        self.accounts.put(now.mono, account);
    }

    /// Who registered by a password that is no more registers anew.
    fn revoke(&mut self, now: Now, account: &Account) {
        if self.accounts.get(&account.name).is_some_and(|before| before.password != account.password) {
            self.registrations.handle_input(now, registrations::Input::Removed(account.name.clone()));
        }
    }

    pub(super) fn delete(&mut self, now: Now, account: AccountName) {
        self.accounts.delete(&account);
        self.registrations.handle_input(now, registrations::Input::Removed(account));
    }

    pub(super) fn on_registering(&mut self, now: Now, registering: Box<Registering>) {
        self.registrations.handle_input(now, registrations::Input::Registering(registering));
    }

    pub(super) fn on_calling(&mut self, now: Now, invited: Box<Invited>) {
        self.registrations.handle_input(now, registrations::Input::Calling(invited));
    }

    /// Where an account is reached; there is none, or not for that tenant: `Err`.
    pub(super) fn locate(
        &self,
        account: &AccountName,
        of: Option<&TenantId>,
        is_up: impl Fn(Hop) -> bool,
    ) -> Result<Option<(&Binding, Terminal)>, NoAccount> {
        let known = self.accounts.get(self.registrations.dialed(account)).ok_or(NoAccount)?;
        if of.is_some_and(|tenant| *tenant != known.tenant) {
            return Err(NoAccount);
        }
        let reached = self.registrations.reached(account, is_up);
        Ok(reached.map(|(binding, terminal)| {
            let way = (binding.source.listener, binding.source.destination);
            (binding, self.certificates.mark(terminal, way))
        }))
    }

    pub(super) fn on_kept(&mut self, now: Now, request: RequestId, durability: Durability) {
        self.registrations.handle_input(now, registrations::Input::Stored(request, durability));
    }

    pub(super) fn on_time(&mut self, now: Now) {
        self.accounts.on_time(now);
        self.registrations.handle_input(now, registrations::Input::Timeout);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.accounts.poll_timeout(), self.registrations.poll_timeout()].into_iter().flatten().min()
    }

    /// The next thing to do; what the two have to say to each other is said on the way.
    pub(super) fn poll_output(&mut self, now: Now) -> Option<Output> {
        if let Some(account) = self.accounts.poll_removed() {
            self.registrations.handle_input(now, registrations::Input::Removed(account.clone()));
            return Some(Output::Keep(None, Write::DeleteAccount(account)));
        }
        loop {
            return Some(match self.registrations.poll_output()? {
                registrations::Output::Sip(command) => Output::Sip(command),
                registrations::Output::Known(invited, mut member) => {
                    let way = (invited.listener, invited.source);
                    member.terminal = self.certificates.mark(member.terminal, way);
                    Output::Known(invited, member)
                }
                registrations::Output::Ask(id, question) => {
                    let answer = self.accounts.answer(now, question);
                    self.registrations.handle_input(now, registrations::Input::Answer(id, answer));
                    continue;
                }
                registrations::Output::Devices(account, devices) => {
                    self.accounts.set_devices(&account, devices);
                    continue;
                }
                registrations::Output::Store(request, account, bindings) => {
                    Output::Keep(request, Write::PutBindings(account, bindings))
                }
                registrations::Output::Attempted(account, source, outcome) => {
                    Output::Attempted(account, source, outcome)
                }
            });
        }
    }
}

/// An account of the store whose serial number the file has given to another is left out, and told of.
fn put_if_fitting(accounts: &mut Accounts, now: Instant, account: Account) {
    match accounts.check(&account) {
        Ok(()) => accounts.put(now, account),
        Err(fault) => tracing::error!(account = account.name.as_str(), ?fault, "account left out"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use call::accounts::{AccountType, Life};
    use interwork::Registrations;
    use sip::{
        auth::hash_password,
        endpoint::{Hop, ListenerId},
        registrar::{Binding, Limits},
        wire::{CallId, NameAddr, SequenceNumber, Uri},
    };
    use terms::WallTime;

    use super::*;
    use crate::{
        config,
        program::shard_settings,
        store::{SledStore, Store as _},
    };

    const ACCOUNTS: usize = 100_000;
    const BINDINGS: usize = 50_000;
    const GROUP: usize = 1_000;
    const START: WallTime = WallTime::from_unix_nanos(1_800_000_000_000_000_000);
    const NOW: Now = Now { mono: Instant::from_nanos(1), wall: START };

    fn name(number: usize) -> AccountName {
        format!("room{number:06}").as_str().into()
    }

    fn account(number: usize, serial: usize, kept: Kept) -> Account {
        let (name, realm) = (name(number), "gateway".to_owned());
        Account {
            display_name: format!("Room {number}"),
            tenant: format!("tenant{}", number % 500).as_str().into(),
            kind: AccountType::ThirdParty,
            password: hash_password(name.as_str(), &realm, "secret-1"),
            serial: Some(format!("SN{serial}").as_str().into()),
            life: Life::Lasting,
            kept,
            name,
            realm,
        }
    }

    fn usual_settings() -> Settings {
        let text = "[[listener]]\nzone = \"a\"\ntransport = \"udp\"\naddress = \"127.0.0.1:5060\"\n[[media.range]]\nzone = \"a\"\n\
                    address = \"127.0.0.1\"\nports = \"10000-10001\"\n[http]\naddress = \"127.0.0.1:8080\"\ntoken = \"long enough\"\n";
        let config = config::parse("full.toml", text, &[]).expect("sound");
        assert_eq!(config.registrar.limits, Limits::DEFAULT, "as shipped");
        shard_settings(&config, terms::BootEpoch(2))
    }

    fn desk_of(settings: Settings) -> Desk {
        let mut keys = KeySource::from_seed([7; 32]);
        Desk::new(NOW, settings, Entropy::from_seed([1; 4]), &mut keys)
    }

    #[test]
    fn room_2_of_two_with_one_serial_number_the_files_is_taken_and_two_of_the_file_may_change_theirs() {
        let accounts = vec![account(9, 1, Kept::Store), account(1, 1, Kept::File), account(2, 2, Kept::File)];
        let mut desk = desk_of(Settings { accounts, ..usual_settings() });
        let has = |desk: &Desk, number: usize| {
            let account = desk.accounts.get(&name(number));
            account.and_then(|account| account.serial.as_ref().map(ToString::to_string))
        };
        assert_eq!(
            [9, 1, 2].map(|number| has(&desk, number)),
            [None, Some("SN1".into()), Some("SN2".into())]
        );
        let Settings { registrar, account_rules, .. } = usual_settings();
        let swapped = vec![account(1, 2, Kept::File), account(2, 1, Kept::File)];
        desk.configure(NOW, &registrar, account_rules, swapped);
        // They are of two tenants.
        assert_eq!([1, 2].map(|number| has(&desk, number)), [Some("SN2".into()), Some("SN1".into())]);
    }

    fn bindings(number: usize) -> Write {
        let contact = format!("sip:{}@10.0.0.1:5060;transport=tls", name(number));
        let instance = format!("<urn:uuid:00000000-0000-1000-8000-{number:012}>");
        let binding = Binding {
            contact: NameAddr::new(Uri::try_from(contact.as_str()).expect("a URI")),
            path: Vec::new(),
            source: Hop::new(ListenerId(0), "192.0.2.20:5060".parse().expect("an address")),
            instance: Some(instance.into()),
            flow: None,
            epid: None,
            user_agent: Some("TANDBERG/529 (ce8.3.4) Cisco-SX20".into()),
            call_id: CallId(format!("{number:032x}").into()),
            number: SequenceNumber(7),
            since: START,
            refreshed: START,
            expires: WallTime::from_unix_nanos(START.as_unix_nanos() + 600_000_000_000),
            epoch: 1 + u64::try_from(number).expect("small"),
        };
        Write::PutBindings(name(number), vec![binding])
    }

    #[test]
    fn rel_4_a_full_appliance_has_all_accounts_and_bindings_again_after_a_start() {
        let folder = std::env::temp_dir().join(format!("gateway-desk-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        let mut store = SledStore::open(&folder).expect("opens");
        let put = |number| Write::PutAccount(Box::new(account(number, number, Kept::Store)));
        let writes: Vec<Write> = (0..ACCOUNTS).map(put).chain((0..BINDINGS).map(bindings)).collect();
        for group in writes.chunks(GROUP) {
            store.apply(group).expect("stores");
        }
        drop(store);

        let store = SledStore::open(&folder).expect("opens again");
        let settings = Settings {
            accounts: store.accounts().expect("reads"),
            bindings: store.bindings().expect("reads"),
            ..usual_settings()
        };
        let desk = desk_of(settings);
        let registered = |registrations: &Registrations| registrations.registered(NOW.mono).bindings;
        assert_eq!((desk.accounts.len(), registered(&desk.registrations)), (ACCOUNTS, BINDINGS));
        let in_use: u32 = desk.accounts.licences().iter().map(|licences| licences.in_use).sum();
        assert_eq!(usize::try_from(in_use).expect("small"), BINDINGS);
        fs::remove_dir_all(&folder).expect("own folder");
    }
}
