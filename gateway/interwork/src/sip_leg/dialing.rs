//! Legs that we make: to a trunk, or to where an account is registered.

use std::sync::Arc;

use call::leg::{Dial, EndedBy, Way};
use sip::{
    endpoint::{Command, DialogId, Failure, Reliability},
    registrar::Binding,
};
use terms::{Cause, Instant, LegId, media::Encryption};

use super::{Exchange, Output, Secret, SipLeg, SipLegs, settle};
use crate::{
    causes::cause_of_failure,
    gates::{Gate, GateLimits},
    ice::Checks,
    outgoing::{self, Target},
    peers::{EarlyMedia, Keying, gate_of_listener, gate_of_trunk},
};

/// What is agreed with a peer that is dialed, before any offer.
struct Terms {
    encryption: Encryption,
    keying: Keying,
    early_media: EarlyMedia,
}

impl SipLegs {
    /// Makes a leg: OUT-3 always offers.
    pub(super) fn dial(&mut self, now: Instant, leg: LegId, dial: &Dial) {
        let settings = Arc::clone(&self.settings);
        let way = match &dial.way {
            Way::Trunk(trunk) => settings.peers.way_out(trunk),
            // The registrar is asked first.
            Way::Account(_) => None,
        };
        let Some((trunk, way)) = way else {
            return self.ended(leg, Cause::NO_ROUTE_TO_DESTINATION, EndedBy::Gateway);
        };
        let target = Target::of_trunk(&dial.number, way);
        let terms =
            Terms { encryption: trunk.encryption, keying: trunk.keying, early_media: trunk.early_media };
        self.invite(now, leg, (dial, target), (gate_of_trunk(trunk), terms));
    }

    /// Makes a leg to a device of an account: where it was seen, by the flow that it registered by.
    pub(super) fn reach_account(
        &mut self,
        now: Instant,
        leg: LegId,
        (dial, binding): (&Dial, Option<&Binding>),
    ) {
        let settings = Arc::clone(&self.settings);
        let listener = |binding: &Binding| settings.peers.listeners.get(&binding.source.listener);
        let Some((binding, listener)) = binding.and_then(|binding| Some((binding, listener(binding)?)))
        else {
            return self.ended(leg, Cause::NO_ROUTE_TO_DESTINATION, EndedBy::Gateway);
        };
        let target = Target::of_account(&dial.number, binding, listener.here);
        let terms = Terms {
            encryption: listener.encryption,
            keying: Keying::default(),
            early_media: EarlyMedia::default(),
        };
        self.invite(now, leg, (dial, target), (gate_of_listener(listener), terms));
    }

    fn invite(
        &mut self,
        now: Instant,
        leg: LegId,
        (dial, target): (&Dial, Option<Target>),
        (gate, terms): ((Gate, GateLimits), Terms),
    ) {
        let settings = Arc::clone(&self.settings);
        let gates = [gate];
        let Some(target) = target else {
            return self.ended(leg, Cause::INVALID_NUMBER_FORMAT, EndedBy::Gateway);
        };
        if let Err((gate, limit)) = self.legs.admit(now, &gates) {
            self.outputs.push_back(Output::Full(gate, limit));
            return self.ended(leg, limit.cause(), EndedBy::Gateway);
        }
        let dialog = DialogId::outgoing(leg.0 >> 1);
        let mut sip = SipLeg {
            dialog,
            gates: gates.into_iter().map(|(gate, _)| gate).collect(),
            exchange: Exchange::Delayed,
            said: None,
            session_id: self.entropy.next_u64() >> 2,
            version: 1,
            media: Some(dial.audio),
            secret: Secret::of(
                (terms.encryption, terms.keying),
                settings.peers.signaling(target.hop.listener),
                &mut self.keys,
            ),
            checks: Checks::default(),
            provisional: Reliability::default(),
            early_media: terms.early_media,
        };
        let fresh = self.keys.fresh();
        let offer = settle(&mut sip, &settings.capabilities, fresh).map(|settled| settled.text);
        let Some(invite) = offer.and_then(|offer| outgoing::invite(dialog, dial, target, offer)) else {
            return self.ended(leg, Cause::INVALID_NUMBER_FORMAT, EndedBy::Gateway);
        };
        self.legs.insert(leg, sip);
        self.outputs.push_back(Output::Sip(Command::Invite(Box::new(invite))));
    }

    pub(super) fn on_failed(&mut self, dialog: DialogId, failure: &Failure) {
        let Some(leg) = self.legs.of_dialog(dialog) else { return };
        self.legs.remove(leg);
        let by = match failure {
            Failure::Refused(_) => EndedBy::Peer,
            Failure::Timeout | Failure::NotSent(_) => EndedBy::Failure,
        };
        self.ended(leg, cause_of_failure(failure), by);
    }
}
