//! One sitting of a meeting, from the first who came in to the last whose leg is over, for its record (REL-5).

use std::collections::BTreeMap;

use terms::{LegId, MeetingId, TenantId, WallTime, media::Quality};

use crate::event::{MediaSummary, MeetingRecord};

/// The sittings that go on.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Legs that were in, whose own record has not come yet.
    by_leg: BTreeMap<LegId, MeetingId>,
    open: BTreeMap<MeetingId, Session>,
}

#[derive(Debug)]
struct Session {
    tenant: TenantId,
    began: WallTime,
    legs: u32,
    /// Of those, how many are not over.
    open_legs: u32,
    most_at_once: usize,
    media: MediaSummary,
}

impl Sessions {
    /// A leg came in, and there are `inside` now.
    pub(super) fn on_in(
        &mut self,
        now: WallTime,
        leg: LegId,
        (meeting, tenant, inside): (MeetingId, &TenantId, usize),
    ) {
        let session = self.open.entry(meeting).or_insert_with(|| Session {
            tenant: tenant.clone(),
            began: now,
            legs: 0,
            open_legs: 0,
            most_at_once: 0,
            media: MediaSummary::default(),
        });
        session.most_at_once = session.most_at_once.max(inside);
        if self.by_leg.insert(leg, meeting).is_none() {
            session.legs += 1;
            session.open_legs += 1;
        }
    }

    /// A leg is over; yields the record of its meeting if it was the last one's.
    pub(super) fn on_over(
        &mut self,
        now: WallTime,
        leg: LegId,
        quality: Option<&Quality>,
    ) -> Option<MeetingRecord> {
        let meeting = self.by_leg.remove(&leg)?;
        let session = self.open.get_mut(&meeting)?;
        session.open_legs -= 1;
        if let Some(quality) = quality {
            session.media.add(quality);
        }
        if session.open_legs > 0 {
            return None;
        }
        let Session { tenant, began, legs, most_at_once, media, .. } = self.open.remove(&meeting)?;
        Some(MeetingRecord { meeting, tenant, began, ended: now, legs, most_at_once, media })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> WallTime {
        WallTime::from_unix_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn rel_5_a_sitting_lasts_from_the_first_leg_to_the_last_and_is_recorded_once() {
        let mut sessions = Sessions::default();
        let (meeting, tenant) = ("900100001".parse().expect("digits"), TenantId::from("demo"));
        let enter = |sessions: &mut Sessions, second, leg, inside| {
            sessions.on_in(at(second), LegId(leg), (meeting, &tenant, inside));
        };
        enter(&mut sessions, 10, 1, 1);
        enter(&mut sessions, 20, 2, 2);
        enter(&mut sessions, 21, 2, 2);
        let quality = |lost, jitter_ms| Quality {
            packets_received: 100 - lost,
            packets_lost: lost,
            jitter_ms,
            ..Quality::default()
        };
        assert_eq!(sessions.on_over(at(30), LegId(7), None), None, "it was never in");
        assert_eq!(sessions.on_over(at(30), LegId(1), Some(&quality(10, 2.0))), None);
        enter(&mut sessions, 35, 3, 2);
        assert_eq!(sessions.on_over(at(40), LegId(3), Some(&quality(0, 9.0))), None);
        let record = sessions.on_over(at(50), LegId(2), None).expect("the last one");
        assert_eq!((record.began, record.ended), (at(10), at(50)));
        assert_eq!((record.legs, record.most_at_once), (3, 2));
        let MediaSummary { packets_received, packets_lost, worst_loss_percent, worst_jitter_ms } =
            record.media;
        assert_eq!((packets_received, packets_lost), (190, 10));
        assert_eq!((worst_loss_percent, worst_jitter_ms), (10.0, 9.0));
        assert_eq!(sessions.on_over(at(60), LegId(2), None), None);
        enter(&mut sessions, 70, 4, 1);
        assert_eq!(sessions.on_over(at(80), LegId(4), None).map(|record| record.began), Some(at(70)));
    }
}
