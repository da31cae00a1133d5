//! What a REGISTER asks for.

use super::Refused;
use crate::endpoint::Hop;
use crate::wire::{
    CallId, Contact, Expires, HeaderName, Headers, NameAddr, OptionTag, Path, Request, SequenceNumber,
    Supported, Text, Uri, Via,
};
use alloc::vec::Vec;

/// A REGISTER, read (RFC 3261 §10.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Whose bindings (To): the user part is the account.
    pub address_of_record: Uri,
    /// What shall become of them.
    pub contacts: Contacts,
    /// The proxies between us and the device (RFC 3327), the nearest first.
    pub path: Vec<NameAddr>,
    /// Who asks, in order: Call-ID and number.
    pub call_id: CallId,
    /// Its number.
    pub number: SequenceNumber,
    /// Where it came from.
    pub source: Hop,
    /// What the device calls itself.
    pub user_agent: Option<Text>,
    /// What a Polycom device writes behind its From: a number that stays, of its hardware.
    pub epid: Option<Text>,
    /// The extensions that it knows.
    pub(super) knows: Knows,
    /// Whether a proxy is between us and the device.
    pub(super) distance: Distance,
}

/// What a REGISTER wants of the bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts {
    /// To be told of them.
    Query,
    /// All gone (RFC 3261 §10.2.2).
    RemoveAll,
    /// These to be there, or to go.
    Each(Vec<Wanted>),
}

/// One Contact of a REGISTER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where the device is, with its parameters.
    pub address: NameAddr,
    /// For how long, in seconds; 0 ends it. What the device leaves open is `None`.
    pub expires: Option<u32>,
    /// Which device (RFC 5626 §4.1).
    pub instance: Option<Text>,
    /// Which of its flows.
    pub reg_id: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Knows {
    pub(super) outbound: Known,
    pub(super) gruu: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distance {
    /// The device's own connection, or its own datagram.
    Direct,
    /// Another hop is between; whether it keeps flows apart (RFC 5626 §5.1: `ob` in its Path).
    Behind(Known),
}

impl Registration {
    /// Reads a REGISTER that came from `source`.
    pub fn read(request: &Request, source: Hop) -> Result<Self, Refused> {
        let headers = &request.headers;
        let path: Vec<NameAddr> =
            headers.all::<Path>().map(|path| path.map(|path| path.0)).collect::<Result<_, _>>()?;
        let head = &request.head;
        Ok(Self {
            address_of_record: head.to.uri.clone(),
            contacts: read_contacts(headers)?,
            distance: distance(headers, &path),
            path,
            call_id: head.call_id.clone(),
            number: head.cseq.number,
            source,
            user_agent: headers.raw(HeaderName::UserAgent).next(),
            epid: head.from.params.get("epid").filter(|epid| !epid.is_empty()),
            knows: Knows { outbound: knows(headers, "outbound"), gruu: knows(headers, "gruu") },
        })
    }

    /// As if the device did not know GRUUs.
    pub const fn ignore_gruu(&mut self) {
        self.knows.gruu = Known::No;
    }

    /// As if it did not know outbound.
    pub const fn ignore_outbound(&mut self) {
        self.knows.outbound = Known::No;
    }

    /// Which device asks, as far as it says so: by `+sip.instance`, which stays when all else changes.
    pub fn instance(&self) -> Option<&Text> {
        match &self.contacts {
            Contacts::Each(wanted) => wanted.iter().find_map(|wanted| wanted.instance.as_ref()),
            Contacts::Query | Contacts::RemoveAll => None,
        }
    }
}

fn knows(headers: &Headers, extension: &str) -> Known {
    let mut all = headers.all::<Supported>().filter_map(Result::ok);
    if all.any(|Supported(OptionTag(tag))| tag.is(extension)) { Known::Yes } else { Known::No }
}

/// RFC 3261 §10.3 step 6: `*` stands alone, and with Expires: 0.
fn read_contacts(headers: &Headers) -> Result<Contacts, Refused> {
    // A value that is no number counts as none (§20.19 has 3600 then).
    let expires = headers.first::<Expires>().ok().flatten().map(|Expires(seconds)| seconds);
    let (mut wanted, mut is_all) = (Vec::new(), false);
    for contact in headers.all::<Contact>() {
        match contact? {
            Contact::All => is_all = true,
            Contact::Address(address) => wanted.push(Wanted {
                expires: address.expires().map(|Expires(seconds)| seconds).or(expires),
                instance: address.instance(),
                reg_id: address.reg_id(),
                address,
            }),
        }
    }
    match (is_all, wanted.is_empty()) {
        (true, true) if expires == Some(0) => Ok(Contacts::RemoveAll),
        (true, _) => Err(Refused::Star),
        (false, true) => Ok(Contacts::Query),
        (false, false) => Ok(Contacts::Each(wanted)),
    }
}

fn distance(headers: &Headers, path: &[NameAddr]) -> Distance {
    if headers.all::<Via>().nth(1).is_none() && path.is_empty() {
        return Distance::Direct;
    }
    // RFC 5626 §6: the last Path value is the first hop's.
    let first_hop = path.last().is_some_and(|path| path.uri.params().has("ob"));
    Distance::Behind(if first_hop { Known::Yes } else { Known::No })
}
