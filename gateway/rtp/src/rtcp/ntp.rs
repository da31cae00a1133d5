//! The two NTP forms of RTCP (RFC 3550 §4).

use core::time::Duration;

use terms::WallTime;

/// RFC 3550 §4: seconds since 1900 with 32 bits of fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ntp(pub u64);

impl Ntp {
    /// RFC 3550 §4: the middle 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "the middle 32 bits are what is meant")]
    pub const fn compact(self) -> CompactNtp {
        CompactNtp((self.0 >> 16) as u32)
    }
}

impl From<WallTime> for Ntp {
    fn from(wall: WallTime) -> Self {
        Self(wall.as_ntp())
    }
}

/// RFC 3550 §4: the middle 32 bits of an NTP time, in 65,536ths of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactNtp(pub u32);

impl CompactNtp {
    /// No time: no report came yet.
    pub const NONE: Self = Self(0);

    /// A span of time; the longest that fits, if it is longer than that (18 h).
    pub fn from_duration(span: Duration) -> Self {
        let units = (span.as_nanos() << 16) / 1_000_000_000;
        Self(u32::try_from(units).unwrap_or(u32::MAX))
    }

    /// As a span of time.
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos((self.0 as u64 * 1_000_000_000) >> 16)
    }
}
