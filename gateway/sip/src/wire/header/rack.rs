//! RAck (RFC 3262 §7.2).

use super::{CSeq, Header, HeaderName, RSeq, Shape};
use crate::wire::{Piece, host::write_display, scan};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};

/// Which reliable provisional response a PRACK is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RAck {
    /// Its RSeq.
    pub rseq: RSeq,
    /// Its CSeq.
    pub cseq: CSeq,
}

impl Header for RAck {
    const NAME: HeaderName = HeaderName::RAck;
    const SHAPE: Shape = Shape::Single;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let blank = bytes.iter().position(|byte| scan::is_blank(*byte))?;
        let (rseq, rest) = bytes.split_at_checked(blank)?;
        Some(Self { rseq: RSeq::parse(value.sub(rseq))?, cseq: CSeq::parse(value.sub(scan::trim(rest)))? })
    }

    fn write(&self, out: &mut BytesMut) {
        self.rseq.write(out);
        out.put_u8(b' ');
        write_display(out, self.cseq.number.0);
        out.put_u8(b' ');
        out.put_slice(self.cseq.method.as_bytes());
    }
}
