//! What must survive the process: meetings and accounts made through the API, the bindings of devices, and the count of starts.
//!
//! Every write is flushed before it is acknowledged: sled by itself flushes twice a second, and
//! loses what it acknowledged in between (52,692 writes over 30 kills, measured). Writes that wait
//! together share one flush.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use call::{accounts::Account, core::Meeting};
use interwork::registrations::Durability;
use sip::{endpoint::RequestId, registrar::Binding};
use terms::{AccountName, BootEpoch, MeetingId};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait for the store.
const QUEUE: usize = 1_024;
/// Writes that share a flush at most.
const GROUP: usize = 256;
/// From one flush to the next: sled wakes all its threads for each. Who writes once in a while does not wait.
const APART: Duration = Duration::from_millis(5);

/// Of what is kept so much is in memory beside what the gateway itself has there, in octets: it is read at the start alone.
const CACHE: u64 = 8 << 20;

/// For how long a database that is open elsewhere is waited for. sled lets go of its folder a moment after it
/// was dropped, on a thread of its own; a gateway that is in use keeps it.
const LET_GO: Duration = Duration::from_secs(1);

/// Why the store did not do what was asked. Nothing was acknowledged.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database failed.
    #[error("store: {0}")]
    Database(#[from] sled::Error),
    /// What it holds is not what we wrote.
    #[error("store: record: {0}")]
    Record(#[from] serde_json::Error),
    /// The folder can't be used.
    #[error("store: {0}")]
    Folder(#[from] io::Error),
    /// Another gateway has it open.
    #[error("store: {} is in use by another gateway; stop it, or give this one a `state` of its own", .0.display())]
    InUse(PathBuf),
    /// The store's thread is gone.
    #[error("store: not running")]
    Gone,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A meeting begins to exist, or is changed.
    PutMeeting(Box<Meeting>),
    /// A meeting ends.
    DeleteMeeting(MeetingId),
    /// An account begins to exist, or is changed.
    PutAccount(Box<Account>),
    /// An account ends.
    DeleteAccount(AccountName),
    /// The devices of an account are there, and nowhere else; none, where it has none any more.
    PutBindings(AccountName, Vec<Binding>),
}

/// A store: sled on one machine, etcd where one is outgrown.
pub trait Store: Send + 'static {
    /// Makes all the changes durable, or none is acknowledged.
    fn apply(&mut self, writes: &[Write]) -> Result<(), StoreError>;
    /// Every meeting that is stored.
    fn meetings(&self) -> Result<Vec<Meeting>, StoreError>;
    /// Every account that is stored.
    fn accounts(&self) -> Result<Vec<Account>, StoreError>;
    /// Where the devices of each account were.
    fn bindings(&self) -> Result<Vec<(AccountName, Vec<Binding>)>, StoreError>;
    /// Counts this start.
    fn next_boot(&mut self) -> Result<BootEpoch, StoreError>;
}

/// The embedded store.
#[derive(Debug)]
pub struct SledStore {
    folder: PathBuf,
    /// `None` once a write failed: after a full disk sled takes no more, until it is opened anew.
    opened: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    database: sled::Db,
    meetings: sled::Tree,
    accounts: sled::Tree,
    bindings: sled::Tree,
}

impl SledStore {
    /// Opens the store in `folder`. A snapshot that a crash tore is moved aside and rebuilt from the log.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), opened: Some(Opened::open(folder)?) })
    }

    fn opened(&self) -> Result<&Opened, StoreError> {
        self.opened.as_ref().ok_or(StoreError::Gone)
    }
}

impl Opened {
    fn open(folder: &Path) -> Result<Self, StoreError> {
        let database = match open(folder) {
            Ok(database) => database,
            Err(error) if is_locked(&error) => return Err(StoreError::InUse(folder.to_owned())),
            Err(error @ sled::Error::Corruption { .. }) => {
                let moved = set_torn_snapshots_aside(folder)?;
                tracing::warn!(%error, moved, "store did not open; its snapshots were moved aside");
                open(folder)?
            }
            Err(error) => return Err(error.into()),
        };
        let meetings = database.open_tree("meetings")?;
        let (accounts, bindings) = (database.open_tree("accounts")?, database.open_tree("bindings")?);
        Ok(Self { database, meetings, accounts, bindings })
    }

    fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        for write in writes {
            match write {
                Write::PutMeeting(meeting) => {
                    self.meetings.insert(meeting.id.to_string(), serde_json::to_vec(meeting)?)?;
                }
                Write::DeleteMeeting(meeting) => {
                    self.meetings.remove(meeting.to_string())?;
                }
                Write::PutAccount(account) => {
                    self.accounts.insert(account.name.as_str(), serde_json::to_vec(account)?)?;
                }
                Write::DeleteAccount(account) => {
                    self.accounts.remove(account.as_str())?;
                    // Where it was reached goes with it, in the same flush.
                    self.bindings.remove(account.as_str())?;
                }
                Write::PutBindings(account, bindings) if bindings.is_empty() => {
                    self.bindings.remove(account.as_str())?;
                }
                Write::PutBindings(account, bindings) => {
                    self.bindings.insert(account.as_str(), serde_json::to_vec(bindings)?)?;
                }
            }
        }
        self.database.flush()?;
        Ok(())
    }
}

impl Store for SledStore {
    fn apply(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => Opened::open(&self.folder)?,
        };
        opened.apply(writes)?;
        self.opened = Some(opened);
        Ok(())
    }

    fn meetings(&self) -> Result<Vec<Meeting>, StoreError> {
        let meeting = |entry: sled::Result<(sled::IVec, sled::IVec)>| Ok(serde_json::from_slice(&entry?.1)?);
        self.opened()?.meetings.iter().map(meeting).collect()
    }

    fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let account = |entry: sled::Result<(sled::IVec, sled::IVec)>| Ok(serde_json::from_slice(&entry?.1)?);
        self.opened()?.accounts.iter().map(account).collect()
    }

    fn bindings(&self) -> Result<Vec<(AccountName, Vec<Binding>)>, StoreError> {
        let bindings = |entry: sled::Result<(sled::IVec, sled::IVec)>| {
            let (name, bindings) = entry?;
            Ok((AccountName::from(&*String::from_utf8_lossy(&name)), serde_json::from_slice(&bindings)?))
        };
        self.opened()?.bindings.iter().map(bindings).collect()
    }

    fn next_boot(&mut self) -> Result<BootEpoch, StoreError> {
        const KEY: &str = "boot";
        let database = &self.opened()?.database;
        let last =
            database.get(KEY)?.and_then(|value| Some(u32::from_be_bytes(value.as_ref().try_into().ok()?)));
        let next = last.unwrap_or(0) + 1;
        database.insert(KEY, &next.to_be_bytes())?;
        database.flush()?;
        Ok(BootEpoch(next))
    }
}

fn open(folder: &Path) -> sled::Result<sled::Db> {
    let config = sled::Config::new().path(folder.join("sled")).flush_every_ms(None).cache_capacity(CACHE);
    let give_up = Instant::now() + LET_GO;
    loop {
        match config.open() {
            Err(error) if is_locked(&error) && Instant::now() < give_up => {
                thread::sleep(Duration::from_millis(10));
            }
            opened => return opened,
        }
    }
}

/// sled tells a database that another process has open only by its words.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("lock"))
}

fn set_torn_snapshots_aside(folder: &Path) -> io::Result<usize> {
    let mut moved = 0;
    for entry in fs::read_dir(folder.join("sled"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("snap.") {
            fs::rename(entry.path(), folder.join(format!("torn-{name}")))?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// What the store's thread is told.
#[derive(Debug)]
enum Message {
    Write(Write, Asker),
    Close(oneshot::Sender<()>),
}

/// Who is told what became of a write.
#[derive(Debug)]
enum Asker {
    /// Somebody who waits.
    Waits(oneshot::Sender<Result<(), StoreError>>),
    /// The shard, for a REGISTER.
    Shard(RequestId),
    /// Nobody: it is made good by the next one.
    Nobody,
}

/// The store has no room for a further write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

/// The way to a store that runs on a thread of its own.
#[derive(Debug, Clone)]
pub struct StoreQueue(mpsc::Sender<Message>);

impl StoreQueue {
    /// Gives the store a thread.
    ///
    /// `kept` is told of each write by [`StoreQueue::keep`] that names a request.
    pub fn start(store: impl Store, kept: mpsc::Sender<(RequestId, Durability)>) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        thread::Builder::new().name("store".into()).spawn(move || serve(store, receiver, &kept))?;
        Ok(Self(sender))
    }

    /// Makes a change durable without waiting for it.
    pub fn keep(&self, request: Option<RequestId>, write: Write) -> Result<(), NoRoom> {
        let asker = request.map_or(Asker::Nobody, Asker::Shard);
        self.0.try_send(Message::Write(write, asker)).map_err(|_| NoRoom)
    }

    /// Makes a change durable; returns once it is.
    pub async fn write(&self, write: Write) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Message::Write(write, Asker::Waits(answer))).await.map_err(|_| StoreError::Gone)?;
        answered.await.map_err(|_| StoreError::Gone)?
    }

    /// Closes the store once all that was queued before is durable.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.0.send(Message::Close(answer)).await.is_ok() {
            answered.await.ok();
        }
    }
}

