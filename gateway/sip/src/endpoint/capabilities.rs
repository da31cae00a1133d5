//! What we take and what we know.

use crate::wire::{HeaderName, Headers, MessageWriter, Method, OptionTag, Require};
use alloc::vec::Vec;
use bytes::BufMut as _;

/// What Allow says.
const ALLOWED: [Method; 8] = [
    Method::Invite,
    Method::Ack,
    Method::Cancel,
    Method::Bye,
    Method::Options,
    Method::Info,
    Method::Update,
    Method::Prack,
];

/// What Supported says.
const SUPPORTED: [&str; 2] = ["100rel", "timer"];

/// What a REGISTER may require besides (RFC 3327, RFC 5626, RFC 5627).
const OF_REGISTER: [&str; 3] = ["path", "outbound", "gruu"];

/// Whether we take requests of that method.
pub(super) fn allows(method: &Method) -> bool {
    ALLOWED.contains(method)
}

/// Adds Allow.
pub(super) fn write_allow(writer: &mut MessageWriter) {
    writer.header_with(HeaderName::Allow, |out| {
        for (at, method) in ALLOWED.iter().enumerate() {
            if at > 0 {
                out.put_slice(b", ");
            }
            out.put_slice(method.as_bytes());
        }
    });
}

/// Adds Supported; an empty one says that we know of it and support nothing (RFC 3261 §20.37).
pub(super) fn write_supported(writer: &mut MessageWriter) {
    writer.header_with(HeaderName::Supported, |out| {
        for (at, tag) in SUPPORTED.iter().enumerate() {
            if at > 0 {
                out.put_slice(b", ");
            }
            out.put_slice(tag.as_bytes());
        }
    });
}

/// RFC 3261 §8.2.2.3: the required extensions that we do not know.
pub(super) fn unsupported(method: &Method, headers: &Headers) -> Vec<OptionTag> {
    let required = headers.all::<Require>().filter_map(Result::ok);
    let more: &[&str] = if *method == Method::Register { &OF_REGISTER } else { &[] };
    let unknown = |tag: &OptionTag| !SUPPORTED.iter().chain(more).any(|known| tag.0.is(known));
    required.map(|Require(tag)| tag).filter(unknown).collect()
}
