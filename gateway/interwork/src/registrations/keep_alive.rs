//! Devices behind a translator of addresses get an OPTIONS now and then, whose answer keeps their way open (ROOM-1).
//!
//! All accounts are gone through once within the pause, some of them each second, so that there is never a burst.

use std::time::Duration;

use sip::{
    endpoint::Hop,
    registrar::{Binding, Locations},
    wire::{Host, Uri},
};
use terms::{AccountName, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// RFC 3261 §19.1.2.
const USUAL_PORT: u16 = 5060;

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    /// Between two to the same device; zero: there are none.
    pause: Duration,
    next: Instant,
    /// When the first account was looked at.
    began: Instant,
    /// The account that was looked at last; all have been: `None`.
    last: Option<AccountName>,
}

impl KeepAlive {
    pub(super) const fn configure(&mut self, pause: Duration) {
        self.pause = pause;
    }

    pub(super) fn poll_timeout(&self, locations: &Locations) -> Option<Instant> {
        (!self.pause.is_zero() && !locations.is_empty()).then_some(self.next)
    }

    /// Who gets one now.
    pub(super) fn due(&mut self, now: Instant, locations: &Locations) -> Vec<(Hop, Uri)> {
        if self.poll_timeout(locations).is_none_or(|next| now < next) {
            return Vec::new();
        }
        if self.last.is_none() {
            self.began = now;
        }
        let seconds = usize::try_from(self.pause.as_secs()).unwrap_or(usize::MAX).max(1);
        let share = locations.accounts().div_ceil(seconds);
        let accounts: Vec<_> = locations.accounts_behind(self.last.as_ref()).take(share).cloned().collect();
        self.last = accounts.last().filter(|_| accounts.len() == share).cloned();
        self.next =
            if self.last.is_some() { now + SECOND } else { (self.began + self.pause).max(now + SECOND) };
        let bindings = accounts.iter().flat_map(|account| locations.bindings(account));
        bindings
            .filter(|binding| is_wanted_by(binding))
            .map(|binding| (binding.source, binding.contact.uri.clone()))
            .collect()
    }
}

/// A device that keeps its own flow (RFC 5626 §4.4) needs none, and behind a proxy that is the proxy's own matter. Who is seen
/// where it says to be is behind no translator.
fn is_wanted_by(binding: &Binding) -> bool {
    let (uri, seen) = (&binding.contact.uri, binding.source.destination);
    let host = match seen.ip().to_canonical() {
        std::net::IpAddr::V4(address) => Host::V4(address),
        std::net::IpAddr::V6(address) => Host::V6(address),
    };
    let is_there = uri.host() == Some(host) && uri.port().unwrap_or(USUAL_PORT) == seen.port();
    binding.flow.is_none() && binding.path.is_empty() && !is_there
}