fn serve(
    mut store: impl Store,
    mut queue: mpsc::Receiver<Message>,
    kept: &mpsc::Sender<(RequestId, Durability)>,
) {
    let (mut group, mut flushed) = (Vec::with_capacity(GROUP), None::<Instant>);
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        let pause = flushed.map_or(Duration::ZERO, |flushed| APART.saturating_sub(flushed.elapsed()));
        if !pause.is_zero() {
            thread::sleep(pause);
            while group.len() < GROUP
                && let Ok(message) = queue.try_recv()
            {
                group.push(message);
            }
        }
        let (mut writes, mut askers, mut closer) = (Vec::new(), Vec::new(), None);
        for message in group.drain(..) {
            match message {
                Message::Write(write, asker) => {
                    writes.push(write);
                    askers.push(asker);
                }
                Message::Close(asker) => closer = Some(asker),
            }
        }
        let result = store.apply(&writes);
        flushed = Some(Instant::now());
        if let Err(error) = &result {
            tracing::error!(%error, writes = writes.len(), "writes were not acknowledged");
        }
        for asker in askers {
            // An asker that is gone has given its request up.
            match asker {
                Asker::Waits(asker) => {
                    asker.send(if result.is_ok() { Ok(()) } else { Err(StoreError::Gone) }).ok();
                }
                Asker::Shard(request) => {
                    let durability = if result.is_ok() { Durability::Durable } else { Durability::Failed };
                    kept.blocking_send((request, durability)).ok();
                }
                Asker::Nobody => {}
            }
        }
        if let Some(closer) = closer {
            drop(store);
            closer.send(()).ok();
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use call::core::{Entry, Passwords, Tones};
    use terms::{Secret, TenantId};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("gateway-store-{name}-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        folder
    }

    fn meeting(id: &str) -> Meeting {
        let passwords = Passwords::new(Secret::new("4321".into()), Secret::new("1234".into()));
        let meeting = Meeting::new(id.parse().expect("digits"), TenantId::from("demo"), passwords);
        Meeting { entry: Entry::WithHost, tones: Tones::On, ..meeting }
    }

    #[test]
    fn rel_4_what_was_acknowledged_is_there_after_the_next_start() {
        let folder = folder("restart");
        let mut store = SledStore::open(&folder).expect("opens");
        assert_eq!(store.next_boot().expect("counts"), BootEpoch(1));
        let writes = ["900100001", "900100002"].map(|id| Write::PutMeeting(Box::new(meeting(id))));
        store.apply(&writes).expect("stores");
        store.apply(&[Write::DeleteMeeting("900100001".parse().expect("digits"))]).expect("deletes");
        drop(store);
        let mut store = SledStore::open(&folder).expect("opens again");
        assert_eq!(store.meetings().expect("reads"), [meeting("900100002")]);
        assert_eq!(store.next_boot().expect("counts"), BootEpoch(2));
        fs::remove_dir_all(&folder).expect("own folder");
    }

    #[test]
    fn a_second_gateway_on_the_same_folder_is_refused_and_harms_nothing() {
        let folder = folder("second");
        let mut store = SledStore::open(&folder).expect("opens");
        store.apply(&[Write::PutMeeting(Box::new(meeting("900100001")))]).expect("stores");
        assert!(matches!(SledStore::open(&folder), Err(StoreError::InUse(_))));
        drop(store);
        let store = SledStore::open(&folder).expect("opens");
        assert_eq!(store.meetings().expect("reads").len(), 1);
        fs::remove_dir_all(&folder).expect("own folder");
    }

    #[test]
    fn rel_4_a_torn_snapshot_is_moved_aside() {
        let folder = folder("torn");
        drop(SledStore::open(&folder).expect("opens"));
        fs::write(folder.join("sled/snap.0000000000000000"), b"torn").expect("own folder");
        assert_eq!(set_torn_snapshots_aside(&folder).expect("own folder"), 1);
        assert!(folder.join("torn-snap.0000000000000000").exists());
        SledStore::open(&folder).expect("opens without it");
        fs::remove_dir_all(&folder).expect("own folder");
    }
}
