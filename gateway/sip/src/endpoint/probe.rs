//! Whether the peer still knows the call: OPTIONS within the dialog (RFC 3261 §11).

use super::{
    Counted, DialogId, Endpoint, Event, capabilities, happening::Happening, stage::Stage,
    transactions::Purpose,
};
use crate::wire::{HeaderName, Method, Response, StatusCode};
use terms::time::Instant;

impl Endpoint {
    /// One at a time is enough: who asks twice gets one answer.
    pub(super) fn send_probe(&mut self, now: Instant, id: DialogId) {
        let is_confirmed = self.usages.get(id).is_some_and(|usage| usage.stage == Stage::Confirmed);
        let accept = self.config.accept.clone();
        let sent = is_confirmed
            .then(|| {
                self.ask_in_dialog(now, id, (Method::Options, Purpose::Probe), |writer| {
                    writer.text(HeaderName::Accept, &accept);
                    capabilities::write_allow(writer);
                    capabilities::write_supported(writer);
                    None
                })
            })
            .flatten();
        if sent.is_none() {
            self.count(Counted::CommandIgnored(id));
        }
    }

    /// RFC 3261 §12.2.1.2: 481 and 408 end the dialog; whatever else it says, the peer knows of it.
    ///
    /// Deviation: no answer at all does not end it, though it should. Some trunks never answer OPTIONS
    /// within a dialog; who probes knows what else there is against the call.
    pub(super) fn on_probe_answer(&mut self, now: Instant, id: DialogId, response: &Response) {
        match response.status {
            status @ (StatusCode::NO_SUCH_DIALOG | StatusCode::REQUEST_TIMEOUT) => {
                self.advance(now, id, Happening::Gone(status));
            }
            status if status.is_provisional() => {}
            _ => {
                let is_live = self.usages.get(id).is_some_and(|usage| !usage.stage.is_told_over());
                if is_live {
                    self.emit(Event::Probed { dialog: id });
                }
            }
        }
    }
}
