//! Refer-To (RFC 3515 §2.1).

use super::name_addr::address_header;

address_header! {
    /// Whom the receiver of a REFER is asked to call.
    ReferTo, Single
}
