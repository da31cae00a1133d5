//! From and To (RFC 3261 §20.20, §20.39).

use super::name_addr::address_header;

address_header! {
    /// Who asks.
    From, Single
}
address_header! {
    /// Who is asked, by the first that asked.
    To, Single
}
