//! A dialog as one value: all of it shows on the wire.

use super::DialogKey;
use crate::wire::{
    CallId, Contact, Head, HeaderName, Headers, Malformed, NameAddr, RecordRoute, Request, Response, Route,
    SequenceNumber, Tag, Text, Uri,
};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Whether a final answer has made the dialog firm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// A 101 to 199 with a tag made it.
    Early,
    /// A 2xx made it.
    Confirmed,
}

/// RFC 3262 §3, §4: where the reliable provisional responses of a dialog are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provisionals {
    /// RSeq of the last one that we sent.
    pub sent: Option<u32>,
    /// RSeq of the last one that came in order.
    pub received: Option<u32>,
}

/// A dialog (RFC 3261 §12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dialog {
    /// Early or confirmed.
    pub phase: Phase,
    /// Call-ID.
    pub call_id: CallId,
    /// We, with our tag.
    pub local: NameAddr,
    /// The peer; without a tag until it has answered.
    pub remote: NameAddr,
    /// The proxies to pass, in our order.
    pub route_set: Vec<Route>,
    /// Where the peer is reached directly.
    pub remote_target: Uri,
    /// Where we are.
    pub contact: Uri,
    /// The number of our last request.
    pub local_cseq: SequenceNumber,
    /// The number of the peer's last request.
    pub remote_cseq: Option<SequenceNumber>,
    /// Reliable provisional responses.
    pub provisionals: Provisionals,
}

/// Why a request is not taken into a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// RFC 3261 §12.1.1: it has no Contact that can be read. We answer 400.
    #[error("no Contact to reach the peer by")]
    NoContact,
    /// A Record-Route does not parse. We answer 400.
    #[error("a Record-Route does not parse")]
    RecordRoute,
    /// RFC 3261 §12.2.2: its CSeq is not above the last one. We answer 500.
    #[error("CSeq is out of order")]
    OutOfOrder,
}

impl Dialog {
    /// RFC 3261 §12.1.1: the dialog that our answer to `invite` makes.
    pub fn of_callee(invite: &Request, tag: &Tag, contact: Uri) -> Result<Self, DialogError> {
        let Head { from, to, call_id, cseq, .. } = &invite.head;
        let dialog = Self {
            phase: Phase::Early,
            call_id: call_id.clone(),
            local: to.with_tag(tag),
            remote: from.clone(),
            route_set: recorded(&invite.headers).map_err(|_| DialogError::RecordRoute)?,
            remote_target: target(&invite.headers).ok_or(DialogError::NoContact)?,
            contact,
            local_cseq: SequenceNumber(0),
            remote_cseq: Some(cseq.number),
            provisionals: Provisionals::default(),
        };
        Ok(dialog.detached())
    }

    /// The dialog that an answer to our `invite` will make; no peer has joined it yet.
    pub fn of_caller(invite: &Request, contact: Uri) -> Self {
        let Head { from, to, call_id, cseq, .. } = &invite.head;
        let dialog = Self {
            phase: Phase::Early,
            call_id: call_id.clone(),
            local: from.clone(),
            remote: to.clone(),
            route_set: Vec::new(),
            remote_target: invite.uri.clone(),
            contact,
            local_cseq: cseq.number,
            remote_cseq: None,
            provisionals: Provisionals::default(),
        };
        dialog.detached()
    }

    /// RFC 3261 §12.1.2: the same with the peer that sent `response` to our INVITE. A 2xx gives the
    /// route set anew (§13.2.2.4). What does not parse stays as it was: the call is worth more.
    #[must_use]
    pub fn joined_by(&self, response: &Response) -> Self {
        let mut route_set = recorded(&response.headers).unwrap_or_default();
        route_set.reverse();
        let is_success = response.status.is_success();
        let dialog = Self {
            phase: if is_success { Phase::Confirmed } else { self.phase },
            remote: response.head.to.clone(),
            route_set,
            remote_target: target(&response.headers).unwrap_or_else(|| self.remote_target.clone()),
            ..self.clone()
        };
        dialog.detached()
    }

    /// The same without the messages that it was made of: it lives much longer than these.
    fn detached(mut self) -> Self {
        let Self { call_id, local, remote, route_set, remote_target, contact, .. } = &mut self;
        let routes = route_set.iter_mut().map(|Route(address)| address);
        let addresses = [local, remote].into_iter().chain(routes).flat_map(NameAddr::texts_mut);
        let uris = [remote_target, contact].into_iter().map(Uri::text_mut);
        Text::detach(addresses.chain(uris).chain([&mut call_id.0]));
        self
    }

    /// What names it.
    pub fn key(&self) -> DialogKey {
        let local = self.local.tag().unwrap_or_else(|| Tag(crate::wire::Text::default()));
        DialogKey { call_id: self.call_id.clone(), local, remote: self.remote.tag() }
    }

    /// RFC 3261 §12.2.2: takes a request of the peer, other than ACK and CANCEL, into its order.
    pub fn take(&mut self, number: SequenceNumber) -> Result<(), DialogError> {
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return Err(DialogError::OutOfOrder);
        }
        self.remote_cseq = Some(number);
        Ok(())
    }

    /// RFC 3261 §12.2.1.2, §12.2.2: a target refresh moves the peer.
    pub fn refresh_target(&mut self, headers: &Headers) {
        if let Some(uri) = target(headers) {
            self.remote_target = uri;
        }
    }
}

/// The address in Contact. One with another scheme than ours cannot be reached.
fn target(headers: &Headers) -> Option<Uri> {
    headers.first::<Contact>().ok().flatten()?.address().map(|address| address.uri)
}

fn recorded(headers: &Headers) -> Result<Vec<Route>, Malformed> {
    if !headers.has(HeaderName::RecordRoute) {
        return Ok(Vec::new());
    }
    headers.all::<RecordRoute>().map(|route| route.map(|RecordRoute(address)| Route(address))).collect()
}
