//! What can be wrong with a line.

use alloc::string::String;

use thiserror::Error;

/// A line that is no route.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {}, column {column}: {reason}", line + 1)]
pub struct LineError {
    /// Which line, from 0.
    pub line: usize,
    /// Which character of it, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// A line leads nowhere.
    #[error("expected \"-> target\"")]
    NoTarget,
    /// A character that no pattern has.
    #[error("{0:?} is no part of a pattern: 0-9 + * # X Z N [..] and a final . or !")]
    Pattern(char),
    /// Something other was expected here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// An attribute that isn't known.
    #[error("unknown attribute {0:?}; known are caller, from, priority")]
    UnknownAttribute(String),
    /// A target that isn't known.
    #[error("unknown target {0:?}; known are ivr, account, again, trunk:NAME, refuse(CAUSE), app:STEP,…")]
    UnknownTarget(String),
    /// A step that isn't known.
    #[error(
        "unknown step {0:?}; known are answer, echo, ring(2s), silence(500ms), tone(1kHz), quality, digits(zh)"
    )]
    UnknownStep(String),
    /// Given twice.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// More than there may be.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}
