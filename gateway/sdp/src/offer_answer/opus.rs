//! RFC 7587 §6.1: what a peer says of the Opus that it wants.

use terms::media::{Codec, Format, InBandFec, OpusWish};

use crate::description::MediaDescription;

/// The wishes beside a format; what is malformed or unknown is passed over.
pub(super) fn wish(media: &MediaDescription<'_>, format: Format) -> OpusWish {
    let parameters = media.fmtp(format.payload_type).filter(|_| format.codec == Codec::Opus);
    let mut wish = OpusWish::default();
    for parameter in parameters.unwrap_or_default().split(';') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("maxaveragebitrate") {
            wish.max_bitrate = value.parse().ok();
        } else if name.eq_ignore_ascii_case("maxplaybackrate") {
            wish.max_playback_hz = value.parse().ok();
        } else if name.eq_ignore_ascii_case("useinbandfec") && value == "1" {
            wish.fec = InBandFec::Used;
        }
    }
    wish
}
