//! Calls between two that both are ours, and calls that are held: what a dialog needs beside its line.

use std::net::UdpSocket;

use bytes::Bytes;
use sdp::{Capabilities, LocalDescription, SessionDescription};
use sip::endpoint::{Body, Command, DialogId, Input, Invited};
use terms::{Direction, Instant, media::Stream};

use super::{DialError, Phones, Plan, Then};
use crate::{
    crowd::LineId,
    line::{Line, rtp_socket},
    marks::Mark,
};

/// Beside those that the lines of callers have.
const CALLED: u64 = 1 << 62;
/// Numbers that lead back here begin so.
pub(crate) const ONWARD: &str = "55";

/// Our side of a call, for its next offer.
#[derive(Debug)]
pub(super) struct Side {
    said: SessionDescription,
    local: LocalDescription,
}

/// Somebody who is called and waits for the ACK.
#[derive(Debug)]
pub(super) struct Called {
    mark: Mark,
    rtp: UdpSocket,
    stream: Stream,
}

impl Side {
    pub(super) const fn new(said: SessionDescription, local: LocalDescription) -> Self {
        Self { said, local }
    }
}

/// A line's dialog, and back.
pub(super) const fn dialog_of(id: LineId) -> Option<DialogId> {
    if id.0 & CALLED == 0 { Some(DialogId::outgoing(id.0)) } else { None }
}

pub(super) const fn line_of(dialog: DialogId) -> LineId {
    let serial = dialog.as_u64() >> 1;
    LineId(if dialog.is_incoming() { serial | CALLED } else { serial })
}

impl Phones {
    /// Calls somebody who is ours too, by way of the gateway. Both are marked.
    pub(crate) fn call_each_other(&mut self) -> Result<LineId, DialError> {
        let rtp = rtp_socket(std::net::Ipv4Addr::LOCALHOST)?;
        let local =
            LocalDescription { rtcp: self.sink.local_addr()?, ..LocalDescription::new(rtp.local_addr()?) };
        let number = format!("{ONWARD}{:010}", self.next);
        let plan = Plan::new(self.gateway, std::net::Ipv4Addr::LOCALHOST.into(), &number);
        let then = Then::Marked { mark: Mark::Caller(self.next), rtp };
        self.call(plan, sdp::offer(&Capabilities::without_comfort_noise(), &local), then, local)
    }

    /// Has a call held, or taken up again.
    pub(crate) fn offer_again(&mut self, id: LineId, direction: Direction) {
        let (Some(dialog), Some(side)) = (dialog_of(id), self.sides.get_mut(&id)) else { return };
        side.local.version += 1;
        side.local.direction = direction;
        side.said = sdp::reoffer(&side.said, &side.local);
        let body = Some(Body::sdp(Bytes::from(side.said.print())));
        self.feed(Input::Command(Command::Reoffer { dialog, body }));
    }

    /// Answers at once.
    pub(super) fn on_invited(&mut self, invited: &Invited) -> Result<(), DialError> {
        let rtp = rtp_socket(std::net::Ipv4Addr::LOCALHOST)?;
        let local =
            LocalDescription { rtcp: self.sink.local_addr()?, ..LocalDescription::new(rtp.local_addr()?) };
        let offer = SessionDescription::parse(&invited.request.body)?;
        let answered = sdp::answer(&offer, &Capabilities::without_comfort_noise(), &local)?;
        let user = invited.request.uri.dialed();
        let number = user.as_ref().and_then(|user| user.as_str()).and_then(|user| user.strip_prefix(ONWARD));
        let number = number.and_then(|number| number.parse().ok()).unwrap_or(u64::MAX >> 1);
        let called = Called { mark: Mark::Callee(number), rtp, stream: answered.stream };
        self.called.insert(line_of(invited.dialog), called);
        let body = Some(Body::sdp(Bytes::from(answered.description.print())));
        let dialog = invited.dialog;
        self.answers.push(Command::Answer { dialog, body, headers: Vec::new() });
        Ok(())
    }

    /// The ACK came.
    pub(super) fn on_acknowledged(&mut self, dialog: DialogId) -> Result<(), DialError> {
        let id = line_of(dialog);
        let Some(Called { mark, rtp, stream }) = self.called.remove(&id) else { return Ok(()) };
        self.begin_marked(id, (mark, rtp), &stream)
    }

    pub(super) fn begin_marked(
        &mut self,
        id: LineId,
        (mark, rtp): (Mark, UdpSocket),
        stream: &Stream,
    ) -> Result<(), DialError> {
        rtp.set_nonblocking(true)?;
        let now: Instant = self.now();
        let line = Line::between_two(mark, rtp, stream, (now, &mut self.entropy));
        self.crowd.add(id, line);
        Ok(())
    }

    /// Of those who were called and whom the gateway has hung up on, since it was last asked.
    pub(crate) fn take_over(&mut self) -> Vec<LineId> {
        std::mem::take(&mut self.over)
    }
}
