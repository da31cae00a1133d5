//! One file of the journal, and the end of the chain in it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{Line, MAX_LINE, Month, Opening, hash};

#[derive(Debug)]
pub(super) struct Chain {
    file: File,
    /// How long the file is, whole lines only.
    written: u64,
    /// The hash of the last line, if there is one.
    last: Option<String>,
}

impl Chain {
    /// Finds the last whole line. A record is far shorter than what is read for it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
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
        // verify-cdr tells who changed what; calls are not kept waiting for it.
        let last = last.and_then(|line| {
            let read = serde_json::from_slice::<Line>(line);
            read.inspect_err(
                |error| tracing::error!(%error, file = %path.display(), "the last record is none"),
            )
            .ok()
        });
        Ok(Self { file, written, last: last.map(|line| line.hash) })
    }

    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Goes on with the chain that ends in `previous`.
    pub(super) fn begin(&mut self, previous: &str, month: Month) -> io::Result<()> {
        self.last = Some(previous.to_owned());
        self.append(&Opening::Begin { month }).inspect_err(|_| self.last = None)
    }

    /// Writes a whole line or none: a disk that is full leaves no half of one behind.
    pub(super) fn append(&mut self, record: &impl Serialize) -> io::Result<()> {
        let record = serde_json::value::to_raw_value(record)?;
        let previous = self.last.clone().ok_or_else(|| io::Error::other("a journal that was not begun"))?;
        let hash = hash(&previous, record.get());
        let mut line = serde_json::to_vec(&Line { previous, record, hash: hash.clone() })?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.written)?;
            return Err(error);
        }
        self.written += u64::try_from(line.len()).unwrap_or(0);
        self.last = Some(hash);
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A line that a crash cut short was never told to anybody; it is kept for who wants to look.
fn set_aside(path: &Path, torn: &[u8]) -> io::Result<()> {
    let mut aside = PathBuf::from(path);
    aside.set_extension("torn");
    tracing::warn!(file = %aside.display(), "the journal's last line was cut short; it was moved aside");
    OpenOptions::new().create(true).append(true).open(aside)?.write_all(torn)
}
