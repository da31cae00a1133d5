//! P-Preferred-Identity (RFC 3325 §9.2), also spelt with underscores by some room systems.

use super::name_addr::address_header;

address_header! {
    /// Who a user says is calling, for a trusted network to confirm.
    PPreferredIdentity, List
}
