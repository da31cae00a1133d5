//! Requests within a dialog (RFC 3261 §12.2.1.1).

use super::Dialog;
use crate::wire::{CSeq, From, MaxForwards, MessageWriter, Method, Route, SequenceNumber, To, Uri, Via};

impl Dialog {
    /// Begins the dialog's next request; its number is used up.
    pub fn next_request(&mut self, method: Method, via: &Via) -> MessageWriter {
        self.local_cseq = self.local_cseq.next();
        self.request_numbered(self.local_cseq, method, via)
    }

    /// Begins a request of a given number: the ACK for a 2xx has that of its INVITE (§13.2.2.4).
    pub fn request_numbered(&self, number: SequenceNumber, method: Method, via: &Via) -> MessageWriter {
        let mut writer = MessageWriter::request(&method, self.request_uri());
        writer.header(via);
        for route in self.routes() {
            writer.header(&route);
        }
        writer
            .header(&From(self.local.clone()))
            .header(&To(self.remote.clone()))
            .header(&self.call_id)
            .header(&CSeq { number, method })
            .header(&MaxForwards::INITIAL);
        writer
    }

    /// The URI of whoever the request goes to next: the first route, or the peer.
    pub fn next_target(&self) -> &Uri {
        self.route_set.first().map_or(&self.remote_target, |route| &route.0.uri)
    }

    fn begins_strict(&self) -> bool {
        self.route_set.first().is_some_and(|route| !route.0.uri.params().has("lr"))
    }

    fn request_uri(&self) -> &Uri {
        if self.begins_strict() { self.next_target() } else { &self.remote_target }
    }

    /// A strict router takes its own URI from the request line, and the peer's from the last Route.
    fn routes(&self) -> impl Iterator<Item = Route> {
        let skipped = usize::from(self.begins_strict());
        let last =
            self.begins_strict().then(|| Route(crate::wire::NameAddr::new(self.remote_target.clone())));
        self.route_set.iter().skip(skipped).cloned().chain(last)
    }
}
