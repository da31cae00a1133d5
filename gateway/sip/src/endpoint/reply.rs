//! Responses (RFC 3261 §8.2.6).

use super::{ExtraHeader, Refusal, capabilities};
use crate::wire::{
    BadRequest, HeaderName, Headers, MessageWriter, Method, MinSe, OptionTag, Request, RetryAfter,
    StatusCode, Tag, To, Unsupported, Via,
};
use alloc::vec::Vec;
use bytes::BufMut as _;
use core::net::SocketAddr;

/// What of a request shows in each answer to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) via: &'a Via,
    pub(super) headers: &'a Headers,
    pub(super) source: SocketAddr,
}

impl<'a> Asked<'a> {
    pub(super) const fn of(request: &'a Request, source: SocketAddr) -> Self {
        Self { method: &request.method, via: &request.head.via, headers: &request.headers, source }
    }

    pub(super) const fn of_bad(bad: &'a BadRequest, source: SocketAddr) -> Self {
        Self { method: &bad.method, via: &bad.via, headers: &bad.headers, source }
    }

    /// Begins an answer. `tag` goes to a To that has none; 100 has none (§8.2.6.2).
    pub(super) fn answer(self, status: StatusCode, tag: &Tag) -> MessageWriter {
        let mut writer = MessageWriter::response(status);
        self.write_vias(&mut writer);
        self.copy(&mut writer, HeaderName::From);
        self.write_to(&mut writer, (status != StatusCode::TRYING).then_some(tag));
        self.copy(&mut writer, HeaderName::CallId);
        self.copy(&mut writer, HeaderName::CSeq);
        if status == StatusCode::TRYING {
            self.copy(&mut writer, HeaderName::Timestamp);
        }
        // §12.1.1: an answer that makes a dialog carries the route back.
        let makes_dialog = *self.method == Method::Invite && (101..300).contains(&status.code());
        if makes_dialog {
            self.copy(&mut writer, HeaderName::RecordRoute);
        }
        writer
    }

    fn copy(self, writer: &mut MessageWriter, name: HeaderName) {
        for value in self.headers.raw(name) {
            writer.text(name, &value);
        }
    }

    fn write_vias(self, writer: &mut MessageWriter) {
        let others = self.headers.behind_first(HeaderName::Via);
        writer.header_with(HeaderName::Via, |out| {
            self.via.write_received(self.source, out);
            out.put_slice(others.as_bytes());
        });
        for value in self.headers.raw(HeaderName::Via).skip(1) {
            writer.text(HeaderName::Via, &value);
        }
    }

    /// A To that does not parse, in an answer to a malformed request, stays as it is.
    fn write_to(self, writer: &mut MessageWriter, tag: Option<&Tag>) {
        let parsed = self.headers.first::<To>().ok().flatten();
        let added = tag.filter(|_| parsed.is_some_and(|To(address)| !address.params.has("tag")));
        for value in self.headers.raw(HeaderName::To).take(1) {
            writer.header_with(HeaderName::To, |out| {
                out.put_slice(value.as_bytes());
                if let Some(Tag(tag)) = added {
                    out.put_slice(b";tag=");
                    out.put_slice(tag.as_bytes());
                }
            });
        }
    }
}

/// Why a request is refused without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// RFC 3261 §8.2.1: a method that nobody here knows.
    NotImplemented,
    /// RFC 3261 §8.2.1: a method that we do not take, or not there.
    NotAllowed,
    /// RFC 3515 §2.4.2: nobody is sent elsewhere by whoever calls.
    Declined,
    /// RFC 4028 §9.
    IntervalTooSmall(MinSe),
    /// RFC 3261 §8.2.2.1.
    Scheme,
    /// RFC 3261 §8.2.2.2.
    Merged,
    /// RFC 3261 §8.2.2.3.
    Extensions(Vec<OptionTag>),
    /// RFC 3261 §12.2.2, §9.2.
    NoDialog,
    /// RFC 3261 §12.2.2.
    OutOfOrder,
    /// RFC 3261 §14.2: an offer of theirs is under way.
    Busy(RetryAfter),
    /// RFC 3261 §14.2: an offer of ours is under way.
    Pending,
    /// What a dialog needs is missing.
    NoContact,
    /// A limit is met.
    Overload(RetryAfter),
}

impl Refused {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::NotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Declined => StatusCode::DECLINE,
            Self::IntervalTooSmall(_) => StatusCode::SESSION_INTERVAL_TOO_SMALL,
            Self::Scheme => StatusCode::UNSUPPORTED_URI_SCHEME,
            Self::Merged => StatusCode::LOOP_DETECTED,
            Self::Extensions(_) => StatusCode::BAD_EXTENSION,
            Self::NoDialog => StatusCode::NO_SUCH_DIALOG,
            Self::OutOfOrder | Self::Busy(_) => StatusCode::SERVER_INTERNAL_ERROR,
            Self::Pending => StatusCode::REQUEST_PENDING,
            Self::NoContact => StatusCode::BAD_REQUEST,
            Self::Overload(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Adds the headers that go with the status.
    pub(super) fn write(&self, writer: &mut MessageWriter) {
        match self {
            Self::NotImplemented | Self::NotAllowed => capabilities::write_allow(writer),
            Self::Extensions(tags) => {
                for tag in tags {
                    writer.header(&Unsupported(tag.clone()));
                }
            }
            Self::Busy(pause) | Self::Overload(pause) => {
                writer.header(pause);
            }
            Self::IntervalTooSmall(least) => {
                writer.header(least);
            }
            Self::Declined
            | Self::Scheme
            | Self::Merged
            | Self::NoDialog
            | Self::OutOfOrder
            | Self::Pending
            | Self::NoContact => {}
        }
    }
}

/// Adds what a refusal of the owner says.
pub(super) fn write_refusal(writer: &mut MessageWriter, refusal: &Refusal) {
    if let Some(reason) = &refusal.reason {
        writer.header(reason);
    }
    if let Some(warning) = &refusal.warning {
        writer.header(warning);
    }
    if let Some(pause) = &refusal.retry_after {
        writer.header(pause);
    }
    write_extra(writer, &refusal.headers);
}

/// Adds the owner's headers.
pub(super) fn write_extra(writer: &mut MessageWriter, headers: &[ExtraHeader]) {
    for ExtraHeader { name, value } in headers {
        writer.raw(name, value);
    }
}

/// A refusal's status: one that refuses nothing is sent as 500.
pub(super) fn refusing(status: StatusCode) -> StatusCode {
    if status.code() >= 300 { status } else { StatusCode::SERVER_INTERNAL_ERROR }
}
