//! Keys that come to us outside of the media and leave in it, as telephone events (RFC 4733).
//!
//! ```text
//!   tick    1 2 3 4 5 6 7   8 9 10   11 …
//!           event, its end  sound    the next key
//! ```

use std::{collections::VecDeque, time::Duration};

use rtp::{
    Timestamp,
    telephone_event::{self, Outgoing},
};
use terms::Digit;

/// As most phones do.
const LENGTH: Duration = Duration::from_millis(100);
/// Between two keys, so that the same one twice is two.
const PAUSE_TICKS: u8 = 3;
/// Keys that wait; more are lost: nobody presses so fast.
const MOST: usize = 32;

/// The keys of one peer that are to be told.
#[derive(Debug, Default)]
pub(crate) struct Presses {
    waiting: VecDeque<Digit>,
    down: Option<telephone_event::Sender>,
    pause: u8,
}

impl Presses {
    pub(crate) fn add(&mut self, digit: Digit) {
        if self.waiting.len() < MOST {
            self.waiting.push_back(digit);
        }
    }

    /// Whether an event is under way: nothing else is sent meanwhile (RFC 4733 §2.2: it stands for the sound).
    pub(crate) const fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Whether all were told.
    pub(crate) fn is_over(&self) -> bool {
        self.down.is_none() && self.waiting.is_empty()
    }

    /// Whether an event begins in this tick.
    pub(crate) fn begins(&self) -> bool {
        self.down.is_none() && self.pause == 0 && !self.waiting.is_empty()
    }

    /// What is told in this tick, which begins at `timestamp`.
    pub(crate) fn tick(&mut self, timestamp: Timestamp) -> Option<Outgoing> {
        if let Some(down) = &mut self.down {
            let event = down.next();
            if event.is_some() {
                return event;
            }
            (self.down, self.pause) = (None, PAUSE_TICKS);
        }
        if let Some(left) = self.pause.checked_sub(1) {
            self.pause = left;
            return None;
        }
        let digit = self.waiting.pop_front()?;
        self.down.insert(telephone_event::Sender::new(digit, timestamp, LENGTH)).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digit(key: char) -> Digit {
        key.try_into().expect("a key")
    }

    /// What is told tick by tick: the timestamp of the event, or none.
    fn told(presses: &mut Presses, ticks: u32) -> Vec<Option<u32>> {
        (0..ticks).map(|tick| presses.tick(Timestamp(tick * 160)).map(|event| event.timestamp.0)).collect()
    }

    #[test]
    fn rfc4733_two_keys_are_two_events_with_sound_between_them() {
        let mut presses = Presses::default();
        presses.add(digit('7'));
        presses.add(digit('7'));
        let ticks = told(&mut presses, 20);
        let expected: Vec<Option<u32>> = [(Some(0), 7), (None, 3), (Some(10 * 160), 7), (None, 3)]
            .into_iter()
            .flat_map(|(event, ticks)| vec![event; ticks])
            .collect();
        assert_eq!(ticks, expected);
        assert!(presses.is_over());
    }

    #[test]
    fn keys_beyond_the_bound_are_lost() {
        let mut presses = Presses::default();
        (0..MOST + 5).for_each(|_| presses.add(digit('1')));
        let events = told(&mut presses, 1_000).iter().flatten().count();
        assert_eq!(events, MOST * 7);
    }
}
