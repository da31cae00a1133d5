//! Requests of the peer within a dialog (RFC 3261 §12.2.2).

use super::{
    DialogId, Endpoint, Event, Hop, happening::Happening, reoffer::RETRY_BELOW_SECONDS, reply::Refused,
    routing::Peer, stage::Stage, transactions::Purpose, uas::Said, usage::Opening,
};
use crate::{
    dialog::DialogKey,
    wire::{Method, Reason, Request, RetryAfter, StatusCode},
};
use alloc::{boxed::Box, vec::Vec};
use terms::time::Instant;

impl Endpoint {
    pub(super) fn on_in_dialog(&mut self, now: Instant, from: Hop, key: &DialogKey, request: Request) {
        let Some(id) = self.usages.of_dialog(key) else {
            return self.refuse(now, from, request, &Refused::NoDialog);
        };
        if let Err(refused) = self.take(id, key, &request) {
            return self.refuse(now, from, request, &refused);
        }
        match request.method {
            Method::Bye => self.on_bye(now, from, id, request),
            Method::Info => self.on_info(now, from, id, request),
            Method::Invite => self.on_reinvite(now, from, id, request),
            Method::Update => self.on_update(now, from, id, request),
            Method::Prack => self.on_prack(now, from, id, request),
            Method::Options => {
                let options = self.begin_server(from, request, Some((id, Purpose::Passing)));
                self.respond(now, options, StatusCode::OK, Self::write_capabilities);
            }
            // The machines above have taken ACK and CANCEL; `inspect` lets nothing else through.
            _ => self.refuse(now, from, request, &Refused::NotAllowed),
        }
    }

    /// Takes a request into its dialog's order. When all is over, only a BYE that crossed ours is
    /// still answered well (RFC 3261 §15.1.2).
    fn take(&mut self, id: DialogId, key: &DialogKey, request: &Request) -> Result<(), Refused> {
        let usage = self.usages.get_mut(id).ok_or(Refused::NoDialog)?;
        if usage.stage == Stage::Over && request.method != Method::Bye {
            return Err(Refused::NoDialog);
        }
        let dialog = usage.dialog_with(key.remote.as_ref());
        dialog.take(request.head.cseq.number).map_err(|_| Refused::OutOfOrder)
    }

    /// RFC 3261 §15.1.2.
    fn on_bye(&mut self, now: Instant, from: Hop, id: DialogId, request: Request) {
        let reason = request.headers.first::<Reason>().ok().flatten();
        let bye = self.begin_server(from, request, Some((id, Purpose::Passing)));
        self.respond(now, bye, StatusCode::OK, |_, _| {});
        self.advance(now, id, Happening::Bye(reason));
    }

    /// RFC 6086 §4.2.
    fn on_info(&mut self, now: Instant, from: Hop, id: DialogId, request: Request) {
        let told = Box::new(request.clone());
        let info = self.begin_server(from, request, Some((id, Purpose::Passing)));
        self.respond(now, info, StatusCode::OK, |_, _| {});
        let is_told_over = self.usages.get(id).is_none_or(|usage| usage.stage.is_told_over());
        if !is_told_over {
            self.emit(Event::Info { dialog: id, request: told });
        }
    }

    /// RFC 3311 §5.2: without an offer it refreshes the target and nothing else.
    fn on_update(&mut self, now: Instant, from: Hop, id: DialogId, request: Request) {
        if !request.body.is_empty() {
            let pause = RetryAfter(self.minter.below(RETRY_BELOW_SECONDS));
            // §5.2: not across the INVITE's own offer.
            return match self.usages.get(id).map(|usage| usage.offers.opening) {
                Some(Opening::Settled) => self.on_offer(now, from, id, request),
                Some(Opening::Ours) => self.refuse(now, from, request, &Refused::Pending),
                Some(Opening::None | Opening::Theirs) => {
                    self.refuse(now, from, request, &Refused::Busy(pause));
                }
                None => self.refuse(now, from, request, &Refused::NoDialog),
            };
        }
        self.refresh_target(id, from, &request);
        let update = self.begin_server(from, request, Some((id, Purpose::Passing)));
        self.answer_with(now, id, update, (StatusCode::OK, &Said { body: None, headers: Vec::new() }));
    }

    /// A target refresh moves the peer, and where it is seen (RFC 3261 §12.2.2).
    pub(super) fn refresh_target(&mut self, id: DialogId, from: Hop, request: &Request) {
        if let Some(usage) = self.usages.get_mut(id) {
            usage.note_allow(&request.headers);
            // Where the peer is may change, what the owner said of it does not.
            let oversize = usage.peer.hop.oversize;
            usage.peer = Peer::of_sender(Hop { oversize, ..from }, &request.head.via);
            usage.dialog_with(request.head.from.tag().as_ref()).refresh_target(&request.headers);
        }
    }
}
