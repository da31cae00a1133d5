//! Whether a journal is as it was written (REL-5).
//!
//! The chain shows what was changed, left out, put in or moved. It can't show that its end was cut
//! off: for that, a hash that was noted earlier must still be in it.

use std::{
    fmt,
    io::{self, BufRead, Read as _},
};

use serde::Serialize;
use thiserror::Error;

use super::{GENESIS, Line, MAX_LINE, hash};

/// A journal that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many records there are.
    pub records: u64,
    /// The hash of the last line: note it elsewhere, to know later that nothing was cut off.
    pub last: String,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} records, each bound to the one before", self.records)?;
        write!(f, "last hash {}", self.last)
    }
}

/// Where a journal does not hold.
#[derive(Debug, Error)]
pub enum Broken {
    /// It can't be read.
    #[error("line {line}: {source}")]
    Unreadable {
        /// Counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// The line is none of ours.
    #[error("line {line}: not a record: {source}")]
    NotARecord {
        /// Counted from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// The last line is not whole.
    #[error("line {line}: cut short; the gateway sets such an end aside when it starts")]
    CutShort {
        /// Counted from 1.
        line: u64,
    },
    /// The line does not name the one before it.
    #[error("line {line}: does not follow the line before; one was left out, put in or moved")]
    OutOfPlace {
        /// Counted from 1.
        line: u64,
    },
    /// The line's hash is not that of its record.
    #[error("line {line}: was changed after it was written")]
    Changed {
        /// Counted from 1.
        line: u64,
    },
    /// A hash that was noted is gone.
    #[error("no record has the hash {noted}: the end of the journal was cut off, or it is another journal")]
    CutOff {
        /// What was noted.
        noted: String,
    },
}

/// Follows the chain from its first line; `noted` is a hash that must be in it.
pub fn verify(mut journal: impl BufRead, noted: Option<&str>) -> Result<Verified, Broken> {
    let mut verified = Verified { records: 0, last: GENESIS.to_owned() };
    let mut is_noted_there = noted.is_none();
    let mut text = Vec::new();
    loop {
        let line = verified.records + 1;
        text.clear();
        let read = journal.by_ref().take(MAX_LINE).read_until(b'\n', &mut text);
        if read.map_err(|source| Broken::Unreadable { line, source })? == 0 {
            break;
        }
        verified.last = follow(&text, line, &verified.last)?;
        verified.records = line;
        is_noted_there |= noted == Some(&verified.last);
    }
    match noted.filter(|_| !is_noted_there) {
        Some(noted) => Err(Broken::CutOff { noted: noted.to_owned() }),
        None => Ok(verified),
    }
}

/// The hash of a line that follows the line of hash `previous`.
fn follow(text: &[u8], line: u64, previous: &str) -> Result<String, Broken> {
    if !text.ends_with(b"\n") {
        return Err(Broken::CutShort { line });
    }
    let read = serde_json::from_slice::<Line>(text);
    let read = read.map_err(|source| Broken::NotARecord { line, source })?;
    if read.previous != previous {
        return Err(Broken::OutOfPlace { line });
    }
    if read.hash != hash(previous, read.record.get()) {
        return Err(Broken::Changed { line });
    }
    Ok(read.hash)
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;

    type Tampering = fn(&mut Vec<String>);

    fn journal(records: &[&str]) -> Vec<String> {
        let mut last = GENESIS.to_owned();
        let line = |record: &&str| {
            let record = to_raw_value(record).expect("JSON");
            let hash = hash(&last, record.get());
            let previous = std::mem::replace(&mut last, hash.clone());
            serde_json::to_string(&Line { previous, record, hash }).expect("JSON") + "\n"
        };
        records.iter().map(line).collect()
    }

    fn told(lines: &[String], noted: Option<&str>) -> String {
        match verify(lines.concat().as_bytes(), noted) {
            Ok(verified) => format!("{} records", verified.records),
            Err(broken) => broken.to_string(),
        }
    }

    #[test]
    fn rel_5_whatever_is_done_to_a_journal_is_found_at_its_line() {
        let lines = || journal(&["ann", "bob", "cat", "dan"]);
        let rows: [(&str, Tampering, &str); 7] = [
            ("nothing", |_| {}, "4 records"),
            ("changed", |lines| lines[1] = lines[1].replace("bob", "rob"), "line 2: was changed"),
            ("left out", |lines| drop(lines.remove(2)), "line 3: does not follow"),
            ("first left out", |lines| drop(lines.remove(0)), "line 1: does not follow"),
            ("moved", |lines| lines.swap(1, 2), "line 2: does not follow"),
            ("put in", |lines| lines.insert(1, lines[0].clone()), "line 2: does not follow"),
            ("cut short", |lines| lines[3].truncate(20), "line 4: cut short"),
        ];
        for (name, change, expected) in rows {
            let mut changed = lines();
            change(&mut changed);
            let told = told(&changed, None);
            assert!(told.starts_with(expected), "{name}: {told}");
        }
    }

    #[test]
    fn rel_5_an_end_that_was_cut_off_is_found_by_a_hash_that_was_noted() {
        let lines = journal(&["ann", "bob", "cat"]);
        let noted = verify(lines.concat().as_bytes(), None).expect("whole").last;
        assert_eq!(told(&lines, Some(&noted)), "3 records");
        assert!(told(&lines[..2], Some(&noted)).contains("was cut off"));
        assert_eq!(told(&lines[..2], None), "2 records", "the chain alone can't show it");
    }
}
