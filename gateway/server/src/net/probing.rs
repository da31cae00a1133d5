//! Probes that come to the sockets of SIP, and to those beside the media ports (MEDIA-8).

use std::{collections::BTreeMap, net::SocketAddr};

use media::Clock;
use probe::{Counted, Responder};
use sip::endpoint::ListenerId;

use crate::config::{Probe, ProbeState};

/// Whose socket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// A SIP listener's.
    Sip(ListenerId),
    /// Nobody speaks there but who probes.
    Media,
}

/// Answers probes, by one clock and one key.
#[derive(Debug)]
pub struct Probing {
    responder: Responder,
    state: ProbeState,
    clock: Clock,
    media: BTreeMap<ListenerId, Vec<SocketAddr>>,
}

impl Probing {
    /// With a key that nobody else knows, and where the media of each listener's zone is probed.
    pub fn new(
        probe: Probe,
        key: [u8; 32],
        clock: Clock,
        media: BTreeMap<ListenerId, Vec<SocketAddr>>,
    ) -> Self {
        Self { responder: Responder::new(probe.settings, key), state: probe.state, clock, media }
    }

    pub(super) const fn configure(&mut self, probe: Probe) {
        self.state = probe.state;
        self.responder.configure(probe.settings);
    }

    pub(super) fn take_counted(&mut self) -> Counted {
        self.responder.take_counted()
    }

    /// Whether it is a probe's, and not SIP's.
    pub(super) fn takes(&self, bytes: &[u8]) -> bool {
        self.state == ProbeState::On && probe::is_probe(bytes)
    }

    /// Writes the answer over the question, and says whether there is one.
    pub(super) fn answer(&mut self, face: Face, source: SocketAddr, bytes: &mut [u8]) -> bool {
        let media = match face {
            Face::Sip(listener) => self.media.get(&listener).map_or(&[][..], Vec::as_slice),
            Face::Media => &[],
        };
        let now = self.clock.now().mono;
        self.state == ProbeState::On && self.responder.answer(now, source, media, bytes).is_ok()
    }
}
