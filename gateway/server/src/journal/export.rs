//! Records for others: CSV for sheets, JSON lines for programs (REL-5).

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Write},
    path::PathBuf,
};

use serde_json::{Map, Value};
use terms::WallTime;
use thiserror::Error;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Line, MAX_LINE, Month, Opening};

/// What times are called in records.
const TIMES: [&str; 6] = ["arrived", "early_media", "answered", "joined", "began", "ended"];

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line of names, then a line each; what a record does not have is empty (RFC 4180).
    Csv,
    /// One JSON object a line.
    Json,
}

/// Which records are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `leg` or `meeting` alone.
    pub kind: Option<String>,
    /// From this month on.
    pub from: Option<Month>,
    /// Up to this month.
    pub to: Option<Month>,
}

/// Why records can't be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A file can't be read, or what is written goes nowhere.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A line is none of ours.
    #[error("{}: line {line}: not a record: {source}; verify-cdr tells more", file.display())]
    NotARecord {
        /// In which file.
        file: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// The CSV can't be written.
    #[error("{0}")]
    Csv(#[from] csv::Error),
}

/// Writes the records of `files`, oldest first. Times are UTC (RFC 3339).
pub fn export(
    files: &[PathBuf],
    (format, filter): (Format, Filter),
    out: &mut impl Write,
) -> Result<(), ExportError> {
    match format {
        Format::Json => for_each(files, &filter, |record| {
            serde_json::to_writer(&mut *out, &record).map_err(io::Error::from)?;
            Ok(out.write_all(b"\n")?)
        }),
        Format::Csv => {
            // Records of two kinds have one table: its columns are known only after all were seen.
            let mut columns: Vec<String> = Vec::new();
            for_each(files, &filter, |record| {
                let fresh = flat(record).into_iter().map(|(name, _)| name);
                let fresh: Vec<_> = fresh.filter(|name| !columns.contains(name)).collect();
                columns.extend(fresh);
                Ok(())
            })?;
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record(&columns)?;
            for_each(files, &filter, |record| {
                let cells = flat(record);
                let cell = |name: &String| cells.iter().find(|(other, _)| other == name);
                let row = columns.iter().map(|name| cell(name).map_or("", |(_, text)| text));
                Ok(writer.write_record(row)?)
            })?;
            Ok(writer.flush()?)
        }
    }
}

fn for_each(
    files: &[PathBuf],
    filter: &Filter,
    mut take: impl FnMut(Map<String, Value>) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    for file in files {
        let mut reader = BufReader::new(File::open(file)?);
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            // An end that is being written at this moment is no record yet.
            if !text.ends_with(b"\n") {
                break;
            }
            let not_a_record = |source| ExportError::NotARecord { file: file.clone(), line, source };
            let read: Line = serde_json::from_slice(&text).map_err(not_a_record)?;
            if serde_json::from_str::<Opening>(read.record.get()).is_ok() {
                continue;
            }
            let mut record: Map<String, Value> =
                serde_json::from_str(read.record.get()).map_err(not_a_record)?;
            if filter.wants(&record) {
                tell_times(&mut record);
                take(record)?;
            }
        }
    }
    Ok(())
}

impl Filter {
    fn wants(&self, record: &Map<String, Value>) -> bool {
        let kind = record.get("kind").and_then(Value::as_str);
        let ended = record.get("ended").and_then(Value::as_u64);
        let month = ended.map(|nanos| Month::of(WallTime::from_unix_nanos(nanos)));
        let is_within =
            |month| self.from.is_none_or(|from| month >= from) && self.to.is_none_or(|to| month <= to);
        self.kind.as_deref().is_none_or(|wanted| kind == Some(wanted)) && month.is_none_or(is_within)
    }
}

fn tell_times(record: &mut Map<String, Value>) {
    for name in TIMES {
        let nanos = record.get(name).and_then(Value::as_u64);
        let moment =
            nanos.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos)).ok());
        if let Some(text) = moment.and_then(|moment| moment.format(&Rfc3339).ok()) {
            record.insert(name.to_owned(), Value::String(text));
        }
    }
}

/// The cells of a record; what is inside another is named after it, `quality.packets_lost`.
fn flat(record: Map<String, Value>) -> Vec<(String, String)> {
    let mut cells = Vec::new();
    flatten("", Value::Object(record), &mut cells);
    cells
}

/// What a peer wrote is no formula of the sheet that it comes into. A number with its + is none.
fn as_text(text: String) -> String {
    let is_number = text.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if text.starts_with(['=', '@', '-', '+', '\t', '\r']) && !is_number { format!("'{text}") } else { text }
}

fn flatten(name: &str, value: Value, cells: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let below = if name.is_empty() { key } else { format!("{name}.{key}") };
                flatten(&below, value, cells);
            }
        }
        Value::Null => cells.push((name.to_owned(), String::new())),
        Value::String(text) => cells.push((name.to_owned(), as_text(text))),
        other => cells.push((name.to_owned(), other.to_string())),
    }
}
