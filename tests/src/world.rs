//! One clock for a gateway, its phones and the network between them.

use std::time::Duration;

use server::shard;
use sip::wire::StatusCode;
use terms::{Cause, Direction, Instant, Now, WallTime};

use crate::{
    device::{Device, Provisioning},
    gateway::Gateway,
    library_time,
    network::{Conditions, Network},
    phone::{Action, Phone},
};

/// Everything under simulation.
pub struct World {
    now: Now,
    /// What lies between them.
    pub network: Network,
    /// The gateway.
    pub gateway: Gateway,
    /// The phones, by number.
    pub phones: Vec<Phone>,
    /// The room systems.
    pub devices: Vec<Device>,
}

impl World {
    /// A gateway and as many phones as there are tones for them.
    pub fn new(conditions: Conditions, seed: u64, tones: &[u32]) -> Self {
        Self::configured(conditions, seed, tones, &[])
    }

    /// The same, with settings laid over the simulation's.
    pub fn configured(conditions: Conditions, seed: u64, tones: &[u32], overrides: &[(&str, &str)]) -> Self {
        // Monotonic and wall clock begin apart: nobody may take one for the other.
        let now = Now {
            mono: Instant::from_nanos(1_000_000_007),
            wall: WallTime::from_unix_nanos(1_800_000_000_000_000_000),
        };
        let phones = (1..).zip(tones).map(|(number, hz)| Phone::new(number, *hz)).collect();
        Self {
            now,
            network: Network::new(conditions, seed),
            gateway: Gateway::configured(now, overrides),
            phones,
            devices: Vec::new(),
        }
    }

    /// A phone calls a number.
    pub fn dial(&mut self, phone: usize, number: &str, actions: &[Action]) {
        self.phones[phone].dial(self.now, number, actions, &mut self.network);
    }

    /// A phone holds, or goes on, by an offer with this direction.
    pub fn offer_again(&mut self, phone: usize, direction: Direction) {
        self.phones[phone].offer_again(self.now, direction, &mut self.network);
    }

    /// A phone answers the call that waits for that.
    pub fn answer(&mut self, phone: usize) {
        self.phones[phone].answer(self.now, &mut self.network);
    }

    /// A phone refuses the call that waits for an answer.
    pub fn refuse(&mut self, phone: usize, with: (StatusCode, Cause)) {
        self.phones[phone].refuse(self.now, with, &mut self.network);
    }

    /// A phone hangs up.
    pub fn hang_up(&mut self, phone: usize) {
        self.phones[phone].hang_up(self.now, &mut self.network);
    }

    /// A room system is there from here on; its place among them.
    pub fn provision(&mut self, provisioning: Provisioning) -> usize {
        let call_id = format!("device-{}", self.devices.len());
        self.devices.push(Device::new(provisioning, &call_id));
        self.devices.len() - 1
    }

    /// A room system registers, or refreshes; its answer is there some milliseconds later.
    pub fn register(&mut self, device: usize) {
        self.devices[device].register(self.now, &mut self.network);
    }

    /// A room system sends what it sent last once more.
    pub fn replay(&mut self, device: usize) {
        self.devices[device].replay(self.now, &mut self.network);
    }

    /// Both clocks.
    pub const fn clocks(&self) -> Now {
        self.now
    }

    /// The administration speaks to the gateway.
    pub fn administer(&mut self, input: shard::Input) {
        self.gateway.administer(self.now, input, &mut self.network);
    }

    /// The gateway's file is read again, with these settings laid over the simulation's.
    pub fn reload(&mut self, overrides: &[(&str, &str)]) {
        self.gateway.reload(self.now, overrides, &mut self.network);
    }

    /// The gateway crashes and goes on from images of its calls.
    pub fn restart_gateway(&mut self) {
        self.gateway.restart(self.now, &mut self.network);
    }

    /// Lets so much time pass.
    pub fn run(&mut self, duration: Duration) {
        let until = self.now.mono + duration;
        while self.step(until) {}
    }

    /// Lets time pass to the next thing that is due before `until`, and does it; false once nothing is.
    pub fn step(&mut self, until: Instant) -> bool {
        let phones = self.phones.iter().filter_map(Phone::poll_timeout);
        let others = [self.gateway.poll_timeout(), self.network.poll_timeout()].into_iter().flatten();
        let due = phones.chain(others).min().filter(|due| *due <= until);
        let passed = due.unwrap_or(until).since(self.now.mono);
        self.pass(passed);
        if due.is_none() {
            return false;
        }
        while let Some(datagram) = self.network.receive(self.now.mono) {
            let mut devices = self.devices.iter_mut();
            let answered = devices.find_map(|device| Some((device.answer_in(&datagram)?, device)));
            if let Some((answer, device)) = answered {
                device.receive(self.now, answer, &mut self.network);
                continue;
            }
            match self.phones.iter_mut().find(|phone| phone.owns(datagram.to)) {
                Some(phone) => phone.receive(self.now, &datagram, &mut self.network),
                None => self.gateway.receive(self.now, &datagram, &mut self.network),
            }
        }
        self.gateway.on_time(self.now, &mut self.network);
        for phone in &mut self.phones {
            phone.on_time(self.now, &mut self.network);
        }
        true
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now.mono
    }

    fn pass(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).expect("a short time");
        self.now.mono += duration;
        library_time::set(self.now.mono);
        self.now.wall = WallTime::from_unix_nanos(self.now.wall.as_unix_nanos() + nanos);
    }
}
