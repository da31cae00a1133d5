//! Devices that register with a digest, all behind one socket.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    ops::Range,
    thread,
    time::Duration,
};

use media::{Batch, Clock};
use sip::auth::{Algorithm, Answered, hash_password};
use terms::{HashedPassword, Instant};

use crate::{context::Fault, line::came};

pub(super) const PASSWORD: &str = "Bench-1234";
/// Registrations that are under way at once.
const AT_ONCE: usize = 400;
/// Answers that are read by one call.
const READ_AT_ONCE: usize = 64;
/// While none come.
const PAUSE: Duration = Duration::from_micros(50);
/// A request that was not answered is sent again after so long.
const AGAIN: Duration = Duration::from_millis(500);
/// All of them take no longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// How far a device is.
#[derive(Debug, Clone)]
enum Stage {
    Unknown,
    /// It answers this nonce.
    Challenged(String),
    Registered,
}

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Devices {
    clock: Clock,
    socket: UdpSocket,
    batch: Batch,
    host: SocketAddr,
    /// The number of the first.
    first: usize,
    stages: Vec<Stage>,
    /// Those under way, and when each was sent last.
    under_way: Vec<(usize, Instant)>,
    next: usize,
    registered: usize,
    resent: usize,
    /// From each request to its answer.
    times: Vec<Duration>,
}

impl Devices {
    /// None of them has registered yet.
    pub(crate) fn new(address: Ipv4Addr, server: SocketAddr, devices: Range<usize>) -> Result<Self, Fault> {
        let socket = UdpSocket::bind((address, 0))?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        media::tell_times(&socket)?;
        Ok(Self {
            clock: Clock::start(),
            host: socket.local_addr()?,
            socket,
            batch: Batch::of(READ_AT_ONCE),
            first: devices.start,
            stages: vec![Stage::Unknown; devices.len()],
            under_way: Vec::new(),
            next: 0,
            registered: 0,
            resent: 0,
            times: Vec::new(),
        })
    }

    /// How many have registered.
    pub(crate) const fn registered(&self) -> usize {
        self.registered
    }

    /// Requests that were sent again.
    pub(crate) const fn resent(&self) -> usize {
        self.resent
    }

