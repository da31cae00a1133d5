//! Who answers probes.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac};
use sha1::Sha1;
use terms::Instant;

use crate::{
    meter::Meter,
    wire::{Cookie, Kind, Malformed, Packet, write_media},
};

/// A cookie is good in the slot that it was given in and in the next.
const SLOT_SECONDS: u64 = 60;
/// Sources and cookies that are kept apart; what falls together shares a bound.
const PLACES: usize = 1_024;
/// A cookie that was not shown for so long leaves its tally to another.
const TALLY_RESTS: std::time::Duration = std::time::Duration::from_secs(5);

/// How much is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Questions of all sources a second, those for a cookie and those with one apart.
    pub per_second: u32,
    /// Of one address, or of one /64 of IPv6.
    pub per_source: u32,
}

impl Default for Settings {
    /// One source may send video (4 Mb/s are 417 packets of 1200 octets a second), four at once.
    fn default() -> Self {
        Self { per_second: 2_000, per_source: 500 }
    }
}

/// With what a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// A cookie.
    Cookie,
    /// Its echo, or the count of them.
    Echo,
}

/// Why nothing is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// It is no packet.
    Malformed(Malformed),
    /// It is an answer: two who answer each other's answers never end.
    Answer,
    /// There were too many.
    Limited,
}

/// How often what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Cookies given.
    pub cookies: u64,
    /// Echoes and counts.
    pub echoes: u64,
    /// Too many, not answered.
    pub limited: u64,
    /// No questions, not answered.
    pub malformed: u64,
}

/// Whether a question is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Within,
    Beyond,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    cookie: Cookie,
    received: u32,
    limited: u32,
    shown: Instant,
}

/// Answers questions. What it remembers never grows.
#[derive(Debug)]
pub struct Responder {
    settings: Settings,
    key: Hmac<Sha1>,
    asked: Meter,
    echoed: Meter,
    sources: Box<[Meter]>,
    tallies: Box<[Tally]>,
    counted: Counted,
}

impl Responder {
    /// With a key that nobody else knows.
    pub fn new(settings: Settings, key: [u8; 32]) -> Self {
        Self {
            settings,
            key: Hmac::new_from_slice(&key).expect("HMAC takes a key of any length"),
            asked: Meter::default(),
            echoed: Meter::default(),
            sources: vec![Meter::default(); PLACES].into(),
            tallies: vec![Tally::default(); PLACES].into(),
            counted: Counted::default(),
        }
    }

    /// From here on so much is answered.
    pub const fn configure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// What was done since it was asked last.
    pub fn take_counted(&mut self) -> Counted {
        std::mem::take(&mut self.counted)
    }

    /// Writes the answer over the question; `media` is where media is probed. Nothing is to be sent if it is ignored.
    pub fn answer(
        &mut self,
        now: Instant,
        source: SocketAddr,
        media: &[SocketAddr],
        bytes: &mut [u8],
    ) -> Result<Answered, Ignored> {
        let answered = self.on_question(now, source, media, bytes);
        let count = match answered {
            Ok(Answered::Cookie) => &mut self.counted.cookies,
            Ok(Answered::Echo) => &mut self.counted.echoes,
            Err(Ignored::Limited) => &mut self.counted.limited,
            Err(Ignored::Malformed(_) | Ignored::Answer) => &mut self.counted.malformed,
        };
        *count += 1;
        answered
    }

