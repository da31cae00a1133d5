//! What an endpoint is asked to do.

use super::ListenerId;
use crate::wire::{Body, Header, MaxForwards, NameAddr, Reason, RetryAfter, StatusCode, Text, Uri, Warning};
use alloc::{boxed::Box, vec::Vec};
use bytes::BytesMut;
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};

/// Names an INVITE usage: the dialog, or the early dialogs, that one INVITE made.
///
/// The lowest bit tells who gave the name, so that both sides mint without asking. The endpoint
/// names incoming ones; whoever commands [`Command::Invite`] names the new one with
/// [`DialogId::outgoing`] and a serial that it never uses twice, and may send further commands to
/// it at once. An id is unique within an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DialogId(u64);

impl DialogId {
    /// The how-manieth INVITE that came in.
    pub(crate) const fn incoming(serial: u64) -> Self {
        Self(serial << 1)
    }

    /// The how-manieth INVITE that went out, counted by whoever commands it; below 2^63.
    pub const fn outgoing(serial: u64) -> Self {
        Self((serial << 1) | 1)
    }

    /// Whether the endpoint named it.
    pub const fn is_incoming(self) -> bool {
        self.0 & 1 == 0
    }

    /// The count behind the name.
    pub(crate) const fn serial(self) -> u64 {
        self.0 >> 1
    }

    /// The number, for logs and for the Contact user.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// Names a request outside a dialog that the owner answers. Never given twice within an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub(crate) u64);

impl RequestId {
    /// The number, for logs.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// A header that the endpoint has no part in. Line ends in it become spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraHeader {
    /// Its name as it will stand.
    pub name: Text,
    /// Its value as it will stand.
    pub value: Text,
}

impl ExtraHeader {
    /// A header that we understand.
    pub fn of<H: Header>(header: &H) -> Self {
        let mut value = BytesMut::new();
        header.write(&mut value);
        Self { name: Text::from_static(H::NAME.as_str()), value: value.freeze().into() }
    }
}

/// Whether a provisional response is sent until the peer has acknowledged it (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Reliability {
    /// It is sent once, unless the peer requires more.
    #[default]
    BestEffort,
    /// It is sent until its PRACK comes, where the peer knows of that.
    Acknowledged,
}

/// Where a request goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// From this socket.
    pub listener: ListenerId,
    /// To this address.
    pub destination: SocketAddr,
    /// How, where a request is too long for a datagram.
    pub oversize: Oversize,
}

impl Hop {
    /// By that listener to that address, whatever the length.
    pub const fn new(listener: ListenerId, destination: SocketAddr) -> Self {
        Self { listener, destination, oversize: Oversize::Same }
    }

    /// What tells where a message goes.
    pub(crate) const fn way(self) -> (ListenerId, SocketAddr) {
        (self.listener, self.destination)
    }
}

/// RFC 3261 §18.1.1: how a request of more than 1300 bytes goes to a hop of a datagram listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Oversize {
    /// Like any other. Carriers want it so.
    Same,
    /// By this stream listener, to the same address. If no connection is up within 500 ms, or it is
    /// refused, the request goes by a datagram after all, and so do others for an hour.
    Stream(ListenerId),
}

impl Oversize {
    pub(crate) const fn listener(self) -> Option<ListenerId> {
        match self {
            Self::Same => None,
            Self::Stream(listener) => Some(listener),
        }
    }
}

/// A call to make. The endpoint adds Via, tags, Call-ID, CSeq, Contact, Allow, Supported, User-Agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The name that the call shall have.
    pub dialog: DialogId,
    /// The Request-URI.
    pub uri: Uri,
    /// Where it goes.
    pub hop: Hop,
    /// The caller; a tag in it is replaced.
    pub from: NameAddr,
    /// The callee, without a tag.
    pub to: NameAddr,
    /// How many proxies it may still pass: a B2BUA hands on one less than it got.
    pub max_forwards: MaxForwards,
    /// The offer.
    pub body: Option<Body>,
    /// Identity, Diversion, Route and whatever else.
    pub headers: Vec<ExtraHeader>,
}

/// A final answer that is no success, and what it says of why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 300 to 699; a lower one is sent as 500.
    pub status: StatusCode,
    /// RFC 3326 and RFC 6432.
    pub reason: Option<Reason>,
    /// RFC 3261 §20.43.
    pub warning: Option<Warning>,
    /// RFC 3261 §20.33.
    pub retry_after: Option<RetryAfter>,
    /// Contact of a 3xx and whatever else.
    pub headers: Vec<ExtraHeader>,
}

impl Refusal {
    /// Only a status.
    pub const fn new(status: StatusCode) -> Self {
        Self { status, reason: None, warning: None, retry_after: None, headers: Vec::new() }
    }
}

