//! Session timers: whoever refreshes does so at half time, whoever waits in vain hangs up (RFC 4028).

use super::{
    DialogId, Endpoint, Hop,
    happening::Happening,
    stage::Stage,
    transactions::{Purpose, TransactionId},
    usage::{Exchange, Usage},
};
use crate::{
    transaction::Rebase,
    wire::{
        Contact, Header as _, HeaderName, Headers, MessageWriter, Method, MinSe, NameAddr, OptionTag,
        Refresher, Request, Require, Response, SequenceNumber, SessionExpires, StatusCode, Supported,
    },
};
use alloc::boxed::Box;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use terms::time::Instant;

/// The extension's name.
const TIMER: &str = "timer";
/// RFC 4028 §5: what Min-SE means where it is missing.
const LEAST: u32 = 90;
/// RFC 4028 §10: so long before its end, or a third of it, a session is given up.
const MARGIN: Duration = Duration::from_secs(32);
/// When a refresh is tried again that was refused, or that something else stood in the way of.
const AGAIN: Duration = Duration::from_secs(5);
/// How often an INVITE is sent whose interval is too small for somebody.
const ATTEMPTS: SequenceNumber = SequenceNumber(5);

/// Who keeps a session alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Role {
    /// We do, next at that moment.
    Refreshes { next: Instant },
    /// The peer does.
    Waits,
}

/// A session that ends unless it is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    seconds: u32,
    role: Role,
    ends_at: Instant,
}

/// What is due of a session.
enum Due {
    Nothing,
    Refresh,
    Bye,
}

impl Session {
    fn begin(now: Instant, seconds: u32, side: Side) -> Self {
        let interval = Duration::from_secs(seconds.into());
        let ends_at = now + interval.saturating_sub(MARGIN.min(interval / 3));
        let role = match side {
            Side::Ours => Role::Refreshes { next: now + interval / 2 },
            Side::Theirs => Role::Waits,
        };
        Self { seconds, role, ends_at }
    }

    pub(super) fn deadline(self) -> Instant {
        match self.role {
            Role::Refreshes { next } => next.min(self.ends_at),
            Role::Waits => self.ends_at,
        }
    }

    pub(super) fn rebased(self, rebase: Rebase) -> Self {
        let role = match self.role {
            Role::Refreshes { next } => Role::Refreshes { next: rebase.at(next) },
            Role::Waits => Role::Waits,
        };
        Self { role, ends_at: rebase.at(self.ends_at), ..self }
    }

    fn due(self, now: Instant) -> Due {
        match self.role {
            _ if now >= self.ends_at => Due::Bye,
            Role::Refreshes { next } if now >= next => Due::Refresh,
            Role::Refreshes { .. } | Role::Waits => Due::Nothing,
        }
    }

    fn refresh_at(&mut self, at: Instant) {
        if let Role::Refreshes { next } = &mut self.role {
            *next = at;
        }
    }

    /// What a request of ours says of it.
    const fn as_asked(self) -> SessionExpires {
        let refresher = match self.role {
            Role::Refreshes { .. } => Refresher::Uac,
            Role::Waits => Refresher::Uas,
        };
        SessionExpires { seconds: self.seconds, refresher: Some(refresher) }
    }
}

/// Which of the two refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

/// RFC 4028 §9: whether a request's interval is too small for us, which its sender can be told.
pub(super) fn is_too_small(request: &Request, minimum: Duration) -> bool {
    let is_session = matches!(request.method, Method::Invite | Method::Update);
    is_session
        && asked(&request.headers).is_some_and(|asked| u64::from(asked.seconds) < minimum.as_secs())
        && knows_timer(&request.headers)
}

fn asked(headers: &Headers) -> Option<SessionExpires> {
    headers.first().ok().flatten()
}

fn knows_timer(headers: &Headers) -> bool {
    headers.all::<Supported>().flatten().any(|Supported(tag)| tag.0.is(TIMER))
}

fn min_se(headers: &Headers) -> u32 {
    headers.first::<MinSe>().ok().flatten().map_or(LEAST, |MinSe(seconds)| seconds.max(LEAST))
}

