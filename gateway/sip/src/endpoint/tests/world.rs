//! Two endpoints and the network between them, on virtual time.

use super::desk::{LISTENER, at, config};
use crate::endpoint::*;
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use bytes::Bytes;
use core::{net::SocketAddr, time::Duration};
use terms::{entropy::Entropy, time::Instant};

/// How bad the network is, in percent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) loss: u64,
    pub(super) twice: u64,
    /// What each way takes at least.
    pub(super) delay: Duration,
    /// What it may take beyond, so that later ones overtake.
    pub(super) jitter: Duration,
}

pub(super) const FAIR: Weather =
    Weather { loss: 0, twice: 0, delay: Duration::from_millis(1), jitter: Duration::ZERO };

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Caller,
    Callee,
}

/// Two endpoints and what is under way.
#[derive(Debug)]
pub(super) struct World {
    pub(super) caller: Endpoint,
    pub(super) callee: Endpoint,
    pub(super) now: Instant,
    weather: Weather,
    chance: Entropy,
    serial: u64,
    under_way: BTreeMap<(Instant, u64), (Side, Bytes)>,
    pub(super) events: Vec<(Side, Event)>,
}

pub(super) const CALLER: [u8; 4] = [192, 0, 2, 1];
pub(super) const CALLEE: [u8; 4] = [192, 0, 2, 2];

/// The endpoint of a side after so many starts: no two starts mint the same.
pub(super) fn endpoint(side: Side, boot: u64) -> Endpoint {
    match side {
        Side::Caller => Endpoint::new(config(1, CALLER), Entropy::from_seed([1 + boot; 4])),
        Side::Callee => Endpoint::new(config(2, CALLEE), Entropy::from_seed([100 + boot; 4])),
    }
}

impl World {
    pub(super) fn new(weather: Weather, seed: u64) -> Self {
        Self {
            caller: endpoint(Side::Caller, 0),
            callee: endpoint(Side::Callee, 0),
            now: Instant::from_nanos(1_000_000_000),
            weather,
            chance: Entropy::from_seed([seed, 7, 7, 7]),
            serial: 0,
            under_way: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn at(&mut self, side: Side) -> &mut Endpoint {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }

    pub(super) fn command(&mut self, side: Side, command: Command) {
        self.input(side, Input::Command(command));
    }

    fn input(&mut self, side: Side, input: Input) {
        let now = at(self.now);
        self.at(side).handle_input(now, input);
        while let Some(output) = self.at(side).poll_output() {
            match output {
                Output::Transmit { bytes, .. } => self.send(side, &bytes),
                Output::Write { .. } | Output::Connect { .. } | Output::Disconnect { .. } => {
                    panic!("the only listener is UDP");
                }
                Output::Event(event) => self.events.push((side, event)),
            }
        }
    }

    fn send(&mut self, from: Side, bytes: &Bytes) {
        let copies = if self.chance.below(100) < self.weather.twice { 2 } else { 1 };
        let to = if from == Side::Caller { Side::Callee } else { Side::Caller };
        for _ in 0..copies {
            if self.chance.below(100) >= self.weather.loss {
                let nanos = u64::try_from(self.weather.jitter.as_nanos()).expect("a short way");
                let arrival = self.now + self.weather.delay + Duration::from_nanos(self.chance.below(nanos));
                self.serial += 1;
                self.under_way.insert((arrival, self.serial), (to, bytes.clone()));
            }
        }
    }

    /// The next thing that happens happens, unless it is later than `end`. Says whether one did.
    pub(super) fn happen(&mut self, end: Instant) -> bool {
        let arrival = self.under_way.first_key_value().map(|((at, _), _)| *at);
        let timers = [Side::Caller, Side::Callee].map(|side| (self.at(side).poll_timeout(), side));
        let timer = timers.into_iter().filter_map(|(at, side)| Some((at?, side))).min_by_key(|(at, _)| *at);
        let next = arrival.into_iter().chain(timer.map(|(at, _)| at)).min().filter(|next| *next <= end);
        let Some(next) = next else { return false };
        self.now = self.now.max(next);
        match timer {
            Some((at, side)) if arrival.is_none_or(|arrival| at < arrival) => {
                self.input(side, Input::Timeout);
            }
            _ => {
                let (_, (to, bytes)) = self.under_way.pop_first().expect("an arrival is next");
                let source =
                    SocketAddr::from(if to == Side::Callee { (CALLER, 5060) } else { (CALLEE, 5060) });
                self.input(to, Input::Datagram { listener: LISTENER, source, bytes });
            }
        }
        true
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.happen(end) {}
        self.now = end;
    }

    /// Lets time pass until something is told, an hour at most.
    pub(super) fn run_until(&mut self, side: Side, name: &str) -> bool {
        let end = self.now + Duration::from_secs(3600);
        while !self.told(side).iter().any(|told| told == name) {
            if !self.happen(end) {
                return false;
            }
        }
        true
    }

    pub(super) fn told(&self, side: Side) -> Vec<String> {
        let of_side =
            self.events.iter().filter(|(of, event)| *of == side && !matches!(event, Event::Counted(_)));
        of_side.map(|(_, event)| super::desk::name_of(event)).collect()
    }

    pub(super) fn invited(&self) -> DialogId {
        let invited = self.events.iter().find_map(|(_, event)| match event {
            Event::Invited(invited) => Some(invited.dialog),
            _ => None,
        });
        invited.expect("an INVITE is told")
    }
}
