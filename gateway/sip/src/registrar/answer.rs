//! What a REGISTER is told that was carried out (RFC 3261 §10.3 step 8).

use super::{
    Gruus, Locations, Registration,
    locations::Entry,
    registration::{Contacts, Known},
};
use crate::{
    endpoint::ExtraHeader,
    wire::{FlowTimer, Header as _, HeaderName, NameAddr, OptionTag, Path, Require, Text},
};
use alloc::vec::Vec;
use bytes::{BufMut as _, BytesMut};
use core::{fmt::Write as _, time::Duration};
use terms::{AccountName, entropy::Entropy, time::Instant};

/// How long a device may leave a flow without a keep-alive (RFC 5626 §4.4.1 recommends 120 s for UDP).
const FLOW_TIMER: FlowTimer = FlowTimer(120);

/// Makes answers.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The bindings, after the request.
    pub locations: &'a Locations,
    /// Who makes GRUUs.
    pub gruus: &'a Gruus,
    /// The request.
    pub registration: &'a Registration,
}

impl Answer<'_> {
    /// The headers of the 200. `entropy` makes temporary GRUUs differ.
    pub fn headers(&self, now: Instant, account: &AccountName, entropy: &mut Entropy) -> Vec<ExtraHeader> {
        let entries = self.locations.entries(account);
        let contact = |entry: &Entry| ExtraHeader {
            name: Text::from_static(HeaderName::Contact.as_str()),
            value: self.contact(now, entry, entropy.next_u32()),
        };
        let mut headers: Vec<ExtraHeader> = entries.iter().map(contact).collect();
        // RFC 3327 §5.3: what was taken is told back.
        headers.extend(self.registration.path.iter().map(|path| ExtraHeader::of(&Path(path.clone()))));
        headers.push(ExtraHeader {
            name: Text::from_static(HeaderName::Supported.as_str()),
            value: Text::from_static("path, outbound, gruu"),
        });
        if self.is_flow(entries) {
            // RFC 5626 §6.
            headers.push(ExtraHeader::of(&Require(OptionTag(Text::from_static("outbound")))));
            headers.push(ExtraHeader::of(&FLOW_TIMER));
        }
        headers
    }

    /// Whether this very request has made or kept a flow.
    fn is_flow(&self, entries: &[Entry]) -> bool {
        let Contacts::Each(wanted) = &self.registration.contacts else { return false };
        let is_its = |entry: &Entry| {
            entry.binding.flow.is_some() && wanted.iter().any(|wanted| wanted.reg_id == entry.binding.flow)
        };
        self.registration.knows.outbound == Known::Yes && entries.iter().any(is_its)
    }

    fn contact(&self, now: Instant, entry: &Entry, salt: u32) -> Text {
        let binding = &entry.binding;
        let mut out = BytesMut::with_capacity(256);
        crate::wire::Contact::Address(NameAddr { display: None, ..binding.contact.clone() }).write(&mut out);
        let left = entry.until.since(now).as_nanos().div_ceil(Duration::from_secs(1).as_nanos());
        write!(out, ";expires={left}").expect("BytesMut grows");
        if self.registration.knows.gruu == Known::Yes
            && let Some(instance) = &binding.instance
        {
            let address = &self.registration.address_of_record;
            let gruus = [
                (";pub-gruu=\"", Gruus::public(address, instance)),
                (";temp-gruu=\"", self.gruus.temporary(address, binding.epoch, salt)),
            ];
            for (name, gruu) in gruus.into_iter().filter_map(|(name, gruu)| Some((name, gruu?))) {
                out.put_slice(name.as_bytes());
                out.put_slice(gruu.as_bytes());
                out.put_u8(b'"');
            }
        }
        out.freeze().into()
    }
}