impl Endpoint {
    /// What our INVITE asks for: no refresher, the callee chooses.
    pub(super) fn write_wish(&self, writer: &mut MessageWriter) {
        let wanted = self.config.session;
        writer.header(&SessionExpires { seconds: seconds(wanted.interval), refresher: None });
        if seconds(wanted.minimum) > LEAST {
            writer.header(&MinSe(seconds(wanted.minimum)));
        }
    }

    /// What a later request of ours says of the session.
    pub(super) fn write_session(usage: &Usage, writer: &mut MessageWriter) {
        if let Some(session) = usage.session {
            writer.header(&session.as_asked());
        }
        if usage.min_se > LEAST {
            writer.header(&MinSe(usage.min_se));
        }
    }

    /// RFC 4028 §9: what our 2xx to an INVITE or UPDATE says, by which the session lives from now on.
    pub(super) fn agree_session(&mut self, now: Instant, id: DialogId, to: TransactionId) -> Agreed {
        let wanted = self.config.session;
        let (Some(transaction), Some(usage)) = (self.transactions.get(to), self.usages.get_mut(id)) else {
            return Agreed::NOTHING;
        };
        let request = &transaction.request;
        if !matches!(request.method, Method::Invite | Method::Update) {
            return Agreed::NOTHING;
        }
        let least = min_se(&request.headers).max(seconds(wanted.minimum));
        let within = |seconds: u32| seconds.min(self::seconds(wanted.interval)).max(least);
        let agreed = match (asked(&request.headers), knows_timer(&request.headers)) {
            (Some(asked), true) => Some((within(asked.seconds), asked.refresher.unwrap_or(Refresher::Uac))),
            (None, true) => Some((within(u32::MAX), Refresher::Uac)),
            // A proxy asks, and only we can do it.
            (Some(asked), false) => Some((within(asked.seconds), Refresher::Uas)),
            (None, false) => None,
        };
        usage.min_se = least;
        usage.session = agreed.map(|(seconds, refresher)| {
            let side = if refresher == Refresher::Uas { Side::Ours } else { Side::Theirs };
            Session::begin(now, seconds, side)
        });
        Agreed(agreed.map(|(seconds, refresher)| SessionExpires { seconds, refresher: Some(refresher) }))
    }

