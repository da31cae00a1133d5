//! Content-Type (RFC 3261 §20.15).

use super::{Header, HeaderName, Shape};
use crate::wire::{Params, Piece, Text, scan};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};

/// What a body is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentType {
    /// `type/subtype` as it came.
    media: Text,
    /// boundary, charset and the like.
    pub params: Params,
}

impl ContentType {
    /// A session description (RFC 4566).
    pub const SDP: Self = Self::of("application/sdp");
    /// Digits in the form of Cisco's gateways.
    pub const DTMF_RELAY: Self = Self::of("application/dtmf-relay");
    /// A digit alone.
    pub const DTMF: Self = Self::of("application/dtmf");
    /// RFC 5168.
    pub const MEDIA_CONTROL: Self = Self::of("application/media_control+xml");

    /// A media type without parameters, `type/subtype`.
    pub const fn of(media: &'static str) -> Self {
        Self { media: Text::from_static(media), params: Params::EMPTY }
    }

    /// Whether it is that media type, parameters apart.
    pub fn is(&self, media: &str) -> bool {
        self.media.is(media)
    }

    /// `type/subtype`.
    pub const fn media(&self) -> &Text {
        &self.media
    }
}

impl Header for ContentType {
    const NAME: HeaderName = HeaderName::ContentType;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let params_at = bytes.iter().position(|byte| *byte == b';').unwrap_or(bytes.len());
        let (media, params) = bytes.split_at_checked(params_at)?;
        let (kind, subtype) = scan::split_at_byte(media, b'/');
        let (kind, subtype) = (scan::trim(kind), scan::trim(subtype?));
        if !scan::is_token(kind) || !scan::is_token(subtype) {
            return None;
        }
        let media = scan::trim(media);
        let media = if kind.len() + subtype.len() + 1 == media.len() {
            value.part(media)
        } else {
            bytes::Bytes::from([kind, b"/", subtype].concat()).into()
        };
        Some(Self { media, params: Params::parse(value.part(params))? })
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_slice(self.media.as_bytes());
        out.put_slice(self.params.as_text().as_bytes());
    }
}
