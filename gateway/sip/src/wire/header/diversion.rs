//! Diversion (RFC 5806).

use super::name_addr::address_header;
use crate::wire::Text;

address_header! {
    /// Who was called before the call went on to us; the latest first.
    Diversion, List
}

impl Diversion {
    /// Why it went on: `user-busy`, `no-answer`, `unconditional`, ...
    pub fn reason(&self) -> Option<Text> {
        self.0.params.get("reason")
    }
}