    fn on_question(
        &mut self,
        now: Instant,
        source: SocketAddr,
        media: &[SocketAddr],
        bytes: &mut [u8],
    ) -> Result<Answered, Ignored> {
        let question = Packet::read(bytes).map_err(Ignored::Malformed)?;
        let is_known = self.is_cookie_of(source, now, &question.cookie);
        let kind = match question.kind {
            Kind::Cookie | Kind::Echoed | Kind::Counted => return Err(Ignored::Answer),
            Kind::Echo if is_known => Kind::Echoed,
            Kind::Count if is_known => Kind::Counted,
            // A source that a NAT gave another port shows an old cookie, and is told its new one.
            Kind::Ask | Kind::Echo | Kind::Count => Kind::Cookie,
        };
        let bound = self.take(now, source, kind);
        if kind == Kind::Cookie {
            if bound == Bound::Beyond {
                return Err(Ignored::Limited);
            }
            let cookie = self.cookie(source, slot(now));
            Packet { kind, cookie, received: 0, limited: 0, ..question }.write(bytes);
            write_media(bytes, media);
            return Ok(Answered::Cookie);
        }
        let (received, limited) = self.tally(now, &question, bound);
        if bound == Bound::Beyond {
            return Err(Ignored::Limited);
        }
        Packet { kind, received, limited, ..question }.write(bytes);
        Ok(Answered::Echo)
    }

    /// Forged sources may use up the cookies of all, never the echoes of who has one.
    fn take(&mut self, now: Instant, source: SocketAddr, kind: Kind) -> Bound {
        let [first, second, ..] = self.keyed(b"source", &network(source.ip()));
        let place = usize::from(u16::from_be_bytes([first, second])) % PLACES;
        let all = if kind == Kind::Cookie { &mut self.asked } else { &mut self.echoed };
        let of_source = self.sources.get_mut(place);
        let may = of_source.is_some_and(|meter| meter.take(now, self.settings.per_source))
            && all.take(now, self.settings.per_second);
        if may { Bound::Within } else { Bound::Beyond }
    }

    /// Counts an echo of a cookie; 0 where another cookie has its place.
    fn tally(&mut self, now: Instant, question: &Packet, bound: Bound) -> (u32, u32) {
        let [first, second, ..] = question.cookie;
        let place = usize::from(u16::from_be_bytes([first, second])) % PLACES;
        let Some(tally) = self.tallies.get_mut(place) else { return (0, 0) };
        if tally.cookie != question.cookie {
            if tally.shown != Instant::ZERO && now.since(tally.shown) < TALLY_RESTS {
                return (0, 0);
            }
            *tally = Tally { cookie: question.cookie, ..Tally::default() };
        }
        tally.shown = now;
        match (question.kind, bound) {
            (Kind::Echo, Bound::Within) => tally.received = tally.received.saturating_add(1),
            (Kind::Echo, Bound::Beyond) => tally.limited = tally.limited.saturating_add(1),
            _ => {}
        }
        (tally.received, tally.limited)
    }

    fn is_cookie_of(&self, source: SocketAddr, now: Instant, cookie: &Cookie) -> bool {
        let slot = slot(now);
        [Some(slot), slot.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|slot| is_same(&self.cookie(source, slot), cookie))
    }

    fn cookie(&self, source: SocketAddr, slot: u64) -> Cookie {
        let address = source.ip();
        let mut said = [0; 26];
        let octets = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        let parts = octets.iter().copied().chain(source.port().to_be_bytes()).chain(slot.to_be_bytes());
        for (place, octet) in said.iter_mut().zip(parts) {
            *place = octet;
        }
        self.keyed(b"cookie", &said)
    }

    /// HMAC-SHA1-128 (RFC 2104 §5): what SRTP's tags are made with, and as good for this.
    fn keyed(&self, use_of: &[u8], said: &[u8]) -> Cookie {
        let mut mac = self.key.clone();
        mac.update(use_of);
        mac.update(said);
        let tag = mac.finalize().into_bytes();
        let mut cookie = [0; 16];
        for (place, octet) in cookie.iter_mut().zip(tag) {
            *place = octet;
        }
        cookie
    }
}

fn slot(now: Instant) -> u64 {
    now.since(Instant::ZERO).as_secs() / SLOT_SECONDS
}

/// Takes as long whatever is unlike.
fn is_same(one: &Cookie, other: &Cookie) -> bool {
    one.iter().zip(other).fold(0, |unlike, (one, other)| unlike | (one ^ other)) == 0
}

/// Who has one address of a /64 has them all.
fn network(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            prefix.to_be_bytes()
        }
    }
}

#[cfg(test)]
mod tests;
