//! The months by which the journal's files are named.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use terms::WallTime;
use time::OffsetDateTime;

/// A month of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Month {
    year: u32,
    /// 1 to 12.
    month: u32,
}

impl Month {
    /// The month that a time is in.
    pub fn of(time: WallTime) -> Self {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.as_unix_nanos()));
        let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self { year: u32::try_from(moment.year()).unwrap_or(0), month: u32::from(u8::from(moment.month())) }
    }

    /// The month of a file of the journal.
    pub(super) fn of_file_name(name: &str) -> Option<Self> {
        name.strip_prefix("records-")?.strip_suffix(".jsonl")?.parse().ok()
    }

    pub(super) fn file_name(self) -> String {
        format!("records-{self}.jsonl")
    }

    /// How many months later `other` is; none where it is earlier.
    pub(super) const fn months_until(self, other: Self) -> u32 {
        (other.year * 12 + other.month).saturating_sub(self.year * 12 + self.month)
    }
}

/// It is written otherwise: `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAMonth;

impl fmt::Display for NotAMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write year and month, such as 2026-11")
    }
}

impl std::error::Error for NotAMonth {}

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let (year, month) = text.split_once('-').ok_or(NotAMonth)?;
        if (year.len(), month.len()) != (4, 2) {
            return Err(NotAMonth);
        }
        let (year, month) = (year.parse().map_err(|_| NotAMonth)?, month.parse().map_err(|_| NotAMonth)?);
        if (1..=12).contains(&month) { Ok(Self { year, month }) } else { Err(NotAMonth) }
    }
}

impl TryFrom<String> for Month {
    type Error = NotAMonth;

    fn try_from(text: String) -> Result<Self, NotAMonth> {
        text.parse()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}
