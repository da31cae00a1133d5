//! Which transaction a message belongs to.

use crate::wire::{Branch, CallId, Head, Host, Method, Request, SequenceNumber, Tag, Text};
use serde::{Deserialize, Serialize};

/// RFC 3261 §17.1.3: a response belongs to the client transaction with its branch and CSeq method.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientKey {
    branch: Branch,
    method: Method,
}

impl ClientKey {
    /// The key of a message of ours, or of a response to one.
    pub fn of(head: &Head) -> Option<Self> {
        Some(Self { branch: head.via.branch()?, method: head.cseq.method.clone() })
    }
}

/// RFC 3261 §17.2.3: what a request has in common with those of its server transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServerKey {
    sent_by: (Host, u16),
    branch: Option<Branch>,
    method: Method,
    legacy: Option<Legacy>,
}

/// What names the transaction of a sender from before RFC 3261, whose branch does not.
///
/// Deviation: the To tag is left out, since that of an ACK is ours and that of the INVITE is none;
/// From tag, Call-ID and CSeq tell two transactions apart without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Legacy {
    uri: Text,
    from_tag: Option<Tag>,
    call_id: CallId,
    number: SequenceNumber,
}

impl ServerKey {
    /// The key of a request. An ACK has that of its INVITE.
    pub fn of(request: &Request) -> Self {
        match request.method {
            Method::Ack => Self::with_method(request, Method::Invite),
            ref method => Self::with_method(request, method.clone()),
        }
    }

    /// RFC 3261 §9.2: the key of the INVITE that a CANCEL is for.
    pub fn cancelled_by(cancel: &Request) -> Self {
        Self::with_method(cancel, Method::Invite)
    }

    fn with_method(request: &Request, method: Method) -> Self {
        let head = &request.head;
        let branch = head.via.branch();
        let legacy = (!branch.as_ref().is_some_and(Branch::is_unique)).then(|| Legacy {
            uri: request.uri.as_text().clone(),
            from_tag: head.from.tag(),
            call_id: head.call_id.clone(),
            number: head.cseq.number,
        });
        Self { sent_by: (head.via.host.clone(), head.via.port_or_default()), branch, method, legacy }
    }
}

/// RFC 3261 §8.2.2.2: a request outside a dialog that reaches us twice by different ways has these
/// in common with itself, and not its [`ServerKey`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MergeKey {
    from_tag: Option<Tag>,
    call_id: CallId,
    number: SequenceNumber,
    method: Method,
}

impl MergeKey {
    /// The key of a request without a To tag; others cannot merge.
    pub fn of(request: &Request) -> Option<Self> {
        let head = &request.head;
        head.to.tag().is_none().then(|| Self {
            from_tag: head.from.tag(),
            call_id: head.call_id.clone(),
            number: head.cseq.number,
            method: request.method.clone(),
        })
    }
}
