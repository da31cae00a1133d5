//! Early media (OUT-3, RFC 3960): what a peer that was dialed sends before it answers, and how the caller comes to hear it.
//!
//! ```text
//!   dialed:  offer ─▶ AwaitingAnswer ─ 18x with its answer ─▶ Early ─ 200 ─▶ Settled
//!   came:    Offered ─ 18x with our answer ─▶ Shown ─ 200, with it again unless the 18x was acknowledged ─▶ Settled
//!            Delayed ─ 18x with our offer ─▶ AwaitingAnswer ─ PRACK ─▶ Settled
//! ```

use bytes::Bytes;
use call::leg::{Alert, LegEvent, LocalMedia};
use sdp::Capabilities;
use serde::{Deserialize, Serialize};
use sip::{
    endpoint::{Body, Command, DialogId, Reliability},
    wire::{Response, StatusCode, Tag},
};
use terms::{LegId, media::Stream};

use super::{Agreed, Exchange, Output, SipLeg, SipLegs, accept, settle};
use crate::{key_source::Fresh, peers::EarlyMedia};

/// RFC 5009 §8, seen from who sends it: the directions in which it does not let the peer be heard.
const UNHEARD: [&str; 2] = ["inactive", "recvonly"];

/// What one early dialog of a call that we make has answered our offer with. Several are of forks, or of a call that went on
/// to another in the carrier's network; the endpoint limits how many.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EarlyAnswer {
    peer: Option<Tag>,
    body: Body,
    /// Whether its peer may be heard, and is.
    is_heard: bool,
}

impl SipLegs {
    /// A peer that can be heard is; else, whatever it says it does meanwhile, its caller is told that it rings.
    pub(super) fn on_progressed(&mut self, dialog: DialogId, response: &Response) {
        let Some((leg, sip)) = self.leg_of(dialog) else { return };
        sip.note_early(response);
        let stream = sip.early_stream(response);
        let is_heard = sip.early_media == EarlyMedia::Heard
            && is_heard(response)
            && stream.as_ref().is_some_and(|stream| stream.flow().receives());
        let is_news = is_heard && sip.note_heard(response);
        if let Some(stream) = stream.filter(|_| is_news) {
            sip.secret.theirs = stream.srtp.as_ref().map(|keys| keys.receive.clone());
            sip.secret.began = stream.dtls.as_ref().map(|agreed| agreed.role);
            self.negotiated(leg, Some(Agreed { line: 0, stream }));
        }
        let is_ringing = response.status == StatusCode::RINGING;
        let event = match (is_heard, is_ringing) {
            (true, true) => LegEvent::EarlyMedia(Alert::Ringing),
            (true, false) => LegEvent::EarlyMedia(Alert::Progress),
            (false, _) if is_ringing || response.status == StatusCode::SESSION_PROGRESS => LegEvent::Ringing,
            (false, _) => return,
        };
        self.outputs.push_back(Output::Call(leg, event));
    }

    pub(super) fn on_accepted(&mut self, dialog: DialogId, response: &Response) {
        let Some((leg, sip)) = self.leg_of(dialog) else { return };
        let body = match (&sip.exchange, response.body()) {
            // RFC 6337 §3.1: what was answered in an early dialog need not be said again, and what an UPDATE changed stands.
            (Exchange::Early(_), None) => sip.early_answer(response).map(|early| early.body.clone()),
            (Exchange::Settled, None) => {
                return self.outputs.push_back(Output::Call(leg, LegEvent::Established));
            }
            (_, body) => body,
        };
        if let Some(leg) = self.take_answer(dialog, body.as_ref()) {
            self.outputs.push_back(Output::Call(leg, LegEvent::Established));
        }
    }

    pub(super) fn ring(&mut self, dialog: DialogId) {
        self.outputs.push_back(Output::Sip(Command::Progress {
            dialog,
            status: StatusCode::RINGING,
            reliability: Reliability::BestEffort,
            body: None,
            headers: Vec::new(),
        }));
    }

