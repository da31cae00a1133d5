//! Who made it, and which one it is.

use alloc::string::String;
use core::{fmt, num::NonZeroU64, str::FromStr};
use serde::{Deserialize, Serialize};

/// A node of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u16);

/// A control shard of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardId(pub u8);

/// Counts the starts of a node, so that nothing made before a crash is taken for our own again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BootEpoch(pub u32);

/// Stands in every tag, branch, Contact user and call identifier that we make: any node can tell
/// from it who owns a dialog. Printed as `1.0.2a` (node, shard, boot; hexadecimal), a SIP token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The node.
    pub node: NodeId,
    /// Its shard.
    pub shard: ShardId,
    /// The node's start.
    pub boot: BootEpoch,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}.{:x}", self.node.0, self.shard.0, self.boot.0)
    }
}

/// The text is not an [`Origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let mut parts = text.split('.');
        let mut next = || parts.next().and_then(|part| u32::from_str_radix(part, 16).ok()).ok_or(NotAnOrigin);
        let origin = Self {
            node: NodeId(u16::try_from(next()?).map_err(|_| NotAnOrigin)?),
            shard: ShardId(u8::try_from(next()?).map_err(|_| NotAnOrigin)?),
            boot: BootEpoch(next()?),
        };
        if parts.next().is_some() { Err(NotAnOrigin) } else { Ok(origin) }
    }
}

/// A call: one or two legs and what joins them. Unique within an [`Origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// One side of a call. Unique within an [`Origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId(pub u64);

/// A media worker of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId(pub u8);

/// A media port: one RTP and RTCP pair, on one worker for life. Named by who asks for it, so that
/// commands can follow at once; never given twice within a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortId {
    /// The worker that owns it.
    pub worker: WorkerId,
    /// The how-manieth of this boot.
    pub serial: u64,
}

/// Fences media: of two leases of a terminal, the higher epoch holds (ISO-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseEpoch(pub u64);

/// A meeting's number as callers key it: 1 to 18 digits, leading zeros kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeetingId(
    /// The digits read as a decimal number behind a leading 1.
    NonZeroU64,
);

/// The text is not 1 to 18 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAMeetingId;

impl fmt::Display for NotAMeetingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a meeting ID has 1 to 18 digits")
    }
}

impl core::error::Error for NotAMeetingId {}

impl FromStr for MeetingId {
    type Err = NotAMeetingId;

    fn from_str(text: &str) -> Result<Self, NotAMeetingId> {
        if !(1..=18).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAMeetingId);
        }
        let behind_one = text.bytes().fold(1, |number, byte| number * 10 + u64::from(byte - b'0'));
        NonZeroU64::new(behind_one).map(Self).ok_or(NotAMeetingId)
    }
}

impl fmt::Display for MeetingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.ilog10();
        let width = usize::try_from(digits).unwrap_or(0);
        write!(f, "{:0width$}", self.0.get() - 10_u64.pow(digits))
    }
}

impl fmt::Debug for MeetingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeetingId({self})")
    }
}

impl Serialize for MeetingId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MeetingId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whose media it is: every port, key, mix and report carries one (ISO-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MeetingTag {
    /// The meeting that the media belongs to.
    pub meeting: MeetingId,
    /// The terminal's lease on that meeting.
    pub epoch: LeaseEpoch,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_meeting_id_keeps_its_leading_zeros() {
        for text in ["0", "9", "000", "900100001", "012345678", "999999999999999999"] {
            assert_eq!(text.parse::<MeetingId>().map(|id| id.to_string()), Ok(text.to_string()));
        }
        for text in ["", "1234567890123456789", "12a", "+86", "１２"] {
            assert_eq!(text.parse::<MeetingId>(), Err(NotAMeetingId), "{text}");
        }
    }

    #[test]
    fn an_origin_reads_what_it_prints() {
        let origin = Origin { node: NodeId(0x1f), shard: ShardId(3), boot: BootEpoch(0xdead_beef) };
        assert_eq!(origin.to_string(), "1f.3.deadbeef");
        assert_eq!(origin.to_string().parse(), Ok(origin));
        for text in ["", "1.2", "1.2.3.4", "1.100.3", "10000.0.0", "x.y.z"] {
            assert_eq!(text.parse::<Origin>(), Err(NotAnOrigin), "{text}");
        }
    }
}