/// What an endpoint is asked to do. A command that the state of its dialog does not allow (it may
/// have crossed a BYE) changes nothing and yields `Counted::CommandIgnored`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Makes a call. `Progressed`, then `Accepted` or `Failed` follow.
    Invite(Box<Invite>),
    /// Sends 101 to 199 to an INVITE that came.
    Progress {
        /// Which.
        dialog: DialogId,
        /// 180, 183, ...
        status: StatusCode,
        /// Whether it shall be acknowledged: `ProgressAcknowledged` follows. Those behind it wait
        /// for that, and where it has a body the final 200 does.
        reliability: Reliability,
        /// Early media's answer, or the offer where the INVITE had none and the peer will acknowledge.
        body: Option<Body>,
        /// Whatever else.
        headers: Vec<ExtraHeader>,
    },
    /// Sends 200 to an INVITE that came. `Acknowledged` follows.
    Answer {
        /// Which.
        dialog: DialogId,
        /// The answer, or the offer where the INVITE had none.
        body: Option<Body>,
        /// Whatever else.
        headers: Vec<ExtraHeader>,
    },
    /// Refuses an INVITE that came. `Ended` follows at once.
    Refuse {
        /// Which.
        dialog: DialogId,
        /// With what.
        refusal: Refusal,
    },
    /// Ends a call in any state: CANCEL (held back until a 1xx came, RFC 3261 §9.1), BYE (held back
    /// until our 200 is acknowledged, §15), or 480. `Ended` follows at once; what the wire still
    /// needs goes on inside.
    Hangup {
        /// Which.
        dialog: DialogId,
        /// RFC 3326.
        reason: Option<Reason>,
    },
    /// Answers the offer that came where we made none: in `Accepted`, in `ReofferAnswered`, or in a
    /// `Progressed` with Require: 100rel. ACK or PRACK carries it, and is sent only now.
    Acknowledge {
        /// Which.
        dialog: DialogId,
        /// The answer.
        body: Option<Body>,
    },
    /// Sends a re-INVITE, or an UPDATE while the call is not answered (RFC 3311 §5.1: only when the
    /// INVITE's own offer is answered reliably). `ReofferAnswered` follows.
    Reoffer {
        /// Which.
        dialog: DialogId,
        /// The offer; none asks the peer for one, which `Acknowledge` then answers.
        body: Option<Body>,
    },
    /// Sends 200 to a re-INVITE, UPDATE or PRACK with an offer that came.
    AnswerReoffer {
        /// Which.
        dialog: DialogId,
        /// The answer, or the offer where the re-INVITE had none.
        body: Option<Body>,
    },
    /// Refuses a re-INVITE or UPDATE that came; the call goes on as it was (RFC 3261 §14.2).
    RefuseReoffer {
        /// Which.
        dialog: DialogId,
        /// With what, 488 most often.
        refusal: Refusal,
    },
    /// Answers a REGISTER that came; one whose sender has given up is answered to nobody.
    AnswerRegister {
        /// Which.
        request: RequestId,
        /// 200 to 699; a lower one is sent as 500.
        status: StatusCode,
        /// Contact, WWW-Authenticate and whatever else.
        headers: Vec<ExtraHeader>,
    },
    /// Whether calls are taken from here on.
    Serve(Serving),
    /// How long requests of a dialog go from here on (RFC 3261 §18.1.1): `Same` for a call that came.
    Reach {
        /// Which.
        dialog: DialogId,
        /// How.
        oversize: Oversize,
    },
    /// Asks a peer whose call is confirmed whether it still knows of it, by OPTIONS. `Probed` follows
    /// where it does, `Ended` where it says that it doesn't, nothing where it says nothing.
    Probe {
        /// Which.
        dialog: DialogId,
    },
    /// Sends an OPTIONS outside of dialogs, once, where a datagram would go. What it is answered is counted, and no more.
    Ping {
        /// Where to.
        hop: Hop,
        /// Whom it asks.
        uri: Uri,
    },
    /// Sends INFO (RFC 6086). What it is answered is not told, unless the dialog is gone.
    Info {
        /// Which.
        dialog: DialogId,
        /// Digits, a picture request, ...
        body: Body,
    },
}

/// Whether new calls are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Serving {
    /// They are.
    #[default]
    All,
    /// This share of them is; the INVITEs beyond it get 503 with Retry-After (REL-1). OPTIONS is answered as ever: a
    /// peer that took the 503 for an outage would stay away long after.
    Part(Share),
    /// What is going on goes on; INVITE and OPTIONS beyond a dialog get 503 with Retry-After, so that peers look for
    /// another way.
    Known,
}

/// A share of what comes, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self(1_000);

    /// So many of a thousand; all, where they are more.
    pub const fn of_1000(parts: u16) -> Self {
        if parts < Self::ALL.0 { Self(parts) } else { Self::ALL }
    }

    /// Of a thousand, so many.
    pub const fn parts(self) -> u16 {
        self.0
    }

    /// Half of it, rounded down.
    #[must_use]
    pub const fn half(self) -> Self {
        Self(self.0 / 2)
    }

    /// This and so many thousandths more, everything at most.
    #[must_use]
    pub const fn plus(self, parts: u16) -> Self {
        Self::of_1000(self.0.saturating_add(parts))
    }
}
