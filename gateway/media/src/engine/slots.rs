//! The worker's address pairs, and what each is used for.

use std::net::SocketAddr;

use terms::{Instant, PortId, ZoneName, media::Sources};

use super::SlotId;
use crate::{
    port::Port,
    range::{Pool, Quarantine, Range},
    schedule::{Pace, Schedule},
};

/// What a pair is used for.
#[derive(Debug)]
pub(crate) enum Slot {
    /// Never used.
    Unbound,
    /// The driver is binding it for a port.
    Binding(Binding),
    /// A port has it.
    Used(Box<Port>),
    /// In quarantine, or rested: bound, and nobody's.
    Resting(Resting),
    /// Bound for a port that was closed meanwhile: nobody has sent to it.
    Free,
}

/// A port that waits for its pair.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    /// Which.
    pub(crate) port: PortId,
    /// From where it will take media.
    pub(crate) sources: Sources,
    /// How many pairs were tried before.
    pub(crate) failures: u8,
}

/// A pair whose port is closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resting {
    /// Whose late packets make it rest on.
    peer: Option<SocketAddr>,
    closed: Instant,
    until: Instant,
}

#[derive(Debug)]
struct Zone {
    range: Range,
    pool: Pool,
    /// The slot of the range's first pair.
    base: u32,
}

/// All pairs of all ranges.
#[derive(Debug)]
pub(crate) struct Slots {
    zones: Vec<Zone>,
    slots: Vec<Slot>,
}

/// Why no pair was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSlot {
    NoSuchZone,
    Exhausted,
}

impl Slots {
    pub(crate) fn new(ranges: Vec<Range>, quarantine: Quarantine) -> Self {
        let mut base = 0;
        let zones = ranges.into_iter().map(|range| {
            let pool = Pool::new(&range, quarantine);
            let zone = Zone { base, pool, range };
            base += u32::from(zone.range.pairs);
            zone
        });
        Self { zones: zones.collect(), slots: Vec::new() }
    }

    pub(crate) fn get_mut(&mut self, slot: SlotId) -> Option<&mut Slot> {
        self.slots.get_mut(index(slot))
    }

    pub(crate) fn port(&self, slot: SlotId) -> Option<&Port> {
        match self.slots.get(index(slot)) {
            Some(Slot::Used(port)) => Some(port),
            _ => None,
        }
    }

    pub(crate) fn port_mut(&mut self, slot: SlotId) -> Option<&mut Port> {
        match self.slots.get_mut(index(slot)) {
            Some(Slot::Used(port)) => Some(port),
            _ => None,
        }
    }

    /// How often a port is due from here on, unless it is so with its room.
    pub(crate) fn set_pace(&mut self, slot: SlotId, pace: Pace, schedule: &mut Schedule) {
        if let Some(port) = self.port_mut(slot).filter(|port| port.pace != pace) {
            port.pace = pace;
            if let Some(phase) = port.phase {
                schedule.set_pace(phase, slot, pace);
            }
        }
    }

    /// Takes a pair of a zone; the second value tells whether the driver has bound it before.
    pub(crate) fn take(&mut self, now: Instant, zone: &ZoneName) -> Result<(SlotId, Bound), NoSlot> {
        let mut ranges = self.zones.iter_mut().filter(|other| other.range.zone == *zone).peekable();
        ranges.peek().ok_or(NoSlot::NoSuchZone)?;
        let taken = ranges.find_map(|range| Some(SlotId(range.base + u32::from(range.pool.take(now)?))));
        let slot = taken.ok_or(NoSlot::Exhausted)?;
        self.reach(slot);
        let bound = match self.slots[index(slot)] {
            Slot::Resting(_) | Slot::Free => Bound::Already,
            Slot::Unbound | Slot::Binding(_) | Slot::Used(_) => Bound::NotYet,
        };
        Ok((slot, bound))
    }

