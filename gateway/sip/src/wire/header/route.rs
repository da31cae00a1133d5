//! Route and Record-Route (RFC 3261 §20.34, §20.30).

use super::name_addr::address_header;

address_header! {
    /// A proxy that the request shall pass.
    Route, List
}
address_header! {
    /// A proxy that wants to be passed from now on.
    RecordRoute, List
}
