//! The journal of records: one JSON line each, bound to the one before by a hash (REL-5).
//!
//! ```text
//!  records-2026-10.jsonl   {"previous":"<hash of the line before>","record":{…},"hash":"<SHA-256 of previous and record>"}
//!  records-2026-11.jsonl   {"previous":…,"record":{"kind":"begin","month":"2026-11"},"hash":…}   {…}
//! ```
//!
//! A line that was changed, left out or put in breaks the chain at that place. Each month has a file of its own, which
//! goes on with the chain of the one before; what is older than is kept goes by whole files.

use std::{
    fs, io, iter,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use call::event::Record;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use terms::WallTime;

mod chain;
mod export;
mod month;
mod verify;

use chain::Chain;
pub use export::{ExportError, Filter, Format, export};
pub use month::Month;
pub use verify::{Broken, Verified, verify};

/// Records that may wait for the disk.
const QUEUE: usize = 65_536;
/// How often a disk that took no record is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// From one record to the next; more is taken for a wrong clock.
const LEAP_MONTHS: u32 = 2;
/// The longest line there can be.
const MAX_LINE: u64 = 1 << 20;
/// What the first line follows.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    previous: String,
    record: Box<RawValue>,
    hash: String,
}

/// The first line of a file: what it goes on with may be gone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Opening {
    Begin { month: Month },
}

/// The way to the journal, which writes on a thread of its own.
#[derive(Debug)]
pub struct Journal {
    records: SyncSender<Record>,
    /// Nobody waits for the disk any longer.
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// The queue was full or the journal is gone: the record is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl Journal {
    /// Opens or begins the journal in `folder`, which keeps the records of so many months.
    pub fn open(folder: &Path, keep_months: u16, now: WallTime) -> io::Result<Self> {
        let mut book = Book::open(folder, keep_months, Month::of(now))?;
        let (records, queue) = sync_channel(QUEUE);
        let closing = Arc::new(AtomicBool::new(false));
        let is_closing = Arc::clone(&closing);
        let run = move || book.run(&queue, &is_closing);
        let thread = thread::Builder::new().name("journal".into()).spawn(run)?;
        Ok(Self { records, closing, thread })
    }

    /// Queues a record without waiting.
    pub fn write(&self, record: Record) -> Result<(), Lost> {
        self.records.try_send(record).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Lost,
        })
    }

    /// Returns once everything queued is on disk, or the disk takes it no more.
    pub fn close(self) {
        self.closing.store(true, Ordering::Relaxed);
        drop(self.records);
        if self.thread.join().is_err() {
            tracing::error!("journal ended by a panic");
        }
    }
}

/// The files of a journal, oldest first.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(months(folder)?.into_iter().map(|month| folder.join(month.file_name())).collect())
}

fn months(folder: &Path) -> io::Result<Vec<Month>> {
    let mut months = Vec::new();
    for entry in fs::read_dir(folder)? {
        months.extend(entry?.file_name().to_str().and_then(Month::of_file_name));
    }
    months.sort_unstable();
    Ok(months)
}

/// The journal on its thread: the file of this month, and those before.
#[derive(Debug)]
struct Book {
    folder: PathBuf,
    keep_months: u16,
    month: Month,
    chain: Chain,
}

impl Book {
    fn open(folder: &Path, keep_months: u16, now: Month) -> io::Result<Self> {
        let mut months = months(folder)?;
        let month = months.pop().unwrap_or(now);
        let mut chain = Chain::open(&folder.join(month.file_name()))?;
        if chain.last().is_none() {
            // A crash as the month began, or a line that is none of ours: the one before tells what it goes on from.
            let before =
                months.pop().map(|month| Chain::open(&folder.join(month.file_name()))).transpose()?;
            chain.begin(before.as_ref().and_then(Chain::last).unwrap_or(GENESIS), month)?;
        }
        let book = Self { folder: folder.to_owned(), keep_months, month, chain };
        book.forget(now);
        Ok(book)
    }

    fn run(&mut self, queue: &Receiver<Record>, closing: &AtomicBool) {
        while let Ok(first) = queue.recv() {
            for record in iter::once(first).chain(queue.try_iter()) {
                self.append_at_last(&record, closing);
            }
            if let Err(error) = self.chain.sync() {
                tracing::error!(%error, "records may not be on disk");
            }
        }
    }

    /// A full disk may have room again: until then the records wait, as many as the queue takes.
    fn append_at_last(&mut self, record: &Record, closing: &AtomicBool) {
        while let Err(error) = self.append(record) {
            if closing.load(Ordering::Relaxed) {
                tracing::error!(%error, "a record could not be written");
                return;
            }
            tracing::error!(%error, "records can't be written; they wait");
            thread::sleep(RETRY);
        }
    }

    fn append(&mut self, record: &Record) -> io::Result<()> {
        let month = Month::of(record.ended());
        if month > self.month {
            self.turn_to(month)?;
        }
        self.chain.append(record)
    }

    /// Another month begins.
    fn turn_to(&mut self, month: Month) -> io::Result<()> {
        self.chain.sync()?;
        let mut next = Chain::open(&self.folder.join(month.file_name()))?;
        if next.last().is_none() {
            next.begin(self.chain.last().unwrap_or(GENESIS), month)?;
        }
        self.chain = next;
        self.forget(month);
        self.month = month;
        Ok(())
    }

    /// Old files go. One that can't be deleted stays, and is tried again next time. A clock that leaps is not believed:
    /// all would be old.
    fn forget(&self, now: Month) {
        if self.month.months_until(now) > LEAP_MONTHS {
            tracing::error!(%now, last = %self.month, "months passed without a record; old ones are kept for now");
            return;
        }
        let months = months(&self.folder).unwrap_or_default();
        for month in months.into_iter().filter(|month| month.months_until(now) > u32::from(self.keep_months))
        {
            let file = self.folder.join(month.file_name());
            match fs::remove_file(&file) {
                Ok(()) => tracing::info!(file = %file.display(), "records older than is kept were deleted"),
                Err(error) => tracing::error!(%error, file = %file.display(), "old records can't be deleted"),
            }
        }
    }
}

fn hash(previous: &str, record: &str) -> String {
    let digest = Sha256::new().chain_update(previous).chain_update(record).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
