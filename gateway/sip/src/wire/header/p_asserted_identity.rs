//! P-Asserted-Identity (RFC 3325 §9.1).

use super::name_addr::address_header;

address_header! {
    /// Who a trusted network says is calling.
    PAssertedIdentity, List
}
