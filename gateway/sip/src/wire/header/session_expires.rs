//! Session-Expires (RFC 4028 §4).

use super::{Header, HeaderName, Shape};
use crate::wire::{Params, Piece, host::write_display, scan};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};

/// Who keeps a session alive, by the request that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refresher {
    /// Whoever sent the request.
    Uac,
    /// Whoever answered it.
    Uas,
}

/// How long a session lives without a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionExpires {
    /// In seconds.
    pub seconds: u32,
    /// Who refreshes, when it is told.
    pub refresher: Option<Refresher>,
}

impl Header for SessionExpires {
    const NAME: HeaderName = HeaderName::SessionExpires;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let (seconds, params) = split_seconds(value)?;
        let refresher = match params.get("refresher") {
            Some(side) if side.is("uac") => Some(Refresher::Uac),
            Some(side) if side.is("uas") => Some(Refresher::Uas),
            Some(_) | None => None,
        };
        Some(Self { seconds, refresher })
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.seconds);
        match self.refresher {
            Some(Refresher::Uac) => out.put_slice(b";refresher=uac"),
            Some(Refresher::Uas) => out.put_slice(b";refresher=uas"),
            None => {}
        }
    }
}

/// `delta-seconds` and the parameters behind.
pub(super) fn split_seconds(value: Piece<'_>) -> Option<(u32, Params)> {
    let bytes = value.as_bytes();
    let params_at = scan::find(bytes, b';').unwrap_or(bytes.len());
    let (seconds, params) = bytes.split_at_checked(params_at)?;
    let seconds = scan::decimal(scan::trim(seconds)).and_then(|seconds| u32::try_from(seconds).ok())?;
    Some((seconds, Params::parse(value.part(params))?))
}
