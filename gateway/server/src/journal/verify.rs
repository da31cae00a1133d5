//! Whether a journal is as it was written (REL-5).
//!
//! The chain shows what was changed, left out, put in or moved. It can't show that its end was cut
//! off: for that, a hash that was noted earlier must still be in it.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::PathBuf,
};

use serde::Serialize;
use thiserror::Error;

use super::{GENESIS, Line, MAX_LINE, Opening, hash};

/// A journal that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many records there are.
    pub records: u64,
    /// The hash of the last line: note it elsewhere, to know later that nothing was cut off.
    pub last: String,
    /// The hash that the first line goes on from, where that is of a file that is gone.
    pub continues: Option<String>,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} records, each bound to the one before", self.records)?;
        if let Some(continues) = &self.continues {
            writeln!(f, "begins after hash {continues}, whose file is gone")?;
        }
        write!(f, "last hash {}", self.last)
    }
}

/// Where a journal does not hold.
#[derive(Debug, Error)]
#[error("{}: {fault}", file.display())]
pub struct Broken {
    /// In which file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file of a journal.
#[derive(Debug, Error)]
pub enum Fault {
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

/// Follows the chain through `files`, oldest first; `noted` is a hash that must be in it.
pub fn verify(files: &[PathBuf], noted: Option<&str>) -> Result<Verified, Broken> {
    let mut walk = Walk::new(noted);
    for file in files {
        let broken = |fault| Broken { file: file.clone(), fault };
        let opened = File::open(file).map_err(|source| broken(Fault::Unreadable { line: 0, source }))?;
        walk.follow(BufReader::new(opened)).map_err(broken)?;
    }
    walk.finish().map_err(|fault| Broken { file: files.last().cloned().unwrap_or_default(), fault })
}

/// On the way along the chain.
struct Walk<'a> {
    noted: Option<&'a str>,
    is_noted_there: bool,
    records: u64,
    /// `None` before the first line.
    last: Option<String>,
    continues: Option<String>,
}

impl<'a> Walk<'a> {
    const fn new(noted: Option<&'a str>) -> Self {
        Self { noted, is_noted_there: noted.is_none(), records: 0, last: None, continues: None }
    }

    fn follow(&mut self, mut file: impl BufRead) -> Result<(), Fault> {
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            let read = file.by_ref().take(MAX_LINE).read_until(b'\n', &mut text);
            if read.map_err(|source| Fault::Unreadable { line, source })? == 0 {
                break;
            }
            self.step(&text, line)?;
        }
        Ok(())
    }

    fn step(&mut self, text: &[u8], line: u64) -> Result<(), Fault> {
        if !text.ends_with(b"\n") {
            return Err(Fault::CutShort { line });
        }
        let read = serde_json::from_slice::<Line>(text);
        let Line { previous, record, hash: told } =
            read.map_err(|source| Fault::NotARecord { line, source })?;
        let begins = serde_json::from_str::<Opening>(record.get()).is_ok();
        match &self.last {
            Some(last) if *last != previous => return Err(Fault::OutOfPlace { line }),
            None if previous != GENESIS && !begins => return Err(Fault::OutOfPlace { line }),
            None if previous != GENESIS => {
                self.is_noted_there |= self.noted == Some(&previous);
                self.continues = Some(previous.clone());
            }
            Some(_) | None => {}
        }
        if told != hash(&previous, record.get()) {
            return Err(Fault::Changed { line });
        }
        self.records += u64::from(!begins);
        self.is_noted_there |= self.noted == Some(&told);
        self.last = Some(told);
        Ok(())
    }

    fn finish(self) -> Result<Verified, Fault> {
        match self.noted.filter(|_| !self.is_noted_there) {
            Some(noted) => Err(Fault::CutOff { noted: noted.to_owned() }),
            None => Ok(Verified {
                records: self.records,
                last: self.last.unwrap_or_else(|| GENESIS.to_owned()),
                continues: self.continues,
            }),
        }
    }
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

    fn walk(lines: &[String], noted: Option<&str>) -> Result<Verified, Fault> {
        let mut walk = Walk::new(noted);
        walk.follow(lines.concat().as_bytes())?;
        walk.finish()
    }

    fn told(lines: &[String], noted: Option<&str>) -> String {
        match walk(lines, noted) {
            Ok(verified) => format!("{} records", verified.records),
            Err(fault) => fault.to_string(),
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
        let noted = walk(&lines, None).expect("whole").last;
        assert_eq!(told(&lines, Some(&noted)), "3 records");
        assert!(told(&lines[..2], Some(&noted)).contains("was cut off"));
        assert_eq!(told(&lines[..2], None), "2 records", "the chain alone can't show it");
    }
}
