//! One place where an account is reached.

use super::registration::{Known, Registration, Wanted};
use crate::{
    endpoint::Hop,
    wire::{CallId, NameAddr, SequenceNumber, Text},
};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use terms::time::WallTime;

/// One place where an account is reached. Serialized it is what the store keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The device's own word for where it is, less `expires`.
    pub contact: NameAddr,
    /// The proxies on the way there, the nearest to us first.
    pub path: Vec<NameAddr>,
    /// Where it was seen: behind a translator only this leads to it (RFC 3581).
    pub source: Hop,
    /// Which device (RFC 5626 §4.1).
    pub instance: Option<Text>,
    /// Which of its flows: then `source` is the flow, and nothing else leads there.
    pub flow: Option<u32>,
    /// A number of its hardware.
    pub epid: Option<Text>,
    /// What the device calls itself.
    pub user_agent: Option<Text>,
    /// Who asked for it, in order.
    pub call_id: CallId,
    /// The number of the latest request.
    pub number: SequenceNumber,
    /// Since when it has been there, refreshes counted in.
    pub since: WallTime,
    /// When it was refreshed last.
    pub refreshed: WallTime,
    /// When it ends by itself.
    pub expires: WallTime,
    /// Names it in temporary GRUUs; another once the Call-ID is another (RFC 5627 §5.3).
    pub epoch: u64,
}

impl Binding {
    /// What a REGISTER makes of one of its contacts at `now`, for so many seconds.
    pub(super) fn of(registration: &Registration, wanted: &Wanted, (now, seconds): (WallTime, u32)) -> Self {
        let is_outbound = registration.knows.outbound == Known::Yes && wanted.instance.is_some();
        let contact = NameAddr { params: wanted.address.params.without("expires"), ..wanted.address.clone() };
        let mut binding = Self {
            contact,
            path: registration.path.clone(),
            source: registration.source,
            instance: wanted.instance.clone(),
            flow: wanted.reg_id.filter(|_| is_outbound),
            epid: registration.epid.clone(),
            user_agent: registration.user_agent.clone(),
            call_id: registration.call_id.clone(),
            number: registration.number,
            since: now,
            refreshed: now,
            expires: later(now, seconds),
            epoch: 0,
        };
        binding.detach();
        binding
    }

    fn detach(&mut self) {
        let Self { contact, path, instance, epid, user_agent, call_id, .. } = self;
        let addresses = core::iter::once(contact).chain(path).flat_map(NameAddr::texts_mut);
        let others = [instance, epid, user_agent].into_iter().flatten();
        Text::detach(addresses.chain(others).chain([&mut call_id.0]));
    }

    /// Whether `wanted` means this binding: RFC 5626 §6 by device and flow, RFC 3261 §10.3 step 7 by URI, and a device that
    /// has one flow by itself alone (ROOM-3). What ends a contact means that URI: it may be the one that the device has left.
    pub(super) fn is_meant_by(&self, registration: &Registration, wanted: &Wanted) -> bool {
        let flow = wanted.reg_id.filter(|_| registration.knows.outbound == Known::Yes);
        match (&self.instance, &wanted.instance) {
            (Some(own), Some(other)) if flow.is_none() && wanted.expires == Some(0) => {
                own == other && self.contact.uri.is_equivalent(&wanted.address.uri)
            }
            (Some(own), Some(other)) => own == other && (flow == self.flow || flow.is_none()),
            (None, None) => self.contact.uri.is_equivalent(&wanted.address.uri),
            // RFC 5627 §5.1: a device that has learnt to name itself.
            (None, Some(_)) | (Some(_), None) => self.contact.uri.is_equivalent(&wanted.address.uri),
        }
    }

    /// Whether a device that has no name of its own left this binding behind and came back from elsewhere (ROOM-3): the number
    /// of its hardware is the same, or it goes on counting under the same Call-ID for a contact of the same user. (One of another
    /// user stands beside it: RFC 3261 §10.2.1.)
    pub(super) fn is_left_by(&self, registration: &Registration, wanted: &Wanted) -> bool {
        let same_hardware = self.epid.is_some() && self.epid == registration.epid;
        let same_user = self.contact.uri.user() == wanted.address.uri.user();
        let same_sender =
            same_user && self.call_id == registration.call_id && self.number < registration.number;
        self.instance.is_none() && (same_hardware || same_sender)
    }

    /// Whether it is the same device as another binding's, flows aside.
    pub(super) fn is_device_of(&self, other: &Self) -> bool {
        match (&self.instance, &other.instance) {
            (Some(own), Some(other)) => own == other,
            (None, None) => self.epid.is_some() && self.epid == other.epid,
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

/// So many seconds later.
pub(super) fn later(now: WallTime, seconds: u32) -> WallTime {
    WallTime::from_unix_nanos(now.as_unix_nanos().saturating_add(u64::from(seconds) * 1_000_000_000))
}
