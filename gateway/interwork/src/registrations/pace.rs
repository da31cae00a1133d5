//! Devices that register too often are slowed, never banned (ROOM-3).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use terms::{AccountName, Instant};

/// What an account may register at once: all the flows of some devices after a restart.
const BURST: u32 = 10;
/// One more each.
const REFILL: Duration = Duration::from_secs(2);
/// The longest that an answer is held back; whoever would have to wait longer is told when to come again.
const PATIENCE: Duration = Duration::from_secs(4);
/// Accounts that are remembered: those that registered within the last `BURST * REFILL`.
const MOST: usize = 131_072;

/// When a device may have its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// At once.
    Now,
    /// Then.
    Later(Instant),
    /// It has to come again, after so long.
    Again(Duration),
}

/// How fast each account registers: by the virtual time at which it will have used up nothing.
#[derive(Debug, Default)]
pub(super) struct Pace {
    empty_at: BTreeMap<AccountName, Instant>,
    by_time: BTreeSet<(Instant, AccountName)>,
}

impl Pace {
    pub(super) fn take(&mut self, now: Instant, account: &AccountName) -> Turn {
        self.forget_idle(now);
        let empty_at = self.empty_at.get(account).copied().unwrap_or(now).max(now);
        let ahead = empty_at.since(now);
        let wait = (ahead + REFILL).saturating_sub(REFILL * BURST);
        if wait > PATIENCE {
            return Turn::Again(wait);
        }
        self.forget(account);
        self.empty_at.insert(account.clone(), empty_at + REFILL);
        self.by_time.insert((empty_at + REFILL, account.clone()));
        if wait.is_zero() { Turn::Now } else { Turn::Later(now + wait) }
    }

    pub(super) fn forget(&mut self, account: &AccountName) {
        if let Some(at) = self.empty_at.remove(account) {
            self.by_time.remove(&(at, account.clone()));
        }
    }

    /// Who has used up nothing is as good as new.
    fn forget_idle(&mut self, now: Instant) {
        while self.by_time.first().is_some_and(|(at, _)| *at <= now) || self.by_time.len() >= MOST {
            let Some((_, account)) = self.by_time.pop_first() else { return };
            self.empty_at.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_3_a_burst_passes_then_answers_are_late_and_beyond_that_refused_and_nobody_is_banned() {
        let (mut pace, now) = (Pace::default(), Instant::from_nanos(1));
        let account = AccountName::from("1001");
        let turns: Vec<Turn> = (0..14).map(|_| pace.take(now, &account)).collect();
        assert!(turns[..10].iter().all(|turn| *turn == Turn::Now), "{turns:?}");
        let later = [now + REFILL, now + 2 * REFILL].map(Turn::Later);
        assert_eq!(turns[10..], [later[0], later[1], Turn::Again(3 * REFILL), Turn::Again(3 * REFILL)]);
        assert_eq!(pace.take(now, &"1002".into()), Turn::Now);
        // Six seconds later it is its turn, and who keeps to its pace never waits.
        let mut at = now + 3 * REFILL;
        assert_eq!(pace.take(at, &account), Turn::Now);
        for _ in 0..100 {
            at += REFILL;
            assert_eq!(pace.take(at, &account), Turn::Now);
        }
        pace.take(at + 60 * REFILL, &"1003".into());
        assert_eq!(pace.empty_at.len(), 1, "those that are idle are forgotten");
    }
}
