//! The SIP of both ends of calls between two: one socket calls, one is called.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    thread,
    time::Duration,
};

use bytes::Bytes;
use media::Clock;
use sdp::{Capabilities, LocalDescription, SessionDescription};
use server::caller::{LISTENER, Plan, endpoint_config, invitation};
use sip::endpoint::{Body, Command, DialogId, Endpoint, Event, Input, Invited, Limits, Output};
use terms::{Entropy, media::Stream};

use crate::{context::Fault, process::ProcessError};

/// The numbers that lead to who is called.
pub(super) const PREFIX: &str = "550";
/// From an INVITE to the ACK.
const SET_UP: Duration = Duration::from_secs(5);
const MAX_MESSAGE: usize = 65_535;

/// What one end offers, and where it hears.
#[derive(Debug, Clone)]
pub(super) struct Party {
    pub(super) capabilities: Capabilities,
    pub(super) local: LocalDescription,
}

impl Party {
    pub(super) fn offer(&self) -> SessionDescription {
        sdp::offer(&self.capabilities, &self.local)
    }

    /// What it answers, and what it then says and hears.
    pub(super) fn answer(&self, offer: &[u8]) -> Result<(SessionDescription, Stream), Fault> {
        let answered = sdp::answer(&SessionDescription::parse(offer)?, &self.capabilities, &self.local)?;
        Ok((answered.description, answered.stream))
    }
}

/// A user agent with a socket of its own.
#[derive(Debug)]
struct Agent {
    socket: UdpSocket,
    endpoint: Endpoint,
}

impl Agent {
    fn new(entropy: &mut Entropy) -> Result<Self, Fault> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let config = endpoint_config(socket.local_addr()?, Limits::DEFAULT, entropy);
        Ok(Self { socket, endpoint: Endpoint::new(config, entropy.split()) })
    }

    fn feed(&mut self, clock: Clock, input: Input) -> Vec<Event> {
        self.endpoint.handle_input(clock.now(), input);
        let mut events = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { destination, bytes, .. } => {
                    // Lost is lost: the endpoint sends it again.
                    self.socket.send_to(&bytes, destination).ok();
                }
                // Its one listener is UDP.
                Output::Write { .. } | Output::Connect { .. } | Output::Disconnect { .. } => {}
                Output::Event(event) => events.push(event),
            }
        }
        events
    }

    fn poll(&mut self, clock: Clock) -> Vec<Event> {
        let (mut events, mut message) = (Vec::new(), [0; MAX_MESSAGE]);
        while let Ok((length, source)) = self.socket.recv_from(&mut message) {
            let bytes = Bytes::copy_from_slice(&message[..length]);
            events.extend(self.feed(clock, Input::Datagram { listener: LISTENER, source, bytes }));
        }
        if self.endpoint.poll_timeout().is_some_and(|at| at <= clock.now().mono) {
            events.extend(self.feed(clock, Input::Timeout));
        }
        events
    }
}

/// Who calls and who is called.
#[derive(Debug)]
pub(super) struct Agents {
    clock: Clock,
    caller: Agent,
    called: Agent,
    next: u64,
}

impl Agents {
    pub(super) fn new(entropy: &mut Entropy) -> Result<Self, Fault> {
        Ok(Self {
            clock: Clock::start(),
            caller: Agent::new(entropy)?,
            called: Agent::new(entropy)?,
            next: 0,
        })
    }

    /// Where a trunk must send its calls.
    pub(super) fn called_at(&self) -> Result<SocketAddr, Fault> {
        Ok(self.called.socket.local_addr()?)
    }

    /// A call from one end to the other through the gateway at `gateway`; what each then says and hears.
    pub(super) fn connect(
        &mut self,
        gateway: SocketAddr,
        (caller, called): (&Party, &Party),
    ) -> Result<(Stream, Stream), Fault> {
        let dialog = DialogId::outgoing(self.next);
        let plan = Plan::new(gateway, Ipv4Addr::LOCALHOST.into(), format!("{PREFIX}{:04}", self.next));
        self.next += 1;
        let offer = caller.offer();
        let invite = invitation(dialog, &plan, self.caller.socket.local_addr()?, &offer)?;
        self.caller.feed(self.clock, Input::Command(Command::Invite(Box::new(invite))));
        let until = self.clock.now().mono + SET_UP;
        let (mut theirs, mut ours) = (None, None);
        while self.clock.now().mono < until {
            for event in self.called.poll(self.clock) {
                if let Event::Invited(invited) = event {
                    theirs = Some(self.answer(&invited, called)?);
                }
            }
            for event in self.caller.poll(self.clock) {
                match event {
                    Event::Accepted { response, .. } => {
                        ours = Some(sdp::accept(&SessionDescription::parse(&response.body)?, &offer)?);
                    }
                    Event::Failed { failure, .. } => {
                        return Err(ProcessError::Failed("a call", failure.status().to_string()).into());
                    }
                    _ => {}
                }
            }
            if let (Some(ours), Some(theirs)) = (&ours, &theirs) {
                return Ok((Stream::clone(ours), Stream::clone(theirs)));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Err(ProcessError::Failed("a call", "no answer".to_owned()).into())
    }

    fn answer(&mut self, invited: &Invited, called: &Party) -> Result<Stream, Fault> {
        let (answer, stream) = called.answer(&invited.request.body)?;
        let body = Some(Body::sdp(Bytes::from(answer.print())));
        let answer = Command::Answer { dialog: invited.dialog, body, headers: Vec::new() };
        self.called.feed(self.clock, Input::Command(answer));
        Ok(stream)
    }

    /// Answers what is asked within the calls.
    pub(super) fn poll(&mut self) {
        self.caller.poll(self.clock);
        self.called.poll(self.clock);
    }
}
