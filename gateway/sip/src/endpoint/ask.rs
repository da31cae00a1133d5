//! Requests of ours.

use super::{
    Body, DialogId, Endpoint, Hop, Listener,
    connections::Sender,
    routing,
    transactions::{Beginning, Purpose, TransactionId},
};
use crate::{
    dialog::Dialog,
    wire::{self, Branch, HeaderName, Message, MessageWriter, Method, Request, Tag, Via},
};
use bytes::Bytes;
use terms::time::Instant;

impl Endpoint {
    /// The Via of a request that leaves by that socket.
    pub(super) fn via(&mut self, hop: Hop) -> Option<Via> {
        let branch = self.minter.branch();
        self.listener(hop.listener).map(|listener| via_of(listener, &branch))
    }

    /// Sends a request by a client transaction. What was written is read back: the transaction keeps
    /// a request like any other, and nothing leaves that could not be read.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        (owner, purpose): (DialogId, Purpose),
        hop: Hop,
        bytes: &Bytes,
    ) -> Option<TransactionId> {
        let (request, otherwise) = (as_request(bytes)?, hop.destination);
        let wide = self.wide_hop(now, hop, bytes.len());
        let wide = wide.and_then(|wide| Some((self.readdressed(&request, wide)?, wide, Some(hop))));
        let (request, hop, way_back) = wide.unwrap_or((request, hop, None));
        let bytes = request.wire().clone();
        let pace = self.pace(hop.listener);
        let source = hop.destination;
        let beginning = Beginning { owner: Some(owner), purpose, hop, otherwise, way_back, source, request };
        let id = self.transactions.begin_client(now, pace, beginning);
        self.deadlines.set(
            super::deadlines::TimerId::Transaction(id),
            self.transactions.get(id).and_then(|transaction| transaction.deadline()),
        );
        self.transmit_for(Sender::Transaction(id), hop, bytes);
        Some(id)
    }

    /// Sends the dialog's next request. `write` adds its headers and yields its body.
    pub(super) fn ask_in_dialog(
        &mut self,
        now: Instant,
        id: DialogId,
        asked: (Method, Purpose),
        write: impl FnOnce(&mut MessageWriter) -> Option<Body>,
    ) -> Option<TransactionId> {
        self.ask_peer(now, (id, None), asked, write)
    }

    /// The same within the early dialog with the peer of that tag.
    pub(super) fn ask_peer(
        &mut self,
        now: Instant,
        (id, peer): (DialogId, Option<&Tag>),
        (method, purpose): (Method, Purpose),
        write: impl FnOnce(&mut MessageWriter) -> Option<Body>,
    ) -> Option<TransactionId> {
        let usage = self.usages.get_mut(id)?;
        let seen = usage.peer;
        let hop = routing::request_hop(usage.dialog_with(peer), seen);
        let hop = self.by_theirs(hop, seen);
        let via = self.via(hop)?;
        let product = self.config.product.clone();
        let dialog = self.usages.get_mut(id)?.dialog_with(peer);
        let mut writer = dialog.next_request(method, &via);
        writer.text(HeaderName::UserAgent, &product);
        let body = write(&mut writer);
        self.ask(now, (id, purpose), hop, &writer.finish(body.as_ref()))
    }

    /// RFC 3261 §15.1.1: BYE within the usage's dialog, with the owner's reason.
    pub(super) fn send_bye(&mut self, now: Instant, id: DialogId) {
        let reason = self.usages.get(id).and_then(|usage| usage.parting.clone());
        self.ask_in_dialog(now, id, (Method::Bye, Purpose::Passing), |writer| {
            if let Some(reason) = reason.as_deref() {
                writer.header(reason);
            }
            None
        });
    }

    /// BYE to an early dialog's peer that answered after another did.
    pub(super) fn send_bye_to_fork(&mut self, now: Instant, id: DialogId, fork: &mut Dialog) {
        let Some(peer) = self.usages.get(id).map(|usage| usage.peer) else { return };
        let hop = self.by_theirs(routing::request_hop(fork, peer), peer);
        let Some(via) = self.via(hop) else { return };
        let bytes = fork.next_request(Method::Bye, &via).finish(None);
        self.ask(now, (id, Purpose::Passing), hop, &bytes);
    }
}

fn via_of(listener: &Listener, branch: &Branch) -> Via {
    Via::new(listener.transport.clone(), listener.host.clone(), listener.port, branch)
}

pub(super) fn as_request(bytes: &Bytes) -> Option<Request> {
    match wire::parse(bytes.clone()) {
        Ok(Message::Request(request)) => Some(*request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}
