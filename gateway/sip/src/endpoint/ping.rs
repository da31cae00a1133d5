//! OPTIONS outside of dialogs that keep a translator's binding open (RFC 3261 §11): sent once, and nobody waits for the answer.

use super::{Endpoint, Hop, minter};
use crate::wire::{
    CSeq, From, HeaderName, MaxForwards, MessageWriter, Method, NameAddr, SequenceNumber, To, Uri,
};

impl Endpoint {
    /// A stream needs none: its translator knows when it ends.
    pub(super) fn send_ping(&mut self, hop: Hop, uri: &Uri) {
        if self.is_stream(hop) {
            return;
        }
        let own = self.listener(hop.listener).map(minter::address);
        let Some((via, own)) = self.via(hop).zip(own) else { return };
        let from = From(NameAddr::new(own).with_tag(&self.minter.tag()));
        let mut writer = MessageWriter::request(&Method::Options, uri);
        writer
            .header(&via)
            .header(&from)
            .header(&To(NameAddr::new(uri.clone())))
            .header(&self.minter.call_id())
            .header(&CSeq { number: SequenceNumber(1), method: Method::Options })
            .header(&MaxForwards::INITIAL);
        writer.text(HeaderName::Accept, &self.config.accept);
        writer.text(HeaderName::UserAgent, &self.config.product);
        self.transmit(hop, writer.finish(None));
    }
}
