//! The encoding names of RTP payload types (RFC 3551 §6, RFC 8866 §6.6).

use terms::media::{ClockRate, Codec, PayloadType, SampleRate};

use crate::description::MediaDescription;

/// RFC 3551 table 4: the number that stands for the codec without being told.
const fn static_payload_type(codec: Codec) -> Option<PayloadType> {
    match codec {
        Codec::Pcmu => Some(PayloadType(0)),
        Codec::Pcma => Some(PayloadType(8)),
        Codec::G722 => Some(PayloadType(9)),
        Codec::Opus | Codec::OpusNarrow | Codec::L16 | Codec::L16Narrow => None,
    }
}

/// The number under which we offer a codec: its static one, else one of those that most give it.
pub(super) const fn offered_payload_type(codec: Codec) -> PayloadType {
    match codec {
        Codec::Pcmu => PayloadType(0),
        Codec::Pcma => PayloadType(8),
        Codec::G722 => PayloadType(9),
        Codec::Opus | Codec::OpusNarrow => PayloadType(111),
        Codec::L16 => PayloadType(118),
        Codec::L16Narrow => PayloadType(119),
    }
}

/// The codec's encoding, as `a=rtpmap` says it.
pub(super) const fn encoding(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu => "PCMU/8000",
        Codec::Pcma => "PCMA/8000",
        Codec::G722 => "G722/8000",
        Codec::Opus | Codec::OpusNarrow => "opus/48000/2",
        Codec::L16 => "L16/16000",
        Codec::L16Narrow => "L16/8000",
    }
}

/// The codec's parameters of ours, as `a=fmtp` says them.
pub(super) const fn parameters(codec: Codec) -> Option<&'static str> {
    match codec {
        // RFC 7587 §6.1: the peer need not send what we don't play, nor expect more of us.
        Codec::Opus | Codec::OpusNarrow => {
            Some("maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1")
        }
        Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16 | Codec::L16Narrow => None,
    }
}

/// What a payload type means in a media line: by its `a=rtpmap`, else by its static number.
pub(super) fn codec_of(media: &MediaDescription<'_>, payload_type: PayloadType) -> Option<Codec> {
    Codec::ALL.into_iter().find(|codec| match media.rtpmap(payload_type) {
        Some(mapped) => is_encoding(mapped, encoding(*codec)),
        None => static_payload_type(*codec) == Some(payload_type),
    })
}

/// RFC 4733 §7.1.1: the encoding of telephone events on a clock.
pub(super) const fn events(clock: ClockRate) -> &'static str {
    match clock {
        ClockRate::Hz8000 => "telephone-event/8000",
        ClockRate::Hz16000 => "telephone-event/16000",
        ClockRate::Hz48000 => "telephone-event/48000",
    }
}

/// The payload type of telephone events beside a codec of `clock`. Deviation from RFC 4733 §2.1: peers may offer them
/// on another clock than the codec's alone, which tells the keys as well.
pub(super) fn events_of(media: &MediaDescription<'_>, clock: ClockRate) -> Option<PayloadType> {
    let on_clock = |clock: ClockRate| {
        let is_on_clock = |mapped| is_encoding(mapped, events(clock));
        media.payload_types().find(|payload_type| media.rtpmap(*payload_type).is_some_and(is_on_clock))
    };
    [clock, ClockRate::Hz8000, ClockRate::Hz16000, ClockRate::Hz48000].into_iter().find_map(on_clock)
}

/// The number under which we offer telephone events on a clock, where `first` is theirs on that of G.711.
pub(super) const fn offered_events(clock: ClockRate, first: PayloadType) -> PayloadType {
    match clock {
        ClockRate::Hz8000 => first,
        ClockRate::Hz16000 => PayloadType(109),
        ClockRate::Hz48000 => PayloadType(110),
    }
}

/// RFC 3389 §6: comfort noise on an 8 kHz clock.
pub(super) const NOISE: &str = "CN/8000";
/// RFC 3551 table 4: its number, which needs no `a=rtpmap`.
pub(super) const STATIC_NOISE: PayloadType = PayloadType(13);

/// The payload type of comfort noise beside a codec: on an 8 kHz clock it is of a narrow band.
pub(super) fn noise_of(media: &MediaDescription<'_>, codec: Codec) -> Option<PayloadType> {
    let mut numbers = media.payload_types().filter(|_| codec.sample_rate() == SampleRate::Hz8000);
    numbers.find(|payload_type| match media.rtpmap(*payload_type) {
        Some(mapped) => is_encoding(mapped, NOISE),
        None => *payload_type == STATIC_NOISE,
    })
}

/// Names compare without case (RFC 8866 §6.6); one channel need not be said.
fn is_encoding(mapped: &str, encoding: &str) -> bool {
    let mapped = mapped.strip_suffix("/1").unwrap_or(mapped);
    mapped.eq_ignore_ascii_case(encoding)
}
