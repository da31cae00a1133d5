//! Tags, branches and Call-IDs: our origin, then what nobody can guess.

use super::{DialogId, Listener, Share};
use crate::wire::{Branch, CallId, Head, Tag, Text, Transport, Uri};
use bytes::BytesMut;
use core::fmt::Write as _;
use terms::{entropy::Entropy, id::Origin};

/// Makes all names that we put on the wire.
#[derive(Debug)]
pub(super) struct Minter {
    origin: Origin,
    entropy: Entropy,
    /// Keys the tags of stateless answers.
    secret: u64,
    /// Keys the draw of a share. It shows nowhere: a tag tells the other one to who can reckon.
    lots: u64,
    invites: u64,
}

impl Minter {
    pub(super) const fn new(origin: Origin, entropy: Entropy) -> Self {
        let mut entropy = entropy;
        let (secret, lots) = (entropy.next_u64(), entropy.next_u64());
        Self { origin, entropy, secret, lots, invites: 0 }
    }

    fn text(&self, write: impl FnOnce(&mut BytesMut) -> core::fmt::Result) -> Text {
        let mut out = BytesMut::with_capacity(64);
        write(&mut out).expect("BytesMut grows");
        out.freeze().into()
    }

    pub(super) fn tag(&mut self) -> Tag {
        let (origin, random) = (self.origin, self.entropy.next_u64());
        Tag(self.text(|out| write!(out, "{origin}-{random:016x}")))
    }

    pub(super) fn branch(&mut self) -> Branch {
        let (origin, random) = (self.origin, self.entropy.next_u64());
        Branch(self.text(|out| write!(out, "{}{origin}-{random:016x}", Branch::COOKIE)))
    }

    pub(super) fn call_id(&mut self) -> CallId {
        let (origin, random, more) = (self.origin, self.entropy.next_u64(), self.entropy.next_u64());
        CallId(self.text(|out| write!(out, "{origin}-{random:016x}{more:016x}")))
    }

    /// Where a dialog of ours is reached.
    pub(super) fn contact(&self, dialog: DialogId, listener: &Listener) -> Uri {
        let Listener { host, port, transport, .. } = listener;
        let by = match transport {
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
            Transport::Udp | Transport::Other(_) => "",
        };
        let (origin, number) = (self.origin, dialog.as_u64());
        let text = self.text(|out| write!(out, "sip:{origin}.{number:x}@{host}:{port}{by}"));
        Uri::parse(text).expect("an origin, a number, a host and a port make a URI")
    }

    /// RFC 3261 §8.2.7: the same tag for the same request, with no state kept.
    pub(super) fn stateless_tag(&self, head: &Head) -> Tag {
        let hash = hash(self.secret, head);
        Tag(self.text(|out| write!(out, "{}-{hash:016x}", self.origin)))
    }

    /// Whether a request is among this share of all: the same answer for the same request, however often it comes.
    pub(super) fn is_among(&self, share: Share, head: &Head) -> bool {
        (hash(self.lots, head) >> 32) % u64::from(Share::ALL.parts()) < u64::from(share.parts())
    }

    /// The name of the next INVITE that comes in.
    pub(super) const fn incoming(&mut self) -> DialogId {
        self.invites += 1;
        DialogId::incoming(self.invites)
    }

    /// Names given before a restart are not given again.
    pub(super) const fn skip_past(&mut self, dialog: DialogId) {
        if dialog.is_incoming() && dialog.serial() > self.invites {
            self.invites = dialog.serial();
        }
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.entropy.below(u64::from(bound))).unwrap_or(0)
    }
}

/// A listener, as who asks for nobody.
pub(super) fn address(listener: &Listener) -> Uri {
    let Listener { host, port, .. } = listener;
    let text = alloc::format!("sip:{host}:{port}");
    Uri::parse(text.into()).expect("a host and a port make a URI")
}

/// FNV-1a, begun with a secret.
fn hash(secret: u64, head: &Head) -> u64 {
    let branch = head.via.branch().map(|branch| branch.0).unwrap_or_default();
    let from = head.from.tag().map(|tag| tag.0).unwrap_or_default();
    let parts = [branch.as_bytes(), from.as_bytes(), head.call_id.0.as_bytes()];
    parts.iter().copied().flatten().fold(secret ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
