//! Service-Route (RFC 3608).

use super::name_addr::address_header;

address_header! {
    /// A proxy that whoever has registered shall pass.
    ServiceRoute, List
}
