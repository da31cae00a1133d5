//! History-Info (RFC 7044).

use super::name_addr::address_header;
use crate::wire::Text;

address_header! {
    /// A target that the request had; the first one first.
    HistoryInfo, List
}

impl HistoryInfo {
    /// Where it stands among the others: `1`, `1.1`, ...
    pub fn index(&self) -> Option<Text> {
        self.0.params.get("index")
    }
}
