//! A leg's media lines, in the order that its peer first named them.

use alloc::string::String;
use serde::{Deserialize, Serialize};

use crate::id::PortId;

/// What a media line carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaKind {
    /// Speech.
    Audio,
    /// Pictures of people.
    Video,
    /// The second video, of a shared screen (RFC 4796 `slides`, H.239).
    Slides,
    /// Floor control (RFC 8855).
    Bfcp,
    /// Far-end camera control (H.224).
    CameraControl,
    /// Anything else: kept in its place and refused.
    Unknown(String),
}

/// Who sends, seen from us (RFC 3264 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Both.
    SendReceive,
    /// We only.
    SendOnly,
    /// The peer only.
    ReceiveOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// Whether we send.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    /// Whether the peer sends.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }

    /// The same line seen from the other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::ReceiveOnly,
            Self::ReceiveOnly => Self::SendOnly,
            both @ (Self::SendReceive | Self::Inactive) => both,
        }
    }
}

/// One media line of a leg. Refused lines stay in their place (RFC 3264 §6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaLine {
    /// What it carries.
    pub kind: MediaKind,
    /// Its protocol as it was written, such as `RTP/SAVP`.
    #[serde(default)]
    pub protocol: String,
    /// Who sends.
    pub direction: Direction,
    /// What became of it.
    pub state: LineState,
}

/// What became of a media line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineState {
    /// The peer offered it with port 0: it wants none, or no longer (RFC 3264 §8.2).
    Unwanted,
    /// Answered with port 0.
    Refused,
    /// It has this port of ours.
    Open(PortId),
}