    /// RFC 4028 §7.2: what a 2xx to an INVITE or UPDATE of ours says.
    pub(super) fn note_session(&mut self, now: Instant, id: DialogId, response: &Response) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let side = |refresher| if refresher == Some(Refresher::Uas) { Side::Theirs } else { Side::Ours };
        usage.session = match (asked(&response.headers), usage.session) {
            (Some(agreed), _) => Some(Session::begin(now, agreed.seconds.max(LEAST), side(agreed.refresher))),
            // Deviation: some leave it out of the answer to a refresh and expect the next all the same.
            (None, Some(Session { seconds, role: Role::Refreshes { .. }, .. })) => {
                Some(Session::begin(now, seconds, Side::Ours))
            }
            (None, _) => None,
        };
    }

    pub(super) fn on_session_timer(&mut self, now: Instant, id: DialogId) {
        let session = self.usages.get(id).and_then(|usage| usage.session);
        match session.map_or(Due::Nothing, |session| session.due(now)) {
            Due::Nothing => {}
            Due::Refresh => self.refresh(now, id),
            Due::Bye => {
                if let Some(usage) = self.usages.get_mut(id) {
                    usage.session = None;
                }
                self.advance(now, id, Happening::Silence);
            }
        }
    }

    /// RFC 4028 §7.4: by UPDATE without an offer where the peer takes it, else by a re-INVITE that
    /// says what we said last.
    fn refresh(&mut self, now: Instant, id: DialogId) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let is_quiet = usage.is_quiet() && usage.stage == Stage::Confirmed;
        let (end, by_update) = (usage.session.map(|session| session.ends_at), usage.takes_update);
        if let (Some(session), Some(end)) = (&mut usage.session, end) {
            session.refresh_at(if is_quiet { end } else { now + AGAIN });
        }
        if !is_quiet {
            return;
        }
        let (method, body) =
            if by_update { (Method::Update, None) } else { (Method::Invite, usage.offers.said.clone()) };
        let usage = usage.clone();
        let sent = self.ask_in_dialog(now, id, (method, Purpose::Refresh), |writer| {
            writer.header(&Contact::Address(NameAddr::new(usage.dialog.contact.clone())));
            super::capabilities::write_allow(writer);
            super::capabilities::write_supported(writer);
            Self::write_session(&usage, writer);
            body
        });
        if let (Some(sent), false, Some(usage)) = (sent, by_update, self.usages.get_mut(id)) {
            usage.offers.exchange = Exchange::Ours(sent);
            usage.offers.offering = usage.offers.said.clone().map(Box::new);
        }
    }

    /// A refresh was refused: it is tried again in another way, or later, as long as there is time.
    pub(super) fn on_refresh_refused(&mut self, now: Instant, id: DialogId, response: &Response) {
        let back_off = self.back_off(id);
        let Some(usage) = self.usages.get_mut(id) else { return };
        let pause = match response.status {
            StatusCode::SESSION_INTERVAL_TOO_SMALL => {
                usage.raise_interval(min_se(&response.headers));
                Duration::ZERO
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                usage.takes_update = false;
                Duration::ZERO
            }
            StatusCode::REQUEST_PENDING => back_off,
            _ => AGAIN,
        };
        if let Some(session) = &mut usage.session {
            session.refresh_at(now + pause.max(Duration::from_millis(100)));
        }
        self.rearm(id);
    }

    /// RFC 4028 §7.3: sends our INVITE anew with the interval that a 422 asks for. Says whether it did.
    pub(super) fn ask_longer(
        &mut self,
        now: Instant,
        id: DialogId,
        (request, hop): (&Request, Hop),
        response: &Response,
    ) -> bool {
        let least = min_se(&response.headers);
        let Some(usage) = self.usages.get(id) else { return false };
        let (contact, number) = (usage.dialog.contact.clone(), usage.dialog.local_cseq.next());
        let is_waiting = matches!(usage.stage, Stage::Calling | Stage::Proceeding);
        let is_longer = asked(&request.headers).is_some_and(|asked| asked.seconds < least);
        if !is_waiting || !is_longer || number > ATTEMPTS {
            return false;
        }
        let Some(via) = self.via(hop) else { return false };
        let mut writer = MessageWriter::request(&Method::Invite, &request.uri);
        writer.header(&via).header(&crate::wire::CSeq { number, method: Method::Invite });
        writer.header(&SessionExpires { seconds: least, refresher: None }).header(&MinSe(least));
        copy_others(request, &mut writer);
        let bytes = writer.finish(request.body().as_ref());
        let Some(sent) = self.ask(now, (id, Purpose::Invite), hop, &bytes) else { return false };
        self.usages.update(id, |usage| {
            usage.stage = Stage::Calling;
            usage.invite = sent;
            usage.min_se = least;
            usage.dialog = crate::dialog::Dialog::of_caller(request, contact);
            usage.dialog.local_cseq = number;
            usage.forks.clear();
        });
        true
    }
}

/// All headers that do not change when an INVITE is sent anew.
fn copy_others(request: &Request, writer: &mut MessageWriter) {
    for (name, value) in request.headers.iter() {
        let known = HeaderName::from_bytes(name.as_bytes());
        let is_new = matches!(
            known,
            Some(
                HeaderName::Via
                    | HeaderName::CSeq
                    | HeaderName::SessionExpires
                    | HeaderName::MinSe
                    | HeaderName::ContentType
                    | HeaderName::ContentLength
            )
        );
        if !is_new {
            writer.raw(&name, &value);
        }
    }
}

/// What a 2xx of ours says of the session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreed(Option<SessionExpires>);

impl Agreed {
    const NOTHING: Self = Self(None);

    /// RFC 4028 §9: where the peer has to refresh, it has to know how.
    pub(super) fn write(self, writer: &mut MessageWriter) {
        let Some(expires) = self.0 else { return };
        if expires.refresher == Some(Refresher::Uac) {
            writer.header_with(Require::NAME, |out| Require(OptionTag(TIMER.into())).write(out));
        }
        writer.header(&expires);
    }
}

impl Usage {
    /// RFC 4028 §7.3: no shorter than somebody on the way wants it.
    pub(super) fn raise_interval(&mut self, least: u32) {
        self.min_se = self.min_se.max(least);
        if let Some(session) = &mut self.session {
            session.seconds = session.seconds.max(least);
        }
    }
}

fn seconds(interval: Duration) -> u32 {
    u32::try_from(interval.as_secs()).unwrap_or(u32::MAX)
}
