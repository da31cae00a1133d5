//! Path (RFC 3327).

use super::name_addr::address_header;

address_header! {
    /// A proxy between a registrar and whoever registers.
    Path, List
}
