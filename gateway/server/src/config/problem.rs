//! What is wrong with a configuration file: where, what, and what to do.

use std::fmt;

use serde::Serialize;

/// Where in the configuration a value stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In a file, on this line.
    Line {
        /// Which file.
        file: String,
        /// Counted from 1; 0 is the file as a whole.
        line: usize,
    },
    /// On the command line.
    Override,
}

/// One thing wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// The dotted name of the key or section, as `--set` takes it.
    pub key: String,
    /// What is wrong and what to write in its place.
    pub message: String,
}

/// Everything that is wrong with a configuration, told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// In the order of the file; what is wrong with files that it names comes after its own.
    pub found: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.found {
            match &problem.place {
                Place::Line { file, line: 0 } => write!(f, "{file}: ")?,
                Place::Line { file, line } => write!(f, "{file}:{line}: ")?,
                Place::Override => f.write_str("--set: ")?,
            }
            if !problem.key.is_empty() {
                write!(f, "{}: ", problem.key)?;
            }
            writeln!(f, "{}", problem.message)?;
        }
        match self.found.len() {
            1 => f.write_str("1 problem; nothing was changed"),
            count => write!(f, "{count} problems; nothing was changed"),
        }
    }
}

impl std::error::Error for Problems {}
