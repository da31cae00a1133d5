//! The encoding names of RTP payload types (RFC 3551 §6, RFC 8866 §6.6).

use terms::media::{Codec, PayloadType};

use crate::description::MediaDescription;

/// RFC 3551 table 4: the number that stands for the codec without being told.
pub(super) const fn static_payload_type(codec: Codec) -> PayloadType {
    match codec {
        Codec::Pcmu => PayloadType(0),
        Codec::Pcma => PayloadType(8),
    }
}

/// The codec's encoding, as `a=rtpmap` says it.
pub(super) const fn encoding(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu => "PCMU/8000",
        Codec::Pcma => "PCMA/8000",
    }
}

/// What a payload type means in a media line: by its `a=rtpmap`, else by its static number.
pub(super) fn codec_of(media: &MediaDescription<'_>, payload_type: PayloadType) -> Option<Codec> {
    const ALL: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];
    ALL.into_iter().find(|codec| match media.rtpmap(payload_type) {
        Some(mapped) => is_encoding(mapped, encoding(*codec)),
        None => static_payload_type(*codec) == payload_type,
    })
}

/// RFC 4733 §7.1.1: the payload type of telephone events. Deviation from §2.1: peers that have wide band too may offer
/// them on its clock alone, which tells the keys as well.
pub(super) fn events_of(media: &MediaDescription<'_>) -> Option<PayloadType> {
    const CLOCKS: [&str; 3] = ["telephone-event/8000", "telephone-event/16000", "telephone-event/48000"];
    let on_clock = |clock: &&str| {
        media
            .payload_types()
            .find(|payload_type| media.rtpmap(*payload_type).is_some_and(|mapped| is_encoding(mapped, clock)))
    };
    CLOCKS.iter().find_map(on_clock)
}

/// RFC 3389 §6: comfort noise on an 8 kHz clock.
pub(super) const NOISE: &str = "CN/8000";
/// RFC 3551 table 4: its number, which needs no `a=rtpmap`.
pub(super) const STATIC_NOISE: PayloadType = PayloadType(13);

/// The payload type of comfort noise on an 8 kHz clock.
pub(super) fn noise_of(media: &MediaDescription<'_>) -> Option<PayloadType> {
    media.payload_types().find(|payload_type| match media.rtpmap(*payload_type) {
        Some(mapped) => is_encoding(mapped, NOISE),
        None => *payload_type == STATIC_NOISE,
    })
}

/// Names compare without case (RFC 8866 §6.6); one channel need not be said.
fn is_encoding(mapped: &str, encoding: &str) -> bool {
    let mapped = mapped.strip_suffix("/1").unwrap_or(mapped);
    mapped.eq_ignore_ascii_case(encoding)
}
