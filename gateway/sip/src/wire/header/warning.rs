//! Warning (RFC 3261 §20.43).

use super::{Header, HeaderName, Shape, name_addr};
use crate::wire::{Piece, Text, host::write_display, scan};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};

/// More about a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// 300 to 399.
    pub code: u16,
    /// The host that warns, or a name for it.
    pub agent: Text,
    /// What it says, without quotes.
    pub text: Text,
}

impl Header for Warning {
    const NAME: HeaderName = HeaderName::Warning;
    const SHAPE: Shape = Shape::List;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let (code, rest) = scan::split_at_byte(value.as_bytes(), b' ');
        let code = u16::try_from(scan::decimal(code)?).ok().filter(|code| (100..1000).contains(code))?;
        let (agent, rest) = scan::split_at_byte(scan::trim(rest?), b' ');
        let quoted = scan::trim(rest?);
        let inside = quoted.get(1..scan::quoted_len(quoted)?.checked_sub(1)?)?;
        Some(Self { code, agent: value.part(agent), text: name_addr::unescape(value, inside) })
    }

    fn write(&self, out: &mut BytesMut) {
        write_display(out, self.code);
        out.put_u8(b' ');
        out.put_slice(self.agent.as_bytes());
        out.put_u8(b' ');
        name_addr::write_quoted(out, self.text.as_bytes());
    }
}
