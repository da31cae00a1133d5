//! The journal of records: one JSON line a leg, each bound to the one before by a hash (REL-5).
//!
//! ```text
//!  {"previous":"<hash of the line before>","record":{…},"hash":"<SHA-256 of previous and record>"}
//! ```
//!
//! A line that was changed, left out or put in breaks the chain at that place.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

use call::LegRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

mod verify;

pub use verify::{Broken, Verified, verify};

/// Records that may wait for the disk.
const QUEUE: usize = 65_536;
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

/// The end of a chain, and the file it is in.
#[derive(Debug)]
struct Chain {
    file: File,
    /// How long the file is, whole lines only.
    written: u64,
    last: String,
}

/// The way to the journal, which writes on a thread of its own.
#[derive(Debug)]
pub struct Journal {
    records: SyncSender<LegRecord>,
    thread: JoinHandle<()>,
}

/// The queue was full or the journal is gone: the record is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl Journal {
    /// Opens or begins `records.jsonl` in `folder`.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut chain = Chain::open(&folder.join("records.jsonl"))?;
        let (records, queue) = sync_channel(QUEUE);
        let thread = thread::Builder::new().name("journal".into()).spawn(move || chain.run(&queue))?;
        Ok(Self { records, thread })
    }

    /// Queues a record without waiting.
    pub fn write(&self, record: LegRecord) -> Result<(), Lost> {
        self.records.try_send(record).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Lost,
        })
    }

    /// Returns once everything queued is on disk.
    pub fn close(self) {
        drop(self.records);
        if self.thread.join().is_err() {
            tracing::error!("journal ended by a panic");
        }
    }
}

impl Chain {
    /// Finds the last whole line. A record is far shorter than what is read for it.
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MAX_LINE)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (lines, torn) = end.split_at(whole);
        let written = length - u64::try_from(torn.len()).unwrap_or(0);
        if !torn.is_empty() {
            set_aside(path, torn)?;
            file.set_len(written)?;
        }
        let last = lines.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let last = last.map(serde_json::from_slice::<Line>).transpose()?;
        Ok(Self { file, written, last: last.map_or_else(|| GENESIS.to_owned(), |line| line.hash) })
    }

    fn run(&mut self, queue: &Receiver<LegRecord>) {
        while let Ok(first) = queue.recv() {
            let mut written = self.append(&first);
            for record in queue.try_iter() {
                written = written.and(self.append(&record));
            }
            if let Err(error) = written.and_then(|()| self.file.sync_data()) {
                tracing::error!(%error, "records could not be written");
            }
        }
    }

    /// Writes a whole line or none: a disk that is full leaves no half of one behind.
    fn append(&mut self, record: &LegRecord) -> io::Result<()> {
        let record = serde_json::value::to_raw_value(record)?;
        let hash = hash(&self.last, record.get());
        let mut line = serde_json::to_vec(&Line { previous: self.last.clone(), record, hash: hash.clone() })?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.written)?;
            return Err(error);
        }
        self.written += u64::try_from(line.len()).unwrap_or(0);
        self.last = hash;
        Ok(())
    }
}

/// A line that a crash cut short was never told to anybody; it is kept for who wants to look.
fn set_aside(path: &Path, torn: &[u8]) -> io::Result<()> {
    let mut aside = PathBuf::from(path);
    aside.set_extension("torn");
    tracing::warn!(file = %aside.display(), "the journal's last line was cut short; it was moved aside");
    OpenOptions::new().create(true).append(true).open(aside)?.write_all(torn)
}

fn hash(previous: &str, record: &str) -> String {
    let digest = Sha256::new().chain_update(previous).chain_update(record).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use call::leg::EndedBy;
    use terms::{CallId, Cause, LegId, WallTime};

    use super::*;

    fn record(call: u64) -> LegRecord {
        LegRecord {
            call: CallId(call),
            leg: LegId(call),
            trunk: None,
            caller: None,
            called: "9001".into(),
            meeting: None,
            arrived: WallTime::from_unix_nanos(call),
            answered: None,
            joined: None,
            ended: WallTime::from_unix_nanos(call + 1),
            cause: Cause::NORMAL_CLEARING,
            by: EndedBy::Peer,
            quality: None,
            no_stream: None,
            streams: None,
        }
    }

    #[test]
    fn rel_5_each_line_is_bound_to_the_one_before_across_restarts_and_torn_ends() {
        let folder = env::temp_dir().join(format!("gateway-journal-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder of its own");
        let path = folder.join("records.jsonl");
        for calls in [1..3, 3..4] {
            let journal = Journal::open(&folder).expect("opens");
            for call in calls {
                journal.write(record(call)).expect("room");
            }
            journal.close();
            let mut file = OpenOptions::new().append(true).open(&path).expect("is there");
            file.write_all(b"{\"previous\":\"cut sho").expect("own file");
        }
        Journal::open(&folder).expect("opens").close();
        let text = fs::read_to_string(&path).expect("is there");
        let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).expect("whole")).collect();
        assert_eq!(lines.len(), 3);
        let mut last = GENESIS.to_owned();
        for line in lines {
            assert_eq!(line.previous, last);
            assert_eq!(line.hash, hash(&last, line.record.get()));
            last = line.hash;
        }
        fs::remove_dir_all(&folder).expect("own folder");
    }
}
