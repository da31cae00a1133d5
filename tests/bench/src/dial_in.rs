//! Brings all callers through the IVR into their meetings.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use bytes::Bytes;
use media::Clock;
use sdp::{AnswerError, Capabilities, LocalDescription, ParseError, SessionDescription};
use server::caller::{CallError, LISTENER, Pair, Plan, endpoint_config, invitation};
use sip::endpoint::{Command, DialogId, Endpoint, Event, Input, Limits, Output};
use terms::{Entropy, MeetingId, Secret};
use thiserror::Error;

use crate::{
    crowd::{Crowd, MEETING},
    line::Line,
};

/// conf/demo.toml's first meeting and its guests' password.
const FIRST_MEETING: usize = 900_100_001;
const PASSWORD: &str = "1234";
const ACCESS_NUMBER: &str = "02153290005";
/// A new call each so many milliseconds: 200 calls a second.
const PACE: u64 = 5;
/// From the first INVITE to the last caller in its meeting.
const DIALLING: Duration = Duration::from_secs(60);
/// What BYEs and their answers take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why not everyone is in.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    /// A socket failed.
    #[error("a caller's socket: {0}")]
    Socket(#[from] io::Error),
    /// A call can't be made.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The gateway's answer can't be read.
    #[error("an answer of the gateway: {0}")]
    Answer(#[from] ParseError),
    /// The gateway's answer is none.
    #[error("an answer of the gateway: {0}")]
    NoAudio(#[from] AnswerError),
    /// A call failed.
    #[error("caller {0} was refused or hung up on: {1}")]
    Ended(u64, String),
    /// Not all came in.
    #[error("{joined} of {callers} callers came into their meetings within {} s; first failure: {failure}", DIALLING.as_secs())]
    NotAll {
        /// So many did.
        joined: usize,
        /// So many tried.
        callers: usize,
        /// Of the first that did not.
        failure: String,
    },
}

/// A caller who waits for its 200.
#[derive(Debug)]
struct Calling {
    rtp: UdpSocket,
    offer: SessionDescription,
    plan: Plan,
}

/// Callers and the SIP of all of them.
#[derive(Debug)]
pub(crate) struct DialIn {
    clock: Clock,
    entropy: Entropy,
    socket: UdpSocket,
    gateway: SocketAddr,
    endpoint: Endpoint,
    calling: BTreeMap<u64, Calling>,
    crowd: Crowd,
    failure: Option<DialError>,
}

/// Dials in with all callers and returns once each is in its meeting.
pub(crate) fn dial(
    gateway: SocketAddr,
    callers: usize,
    clock: Clock,
    entropy: &mut Entropy,
) -> Result<DialIn, DialError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(gateway)?;
    socket.set_nonblocking(true)?;
    let mut entropy = entropy.split();
    let config = endpoint_config(socket.local_addr()?, Limits::DEFAULT, &mut entropy);
    let mut dial_in = DialIn {
        clock,
        endpoint: Endpoint::new(config, entropy.split()),
        entropy,
        socket,
        gateway,
        calling: BTreeMap::new(),
        crowd: Crowd::new(clock),
        failure: None,
    };
    dial_in.bring_in(callers)?;
    Ok(dial_in)
}

impl DialIn {
    fn bring_in(&mut self, callers: usize) -> Result<(), DialError> {
        let until = self.clock.now().mono + DIALLING;
        let (mut step, mut called) = (0_u64, 0);
        loop {
            if called < callers && step.is_multiple_of(PACE) {
                self.invite(called)?;
                called += 1;
            }
            step += 1;
            let now = self.crowd.step();
            self.poll();
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let joined = self.crowd.lines().filter(|line| line.is_talking()).count();
            if joined == callers {
                return Ok(());
            }
            if now >= until {
                let failure = self.crowd.lines().find_map(Line::failure);
                let failure = failure.map_or_else(|| "none".to_owned(), |failure| format!("{failure:?}"));
                return Err(DialError::NotAll { joined, callers, failure });
            }
        }
    }

    /// Lets everyone talk for a while.
    pub(crate) fn settle(&mut self, time: Duration) {
        self.crowd.run_for(time);
        self.poll();
    }

    /// The callers' media.
    pub(crate) fn crowd_mut(&mut self) -> &mut Crowd {
        &mut self.crowd
    }

    /// Hangs up everyone; the callers remain for what they heard.
    pub(crate) fn hang_up(mut self) -> Crowd {
        let callers = u64::try_from(self.crowd.lines().count()).unwrap_or(0);
        for serial in 0..callers {
            let hang_up = Command::Hangup { dialog: DialogId::outgoing(serial), reason: None };
            self.feed(Input::Command(hang_up));
        }
        let until = self.clock.now().mono + FAREWELL;
        while self.crowd.step() < until {
            self.poll();
        }
        self.crowd
    }

    fn invite(&mut self, index: usize) -> Result<(), DialError> {
        let rtp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let local = LocalDescription::new(rtp.local_addr()?);
        let offer = sdp::offer(&Capabilities::without_comfort_noise(), &local);
        let serial = u64::try_from(index).unwrap_or(u64::MAX);
        let meeting: Option<MeetingId> = (FIRST_MEETING + index / MEETING).to_string().parse().ok();
        let plan = Plan::new(self.gateway, Ipv4Addr::LOCALHOST.into(), ACCESS_NUMBER);
        let plan = plan.from(format!("13800{index:06}"));
        let plan = match meeting {
            Some(meeting) => plan.joining(&Pair { meeting, password: Secret::new(PASSWORD.to_owned()) }),
            None => plan,
        };
        let invite = invitation(DialogId::outgoing(serial), &plan, self.socket.local_addr()?, &offer)?;
        self.calling.insert(DialogId::outgoing(serial).as_u64(), Calling { rtp, offer, plan });
        self.feed(Input::Command(Command::Invite(Box::new(invite))));
        Ok(())
    }

    fn poll(&mut self) {
        let mut datagram = [0; 65_535];
        while let Ok(length) = self.socket.recv(&mut datagram) {
            let bytes = Bytes::copy_from_slice(&datagram[..length]);
            self.feed(Input::Datagram { listener: LISTENER, source: self.gateway, bytes });
        }
        if self.endpoint.poll_timeout().is_some_and(|at| at <= self.clock.now().mono) {
            self.feed(Input::Timeout);
        }
    }

    fn feed(&mut self, input: Input) {
        self.endpoint.handle_input(self.clock.now(), input);
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => {
                    // Lost is lost: the endpoint sends it again.
                    self.socket.send(&bytes).ok();
                }
                // Its one listener is UDP.
                Output::Write { .. } | Output::Connect { .. } | Output::Disconnect { .. } => {}
                Output::Event(event) => self.on_event(event),
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let outcome = match event {
            Event::Accepted { dialog, response } => self.on_answer(dialog, &response.body),
            Event::Failed { dialog, failure } => {
                Err(DialError::Ended(dialog.as_u64() >> 1, failure.status().to_string()))
            }
            Event::Ended { dialog, ending } if ending != sip::endpoint::Ending::Local => {
                Err(DialError::Ended(dialog.as_u64() >> 1, format!("{ending:?}")))
            }
            _ => Ok(()),
        };
        if let Err(error) = outcome {
            self.failure.get_or_insert(error);
        }
    }

    fn on_answer(&mut self, dialog: DialogId, body: &[u8]) -> Result<(), DialError> {
        let Some(Calling { rtp, offer, plan }) = self.calling.remove(&dialog.as_u64()) else { return Ok(()) };
        let stream = sdp::accept(&SessionDescription::parse(body)?, &offer)?;
        let index = usize::try_from(dialog.as_u64() >> 1).unwrap_or(usize::MAX);
        self.crowd.add(Line::new(index, rtp, &stream, &plan.script, &mut self.entropy)?);
        Ok(())
    }
}