    /// Of the range that has least to give, how many pairs of a hundred can't be taken now.
    pub(crate) fn taken_percent(&mut self, now: Instant) -> u8 {
        self.zones.iter_mut().map(|zone| zone.pool.taken_percent(now)).max().unwrap_or(0)
    }

    /// Takes the pair whose RTP half is `rtp`.
    pub(crate) fn take_exactly(&mut self, rtp: SocketAddr) -> Option<SlotId> {
        let zone = self.zones.iter_mut().find(|zone| {
            let range = &zone.range;
            let span = u32::from(range.first)..u32::from(range.first) + 2 * u32::from(range.pairs);
            range.address == rtp.ip() && span.contains(&u32::from(rtp.port()))
        })?;
        let pair = (rtp.port() - zone.range.first) / 2;
        zone.pool.take_exactly(pair);
        let slot = SlotId(zone.base + u32::from(pair));
        self.reach(slot);
        Some(slot)
    }

    pub(crate) fn put(&mut self, slot: SlotId, state: Slot) {
        if let Some(place) = self.slots.get_mut(index(slot)) {
            *place = state;
        }
    }

    /// Takes the port off its pair, which begins to rest.
    pub(crate) fn close(&mut self, now: Instant, slot: SlotId) -> Option<Box<Port>> {
        let (zone, pair) = self.zone_of(slot)?;
        let until = zone.pool.rest(now, pair);
        let place = self.slots.get_mut(index(slot))?;
        match std::mem::replace(place, Slot::Free) {
            Slot::Used(port) => {
                *place = Slot::Resting(Resting { peer: port.peer(), closed: now, until });
                Some(port)
            }
            other => {
                *place = other;
                None
            }
        }
    }

    /// The pair can't be had; it is left alone for a while.
    pub(crate) fn avoid(&mut self, now: Instant, slot: SlotId) {
        if let Some((zone, pair)) = self.zone_of(slot) {
            zone.pool.avoid(now, pair);
            self.put(slot, Slot::Unbound);
        }
    }

    /// ISO-3: only the old peer's late packets make a pair rest on.
    pub(crate) fn on_late_packet(&mut self, now: Instant, slot: SlotId, source: SocketAddr) {
        let Some(Slot::Resting(resting)) = self.slots.get(index(slot)) else { return };
        let resting = *resting;
        if resting.peer != Some(source) {
            return;
        }
        if let Some((zone, pair)) = self.zone_of(slot) {
            let until = zone.pool.rest_on(now, pair, resting.until, resting.closed);
            self.put(slot, Slot::Resting(Resting { until, ..resting }));
        }
    }

    /// The zone that a pair is of.
    pub(crate) fn zone_name(&self, slot: SlotId) -> Option<ZoneName> {
        Some(self.zones.iter().rev().find(|zone| zone.base <= slot.0)?.range.zone.clone())
    }

    pub(crate) fn rtp(&self, slot: SlotId) -> Option<SocketAddr> {
        self.addresses(slot).map(|(rtp, _)| rtp)
    }

    pub(crate) fn addresses(&self, slot: SlotId) -> Option<(SocketAddr, SocketAddr)> {
        let zone = self.zones.iter().rev().find(|zone| zone.base <= slot.0)?;
        let pair = u16::try_from(slot.0 - zone.base).ok()?;
        Some((zone.range.rtp(pair), zone.range.rtcp(pair)))
    }

    fn zone_of(&mut self, slot: SlotId) -> Option<(&mut Zone, u16)> {
        let zone = self.zones.iter_mut().rev().find(|zone| zone.base <= slot.0)?;
        let pair = u16::try_from(slot.0 - zone.base).ok()?;
        Some((zone, pair))
    }

    fn reach(&mut self, slot: SlotId) {
        while self.slots.len() <= index(slot) {
            self.slots.push(Slot::Unbound);
        }
    }
}

/// Whether the driver has a pair bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Already,
    NotYet,
}

const fn index(slot: SlotId) -> usize {
    slot.0 as usize
}
