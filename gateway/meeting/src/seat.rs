//! The right to speak and hear in one mix.

use terms::{MeetingTag, media::SampleRate};

/// A place in one mix, given out by that mix alone. It can't be copied: who holds it is in.
#[derive(Debug, PartialEq, Eq)]
pub struct Seat {
    pub(crate) tag: MeetingTag,
    pub(crate) rate: SampleRate,
    pub(crate) index: usize,
    /// Tells this sitting from an earlier one at the same index.
    pub(crate) sitting: u64,
}

impl Seat {
    /// The rate that its holder speaks and listens at.
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// The meeting and the lease under which the seat was given.
    pub const fn tag(&self) -> MeetingTag {
        self.tag
    }
}

/// ISO-2: something of one meeting was handed to another. It was refused; count it as a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign;

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it belongs to another meeting")
    }
}

impl std::error::Error for Foreign {}