    /// Answers the caller's offer before the call is answered, or makes the offer that its INVITE did not. RFC 3262 §5: an
    /// offer that nobody acknowledges is none, so that such a caller hears that it rings.
    pub(super) fn let_hear(&mut self, leg: LegId, alert: Alert, audio: LocalMedia) {
        let fresh = self.keys.fresh();
        let Some(sip) = self.legs.get_mut(leg) else { return };
        let (dialog, provisional) = (sip.dialog, sip.provisional);
        sip.media = Some(audio);
        let offered = sip.offered();
        let can_hear = offered.is_some() || provisional == Reliability::Acknowledged;
        let settled = if can_hear { settle(sip, &self.settings.capabilities, fresh) } else { None };
        let Some(settled) = settled else { return self.ring(dialog) };
        if let Some(offer) = offered {
            sip.exchange = Exchange::Shown(offer);
        }
        self.outputs.push_back(Output::Sip(Command::Progress {
            dialog,
            status: match alert {
                Alert::Ringing => StatusCode::RINGING,
                Alert::Progress => StatusCode::SESSION_PROGRESS,
            },
            reliability: provisional,
            body: Some(Body::sdp(settled.text)),
            headers: Vec::new(),
        }));
        self.negotiated(leg, settled.agreed);
    }

    /// One without an answer acknowledges a response that made no offer, or the ACK has to answer it.
    pub(super) fn on_progress_acknowledged(&mut self, dialog: DialogId, body: Option<&Body>) {
        let Some((_, sip)) = self.leg_of(dialog) else { return };
        if sip.exchange == Exchange::AwaitingAnswer && body.is_some() {
            self.take_answer(dialog, body);
        }
    }
}

impl SipLeg {
    fn offered(&self) -> Option<String> {
        match &self.exchange {
            Exchange::Offered(offer) => Some(offer.clone()),
            _ => None,
        }
    }

    /// Keeps what an early dialog has answered, the first time that it does (RFC 3261 §13.2.1): heard or not, its 200 need not
    /// say it again.
    fn note_early(&mut self, response: &Response) {
        let Some(body) = response.body() else { return };
        let is_known = self.early_answer(response).is_some();
        let accepted = accept(Some(&body), self.said.as_ref());
        let is_fit = accepted.is_some_and(|stream| self.secret.permits(&stream));
        if is_known || !is_fit {
            return;
        }
        let answer = EarlyAnswer { peer: response.head.to.tag(), body, is_heard: false };
        match &mut self.exchange {
            Exchange::Early(answers) => answers.push(answer),
            Exchange::AwaitingAnswer => self.exchange = Exchange::Early(vec![answer]),
            Exchange::Offered(_) | Exchange::Delayed | Exchange::Settled | Exchange::Shown(_) => {}
        }
    }

    /// Its peer is heard from here on. Says whether it was not before.
    fn note_heard(&mut self, response: &Response) -> bool {
        let Exchange::Early(answers) = &mut self.exchange else { return false };
        let peer = response.head.to.tag();
        let answer = answers.iter_mut().find(|answer| answer.peer == peer);
        answer.is_some_and(|answer| !std::mem::replace(&mut answer.is_heard, true))
    }

    fn early_answer(&self, response: &Response) -> Option<&EarlyAnswer> {
        let Exchange::Early(answers) = &self.exchange else { return None };
        answers.iter().find(|answer| answer.peer == response.head.to.tag())
    }

    fn early_stream(&self, response: &Response) -> Option<Stream> {
        accept(Some(&self.early_answer(response)?.body), self.said.as_ref())
    }
}

/// Whether the network of who was dialed lets it be heard (RFC 5009); one that says nothing does.
fn is_heard(response: &Response) -> bool {
    let mut said = response.headers.other("P-Early-Media");
    !said.any(|value| {
        let directions = value.as_str().unwrap_or_default().split(',');
        directions
            .map(str::trim)
            .any(|direction| UNHEARD.iter().any(|unheard| direction.eq_ignore_ascii_case(unheard)))
    })
}

/// Our side, as the 200 says it. RFC 6337 §3.1: what was acknowledged is not said again, and what was not is the same. What
/// was agreed on is told once more: a peer that made nothing of it before may begin its handshake only now. `None`: as of
/// [`settle`].
pub(super) fn conclude(
    sip: &mut SipLeg,
    capabilities: &Capabilities,
    fresh: Fresh,
) -> Option<(Option<Bytes>, Option<Agreed>)> {
    let was_acknowledged = match &sip.exchange {
        Exchange::Settled | Exchange::AwaitingAnswer => return Some((None, None)),
        Exchange::Shown(offer) => {
            sip.exchange = Exchange::Offered(offer.clone());
            sip.provisional == Reliability::Acknowledged
        }
        Exchange::Offered(_) | Exchange::Delayed | Exchange::Early(_) => false,
    };
    let settled = settle(sip, capabilities, fresh)?;
    Some((Some(settled.text).filter(|_| !was_acknowledged), settled.agreed))
}