    /// From each request to its answer, since it was asked last.
    pub(crate) fn take_times(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.times)
    }

    /// Registers all of them, as fast as they are answered.
    pub(crate) fn run(&mut self) -> Result<(), Fault> {
        let until = self.clock.now().mono + PATIENCE;
        while self.registered < self.stages.len() {
            if self.clock.now().mono > until {
                return Err(format!("{} of {} registered in time", self.registered, self.stages.len()).into());
            }
            while self.under_way.len() < AT_ONCE && self.begin()? {}
            if self.poll()? == 0 {
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// One more begins to register, if there is one.
    pub(crate) fn begin(&mut self) -> Result<bool, Fault> {
        let device = self.next;
        if device == self.stages.len() {
            return Ok(false);
        }
        self.next += 1;
        self.under_way.push((device, self.clock.now().mono));
        self.send(device)?;
        Ok(true)
    }

    /// Takes what came, and sends again what is not answered; how much came.
    pub(crate) fn poll(&mut self) -> Result<usize, Fault> {
        let Ok(count) = self.batch.receive(&self.socket) else {
            self.send_again()?;
            return Ok(0);
        };
        let now = self.clock.now();
        let read: Vec<_> =
            self.batch.datagrams().map(|datagram| (came(now, &datagram), datagram.bytes.to_vec())).collect();
        for (at, bytes) in read {
            self.on_answer(at, &bytes)?;
        }
        Ok(count)
    }

    fn on_answer(&mut self, at: Instant, bytes: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(bytes)?;
        let device = text.split_once("Call-ID: u").and_then(|(_, rest)| rest.get(..6)?.parse::<usize>().ok());
        let device = device.and_then(|device| device.checked_sub(self.first));
        let status = text.get(8..11).unwrap_or_default();
        let Some(device) = device.filter(|device| *device < self.stages.len()) else {
            return Err(format!("an answer of nobody's: {text}").into());
        };
        match (status, &self.stages[device]) {
            ("401", Stage::Unknown) => {
                self.stages[device] = Stage::Challenged(nonce_of(text)?);
                self.time(device, at);
                self.send(device)?;
            }
            // The nonce serves no more.
            ("401", Stage::Challenged(before)) if text.contains("CSeq: 2 ") => {
                let nonce = nonce_of(text)?;
                if *before != nonce {
                    self.stages[device] = Stage::Challenged(nonce);
                    self.send(device)?;
                }
            }
            ("200", Stage::Challenged(_)) => {
                self.stages[device] = Stage::Registered;
                self.registered += 1;
                self.time(device, at);
                self.under_way.retain(|(other, _)| *other != device);
            }
            // What was sent twice is answered twice.
            ("401" | "200", _) => {}
            _ => return Err(format!("device {device}: {text}").into()),
        }
        Ok(())
    }

    /// Its request was answered; if another follows, that is sent now.
    fn time(&mut self, device: usize, at: Instant) {
        if let Some((_, sent)) = self.under_way.iter_mut().find(|(other, _)| *other == device) {
            self.times.push(at.since(*sent));
            *sent = self.clock.now().mono;
        }
    }

    fn send_again(&mut self) -> Result<(), Fault> {
        let now = self.clock.now().mono;
        let late = self.under_way.iter_mut().filter(|(_, sent)| now.since(*sent) >= AGAIN);
        let late: Vec<usize> = late
            .map(|(device, sent)| {
                *sent = now;
                *device
            })
            .collect();
        self.resent += late.len();
        late.into_iter().try_for_each(|device| self.send(device))
    }

    fn send(&self, device: usize) -> Result<(), Fault> {
        let (name, host, serial) = (name(self.first + device), self.host, self.first + device);
        let (number, credentials) = match &self.stages[device] {
            Stage::Unknown => (1, String::new()),
            Stage::Challenged(nonce) => (2, authorization(&name, nonce)),
            Stage::Registered => return Ok(()),
        };
        let text = format!(
            "REGISTER sip:gateway SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bK{name}-{number};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{name}@gateway>;tag={name}\r\nTo: <sip:{name}@gateway>\r\nCall-ID: {name}\r\nCSeq: {number} REGISTER\r\n\
             Contact: <sip:{name}@{host}>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000000{serial:06}>\"\r\nExpires: 3600\r\n\
             User-Agent: TANDBERG/529 (ce9.2.1) Cisco-SX20\r\n{credentials}Content-Length: 0\r\n\r\n"
        );
        // Lost is lost: it is sent again.
        self.socket.send(text.as_bytes()).ok();
        Ok(())
    }
}

pub(super) fn name(number: usize) -> String {
    format!("u{number:06}")
}

fn nonce_of(challenge: &str) -> Result<String, Fault> {
    let behind = challenge.split_once("nonce=\"").and_then(|(_, rest)| rest.split_once('"'));
    Ok(behind.ok_or("a challenge without a nonce")?.0.to_owned())
}

fn authorization(name: &str, nonce: &str) -> String {
    let answered = Answered {
        algorithm: Algorithm::Md5,
        method: b"REGISTER",
        uri: b"sip:gateway",
        nonce: nonce.as_bytes(),
        counted: Some((b"00000001", b"bench")),
    };
    let password: HashedPassword = hash_password(name, "gateway", PASSWORD);
    format!(
        "Authorization: Digest username=\"{name}\", realm=\"gateway\", nonce=\"{nonce}\", uri=\"sip:gateway\", algorithm=MD5, \
         response=\"{}\", qop=auth, nc=00000001, cnonce=\"bench\"\r\n",
        answered.digest(&password)
    )
}
